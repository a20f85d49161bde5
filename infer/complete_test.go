package infer

import (
	"slices"
	"strings"
	"testing"
)

// byteDecoder reads each token as a byte. What is no UTF-8 comes as it is, or, as some
// tokenizers do it, as U+FFFD.
type byteDecoder struct{ clean bool }

func (d byteDecoder) Decode(ids []int32) string {
	var b strings.Builder
	for _, id := range ids {
		b.WriteByte(byte(id))
	}
	if d.clean {
		return strings.ToValidUTF8(b.String(), "\uFFFD")
	}
	return b.String()
}

// TestSpeech: pieces are whole characters, stop strings are cut off wherever tokens cut
// them, and what only looked like one is said after all.
func TestSpeech(t *testing.T) {
	for _, c := range []struct {
		text   string
		stop   []string
		want   string
		pieces []string
	}{
		{"ab", nil, "ab", []string{"a", "b"}},
		{"aéb信", nil, "aéb信", []string{"a", "é", "b", "信"}},
		{"hello END more", []string{"END", "more"}, "hello ", nil},
		{"EN or ENE", []string{"END"}, "EN or ENE", nil},
		{"one\n\nUser: two", []string{"\nUser:", "\n\nQ"}, "one\n", nil},
		{"a\xe4", nil, "a\uFFFD", []string{"a", "\uFFFD"}},
		{"aaab", []string{"aab"}, "a", nil},
		{"x", []string{""}, "x", nil},
	} {
		for _, d := range []byteDecoder{{false}, {true}} {
			var pieces []string
			w := &speech{d: d, ids: []int32{'p', 'q'}, read: 2, stop: c.stop, write: func(s string) { pieces = append(pieces, s) }}
			for _, b := range []byte(c.text) {
				if !w.hear(int32(b)) {
					break
				}
			}
			w.end()
			if got := w.said.String(); got != c.want || strings.Join(pieces, "") != got {
				t.Errorf("%q: said %q in pieces %q, want %q", c.text, got, pieces, c.want)
			}
			if c.pieces != nil && !slices.Equal(pieces, c.pieces) {
				t.Errorf("%q: pieces %q, want %q", c.text, pieces, c.pieces)
			}
		}
	}
}

// TestComplete: the text is that of the tokens, up to the stop string.
func TestComplete(t *testing.T) {
	tok := words(t)
	f := small(t, "llama", tok)
	m, err := New(engine(t), f.Model, f.Weights, nil, Options{})
	if err != nil {
		t.Fatal(err)
	}
	prompt := tok.Encode("the user")
	s := Sampling{MaxTokens: 40, Temperature: 1, Seed: 3}
	ids, err := m.Generate(t.Context(), [][]int32{prompt}, s, nil)
	if err != nil {
		t.Fatal(err)
	}
	whole, err := m.Complete(t.Context(), tok, prompt, s, nil, nil)
	if err != nil || whole.Tokens != 40 || whole.Reason != "length" {
		t.Fatalf("%+v, %v", whole, err)
	}
	if want := strings.ToValidUTF8(strings.TrimPrefix(tok.Decode(slices.Concat(prompt, ids[0])), "the user"), "\uFFFD"); strings.ReplaceAll(whole.Text, "\uFFFD", "") != strings.ReplaceAll(want, "\uFFFD", "") {
		t.Errorf("wrote %q, want %q", whole.Text, want)
	}
	if len(whole.Text) < 10 {
		t.Fatalf("only %q was written", whole.Text)
	}
	stop := whole.Text[4:7]
	got, err := m.Complete(t.Context(), tok, prompt, s, []string{stop}, nil)
	if want := whole.Text[:strings.Index(whole.Text, stop)]; err != nil || got.Text != want || got.Reason != "stop" || got.Tokens >= 40 {
		t.Errorf("%+v, want %q, %v", got, want, err)
	}
}
