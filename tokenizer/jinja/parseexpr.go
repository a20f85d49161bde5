package jinja

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// tuple reads an expression, or several with commas between, which are a tuple.
func (p *parser) tuple() (expr, error) { return p.tupleOf(p.expression) }

// tupleWithoutCondition is a tuple in a for statement, where "if" is the filter.
func (p *parser) tupleWithoutCondition() (expr, error) { return p.tupleOf(p.or) }

func (p *parser) tupleOf(read func() (expr, error)) (expr, error) {
	at := p.here()
	x, err := read()
	if err != nil || !p.is(opToken, ",") {
		return x, err
	}
	t := &listExpr{at, []expr{x}, true}
	for p.op(",") {
		if k := p.peek(); k.kind == closeExpr || k.kind == closeStmt || k.text == ")" && k.kind == opToken {
			break
		}
		if x, err = read(); err != nil {
			return nil, err
		}
		t.items = append(t.items, x)
	}
	return t, nil
}

// expression reads a if b else c and what binds tighter.
func (p *parser) expression() (expr, error) {
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer p.leave()
	at := p.here()
	x, err := p.or()
	for err == nil && p.keyword("if") {
		c := &condExpr{pos: at, yes: x}
		if c.cond, err = p.or(); err != nil {
			return nil, err
		}
		if p.keyword("else") {
			if c.no, err = p.expression(); err != nil {
				return nil, err
			}
		}
		x = c
	}
	return x, err
}

// chain reads x op x op x, from the left.
func (p *parser) chain(operand func() (expr, error), k kind, ops ...string) (expr, error) {
	x, err := operand()
	if err != nil {
		return nil, err
	}
	for n := 0; p.peek().kind == k && slices.Contains(ops, p.peek().text); n++ {
		if n == maxDepth*50 {
			return nil, p.fail("more than %d operators in a row", n)
		}
		t := p.next()
		y, err := operand()
		if err != nil {
			return nil, err
		}
		x = &binaryExpr{pos(t.line), t.text, x, y}
	}
	return x, nil
}

func (p *parser) or() (expr, error)  { return p.chain(p.and, nameToken, "or") }
func (p *parser) and() (expr, error) { return p.chain(p.not, nameToken, "and") }

func (p *parser) not() (expr, error) {
	at := p.here()
	if !p.is(nameToken, "not") {
		return p.compare()
	}
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer p.leave()
	p.next()
	x, err := p.not()
	return &unaryExpr{at, "not", x}, err
}

func (p *parser) compare() (expr, error) {
	at := p.here()
	x, err := p.sum()
	if err != nil {
		return nil, err
	}
	c := &compareExpr{pos: at, x: x}
	for {
		op, ok := p.comparison()
		if !ok {
			break
		}
		y, err := p.sum()
		if err != nil {
			return nil, err
		}
		c.ops, c.rest = append(c.ops, op), append(c.rest, y)
	}
	if c.ops == nil {
		return x, nil
	}
	return c, nil
}

func (p *parser) comparison() (op string, ok bool) {
	t := p.peek()
	switch {
	case t.kind == opToken && slices.Contains([]string{"==", "!=", "<", "<=", ">", ">="}, t.text):
		p.at++
		return t.text, true
	case p.keyword("in"):
		return "in", true
	case p.is(nameToken, "not") && p.tokens[p.at+1].kind == nameToken && p.tokens[p.at+1].text == "in":
		p.at += 2
		return "not in", true
	}
	return "", false
}

func (p *parser) sum() (expr, error)     { return p.chain(p.concat, opToken, "+", "-") }
func (p *parser) concat() (expr, error)  { return p.chain(p.product, opToken, "~") }
func (p *parser) product() (expr, error) { return p.chain(p.power, opToken, "*", "/", "//", "%") }
func (p *parser) power() (expr, error)   { return p.chain(p.unary, opToken, "**") }

func (p *parser) unary() (expr, error) {
	x, err := p.signed()
	if err != nil {
		return nil, err
	}
	return p.filtered(x)
}

