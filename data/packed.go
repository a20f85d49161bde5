package data

import (
	"fmt"
	"math"
	"slices"
	"sync"

	"github.com/comlam/comlam/internal/rng"
	"github.com/comlam/comlam/nn"
)

// Axes: B rows, T tokens.

// Stream is the documents of one origin, as tokens.
type Stream struct {
	Name   string
	Weight float64 // its share of the tokens that training sees, over the sum of all weights

	tokens []int32
	ends   []int // where each document ends in tokens
}

// Add appends a document. An empty one is left out, since nothing can be learned from
// it; added says so.
func (s *Stream) Add(doc []int32) (added bool) {
	if len(doc) == 0 {
		return false
	}
	s.tokens = append(s.tokens, doc...)
	s.ends = append(s.ends, len(s.tokens))
	return true
}

// NumTokens and NumDocuments count what was added.
func (s *Stream) NumTokens() int    { return len(s.tokens) }
func (s *Stream) NumDocuments() int { return len(s.ends) }

// doc is document i.
func (s *Stream) doc(i int) []int32 {
	first := 0
	if i > 0 {
		first = s.ends[i-1]
	}
	return s.tokens[first:s.ends[i]]
}

// epoch is how long one pass over the documents is: each takes a place more than it has
// tokens, because its beginning is read and its end is predicted.
func (s *Stream) epoch() int { return len(s.tokens) + len(s.ends) }

// Packed is a Source for language models: rows of T tokens filled with whole documents
// end to end, cut at the row's edge only. Its arrays, each [B T], are those of
// train.TokenLoss: tokens, the one that follows each, its weight in the loss (1), its
// place in its document and the number of its document in the row, so that attention
// stays within documents.
//
// Rows are drawn from the streams in the proportion of their weights, the same for every
// stretch of rows to within one row a stream. Within a stream each pass over the
// documents is in an order of its own. What row i holds follows from the seed and i
// alone: the cursor of a restart is the number of the row.
type Packed struct {
	streams    []*Stream
	length     int
	begin, end int32
	seed       uint64

	mu     sync.Mutex
	turns  []turn
	counts []int32          // rows of each stream among turns
	passes map[[2]int]*pass // of {stream, epoch}
}

// turn says which row of which stream a row is.
type turn struct{ stream, row int32 }

// pass is one pass over a stream: the order of its documents and where each begins.
type pass struct{ order, starts []int }

// NewPacked packs streams into rows of length tokens. begin is read before the first
// token of a document, end is predicted after its last.
func NewPacked(streams []*Stream, length int, begin, end int32, seed uint64) (*Packed, error) {
	if length < 2 {
		return nil, fmt.Errorf("rows of %d tokens; use 2 or more", length)
	}
	if len(streams) == 0 {
		return nil, fmt.Errorf("there are no documents to pack")
	}
	for _, s := range streams {
		if s.NumDocuments() == 0 {
			return nil, fmt.Errorf("source %q has no documents; leave it out or look at its path", s.Name)
		}
		if !(s.Weight > 0) || math.IsInf(s.Weight, 0) {
			return nil, fmt.Errorf("source %q has weight %g; use a positive number", s.Name, s.Weight)
		}
	}
	return &Packed{
		streams: streams, length: length, begin: begin, end: end, seed: seed,
		counts: make([]int32, len(streams)), passes: map[[2]int]*pass{},
	}, nil
}

// Batch implements Source; sample i is row i.
func (p *Packed) Batch(first uint64, n int) (Batch, error) {
	if n < 1 {
		return Batch{}, fmt.Errorf("a batch of %d rows was asked for; use 1 or more", n)
	}
	r := newRows(n, p.length)
	samples := make([]uint64, n)
	for b := range n {
		samples[b] = first + uint64(b)
		if samples[b] > math.MaxInt32 {
			return Batch{}, fmt.Errorf("row %d is beyond the %d rows that can be counted", samples[b], math.MaxInt32)
		}
		p.fill(int(samples[b]), r, b)
	}
	return Batch{Arrays: r.arrays(), Samples: samples}, nil
}

// rows are the arrays of token losses while they are filled.
type rows struct {
	b, t                               int
	tokens, next, positions, documents []int32
	weight                             []float32
}

func newRows(b, t int) *rows {
	return &rows{
		b: b, t: t, weight: make([]float32, b*t),
		tokens: make([]int32, b*t), next: make([]int32, b*t), positions: make([]int32, b*t), documents: make([]int32, b*t),
	}
}

func (r *rows) arrays() []nn.Array {
	ints := func(v []int32) nn.Array { return nn.Array{Shape: []int{r.b, r.t}, Int32: v} }
	weight := nn.Array{Shape: []int{r.b, r.t}, Float32: r.weight}
	return []nn.Array{ints(r.tokens), ints(r.next), weight, ints(r.positions), ints(r.documents)}
}

// fill writes row i into place b of r.
func (p *Packed) fill(i int, r *rows, b int) {
	p.mu.Lock()
	at := p.turn(i)
	p.mu.Unlock()
	s := p.streams[at.stream]
	from := int(at.row) * p.length
	for filled, document := 0, int32(0); filled < p.length; document++ {
		epoch, place := (from+filled)/s.epoch(), (from+filled)%s.epoch()
		pass := p.pass(int(at.stream), epoch)
		k, found := slices.BinarySearch(pass.starts, place)
		if !found {
			k-- // the document began before
		}
		doc, skip := s.doc(pass.order[k]), place-pass.starts[k]
		for t := skip; t <= len(doc) && filled < p.length; t++ {
			j := b*p.length + filled
			r.tokens[j], r.next[j] = p.begin, p.end
			if t > 0 {
				r.tokens[j] = doc[t-1]
			}
			if t < len(doc) {
				r.next[j] = doc[t]
			}
			r.weight[j], r.positions[j], r.documents[j] = 1, int32(t-skip), document
			filled++
		}
	}
}

// turn is which row of which stream row i is: always the stream that is furthest behind
// its share.
func (p *Packed) turn(i int) turn {
	total := 0.0
	for _, s := range p.streams {
		total += s.Weight
	}
	for len(p.turns) <= i {
		best, most := 0, math.Inf(-1)
		for k, s := range p.streams {
			behind := s.Weight/total*float64(len(p.turns)+1) - float64(p.counts[k])
			if behind > most {
				best, most = k, behind
			}
		}
		p.turns = append(p.turns, turn{int32(best), p.counts[best]})
		p.counts[best]++
	}
	return p.turns[i]
}

// keptPasses is how many passes are remembered: rows are asked for nearly in order.
const keptPasses = 8

// pass is pass number epoch over a stream.
func (p *Packed) pass(stream, epoch int) *pass {
	p.mu.Lock()
	defer p.mu.Unlock()
	key := [2]int{stream, epoch}
	if have := p.passes[key]; have != nil {
		return have
	}
	if len(p.passes) >= keptPasses {
		clear(p.passes)
	}
	s := p.streams[stream]
	made := &pass{order: rng.New(p.seed, uint64(Train), packStream, uint64(stream), uint64(epoch)).Perm(s.NumDocuments())}
	at := 0
	for _, d := range made.order {
		made.starts = append(made.starts, at)
		at += len(s.doc(d)) + 1
	}
	p.passes[key] = made
	return made
}
