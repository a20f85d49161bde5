package infer

import (
	"cmp"
	"context"
	"fmt"
	"math/bits"
	"slices"

	"github.com/comlam/comlam/model"
	"github.com/comlam/comlam/nn"
	"github.com/gomlx/gomlx/core/graph"
)

// Continuation is a text that may follow a context.
type Continuation struct{ Context, Text []int32 }

// LogProb is the logarithm of the probability of a continuation, in nats.
type LogProb struct {
	Sum    float64
	Tokens []float64 // of each token after those before it
	Greedy bool      // each token is the likeliest there, or as likely as that
}

// scoreGraph: tokens [B T], the places [B W] before those that count, the tokens [B W]
// that follow there, and, where something came before, the lengths [B] and the layers of a
// cache -> their log-probabilities [B W], and 1 where none is likelier.
func (m *Model) scoreGraph(s *nn.Scope, in []*nn.Node) []*nn.Node {
	logits := m.lm.Logits(s, model.Prompt{Tokens: in[0], Places: in[1]}, cacheOf(in[3:])) // [B W V]
	class := logits.Shape().Clone()
	class.DType = in[2].DType()
	at := graph.Equal(graph.Iota(logits.Graph(), class, 2), graph.BroadcastToShape(graph.InsertAxes(in[2], -1), class))
	own := graph.ReduceSum(graph.Where(at, logits, graph.ZerosLike(logits)), -1)
	greedy := graph.ConvertDType(graph.GreaterOrEqual(own, graph.ReduceMax(logits, -1)), logits.DType())
	return []*nn.Node{graph.Neg(nn.CrossEntropy(logits, in[2])), greedy}
}