func (p *parser) signed() (expr, error) {
	t := p.peek()
	if t.kind == opToken && (t.text == "-" || t.text == "+") {
		if err := p.enter(); err != nil {
			return nil, err
		}
		defer p.leave()
		p.next()
		x, err := p.signed()
		return &unaryExpr{pos(t.line), t.text, x}, err
	}
	x, err := p.primary()
	if err != nil {
		return nil, err
	}
	return p.postfix(x)
}

func (p *parser) primary() (expr, error) {
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer p.leave()
	t := p.next()
	at := pos(t.line)
	switch t.kind {
	case nameToken:
		if v, ok := constants[t.text]; ok {
			return &literal{at, v}, nil
		}
		if slices.Contains([]string{"if", "else", "and", "or", "not", "in", "is"}, t.text) {
			return nil, &Error{t.line, fmt.Sprintf("expected a value, found %q", t.text)}
		}
		return &nameExpr{at, t.text}, nil
	case stringToken:
		var b strings.Builder
		b.WriteString(t.text)
		for p.peek().kind == stringToken {
			b.WriteString(p.next().text)
		}
		return &literal{at, b.String()}, nil
	case intToken:
		n, err := strconv.ParseInt(strings.ReplaceAll(t.text, "_", ""), 10, 64)
		if err != nil {
			return nil, &Error{t.line, fmt.Sprintf("the number %s does not fit into 64 bits", t.text)}
		}
		return &literal{at, n}, nil
	case floatToken:
		f, err := strconv.ParseFloat(strings.ReplaceAll(t.text, "_", ""), 64)
		if err != nil {
			return nil, &Error{t.line, fmt.Sprintf("the number %s does not fit into 64 bits", t.text)}
		}
		return &literal{at, f}, nil
	case opToken:
		switch t.text {
		case "(":
			return p.parens(at)
		case "[":
			items, err := p.list("]")
			return &listExpr{at, items, false}, err
		case "{":
			return p.dict(at)
		}
	}
	return nil, &Error{t.line, fmt.Sprintf("expected a value, found %s", t)}
}

func (p *parser) parens(at pos) (expr, error) {
	if p.op(")") {
		return &listExpr{at, nil, true}, nil
	}
	x, err := p.tuple()
	if err != nil {
		return nil, err
	}
	return x, p.need(opToken, ")")
}

// list reads a, b, c and the closing sign.
func (p *parser) list(end string) ([]expr, error) {
	var items []expr
	for !p.op(end) {
		if len(items) > 0 {
			if err := p.need(opToken, ","); err != nil {
				return nil, err
			}
			if p.op(end) {
				break
			}
		}
		x, err := p.expression()
		if err != nil {
			return nil, err
		}
		items = append(items, x)
	}
	return items, nil
}

func (p *parser) dict(at pos) (expr, error) {
	d := &dictExpr{pos: at}
	for !p.op("}") {
		if len(d.keys) > 0 {
			if err := p.need(opToken, ","); err != nil {
				return nil, err
			}
			if p.op("}") {
				break
			}
		}
		key, err := p.expression()
		if err != nil {
			return nil, err
		}
		if err := p.need(opToken, ":"); err != nil {
			return nil, err
		}
		value, err := p.expression()
		if err != nil {
			return nil, err
		}
		d.keys, d.values = append(d.keys, key), append(d.values, value)
	}
	return d, nil
}

// postfix reads .name, [index] and (arguments) behind a value.
func (p *parser) postfix(x expr) (expr, error) {
	for n := 0; ; n++ {
		if n == maxDepth {
			return nil, p.fail("more than %d attributes and calls in a row", n)
		}
		at := p.here()
		var err error
		switch {
		case p.op("."):
			x, err = p.attribute(at, x)
		case p.op("["):
			x, err = p.subscript(at, x)
		case p.op("("):
			var args arguments
			args, err = p.arguments()
			x = &callExpr{at, x, args}
		default:
			return x, nil
		}
		if err != nil {
			return nil, err
		}
	}
}

func (p *parser) attribute(at pos, x expr) (expr, error) {
	if t := p.peek(); t.kind == intToken {
		p.next()
		n, err := strconv.ParseInt(t.text, 10, 64)
		if err != nil {
			return nil, p.fail("%q is no index", t.text)
		}
		return &indexExpr{at, x, &literal{at, n}}, nil
	}
	name, err := p.name()
	return &attrExpr{at, x, name}, err
}

