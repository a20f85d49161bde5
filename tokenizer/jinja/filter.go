package jinja

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// A filterFunc changes a value.
type filterFunc func(r *renderer, v any, a args) (any, error)

// namedFilters take the names of tests, filters and attributes and are run by filter.
var namedFilters = []string{"map", "select", "reject", "selectattr", "rejectattr"}

// one makes a filter of a function of one value.
func one(f func(v any) (any, error)) filterFunc {
	return func(r *renderer, v any, a args) (any, error) {
		if len(a.list)+len(a.named) > 0 {
			return nil, errors.New("the filter takes no arguments")
		}
		return f(v)
	}
}

// textFilter makes a filter of a function of a text.
func textFilter(f func(string) string) filterFunc {
	return func(r *renderer, v any, _ args) (any, error) {
		s := r.str(v)
		return f(s), r.text(2 * len(s))
	}
}

// take returns the argument at a place or with a name; otherwise if there is none.
func (a args) take(i int, name string, otherwise any) any {
	if i >= 0 && i < len(a.list) {
		return a.list[i]
	}
	if v, ok := a.named[name]; ok {
		return v
	}
	return otherwise
}

// filter runs a filter.
func (r *renderer) filter(f *filterCall, v any, s *scope) (any, error) {
	a, err := r.args(f.args, s)
	if err != nil {
		return nil, err
	}
	if err := r.step(weight(v)); err != nil {
		return nil, err
	}
	var out any
	switch f.name {
	case "map":
		out, err = r.mapped(v, a)
	case "select", "reject", "selectattr", "rejectattr":
		out, err = r.selected(f.name, v, a)
	default:
		out, err = filters[f.name](r, v, a)
	}
	if err != nil {
		err = wrapFilter(f.name, err)
	}
	return out, err
}

func wrapFilter(name string, err error) error {
	var b *BudgetError
	var e *Error
	if errors.As(err, &b) || errors.As(err, &e) {
		return err
	}
	return fmt.Errorf("filter %s: %w", name, err)
}

// orNone lists the elements of a value; none, 0 and the like have none.
func orNone(v any) ([]any, error) {
	if !truth(v) {
		return nil, nil
	}
	return iterate(v)
}

// mapped is map(attribute="a.b", default=...) or map("filter", ...).
func (r *renderer) mapped(v any, a args) (any, error) {
	items, err := orNone(v)
	if err != nil {
		return nil, err
	}
	out := &list{lazy: true}
	path, byAttribute := a.named["attribute"]
	for _, x := range items {
		var y any
		if byAttribute {
			if y, err = walk(x, path); err == nil {
				if _, none := y.(undefined); none {
					y = a.take(-1, "default", y)
				}
			}
		} else {
			y, err = r.applied(x, a)
		}
		if err != nil {
			return nil, err
		}
		out.items = append(out.items, y)
	}
	return out, nil
}

// applied runs the filter that the first argument names.
func (r *renderer) applied(x any, a args) (any, error) {
	if len(a.list) == 0 {
		return nil, errors.New("it needs the name of a filter or attribute=")
	}
	name, _ := a.list[0].(string)
	f := filters[name]
	if f == nil {
		return nil, fmt.Errorf("the filter %q is not supported", r.str(a.list[0]))
	}
	if err := r.step(weight(x)); err != nil {
		return nil, err
	}
	return f(r, x, args{a.list[1:], a.named})
}

// walk follows a path of attributes such as "function.name".
func walk(x, path any) (any, error) {
	if n, ok := asInt(path); ok {
		return index(x, n)
	}
	text, ok := path.(string)
	if !ok {
		return nil, fmt.Errorf("the attribute is %s and no name", typeName(path))
	}
	for _, name := range strings.Split(text, ".") {
		var key any = name
		if n, err := strconv.ParseInt(name, 10, 64); err == nil {
			key = n
		}
		var err error
		if x, err = index(x, key); err != nil {
			return nil, err
		}
	}
	return x, nil
}

// selected is select, reject, selectattr and rejectattr.
func (r *renderer) selected(name string, v any, a args) (any, error) {
	items, err := orNone(v)
	if err != nil {
		return nil, err
	}
	rest := a.list
	var path any
	if strings.HasSuffix(name, "attr") {
		if len(rest) == 0 {
			return nil, errors.New("it needs the name of an attribute")
		}
		path, rest = rest[0], rest[1:]
	}
	out := &list{lazy: true}
	for _, x := range items {
		y := x
		if path != nil {
			if y, err = walk(x, path); err != nil {
				return nil, err
			}
		}
		ok := truth(y)
		if len(rest) > 0 {
			if ok, err = r.tested(rest[0], y, args{rest[1:], a.named}); err != nil {
				return nil, err
			}
		}
		if ok == strings.HasPrefix(name, "select") {
			out.items = append(out.items, x)
		}
	}
	return out, nil
}

