package jinja

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
)

func indexOf(s, sub string) int { return strings.Index(s, sub) }

func (r *renderer) unary(x *unaryExpr, s *scope) (any, error) {
	v, err := r.eval(x.x, s)
	if err != nil {
		return nil, err
	}
	if x.op == "not" {
		return !truth(v), nil
	}
	if n, ok := asInt(v); ok {
		if x.op == "-" {
			if n == math.MinInt64 {
				return nil, errOverflow
			}
			n = -n
		}
		return n, nil
	}
	f, ok := asFloat(v)
	if !ok {
		return nil, fmt.Errorf("%s has no sign", typeName(v))
	}
	if x.op == "-" {
		f = -f
	}
	return f, nil
}

// compare is a chain such as a < b < c.
func (r *renderer) compare(x *compareExpr, s *scope) (any, error) {
	a, err := r.eval(x.x, s)
	if err != nil {
		return nil, err
	}
	for i, op := range x.ops {
		b, err := r.eval(x.rest[i], s)
		if err != nil {
			return nil, err
		}
		if err := r.step(weight(a) + weight(b)); err != nil {
			return nil, err
		}
		ok, err := comparison(r, op, a, b)
		if err != nil || !ok {
			return false, err
		}
		a = b
	}
	return true, nil
}

// weight is what looking at all of a value costs, in steps.
func weight(v any) int {
	switch v := v.(type) {
	case *list:
		return len(v.items)
	case *Dict:
		return len(v.keys)
	case string:
		return len(v) / 64
	}
	return 0
}

func comparison(r *renderer, op string, a, b any) (bool, error) {
	switch op {
	case "==":
		return r.equal(a, b), nil
	case "!=":
		return !r.equal(a, b), nil
	case "in":
		return contains(r, b, a)
	case "not in":
		ok, err := contains(r, b, a)
		return !ok, err
	case "<":
		return r.less(a, b)
	case ">":
		return r.less(b, a)
	case "<=":
		ok, err := r.less(a, b)
		return ok || r.equal(a, b), err
	}
	ok, err := r.less(b, a)
	return ok || r.equal(a, b), err
}

func (r *renderer) binary(x *binaryExpr, s *scope) (any, error) {
	a, err := r.eval(x.x, s)
	if err != nil {
		return nil, err
	}
	switch {
	case x.op == "and" && !truth(a), x.op == "or" && truth(a):
		return a, nil
	}
	b, err := r.eval(x.y, s)
	if err != nil {
		return nil, err
	}
	switch x.op {
	case "and", "or":
		return b, nil
	case "~":
		if isMarkup(a) || isMarkup(b) {
			return r.asMarkup(a) + r.asMarkup(b), nil
		}
		return r.joined([]any{a, b}, "")
	case "+":
		if v, ok, err := r.concat(a, b); ok || err != nil {
			return v, err
		}
	case "*":
		if v, ok, err := r.repeat(a, b); ok || err != nil {
			return v, err
		}
	case "%":
		if _, ok := a.(string); ok {
			return nil, errors.New("the operator % on strings is not supported")
		}
	}
	for _, v := range []any{a, b} {
		if u, ok := v.(undefined); ok {
			return nil, errUndefined(u)
		}
	}
	return arithmetic(x.op, a, b)
}

// concat adds texts and lists.
func (r *renderer) concat(a, b any) (any, bool, error) {
	if isMarkup(a) && isText(b) || isMarkup(b) && isText(a) {
		return r.asMarkup(a) + r.asMarkup(b), true, nil
	}
	switch a := a.(type) {
	case string:
		if s, ok := b.(string); ok {
			if err := r.text(len(a) + len(s)); err != nil {
				return nil, false, err
			}
			return a + s, true, nil
		}
	case *list:
		if l, ok := b.(*list); ok && l.tuple == a.tuple {
			if err := r.step(len(a.items) + len(l.items)); err != nil {
				return nil, false, err
			}
			return &list{items: slices.Concat(a.items, l.items), tuple: a.tuple}, true, nil
		}
	}
	return nil, false, nil
}

