package jinja

// A node is a statement: it writes to the output and sets variables.
type node interface{ line() int }

// An expr is an expression.
type expr interface{ line() int }

type pos int

func (p pos) line() int { return int(p) }

// Statements.
type (
	textNode struct {
		pos
		text string
	}
	printNode struct {
		pos
		x expr
	}
	ifNode struct {
		pos
		cond       expr
		body, more []node // more: elif and else
	}
	forNode struct {
		pos
		targets    []string
		over, cond expr
		body, none []node
	}
	setNode struct {
		pos
		targets []target
		x       expr
	}
	setBlock struct {
		pos
		to      target
		filters []filterCall
		body    []node
	}
	filterBlock struct {
		pos
		filters []filterCall
		body    []node
	}
	macroNode struct {
		pos
		name   string
		params []param
		body   []node
	}
	withNode struct {
		pos
		names  []string
		values []expr
		body   []node
	}
	generationNode struct {
		pos
		body []node
	}
	jumpNode struct {
		pos
		leave bool // break, not continue
	}
)

// A target is a name, or an attribute of a namespace.
type target struct{ name, attr string }

type param struct {
	name  string
	value expr // the default; nil: none
}

// Expressions.
type (
	literal struct {
		pos
		value any
	}
	nameExpr struct {
		pos
		name string
	}
	listExpr struct {
		pos
		items []expr
		tuple bool
	}
	dictExpr struct {
		pos
		keys, values []expr
	}
	attrExpr struct {
		pos
		x    expr
		name string
	}
	indexExpr struct {
		pos
		x, index expr
	}
	sliceExpr struct {
		pos
		x               expr
		low, high, step expr
	}
	callExpr struct {
		pos
		fn   expr
		args arguments
	}
	filterExpr struct {
		pos
		x    expr
		call filterCall
	}
	testExpr struct {
		pos
		x    expr
		name string
		args arguments
		not  bool
	}
	unaryExpr struct {
		pos
		op string
		x  expr
	}
	binaryExpr struct {
		pos
		op   string
		x, y expr
	}
	compareExpr struct {
		pos
		x    expr
		ops  []string
		rest []expr
	}
	condExpr struct {
		pos
		cond, yes, no expr // no may be nil
	}
)

type arguments struct {
	list  []expr
	names []string // of the named ones
	named []expr
}

type filterCall struct {
	pos
	name string
	args arguments
}
