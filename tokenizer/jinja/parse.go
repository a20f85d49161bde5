package jinja

import (
	"fmt"
	"slices"
)

// A parser reads tokens. depth guards the stack.
type parser struct {
	tokens []token
	at     int
	depth  int
	loops  int  // for statements around
	marks  bool // there is a generation statement
}

// maxDepth is how deep statements and expressions may be nested.
const maxDepth = 200

func (p *parser) peek() token { return p.tokens[p.at] }

func (p *parser) next() token {
	t := p.tokens[p.at]
	if t.kind != endToken {
		p.at++
	}
	return t
}

func (p *parser) here() pos { return pos(p.peek().line) }

func (p *parser) fail(format string, args ...any) error {
	return &Error{p.peek().line, fmt.Sprintf(format, args...)}
}

func (p *parser) is(k kind, text string) bool {
	t := p.peek()
	return t.kind == k && t.text == text
}

// accept takes a token if it is there.
func (p *parser) accept(k kind, text string) bool {
	if p.is(k, text) {
		p.at++
		return true
	}
	return false
}

func (p *parser) op(text string) bool      { return p.accept(opToken, text) }
func (p *parser) keyword(text string) bool { return p.accept(nameToken, text) }

func (p *parser) need(k kind, text string) error {
	if !p.accept(k, text) {
		return p.fail("expected %q, found %s", text, p.peek())
	}
	return nil
}

func (p *parser) name() (string, error) {
	if t := p.peek(); t.kind == nameToken {
		p.at++
		return t.text, nil
	}
	return "", p.fail("expected a name, found %s", p.peek())
}

func (p *parser) enter() error {
	p.depth++
	if p.depth > maxDepth {
		return p.fail("it is nested more than %d deep", maxDepth)
	}
	return nil
}

func (p *parser) leave() { p.depth-- }

// statements reads up to the end, or up to a statement with one of the names, whose
// name is then next.
func (p *parser) statements(until ...string) ([]node, error) {
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer p.leave()
	var list []node
	for {
		t := p.next()
		switch t.kind {
		case endToken:
			if until != nil {
				return nil, p.fail("the template ends where %q must be", until[len(until)-1])
			}
			return list, nil
		case textToken:
			list = append(list, &textNode{pos(t.line), t.text})
		case openExpr:
			x, err := p.tuple()
			if err != nil {
				return nil, err
			}
			if err := p.need(closeExpr, "}}"); err != nil {
				return nil, err
			}
			list = append(list, &printNode{pos(t.line), x})
		case openStmt:
			if name := p.peek(); name.kind == nameToken && slices.Contains(until, name.text) {
				return list, nil
			}
			n, err := p.statement()
			if err != nil {
				return nil, err
			}
			list = append(list, n)
		}
	}
}

func (p *parser) statement() (node, error) {
	at := p.here()
	name, err := p.name()
	if err != nil {
		return nil, err
	}
	switch name {
	case "if":
		return p.ifStatement(at)
	case "for":
		return p.forStatement(at)
	case "set":
		return p.setStatement(at)
	case "macro":
		return p.macro(at)
	case "filter":
		return p.filterStatement(at)
	case "with":
		return p.with(at)
	case "generation":
		p.marks = true
		body, err := p.block("endgeneration")
		return &generationNode{at, body}, err
	case "break", "continue":
		if p.loops == 0 {
			return nil, &Error{int(at), name + " is outside a loop"}
		}
		return &jumpNode{at, name == "break"}, p.close()
	}
	return nil, &Error{int(at), fmt.Sprintf("the statement %q is not supported", name)}
}

func (p *parser) close() error { return p.need(closeStmt, "%}") }

// block reads what is behind an opening tag up to the closing one.
func (p *parser) block(end string) ([]node, error) {
	if err := p.close(); err != nil {
		return nil, err
	}
	body, err := p.statements(end)
	if err != nil {
		return nil, err
	}
	p.next()
	return body, p.close()
}

func (p *parser) ifStatement(at pos) (node, error) {
	if err := p.enter(); err != nil { // elif nests
		return nil, err
	}
	defer p.leave()
	n := &ifNode{pos: at}
	var err error
	if n.cond, err = p.tuple(); err != nil {
		return nil, err
	}
	if err := p.close(); err != nil {
		return nil, err
	}
	if n.body, err = p.statements("elif", "else", "endif"); err != nil {
		return nil, err
	}
	switch at := p.here(); p.next().text {
	case "elif":
		more, err := p.ifStatement(at)
		n.more = []node{more}
		return n, err
	case "else":
		n.more, err = p.block("endif")
		return n, err
	}
	return n, p.close()
}

