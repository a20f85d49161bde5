package tokenizer

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/comlam/comlam/internal/testdata"
)

// rfcs is the text of RFC 8999 to 9002.
func rfcs(t testing.TB) []string {
	dir := testdata.Dir(t, "rfc_quic")
	names, err := filepath.Glob(filepath.Join(dir, "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	var texts []string
	for _, n := range names {
		b, err := os.ReadFile(n)
		if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, string(b))
	}
	return texts
}

func TestTrainOnRFCs(t *testing.T) {
	texts := rfcs(t)
	tok, err := Train(t.Context(), slices.Values(texts), Config{VocabSize: 4096})
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, s := range texts {
		ids := tok.Encode(s)
		n += len(ids)
		if got := tok.Decode(ids); got != s {
			t.Error("round trip differs")
		}
	}

}
