package jinja

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// filters lists the filters that take values only.
var filters = map[string]filterFunc{
	"abs":        one(absolute),
	"capitalize": textFilter(capitalize),
	"count":      one(lengthOf),
	"d":          defaultFilter,
	"default":    defaultFilter,
	"dictsort":   dictSort,
	"first":      one(func(v any) (any, error) { return end(v, 0) }),
	"float":      floatFilter,
	"indent":     indentFilter,
	"int":        intFilter,
	"items":      one(func(v any) (any, error) { items, err := dictItems(v); return &list{items: items}, err }),
	"join":       joinFilter,
	"last":       one(func(v any) (any, error) { return end(v, -1) }),
	"length":     one(lengthOf),
	"list":       one(func(v any) (any, error) { items, err := iterate(v); return &list{items: items}, err }),
	"lower":      textFilter(strings.ToLower),
	"max":        extreme(true),
	"min":        extreme(false),
	"replace":    replaceFilter,
	"reverse":    reverse,
	"round":      roundFilter,
	"safe":       func(r *renderer, v any, _ args) (any, error) { return markup(r.str(v)), nil },
	"sort":       sortFilter,
	"string":     func(r *renderer, v any, _ args) (any, error) { s := r.str(v); return s, r.text(len(s)) },
	"sum":        sum,
	"title":      textFilter(title),
	"tojson":     toJSON,
	"trim":       trim,
	"unique":     uniqueFilter,
	"upper":      textFilter(strings.ToUpper),
}

func lengthOf(v any) (any, error) { return length(v) }

func absolute(v any) (any, error) {
	if n, ok := asInt(v); ok {
		if n == math.MinInt64 {
			return nil, errOverflow
		}
		return max(n, -n), nil
	}
	f, ok := asFloat(v)
	if !ok {
		return nil, fmt.Errorf("%s is no number", typeName(v))
	}
	return math.Abs(f), nil
}

func end(v any, i int) (any, error) {
	items, err := iterate(v)
	if err != nil || len(items) == 0 {
		return undefined{"an element of an empty sequence"}, err
	}
	if i < 0 {
		i = len(items) - 1
	}
	return items[i], nil
}

func reverse(r *renderer, v any, _ args) (any, error) {
	items, err := iterate(v)
	if err != nil {
		return nil, err
	}
	items = slices.Clone(items)
	slices.Reverse(items)
	if _, ok := v.(string); ok {
		return r.joined(items, "")
	}
	return &list{items: items}, nil
}

func sum(r *renderer, v any, a args) (any, error) {
	items, err := iterate(v)
	if err != nil {
		return nil, err
	}
	total := a.take(1, "start", int64(0))
	for _, x := range items {
		if path := a.take(0, "attribute", nil); path != nil {
			if x, err = walk(x, path); err != nil {
				return nil, err
			}
		}
		if total, err = arithmetic("+", total, x); err != nil {
			return nil, err
		}
	}
	return total, nil
}

func capitalize(s string) string {
	for i, r := range s {
		if i == 0 {
			return string(unicode.ToTitle(r)) + strings.ToLower(s[len(string(r)):])
		}
	}
	return s
}

// title capitalises each word; words are runs between blanks and ( [ { < and -, as in
// Jinja's filter.
func title(s string) string {
	var b strings.Builder
	start := true
	for _, r := range s {
		switch {
		case unicode.IsSpace(r) || strings.ContainsRune("-({[<", r):
			start = true
			b.WriteRune(r)
		case start:
			start = false
			b.WriteRune(unicode.ToTitle(r))
		default:
			b.WriteRune(unicode.ToLower(r))
		}
	}
	return b.String()
}

// A testFunc decides about a value.
type testFunc func(r *renderer, v any, a args) (bool, error)

