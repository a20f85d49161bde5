package cpu

import (
	"bytes"
	"encoding/binary"
	"math"

	"github.com/gomlx/compute/dtypes"
)

// sight is the boolean mask of an attention, the same for all heads: which keys a query
// sees. Blocks of keys that no query of a block sees are not computed, so that texts
// packed into one sequence cost about what they cost alone.
type sight struct {
	piece
	batch, row int // strides; 0 where all are the same
}

// shared says whether a mask is boolean, the same for all heads, and there for each key.
func (n *node) shared(keys int) bool {
	return n.shape.DType == dtypes.Bool && n.shape.Dimensions[1] == 1 && n.shape.Dimensions[3] == keys
}

// sight finds where a mask [B|1 1 S|1 T] lies.
func (c *compiler) sight(n *node) *sight {
	d := n.shape.Dimensions
	m := &sight{piece: c.whole(n)}
	if d[2] > 1 {
		m.row = d[3]
	}
	if d[0] > 1 {
		m.batch = d[2] * d[3]
	}
	return m
}

// at is what the query of a row sees of n keys from the first on: a byte each.
func (m *sight) at(r *run, b, row, first, n int) []byte {
	return r.mem[m.slot][m.piece.at+b*m.batch+row*m.row+first:][:n]
}

// hides says whether none of some rows sees any of n keys from the first on.
func (m *sight) hides(r *run, b, row, rows, first, n int) bool {
	if m == nil {
		return false
	}
	for i := range rows {
		if bytes.Count(m.at(r, b, row+i, first, n), []byte{0}) < n {
			return false
		}
	}
	return true
}

// all is eight keys that are seen.
const all = 0x0101010101010101

// hide gives the scores of keys that the query of a row does not see, from the first key
// on, a value whose exponential is zero.
func (s *attentionStep) hide(r *run, b, row, first int, scores []float32) {
	if s.mask == nil {
		return
	}
	never := float32(math.Inf(-1))
	if s.scale < 0 {
		never = -never
	}
	mask := s.mask.at(r, b, row, first, len(scores))
	for i := 0; i < len(scores); {
		n := min(8, len(mask)-i)
		if n < 8 || binary.LittleEndian.Uint64(mask[i:]) != all {
			for j, v := range mask[i : i+n] {
				if v == 0 {
					scores[i+j] = never
				}
			}
		}
		i += n
	}
}
