package run

import (
	"slices"
	"testing"

	"github.com/comlam/comlam/internal/testdata"
	"github.com/comlam/comlam/spec"
	"github.com/comlam/comlam/tokenizer"
)

// BenchmarkReadAndTokenise is what a document costs from its bytes to token ids, format by
// format: "go test -bench ReadAndTokenise -cpu 1 ./run" gives the rate of one core.
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
	tok, err := tokenizer.Train(b.Context(), slices.Values(texts), tokenizer.Config{VocabSize: 8192})
	if err != nil {
		b.Fatal(err)
	}
	for _, f := range spec.Formats {
		var bytes int64
		for _, s := range found[f] {
			bytes += int64(len(s.Data))
		}
		if bytes == 0 {
			continue
		}
		b.Run(string(f), func(b *testing.B) {
			b.SetBytes(bytes)
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
