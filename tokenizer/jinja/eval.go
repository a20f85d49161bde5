package jinja

import (
	"errors"
	"fmt"
	"slices"
	"unicode/utf8"
)

// eval computes an expression.
func (r *renderer) eval(x expr, s *scope) (any, error) {
	if err := r.step(0); err != nil {
		return nil, err
	}
	v, err := r.value(x, s)
	return v, at(x, err)
}

func (r *renderer) value(x expr, s *scope) (any, error) {
	switch x := x.(type) {
	case *literal:
		return x.value, nil
	case *nameExpr:
		return s.get(x.name), nil
	case *listExpr:
		items, err := r.evalAll(x.items, s)
		return &list{items: items, tuple: x.tuple}, err
	case *dictExpr:
		return r.dict(x, s)
	case *attrExpr:
		v, err := r.eval(x.x, s)
		if err != nil {
			return nil, err
		}
		return attribute(v, x.name)
	case *indexExpr:
		v, i, err := r.two(x.x, x.index, s)
		if err != nil {
			return nil, err
		}
		return index(v, i)
	case *sliceExpr:
		return r.slice(x, s)
	case *callExpr:
		return r.call(x, s)
	case *filterExpr:
		v, err := r.eval(x.x, s)
		if err != nil {
			return nil, err
		}
		return r.filter(&x.call, v, s)
	case *testExpr:
		return r.test(x, s)
	case *unaryExpr:
		return r.unary(x, s)
	case *binaryExpr:
		return r.binary(x, s)
	case *compareExpr:
		return r.compare(x, s)
	case *condExpr:
		return r.cond(x, s)
	}
	return nil, fmt.Errorf("an expression of type %T is not known", x)
}

func (r *renderer) evalAll(list []expr, s *scope) ([]any, error) {
	var values []any
	for _, x := range list {
		v, err := r.eval(x, s)
		if err != nil {
			return nil, err
		}
		values = append(values, v)
	}
	return values, nil
}

func (r *renderer) two(x, y expr, s *scope) (a, b any, err error) {
	if a, err = r.eval(x, s); err == nil {
		b, err = r.eval(y, s)
	}
	return a, b, err
}

func (r *renderer) dict(x *dictExpr, s *scope) (any, error) {
	d := NewDict()
	for i := range x.keys {
		k, v, err := r.two(x.keys[i], x.values[i], s)
		if err != nil {
			return nil, err
		}
		key, ok := k.(string)
		if !ok {
			return nil, fmt.Errorf("a key of a dictionary is %s; only strings are supported", typeName(k))
		}
		d.Set(key, v)
	}
	return d, nil
}

func (r *renderer) cond(x *condExpr, s *scope) (any, error) {
	c, err := r.eval(x.cond, s)
	switch {
	case err != nil:
		return nil, err
	case truth(c):
		return r.eval(x.yes, s)
	case x.no != nil:
		return r.eval(x.no, s)
	}
	return undefined{"the else part of a condition"}, nil
}

// errUndefined says that something without a value was used.
func errUndefined(u undefined) error { return fmt.Errorf("%q is not defined", u.name) }

// attribute is v.name.
func attribute(v any, name string) (any, error) {
	if m := method(v, name); m != nil {
		return m, nil
	}
	switch v := v.(type) {
	case undefined:
		return nil, errUndefined(v)
	case *Dict:
		if x, ok := v.values[name]; ok {
			return x, nil
		}
	case *namespace:
		if x, ok := v.vars.values[name]; ok {
			return x, nil
		}
	case *loopVars:
		return v.get(name), nil
	}
	if slices.Contains(refused[typeName(v)], name) {
		return nil, fmt.Errorf("the method %s.%s is not supported", typeName(v), name)
	}
	return undefined{name}, nil
}

// index is v[i].
func index(v, i any) (any, error) {
	switch v := v.(type) {
	case undefined:
		return nil, errUndefined(v)
	case *Dict:
		key, ok := i.(string)
		if !ok {
			return undefined{label(i)}, nil
		}
		if x, ok := v.values[key]; ok {
			return x, nil
		}
		return attribute(v, key)
	case *list:
		n, ok := asInt(i)
		if !ok {
			break
		}
		if n < 0 {
			n += int64(len(v.items))
		}
		if n < 0 || n >= int64(len(v.items)) {
			return undefined{fmt.Sprintf("element %s", label(i))}, nil
		}
		return v.items[n], nil
	case string:
		n, ok := asInt(i)
		if !ok {
			break
		}
		items, err := iterate(v)
		if err != nil {
			return nil, err
		}
		return index(&list{items: items}, n)
	}
	if name, ok := i.(string); ok {
		return attribute(v, name)
	}
	return undefined{label(i)}, nil
}

