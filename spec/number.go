package spec

import (
	"regexp"
	"strings"
)

// A heading's number: 5, 7.4.1, 6.1.1.1A, 5.2a, A.2. A single number has at most
// three digits, so that a year is none; a letter alone is a number after "Annex"
// only.
var (
	clauseNumber = regexp.MustCompile(`^(?:§ ?|[Cc]lause |[Ss]ection )?((?:\d{1,3}[A-Za-z]?|[A-Z])(?:\.\d{1,4}[A-Za-z]{0,2})+|\d{1,3}[A-Z]?)\.?(?: +| *$)`)
	annexNumber  = regexp.MustCompile(`^(?:Annex|ANNEX|Appendix|APPENDIX) +([A-Z]{1,2}|\d{1,2})\b(?: *(\((?:informative|normative)\)))?[ .:–-]*`)
)

// splitNumber takes the number off a heading.
func splitNumber(title Text) (number string, rest Text) {
	if len(title) == 0 || title[0].Kind != Plain {
		return "", title
	}
	first := title[0].Text
	if m := annexNumber.FindStringSubmatch(first); m != nil {
		rest := append(Text{{Text: first[len(m[0]):]}}, title[1:]...)
		if m[2] != "" {
			rest = append(rest, Span{Text: " " + m[2]})
		}
		return m[1], rest.clean()
	}
	m := clauseNumber.FindStringSubmatch(first)
	if m == nil {
		return "", title
	}
	return m[1], append(Text{{Text: first[len(m[0]):]}}, title[1:]...).clean()
}

// heading is the inverse: the text of a heading with its number.
func heading(number string, title Text) Text {
	switch {
	case number == "":
		return title
	case isAnnex(number):
		return append(Text{{Text: "Annex " + number + ": "}}, title...).clean()
	}
	return append(Text{{Text: number + " "}}, title...).clean()
}

// isAnnex reports whether a number is that of a whole annex.
func isAnnex(number string) bool {
	return number != "" && number[0] >= 'A' && number[0] <= 'Z' && !strings.Contains(number, ".")
}

// isBelow reports whether a clause of number child belongs into that of number
// parent.
func isBelow(child, parent string) bool {
	return parent != "" && strings.HasPrefix(child, parent+".")
}
