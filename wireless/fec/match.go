package fec

import "fmt"

// A Match is the rate matching of one transmission of a code block, TS 38.212 clause
// 5.4.2.
type Match struct {
	E    int // bits to send
	RV   int // redundancy version, 0 to 3
	Qm   int // bits a symbol, for the interleaver; 0 is 1: no interleaving
	NRef int // bits of the limited buffer N_ref of clause 5.4.2.1; 0 is no limit
}

// starts holds the numerators of table 5.4.2.1-2.
var starts = [3][4]int{BG1: {0, 17, 33, 56}, BG2: {0, 13, 25, 43}}

func (m Match) check(c *LDPC) (Match, error) {
	if m.Qm == 0 {
		m.Qm = 1
	}
	switch {
	case m.E < 1:
		return m, fmt.Errorf("rate matching to %d bits; send at least one", m.E)
	case m.Qm < 1 || m.E%m.Qm != 0:
		return m, fmt.Errorf("rate matching to %d bits with %d bits a symbol; send whole symbols", m.E, m.Qm)
	case m.RV < 0 || m.RV > 3:
		return m, fmt.Errorf("redundancy version %d; there are 0 to 3", m.RV)
	case m.NRef < 0:
		return m, fmt.Errorf("buffer of %d bits; use 0 for no limit", m.NRef)
	case m.NRef > 0 && m.NRef <= (c.systematic()-punctured)*c.z:
		return m, fmt.Errorf("buffer of %d bits holds no parity; use more than %d", m.NRef, (c.systematic()-punctured)*c.z)
	}
	return m, nil
}

// buffer is N_cb.
func (c *LDPC) buffer(m Match) int {
	if m.NRef > 0 {
		return min(m.NRef, c.Len())
	}
	return c.Len()
}

// start is k_0.
func (c *LDPC) start(m Match) int {
	whole := (c.columns() - punctured) * c.z
	return starts[c.graph][m.RV] * c.buffer(m) / whole * c.z
}

// spans calls f with the parts of the circular buffer that are sent: n coded bits
// from position pos, which are the bits from e on before interleaving.
func (c *LDPC) spans(m Match, f func(pos, e, n int)) {
	size := c.buffer(m)
	fillFrom, fillTo := c.k-punctured*c.z, c.systematic()*c.z-punctured*c.z
	fillFrom, fillTo = max(fillFrom, 0), min(fillTo, size)
	if c.Fillers() == 0 {
		fillFrom, fillTo = size, size
	}
	pos := c.start(m)
	for e := 0; e < m.E; {
		switch {
		case pos >= size:
			pos = 0
			continue
		case pos >= fillFrom && pos < fillTo:
			pos = fillTo
			continue
		}
		end := size
		if pos < fillFrom {
			end = fillFrom
		}
		n := min(end-pos, m.E-e)
		f(pos, e, n)
		pos, e = pos+n, e+n
	}
}

// Match selects and interleaves the bits to send: [B Len] to [B E].
func (c *LDPC) Match(dst, coded []byte, m Match) error {
	m, err := m.check(c)
	if err != nil {
		return fmt.Errorf("ldpc: %w", err)
	}
	blocks, err := batch("coded bits", len(coded), c.Len())
	if err != nil {
		return fmt.Errorf("ldpc: %w", err)
	}
	if len(dst) != blocks*m.E {
		return fmt.Errorf("ldpc: room for %d bits; %d blocks of %d need %d", len(dst), blocks, m.E, blocks*m.E)
	}
	for b := range blocks {
		from, to := coded[b*c.Len():], dst[b*m.E:]
		c.spans(m, func(pos, e, n int) {
			place := m.place(e)
			for _, v := range from[pos : pos+n] {
				to[place.next()] = v
			}
		})
	}
	return nil
}

// A place walks the bits through the interleaver of clause 5.4.2.2: bits E/Qm apart
// share a symbol.
type place struct{ at, column, width, qm int }

func (m Match) place(e int) place {
	width := m.E / m.Qm
	return place{at: e%width*m.Qm + e/width, column: e % width, width: width, qm: m.Qm}
}

// next is where the bit goes.
func (p *place) next() int {
	at := p.at
	p.at += p.qm
	if p.column++; p.column == p.width {
		p.column = 0
		p.at -= p.width*p.qm - 1
	}
	return at
}

// Combine adds the soft bits of one transmission to what was received of the blocks
// before, as HARQ does: [B E] into [B Len], which starts as zeros. Soft bits of
// positions sent twice add up.
func (c *LDPC) Combine(soft, llrs []float32, m Match) error {
	m, err := m.check(c)
	if err != nil {
		return fmt.Errorf("ldpc: %w", err)
	}
	blocks, err := batch("soft bits", len(llrs), m.E)
	if err != nil {
		return fmt.Errorf("ldpc: %w", err)
	}
	if len(soft) != blocks*c.Len() {
		return fmt.Errorf("ldpc: room for %d soft bits; %d blocks have %d", len(soft), blocks, blocks*c.Len())
	}
	for b := range blocks {
		from, to := llrs[b*m.E:], soft[b*c.Len():]
		c.spans(m, func(pos, e, n int) {
			at, place := to[pos:pos+n], m.place(e)
			for i := range at {
				at[i] += from[place.next()]
			}
		})
	}
	return nil
}
