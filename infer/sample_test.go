package infer

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/comlam/comlam/internal/rng"
)

// recordedSampling is what testdata/sampling.py wrote.
type recordedSampling struct {
	Logits []float32
	Text   []int32
	Cases  []struct {
		RepetitionPenalty float64 `json:"repetition_penalty"`
		Temperature       float64
		TopK              int     `json:"top_k"`
		TopP              float64 `json:"top_p"`
		MinP              float64 `json:"min_p"`
		Probabilities     map[int32]float64
	}
}

// TestSampling: the tokens that may be drawn, and how often they are, are those of
// transformers.
func TestSampling(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("testdata", "sampling.json"))
	if err != nil {
		t.Fatal(err)
	}
	var r recordedSampling
	if err := json.Unmarshal(text, &r); err != nil {
		t.Fatal(err)
	}
	for _, c := range r.Cases {
		s := Sampling{Temperature: c.Temperature, TopK: c.TopK, TopP: c.TopP, MinP: c.MinP, RepetitionPenalty: c.RepetitionPenalty}
		name := fmt.Sprintf("%+v", s)
		const n = 40000
		counts, random := map[int32]int{}, rng.New(11, uint64(len(c.Probabilities)))
		for range n {
			counts[s.next(random, r.Logits, r.Text, nil)]++
		}
		for id, k := range counts {
			if c.Probabilities[id] == 0 {
				t.Errorf("%s: token %d was drawn %d times", name, id, k)
			}
		}
		// Pearson's chi-square with those of five or more expected, against its mean by
		// five of its standard deviations.
		sum, cells := 0.0, 0.0
		for id, p := range c.Probabilities {
			if want := n * p; want >= 5 {
				d := float64(counts[id]) - want
				sum += d * d / want
				cells++
			}
		}
		if sum > cells+5*math.Sqrt(2*cells) {
			t.Errorf("%s: chi-square %g with %g cells", name, sum, cells)
		}
		list := s.candidates(r.Logits, r.Text, nil)
		for i := range list {
			list[i].logit /= s.Temperature
		}
		list, weights := s.filter(list)
		total := 0.0
		for _, w := range weights {
			total += w
		}
		if len(list) != len(c.Probabilities) {
			t.Errorf("%s: %d tokens are left, want %d", name, len(list), len(c.Probabilities))
		}
		for i, x := range list {
			if p := weights[i] / total; !(math.Abs(p-c.Probabilities[x.id]) <= 1e-6) {
				t.Errorf("%s: token %d has probability %g, want %g", name, x.id, p, c.Probabilities[x.id])
			}
		}
	}
}

// TestTies: of equals the lesser id is taken, in greedy choice and at the edge of top-k.
func TestTies(t *testing.T) {
	logits := []float32{1, 3, 3, 3, 0}
	if got := (Sampling{}).next(nil, logits, nil, nil); got != 1 {
		t.Errorf("greedy takes %d", got)
	}
	if got := (Sampling{}).next(nil, logits, nil, []int32{4, 3, 0}); got != 3 {
		t.Errorf("of those allowed greedy takes %d", got)
	}
	s, random := Sampling{Temperature: 1, TopK: 2}, rng.New(1)
	for range 50 {
		if got := s.next(random, logits, nil, nil); got != 1 && got != 2 {
			t.Errorf("top-k of 2 draws %d", got)
		}
	}
}

// BenchmarkNext is one choice among 128,000 tokens.
func BenchmarkNext(b *testing.B) {
	logits, random := make([]float32, 128000), rng.New(1)
	for i := range logits {
		logits[i] = float32(3 * random.Normal())
	}
	for _, s := range []Sampling{{}, {Temperature: 1}, {Temperature: 1, TopK: 50}, {Temperature: 1, TopP: 0.9}, {Temperature: 0.7, TopK: 50, TopP: 0.9, MinP: 0.05, RepetitionPenalty: 1.1}} {
		b.Run(fmt.Sprintf("%g-%d-%g-%g-%g", s.Temperature, s.TopK, s.TopP, s.MinP, s.RepetitionPenalty), func(b *testing.B) {
			for b.Loop() {
				s.next(random, logits, []int32{1, 2, 3}, nil)
			}
		})
	}
}
