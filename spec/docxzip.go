package spec

import (
	"archive/zip"
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/comlam/comlam/internal/bounded"
)

// A part is one file of a package and its limits: a package is a zip file of XML.

// ErrDocx says that a file is not a document of Word.
var ErrDocx = errors.New("not a .docx document")

const (
	maxParts = 10000
	xmlDepth = 4 // elements stand inside each other up to this many times Limits.Depth
)

// A docxFile is an open package.
type docxFile struct {
	parts    map[string]*zip.File
	lim      Limits
	expanded int64 // bytes unpacked so far
}

func openDocx(data []byte, lim Limits) (*docxFile, error) {
	z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDocx, err)
	}
	if err := bounded.Check("parts of the package", int64(len(z.File)), maxParts); err != nil {
		return nil, err
	}
	f := &docxFile{parts: map[string]*zip.File{}, lim: lim}
	for _, p := range z.File {
		if f.parts[p.Name] != nil {
			return nil, fmt.Errorf("%w: it has two parts %q", ErrDocx, p.Name)
		}
		f.parts[p.Name] = p
	}
	return f, apartInFile(z.File, int64(len(data)))
}

// apartInFile refuses parts that share bytes, by which a small file can claim to be
// a very large one.
func apartInFile(files []*zip.File, size int64) error {
	type extent struct{ from, to int64 }
	var all []extent
	for _, p := range files {
		from, err := p.DataOffset()
		if err != nil {
			return fmt.Errorf("%w: part %q: %w", ErrDocx, p.Name, err)
		}
		to, err := bounded.Add(from, int64(min(p.CompressedSize64, 1<<62)))
		if err != nil {
			return err
		}
		if to > size {
			return fmt.Errorf("%w: part %q goes beyond the end of the file", ErrDocx, p.Name)
		}
		all = append(all, extent{from, to})
	}
	slices.SortFunc(all, func(a, b extent) int { return int(min(max(a.from-b.from, -1), 1)) })
	for i := 1; i < len(all); i++ {
		if all[i].from < all[i-1].to {
			return fmt.Errorf("%w: its parts overlap", ErrDocx)
		}
	}
	return nil
}

// open returns the bytes of a part as they unpack, nil where there is no such part.
func (f *docxFile) open(name string) (io.ReadCloser, error) {
	p := f.parts[name]
	if p == nil {
		return nil, nil
	}
	r, err := p.Open()
	if err != nil {
		return nil, at(name, err)
	}
	most := min(f.lim.Expanded-f.expanded, 1<<20+f.lim.Ratio*int64(min(p.CompressedSize64, 1<<40)))
	return partReader{bounded.NewReader(r, most), r, f}, nil
}

// partReader counts what all parts unpack to.
type partReader struct {
	*bounded.Reader
	io.Closer
	file *docxFile
}

func (r partReader) Read(b []byte) (int, error) {
	n, err := r.Reader.Read(b)
	r.file.expanded += int64(n)
	return n, err
}

// A node is an XML element without its namespace.
type node struct {
	name     string
	attrs    []xml.Attr
	children []*node
	text     string // of w:t and its like: characters outside elements
}

func (n *node) attr(name string) string {
	for _, a := range n.attrs {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

// child is the first child of that name, or an empty node.
func (n *node) child(name string) *node {
	for _, c := range n.children {
		if c.name == name {
			return c
		}
	}
	return &node{}
}

// val is the attribute val of a child.
func (n *node) val(name string) string { return n.child(name).attr("val") }

func (n *node) has(name string) bool { return n.child(name).name != "" }

// find is the first element of that name at any depth, or nil.
func (n *node) find(name string) *node {
	for _, c := range n.children {
		if c.name == name {
			return c
		}
		if deep := c.find(name); deep != nil {
			return deep
		}
	}
	return nil
}

// An xmlReader reads elements of a part one after another.
type xmlReader struct {
	dec   *xml.Decoder
	lim   Limits
	part  string
	depth int
	nodes int64
}

func newXMLReader(part string, r io.Reader, lim Limits) *xmlReader {
	return &xmlReader{dec: xml.NewDecoder(r), lim: lim, part: part}
}

// token is the next token. Document types are refused: what they declare could grow
// without end.
func (x *xmlReader) token() (xml.Token, error) {
	t, err := x.dec.Token()
	switch t.(type) {
	case xml.StartElement:
		x.depth++
		x.nodes++
		err = first(err, bounded.Check("depth of XML", int64(x.depth), int64(xmlDepth*x.lim.Depth)),
			bounded.Check("elements", x.nodes, 16*x.lim.Blocks))
	case xml.EndElement:
		x.depth--
	case xml.Directive:
		err = first(err, errors.New("it declares a document type, which no document of Word does"))
	}
	if err != nil && err != io.EOF {
		return nil, at(fmt.Sprintf("%s, byte %d", x.part, x.dec.InputOffset()), err)
	}
	return t, err
}

// enter skips to the first element of that name and goes into it.
func (x *xmlReader) enter(name string) error {
	for {
		t, err := x.token()
		if err == io.EOF {
			return at(x.part, fmt.Errorf("%w: there is no <%s>", ErrDocx, name))
		}
		if err != nil {
			return err
		}
		if s, ok := t.(xml.StartElement); ok && s.Name.Local == name {
			return nil
		}
	}
}

// next is the next element with all that it holds, or nil at the end of the one that
// it is in.
func (x *xmlReader) next() (*node, error) {
	for {
		t, err := x.token()
		if err == io.EOF {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		switch t := t.(type) {
		case xml.StartElement:
			return x.element(t)
		case xml.EndElement:
			return nil, nil
		}
	}
}

func (x *xmlReader) element(s xml.StartElement) (*node, error) {
	n := &node{name: s.Name.Local, attrs: s.Attr}
	for {
		t, err := x.token()
		if err != nil {
			return nil, err
		}
		switch t := t.(type) {
		case xml.StartElement:
			c, err := x.element(t)
			if err != nil {
				return nil, err
			}
			n.children = append(n.children, c)
		case xml.CharData:
			if n.name == "t" || n.name == "lvlText" || len(n.children) == 0 && len(bytes.TrimSpace(t)) > 0 {
				n.text += string(t)
			}
		case xml.EndElement:
			return n, nil
		}
	}
}

// whole reads a small part, styles for instance, completely; an empty node where
// there is none.
func (f *docxFile) whole(name string) (*node, error) {
	r, err := f.open(name)
	if err != nil || r == nil {
		return &node{}, err
	}
	defer r.Close()
	n, err := newXMLReader(name, r, f.lim).next()
	if n == nil {
		n = &node{}
	}
	return n, err
}
