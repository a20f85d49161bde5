package kernel

import (
	"slices"
	"sync"
	"unsafe"

	"github.com/gomlx/compute"
)

// An Arg says what a link of a chain works on.
type Arg uint8

const (
	Alone       Arg = iota // the accumulator; for Mul, with itself
	Vector                 // the accumulator and a vector, in this order
	Scalar                 // the accumulator and one element
	VectorFirst            // a vector and the accumulator
	ScalarFirst            // one element and the accumulator
	Store                  // Identity only: a vector is set to the accumulator
	Stream                 // like Store, of a large array that is not read soon: past the caches; see Fence
	StoreOne               // Identity only: one element is set to the accumulator's first
	Gather                 // Add only: a vector takes the accumulator in
	Fetch                  // Identity only: the vector Ahead bytes on will be read soon
	Fold                   // ReduceSum only: SumLen partial sums take the accumulator in
	Total                  // ReduceSum only: the accumulator is set to SumLen partial sums joined, which become 0
)

// SumLen is the number of partial sums of Fold, that of Reduce.
const SumLen = 64

// A Link is one operation of a chain: acc = acc op operand. Identity with Vector or
// Scalar sets the accumulator.
type Link struct {
	Op      compute.OpType
	Arg     Arg
	Operand int // which of the operands of Run
	Ahead   int // of Fetch
}

// A Chain is one or more passes over a vector, each a run of Float32 operations in
// which every one takes the result of the one before. It keeps a block of elements in
// registers from the first load to the last store, while loops of one operation each
// would write and read them every time. A pass that has no vectors runs once, for all
// elements. The bits are those of the loops.
type Chain struct {
	*chainLoop
	code    []chainCode
	plain   []chainCode // with Store for Stream
	whole   bool        // of blocks only
	vectors []int       // operands that are vectors, those that are written, those that are streams
	stores  []int
	streams []int
	size    int // operands
	scratch sync.Pool
}

// chainCode is a link as the assembly reads it.
type chainCode struct {
	handler uintptr
	operand uintptr // of Next: the bytes before it in its pass; of Fetch: below bit 16
}

const chainCodeSize = unsafe.Sizeof(chainCode{})

// chainLoop is what the assembly of a variant has.
type chainLoop struct {
	run      func(code, ptrs unsafe.Pointer, blocks int)
	block    int         // elements
	handlers [64]uintptr // by their numbers in chainHandlers, and these:
}

const (
	chainNext = iota
	chainEnd
	chainFoldNear // 0 where sums do not fit into registers
	chainTotalNear
)

// NewChain makes a chain, nil where the variant has none or not of these operations.
// No operand is both a vector and one element.
func NewChain(passes ...[]Link) *Chain {
	loop := &chainLoops[active]
	if loop.run == nil {
		return nil
	}
	b := chainBuilder{Chain: &Chain{chainLoop: loop, whole: len(passes) > 1}, total: -1}
	for i, links := range passes {
		b.near = -1
		if i+1 < len(passes) && passes[i+1][0].Arg == Total && loop.handlers[chainFoldNear] != 0 {
			b.near = passes[i+1][0].Operand
		}
		if !b.pass(links) {
			return nil
		}
	}
	b.put(chainEnd, 0)
	b.plain = slices.Clone(b.code)
	stream, store := chainHandlers[chainKey{compute.OpTypeIdentity, Stream}], chainHandlers[chainKey{compute.OpTypeIdentity, Store}]
	for i := range b.plain {
		if h := &b.plain[i].handler; *h == loop.handlers[stream] {
			*h = loop.handlers[store]
		}
	}
	return b.Chain
}

// chainBuilder writes the code of a chain.
type chainBuilder struct {
	*Chain
	near  int // partial sums that stay in registers from a pass to the next, -1: none
	total int // those of the pass before
}

func (b *chainBuilder) put(handler, operand int) {
	b.code = append(b.code, chainCode{b.handlers[handler], uintptr(operand)})
}

// pass adds the links of a pass; it reports whether there are handlers for all.
func (b *chainBuilder) pass(links []Link) bool {
	start, loops, total := len(b.code), false, -1
	for _, l := range links {
		k, ok := chainHandlers[chainKey{l.Op, l.Arg}]
		if !ok {
			return false
		}
		operand := l.Operand
		if l.Arg != Alone {
			b.size = max(b.size, l.Operand+1)
		}
		switch l.Arg {
		case Vector, VectorFirst, Store, Stream, Gather:
			loops = true
			note(&b.vectors, l.Operand)
			if l.Arg != Vector && l.Arg != VectorFirst {
				note(&b.stores, l.Operand)
			}
			if l.Arg == Stream {
				note(&b.streams, l.Operand)
			}
		case Fetch:
			operand |= l.Ahead << 16
		case Fold:
			if b.whole = true; l.Operand == b.near {
				k, total = chainFoldNear, b.near
			}
		case Total:
			if b.whole = true; l.Operand == b.total {
				k = chainTotalNear
			}
		}
		b.put(k, operand)
	}
	b.total = total
	if loops {
		b.put(chainNext, (len(b.code)-start)*int(chainCodeSize))
	}
	return true
}

// note adds an operand to a list that lacks it.
func note(list *[]int, operand int) {
	if !slices.Contains(*list, operand) {
		*list = append(*list, operand)
	}
}

// Run computes n elements, a multiple of SumLen for a chain of several passes or with
// sums. An operand may be the same memory as another, but never overlaps it partly.
func (c *Chain) Run(operands []unsafe.Pointer, n int) {
	code := c.code
	for _, i := range c.streams {
		if uintptr(operands[i])%64 != 0 {
			code = c.plain
		}
	}
	if whole := n / c.block; whole > 0 {
		c.run(unsafe.Pointer(unsafe.SliceData(code)), unsafe.Pointer(unsafe.SliceData(operands[:c.size])), whole)
	}
	if rest := n % c.block; rest > 0 {
		if c.whole {
			panic("kernel: a chain of whole blocks was given a part of one")
		}
		c.tail(operands, n-rest, rest)
	}
}

// Streams says whether the chain has streaming stores: then Fence comes before other
// goroutines may read what it wrote.
func (c *Chain) Streams() bool { return len(c.streams) > 0 }

// chainScratch holds a block of every vector.
type chainScratch struct {
	ptrs  []unsafe.Pointer
	block []float32
}

// tail computes the n elements from i on, fewer than a block, in copies.
func (c *Chain) tail(operands []unsafe.Pointer, i, n int) {
	s, ok := c.scratch.Get().(*chainScratch)
	if !ok {
		s = &chainScratch{make([]unsafe.Pointer, c.size), make([]float32, len(c.vectors)*c.block)}
	}
	copy(s.ptrs, operands)
	for j, v := range c.vectors {
		b := s.block[j*c.block:][:c.block]
		copy(b, view[float32](at(operands[v], i, 4), n))
		s.ptrs[v] = unsafe.Pointer(&b[0])
	}
	c.run(unsafe.Pointer(unsafe.SliceData(c.plain)), unsafe.Pointer(unsafe.SliceData(s.ptrs)), 1)
	for _, v := range c.stores {
		copy(view[float32](at(operands[v], i, 4), n), view[float32](s.ptrs[v], n))
	}
	clear(s.ptrs)
	c.scratch.Put(s)
}

type chainKey struct {
	op  compute.OpType
	arg Arg
}

// Chainable says whether there is a handler for a link.
func Chainable(l Link) bool {
	_, ok := chainHandlers[chainKey{l.Op, l.Arg}]
	return ok
}
