package ngram

import (
	"context"
	"fmt"
	"iter"
	"math"

	"github.com/comlam/comlam/internal/bounded"
)

// maxSymbols is as many as places of 32 bits reach.
const maxSymbols = math.MaxUint32 - 2*maxOrder

// Train fits a model to texts. It stops at the first error of texts, or when ctx ends.
func Train(ctx context.Context, texts iter.Seq2[[]int32, error], c Config) (*Model, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	m := &Model{config: c}
	all, err := m.gather(ctx, texts)
	if err != nil {
		return nil, err
	}
	m.symbols = int64(len(all) - c.Order)
	places, err := m.sorted(ctx, all)
	if err != nil {
		return nil, err
	}
	counts := m.layOut(all, places)
	places = nil
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	m.adjust(counts)
	m.smooth(counts)
	return m, ctx.Err()
}

// gather puts all texts into one sequence, start and end around each, and behind them
// so many starts that every place has Order symbols from it on.
func (m *Model) gather(ctx context.Context, texts iter.Seq2[[]int32, error]) ([]int32, error) {
	var all []int32
	number := 0
	for text, err := range texts {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return nil, err
		}
		number++
		for i, symbol := range text {
			if symbol < 0 || int(symbol) >= m.config.Size {
				return nil, fmt.Errorf("symbol %d of text %d is %d; this model knows 0 to %d", i, number, symbol, m.config.Size-1)
			}
		}
		if err := bounded.Check("symbols to train an n-gram model on", int64(len(all)+len(text)+2), maxSymbols); err != nil {
			return nil, err
		}
		all = append(all, m.start())
		all = append(all, text...)
		all = append(all, m.end())
	}
	if number == 0 {
		return nil, bounded.Malformed("", "there is no text to train an n-gram model on")
	}
	for range m.config.Order {
		all = append(all, m.start())
	}
	return all, nil
}

// sorted lists the places of all by the Order symbols from each on, and equal ones in
// their order: a counting sort from the last symbol to the first.
func (m *Model) sorted(ctx context.Context, all []int32) ([]uint32, error) {
	n := len(all) - m.config.Order
	from, to := make([]uint32, n), make([]uint32, n)
	for i := range from {
		from[i] = uint32(i)
	}
	begin := make([]uint32, m.config.Size+3)
	for _, symbol := range all[:n] {
		begin[symbol+1]++
	}
	for d := m.config.Order - 1; d >= 0; d-- {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		// How often each symbol stands d further is how often it stands at all, but
		// for the ends of the sequence.
		next := make([]uint32, len(begin))
		copy(next, begin)
		for i := range d {
			next[all[i]+1]--
			next[all[n+i]+1]++
		}
		for symbol := range m.config.Size + 2 {
			next[symbol+1] += next[symbol]
		}
		shifted := all[d:]
		for _, place := range from {
			symbol := shifted[place]
			to[next[symbol]] = place
			next[symbol]++
		}
		from, to = to, from
	}
	return from, nil
}

// layOut makes the levels from the sorted places and returns how often each n-gram
// occurs, [level][n-gram].
func (m *Model) layOut(all []int32, places []uint32) [][]uint32 {
	order := m.config.Order
	sizes := make([]int, order+1)
	sizes[0] = 1
	m.eachPlace(all, places, func(_ uint32, same, length int) {
		for k := same + 1; k <= length; k++ {
			sizes[k]++
		}
	})
	counts := make([][]uint32, order+1)
	m.levels = make([]level, order+1)
	for k, size := range sizes {
		m.levels[k] = level{symbol: make([]int32, size)}
		if k < order {
			m.levels[k].child = make([]uint32, size+1)
		}
		counts[k] = make([]uint32, size)
	}
	filled := make([]int, order+2)
	filled[0] = 1
	m.eachPlace(all, places, func(place uint32, same, length int) {
		for k := same + 1; k <= length; k++ {
			at := filled[k]
			m.levels[k].symbol[at] = all[int(place)+k-1]
			if k < order {
				m.levels[k].child[at] = uint32(filled[k+1])
			}
			filled[k]++
		}
		for k := 1; k <= length; k++ {
			counts[k][filled[k]-1]++
		}
	})
	for k := range order {
		m.levels[k].child[sizes[k]] = uint32(sizes[k+1])
	}
	return counts
}