// label names an index in an error.
func label(i any) string {
	switch i := i.(type) {
	case string:
		return i
	case int64:
		return fmt.Sprint(i)
	}
	return typeName(i)
}

// slice is v[low:high:step].
func (r *renderer) slice(x *sliceExpr, s *scope) (any, error) {
	v, err := r.eval(x.x, s)
	if err != nil {
		return nil, err
	}
	var items []any
	switch v := v.(type) {
	case undefined:
		return nil, errUndefined(v)
	case string, *list:
		if items, err = iterate(v); err != nil {
			return nil, err
		}
	default:
		return nil, fmt.Errorf("%s cannot be sliced", typeName(v))
	}
	bounds := [3]*int64{}
	for i, e := range []expr{x.low, x.high, x.step} {
		if e == nil {
			continue
		}
		b, err := r.eval(e, s)
		if err != nil {
			return nil, err
		}
		n, ok := asInt(b)
		if !ok && b != nil {
			return nil, fmt.Errorf("a bound of a slice is %s and no whole number", typeName(b))
		}
		if ok {
			bounds[i] = &n
		}
	}
	kept, err := sliced(items, bounds)
	if err != nil {
		return nil, err
	}
	if err := r.step(len(kept)); err != nil {
		return nil, err
	}
	if l, ok := v.(*list); ok {
		return &list{items: kept, tuple: l.tuple}, nil
	}
	return r.joined(kept, "")
}

// sliced picks elements as Python does.
func sliced(items []any, bounds [3]*int64) ([]any, error) {
	n, step := int64(len(items)), int64(1)
	if bounds[2] != nil {
		step = *bounds[2]
	}
	if step == 0 {
		return nil, errors.New("the step of a slice is 0")
	}
	low, high := int64(0), n
	least, most := int64(0), n
	if step < 0 {
		low, high, least, most = n-1, -1, -1, n-1
	}
	place := func(b *int64, otherwise int64) int64 {
		if b == nil {
			return otherwise
		}
		i := *b
		if i < 0 {
			i = max(i, -n-1) + n
		}
		return min(max(i, least), most)
	}
	low, high = place(bounds[0], low), place(bounds[1], high)
	var kept []any
	if step > n {
		step = n + 1
	} else if step < -n {
		step = -n - 1
	}
	for i := low; step > 0 && i < high || step < 0 && i > high; i += step {
		kept = append(kept, items[i])
	}
	return kept, nil
}

func (r *renderer) args(a arguments, s *scope) (args, error) {
	list, err := r.evalAll(a.list, s)
	if err != nil {
		return args{}, err
	}
	out := args{list: list}
	for i, name := range a.names {
		v, err := r.eval(a.named[i], s)
		if err != nil {
			return args{}, err
		}
		if out.named == nil {
			out.named = map[string]any{}
		}
		if _, twice := out.named[name]; twice {
			return args{}, fmt.Errorf("the argument %q is given twice", name)
		}
		out.named[name] = v
	}
	return out, nil
}

func (r *renderer) call(x *callExpr, s *scope) (any, error) {
	f, err := r.eval(x.fn, s)
	if err != nil {
		return nil, err
	}
	a, err := r.args(x.args, s)
	if err != nil {
		return nil, err
	}
	switch f := f.(type) {
	case function:
		return f(r, a)
	case *macro:
		return f.call(r, a)
	case undefined:
		return nil, fmt.Errorf("%q is not defined, or not supported, and cannot be called", f.name)
	}
	return nil, fmt.Errorf("%s cannot be called", typeName(f))
}

// joined puts texts together.
func (r *renderer) joined(items []any, sep string) (string, error) {
	n := len(sep) * max(0, len(items)-1)
	parts := make([]string, len(items))
	for i, x := range items {
		parts[i] = r.str(x)
		n += len(parts[i])
	}
	if err := r.text(n); err != nil {
		return "", err
	}
	b := make([]byte, 0, n)
	for i, p := range parts {
		if i > 0 {
			b = append(b, sep...)
		}
		b = append(b, p...)
	}
	return string(b), nil
}

// contains is x in v.
func contains(r *renderer, v, x any) (bool, error) {
	switch v := v.(type) {
	case string:
		s, ok := x.(string)
		if !ok {
			return false, fmt.Errorf("%s cannot be in a string", typeName(x))
		}
		return indexOf(v, s) >= 0, nil
	case *Dict:
		s, ok := x.(string)
		if !ok {
			return false, nil
		}
		_, ok = v.values[s]
		return ok, nil
	case *list:
		return slices.ContainsFunc(v.items, func(y any) bool { return r.equal(x, y) }), nil
	case undefined:
		return false, nil
	}
	return false, fmt.Errorf("%s has no elements to look for", typeName(v))
}

func runeCount(s string) int { return utf8.RuneCountInString(s) }
