package mimo

import (
	"fmt"
	"math"
	"slices"
)

// Codebook is the Type I single-panel codebook of TS 38.214 clause 5.2.2.2.1 for 2 N1 N2
// ports: N1 across and N2 up, the ports of the second polarisation after all those of the
// first. (1,1) is the codebook of two ports, table 5.2.2.2.1-1. Ranks 1 to 8, or as many as
// there are ports.
type Codebook struct {
	N1, N2 int
	O1, O2 int
	// Mode2 is codebook mode 2: beams of one and two layers are chosen by i2 among
	// neighbours, with the same precoders for more layers.
	Mode2 bool
}

// Codebooks are the configurations of two ports and of table 5.2.2.2.1-2, in mode 1.
var Codebooks = []Codebook{
	{1, 1, 1, 1, false},
	{2, 1, 4, 1, false}, {2, 2, 4, 4, false}, {4, 1, 4, 1, false}, {3, 2, 4, 4, false}, {6, 1, 4, 1, false}, {4, 2, 4, 4, false}, {8, 1, 4, 1, false},
	{4, 3, 4, 4, false}, {6, 2, 4, 4, false}, {12, 1, 4, 1, false}, {4, 4, 4, 4, false}, {8, 2, 4, 4, false}, {16, 1, 4, 1, false},
}

// MaxRank is the largest number of layers.
const MaxRank = 8

// NewCodebook returns the codebook of an array of table 5.2.2.2.1-2.
func NewCodebook(n1, n2 int) (Codebook, error) {
	for _, c := range Codebooks {
		if c.N1 == n1 && c.N2 == n2 {
			return c, nil
		}
	}
	return Codebook{}, fmt.Errorf("codebook: (N1,N2) = (%d,%d) is not in TS 38.214 table 5.2.2.2.1-2", n1, n2)
}

// NumPorts is the number of CSI-RS ports.
func (c Codebook) NumPorts() int { return 2 * c.N1 * c.N2 }

// A PMI names a precoder.
type PMI struct{ I11, I12, I13, I2 int }

// sizes are the numbers of values of the four indices.
func (c Codebook) sizes(rank int) PMI {
	n := PMI{c.N1 * c.O1, c.N2 * c.O2, 1, 2}
	switch {
	case rank > 6 && c.N1 == 4 && c.N2 == 1:
		n.I11 /= 2
	case rank > 6 && c.N1 > 2 && c.N2 == 2:
		n.I12 /= 2
	case rank > 4:
	case rank == 1:
		n.I2 = 4
	case rank == 2 || c.NumPorts() < 16:
		n.I13 = len(c.offsets(rank))
	default:
		n.I11, n.I13 = n.I11/2, 4
	}
	if c.Mode2 && rank <= 2 {
		n.I11, n.I2 = n.I11/2, 4*n.I2
		if c.N2 > 1 {
			n.I12 /= 2
		}
	}
	return n
}

// plain is the index in mode 1 of one of mode 2, for one and two layers.
func (c Codebook) plain(rank int, p PMI) PMI {
	phases := 4 / rank
	beam := p.I2 / phases
	p.I11, p.I2 = 2*p.I11, p.I2%phases
	if c.N2 == 1 {
		p.I11 += beam
		return p
	}
	p.I11, p.I12 = p.I11+beam%2, 2*p.I12+beam/2
	return p
}

// NumPrecoders is their number for a rank, 0 where there is none.
func (c Codebook) NumPrecoders(rank int) int {
	if c.check(rank) != nil {
		return 0
	}
	n := c.sizes(rank)
	return n.I11 * n.I12 * n.I13 * n.I2
}

// offsets are (k1, k2) by i1,3: tables 5.2.2.2.1-3 for two layers, -4 for three and four.
func (c Codebook) offsets(rank int) [][2]int {
	o1, o2 := c.O1, c.O2
	if rank == 2 {
		switch {
		case c.N1 == 1:
			return [][2]int{{0, 0}}
		case c.N2 == 1 && c.N1 == 2:
			return [][2]int{{0, 0}, {o1, 0}}
		case c.N2 == 1:
			return [][2]int{{0, 0}, {o1, 0}, {2 * o1, 0}, {3 * o1, 0}}
		case c.N1 == c.N2:
			return [][2]int{{0, 0}, {o1, 0}, {0, o2}, {o1, o2}}
		}
		return [][2]int{{0, 0}, {o1, 0}, {0, o2}, {2 * o1, 0}}
	}
	if c.N2 == 1 {
		all := [][2]int{{o1, 0}, {2 * o1, 0}, {3 * o1, 0}, {4 * o1, 0}}
		return all[:min(c.N1-1, 4)]
	}
	all := [][2]int{{o1, 0}, {0, o2}, {o1, o2}, {2 * o1, 0}}
	return all[:min(c.N1+1, 4)]
}