func (r *renderer) tested(name, v any, a args) (bool, error) {
	text, _ := name.(string)
	t := tests[text]
	if t == nil {
		return false, fmt.Errorf("the test %q is not supported", r.str(name))
	}
	if err := r.step(weight(v)); err != nil {
		return false, err
	}
	return t(r, v, a)
}

func trim(r *renderer, v any, a args) (any, error) {
	s := r.str(v)
	if chars, ok := a.take(0, "chars", nil).(string); ok {
		return strings.Trim(s, chars), nil
	}
	return strings.TrimFunc(s, unicode.IsSpace), nil
}

func defaultFilter(r *renderer, v any, a args) (any, error) {
	_, none := v.(undefined)
	if none || truth(a.take(1, "boolean", false)) && !truth(v) {
		return a.take(0, "default_value", ""), nil
	}
	return v, nil
}

func joinFilter(r *renderer, v any, a args) (any, error) {
	items, err := iterate(v)
	if err != nil {
		return nil, err
	}
	if path := a.take(1, "attribute", nil); path != nil {
		items = slices.Clone(items)
		for i, x := range items {
			if items[i], err = walk(x, path); err != nil {
				return nil, err
			}
		}
	}
	return r.joined(items, r.str(a.take(0, "d", "")))
}

func replaceFilter(r *renderer, v any, a args) (any, error) {
	old, isOld := a.take(0, "old", nil).(string)
	new, isNew := a.take(1, "new", nil).(string)
	if !isOld || !isNew {
		return nil, errors.New("it needs two strings")
	}
	count, ok := asInt(a.take(2, "count", int64(-1)))
	if !ok {
		count = -1
	}
	return replace(r, r.str(v), old, new, count)
}

func replace(r *renderer, s, old, new string, count int64) (any, error) {
	n := strings.Count(s, old)
	if count >= 0 {
		n = int(min(int64(n), count))
	}
	if err := r.text(len(s) + n*len(new)); err != nil {
		return nil, err
	}
	return strings.Replace(s, old, new, n), nil
}

func indentFilter(r *renderer, v any, a args) (any, error) {
	prefix, ok := a.take(0, "width", int64(4)).(string)
	if n, isInt := asInt(a.take(0, "width", int64(4))); isInt && n >= 0 && n <= 1000 {
		prefix, ok = strings.Repeat(" ", int(n)), true
	}
	if !ok {
		return nil, errors.New("the width is no number up to 1000 and no string")
	}
	lines := strings.Split(r.str(v), "\n")
	n := 0
	for i, line := range lines {
		blank := line == "" && !truth(a.take(2, "blank", false))
		if i == 0 && !truth(a.take(1, "first", false)) || i > 0 && blank {
			n += len(line) + 1
			continue
		}
		n += len(prefix) + len(line) + 1
		if n < 1<<30 {
			lines[i] = prefix + line
		}
		if err := r.text(len(prefix)); err != nil {
			return nil, err
		}
	}
	if err := r.text(n); err != nil {
		return nil, err
	}
	return strings.Join(lines, "\n"), nil
}

func intFilter(r *renderer, v any, a args) (any, error) {
	otherwise := a.take(0, "default", int64(0))
	switch v := v.(type) {
	case float64:
		if math.Abs(v) < 1<<63 {
			return int64(v), nil
		}
	case string:
		s := strings.TrimSpace(v)
		if n, err := strconv.ParseInt(s, 10, 64); err == nil {
			return n, nil
		}
		if f, err := strconv.ParseFloat(s, 64); err == nil && math.Abs(f) < 1<<63 {
			return int64(f), nil
		}
	}
	if n, ok := asInt(v); ok {
		return n, nil
	}
	return otherwise, nil
}

func floatFilter(r *renderer, v any, a args) (any, error) {
	if f, ok := asFloat(v); ok {
		return f, nil
	}
	if s, ok := v.(string); ok {
		if f, err := strconv.ParseFloat(strings.TrimSpace(s), 64); err == nil {
			return f, nil
		}
	}
	return a.take(0, "default", 0.0), nil
}

