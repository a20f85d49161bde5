package tokenizer

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/comlam/comlam/internal/testdata"
)

// vocabsVariable names the folder that testdata/vocabularies.sh has filled.
const vocabsVariable = "COMLAM_VOCABS"

type goldenRow struct {
	IDs     [][]int32
	Special map[string][]int32
	Text    map[string]string
	Framed  []int32
	Long    map[string]struct {
		N      int
		SHA256 string
	}
}

// openVocabulary loads the vocabulary of a row of ids.json.
func openVocabulary(t testing.TB, name string) *Tokenizer {
	t.Helper()
	rest, isData := strings.CutPrefix(name, "data/")
	var file string
	if isData {
		dir, base := filepath.Split(rest)
		file = filepath.Join(testdata.Dir(t, dir), base)
	} else {
		dir := os.Getenv(vocabsVariable)
		if dir == "" {
			t.Skipf("no large vocabularies; run testdata/vocabularies.sh and name its folder in %s", vocabsVariable)
		}
		file = filepath.Join(dir, filepath.Base(name))
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	tok, err := parseVocabulary(filepath.Base(file), data)
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

func parseVocabulary(name string, data []byte) (*Tokenizer, error) {
	special := []string{"<|endoftext|>", "<|im_start|>", "<|im_end|>"}
	switch {
	case name == "tiktoken_small.model":
		return ParseTiktoken(data, "llama3", special)
	case strings.HasSuffix(name, ".tiktoken"):
		return ParseTiktoken(data, strings.TrimSuffix(name, ".tiktoken"), special)
	case strings.HasSuffix(name, ".json"):
		return Parse(data, nil)
	}
	return ParseSentencePiece(data)
}

// TestIDsAsReference compares ids with those that the tokenizers, sentencepiece and
// tiktoken libraries give.
func TestIDsAsReference(t *testing.T) {
	var g struct{ Rows map[string]goldenRow }
	readGolden(t, "ids.json", &g)
	texts := goldenTexts(t)
	for name, row := range g.Rows {
		t.Run(name, func(t *testing.T) {
			tok := openVocabulary(t, name)
			for i, want := range row.IDs {
				sameIDs(t, "Encode", tok, texts[i], tok.Encode(texts[i]), want)
				if special := row.Special[strconv.Itoa(i)]; special != nil {
					want = special
				}
				if row.Special != nil {
					sameIDs(t, "EncodeSpecial", tok, texts[i], tok.EncodeSpecial(texts[i]), want)
				}
				text, differs := row.Text[strconv.Itoa(i)]
				if !differs {
					text = texts[i]
				}
				if got := tok.Decode(row.IDs[i]); row.Text != nil && !strings.Contains(text, "\uFFFD") && !strings.Contains(text, "⁇") && got != text {
					t.Errorf("Decode of %q\n got %q\nwant %q", texts[i], got, text)
				}
			}
			if got := tok.Frame(tok.Encode("a cell")); row.Framed != nil && !slices.Equal(got, row.Framed) {
				t.Errorf("framed: %d, want %d", got, row.Framed)
			}
			for file, want := range row.Long {
				data, err := os.ReadFile(filepath.Join(testdata.Dir(t, filepath.Dir(file)), filepath.Base(file)))
				if err != nil {
					t.Fatal(err)
				}
				ids := tok.Encode(string(data))
				if len(ids) != want.N || digest(ids) != want.SHA256 {
					t.Errorf("%s: %d ids, want %d, or others", file, len(ids), want.N)
				}
			}
		})
	}
}

func digest(ids []int32) string {
	b := make([]byte, 4*len(ids))
	for i, id := range ids {
		binary.LittleEndian.PutUint32(b[4*i:], uint32(id))
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

func sameIDs(t *testing.T, what string, tok *Tokenizer, text string, got, want []int32) {
	t.Helper()
	if slices.Equal(got, want) {
		return
	}
	at := 0
	for at < len(got) && at < len(want) && got[at] == want[at] {
		at++
	}
	show := func(ids []int32) (s []string) {
		for _, id := range ids[at:min(len(ids), at+8)] {
			s = append(s, tok.Token(id))
		}
		return s
	}
	t.Errorf("%s of %.100q, from id %d of %d (want %d)\n got %q\nwant %q", what, text, at, len(got), len(want), show(got), show(want))
}

// TestGGUFVocabularies compares with the expected ids that llama.cpp ships.
func TestGGUFVocabularies(t *testing.T) {
	dir := filepath.Join(testdata.Dir(t, "gguf_vocab"), "models")
	for _, name := range []string{"gpt-2", "llama-spm", "bert-bge"} {
		file := filepath.Join(dir, "ggml-vocab-"+name+".gguf")
		f, err := os.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		tok, err := ParseGGUF(f)
		if err != nil {
			t.Fatal(err)
		}
		in, err1 := os.ReadFile(file + ".inp")
		out, err2 := os.ReadFile(file + ".out")
		if err1 != nil || err2 != nil {
			t.Fatal(err1, err2)
		}
		texts := strings.Split(strings.TrimSuffix(string(in), "\n__ggml_vocab_test__\n"), "\n__ggml_vocab_test__\n")
		lines := strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
		if len(texts) != len(lines) {
			t.Fatalf("%s: %d texts, %d lines of ids", name, len(texts), len(lines))
		}
		for i, line := range lines {
			var want []int32
			for _, w := range strings.Fields(line) {
				n, err := strconv.Atoi(w)
				if err != nil {
					t.Fatal(err)
				}
				want = append(want, int32(n))
			}
			sameIDs(t, name, tok, texts[i], tok.Encode(texts[i]), want)
		}
	}
}

func digestText(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}