// tests lists the tests: what can stand behind "is".
var tests = map[string]testFunc{
	"boolean":   is(func(v any) bool { _, ok := v.(bool); return ok }),
	"callable":  is(func(v any) bool { return typeName(v) == "function" }),
	"defined":   is(func(v any) bool { _, none := v.(undefined); return !none }),
	"undefined": is(func(v any) bool { _, none := v.(undefined); return none }),
	"none":      is(func(v any) bool { return v == nil }),
	"true":      is(func(v any) bool { return v == true }),
	"false":     is(func(v any) bool { return v == false }),
	"integer":   is(func(v any) bool { _, ok := v.(int64); return ok }),
	"float":     is(func(v any) bool { _, ok := v.(float64); return ok }),
	"number":    is(func(v any) bool { _, ok := asFloat(v); return ok }),
	"string":    is(func(v any) bool { _, ok := v.(string); return ok }),
	"mapping":   is(func(v any) bool { _, ok := v.(*Dict); return ok }),
	"iterable":  is(func(v any) bool { _, err := iterate(v); return err == nil }),
	"sequence":  is(func(v any) bool { _, err := length(v); return err == nil }),
	"lower":     is(func(v any) bool { s, ok := v.(string); return ok && s == strings.ToLower(s) && s != strings.ToUpper(s) }),
	"upper":     is(func(v any) bool { s, ok := v.(string); return ok && s == strings.ToUpper(s) && s != strings.ToLower(s) }),
	"odd":       func(r *renderer, v any, _ args) (bool, error) { return divides(v, 2, 1) },
	"even":      func(r *renderer, v any, _ args) (bool, error) { return divides(v, 2, 0) },
	"divisibleby": func(r *renderer, v any, a args) (bool, error) {
		n, ok := asInt(a.take(0, "num", nil))
		if !ok || n == 0 {
			return false, errors.New("divisibleby needs a whole number that is not 0")
		}
		return divides(v, n, 0)
	},
	"eq": compares("=="), "equalto": compares("=="), "sameas": same,
	"ne": compares("!="), "lt": compares("<"), "lessthan": compares("<"), "le": compares("<="),
	"gt": compares(">"), "greaterthan": compares(">"), "ge": compares(">="), "in": compares("in"),
}

func is(f func(v any) bool) testFunc {
	return func(r *renderer, v any, a args) (bool, error) {
		if len(a.list)+len(a.named) > 0 {
			return false, errors.New("the test takes no arguments")
		}
		return f(v), nil
	}
}

func compares(op string) testFunc {
	return func(r *renderer, v any, a args) (bool, error) {
		if len(a.list) != 1 {
			return false, errors.New("the test needs one value to compare with")
		}
		return comparison(r, op, v, a.list[0])
	}
}

func same(r *renderer, v any, a args) (bool, error) {
	if len(a.list) != 1 {
		return false, errors.New("the test needs one value to compare with")
	}
	return typeName(v) == typeName(a.list[0]) && r.equal(v, a.list[0]), nil
}

func divides(v any, by, rest int64) (bool, error) {
	n, ok := asInt(v)
	if !ok {
		return false, fmt.Errorf("%s is no whole number", typeName(v))
	}
	return ((n%by)+by)%by == rest, nil
}

func (r *renderer) test(x *testExpr, s *scope) (any, error) {
	v, err := r.eval(x.x, s)
	if err != nil {
		return nil, err
	}
	a, err := r.args(x.args, s)
	if err != nil {
		return nil, err
	}
	if err := r.step(weight(v)); err != nil {
		return nil, err
	}
	ok, err := tests[x.name](r, v, a)
	if err != nil {
		return nil, fmt.Errorf("test %s: %w", x.name, err)
	}
	return ok != x.not, nil
}

// maxRange is the longest range, that of Jinja's sandbox.
const maxRange = 100000

// globalFunctions are there in every template.
var globalFunctions = map[string]function{
	"range": rangeOf,
	"namespace": func(r *renderer, a args) (any, error) {
		d, err := newDict(r, a)
		if err != nil {
			return nil, err
		}
		vars, _ := d.(*Dict)
		return &namespace{vars}, nil
	},
	"dict": newDict,
	"raise_exception": func(r *renderer, a args) (any, error) {
		return nil, &RaisedError{r.str(a.take(0, "message", ""))}
	},
}

func newDict(r *renderer, a args) (any, error) {
	d := NewDict()
	switch from := a.take(0, "", nil).(type) {
	case nil:
	case *Dict:
		for _, k := range from.keys {
			d.Set(k, from.values[k])
		}
	default:
		return nil, fmt.Errorf("a dictionary cannot be made of %s", typeName(from))
	}
	var names []string
	for name := range a.named {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		d.Set(name, a.named[name])
	}
	return d, nil
}

func rangeOf(r *renderer, a args) (any, error) {
	low, high, step := int64(0), int64(0), int64(1)
	var to []*int64
	switch len(a.list) {
	case 1:
		to = []*int64{&high}
	case 2, 3:
		to = []*int64{&low, &high, &step}[:len(a.list)]
	default:
		return nil, errors.New("range needs one to three whole numbers")
	}
	for i, p := range to {
		n, ok := asInt(a.list[i])
		if !ok || n > 1<<62 || n < -1<<62 {
			return nil, errors.New("range needs whole numbers")
		}
		*p = n
	}
	if step == 0 {
		return nil, errors.New("the step of range is 0")
	}
	n := (high - low) / step
	if n > maxRange {
		return nil, &BudgetError{"elements of a range", maxRange}
	}
	if err := r.step(int(max(n, 0))); err != nil {
		return nil, err
	}
	l := &list{}
	for i := low; step > 0 && i < high || step < 0 && i > high; i += step {
		l.items = append(l.items, i)
	}
	return l, nil
}

