package spec

import (
	"regexp"
	"strings"
)

var asn1Definition = regexp.MustCompile(`(?m)^\s*([A-Za-z][A-Za-z0-9-]*)(?:\s*\{[^{}\n]*\})?(?:\s+[A-Z][A-Za-z0-9-]*)?\s*::=`)

// isASN1 reports whether a block of code is ASN.1: it says so, stands between the
// marks of 3GPP, or defines a type or value.
func isASN1(language, text string) bool {
	switch strings.ToLower(language) {
	case "asn1", "asn.1", "asn":
		return true
	case "":
		return strings.Contains(text, "-- ASN1START") || strings.Contains(text, "DEFINITIONS AUTOMATIC TAGS ::=") ||
			strings.Contains(text, "::=") && asn1Definition.MatchString(text) && asn1Words.MatchString(text)
	}
	return false
}

// asn1Words keeps grammars in BNF out, which define with the same sign.
var asn1Words = regexp.MustCompile(`::=\s*(SEQUENCE|CHOICE|ENUMERATED|INTEGER|BIT STRING|OCTET STRING|BOOLEAN|NULL|SET|OBJECT)\b`)

// Definitions are the names that the block defines, in order.
func (a *ASN1) Definitions() []string {
	var names []string
	for _, m := range asn1Definition.FindAllStringSubmatch(a.Text, -1) {
		names = append(names, m[1])
	}
	return names
}