// beam writes v_{l,m}, without its norm; half of it, over N1/2 antennas at twice the
// distance, is the beam of more than two layers on 16 ports and more.
func (c Codebook) beam(v []complex128, l, m int) {
	across := len(v) / c.N2
	apart := c.N1 / across
	for i := range across {
		for j := range c.N2 {
			v[i*c.N2+j] = turn(apart*l*i, c.O1*c.N1) * turn(m*j, c.O2*c.N2)
		}
	}
}

func (c Codebook) check(rank int) error {
	first := c
	first.Mode2 = false
	if !slices.Contains(Codebooks, first) {
		return fmt.Errorf("codebook: %+v is not in TS 38.214 table 5.2.2.2.1-2; use NewCodebook", c)
	}
	if c.Mode2 && c.N1 == 1 {
		return fmt.Errorf("codebook: two ports have no mode 2")
	}
	if most := min(MaxRank, c.NumPorts()); rank < 1 || rank > most {
		return fmt.Errorf("codebook: rank %d; there are 1 to %d for %d ports", rank, most, c.NumPorts())
	}
	return nil
}

// Precoder writes the matrix of an index, w [P rank], whose columns are orthogonal and
// have a squared norm of 1/rank.
func (c Codebook) Precoder(w []complex128, rank int, pmi PMI) error {
	if err := c.check(rank); err != nil {
		return err
	}
	if len(w) != c.NumPorts()*rank {
		return fmt.Errorf("codebook: room for %d numbers; a precoder has %d", len(w), c.NumPorts()*rank)
	}
	n := c.sizes(rank)
	for i, v := range [4]int{pmi.I11, pmi.I12, pmi.I13, pmi.I2} {
		if most := [4]int{n.I11, n.I12, n.I13, n.I2}[i]; v < 0 || v >= most {
			return fmt.Errorf("codebook: %+v; indices of rank %d are below %+v", pmi, rank, n)
		}
	}
	var room [2][32]complex128
	c.fill(w, room[0][:c.N1*c.N2], room[1][:c.N1*c.N2], rank, pmi)
	return nil
}

func (c Codebook) fill(w, v, other []complex128, rank int, pmi PMI) {
	size := complex(1/math.Sqrt(float64(rank*c.NumPorts())), 0)
	if c.Mode2 && rank <= 2 {
		pmi = c.plain(rank, pmi)
	}
	phi := turn(pmi.I2, 4)
	if rank > 4 {
		c.fillMany(w, v, rank, pmi, size)
		return
	}
	if rank > 2 && c.NumPorts() >= 16 {
		c.fillHalves(w, v[:c.N1/2*c.N2], rank, pmi, size)
		return
	}
	c.beam(v, pmi.I11, pmi.I12)
	if rank > 1 {
		k := c.offsets(rank)[pmi.I13]
		c.beam(other, pmi.I11+k[0], pmi.I12+k[1])
	}
	half := len(v)
	for i := range half {
		for layer := range rank {
			x, sign := v[i], phi
			if layer%2 == 1 {
				x = other[i]
			}
			if 2*layer >= rank && rank > 1 { // layers 1 of 2, 2 of 3, 2 and 3 of 4
				sign = -phi
			}
			w[i*rank+layer] = size * x
			w[(half+i)*rank+layer] = size * sign * x
		}
	}
}

// fillHalves is for three and four layers on 16 ports and more: the halves of the array
// differ by theta too.
func (c Codebook) fillHalves(w, v []complex128, rank int, pmi PMI, size complex128) {
	c.beam(v, pmi.I11, pmi.I12)
	theta, phi := turn(pmi.I13, 8), turn(pmi.I2, 4)
	n := len(v)
	for layer := range rank {
		t, p := theta, phi
		if layer%2 == 1 {
			t = -theta
		}
		if layer >= 2 {
			p = -phi
		}
		for i, x := range v {
			for part, f := range [4]complex128{1, t, p, p * t} {
				w[(part*n+i)*rank+layer] = size * f * x
			}
		}
	}
}

// A column is one of five and more layers: its beam, and whether the second polarisation
// has the phase phi or not, and which sign.
type column struct {
	beam  int
	phase bool
	sign  complex128
}

