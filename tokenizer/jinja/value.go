package jinja

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Values are nil, bool, int64, float64, string, undefined, *list, *Dict, *namespace,
// *macro, *loopVars and function.

// undefined is what a name without a value has.
type undefined struct{ name string }

type list struct {
	items []any
	tuple bool
	lazy  bool // what map, select and their kin give: a sequence to go through, or to make a list of
}

// markup is text that the filter safe has marked: what is added to it is escaped as
// HTML. Templates do not mean that, but it is what their models have seen.
type markup string

var escaper = strings.NewReplacer("&", "&amp;", ">", "&gt;", "<", "&lt;", "'", "&#39;", `"`, "&#34;")

// asMarkup escapes a value unless it is marked.
func (r *renderer) asMarkup(v any) markup {
	if m, ok := v.(markup); ok {
		return m
	}
	s := r.str(v)
	r.mustText(6 * len(s))
	return markup(escaper.Replace(s))
}

// A wrongUse of a lazy sequence ends in Render.
func checkList(l *list) {
	if l.lazy {
		panic(errLazy)
	}
}

var errLazy = errors.New("a sequence that map, select, reject or unique gave is used as a list; add the filter list")

// A Dict is a dictionary that keeps the order of its keys.
type Dict struct {
	keys   []string
	values map[string]any
}

// NewDict makes an empty dictionary.
func NewDict() *Dict { return &Dict{values: map[string]any{}} }

// Set gives a key its value.
func (d *Dict) Set(key string, value any) {
	if _, ok := d.values[key]; !ok {
		d.keys = append(d.keys, key)
	}
	d.values[key] = value
}

type namespace struct{ vars *Dict }

// A function is called with evaluated arguments.
type function func(r *renderer, a args) (any, error)

// args are evaluated arguments.
type args struct {
	list  []any
	named map[string]any
}

// maxNesting is how deep given values may be nested.
const maxNesting = 100

// fromGo turns what a caller gives into values.
func fromGo(v any, depth int) (any, error) {
	if depth > maxNesting {
		return nil, fmt.Errorf("it is nested more than %d deep", maxNesting)
	}
	switch v := v.(type) {
	case nil, bool, int64, float64, string, function:
		return v, nil
	case int:
		return int64(v), nil
	case []any:
		l := &list{}
		for _, x := range v {
			y, err := fromGo(x, depth+1)
			if err != nil {
				return nil, err
			}
			l.items = append(l.items, y)
		}
		return l, nil
	case map[string]any:
		d := NewDict()
		for _, k := range slices.Sorted(maps.Keys(v)) {
			d.Set(k, v[k])
		}
		return fromGo(d, depth)
	case *Dict:
		d := NewDict()
		for _, k := range v.keys {
			y, err := fromGo(v.values[k], depth+1)
			if err != nil {
				return nil, err
			}
			d.Set(k, y)
		}
		return d, nil
	}
	return nil, fmt.Errorf("a value of type %T is not supported", v)
}

// typeName names the type of a value as Python does.
func typeName(v any) string {
	switch v := v.(type) {
	case nil:
		return "None"
	case bool:
		return "bool"
	case int64:
		return "int"
	case float64:
		return "float"
	case string:
		return "str"
	case markup:
		return "text from the filter safe"
	case undefined:
		return fmt.Sprintf("undefined (%q)", v.name)
	case *list:
		if v.tuple {
			return "tuple"
		}
		return "list"
	case *Dict:
		return "dict"
	case *namespace:
		return "namespace"
	case *loopVars:
		return "loop"
	}
	return "function"
}

func truth(v any) bool {
	switch v := v.(type) {
	case nil, undefined:
		return false
	case bool:
		return v
	case int64:
		return v != 0
	case float64:
		return v != 0
	case string:
		return v != ""
	case markup:
		return v != ""
	case *list:
		return len(v.items) > 0
	case *Dict:
		return len(v.keys) > 0
	}
	return true
}

// toString writes a value as Python's str does.
func (r *renderer) str(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case markup:
		return string(v)
	case undefined:
		return ""
	}
	var b strings.Builder
	r.writeRepr(&b, v)
	return b.String()
}

// deeper guards walks through nested values, which a template can make far larger
// than itself. The panic ends in Render.
func (r *renderer) deeper() func() {
	r.depth++
	if err := r.step(0); err != nil {
		panic(err)
	}
	if r.depth > maxNesting {
		panic(&BudgetError{"levels of nested values", maxNesting})
	}
	return func() { r.depth-- }
}

// mustText is text for such walks.
func (r *renderer) mustText(n int) {
	if err := r.text(n); err != nil {
		panic(err)
	}
}

// writeRepr writes a value as Python's repr does.
func (r *renderer) writeRepr(b *strings.Builder, v any) {
	defer r.deeper()()
	switch v := v.(type) {
	case nil:
		b.WriteString("None")
	case bool:
		b.WriteString(map[bool]string{true: "True", false: "False"}[v])
	case int64:
		b.WriteString(strconv.FormatInt(v, 10))
	case float64:
		b.WriteString(pythonFloat(v))
	case string:
		r.mustText(len(v))
		writeQuoted(b, v)
	case undefined:
		b.WriteString("Undefined")
	case *list:
		checkList(v)
		r.writeList(b, v)
	case *Dict:
		b.WriteByte('{')
		for i, k := range v.keys {
			if i > 0 {
				b.WriteString(", ")
			}
			r.mustText(len(k))
			writeQuoted(b, k)
			b.WriteString(": ")
			r.writeRepr(b, v.values[k])
		}
		b.WriteByte('}')
	default:
		b.WriteString("<" + typeName(v) + ">")
	}
}