func isMarkup(v any) bool { _, ok := v.(markup); return ok }

func isText(v any) bool { _, ok := v.(string); return ok || isMarkup(v) }

// repeat multiplies a text or a list.
func (r *renderer) repeat(a, b any) (any, bool, error) {
	if _, ok := asInt(a); ok {
		a, b = b, a
	}
	n, ok := asInt(b)
	if !ok {
		return nil, false, nil
	}
	n = max(n, 0)
	switch a := a.(type) {
	case string:
		if a == "" {
			return "", true, nil
		}
		if n > r.budget.Bytes || r.text(len(a)*int(min(n, 1<<31))) != nil {
			return nil, false, &BudgetError{"bytes of text in all", 16 * r.budget.Bytes}
		}
		return strings.Repeat(a, int(n)), true, nil
	case *list:
		if len(a.items) == 0 {
			return a, true, nil
		}
		if n > r.budget.Steps || r.step(len(a.items)*int(min(n, 1<<31))) != nil {
			return nil, false, &BudgetError{"steps", r.budget.Steps}
		}
		return &list{items: slices.Repeat(a.items, int(n)), tuple: a.tuple}, true, nil
	}
	return nil, false, nil
}

var errOverflow = errors.New("a whole number does not fit into 64 bits")

// arithmetic computes with two numbers as Python does.
func arithmetic(op string, a, b any) (any, error) {
	i, ok1 := asInt(a)
	j, ok2 := asInt(b)
	if ok1 && ok2 && op != "/" && !(op == "**" && j < 0) {
		return integers(op, i, j)
	}
	x, ok1 := asFloat(a)
	y, ok2 := asFloat(b)
	if !ok1 || !ok2 {
		return nil, fmt.Errorf("cannot compute %s %s %s", typeName(a), op, typeName(b))
	}
	if y == 0 && (op == "/" || op == "//" || op == "%") {
		return nil, errors.New("division by zero")
	}
	switch op {
	case "+":
		return x + y, nil
	case "-":
		return x - y, nil
	case "*":
		return x * y, nil
	case "/":
		return x / y, nil
	case "//":
		return math.Floor(x / y), nil
	case "%":
		m := math.Mod(x, y)
		if m != 0 && (m < 0) != (y < 0) {
			m += y
		}
		return m, nil
	}
	return math.Pow(x, y), nil
}

func integers(op string, i, j int64) (any, error) {
	switch op {
	case "+":
		if s := i + j; (s > i) == (j > 0) {
			return s, nil
		}
		return nil, errOverflow
	case "-":
		if s := i - j; (s < i) == (j > 0) {
			return s, nil
		}
		return nil, errOverflow
	case "*":
		return multiply(i, j)
	case "**":
		return power(i, j)
	}
	if j == 0 {
		return nil, errors.New("division by zero")
	}
	if i == math.MinInt64 && j == -1 {
		return nil, errOverflow
	}
	q, m := i/j, i%j
	if m != 0 && (m < 0) != (j < 0) {
		q, m = q-1, m+j
	}
	if op == "//" {
		return q, nil
	}
	return m, nil
}

func multiply(i, j int64) (any, error) {
	if i == 0 || j == 0 {
		return int64(0), nil
	}
	p := i * j
	if p/j != i || i == -1 && j == math.MinInt64 || j == -1 && i == math.MinInt64 {
		return nil, errOverflow
	}
	return p, nil
}

func power(i, j int64) (any, error) {
	if i == 0 || i == 1 || i == -1 {
		j = min(j, 2+j%2)
	}
	result := int64(1)
	for range min(j, 64) {
		p, err := multiply(result, i)
		if err != nil {
			return nil, err
		}
		result, _ = p.(int64)
	}
	if j > 64 {
		return nil, errOverflow
	}
	return result, nil
}
