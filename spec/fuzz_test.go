package spec

import (
	"archive/zip"
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/comlam/comlam/internal/bounded"
)

// fuzzLimits keep one execution short.
var fuzzLimits = Limits{Bytes: 1 << 16, Expanded: 1 << 18, Ratio: 50, Depth: 20, Cells: 1 << 12, Blocks: 1 << 12}

// tryRead reads hostile bytes: a document that can be written in every form, or a
// FormatError.
func tryRead(t *testing.T, name string, data []byte) {
	d, err := Read(name, data, fuzzLimits)
	if err != nil {
		var f *FormatError
		if !errors.As(err, &f) || f.ID != name {
			t.Fatalf("error of type %T: %v", err, err)
		}
		return
	}
	d.Text()
	d.Markdown()
	for c := range d.All() {
		if c.Level < 1 || c.Level > fuzzLimits.Depth {
			t.Fatalf("a clause of level %d", c.Level)
		}
	}
}

func fuzzText(f *testing.F, ending string, seeds ...string) {
	for _, h := range hostile {
		if strings.HasSuffix(h.name, ending) && h.unit != "" {
			f.Add([]byte(strings.Repeat(h.unit, 4)))
		}
	}
	for _, s := range seeds {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) { tryRead(t, "a"+ending, data) })
}

func FuzzMarkdown(f *testing.F) {
	fuzzText(f, ".md", "---\ntitle: a\n---\n# 1 A {#b}\n\n> [!NOTE]\n> b\n\n|a|b|\n|-|-|\n|c|$d$|\n", "--- middle\n\n# A\n\n{{a}}\n\n~~~ asn.1\nA ::= SEQUENCE {}\n~~~\n{: title=\"b\"}\n",
		"a\n: b\n\n$$x$$ (1)\n\n<table><tr><td rowspan=2>a</table>\n")
}

func FuzzRST(f *testing.F) {
	fuzzText(f, ".rst", "A\n=\n\n:a: b\n\n== ==\nc  d\n== ==\n\n+---+\n| e |\n+---+\n", ".. csv-table:: T\n   :header: a, b\n\n   1, 2\n\n.. list-table:: U\n\n   * - x\n     - y\n", "a::\n\n  b\n\n| c\n\n.. [1] d\n\n:math:`x` `a <b>`_\n")
}

func FuzzHTML(f *testing.F) {
	fuzzText(f, ".html", "<h1 id=a>1 A</h1><ul><li>b<ol start=2><li>c</ol></ul><table><tr><th>a<td rowspan=2 colspan=3>b</table>", "<dl><dt>a<dd>b</dl><pre class=language-c>x</pre><p class=note>n<math alttext=x></math><a href=b>c</a><sub>2</sub>")
}

func FuzzText(f *testing.F) {
	fuzzText(f, ".txt", "Request for Comments: 1\n\n1.  Intro\n\n   It goes on\n\nPostel      [Page 1]\n\f\nRFC 1    Host    April 1969\n\n   here.\n\n  o  a\n\nAppendix A.  B\n\n   a = b / c\n")
}

// FuzzDocx changes what a package holds: its main part, styles and numbering. Where
// whole is true, the bytes of the first are the file itself.
func FuzzDocx(f *testing.F) {
	files, err := filepath.Glob("testdata/docx/*.docx")
	if err != nil || len(files) == 0 {
		f.Fatal(files, err)
	}
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data, []byte{}, []byte{}, true)
		f.Add(partOf(f, z, "word/document.xml"), partOf(f, z, "word/styles.xml"), partOf(f, z, "word/numbering.xml"), false)
	}
	f.Add(overlapped(f), []byte{}, []byte{}, true)
	f.Add([]byte("<w:document><w:body><w:tbl><w:tr><w:tc><w:tcPr><w:vMerge/><w:gridSpan w:val='3'/></w:tcPr><w:p/></w:tc></w:tr></w:tbl></w:body></w:document>"), []byte{}, []byte{}, false)
	f.Fuzz(func(t *testing.T, main, styles, numbering []byte, whole bool) {
		if whole {
			tryRead(t, "a.docx", append([]byte("PK\x03\x04"), bytes.TrimPrefix(main, []byte("PK\x03\x04"))...))
			return
		}
		tryRead(t, "a.docx", stored(t, main, styles, numbering))
	})
}

// partOf is a part of a package, at most 4 KiB of it, so that executions are short.
func partOf(f *testing.F, z *zip.Reader, name string) []byte {
	r, err := z.Open(name)
	if err != nil {
		return nil // pandoc writes no numbering where there is none
	}
	defer r.Close()
	data, err := bounded.NewReader(r, 1<<20).All()
	if err != nil {
		f.Fatal(err)
	}
	return data[:min(len(data), 4096)]
}

// stored makes a package without packing, which would take longer than reading.
func stored(t *testing.T, main, styles, numbering []byte) []byte {
	var buf bytes.Buffer
	w := zip.NewWriter(&buf)
	for _, p := range []struct {
		name string
		data []byte
	}{{"word/document.xml", main}, {"word/styles.xml", styles}, {"word/numbering.xml", numbering}} {
		part, err := w.CreateHeader(&zip.FileHeader{Name: p.name, Method: zip.Store})
		if err == nil && len(p.data) > 0 {
			_, err = io.Copy(part, bytes.NewReader(p.data))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}
