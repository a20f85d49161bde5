package cpu

import (
	"encoding/binary"
	mathbits "math/bits"

	"github.com/gomlx/compute/dtypes"

	"github.com/comlam/comlam/internal/rng"
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
			a, b := rng.Philox4x32(l, high+carry, key)
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
