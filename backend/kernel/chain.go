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
	Stream                 // like Store, of a large array that is not read soon: past the caches
)

// A Link is one operation of a chain: acc = acc op operand. Identity with Vector or
// Scalar sets the accumulator.
type Link struct {
	Op      compute.OpType
	Arg     Arg
	Operand int // which of the operands of Run
}

// A Chain is a run of Float32 operations in which every one takes the result of the
// one before. It keeps a block of elements in registers from the first load to the
// last store, while loops of one operation each would write and read them every
// time. The bits are those of the loops.
type Chain struct {
	code    []chainCode
	plain   []chainCode // with Store for Stream, nil where code has none
	streams []int       // operands
	run     func(code, ptrs unsafe.Pointer, blocks int)
	block   int   // elements
	vectors []int // operands that are vectors, and those that are written
	stores  []int
	size    int // operands
	scratch sync.Pool
}

// chainCode is a link as the assembly reads it.
type chainCode struct {
	handler uintptr
	operand uintptr
}

// NewChain makes a chain, nil where the variant has none or not of these operations.
// No operand is both a vector and one element.
func NewChain(links []Link) *Chain {
	run, block, handlers := asmChain()
	if run == nil {
		return nil
	}
	c := &Chain{run: run, block: block}
	wrote, read := map[int]bool{}, map[int]bool{}
	for _, l := range links {
		k, ok := chainHandlers[chainKey{l.Op, l.Arg}]
		if !ok {
			return nil
		}
		c.code = append(c.code, chainCode{handlers[k], uintptr(l.Operand)})
		if l.Arg != Alone {
			c.size = max(c.size, l.Operand+1)
		}
		switch l.Arg {
		case Stream:
			c.streams = append(c.streams, l.Operand)
			wrote[l.Operand] = true
		case Store:
			wrote[l.Operand] = true
		case Vector, VectorFirst:
			read[l.Operand] = true
		}
	}
	c.code = append(c.code, chainCode{handler: handlers[chainNext]})
	if len(c.streams) > 0 {
		c.plain = slices.Clone(c.code)
		for i, l := range links {
			if l.Arg == Stream {
				c.plain[i].handler = handlers[chainHandlers[chainKey{l.Op, Store}]]
			}
		}
		c.code[len(links)].handler = handlers[chainNextStreamed]
	}
	for i := range c.size {
		if wrote[i] {
			c.stores = append(c.stores, i)
		}
		if wrote[i] || read[i] {
			c.vectors = append(c.vectors, i)
		}
	}
	return c
}

// Run computes n elements. An operand may be the same memory as another, but never
// overlaps it partly.
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
		c.tail(operands, n-rest, rest)
	}
}

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
	code := c.code
	if c.plain != nil {
		code = c.plain
	}
	c.run(unsafe.Pointer(unsafe.SliceData(code)), unsafe.Pointer(unsafe.SliceData(s.ptrs)), 1)
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

// chainHandlers numbers the handlers of the assembly, in the order in which its
// generator writes them.
var chainHandlers = map[chainKey]int{
	{compute.OpTypeIdentity, Vector}: 1, {compute.OpTypeIdentity, Scalar}: 2, {compute.OpTypeIdentity, Store}: 3,
	{compute.OpTypeAdd, Vector}: 4, {compute.OpTypeAdd, Scalar}: 5, {compute.OpTypeAdd, VectorFirst}: 4, {compute.OpTypeAdd, ScalarFirst}: 5,
	{compute.OpTypeSub, Vector}: 6, {compute.OpTypeSub, Scalar}: 7, {compute.OpTypeSub, VectorFirst}: 8, {compute.OpTypeSub, ScalarFirst}: 9,
	{compute.OpTypeMul, Vector}: 10, {compute.OpTypeMul, Scalar}: 11, {compute.OpTypeMul, VectorFirst}: 10, {compute.OpTypeMul, ScalarFirst}: 11,
	{compute.OpTypeDiv, Vector}: 12, {compute.OpTypeDiv, Scalar}: 13, {compute.OpTypeDiv, VectorFirst}: 14, {compute.OpTypeDiv, ScalarFirst}: 15,
	{compute.OpTypeMax, Vector}: 16, {compute.OpTypeMax, Scalar}: 17, {compute.OpTypeMax, VectorFirst}: 16, {compute.OpTypeMax, ScalarFirst}: 17,
	{compute.OpTypeMin, Vector}: 18, {compute.OpTypeMin, Scalar}: 19, {compute.OpTypeMin, VectorFirst}: 18, {compute.OpTypeMin, ScalarFirst}: 19,
	{compute.OpTypeSqrt, Alone}: 20, {compute.OpTypeAbs, Alone}: 21, {compute.OpTypeNeg, Alone}: 22, {compute.OpTypeRsqrt, Alone}: 23,
	{compute.OpTypeExp, Alone}: 24, {compute.OpTypeExpm1, Alone}: 25, {compute.OpTypeTanh, Alone}: 26, {compute.OpTypeLogistic, Alone}: 27,
	{compute.OpTypeErf, Alone}: 28, {compute.OpTypeLog, Alone}: 29, {compute.OpTypeLog1p, Alone}: 30,
	{compute.OpTypeMul, Alone}: 31, {compute.OpTypeIdentity, Stream}: 32,
}

const (
	chainNext         = 0
	chainNextStreamed = 33
	chainHandlerCount = 34
)

// Chainable says whether there is a handler for a link.
func Chainable(l Link) bool {
	_, ok := chainHandlers[chainKey{l.Op, l.Arg}]
	return ok
}
