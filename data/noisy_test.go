package data

import (
	"slices"
	"testing"
)

// TestNoisyDisturbsWhatIsRead, as often as asked for, and not what is predicted.
func TestNoisyDisturbsWhatIsRead(t *testing.T) {
	clean := packRows(t, 50, 3, testStreams(1)...)
	noisy := &Noisy{Source: clean, Share: 0.2, Vocabulary: 5000, Keep: []int32{begin}, Seed: 3}
	a, errA := clean.Batch(0, 200)
	b, errB := noisy.Batch(0, 200)
	if errA != nil || errB != nil {
		t.Fatal(errA, errB)
	}
	changed, begins := 0, 0
	for i, tok := range a.Arrays[0].Int32 {
		if tok == begin {
			begins++
		}
		if b.Arrays[0].Int32[i] != tok {
			changed++
		}
	}
	if share := float64(changed) / float64(len(a.Arrays[0].Int32)-begins); share < 0.18 || share > 0.22 {
		t.Errorf("%g of the tokens are replaced, want 0.2", share)
	}
	if !slices.Equal(a.Arrays[1].Int32, b.Arrays[1].Int32) {
		t.Error("what is predicted has changed")
	}
	again, _ := noisy.Batch(100, 1)
	if !slices.Equal(again.Arrays[0].Int32, b.Arrays[0].Int32[5000:5050]) {
		t.Error("a row is another one when asked for alone")
	}
}

// TestNoisyLeavesAnswersAlone where only prompts are disturbed.
func TestNoisyLeavesAnswersAlone(t *testing.T) {
	n := &Noisy{Share: 1, Vocabulary: 10, PromptsOnly: true, Seed: 1}
	tokens, weight := []int32{100, 101, 102, 103, 104, 105}, []float32{0, 0, 1, 1, 0, 0}
	n.disturb(0, tokens, weight)
	for j, tok := range tokens {
		if said := j >= 2 && j <= 4; said != (tok >= 100) {
			t.Errorf("place %d: token %d", j, tok)
		}
	}
}
