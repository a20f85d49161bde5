package data

import (
	"fmt"
	"slices"
	"testing"

	"github.com/comlam/comlam/internal/rng"
)

const begin, end = 1000, 1001

// streams are documents of one to nine tokens; token d*10+k is place k of document d.
func testStreams(weights ...float64) []*Stream {
	var list []*Stream
	for i, w := range weights {
		s := &Stream{Name: fmt.Sprint("s", i), Weight: w}
		for d := range 7 {
			var doc []int32
			for k := range 1 + (d*3+i)%9 {
				doc = append(doc, int32(100*i+10*d+k))
			}
			s.Add(doc)
		}
		list = append(list, s)
	}
	return list
}

func packRows(t *testing.T, length int, seed uint64, streams ...*Stream) *Packed {
	t.Helper()
	p, err := NewPacked(streams, length, begin, end, seed)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestPackedHoldsEveryTokenOnce reads whole passes of a stream back.
func TestPackedHoldsEveryTokenOnce(t *testing.T) {
	s := testStreams(1)[0]
	length := 5
	for s.epoch()%length != 0 {
		length++
	}
	p := packRows(t, length, 3, s)
	perPass := s.epoch() / length
	var orders []string
	for pass := range 3 {
		b, err := p.Batch(uint64(pass*perPass), perPass)
		if err != nil {
			t.Fatal(err)
		}
		tokens, next := b.Arrays[0].Int32, b.Arrays[1].Int32
		var docs [][]int32
		for i, tok := range tokens {
			if tok == begin {
				docs = append(docs, nil)
			}
			if next[i] != end {
				docs[len(docs)-1] = append(docs[len(docs)-1], next[i])
			}
			if tok != begin && tok%10 > 0 && i > 0 && tokens[i-1] != tok-1 {
				t.Fatalf("token %d follows %d", tok, tokens[i-1])
			}
		}
		if len(docs) != s.NumDocuments() {
			t.Fatalf("pass %d holds %d documents, want %d", pass, len(docs), s.NumDocuments())
		}
		orders = append(orders, fmt.Sprint(docs))
		slices.SortFunc(docs, func(a, b []int32) int { return int(a[0] - b[0]) })
		for d, doc := range docs {
			if !slices.Equal(doc, s.doc(d)) {
				t.Errorf("pass %d: document %d is %v, want %v", pass, d, doc, s.doc(d))
			}
		}
	}
	if orders[0] == orders[1] && orders[1] == orders[2] {
		t.Error("every pass has the same order")
	}
}

// TestPackedMarksDocuments checks positions and documents row by row.
func TestPackedMarksDocuments(t *testing.T) {
	p := packRows(t, 12, 5, testStreams(1, 2)...)
	b, err := p.Batch(0, 30)
	if err != nil {
		t.Fatal(err)
	}
	tokens, weight, positions, documents := b.Arrays[0].Int32, b.Arrays[2].Float32, b.Arrays[3].Int32, b.Arrays[4].Int32
	for i, tok := range tokens {
		if weight[i] != 1 {
			t.Fatalf("weight %g at %d", weight[i], i)
		}
		if i%12 == 0 {
			if positions[i] != 0 || documents[i] != 0 {
				t.Fatalf("row %d begins at place %d of document %d", i/12, positions[i], documents[i])
			}
			continue
		}
		if fresh := tok == begin; fresh != (documents[i] == documents[i-1]+1) || fresh != (positions[i] == 0) {
			t.Fatalf("place %d: token %d, document %d after %d, position %d", i, tok, documents[i], documents[i-1], positions[i])
		}
	}
}

// TestPackedIsAFunctionOfTheRow: any way of asking gives the same bits.
func TestPackedIsAFunctionOfTheRow(t *testing.T) {
	all, err := packRows(t, 9, 7, testStreams(1, 3, 0.5)...).Batch(0, 60)
	if err != nil {
		t.Fatal(err)
	}
	p, r := packRows(t, 9, 7, testStreams(1, 3, 0.5)...), rng.New(1)
	for range 200 {
		first := r.IntN(55)
		n := 1 + r.IntN(5)
		b, err := p.Batch(uint64(first), n)
		if err != nil {
			t.Fatal(err)
		}
		for a := range b.Arrays {
			if !slices.Equal(b.Arrays[a].Int32, cut(all.Arrays[a].Int32, first*9, n*9)) {
				t.Fatalf("rows %d to %d differ in array %d", first, first+n, a)
			}
		}
	}
	other, _ := packRows(t, 9, 8, testStreams(1, 3, 0.5)...).Batch(0, 60)
	if slices.Equal(other.Arrays[0].Int32, all.Arrays[0].Int32) {
		t.Error("another seed gives the same rows")
	}
}

func cut(v []int32, from, n int) []int32 {
	if v == nil {
		return nil
	}
	return v[from : from+n]
}

// TestPackedMixesByWeight counts the tokens of each stream over every stretch.
func TestPackedMixesByWeight(t *testing.T) {
	p := packRows(t, 10, 1, testStreams(1, 2, 5)...)
	counts := make([]float64, 3)
	for i := range 400 {
		counts[p.turn(i).stream]++
		for k, w := range []float64{1, 2, 5} {
			if want := float64(i+1) * w / 8; counts[k] < want-1 || counts[k] > want+1 {
				t.Fatalf("after %d rows stream %d had %g, want %g", i+1, k, counts[k], want)
			}
		}
	}
}

func TestPackedRefuses(t *testing.T) {
	good := testStreams(1)
	for name, make := range map[string]func() error{
		"short rows": func() error { _, err := NewPacked(good, 1, begin, end, 1); return err },
		"no streams": func() error { _, err := NewPacked(nil, 8, begin, end, 1); return err },
		"empty":      func() error { _, err := NewPacked([]*Stream{{Name: "x", Weight: 1}}, 8, begin, end, 1); return err },
		"weight":     func() error { _, err := NewPacked(testStreams(0), 8, begin, end, 1); return err },
		"no rows":    func() error { _, err := packRows(t, 8, 1, good...).Batch(0, 0); return err },
	} {
		if make() == nil {
			t.Errorf("%s is accepted", name)
		}
	}
	if new(Stream).Add(nil) {
		t.Error("an empty document is added")
	}
}