// toJSON writes a value as Python's json.dumps does with ensure_ascii off, the way
// transformers sets tojson up.
func toJSON(r *renderer, v any, a args) (any, error) {
	j := jsonWriter{r: r, item: ", ", key: ": "}
	if n, ok := asInt(a.take(-1, "indent", a.take(0, "indent", nil))); ok {
		if n < 0 || n > 100 {
			return nil, errors.New("the indent must be 0 to 100")
		}
		j.indent, j.pretty, j.item = int(n), true, ","
	}
	for name := range a.named {
		if name != "indent" && name != "ensure_ascii" && name != "sort_keys" && name != "separators" {
			return nil, fmt.Errorf("the argument %q is not supported", name)
		}
	}
	if truth(a.named["ensure_ascii"]) {
		return nil, errors.New("ensure_ascii is not supported")
	}
	j.sorted = truth(a.named["sort_keys"])
	if l, ok := a.named["separators"].(*list); ok && len(l.items) == 2 {
		j.item, j.key = r.str(l.items[0]), r.str(l.items[1])
	}
	if err := j.write(v, 0); err != nil {
		return nil, err
	}
	return j.b.String(), nil
}

type jsonWriter struct {
	r         *renderer
	b         strings.Builder
	indent    int
	pretty    bool
	sorted    bool
	item, key string
}

func (j *jsonWriter) write(v any, depth int) error {
	if depth > maxNesting {
		return fmt.Errorf("a value is nested more than %d deep", maxNesting)
	}
	n := j.b.Len()
	switch v := v.(type) {
	case nil:
		j.b.WriteString("null")
	case bool:
		j.b.WriteString(strconv.FormatBool(v))
	case int64:
		j.b.WriteString(strconv.FormatInt(v, 10))
	case float64:
		j.b.WriteString(jsonFloat(v))
	case string:
		j.str(v)
	case *list:
		checkList(v)
		return j.many('[', ']', len(v.items), depth, func(i int) error { return j.write(v.items[i], depth+1) })
	case *Dict:
		keys := v.keys
		if j.sorted {
			keys = slices.Sorted(slices.Values(keys))
		}
		return j.many('{', '}', len(keys), depth, func(i int) error {
			j.str(keys[i])
			j.b.WriteString(j.key)
			return j.write(v.values[keys[i]], depth+1)
		})
	default:
		return fmt.Errorf("%s cannot be written as JSON", typeName(v))
	}
	return j.r.text(j.b.Len() - n)
}

func jsonFloat(f float64) string {
	switch {
	case math.IsNaN(f):
		return "NaN"
	case math.IsInf(f, 0):
		return strings.TrimPrefix(strconv.FormatFloat(f, 'g', -1, 64), "+") + "inity"
	}
	return pythonFloat(f)
}

func (j *jsonWriter) many(open, end byte, n, depth int, item func(i int) error) error {
	j.b.WriteByte(open)
	for i := range n {
		if err := j.r.step(0); err != nil {
			return err
		}
		if i > 0 {
			j.b.WriteString(j.item)
		}
		if err := j.newline(depth + 1); err != nil {
			return err
		}
		if err := item(i); err != nil {
			return err
		}
	}
	if n > 0 {
		if err := j.newline(depth); err != nil {
			return err
		}
	}
	j.b.WriteByte(end)
	return nil
}

func (j *jsonWriter) newline(depth int) error {
	if !j.pretty {
		return nil
	}
	j.b.WriteByte('\n')
	j.b.WriteString(strings.Repeat(" ", depth*j.indent))
	return j.r.text(1 + depth*j.indent)
}

func (j *jsonWriter) str(s string) {
	j.b.WriteByte('"')
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			j.b.WriteByte('\\')
			j.b.WriteByte(c)
		case c >= ' ':
			j.b.WriteByte(c)
		case c == '\n':
			j.b.WriteString(`\n`)
		case c == '\r':
			j.b.WriteString(`\r`)
		case c == '\t':
			j.b.WriteString(`\t`)
		case c == '\b':
			j.b.WriteString(`\b`)
		case c == '\f':
			j.b.WriteString(`\f`)
		default:
			fmt.Fprintf(&j.b, `\u%04x`, c)
		}
	}
	j.b.WriteByte('"')
}
