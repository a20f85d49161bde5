package infer

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"flag"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/comlam/comlam/checkpoint"
	"github.com/comlam/comlam/internal/durable"
	"github.com/comlam/comlam/tokenizer"
)

var folders = flag.String("folders", "", "write what TestExported exports into this folder, for load_exported.py")

// TestExported: transformers has loaded what is written here, byte for byte, and computed
// the logits that this program computes, to 1e-4; it has read text and chats with the
// tokenizer as this program does.
func TestExported(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("testdata", "exported.json"))
	if err != nil {
		t.Fatal(err)
	}
	var recorded map[string]struct {
		IDs, Written []int32
		Logits       []float64
		Files        map[string]string
		Text, Chat   []int32
	}
	if err := json.Unmarshal(text, &recorded); err != nil {
		t.Fatal(err)
	}
	tok := words(t)
	for _, c := range []struct {
		name, family string
		tok          *tokenizer.Tokenizer
		dtype        checkpoint.DType
	}{
		{"gpt2", "gpt2", nil, checkpoint.F32}, {"gpt2-own", "gpt2-own", nil, checkpoint.F32}, {"llama", "llama", nil, checkpoint.F32},
		{"llama-bf16", "llama", nil, checkpoint.BF16}, {"llama-tied", "llama-tied", nil, checkpoint.F16}, {"llama-words", "llama", tok, checkpoint.F32},
	} {
		f, dir := small(t, c.family, c.tok), t.TempDir()
		if *folders != "" {
			dir = filepath.Join(*folders, c.name)
		}
		if err := f.Save(durable.OS, dir, c.dtype); err != nil {
			t.Fatal(err)
		}
		if *folders != "" {
			continue
		}
		want := recorded[c.name]
		for name, sum := range want.Files {
			data, err := os.ReadFile(filepath.Join(dir, name))
			if err != nil {
				t.Fatal(err)
			}
			if got := sha256.Sum256(data); hex.EncodeToString(got[:]) != sum {
				t.Errorf("%s: %s is not what transformers loaded; run load_exported.py", c.name, name)
			}
		}
		if f, err = Open(dir); err != nil {
			t.Fatal(err)
		}
		m, err := New(engine(t), f.Model, f.Weights, nil, Options{})
		if err != nil {
			t.Fatal(err)
		}
		rows := whole(t, m, want.IDs)
		for id, v := range want.Logits {
			if d := math.Abs(float64(rows[len(rows)-1][id]) - v); !(d <= 1e-4) {
				t.Fatalf("%s: logit %d is %g, want %g", c.name, id, rows[len(rows)-1][id], v)
			}
		}
		got, err := m.Generate(t.Context(), [][]int32{want.IDs}, Sampling{MaxTokens: len(want.Written)}, nil)
		if err != nil || !slices.Equal(got[0], want.Written) {
			t.Errorf("%s: wrote %d, want %d, %v", c.name, got, want.Written, err)
		}
		if c.tok != nil {
			sameText(t, f.Tokenizer, want.Text, want.Chat)
		}
	}
}

func sameText(t *testing.T, tok *tokenizer.Tokenizer, text, chat []int32) {
	t.Helper()
	if got := tok.Encode("the base station hears\nthe user"); !slices.Equal(got, text) {
		t.Errorf("text: ids %d, want %d", got, text)
	}
	c, err := tok.Chat([]tokenizer.Message{{Role: "user", Content: "the base station"}, {Role: "assistant", Content: "a slot"}}, false)
	if err != nil || !slices.Equal(c.IDs, chat) {
		t.Errorf("chat: ids %d, want %d, %v", c.IDs, chat, err)
	}
}
