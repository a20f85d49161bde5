// Package ngram holds the classical language model that a learned one has to beat: the
// interpolated n-gram model with modified Kneser-Ney smoothing.
//
//	m, err := ngram.Train(ctx, texts, ngram.Config{Order: 8, Size: ngram.NumBytes})
//	var total ngram.Score
//	for _, text := range heldOut {
//		s, err := m.Score(ngram.Bytes(text))
//		total.Add(s, len(text))
//	}
//	fmt.Println(total.BitsPerByte())
//
// # Model
//
// With h a context of n-1 symbols, h' the same without its first, and c the count of a
// n-gram, discounted by D(1), D(2) or D(3 and more):
//
//	p(w|h) = (c(hw) - D(c(hw))) / sum_v c(hv)  +  g(h) p(w|h'),
//	g(h)   = sum_v D(c(hv)) / sum_v c(hv),
//
// down to p(w) of no context, which is interpolated with one over the number of symbols.
// Below the highest order c is the number of different symbols seen before the n-gram,
// but for n-grams at the start of a text, before which nothing can stand: their c is
// what was counted. The discounts of each order come from t(k), the number of its
// n-grams with c = k: Y = t(1) / (t(1) + 2 t(2)), D(k) = k - (k+1) Y t(k+1) / t(k).
// Where that is undefined or outside of 0 to k, as in small or odd data, the order takes
// 0.5, 1 and 1.5. Source: S. F. Chen, J. Goodman, "An empirical study of smoothing
// techniques for language modeling", Harvard TR-10-98, 1998, section 3; start of texts
// and fallback as in K. Heafield, I. Pouzyrevsky, J. Clark, P. Koehn, "Scalable modified
// Kneser-Ney language model estimation", ACL 2013, and its program lmplz.
//
// # Texts
//
// Every text is one sequence: contexts do not reach over its ends, and its end is
// predicted as a symbol of its own. The vocabulary is closed: symbols 0 to Size-1 and
// the end. A symbol that was never seen keeps a probability above zero.
//
// # Cost
//
// Positions are sorted by the symbols that follow (Order passes of a counting sort), and
// the n-grams of all orders are then laid out in one pass: about 14 bytes a symbol while
// sorting, 24 a different n-gram while counting, 16 in the finished model. Sums are
// taken in a fixed order; a model and its scores are the same bits on every machine.
package ngram

import (
	"fmt"
	"math"

	"github.com/comlam/comlam/internal/setting"
)

// NumBytes is the Size of models whose symbols are bytes.
const NumBytes = 256

// Config says what is modelled.
type Config struct {
	Order int // symbols that an n-gram has at most, 1 to 16
	Size  int // number of symbols: they are 0 to Size-1
}

// Validate reports the first setting that cannot be used.
func (c Config) Validate() error {
	if c.Order < 1 || c.Order > maxOrder {
		return setting.Bad("order", fmt.Sprintf("use 1 to %d", maxOrder), "%d is no order", c.Order)
	}
	if c.Size < 1 || c.Size > maxSize {
		return setting.Bad("size", fmt.Sprintf("use 1 to %d", maxSize), "%d symbols cannot be modelled", c.Size)
	}
	return nil
}

const (
	maxOrder = 16
	maxSize  = 1 << 24
)

// Model is a trained model. Any number of goroutines may use it at once.
type Model struct {
	config    Config
	levels    []level // levels[k] holds the k-grams; level 0 is the empty one
	discounts [][3]float64
	fallback  []int // orders that took the fixed discounts
	symbols   int64 // trained on, ends included
}

// level holds the n-grams of one length, sorted.
type level struct {
	symbol []int32   // the last symbol of each
	child  []uint32  // where its continuations begin on the next level; one more at the end
	share  []float32 // (c - D(c)) / sum over its siblings
	back   []float32 // g of it as a context
}

// Bytes turns a text into the symbols of a byte model.
func Bytes(text string) []int32 {
	list := make([]int32, len(text))
	for i := range len(text) {
		list[i] = int32(text[i])
	}
	return list
}

