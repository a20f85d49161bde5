package jinja

import (
	"errors"
	"fmt"
	"strings"
)

// A renderer runs one rendering.
type renderer struct {
	budget Budget
	steps  int64
	made   int64 // bytes of text made
	calls  int   // macro calls around
	line   int   // of the statement that runs
	depth  int   // of the walk through a value
	out    *writer
	inner  int // blocks around whose output is kept for something else
	spans  []Span
	marked bool // inside generation
}

type writer struct{ strings.Builder }

// A scope holds variables; names not in it are looked for further out. There are few
// in each, and a loop makes a scope for every element: a list costs less than a map.
type scope struct {
	vars []variable
	up   *scope
}

type variable struct {
	name  string
	value any
}

func newScope(up *scope) *scope { return &scope{up: up} }

func (s *scope) set(name string, v any) {
	for i := range s.vars {
		if s.vars[i].name == name {
			s.vars[i].value = v
			return
		}
	}
	s.vars = append(s.vars, variable{name, v})
}

func (s *scope) get(name string) any {
	for ; s != nil; s = s.up {
		for i := range s.vars {
			if s.vars[i].name == name {
				return s.vars[i].value
			}
		}
	}
	return undefined{name}
}

// errBreak and errContinue unwind to the loop.
var errBreak, errContinue = errors.New("break"), errors.New("continue")

// step counts n steps.
func (r *renderer) step(n int) error {
	r.steps += int64(n) + 1
	if r.steps > r.budget.Steps {
		return &BudgetError{"steps", r.budget.Steps}
	}
	return nil
}

// text counts n bytes of text that is about to be made.
func (r *renderer) text(n int) error {
	r.made += int64(n)
	if n < 0 || r.made > 16*r.budget.Bytes {
		return &BudgetError{"bytes of text in all", 16 * r.budget.Bytes}
	}
	return nil
}

func (r *renderer) write(s string) error {
	if int64(r.out.Len()+len(s)) > r.budget.Bytes {
		return &BudgetError{"bytes of output", r.budget.Bytes}
	}
	r.out.WriteString(s)
	return nil
}

// at adds the line to an error that has none.
func at(n interface{ line() int }, err error) error {
	var e *Error
	var budget *BudgetError
	var raised *RaisedError
	if err == nil || err == errBreak || err == errContinue || errors.As(err, &e) || errors.As(err, &budget) || errors.As(err, &raised) {
		return err
	}
	return &Error{n.line(), err.Error()}
}

func (r *renderer) run(body []node, s *scope) error {
	for _, n := range body {
		r.line = n.line()
		if err := r.step(0); err != nil {
			return err
		}
		if err := r.statement(n, s); err != nil {
			return at(n, err)
		}
	}
	return nil
}

func (r *renderer) statement(n node, s *scope) error {
	switch n := n.(type) {
	case *textNode:
		return r.write(n.text)
	case *printNode:
		v, err := r.eval(n.x, s)
		if err != nil {
			return err
		}
		return r.write(r.str(v))
	case *ifNode:
		cond, err := r.eval(n.cond, s)
		if err != nil {
			return err
		}
		if truth(cond) {
			return r.run(n.body, s)
		}
		return r.run(n.more, s)
	case *forNode:
		return r.loop(n, s)
	case *setNode:
		return r.assign(n, s)
	case *setBlock:
		text, err := r.capture(n.body, newScope(s), n.filters)
		if err != nil {
			return err
		}
		return r.setTarget(n.to, text, s)
	case *filterBlock:
		text, err := r.capture(n.body, newScope(s), n.filters)
		if err != nil {
			return err
		}
		return r.write(r.str(text))
	case *macroNode:
		s.set(n.name, &macro{n, s})
		return nil
	case *withNode:
		return r.with(n, s)
	case *generationNode:
		return r.generation(n, s)
	case *jumpNode:
		if n.leave {
			return errBreak
		}
		return errContinue
	}
	return fmt.Errorf("a statement of type %T is not known", n)
}

func (r *renderer) with(n *withNode, s *scope) error {
	inner := newScope(s)
	for i, name := range n.names {
		v, err := r.eval(n.values[i], s)
		if err != nil {
			return err
		}
		inner.set(name, v)
	}
	return r.run(n.body, inner)
}

// generation remembers where its output lies.
func (r *renderer) generation(n *generationNode, s *scope) error {
	if r.inner > 0 || r.marked {
		return errors.New("generation is inside a macro, a block that is kept, or another generation: where its text ends up is not known")
	}
	start := r.out.Len()
	r.marked = true
	err := r.run(n.body, newScope(s))
	r.marked = false
	if err == nil || err == errBreak || err == errContinue {
		r.spans = append(r.spans, Span{start, r.out.Len()})
	}
	return err
}

// capture runs a body, keeps its output and filters it.
func (r *renderer) capture(body []node, s *scope, calls []filterCall) (any, error) {
	text, err := r.keep(func() error { return r.run(body, s) })
	if err != nil {
		return nil, err
	}
	var v any = text
	for i := range calls {
		if v, err = r.filter(&calls[i], v, s); err != nil {
			return nil, at(&calls[i], err)
		}
	}
	return v, nil
}

