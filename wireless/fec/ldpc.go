package fec

import (
	"crypto/subtle"
	"fmt"

	"github.com/comlam/comlam/wireless/nr"
)

// A Graph is one of the two base graphs of TS 38.212 clause 5.3.2.
type Graph int

// BG1 is for long blocks and high rates, BG2 for the others.
const (
	BG1 Graph = 1
	BG2 Graph = 2
)

func (g Graph) String() string { return fmt.Sprintf("BG%d", int(g)) }

// A shape is what is the same for all lifting sizes of a base graph.
type shape struct{ systematic, rows, maxK int }

var shapes = [3]shape{BG1: {22, 46, 8448}, BG2: {10, 42, 3840}}

// coreRows are the rows whose parity needs the double diagonal; each row after them
// has a parity column of its own.
const coreRows = 4

// punctured systematic columns are never sent.
const punctured = 2

// GraphFor is the base graph for a transport block of a bits (without CRC) at a code
// rate (clauses 6.2.2 and 7.2.2).
func GraphFor(a int, rate float64) Graph {
	return Graph(nr.BaseGraph(a, rate))
}

// edge is one circulant: row z of its layer checks bit (z+shift) mod Z of column col.
type edge struct{ col, shift int }

// An LDPC is the code of one code block size. It is immutable.
type LDPC struct {
	graph Graph
	k     int      // bits, without fillers
	z     int      // lifting size
	rows  [][]edge // one a layer
	core  []solve  // parity columns of the first rows, in the order in which they are known
}

// solve says that row, once all else in it is known, gives column col.
type solve struct{ row, col, shift int }

// NewLDPC returns the code of blocks of k bits, their CRC included: the smallest
// lifting size that holds them (clause 5.2.2), the rest filled with zeros.
func NewLDPC(g Graph, k int) (*LDPC, error) {
	if g != BG1 && g != BG2 {
		return nil, fmt.Errorf("base graph %d; there are 1 and 2", int(g))
	}
	if k < 1 || k > shapes[g].maxK {
		return nil, fmt.Errorf("code block of %d bits; %s takes 1 to %d, segment longer blocks", k, g, shapes[g].maxK)
	}
	kb := shapes[g].systematic
	if g == BG2 {
		kb = columnsBG2(k)
	}
	for _, z := range LiftingSizes() {
		if kb*z >= k {
			return newLDPC(g, k, z), nil
		}
	}
	return nil, fmt.Errorf("code block of %d bits exceeds every lifting size of %s", k, g)
}

// columnsBG2 is K_b of clause 5.2.2 for base graph 2.
func columnsBG2(k int) int {
	switch {
	case k > 640:
		return 10
	case k > 560:
		return 9
	case k > 192:
		return 8
	}
	return 6
}

func newLDPC(g Graph, k, z int) *LDPC {
	c := &LDPC{graph: g, k: k, z: z, rows: make([][]edge, shapes[g].rows)}
	set := liftingSet(z)
	for _, e := range entries[g]() {
		c.rows[e.row] = append(c.rows[e.row], edge{e.col, e.shift[set] % z})
	}
	c.plan()
	return c
}

// plan finds the order in which the core rows give their parity columns, once the
// first is known.
func (c *LDPC) plan() {
	known := map[int]bool{c.systematic(): true}
	for len(c.core) < coreRows-1 {
		for i, row := range c.rows[:coreRows] {
			var unknown []edge
			for _, e := range row {
				if e.col > c.systematic() && !known[e.col] {
					unknown = append(unknown, e)
				}
			}
			if len(unknown) == 1 {
				known[unknown[0].col] = true
				c.core = append(c.core, solve{i, unknown[0].col, unknown[0].shift})
			}
		}
	}
}

func (c *LDPC) systematic() int { return shapes[c.graph].systematic }
func (c *LDPC) columns() int    { return c.systematic() + len(c.rows) }

// Graph is the base graph.
func (c *LDPC) Graph() Graph { return c.graph }

// K is the number of bits of a block, without fillers.
func (c *LDPC) K() int { return c.k }

// LiftingSize is Z_c.
func (c *LDPC) LiftingSize() int { return c.z }

// Fillers is the number of zeros behind the bits of a block.
func (c *LDPC) Fillers() int { return c.systematic()*c.z - c.k }

// Len is the number N of coded bits, fillers included: 66 Z_c or 50 Z_c.
func (c *LDPC) Len() int { return (c.columns() - punctured) * c.z }

// Encode writes the codewords d of clause 5.3.2 without the punctured columns,
// fillers as zeros: [B K] to [B Len].
func (c *LDPC) Encode(dst, bits []byte) error {
	blocks, err := batch("bits", len(bits), c.k)
	if err != nil {
		return fmt.Errorf("ldpc: %w", err)
	}
	if len(dst) != blocks*c.Len() {
		return fmt.Errorf("ldpc: room for %d coded bits; %d blocks have %d", len(dst), blocks, blocks*c.Len())
	}
	word, sum := make([]byte, c.columns()*c.z), make([]byte, coreRows*c.z)
	for b := range blocks {
		clear(word)
		copy(word, bits[b*c.k:][:c.k])
		c.parity(word, sum)
		copy(dst[b*c.Len():][:c.Len()], word[punctured*c.z:])
	}
	return nil
}

// parity fills in all columns behind the systematic ones, which must be zero.
func (c *LDPC) parity(word, sum []byte) {
	clear(sum)
	for i, row := range c.rows[:coreRows] {
		for _, e := range row {
			if e.col < c.systematic() {
				c.add(c.column(sum, i), c.column(word, e.col), e.shift)
			}
		}
	}
	// In the sum of the core rows the double diagonal cancels, and the first parity
	// column is left with one shift.
	first := c.column(word, c.systematic())
	for i := range coreRows {
		c.add(first, c.column(sum, i), c.z-c.firstShift())
	}
	for i, row := range c.rows[:coreRows] {
		for _, e := range row {
			if e.col == c.systematic() {
				c.add(c.column(sum, i), first, e.shift)
			}
		}
	}
	for _, s := range c.core {
		c.add(c.column(word, s.col), c.column(sum, s.row), c.z-s.shift)
		for i, row := range c.rows[:coreRows] {
			for _, e := range row {
				if e.col == s.col && i != s.row {
					c.add(c.column(sum, i), c.column(word, s.col), e.shift)
				}
			}
		}
	}
	for i := coreRows; i < len(c.rows); i++ {
		own := c.column(word, c.systematic()+i)
		for _, e := range c.rows[i] {
			if e.col < c.systematic()+coreRows {
				c.add(own, c.column(word, e.col), e.shift)
			}
		}
	}
}

// firstShift is the shift of the first parity column that occurs an odd number of
// times in the core rows.
func (c *LDPC) firstShift() (odd int) {
	count := map[int]int{}
	for _, row := range c.rows[:coreRows] {
		for _, e := range row {
			if e.col == c.systematic() {
				count[e.shift]++
			}
		}
	}
	for shift, n := range count {
		if n%2 == 1 {
			odd = shift
		}
	}
	return odd
}

func (c *LDPC) column(word []byte, i int) []byte { return word[i*c.z:][:c.z] }

// add adds src, turned by shift, to dst: dst[z] ^= src[(z+shift) mod Z].
func (c *LDPC) add(dst, src []byte, shift int) {
	if shift == c.z {
		shift = 0
	}
	n := c.z - shift
	subtle.XORBytes(dst[:n], dst[:n], src[shift:])
	subtle.XORBytes(dst[n:], dst[n:], src[:shift])
}
