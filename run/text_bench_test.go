package run

import (
	"archive/zip"
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/comlam/comlam/internal/testdata"
	"github.com/comlam/comlam/spec"
	"github.com/comlam/comlam/tokenizer"
)

// wordParagraphs is the XML of a document as long as those of 3GPP are: paragraphs, and a
// table for every tenth.
var wordParagraphs = strings.Repeat(strings.Repeat("<w:p><w:pPr><w:pStyle w:val='Normal'/></w:pPr><w:r><w:t>The channel of the cell is measured in each slot and reported.</w:t></w:r></w:p>", 10)+
	"<w:tbl><w:tr><w:tc><w:p><w:r><w:t>Index</w:t></w:r></w:p></w:tc><w:tc><w:p><w:r><w:t>Value</w:t></w:r></w:p></w:tc></w:tr></w:tbl>", 3000)

// htmlPart is as much of a page: ten paragraphs and a table.
var htmlPart = strings.Repeat("<p class='normal'>The <b>channel</b> of the <a href='#cell'>cell</a> is measured in each slot and reported.</p>\n", 10) +
	"<table><tr><th>Index</th><td>Value</td></tr></table>\n"

// longWord is the file of that document.
func longWord(b *testing.B) []byte {
	var file bytes.Buffer
	z := zip.NewWriter(&file)
	w, err := z.Create("word/document.xml")
	if err == nil {
		_, err = w.Write([]byte(`<?xml version="1.0"?><w:document xmlns:w="w" xmlns:m="m"><w:body>` + wordParagraphs + `</w:body></w:document>`))
	}
	if err := errors.Join(err, z.Close()); err != nil {
		b.Fatal(err)
	}
	return file.Bytes()
}

// BenchmarkReadAndTokenise is what a document costs from its bytes to token ids, format by
// format (of Word, of its XML): "go test -bench ReadAndTokenise -cpu 1 ./run" gives the
// rate of one core.
func BenchmarkReadAndTokenise(b *testing.B) {
	found := map[spec.Format][]spec.Source{}
	var texts []string
	for _, set := range []string{"3gpp_tr_library", "rfc_quic", "prose"} {
		for s, err := range spec.Sources(b.Context(), testdata.Dir(b, set), spec.DefaultLimits) {
			if err != nil {
				b.Fatal(err)
			}
			d, err := s.Read(spec.DefaultLimits)
			if err != nil {
				continue // a few of the records are refused: see the tests of spec
			}
			f := spec.Sniff(s.ID, s.Data)
			found[f] = append(found[f], s)
			if len(texts) < 500 {
				texts = append(texts, d.Text())
			}
		}
	}
	found[spec.Docx] = []spec.Source{{ID: "long.docx", Data: longWord(b)}}
	found[spec.HTML] = []spec.Source{{ID: "long.html", Data: []byte("<html><body>" + strings.Repeat(htmlPart, 3000) + "</body></html>")}}
	tok, err := tokenizer.Train(b.Context(), slices.Values(texts), tokenizer.Config{VocabSize: 8192})
	if err != nil {
		b.Fatal(err)
	}
	for _, f := range spec.Formats {
		var size int64
		for _, s := range found[f] {
			if size += int64(len(s.Data)); f == spec.Docx {
				size = int64(len(wordParagraphs))
			}
		}
		if size == 0 {
			continue
		}
		b.Run(string(f), func(b *testing.B) {
			b.SetBytes(size)
			for b.Loop() {
				for _, s := range found[f] {
					d, err := s.Read(spec.DefaultLimits)
					if err != nil {
						b.Fatal(err)
					}
					tok.Encode(d.Text())
				}
			}
		})
	}
}