// LogProbs tells how likely each continuation is after its context. A context that
// several have is read once; the others are read whole, in batches of similar length.
func (m *Model) LogProbs(ctx context.Context, r []Continuation) ([]LogProb, error) {
	for i, c := range r {
		if len(c.Context) == 0 || len(c.Text) == 0 {
			return nil, badInput("continuation %d has %d tokens after %d of context; both need at least one", i, len(c.Text), len(c.Context))
		}
		if err := m.valid(fmt.Sprintf("continuation %d with its context", i), append(slices.Clone(c.Context), c.Text[:len(c.Text)-1]...)); err != nil {
			return nil, err
		}
		if err := m.valid(fmt.Sprintf("continuation %d", i), c.Text[len(c.Text)-1:]); err != nil {
			return nil, err
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	out := make([]LogProb, len(r))
	shared, order := m.shared(r)
	for _, group := range shared {
		if err := m.judgeShared(ctx, r, group, out); err != nil {
			return nil, err
		}
	}
	slices.SortStableFunc(order, func(a, b int) int {
		return cmp.Or(cmp.Compare(m.width(r[b]), m.width(r[a])), cmp.Compare(len(r[b].Text), len(r[a].Text)))
	})
	for len(order) > 0 {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		n := m.fitting(r, order)
		if err := m.judge(r, order[:n], out); err != nil {
			return nil, err
		}
		order = order[n:]
	}
	return out, nil
}

// width is how many tokens a text and its context are filled up to: a power of two, or
// three quarters of one, so that few graphs serve all lengths.
func (m *Model) width(c Continuation) int {
	n := len(c.Context) + len(c.Text) - 1 // what is judged last is predicted only, never read
	p := max(8, powerOfTwo(n))
	if n <= p/4*3 {
		p = p / 4 * 3
	}
	return min(p, m.Context())
}

// The most tokens and logits of a batch.
const (
	batchTokens = 1 << 13
	batchLogits = 1 << 24
)

// fitting is how many of the next continuations make one batch.
func (m *Model) fitting(r []Continuation, order []int) int {
	first := r[order[0]]
	t, w := m.width(first), powerOfTwo(len(first.Text))
	most := max(1, min(batchTokens/t, batchLogits/(w*m.lm.VocabSize())))
	n := 1
	for n < min(most, len(order)) {
		if m.width(r[order[n]]) != t {
			break
		}
		n++
	}
	return 1 << (bits.Len(uint(n)) - 1) // a power of two: few graphs
}

// judge runs one batch of continuations, all of which fit the width of the first.
func (m *Model) judge(r []Continuation, batch []int, out []LogProb) error {
	first := r[batch[0]]
	b, t, w := len(batch), m.width(first), 1
	for _, i := range batch {
		w = max(w, powerOfTwo(len(r[i].Text)))
	}
	tokens := nn.Array{Shape: []int{b, t}, Int32: make([]int32, b*t)}
	places := nn.Array{Shape: []int{b, w}, Int32: make([]int32, b*w)}
	next := nn.Array{Shape: []int{b, w}, Int32: make([]int32, b*w)}
	for row, i := range batch {
		c := r[i]
		copy(tokens.Int32[row*t:(row+1)*t], c.Context)
		copy(tokens.Int32[row*t+len(c.Context):(row+1)*t], c.Text[:len(c.Text)-1])
		copy(next.Int32[row*w:], c.Text)
		for j := range c.Text {
			places.Int32[row*w+j] = int32(len(c.Context) - 1 + j)
		}
	}
	result, err := m.score.Run(tokens, places, next)
	if err != nil {
		return err
	}
	for row, i := range batch {
		out[i] = taken(result, row, w, len(r[i].Text))
	}
	return nil
}

// taken is the first n places of a row of a result, [B w] each.
func taken(result []nn.Array, row, w, n int) LogProb {
	l := LogProb{Greedy: true}
	for j := range n {
		p := float64(result[0].Float32[row*w+j])
		l.Sum += p
		l.Tokens = append(l.Tokens, p)
		l.Greedy = l.Greedy && result[1].Float32[row*w+j] == 1
	}
	return l
}

// leastShared is the length from which on a context is read once for all that have it.
const leastShared = 16

// shared lists the continuations that have a context with others, by groups, and the rest.
func (m *Model) shared(r []Continuation) (groups [][]int, rest []int) {
	number := map[string]int{} // of the group that a context has
	for i, c := range r {
		key := fmt.Sprint(c.Context)
		g, ok := number[key]
		if full := ok && len(groups[g]) == m.options.Batch; !ok || full || len(c.Context) < leastShared {
			g = len(groups)
			number[key], groups = g, append(groups, nil)
		}
		groups[g] = append(groups[g], i)
	}
	alone := func(g []int) bool { return len(g) == 1 }
	for _, g := range groups {
		if alone(g) {
			rest = append(rest, g[0])
		}
	}
	return slices.DeleteFunc(groups, alone), rest
}

// judgeShared reads the context of some continuations, all but its last token, and then
// these side by side.
func (m *Model) judgeShared(ctx context.Context, r []Continuation, group []int, out []LogProb) error {
	before := r[group[0]].Context
	last := len(before) - 1
	c := m.newCache(1)
	defer c.free()
	if _, err := c.add(ctx, [][]int32{before[:last]}); err != nil {
		return err
	}
	if err := c.keep(make([]int, len(group))); err != nil {
		return err
	}
	b, w := len(group), 1
	for _, i := range group {
		w = max(w, powerOfTwo(len(r[i].Text)))
	}
	tokens := nn.Array{Shape: []int{b, w}, Int32: make([]int32, b*w)}
	places := nn.Array{Shape: []int{b, w}, Int32: make([]int32, b*w)}
	next := nn.Array{Shape: []int{b, w}, Int32: make([]int32, b*w)}
	length := nn.Array{Shape: []int{b}, Int32: make([]int32, b)}
	for row, i := range group {
		text := r[i].Text
		tokens.Int32[row*w] = before[last]
		copy(tokens.Int32[row*w+1:(row+1)*w], text[:len(text)-1])
		copy(next.Int32[row*w:], text)
		for j := range w {
			places.Int32[row*w+j] = int32(j)
		}
		length.Int32[row] = int32(c.length[row])
	}
	result, err := m.score.RunHeld([]nn.Array{tokens, places, next, length}, c.layers)
	if err != nil {
		return err
	}
	for row, i := range group {
		out[i] = taken(result, row, w, len(r[i].Text))
	}
	return nil
}