func roundFilter(r *renderer, v any, a args) (any, error) {
	f, ok := asFloat(v)
	digits, isInt := asInt(a.take(0, "precision", int64(0)))
	if !ok || !isInt || digits < -15 || digits > 15 {
		return nil, errors.New("it needs a number, and a precision of -15 to 15")
	}
	scale := math.Pow(10, float64(digits))
	switch method := r.str(a.take(1, "method", "common")); method {
	case "common":
		s := strconv.FormatFloat(f, 'f', int(max(digits, 0)), 64)
		if digits < 0 {
			return math.RoundToEven(f*scale) / scale, nil
		}
		return strconv.ParseFloat(s, 64)
	case "ceil":
		return math.Ceil(f*scale) / scale, nil
	case "floor":
		return math.Floor(f*scale) / scale, nil
	}
	return nil, errors.New("the method must be common, ceil or floor")
}

// sortKey is what sort and its kin compare: texts without case unless told so.
func sortKey(r *renderer, x any, a args, i int) (any, error) {
	if path := a.take(-1, "attribute", nil); path != nil {
		var err error
		if x, err = walk(x, path); err != nil {
			return nil, err
		}
	}
	if s, ok := x.(string); ok && !truth(a.take(i, "case_sensitive", false)) {
		return strings.ToLower(s), nil
	}
	return x, nil
}

type keyed struct{ key, value any }

func keyedItems(r *renderer, v any, a args, i int) ([]keyed, error) {
	items, err := iterate(v)
	if err != nil {
		return nil, err
	}
	out := make([]keyed, len(items))
	for j, x := range items {
		key, err := sortKey(r, x, a, i)
		if err != nil {
			return nil, err
		}
		out[j] = keyed{key, x}
	}
	return out, nil
}

func sortKeyed(r *renderer, list []keyed) (err error) {
	slices.SortStableFunc(list, func(x, y keyed) int {
		first, e1 := r.less(x.key, y.key)
		second, e2 := r.less(y.key, x.key)
		err = cmp.Or(err, e1, e2)
		switch {
		case first:
			return -1
		case second:
			return 1
		}
		return 0
	})
	return err
}

func sortFilter(r *renderer, v any, a args) (any, error) {
	items, err := keyedItems(r, v, a, 1)
	if err != nil {
		return nil, err
	}
	if err := r.step(20 * len(items)); err != nil {
		return nil, err
	}
	if err := sortKeyed(r, items); err != nil {
		return nil, err
	}
	if truth(a.take(0, "reverse", false)) {
		slices.Reverse(items)
	}
	return valuesOf(items), nil
}

func valuesOf(items []keyed) *list {
	out := &list{}
	for _, x := range items {
		out.items = append(out.items, x.value)
	}
	return out
}

func uniqueFilter(r *renderer, v any, a args) (any, error) {
	items, err := keyedItems(r, v, a, 0)
	if err != nil {
		return nil, err
	}
	var kept []keyed
	for _, x := range items {
		if err := r.step(len(kept)); err != nil {
			return nil, err
		}
		if !slices.ContainsFunc(kept, func(y keyed) bool { return r.equal(x.key, y.key) }) {
			kept = append(kept, x)
		}
	}
	out := valuesOf(kept)
	out.lazy = true
	return out, nil
}

// extreme is min and max.
func extreme(reverse bool) filterFunc {
	return func(r *renderer, v any, a args) (any, error) {
		items, err := keyedItems(r, v, a, 0)
		if err != nil {
			return nil, err
		}
		if len(items) == 0 {
			return undefined{"the extreme of an empty sequence"}, nil
		}
		best := items[0]
		for _, x := range items[1:] {
			before, err := r.less(x.key, best.key)
			if reverse {
				before, err = r.less(best.key, x.key)
			}
			if err != nil {
				return nil, err
			}
			if before {
				best = x
			}
		}
		return best.value, nil
	}
}

func dictItems(v any) ([]any, error) {
	switch v := v.(type) {
	case undefined:
		return nil, nil
	case *Dict:
		var items []any
		for _, k := range v.keys {
			items = append(items, &list{items: []any{k, v.values[k]}, tuple: true})
		}
		return items, nil
	}
	return nil, fmt.Errorf("%s is no dictionary", typeName(v))
}

func dictSort(r *renderer, v any, a args) (any, error) {
	items, err := dictItems(v)
	if err != nil {
		return nil, err
	}
	place := 0
	if r.str(a.take(1, "by", "key")) == "value" {
		place = 1
	}
	list := make([]keyed, len(items))
	for i, x := range items {
		pair, err := iterate(x)
		if err != nil {
			return nil, err
		}
		key, err := sortKey(r, pair[place], a, 0)
		if err != nil {
			return nil, err
		}
		list[i] = keyed{key, x}
	}
	if err := sortKeyed(r, list); err != nil {
		return nil, err
	}
	if truth(a.take(2, "reverse", false)) {
		slices.Reverse(list)
	}
	return valuesOf(list), nil
}