func (r *renderer) writeList(b *strings.Builder, l *list) {
	open, end := "[", "]"
	if l.tuple {
		open, end = "(", ")"
		if len(l.items) == 1 {
			end = ",)"
		}
	}
	b.WriteString(open)
	for i, x := range l.items {
		if i > 0 {
			b.WriteString(", ")
		}
		r.writeRepr(b, x)
	}
	b.WriteString(end)
}

// pythonFloat writes the shortest number that reads back the same, as Python does.
func pythonFloat(f float64) string {
	switch {
	case math.IsNaN(f):
		return "nan"
	case math.IsInf(f, 0):
		return strings.TrimPrefix(strings.ToLower(strconv.FormatFloat(f, 'g', -1, 64)), "+")
	}
	if a := math.Abs(f); a != 0 && (a >= 1e16 || a < 1e-4) {
		return strconv.FormatFloat(f, 'e', -1, 64)
	}
	s := strconv.FormatFloat(f, 'f', -1, 64)
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return s
}

func writeQuoted(b *strings.Builder, s string) {
	quote := byte('\'')
	if strings.Contains(s, "'") && !strings.Contains(s, `"`) {
		quote = '"'
	}
	b.WriteByte(quote)
	for i, r := range s {
		switch {
		case r == rune(quote) || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case r == utf8.RuneError && !strings.HasPrefix(s[i:], "\uFFFD"):
			b.WriteByte(s[i])
		case r < ' ' || r == 0x7F:
			fmt.Fprintf(b, `\x%02x`, r)
		case r != ' ' && !unicode.IsPrint(r):
			writeEscape(b, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte(quote)
}

func writeEscape(b *strings.Builder, r rune) {
	switch {
	case r < 0x100:
		fmt.Fprintf(b, `\x%02x`, r)
	case r < 0x10000:
		fmt.Fprintf(b, `\u%04x`, r)
	default:
		fmt.Fprintf(b, `\U%08x`, r)
	}
}

// equal compares as Python's == does.
func (r *renderer) equal(a, b any) bool {
	defer r.deeper()()
	if x, ok := asFloat(a); ok {
		y, ok := asFloat(b)
		i, both := a.(int64)
		j, ints := b.(int64)
		if both && ints {
			return i == j
		}
		return ok && x == y
	}
	switch a := a.(type) {
	case nil:
		return b == nil
	case undefined:
		_, ok := b.(undefined)
		return ok
	case string:
		s, ok := b.(string)
		return ok && a == s
	case *list:
		l, ok := b.(*list)
		return ok && a.tuple == l.tuple && slices.EqualFunc(a.items, l.items, r.equal)
	case *Dict:
		d, ok := b.(*Dict)
		return ok && maps.EqualFunc(a.values, d.values, r.equal)
	case *namespace:
		return a == b
	case *macro:
		return a == b
	}
	return false
}

// asFloat reads a number; true and false are 1 and 0 as in Python.
func asFloat(v any) (float64, bool) {
	switch v := v.(type) {
	case bool:
		if v {
			return 1, true
		}
		return 0, true
	case int64:
		return float64(v), true
	case float64:
		return v, true
	}
	return 0, false
}

func asInt(v any) (int64, bool) {
	switch v := v.(type) {
	case bool:
		if v {
			return 1, true
		}
		return 0, true
	case int64:
		return v, true
	}
	return 0, false
}

// less compares numbers, texts and lists.
func (r *renderer) less(a, b any) (bool, error) {
	defer r.deeper()()
	if i, ok := asInt(a); ok {
		if j, ok := asInt(b); ok {
			return i < j, nil
		}
	}
	x, ok1 := asFloat(a)
	y, ok2 := asFloat(b)
	if ok1 && ok2 {
		return x < y, nil
	}
	s, ok1 := a.(string)
	t, ok2 := b.(string)
	if ok1 && ok2 {
		return s < t, nil
	}
	l, ok1 := a.(*list)
	m, ok2 := b.(*list)
	if ok1 && ok2 {
		for i := range min(len(l.items), len(m.items)) {
			if !r.equal(l.items[i], m.items[i]) {
				return r.less(l.items[i], m.items[i])
			}
		}
		return len(l.items) < len(m.items), nil
	}
	return false, fmt.Errorf("%s and %s have no order", typeName(a), typeName(b))
}

// iterate lists the elements of a value: keys of a dictionary, characters of a text.
func iterate(v any) ([]any, error) {
	switch v := v.(type) {
	case *list:
		return v.items, nil
	case *Dict:
		items := make([]any, len(v.keys))
		for i, k := range v.keys {
			items[i] = k
		}
		return items, nil
	case string:
		items := make([]any, 0, len(v))
		for len(v) > 0 {
			_, n := utf8.DecodeRuneInString(v)
			items = append(items, v[:n])
			v = v[n:]
		}
		return items, nil
	case undefined:
		return nil, nil
	}
	return nil, fmt.Errorf("%s is no sequence", typeName(v))
}

// length counts elements; of a text, characters.
func length(v any) (int64, error) {
	switch v := v.(type) {
	case *list:
		checkList(v)
		return int64(len(v.items)), nil
	case *Dict:
		return int64(len(v.keys)), nil
	case string:
		return int64(utf8.RuneCountInString(v)), nil
	case undefined:
		return 0, nil
	}
	return 0, fmt.Errorf("%s has no length", typeName(v))
}