func (p *parser) forStatement(at pos) (node, error) {
	n := &forNode{pos: at}
	var err error
	if n.targets, err = p.names(); err != nil {
		return nil, err
	}
	if err := p.need(nameToken, "in"); err != nil {
		return nil, err
	}
	if n.over, err = p.tupleWithoutCondition(); err != nil {
		return nil, err
	}
	if p.keyword("if") {
		if n.cond, err = p.expression(); err != nil {
			return nil, err
		}
	}
	if p.is(nameToken, "recursive") {
		return nil, p.fail("a recursive loop is not supported")
	}
	if err := p.close(); err != nil {
		return nil, err
	}
	p.loops++
	n.body, err = p.statements("else", "endfor")
	p.loops--
	if err != nil {
		return nil, err
	}
	if p.next().text == "else" {
		n.none, err = p.block("endfor")
		return n, err
	}
	return n, p.close()
}

// names reads a, b or (a, b).
func (p *parser) names() ([]string, error) {
	paren := p.op("(")
	var list []string
	for {
		name, err := p.targetName()
		if err != nil {
			return nil, err
		}
		list = append(list, name)
		if !p.op(",") || p.peek().kind != nameToken || p.is(nameToken, "in") {
			break
		}
	}
	if paren {
		return list, p.need(opToken, ")")
	}
	return list, nil
}

// constants are names that nothing can be assigned to.
var constants = map[string]any{"true": true, "True": true, "false": false, "False": false, "none": nil, "None": nil}

func (p *parser) targetName() (string, error) {
	if t := p.peek(); t.kind == nameToken {
		if _, fixed := constants[t.text]; fixed {
			return "", p.fail("nothing can be assigned to %s", t.text)
		}
	}
	return p.name()
}

func (p *parser) setStatement(at pos) (node, error) {
	var targets []target
	for {
		name, err := p.targetName()
		if err != nil {
			return nil, err
		}
		to := target{name: name}
		if p.op(".") {
			if to.attr, err = p.name(); err != nil {
				return nil, err
			}
		}
		targets = append(targets, to)
		if !p.op(",") {
			break
		}
	}
	if p.op("=") {
		x, err := p.tuple()
		if err != nil {
			return nil, err
		}
		return &setNode{at, targets, x}, p.close()
	}
	if len(targets) > 1 {
		return nil, p.fail("expected \"=\", found %s", p.peek())
	}
	filters, err := p.filters()
	if err != nil {
		return nil, err
	}
	body, err := p.block("endset")
	return &setBlock{at, targets[0], filters, body}, err
}

// filters reads | a | b(1).
func (p *parser) filters() ([]filterCall, error) {
	var list []filterCall
	for p.op("|") {
		f, err := p.filter()
		if err != nil {
			return nil, err
		}
		list = append(list, f)
	}
	return list, nil
}

func (p *parser) filterStatement(at pos) (node, error) {
	first, err := p.filter()
	if err != nil {
		return nil, err
	}
	more, err := p.filters()
	if err != nil {
		return nil, err
	}
	body, err := p.block("endfilter")
	return &filterBlock{at, append([]filterCall{first}, more...), body}, err
}

func (p *parser) macro(at pos) (node, error) {
	n := &macroNode{pos: at}
	var err error
	if n.name, err = p.targetName(); err != nil {
		return nil, err
	}
	if err := p.need(opToken, "("); err != nil {
		return nil, err
	}
	for !p.op(")") {
		if len(n.params) > 0 {
			if err := p.need(opToken, ","); err != nil {
				return nil, err
			}
		}
		var a param
		if a.name, err = p.targetName(); err != nil {
			return nil, err
		}
		if p.op("=") {
			if a.value, err = p.expression(); err != nil {
				return nil, err
			}
		} else if len(n.params) > 0 && n.params[len(n.params)-1].value != nil {
			return nil, p.fail("parameter %q without a default follows one with a default", a.name)
		}
		n.params = append(n.params, a)
	}
	loops := p.loops
	p.loops = 0
	n.body, err = p.block("endmacro")
	p.loops = loops
	return n, err
}

func (p *parser) with(at pos) (node, error) {
	n := &withNode{pos: at}
	for !p.is(closeStmt, "%}") {
		if len(n.names) > 0 {
			if err := p.need(opToken, ","); err != nil {
				return nil, err
			}
		}
		name, err := p.targetName()
		if err != nil {
			return nil, err
		}
		if err := p.need(opToken, "="); err != nil {
			return nil, err
		}
		x, err := p.expression()
		if err != nil {
			return nil, err
		}
		n.names, n.values = append(n.names, name), append(n.values, x)
	}
	var err error
	n.body, err = p.block("endwith")
	return n, err
}
