package spec

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/comlam/comlam/internal/bounded"
)

// zipped makes a package of parts.
func zipped(t testing.TB, parts map[string]string) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := zip.NewWriter(&buf)
	for name, text := range parts {
		f, err := w.Create(name)
		if err == nil {
			_, err = f.Write([]byte(text))
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

// wordBody makes a document of Word with that body.
func wordBody(t testing.TB, body string) []byte {
	return zipped(t, map[string]string{"word/document.xml": `<?xml version="1.0"?><w:document xmlns:w="w" xmlns:m="m"><w:body>` + body + `</w:body></w:document>`})
}

// overlapped makes both entries of a directory point to the same bytes.
func overlapped(t testing.TB) []byte {
	data := zipped(t, map[string]string{"word/document.xml": strings.Repeat("a", 1000), "b": strings.Repeat("a", 1000)})
	first := bytes.Index(data, []byte("PK\x01\x02"))
	second := first + 4 + bytes.Index(data[first+4:], []byte("PK\x01\x02"))
	copy(data[second+42:second+46], data[first+42:first+46])
	return data
}

// TestBombs: each small file that asks for much is refused with a limit or format
// error, quickly and in little memory.
func TestBombs(t *testing.T) {
	deep := func(open, shut string, n int) string { return strings.Repeat(open, n) + strings.Repeat(shut, n) }
	zeros := strings.Repeat(" ", 40<<20)
	cases := []struct {
		name string
		data []byte
		lim  bool // a limit, else the format
	}{
		{"ratio.docx", wordBody(t, zeros), true},
		{"nested.docx", zipped(t, map[string]string{"word/document.xml.zip": string(zipped(t, map[string]string{"word/document.xml": zeros}))}), false},
		{"overlap.docx", overlapped(t), false},
		{"depth.docx", wordBody(t, deep("<w:p>", "</w:p>", 1000000)), true},
		{"tables.docx", wordBody(t, deep("<w:tbl><w:tr><w:tc>", "</w:tc></w:tr></w:tbl>", 120)), true},
		{"entity.docx", zipped(t, map[string]string{"word/document.xml": `<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><w:document><w:body>&b;</w:body></w:document>`}), false},
		{"undefined.docx", wordBody(t, "<w:p><w:r><w:t>&b;</w:t></w:r></w:p>"), false},
		{"open.docx", wordBody(t, "<w:p>"), false},
		{"wide.docx", wordBody(t, "<w:tbl>"+strings.Repeat("<w:tr><w:tc><w:tcPr><w:gridSpan w:val='999999999'/></w:tcPr></w:tc></w:tr>", 2000)+"</w:tbl>"), true},
		{"empty.docx", []byte("PK\x03\x04"), false},
		{"none.docx", zipped(t, map[string]string{"a": "b"}), false},
		{"deep.md", []byte(deep(">", "", 1000000)), true},
		{"list.md", []byte(deep("- ", "", 1000000)), true},
		{"deep.html", []byte(deep("<blockquote>", "</blockquote>", 1000000)), false},
		{"list.html", []byte(deep("<ul><li>", "", 150)), true},
		{"wide.html", []byte("<table>" + strings.Repeat("<tr><td colspan=1000>a", 2000)), true},
		{"yaml.md", []byte("---\na: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\nc: [*b\n---\n"), false},
	}
	zeros = ""
	for _, c := range cases {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		began := time.Now()
		_, err := Read(c.name, c.data, DefaultLimits)
		took := time.Since(began)
		runtime.ReadMemStats(&after)
		var limit *bounded.LimitError
		var format *FormatError
		if !errors.As(err, &format) || c.lim && !errors.As(err, &limit) {
			t.Errorf("%s: got %v", c.name, err)
		}
		if allocated := after.TotalAlloc - before.TotalAlloc; took > 5*time.Second || allocated > 256<<20 {
			t.Errorf("%s: %v, %d MiB", c.name, took, allocated>>20)
		}
	}
}

// hostile are texts that cost a careless reader time with their square: one repeated,
// or what a function makes.
var hostile = []struct {
	name, unit string
	make       func(n int) string
}{
	{name: "brackets.md", unit: "["}, {name: "dollars.md", unit: "$a "}, {name: "stars.md", unit: "*a _"}, {name: "pairs.md", unit: "**a *b"},
	{name: "ticks.md", unit: "`a ``"}, {name: "tags.md", unit: "<a "}, {name: "entities.md", unit: "&a"}, {name: "pipes.md", unit: "|a\n|-\n"},
	{name: "rows.md", unit: "|a|a\n"}, {name: "comments.md", unit: "<!-- "}, {name: "images.md", unit: "!["}, {name: "links.md", unit: "[a]("},
	{name: "addresses.md", unit: "[a](<"}, {name: "parens.md", unit: "[a]((((("}, {name: "titles.md", unit: "[a](b 'c"}, {name: "labels.md", unit: "[a]["},
	{name: "definitions.md", unit: "[a]: b\n"}, {name: "braces.md", unit: "{{a"}, {name: "terms.md", unit: "a\n: b\n"}, {name: "lines.md", unit: "a\n"},
	{name: "nested.md", make: func(n int) string { return strings.Repeat("[", n/2) + strings.Repeat("]", n/2) }},
	{name: "inside.md", make: func(n int) string { return strings.Repeat("[", n/5) + strings.Repeat("](b)", n/5) }},
	{name: "parts.md", make: func(n int) string { return "---\na: b\n---\n" + strings.Repeat("--- middle\n", n/11) }},
	{name: "tags.html", unit: "<b>"}, {name: "tables.html", unit: "<table><td>"}, {name: "a.html", unit: "<a href=x>"}, {name: "pairs.html", unit: "<em>a</em>"},
	{name: "formats.html", unit: "<i><b><p></i>"}, {name: "cells.html", unit: "<tr><td>a"}, {name: "attributes.html", unit: "<x y z "},
	{name: "lists.rst", unit: "- a\n"}, {name: "markup.rst", unit: "`a *b "}, {name: "ticks.rst", unit: "`a"}, {name: "targets.rst", unit: "`a<b"},
	{name: "blocks.rst", unit: "a\n b\n"}, {name: "notes.rst", unit: ".. note::\n"},
	{name: "simple.rst", make: func(n int) string { return "== ==\na  b\n" + strings.Repeat("   b\n", n/5) + "== ==\n" }},
	{name: "grid.rst", make: func(n int) string { return "+--+\n" + strings.Repeat("|a |\n", n/5) + "+--+\n" }},
	{name: "spaces.txt", unit: " a\n"}, {name: "pages.txt", make: func(n int) string { return "RFC 1 a\n\n" + strings.Repeat("a [Page 1]\n\f\nRFC 1 a 1999\n\n", n/29) }},
	{name: "sections.txt", make: func(n int) string { return "RFC 1 a\n\n" + strings.Repeat("1. a\n\n", n/6) }},
}

// TestLinear: four times as much hostile text allocates about four times as many
// bytes, which no machine's load changes. What looks at text without allocating is
// held by the budgets of mdbound.go; see TestBudgets.
func TestLinear(t *testing.T) {
	for _, c := range hostile {
		cost := func(n int) (bytes uint64, took time.Duration) {
			text := strings.Repeat(c.unit, n/max(1, len(c.unit)))
			if c.make != nil {
				text = c.make(n)
			}
			data := []byte(text)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			began := time.Now()
			Read(c.name, data, DefaultLimits) // refused or not: what counts is the work
			took = time.Since(began)
			runtime.ReadMemStats(&after)
			return after.TotalAlloc - before.TotalAlloc, took
		}
		cost(1 << 10)
		small, _ := cost(32 << 10)
		large, took := cost(128 << 10)
		t.Logf("%-16s %8d KiB %8d KiB %v", c.name, small>>10, large>>10, took)
		if large > 8*small+1<<20 {
			t.Errorf("%s allocates %d bytes for 32 KiB, %d for 128 KiB", c.name, small, large)
		}
	}
}

// TestBudgets: a paragraph of many links keeps them all, and where the work that its
// marks may cost is used up, every character stays.
func TestBudgets(t *testing.T) {
	count := func(text string) (links int, all string) {
		d, err := Read("a.md", []byte(text), DefaultLimits)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range d.Clauses[0].Blocks[0].(*Paragraph).Text {
			if s.Kind == Link {
				links++
			}
		}
		return links, d.Text()
	}
	if links, _ := count(strings.Repeat("[a](b) *c* and ", 5000)); links != 5000 {
		t.Errorf("%d of 5000 links are read", links)
	}
	if _, all := count(strings.Repeat("*a* ", 1000)); strings.Count(all, "*") != 1000 || strings.Count(all, "a") != 1000 {
		t.Errorf("of 1000 words in emphasis, %d have lost neither or both stars", strings.Count(all, "a"))
	}
	for _, mark := range []string{"[a](", "![", "[a](<"} {
		if _, all := count(strings.Repeat(mark, 20000)); strings.TrimSpace(all) != strings.Repeat(mark, 20000) {
			t.Errorf("20000 times %q are other text: %.60q, %d bytes", mark, all, len(all))
		}
	}
	links, _ := count(strings.Repeat("[a](", 20000) + strings.Repeat(" [a](b)", 10))
	if links != 0 {
		t.Errorf("after 20000 brackets without a partner %d links are read", links)
	}
}

func TestZipSizes(t *testing.T) {
	data := wordBody(t, "<w:p><w:r><w:t>x</w:t></w:r></w:p>")
	at := bytes.Index(data, []byte("PK\x01\x02"))
	for _, size := range []uint32{0, 1, 1 << 31, 0xfffffffe} {
		lied := bytes.Clone(data)
		binary.LittleEndian.PutUint32(lied[at+20:], size)
		if _, err := Read("a.docx", lied, DefaultLimits); err == nil {
			t.Errorf("a packed size of %d that is not so is read", size)
		}
	}
	if _, err := Read("a.docx", data, DefaultLimits); err != nil {
		t.Error(err)
	}
}

// TestRemarks: what is more than a paragraph may cost stays as text, and a remark says
// where; ordinary marks are read and leave none.
func TestRemarks(t *testing.T) {
	for _, c := range []struct{ name, text, remark string }{
		{"emphasis", "a *b* c\n\n" + strings.Repeat("*x* ", 2*maxEmphasis), "line 3: a paragraph has more than 1000 runs of * and _; those that follow in it are plain text"},
		{"twice", strings.Repeat("\n\n"+strings.Repeat("_x_ ", maxEmphasis), 2), "plain text, and so it is in 1 more"},
		{"links", "one\n\ntwo\nthree " + strings.Repeat("[a](", 50000), "line 4: a paragraph has brackets"},
		{"definitions", strings.Repeat("[a]: b\n", maxDefinitions+1), "line 1: a paragraph has more than 1000 lines"},
		{"long", strings.Repeat("one line of many\n", maxDefinitions+1), ""},
		{"plain", strings.Repeat("*a* [b](c) _d_ ", 200), ""},
	} {
		doc, err := Read(c.name+".md", []byte(c.text), DefaultLimits)
		if err != nil {
			t.Fatal(c.name, err)
		}
		if (c.remark == "") != (len(doc.Remarks) == 0) || !strings.Contains(strings.Join(doc.Remarks, "\n"), c.remark) {
			t.Errorf("%s: %q, want %q", c.name, doc.Remarks, c.remark)
		}
		var text strings.Builder
		for clause := range doc.All() {
			text.WriteString(PlainText(clause.Blocks))
		}
		for _, letter := range "axbmo" {
			in, out := strings.Count(c.text, string(letter)), strings.Count(text.String(), string(letter))
			if c.name != "definitions" && c.name != "plain" && in != out {
				t.Errorf("%s: %d letters %c of %d are left", c.name, out, letter, in)
			}
		}
	}
}