// Config is what the model was made for.
func (m *Model) Config() Config { return m.config }

// Symbols is how many symbols the model was trained on, ends of texts included.
func (m *Model) Symbols() int64 { return m.symbols }

// NGrams is the number of different n-grams of each length, from 1.
func (m *Model) NGrams() []int {
	var list []int
	for _, l := range m.levels[1:] {
		list = append(list, len(l.symbol))
	}
	return list
}

// Discounts are D(1), D(2) and D(3 and more) of each length, from 1.
func (m *Model) Discounts() [][3]float64 { return m.discounts }

// Fallback lists the lengths whose counts gave no discounts, so that fixed ones serve.
func (m *Model) Fallback() []int { return m.fallback }

// Score is what texts cost in bits.
type Score struct {
	Bits    float64 // of the symbols
	EndBits float64 // of the ends of texts
	Symbols int     // without ends
	Texts   int
	Bytes   int // that the symbols stand for
}

// Add counts another score, of a text of so many bytes.
func (s *Score) Add(t Score, bytes int) {
	s.Bits += t.Bits
	s.EndBits += t.EndBits
	s.Symbols += t.Symbols
	s.Texts += t.Texts
	s.Bytes += bytes
}

// BitsPerByte is all bits, those of the ends included, over the bytes of the texts. NaN
// without any byte.
func (s Score) BitsPerByte() float64 {
	if s.Bytes == 0 {
		return math.NaN()
	}
	return (s.Bits + s.EndBits) / float64(s.Bytes)
}

// Score measures one text of symbols.
func (m *Model) Score(text []int32) (Score, error) {
	r := m.reader()
	s := Score{Symbols: len(text), Texts: 1}
	for i, symbol := range text {
		if symbol < 0 || int(symbol) >= m.config.Size {
			return Score{}, fmt.Errorf("symbol %d of the text is %d; this model knows 0 to %d", i, symbol, m.config.Size-1)
		}
		s.Bits -= math.Log2(r.next(symbol))
	}
	s.EndBits = -math.Log2(r.next(m.end()))
	return s, nil
}

// The two symbols beyond those of the caller: what ends a text, and what stands before
// it as a context.
func (m *Model) end() int32   { return int32(m.config.Size) }
func (m *Model) start() int32 { return int32(m.config.Size) + 1 }

// reader walks through a text. context[k] is the place on level k of the last k symbols.
type reader struct {
	m       *Model
	context [maxOrder]int64
}

const nowhere = -1

// reader stands at the start of a text.
func (m *Model) reader() *reader {
	r := &reader{m: m}
	for k := range r.context {
		r.context[k] = nowhere
	}
	if m.config.Order > 1 {
		r.context[1] = m.find(0, 0, m.start())
	}
	return r
}

// next is the probability of symbol after what was read, and reads it.
func (r *reader) next(symbol int32) float64 {
	m := r.m
	p := 1 / float64(m.config.Size+1)
	at := int64(0) // the context of k symbols
	for k := range m.config.Order {
		child := int64(nowhere)
		if at != nowhere {
			p *= float64(m.levels[k].back[at])
			if child = m.find(k, at, symbol); child != nowhere {
				p += float64(m.levels[k+1].share[child])
			}
		}
		if k+1 < m.config.Order {
			at, r.context[k+1] = r.context[k+1], child
		}
	}
	return p
}

// find is the place on level k+1 of the n-gram at a place on level k with one more
// symbol, or nowhere.
func (m *Model) find(k int, at int64, symbol int32) int64 {
	lo, hi := int64(m.levels[k].child[at]), int64(m.levels[k].child[at+1])
	list := m.levels[k+1].symbol
	for lo < hi {
		mid := int64(uint64(lo+hi) / 2)
		if list[mid] < symbol {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	if lo < int64(m.levels[k].child[at+1]) && list[lo] == symbol {
		return lo
	}
	return nowhere
}
