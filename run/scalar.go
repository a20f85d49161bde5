package run

import (
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// setScalar stores the scalar n in v if it is written as v's type is; otherwise it
// says why not and what would do. Nothing is converted: 1.0 is not a whole number,
// "5" is not a number, yes is not true.
func setScalar(n *yaml.Node, v reflect.Value) (why, hint string) {
	switch v.Kind() {
	case reflect.String:
		if n.Tag != "!!str" {
			return fmt.Sprintf("%s is read as %s, not as text", describe(n), tagName(n.Tag)), fmt.Sprintf("put it in quotes: %q", n.Value)
		}
		v.SetString(n.Value)
	case reflect.Bool:
		if n.Tag != "!!bool" || n.Value != "true" && n.Value != "false" {
			return describe(n) + " is not a yes or no", "write true or false"
		}
		v.SetBool(n.Value == "true")
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return setInt(n, v)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return setUint(n, v)
	case reflect.Float32, reflect.Float64:
		return setFloat(n, v)
	default:
		return fmt.Sprintf("a setting of type %s cannot be read", v.Type()), "this is a bug in comlam; please report it"
	}
	return "", ""
}

func setInt(n *yaml.Node, v reflect.Value) (why, hint string) {
	text, why, hint := wholeNumber(n)
	if why != "" {
		return why, hint
	}
	i, err := strconv.ParseInt(text, 10, v.Type().Bits())
	if err != nil {
		largest := int64(math.MaxInt64) >> (64 - v.Type().Bits())
		return describe(n) + " is too large a number", fmt.Sprintf("use %d to %d", -largest-1, largest)
	}
	v.SetInt(i)
	return "", ""
}

func setUint(n *yaml.Node, v reflect.Value) (why, hint string) {
	text, why, hint := wholeNumber(n)
	if why != "" {
		return why, hint
	}
	largest := uint64(math.MaxUint64) >> (64 - v.Type().Bits())
	u, err := strconv.ParseUint(text, 10, v.Type().Bits())
	if err != nil {
		return describe(n) + " is out of range", fmt.Sprintf("use 0 to %d", largest)
	}
	v.SetUint(u)
	return "", ""
}

// wholeNumber returns the digits of a decimal number; 100_000 may be grouped.
func wholeNumber(n *yaml.Node) (text, why, hint string) {
	text = strings.TrimPrefix(strings.ReplaceAll(n.Value, "_", ""), "+")
	digits := strings.TrimPrefix(text, "-")
	decimal := digits != "" && strings.Trim(digits, "0123456789") == ""
	switch {
	case n.Tag == "!!str" && decimal:
		return "", describe(n) + " is text, not a whole number", "write it without quotes"
	case n.Tag == "!!float" && !decimal || n.Tag != "!!int" && n.Tag != "!!float":
		hint = "write it like 1000"
		if f, err := strconv.ParseFloat(text, 64); err == nil && f == math.Trunc(f) && math.Abs(f) < 1<<53 {
			hint = fmt.Sprintf("write it like %.0f", f)
		}
		return "", describe(n) + " is not a whole number", hint
	case !decimal || len(digits) > 1 && digits[0] == '0':
		return "", describe(n) + " is not a decimal number", "write it without a prefix or leading zeros, like 1000"
	}
	return text, "", ""
}

func setFloat(n *yaml.Node, v reflect.Value) (why, hint string) {
	f, err := strconv.ParseFloat(strings.ReplaceAll(n.Value, "_", ""), v.Type().Bits())
	switch {
	case math.IsInf(f, 0) || math.IsNaN(f) || err != nil && n.Tag == "!!float":
		return describe(n) + " is not a finite number", "write it like 0.5 or 1e-3"
	case n.Tag == "!!str" && err == nil:
		return describe(n) + " is text, not a number", "write it without quotes"
	case n.Tag != "!!int" && n.Tag != "!!float" || err != nil:
		return describe(n) + " is not a number", "write it like 0.5 or 1e-3"
	}
	v.SetFloat(f)
	return "", ""
}

// tagName says in words what YAML takes a scalar for.
func tagName(tag string) string {
	switch tag {
	case "!!int", "!!float":
		return "a number"
	case "!!bool":
		return "a yes or no"
	case "!!timestamp":
		return "a date"
	}
	return "something else"
}

// kindName says in words what v takes.
func kindName(v reflect.Value) string {
	switch v.Kind() {
	case reflect.String:
		return "a word"
	case reflect.Bool:
		return "true or false"
	case reflect.Float32, reflect.Float64:
		return "a number"
	}
	return "a whole number"
}
