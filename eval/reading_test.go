package eval

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/comlam/comlam/corpus/xz"
	"github.com/comlam/comlam/internal/rng"
	"github.com/comlam/comlam/tokenizer"
)

// sentences makes texts of a little language.
func sentences(seed uint64, n int) []string {
	s := rng.New(seed)
	var list []string
	for range n {
		var b strings.Builder
		for range 2 + s.IntN(6) {
			fmt.Fprintf(&b, "slot %d of frame %d starts a burst. ", s.IntN(10), s.IntN(1024))
		}
		list = append(list, b.String())
	}
	return list
}

func texts(list []string) Texts {
	return func(yield func(string, error) bool) {
		for _, t := range list {
			if !yield(t, nil) {
				return
			}
		}
	}
}

func TestReading(t *testing.T) {
	held := sentences(2, 40)
	r, err := NewReading(Condition{Task: "pretrain", Name: "held-out"}, held)
	if err != nil {
		t.Fatal(err)
	}
	bits := make([]float64, len(held))
	for i, text := range held {
		bits[i] = 8 * float64(len(text))
	}
	if err := r.Add("no model", Classical, bits); err != nil {
		t.Fatal(err)
	}
	var said []string
	err = r.AddBars(context.Background(), texts(sentences(1, 400)), byteTokens(t, tokenizer.Config{}), func(s string) { said = append(said, s) })
	absent := errors.Is(err, xz.ErrAbsent)
	if err != nil && !absent {
		t.Fatal(err)
	}
	rows, err := r.Rows()
	if err != nil {
		t.Fatal(err)
	}
	value := map[string]float64{}
	for _, row := range rows {
		value[row.Method] = row.Value
		if row.Metric != BitsPerByte || row.N != 40 || row.CI95[0] > row.Value || row.CI95[1] < row.Value {
			t.Errorf("%+v", row)
		}
	}
	// Of a sentence of 33 to 36 bytes only two numbers are news: 13.3 bits.
	if v := value[NameByteKN]; value["no model"] != 8 || v < 0.3 || v > 0.6 || value[NameTokenKN] < 0.3 || value[NameTokenKN] > 0.6 {
		t.Errorf("bits a byte: %v", value)
	}
	if !absent && (value[NameXZPrimed] > value[NameXZ] || len(rows) != 5) {
		t.Errorf("xz: %v", value)
	}
	if len(said) != 3 {
		t.Errorf("told %q", said)
	}
	d, err := r.Difference(NameByteKN, "no model")
	if err != nil || math.Abs(d.Value-(value[NameByteKN]-8)) > 1e-12 || d.CI95[1] > -7 {
		t.Errorf("difference %+v, %v", d, err)
	}
}

func TestReadingRefusals(t *testing.T) {
	r, err := NewReading(Condition{}, []string{"a", "b"})
	if err != nil {
		t.Fatal(err)
	}
	for what, err := range map[string]error{
		"hold out at least 2": second(NewReading(Condition{}, []string{"a"})),
		"is empty":            second(NewReading(Condition{}, []string{"a", ""})),
		"read 1 of 2":         r.Add("x", Learned, []float64{1}),
		"not a quotient":      r.Add("x", Learned, []float64{1, math.NaN()}),
		"no method":           second(r.Difference("x", "y")),
		"no text to train":    r.AddBars(context.Background(), texts(nil), nil, nil),
	} {
		if err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("got %v, want an error with %q", err, what)
		}
	}
}

// TestDocumentBits: what windows add up to is every token once, in any size of window.
func TestDocumentBits(t *testing.T) {
	tok := byteTokens(t, tokenizer.Config{})
	list := []string{"aab", "", strings.Repeat("ab", 50)}
	for _, size := range []int{2, 3, 7, 64, 1000} {
		lm := &priced{tok: tok, price: map[string]float64{"a": -1, "b": -3, tokenizer.EndOfText: -5}, other: math.NaN(), window: size}
		last := 0
		bits, err := DocumentBits(context.Background(), lm, tok, list, func(done, _ int) { last = done })
		if err != nil {
			t.Fatal(err)
		}
		for i, nats := range []float64{5 + 5, 5, 200 + 5} {
			if math.Abs(bits[i]*math.Ln2-nats) > 1e-9 {
				t.Errorf("windows of %d: text %d costs %v nats, want %v", size, i, bits[i]*math.Ln2, nats)
			}
		}
		if last != 3 {
			t.Errorf("progress ended at %d", last)
		}
	}
	// A tokenizer without any special token: the first byte is charged as one of 256.
	plain := byteTokens(t, tokenizer.Config{Special: []string{}, Template: "x"})
	lm := &priced{tok: plain, price: map[string]float64{"a": -1, "b": -3}, window: 8}
	bits, err := DocumentBits(context.Background(), lm, plain, []string{"bab"}, nil)
	if want := math.Log2(float64(plain.Size())) + 4/math.Ln2; err != nil || math.Abs(bits[0]-want) > 1e-9 {
		t.Errorf("got %v bits, want %v; %v", bits, want, err)
	}
	if _, err := DocumentBits(context.Background(), &priced{tok: tok, window: 1}, tok, list, nil); err == nil {
		t.Error("a model of one token predicts")
	}
}

// TestWindowsOfARealModel: one window and several give a real model's bits; where all is
// seen at once it is the log-likelihood of the whole.
func TestWindowsOfARealModel(t *testing.T) {
	tok := byteTokens(t, tokenizer.Config{})
	m := tiny(t, tok)
	text := strings.Repeat("frame and slot ", 6)
	bits, err := DocumentBits(context.Background(), m, tok, []string{text, text + text + text}, nil)
	if err != nil {
		t.Fatal(err)
	}
	ids, start, _ := whole(tok, text)
	got, err := m.LogProbs(context.Background(), windows(ids, start, m.Context()))
	if err != nil || len(got) != 1 || math.Abs(bits[0]+got[0].Sum/math.Ln2) > 1e-9 {
		t.Errorf("%v bits; %d windows %v, %v", bits[0], len(got), got, err)
	}
	if !(bits[1] > bits[0]) {
		t.Errorf("thrice the text costs %v bits, once %v", bits[1], bits[0])
	}
}
