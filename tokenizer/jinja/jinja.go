// Package jinja renders chat templates: the part of Jinja 2 that the templates of
// published language models use, as Hugging Face's transformers sets it up. A template
// is data that somebody else wrote. It sees the values that it is given and nothing
// else, runs within a budget of steps and bytes, and cannot change its input.
//
// # What is there
//
// Statements: if, elif, else; for with an "if" filter, else, and the loop variables
// index, index0, revindex, revindex0, first, last, length, previtem, nextitem, cycle;
// break and continue; set, also of several names, of a namespace's attribute and of a
// block; macro with defaults; filter; with; raw; generation, which marks what the
// assistant says. Comments and whitespace control with - and +. Line ends behind
// statements and blanks before them are dropped (trim_blocks, lstrip_blocks).
//
// Expressions: literals of strings, numbers, lists, tuples and dictionaries; and, or,
// not, comparisons, in, is; + - * / // % ** and ~; a if b else c; attributes,
// subscripts, slices; calls with named arguments.
//
// Filters: abs, capitalize, count, d, default, dictsort, first, float, indent, int,
// items, join, last, length, list, lower, map, max, min, reject, rejectattr, replace,
// reverse, round, safe, select, selectattr, sort, string, sum, title, tojson, trim,
// unique, upper.
//
// Tests: boolean, callable, defined, divisibleby, eq, equalto, even, false, float, ge,
// gt, in, integer, iterable, le, lower, lt, mapping, ne, none, number, odd, sameas,
// sequence, string, true, undefined, upper, and the signs of comparison.
//
// Functions: range, namespace, dict, raise_exception. Methods of strings: strip,
// lstrip, rstrip, split, rsplit, splitlines, startswith, endswith, upper, lower, title,
// capitalize, replace, find, count, join, removeprefix, removesuffix, isdigit, isalpha,
// isspace; of dictionaries: get, items, keys, values; of lists: index, count.
//
// # What is not
//
// Whatever else Jinja has is an error that names it: at parsing for statements, filters
// and tests, at rendering for methods. There is no way to files, to modules or to a
// clock: strftime_now is not defined, for the text of a chat must not depend on the day;
// templates that ask for it and have a date to fall back on use that, others can be
// given a date as a variable. Whole numbers are those of 64 bits, and keys of
// dictionaries are strings.
//
// # Source
//
// The Jinja template designer documentation, version 3.1, and the outputs of jinja2
// recorded in testdata.
package jinja

import (
	"fmt"
)

// A Budget limits one rendering.
type Budget struct {
	Steps int64 // parts of the template that are looked at, and elements that are handled
	Bytes int64 // of the output, and of all text that is made on the way 16 times as many
}

// DefaultBudget is ample for every published template: a million steps, a mebibyte.
var DefaultBudget = Budget{Steps: 1 << 20, Bytes: 1 << 20}

// A Template is a parsed template. It is safe for concurrent use.
type Template struct {
	source string
	body   []node
	marks  bool
}

// Span is a part of an output in bytes.
type Span struct{ Start, End int }

// Output is what a template rendered.
type Output struct {
	Text string
	// Generated are the parts inside generation statements, in order.
	Generated []Span
}

// An Error says where a template is wrong, or what it did wrong.
type Error struct {
	Line int
	Why  string
}

func (e *Error) Error() string { return fmt.Sprintf("template line %d: %s", e.Line, e.Why) }

// RaisedError is what a template itself reports with raise_exception.
type RaisedError struct{ Message string }

func (e *RaisedError) Error() string { return "the template refuses the chat: " + e.Message }

// BudgetError says that a rendering would take too much.
type BudgetError struct {
	What  string
	Limit int64
}

func (e *BudgetError) Error() string {
	return fmt.Sprintf("the template needs more than %d %s", e.Limit, e.What)
}

// maxSource is the largest template in bytes; the largest published one has some 30 KB.
const maxSource = 1 << 20

// Parse parses a template. A construct that is not in the subset is an error.
func Parse(source string) (*Template, error) {
	if len(source) > maxSource {
		return nil, &Error{1, fmt.Sprintf("it has %d bytes, at most %d are allowed", len(source), maxSource)}
	}
	tokens, err := lex(source)
	if err != nil {
		return nil, err
	}
	p := &parser{tokens: tokens}
	body, err := p.statements()
	if err != nil {
		return nil, err
	}
	return &Template{source: source, body: body, marks: p.marks}, nil
}

// Source is the text that was parsed.
func (t *Template) Source() string { return t.source }

// Marks says whether the template has generation statements.
func (t *Template) Marks() bool { return t.marks }

// Render runs the template with variables: nil, bool, int, int64, float64, string,
// []any, map[string]any (whose keys then are in sorted order) and [*Dict].
func (t *Template) Render(vars map[string]any, b Budget) (out Output, err error) {
	r := &renderer{budget: b, out: &writer{}}
	defer func() {
		switch p := recover().(type) {
		case nil:
		case *BudgetError:
			out, err = Output{}, p
		case error:
			if p != errLazy {
				panic(p)
			}
			out, err = Output{}, &Error{r.line, p.Error()}
		default:
			panic(p)
		}
	}()
	globals := newScope(nil)
	for name, f := range globalFunctions {
		globals.set(name, f)
	}
	for name, v := range vars {
		value, err := fromGo(v, 0)
		if err != nil {
			return Output{}, fmt.Errorf("variable %q: %w", name, err)
		}
		globals.set(name, value)
	}
	if err := r.run(t.body, newScope(globals)); err != nil {
		return Output{}, err
	}
	return Output{r.out.String(), r.spans}, nil
}
