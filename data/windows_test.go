package data

import (
	"slices"
	"testing"
)

// TestWindowsPredictEachPlaceOnce collects what is scored, by document.
func TestWindowsPredictEachPlaceOnce(t *testing.T) {
	var docs [][]int32
	for n := range 40 {
		var doc []int32
		for k := range n {
			doc = append(doc, int32(100*n+k))
		}
		docs = append(docs, doc)
	}
	const length = 8
	w := NewWindows(docs, length, begin, end)
	got := make([][]int32, len(docs))
	for first := 0; first < w.NumRows(); first += 3 {
		b, of, counts := w.Rows(first, 3)
		next, weight := b.Arrays[1].Int32, b.Arrays[2].Float32
		for i := range 3 {
			n, context := 0, 0
			for t := range length {
				if weight[i*length+t] == 0 {
					if n == 0 {
						context++
					}
					continue
				}
				n++
				got[of[i]] = append(got[of[i]], next[i*length+t])
			}
			if n != counts[i] {
				t.Fatalf("row %d counts %d, says %d", first+i, n, counts[i])
			}
			if n > 0 && len(got[of[i]]) > n && context < length/2 {
				t.Errorf("row %d predicts after %d places", first+i, context)
			}
		}
	}
	for d, doc := range docs {
		if !slices.Equal(got[d], append(slices.Clone(doc), end)) {
			t.Fatalf("document %d: %v", d, got[d])
		}
	}
}
