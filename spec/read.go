package spec

import (
	"bytes"
	"errors"
	"path"
	"strings"
	"unicode/utf8"

	"github.com/comlam/comlam/internal/bounded"
)

// Format is the markup of a document.
type Format string

// The formats that are read.
const (
	Markdown Format = "markdown"
	RST      Format = "rst"
	HTML     Format = "html"
	RFCText  Format = "text"
	Docx     Format = "docx"
)

// Formats lists them all.
var Formats = []Format{Markdown, RST, HTML, RFCText, Docx}

// endings tell the format of a file by its name.
var endings = []struct {
	ending string
	format Format
}{
	{".rst.txt", RST}, {".rst", RST}, {".md", Markdown}, {".markdown", Markdown}, {".mkd", Markdown},
	{".html", HTML}, {".htm", HTML}, {".xhtml", HTML}, {".txt", RFCText}, {".text", RFCText}, {".docx", Docx}, {".docm", Docx},
}

// ByName tells the format by the ending of a name; "" for none.
func ByName(name string) Format {
	name = strings.ToLower(path.Base(name))
	for _, e := range endings {
		if strings.HasSuffix(name, e.ending) {
			return e.format
		}
	}
	return ""
}

// Sniff tells the format by name and content: a name may end in .html where plain
// text was made of a page.
func Sniff(name string, data []byte) Format {
	format := ByName(name)
	begin := bytes.TrimLeft(bytes.TrimPrefix(data[:min(len(data), 1024)], []byte("\xef\xbb\xbf")), " \t\r\n")
	switch {
	case bytes.HasPrefix(data, []byte("PK\x03\x04")):
		return Docx
	case format == HTML && !bytes.HasPrefix(begin, []byte("<")):
		return RFCText
	case format == RFCText && looksHTML(begin):
		return HTML
	}
	return format
}

func looksHTML(begin []byte) bool {
	low := bytes.ToLower(begin)
	return bytes.HasPrefix(low, []byte("<!doctype html")) || bytes.HasPrefix(low, []byte("<html"))
}

// ErrFormat says that a document's format is not one of [Formats].
var ErrFormat = errors.New("neither Markdown, reStructuredText, HTML, text nor .docx; rename it to .md, .rst, .html, .txt or .docx")

// Read reads the document of that id, a path or another name that ends in one of
// the known endings. Its errors are *[FormatError].
func Read(id string, data []byte, lim Limits) (*Document, error) {
	doc, err := read(id, data, lim)
	if err == nil {
		return doc, nil
	}
	var known *FormatError
	if !errors.As(err, &known) {
		known = &FormatError{Err: err}
	}
	known.ID = id
	return nil, known
}

func read(id string, data []byte, lim Limits) (*Document, error) {
	if err := bounded.Check("bytes of the document", int64(len(data)), lim.Bytes); err != nil {
		return nil, err
	}
	doc := &Document{ID: id, Format: Sniff(id, data)}
	if doc.Format == "" {
		return nil, ErrFormat
	}
	if doc.Format != Docx {
		data = utf8Text(data)
	}
	t := newTree(doc, lim)
	var err error
	switch doc.Format {
	case HTML:
		err = readHTML(t, data)
	case Markdown:
		err = readMarkdown(t, data)
	case Docx:
		err = readDocx(t, data)
	case RST:
		err = readRST(t, data)
	case RFCText:
		err = readText(t, data)
	default:
		err = ErrFormat
	}
	if err != nil {
		return nil, err
	}
	return t.finish()
}

// utf8Text makes text valid UTF-8 with plain line feeds. Bytes that are none become
// U+FFFD, which a reader sees.
func utf8Text(data []byte) []byte {
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	if !utf8.Valid(data) {
		data = bytes.ToValidUTF8(data, []byte("\uFFFD"))
	}
	if bytes.IndexByte(data, '\r') < 0 {
		return data
	}
	data = bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n"))
	return bytes.ReplaceAll(data, []byte("\r"), []byte("\n"))
}
