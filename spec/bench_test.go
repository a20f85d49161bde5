package spec

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/comlam/comlam/internal/testdata"
)

// BenchmarkRead reads the documents of each format and says how many bytes of their
// files a second. Those of Word are counted as they unpack.
func BenchmarkRead(b *testing.B) {
	found := map[Format][]Source{}
	for _, set := range []string{"3gpp_tr_library", "rfc_quic", "prose"} {
		for s, err := range Sources(b.Context(), testdata.Dir(b, set), DefaultLimits) {
			if err != nil {
				b.Fatal(err)
			}
			f := Sniff(s.ID, s.Data)
			found[f] = append(found[f], s)
		}
	}
	files, _ := filepath.Glob("testdata/docx/*.docx")
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			b.Fatal(err)
		}
		found[Docx] = append(found[Docx], Source{ID: name, Data: data})
	}
	// A document as long as those of 3GPP are: paragraphs, a table for every tenth.
	long := strings.Repeat(strings.Repeat("<w:p><w:pPr><w:pStyle w:val='Normal'/></w:pPr><w:r><w:t>The channel of the cell is measured in each slot and reported.</w:t></w:r></w:p>", 10)+
		"<w:tbl><w:tr><w:tc><w:p><w:r><w:t>Index</w:t></w:r></w:p></w:tc><w:tc><w:p><w:r><w:t>Value</w:t></w:r></w:p></w:tc></w:tr></w:tbl>", 3000)
	found["docx-long"] = []Source{{ID: "long.docx", Data: wordBody(b, long)}}
	for _, f := range append([]Format{"docx-long"}, Formats...) {
		var bytes int64
		for _, s := range found[f] {
			n := int64(len(s.Data))
			if strings.HasSuffix(s.ID, ".docx") {
				n = unpackedSize(b, s.Data)
			}
			bytes += n
		}
		if bytes == 0 {
			continue
		}
		b.Run(string(f), func(b *testing.B) {
			b.SetBytes(bytes)
			for b.Loop() {
				for _, s := range found[f] {
					s.Read(DefaultLimits) // a few of the records are refused: see the tests
				}
			}
		})
	}
}

// unpackedSize is how many bytes of XML a document of Word holds.
func unpackedSize(t testing.TB, data []byte) (n int64) {
	f, err := openDocx(data, DefaultLimits)
	if err != nil {
		t.Fatal(err)
	}
	for name, p := range f.parts {
		if strings.HasSuffix(name, ".xml") {
			n += int64(p.UncompressedSize64)
		}
	}
	return n
}