// eachPlace visits the sorted places with the number of symbols that the n-gram there
// has in common with the one before, and its length: Order, or less where a text ends.
func (m *Model) eachPlace(all []int32, places []uint32, visit func(place uint32, same, length int)) {
	order, end := m.config.Order, m.end()
	var before []int32 // n-gram of the place before, with nothing after an end
	for _, place := range places {
		here := all[place : int(place)+order]
		same, length := 0, 0
		for same < len(before) && here[same] == before[same] {
			same++
		}
		for length < order {
			length++
			if here[length-1] == end {
				break
			}
		}
		before = here[:length]
		visit(place, min(same, length), length)
	}
}

// adjust turns the counts below the highest order into numbers of different symbols
// before, but for n-grams at the start of a text. The start alone is never predicted
// and counts nothing.
func (m *Model) adjust(counts [][]uint32) {
	start := m.find(0, 0, m.start()) // the first n-gram at a start: on every level those come last
	// shorter is the place of each n-gram of level k without its first symbol, on the
	// level below.
	shorter := make([]uint32, len(m.levels[1].symbol))
	first := start
	for k := 1; k < m.config.Order; k++ {
		clear(counts[k][:first])
		longer := make([]uint32, len(m.levels[k+1].symbol))
		for at, to := range shorter {
			m.shorten(k, uint32(at), to, longer)
		}
		for _, to := range longer {
			counts[k][to]++
		}
		shorter, first = longer, int64(m.levels[k].child[first])
	}
	counts[1][start] = 0
}

// shorten finds, for the continuations of the n-gram at a place on level k, their
// places without the first symbol, where that n-gram's own is to. Both lists are
// sorted, and the one is part of the other.
func (m *Model) shorten(k int, at, to uint32, longer []uint32) {
	below := m.levels[k].symbol
	from, end := m.levels[k-1].child[to], m.levels[k-1].child[to+1]
	for c := m.levels[k].child[at]; c < m.levels[k].child[at+1]; c++ {
		symbol := m.levels[k+1].symbol[c]
		// Steps that double, then halves: near ones are found at once, far ones fast.
		step := uint32(1)
		for end-from > step && below[from+step] <= symbol {
			from += step
			step *= 2
		}
		hi := min(end, from+step)
		for hi-from > 1 {
			if mid := from + (hi-from)/2; below[mid] <= symbol {
				from = mid
			} else {
				hi = mid
			}
		}
		longer[c] = from
	}
}

// smooth turns counts into shares and weights, level by level.
func (m *Model) smooth(counts [][]uint32) {
	for k := 1; k <= m.config.Order; k++ {
		discount, ok := discounts(counts[k])
		if !ok {
			m.fallback = append(m.fallback, k)
		}
		m.discounts = append(m.discounts, discount)
		above, here := &m.levels[k-1], &m.levels[k]
		here.share = make([]float32, len(here.symbol))
		above.back = make([]float32, len(above.symbol))
		for at := range above.symbol {
			lo, hi := above.child[at], above.child[at+1]
			above.back[at] = share(counts[k][lo:hi], discount, here.share[lo:hi])
		}
		counts[k] = nil
	}
}

// share fills the discounted shares of siblings and returns what is left for shorter
// contexts.
func share(counts []uint32, discount [3]float64, shares []float32) float32 {
	var sum, left float64
	for _, c := range counts {
		sum += float64(c)
	}
	if sum == 0 {
		return 1
	}
	for i, c := range counts {
		if c > 0 {
			d := discount[min(c, 3)-1]
			shares[i] = float32((float64(c) - d) / sum)
			left += d
		}
	}
	return float32(left / sum)
}

// fixed are the discounts where the counts give none.
var fixed = [3]float64{0.5, 1, 1.5}

// discounts computes D(1), D(2) and D(3 and more) from the counts of one length.
func discounts(counts []uint32) (d [3]float64, ok bool) {
	var t [5]float64
	for _, c := range counts {
		if c < 5 {
			t[c]++
		}
	}
	y := t[1] / (t[1] + 2*t[2])
	for k := 1; k <= 3; k++ {
		d[k-1] = float64(k) - float64(k+1)*y*t[k+1]/t[k]
		if !(d[k-1] >= 0 && d[k-1] <= float64(k)) {
			return fixed, false
		}
	}
	return d, true
}