// manyLayers are tables 5.2.2.2.1-9 to -12.
var manyLayers = [][]column{
	5: {{0, true, 1}, {0, true, -1}, {1, false, 1}, {1, false, -1}, {2, false, 1}},
	6: {{0, true, 1}, {0, true, -1}, {1, true, 1}, {1, true, -1}, {2, false, 1}, {2, false, -1}},
	7: {{0, true, 1}, {0, true, -1}, {1, true, 1}, {2, false, 1}, {2, false, -1}, {3, false, 1}, {3, false, -1}},
	8: {{0, true, 1}, {0, true, -1}, {1, true, 1}, {1, true, -1}, {2, false, 1}, {2, false, -1}, {3, false, 1}, {3, false, -1}},
}

// fillMany is for five to eight layers, on three or four orthogonal beams.
func (c Codebook) fillMany(w, v []complex128, rank int, pmi PMI, size complex128) {
	o1, o2 := c.O1, c.O2
	apart := [][2]int{{0, 0}, {o1, 0}, {o1, o2}}
	if rank > 6 {
		apart = [][2]int{{0, 0}, {o1, 0}, {0, o2}, {o1, o2}}
	}
	if c.N2 == 1 {
		apart = [][2]int{{0, 0}, {o1, 0}, {2 * o1, 0}, {3 * o1, 0}}
	}
	half := len(v)
	for at, l := range manyLayers[rank] {
		c.beam(v, pmi.I11+apart[l.beam][0], pmi.I12+apart[l.beam][1])
		second := l.sign
		if l.phase {
			second *= turn(pmi.I2, 4)
		}
		for i, x := range v {
			w[i*rank+at], w[(half+i)*rank+at] = size*x, size*second*x
		}
	}
}

// A Report is what a user measures: rank indicator, precoder, and the bits per channel
// use that they would give.
type Report struct {
	Rank int
	PMI  PMI
	Bits float64
}

// A Searcher looks through a codebook for a channel. It is a workspace.
type Searcher struct {
	codebook Codebook
	numRx    int
	maxRank  int
	w, g, a  []complex128
}

// NewSearcher returns a workspace for channels with numRx antennas and up to maxRank
// layers.
func NewSearcher(c Codebook, numRx, maxRank int) (*Searcher, error) {
	if err := c.check(maxRank); err != nil {
		return nil, err
	}
	if numRx < maxRank || numRx > MaxAntennas {
		return nil, fmt.Errorf("codebook: rank %d over %d antennas; use as many antennas, at most %d", maxRank, numRx, MaxAntennas)
	}
	return &Searcher{c, numRx, maxRank, make([]complex128, c.NumPorts()*maxRank), make([]complex128, numRx*maxRank), make([]complex128, maxRank*maxRank)}, nil
}

// Search returns the rank and the one precoder for all elements of h [B R P] with the
// largest mean of log2 det(I + (H W)^H H W / n0); the sent power is 1 for any rank.
func (s *Searcher) Search(h []complex128, n0 float64) (best Report, err error) {
	size := s.numRx * s.codebook.NumPorts()
	if len(h) == 0 || len(h)%size != 0 || !(n0 > 0) {
		return best, fmt.Errorf("codebook: %d numbers, n0 %v; an element has %d, and n0 is positive", len(h), n0, size)
	}
	best.Bits = -1
	for rank := 1; rank <= s.maxRank; rank++ {
		n := s.codebook.sizes(rank)
		for at := range s.codebook.NumPrecoders(rank) {
			i := PMI{I2: at % n.I2, I13: at / n.I2 % n.I13, I12: at / (n.I2 * n.I13) % n.I12, I11: at / (n.I2 * n.I13 * n.I12)}
			if bits := s.bits(h, rank, i, n0); bits > best.Bits {
				best = Report{rank, i, bits}
			}
		}
	}
	if best.Rank == 0 {
		return best, fmt.Errorf("codebook: the channel has no finite numbers")
	}
	return best, nil
}

func (s *Searcher) bits(h []complex128, rank int, pmi PMI, n0 float64) float64 {
	ports := s.codebook.NumPorts()
	var room [2][32]complex128
	n := s.codebook.N1 * s.codebook.N2
	s.codebook.fill(s.w, room[0][:n], room[1][:n], rank, pmi)
	sum, count := 0.0, len(h)/(s.numRx*ports)
	for b := range count {
		multiply(s.g, h[b*s.numRx*ports:][:s.numRx*ports], s.w, s.numRx, ports, rank)
		bits, ok := logDet(s.a, s.g, s.numRx, rank, n0)
		if !ok {
			return -1
		}
		sum += bits
	}
	return sum / float64(count)
}
