package tokenizer

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/comlam/comlam/internal/testdata"
)

func readGolden(t testing.TB, name string, to any) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, to); err != nil {
		t.Fatal(err)
	}
}

func goldenTexts(t testing.TB) []string {
	var texts []string
	readGolden(t, "texts.json", &texts)
	return texts
}

type goldenPart struct {
	Spec     json.RawMessage
	Alphabet bool
	Tokens   []string
	Want     json.RawMessage
}

type goldenParts struct {
	Normalizers   []goldenPart
	PreTokenizers []goldenPart `json:"pre_tokenizers"`
	Decoders      []goldenPart
}

func (p goldenPart) wants(t testing.TB) []string {
	t.Helper()
	var want []string
	if err := json.Unmarshal(p.Want, &want); err != nil {
		t.Fatal(err)
	}
	return want
}

// testCharsmap is the character map of the SentencePiece test model.
func testCharsmap(t testing.TB) string {
	data, err := os.ReadFile(filepath.Join(testdata.Dir(t, "sentencepiece"), "test_model.model"))
	if err != nil {
		t.Fatal(err)
	}
	m, err := readModelProto(data)
	if err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(m.norm.charsmap)
}

func TestNormalizersAsReference(t *testing.T) {
	var g goldenParts
	readGolden(t, "parts.json", &g)
	texts := goldenTexts(t)
	for _, p := range g.Normalizers {
		t.Run("", func(t *testing.T) {
			if strings.Contains(string(p.Spec), "test_model.model") {
				p.Spec = json.RawMessage(strings.Replace(string(p.Spec), "test_model.model", testCharsmap(t), 1))
			}
			n, err := readNormalizer(p.Spec)
			if err != nil {
				t.Fatalf("%.100s: %v", p.Spec, err)
			}
			for i, want := range p.wants(t) {
				if got := n(texts[i], true); got != want {
					t.Errorf("%.100s of %q\n got %q\nwant %q", p.Spec, texts[i], got, want)
				}
			}
		})
	}
}

func TestPreTokenizersAsReference(t *testing.T) {
	var g goldenParts
	readGolden(t, "parts.json", &g)
	texts := goldenTexts(t)
	for _, p := range g.PreTokenizers {
		list, _, err := readSplitters(p.Spec, false)
		if err != nil {
			t.Errorf("%s: %v", p.Spec, err)
			continue
		}
		for i, want := range p.wants(t) {
			got := []string{texts[i]}
			if texts[i] == "" {
				got = nil
			}
			for _, s := range list {
				var next []string
				for j, piece := range got {
					next = s.split(next, piece, j == 0)
				}
				got = next
			}
			got = slices.DeleteFunc(got, func(s string) bool { return s == "" })
			sum := sha256.Sum256([]byte(strings.Join(got, "\x00")))
			if s := hex.EncodeToString(sum[:])[:16] + fmt.Sprintf(" %d", len(got)); s != want {
				t.Errorf("%.200s of %q\n got %q: %s\nwant %s", p.Spec, texts[i], got, s, want)
			}
		}
	}
}

func TestDecodersAsReference(t *testing.T) {
	var g goldenParts
	readGolden(t, "parts.json", &g)
	for _, p := range g.Decoders {
		d, err := readDecoder(p.Spec)
		if err != nil {
			t.Errorf("%s: %v", p.Spec, err)
			continue
		}
		var want string
		if err := json.Unmarshal(p.Want, &want); err != nil {
			t.Fatal(err)
		}
		if got := d(slices.Clone(p.Tokens)); got != want {
			t.Errorf("%s of %q\n got %q\nwant %q", p.Spec, p.Tokens, got, want)
		}
	}
}