// subscript reads an index or a slice.
func (p *parser) subscript(at pos, x expr) (expr, error) {
	var part [3]expr
	colons := 0
	for !p.op("]") {
		if p.op(":") {
			if colons++; colons > 2 {
				return nil, p.fail("a slice has more than two colons")
			}
			continue
		}
		if part[colons] != nil {
			return nil, p.fail("expected \"]\", found %s", p.peek())
		}
		var err error
		if part[colons], err = p.expression(); err != nil {
			return nil, err
		}
	}
	switch {
	case colons > 0:
		return &sliceExpr{at, x, part[0], part[1], part[2]}, nil
	case part[0] == nil:
		return nil, p.fail("an index is missing")
	}
	return &indexExpr{at, x, part[0]}, nil
}

// arguments reads what is behind an opening parenthesis.
func (p *parser) arguments() (arguments, error) {
	var a arguments
	for n := 0; !p.op(")"); n++ {
		if n > 0 {
			if err := p.need(opToken, ","); err != nil {
				return a, err
			}
			if p.op(")") {
				break
			}
		}
		if p.is(opToken, "*") || p.is(opToken, "**") {
			return a, p.fail("arguments with %s are not supported", p.peek().text)
		}
		if p.peek().kind == nameToken && p.tokens[p.at+1].kind == opToken && p.tokens[p.at+1].text == "=" {
			name := p.next().text
			p.next()
			x, err := p.expression()
			if err != nil {
				return a, err
			}
			a.names, a.named = append(a.names, name), append(a.named, x)
			continue
		}
		x, err := p.expression()
		if err != nil {
			return a, err
		}
		if a.named != nil {
			return a, p.fail("an argument without a name follows one with a name")
		}
		a.list = append(a.list, x)
	}
	return a, nil
}

// filtered reads filters, tests and calls behind a value.
func (p *parser) filtered(x expr) (expr, error) {
	for n := 0; ; n++ {
		if n == maxDepth {
			return nil, p.fail("more than %d filters in a row", n)
		}
		at := p.here()
		switch {
		case p.op("|"):
			f, err := p.filter()
			if err != nil {
				return nil, err
			}
			x = &filterExpr{at, x, f}
		case p.keyword("is"):
			t, err := p.test(at, x)
			if err != nil {
				return nil, err
			}
			x = t
		case p.op("("):
			args, err := p.arguments()
			if err != nil {
				return nil, err
			}
			x = &callExpr{at, x, args}
		default:
			return x, nil
		}
	}
}

func (p *parser) filter() (filterCall, error) {
	f := filterCall{pos: p.here()}
	var err error
	if f.name, err = p.name(); err != nil {
		return f, err
	}
	if filters[f.name] == nil && !slices.Contains(namedFilters, f.name) {
		return f, &Error{f.line(), fmt.Sprintf("the filter %q is not supported", f.name)}
	}
	if p.op("(") {
		f.args, err = p.arguments()
	}
	return f, err
}

func (p *parser) test(at pos, x expr) (expr, error) {
	t := &testExpr{pos: at, x: x, not: p.keyword("not")}
	k := p.next()
	t.name = k.text
	if k.kind != nameToken || tests[t.name] == nil {
		return nil, &Error{k.line, fmt.Sprintf("the test %q is not supported", k.text)}
	}
	var err error
	if p.op("(") {
		t.args, err = p.arguments()
		return t, err
	}
	k = p.peek()
	value := k.kind == stringToken || k.kind == intToken || k.kind == floatToken || k.kind == opToken && slices.Contains([]string{"(", "[", "{"}, k.text)
	name := k.kind == nameToken && !slices.Contains([]string{"else", "or", "and", "is", "if", "in", "not", "recursive"}, k.text)
	if !value && !name {
		return t, nil
	}
	arg, err := p.primary()
	if err != nil {
		return nil, err
	}
	if arg, err = p.postfix(arg); err != nil {
		return nil, err
	}
	t.args.list = []expr{arg}
	return t, nil
}
