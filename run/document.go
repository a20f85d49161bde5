package run

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"github.com/comlam/comlam/internal/bounded"
)

// Limits of a recipe. Real ones have some 50 lines and four levels.
const (
	maxBytes = 64 << 10
	maxDepth = 8
)

// document is the text of a recipe as a tree of YAML nodes, in which every value
// knows the line or the argument it came from.
type document struct {
	file string
	root *yaml.Node // a mapping
	// overridden says which nodes came from which command-line argument.
	overridden map[*yaml.Node]string
	// places says where each key that was read stands.
	places map[string]place
}

// place is where a value was written: an argument, or a line of the file.
type place struct {
	line     int
	override string
}

func emptyDocument() *document {
	return &document{root: &yaml.Node{Kind: yaml.MappingNode}, overridden: map[*yaml.Node]string{}, places: map[string]place{}}
}

// newDocument parses one YAML document and refuses what recipes do not use.
func newDocument(file string, text []byte) (*document, error) {
	d := emptyDocument()
	root, err := parseYAML(text)
	if err != nil {
		return nil, err.in(file)
	}
	if root == nil {
		return nil, &Error{File: file, Line: 1, Why: "the recipe is empty", Hint: "start with a section such as task: {name: channelpred}"}
	}
	if root.Kind != yaml.MappingNode {
		return nil, &Error{File: file, Line: root.Line, Why: "a recipe is made of sections, this is " + describe(root),
			Hint: "start with a section such as task: {name: channelpred}"}
	}
	d.file, d.root = file, root
	return d, nil
}

// syntaxError is a mistake below the level of settings.
type syntaxError struct {
	line      int
	why, hint string
}

func (e *syntaxError) in(file string) *Error {
	return &Error{File: file, Line: e.line, Why: e.why, Hint: e.hint}
}

// parseYAML returns the one document in text, or nil if there is none. It expands
// nothing, so that what is in memory is as large as what was written.
func parseYAML(text []byte) (*yaml.Node, *syntaxError) {
	if err := bounded.Check("bytes in a recipe", int64(len(text)), maxBytes); err != nil {
		return nil, &syntaxError{why: err.Error(), hint: "a recipe has some 50 lines; is this one?"}
	}
	if err := checkText(text); err != nil {
		return nil, err
	}
	dec := yaml.NewDecoder(bytes.NewReader(text))
	var doc, next yaml.Node
	if err := dec.Decode(&doc); errors.Is(err, io.EOF) {
		return nil, nil
	} else if err != nil {
		return nil, explainYAML(err)
	}
	root := doc.Content[0]
	if root.Tag == "!!null" {
		return nil, nil
	}
	switch err := dec.Decode(&next); {
	case err == nil:
		return nil, &syntaxError{next.Line, "a second document starts here", "keep one recipe in a file, without ---"}
	case !errors.Is(err, io.EOF):
		return nil, explainYAML(err)
	}
	return root, checkNode(root, 0)
}

// checkText finds bytes that are not text; the YAML reader would not say where.
func checkText(text []byte) *syntaxError {
	for i, line := range bytes.Split(text, []byte("\n")) {
		if !utf8.Valid(line) {
			return &syntaxError{i + 1, "the text is not UTF-8", "save the file as UTF-8"}
		}
		if at := bytes.IndexFunc(line, isControl); at >= 0 {
			r, _ := utf8.DecodeRune(line[at:])
			return &syntaxError{i + 1, fmt.Sprintf("there is a control character, %q", r), "remove it"}
		}
	}
	return nil
}

func isControl(r rune) bool { return unicode.IsControl(r) && r != '\t' && r != '\r' }

var yamlLine = regexp.MustCompile(`^line (\d+): `)

// explainYAML turns "yaml: line 3: did not find ..." into a line and a reason.
func explainYAML(err error) *syntaxError {
	why, line := strings.TrimPrefix(err.Error(), "yaml: "), 1
	if m := yamlLine.FindStringSubmatch(why); m != nil {
		line, _ = strconv.Atoi(m[1])
		why = strings.TrimPrefix(why, m[0])
	}
	return &syntaxError{line, "this is not YAML: " + why, "check the indentation, brackets and quotes around this line"}
}

// checkNode refuses what makes a short text mean something long or surprising:
// aliases, tags and deep nesting.
func checkNode(n *yaml.Node, depth int) *syntaxError {
	switch {
	case depth > maxDepth:
		return &syntaxError{n.Line, fmt.Sprintf("nested more than %d levels deep", maxDepth), "no setting is that deep; remove brackets"}
	case n.Kind == yaml.AliasNode:
		return &syntaxError{n.Line, fmt.Sprintf("alias %q is not allowed in a recipe", "*"+n.Value), "write the value out"}
	case n.Anchor != "":
		return &syntaxError{n.Line, fmt.Sprintf("anchor %q is not allowed in a recipe", "&"+n.Anchor), "remove it and write the value out where it is needed"}
	case n.Style&yaml.TaggedStyle != 0:
		return &syntaxError{n.Line, fmt.Sprintf("tag %q is not allowed in a recipe", n.Tag), "remove it; the setting knows its type"}
	}
	for _, child := range n.Content {
		if err := checkNode(child, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// placeOf is where a key was given its value. The key's line is that of the whole
// setting; the value of a block starts below it.
func (d *document) placeOf(key, value *yaml.Node) place {
	if arg, ok := d.overridden[value]; ok {
		return place{override: arg}
	}
	return place{line: key.Line}
}

// fail makes an error at p.
func (d *document) fail(p place, path, hint, format string, args ...any) *Error {
	e := &Error{Key: path, Why: fmt.Sprintf(format, args...), Hint: hint, Override: p.override}
	if p.override == "" {
		e.File, e.Line = d.file, p.line
	}
	return e
}

// nearestPlace is where path was written, or else the section around it, which
// left it at its default.
func (d *document) nearestPlace(path string) place {
	for path != "" {
		if p, ok := d.places[path]; ok {
			return p
		}
		path = path[:max(0, strings.LastIndexAny(path, ".["))]
	}
	return place{line: d.root.Line}
}

// describe names a node in an error: its text in quotes, or what kind it is.
func describe(n *yaml.Node) string {
	switch {
	case n.Kind == yaml.SequenceNode:
		return "a list"
	case n.Kind == yaml.MappingNode:
		return "a group of keys"
	case isNull(n):
		return "empty"
	case len(n.Value) > 60:
		return strconv.Quote(strings.ToValidUTF8(n.Value[:60], "")) + "..."
	}
	return strconv.Quote(n.Value)
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.Tag == "!!null" }