func (r *renderer) keep(run func() error) (string, error) {
	out := r.out
	r.out = &writer{}
	r.inner++
	err := run()
	text := r.out.String()
	r.inner--
	r.out = out
	if err != nil {
		return "", err
	}
	return text, r.text(len(text))
}

func (r *renderer) assign(n *setNode, s *scope) error {
	v, err := r.eval(n.x, s)
	if err != nil {
		return err
	}
	if len(n.targets) == 1 {
		return r.setTarget(n.targets[0], v, s)
	}
	items, err := iterate(v)
	if err != nil {
		return err
	}
	if len(items) != len(n.targets) {
		return fmt.Errorf("%d values for %d names", len(items), len(n.targets))
	}
	for i, to := range n.targets {
		if err := r.setTarget(to, items[i], s); err != nil {
			return err
		}
	}
	return nil
}

// maxVariables is how many a scope may hold, which looks through all of them.
const maxVariables = 1000

func (r *renderer) setTarget(to target, v any, s *scope) error {
	if to.attr == "" {
		s.set(to.name, v)
		if len(s.vars) > maxVariables {
			return &BudgetError{"variables in one scope", maxVariables}
		}
		return nil
	}
	ns, ok := s.get(to.name).(*namespace)
	if !ok {
		return fmt.Errorf("cannot set %s.%s: %s is %s and no namespace", to.name, to.attr, to.name, typeName(s.get(to.name)))
	}
	ns.vars.Set(to.attr, v)
	return nil
}

// loopVars is the variable "loop".
type loopVars struct {
	index int
	items []any
}

func (l *loopVars) get(name string) any {
	n := len(l.items)
	switch name {
	case "index":
		return int64(l.index + 1)
	case "index0":
		return int64(l.index)
	case "revindex":
		return int64(n - l.index)
	case "revindex0":
		return int64(n - l.index - 1)
	case "first":
		return l.index == 0
	case "last":
		return l.index == n-1
	case "length":
		return int64(n)
	case "previtem":
		if l.index > 0 {
			return l.items[l.index-1]
		}
	case "nextitem":
		if l.index+1 < n {
			return l.items[l.index+1]
		}
	case "cycle":
		return function(func(_ *renderer, a args) (any, error) {
			if len(a.list) == 0 {
				return nil, errors.New("loop.cycle needs values")
			}
			return a.list[l.index%len(a.list)], nil
		})
	}
	return undefined{"loop." + name}
}

func (r *renderer) loop(n *forNode, s *scope) error {
	over, err := r.eval(n.over, s)
	if err != nil {
		return err
	}
	items, err := iterate(over)
	if err != nil {
		return err
	}
	if err := r.step(len(items)); err != nil {
		return err
	}
	if n.cond != nil {
		if items, err = r.chosen(n, items, s); err != nil {
			return err
		}
	}
	if len(items) == 0 {
		return r.run(n.none, newScope(s))
	}
	for i, x := range items {
		inner := newScope(s)
		inner.set("loop", &loopVars{i, items})
		if err := bind(n.targets, x, inner); err != nil {
			return err
		}
		err := r.run(n.body, inner)
		if err == errBreak {
			break
		}
		if err != nil && err != errContinue {
			return err
		}
	}
	return nil
}

// chosen keeps the elements for which the condition of a loop holds.
func (r *renderer) chosen(n *forNode, items []any, s *scope) ([]any, error) {
	var kept []any
	for _, x := range items {
		inner := newScope(s)
		if err := bind(n.targets, x, inner); err != nil {
			return nil, err
		}
		v, err := r.eval(n.cond, inner)
		if err != nil {
			return nil, err
		}
		if truth(v) {
			kept = append(kept, x)
		}
	}
	return kept, nil
}

// bind gives the names of a loop their values.
func bind(names []string, x any, s *scope) error {
	if len(names) == 1 {
		s.set(names[0], x)
		return nil
	}
	parts, err := iterate(x)
	if err != nil {
		return err
	}
	if len(parts) != len(names) {
		return fmt.Errorf("%d values for %d names", len(parts), len(names))
	}
	for i, name := range names {
		s.set(name, parts[i])
	}
	return nil
}

// A macro is a function written in the template.
type macro struct {
	node *macroNode
	home *scope
}

// maxCalls is how deep macros may call each other.
const maxCalls = 64

func (m *macro) call(r *renderer, a args) (any, error) {
	if r.calls >= maxCalls {
		return nil, &BudgetError{"macro calls inside each other", maxCalls}
	}
	s := newScope(m.home)
	if len(a.list) > len(m.node.params) {
		return nil, fmt.Errorf("macro %s takes %d arguments, not %d", m.node.name, len(m.node.params), len(a.list))
	}
	used := 0
	for i, p := range m.node.params {
		named, isNamed := a.named[p.name]
		switch {
		case i < len(a.list):
			s.set(p.name, a.list[i])
		case isNamed:
			s.set(p.name, named)
			used++
		case p.value != nil:
			v, err := r.eval(p.value, s)
			if err != nil {
				return nil, err
			}
			s.set(p.name, v)
		default:
			s.set(p.name, undefined{p.name})
		}
	}
	if used != len(a.named) {
		return nil, fmt.Errorf("macro %s is given an argument that it does not have, or one twice", m.node.name)
	}
	r.calls++
	text, err := r.keep(func() error { return r.run(m.node.body, s) })
	r.calls--
	return text, err
}
