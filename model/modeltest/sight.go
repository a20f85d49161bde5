package modeltest

import (
	"fmt"
	"slices"
	"testing"

	"github.com/comlam/comlam/model"
	"github.com/comlam/comlam/nn"
	"github.com/comlam/comlam/train"
	"github.com/gomlx/gomlx/core/graph"
)

// graph makes a program over the speaker's store.
func (s *speaker) graph(t *testing.T, f nn.GraphFunc) *nn.Program {
	t.Helper()
	p, err := nn.NewProgram(s.engine, s.store, f)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func runAll(t *testing.T, p *nn.Program, in ...nn.Array) []nn.Array {
	t.Helper()
	out, err := p.Run(in...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// pack lays texts behind each other: their tokens, positions and documents.
func pack(texts [][]int32) (tokens, positions, documents nn.Array) {
	for d, text := range texts {
		for p, id := range text {
			tokens.Int32 = append(tokens.Int32, id)
			positions.Int32 = append(positions.Int32, int32(p))
			documents.Int32 = append(documents.Int32, int32(d))
		}
	}
	shape := []int{1, len(tokens.Int32)}
	tokens.Shape, positions.Shape, documents.Shape = shape, shape, shape
	return tokens, positions, documents
}

// texts cuts one sample, and then more of them, so that engines with a faster path for
// long sequences take it.
func (c LMCase) texts(samples int) (texts [][]int32) {
	x := c.tokens(samples, c.NumTokens).Int32
	for i := 0; len(x) > 0; i++ {
		n := min(len(x), 1+(i*2+2)%c.NumTokens)
		texts, x = append(texts, x[:n]), x[n:]
	}
	return texts
}

// packed: a text among others in one sequence gives what it gives alone, logits and
// loss, and no token of another text reaches it.
func (c LMCase) packed(t *testing.T) {
	s, _ := c.shaken(t)
	for _, samples := range []int{1, 12} {
		texts := c.texts(samples)
		x, positions, documents := pack(texts)
		p := s.graph(t, func(sc *nn.Scope, in []*nn.Node) []*nn.Node {
			return []*nn.Node{s.lm.Logits(sc, model.Prompt{Tokens: in[0], Positions: in[1], Documents: in[2]}, nil)}
		})
		together := runAll(t, p, x, positions, documents)[0].Float32
		at := 0
		for i, text := range texts {
			alone := s.run(t, nn.Array{Shape: []int{1, len(text)}, Int32: text})
			near(t, fmt.Sprintf("text %d of %d alone and packed", i, len(texts)), together[at:at+len(alone)], wide(alone), batchTolerance)
			at += len(alone)
		}
		changed := nn.Array{Shape: x.Shape, Int32: slices.Clone(x.Int32)}
		first := len(texts[0])
		for i := range first {
			changed.Int32[i] = (changed.Int32[i] + 1) % int32(c.VocabSize)
		}
		after := runAll(t, p, changed, positions, documents)[0].Float32
		equal(t, "texts behind the one that changed", after[first*s.vocab:], together[first*s.vocab:])
		if slices.Equal(bits(after[:first*s.vocab]), bits(together[:first*s.vocab])) {
			t.Error("the text that changed has the same logits")
		}
	}
}

// packedGradient: the gradient of packed texts is the sum of that of each alone.
func (c LMCase) packedGradient(t *testing.T) {
	s, _ := c.shaken(t)
	p := s.graph(t, func(sc *nn.Scope, in []*nn.Node) []*nn.Node {
		n := float64(in[0].Shape().Size())
		loss := graph.MulScalar(graph.ReduceAllSum(train.TokenLoss(s.lm)(sc, in)), n)
		_, grads := nn.Gradients(sc, loss, nil)
		return grads
	})
	grads := func(texts ...[]int32) []nn.Array {
		x, positions, documents := pack(texts)
		next := nn.Array{Shape: x.Shape, Int32: make([]int32, len(x.Int32))}
		weight := nn.Array{Shape: x.Shape, Float32: make([]float32, len(x.Int32))}
		for i, id := range x.Int32 {
			next.Int32[i], weight.Float32[i] = (id+1)%int32(c.VocabSize), 1
		}
		return runAll(t, p, x, next, weight, positions, documents)
	}
	texts := c.texts(12)
	together := grads(texts...)
	var want [][]float64
	for _, text := range texts {
		for i, g := range grads(text) {
			if len(want) <= i {
				want = append(want, make([]float64, len(g.Float32)))
			}
			for j, v := range g.Float32 {
				want[i][j] += float64(v)
			}
		}
	}
	for i, g := range together {
		near(t, fmt.Sprintf("gradient %d of packed texts", i), g.Float32, want[i], referenceTolerance)
	}
}

// places: logits of some places are those among all of them.
func (c LMCase) places(t *testing.T) {
	s, _ := c.shaken(t)
	x := c.tokens(2, c.NumTokens)
	all := s.run(t, x)
	last := c.NumTokens - 1
	p := s.graph(t, func(sc *nn.Scope, in []*nn.Node) []*nn.Node {
		return []*nn.Node{s.lm.Logits(sc, model.Prompt{Tokens: in[0], Places: in[1]}, nil)}
	})
	got := runAll(t, p, x, nn.Array{Shape: []int{2, 2}, Int32: []int32{int32(last), 0, 1, int32(last)}})[0].Float32
	var want []float64
	for _, place := range []int{last, 0, c.NumTokens + 1, c.NumTokens + last} {
		want = append(want, wide(all[place*s.vocab:(place+1)*s.vocab])...)
	}
	near(t, "logits of some places", got, want, batchTolerance)
}

func wide(values []float32) []float64 {
	out := make([]float64, len(values))
	for i, v := range values {
		out[i] = float64(v)
	}
	return out
}

// cached: reading a sample in parts, the keys and values of earlier parts in a cache of
// more slots than are used, gives what reading it whole gives; the samples of a batch
// may have come to different places.
func (c LMCase) cached(t *testing.T) {
	s, _ := c.shaken(t)
	x := c.tokens(2, c.NumTokens)
	whole := s.run(t, x)
	for _, step := range []int{1, 2} {
		m := c.memorise(t, s)
		m.read(t, x, []int{c.NumTokens - 4, c.NumTokens - 3})
		for m.length[1]+step <= c.NumTokens {
			from := slices.Clone(m.length)
			got := m.read(t, x, []int{step, step})
			for b := range 2 {
				at := (b*c.NumTokens + from[b]) * s.vocab
				near(t, fmt.Sprintf("sample %d, %d tokens behind %d", b, step, from[b]), got[b*step*s.vocab:(b+1)*step*s.vocab],
					wide(whole[at:at+step*s.vocab]), referenceTolerance)
			}
		}
	}
}

// A memory of two samples, on the host.
type recall struct {
	s        *speaker
	program  *nn.Program
	slots    int
	length   []int
	layers   []nn.Array // keys and values by turns, [2 K S E]
	unfilled bool
	before   func() // called when a graph is built; nil for none
}

func (c LMCase) memorise(t *testing.T, s *speaker) *recall {
	m := &recall{s: s, slots: c.NumTokens + 3, length: make([]int, 2), unfilled: true}
	m.program = s.graph(t, func(sc *nn.Scope, in []*nn.Node) []*nn.Node {
		cache := &nn.Cache{}
		if m.before != nil {
			m.before()
		}
		if len(in) > 1 {
			cache.Length = in[1]
		}
		for i := 2; i < len(in); i += 2 {
			cache.Keys, cache.Values = append(cache.Keys, in[i]), append(cache.Values, in[i+1])
		}
		out := []*nn.Node{s.lm.Logits(sc, model.Prompt{Tokens: in[0]}, cache)}
		for i := range cache.NewKeys {
			out = append(out, cache.NewKeys[i], cache.NewValues[i])
		}
		return out
	})
	return m
}

// read runs the next n[b] tokens of each sample, filled up to the longest, and
// remembers those that count. The logits are [2 max(n) V].
func (m *recall) read(t *testing.T, x nn.Array, n []int) []float32 {
	t.Helper()
	width := slices.Max(n)
	tokens := nn.Array{Shape: []int{2, width}, Int32: make([]int32, 2*width)}
	for b := range n {
		at := b*x.Shape[1] + m.length[b]
		copy(tokens.Int32[b*width:], x.Int32[at:at+n[b]])
	}
	in := []nn.Array{tokens}
	if !m.unfilled {
		in = append(in, nn.Array{Shape: []int{2}, Int32: []int32{int32(m.length[0]), int32(m.length[1])}})
		in = append(in, m.layers...)
	}
	out := runAll(t, m.program, in...)
	for i, part := range out[1:] {
		m.write(i, part, n)
	}
	m.unfilled = false
	for b := range n {
		m.length[b] += n[b]
	}
	return out[0].Float32
}

// write puts the part [2 K T E] of a layer behind what is there.
func (m *recall) write(layer int, part nn.Array, n []int) {
	heads, width, size := part.Shape[1], part.Shape[2], part.Shape[3]
	if m.unfilled {
		m.layers = append(m.layers, nn.Array{Shape: []int{2, heads, m.slots, size}, Float32: make([]float32, 2*heads*m.slots*size)})
	}
	for row := range 2 * heads {
		b := row / heads
		from := part.Float32[row*width*size:][:n[b]*size]
		copy(m.layers[layer].Float32[(row*m.slots+m.length[b])*size:], from)
	}
}
