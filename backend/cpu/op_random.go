package cpu

import (
	"encoding/binary"
	mathbits "math/bits"

	"github.com/gomlx/compute/dtypes"
)

// runRandom makes random bits with Philox4x32-10 (Salmon and others, Parallel
// random numbers: as easy as 1, 2, 3, 2011). The state is a key and a counter of
// 128 bits, the lower half first. Bytes 16i to 16i+15 of the values are block
// counter+i; the new state counts the blocks that were taken.
func runRandom(c *call) error {
	state, next := of[uint64](c.in[0]), of[uint64](c.out[0])
	key, low, high := state[0], state[1], state[2]
	out := c.out[1].data
	blocks := ceilDiv(len(out), 16)
	ranges(c.do, blocks, grain/16, func(from, to int) {
		for i := from; i < to; i++ {
			l, carry := mathbits.Add64(low, uint64(i), 0)
			a, b := philox(key, l, high+carry)
			var block [16]byte
			binary.LittleEndian.PutUint64(block[:], a)
			binary.LittleEndian.PutUint64(block[8:], b)
			copy(out[16*i:], block[:])
		}
		if c.out[1].shape.DType == dtypes.Bool {
			for i := 16 * from; i < min(16*to, len(out)); i++ {
				out[i] &= 1
			}
		}
	})
	l, carry := mathbits.Add64(low, uint64(blocks), 0)
	next[0], next[1], next[2] = key, l, high+carry
	return nil
}

// philox is block low, high under the key.
func philox(key, low, high uint64) (a, b uint64) {
	k0, k1 := uint32(key), uint32(key>>32)
	c0, c1, c2, c3 := uint32(low), uint32(low>>32), uint32(high), uint32(high>>32)
	for range 10 {
		p, q := uint64(c0)*0xD2511F53, uint64(c2)*0xCD9E8D57
		c0, c1, c2, c3 = uint32(q>>32)^c1^k0, uint32(q), uint32(p>>32)^c3^k1, uint32(p)
		k0, k1 = k0+0x9E3779B9, k1+0xBB67AE85
	}
	return uint64(c1)<<32 | uint64(c0), uint64(c3)<<32 | uint64(c2)
}
