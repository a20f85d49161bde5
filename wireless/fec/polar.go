package fec

import (
	"fmt"
	"math/bits"
	"slices"
)

// A Kind is what a polar code is used for; it settles CRC, interleavers and sizes.
type Kind int

const (
	// UCI is uplink control information (clause 6.3.1): CRC6 with three parity-check
	// bits for 12 to 19 bits, CRC11 for more; interleaved after rate matching.
	UCI Kind = iota
	// DCI is downlink control information (clause 7.3): CRC24C, which starts from
	// ones and ends masked with the RNTI; interleaved before encoding.
	DCI
	// PBCH is the broadcast channel (clause 7.1): as DCI with a plain CRC24C.
	PBCH
)

func (k Kind) String() string {
	if k < 0 || k > PBCH {
		return fmt.Sprintf("kind %d", int(k))
	}
	return [...]string{"UCI", "DCI", "PBCH"}[k]
}

// PolarConfig is a block of A bits that is sent as E bits.
type PolarConfig struct {
	Kind Kind
	A, E int
	RNTI uint16 // of DCI
}

const (
	maxPolarE = 8192
	maxInput  = 164 // bits of the interleaver before encoding
	maskBits  = 16  // of the RNTI
)

func (c PolarConfig) check() error {
	what := fmt.Sprintf("polar: %s of %d bits in %d", c.Kind, c.A, c.E)
	switch {
	case c.Kind < 0 || c.Kind > PBCH:
		return fmt.Errorf("%s: there are UCI, DCI and PBCH", what)
	case c.Kind == UCI && c.A < 12:
		return fmt.Errorf("%s: fewer than 12 bits are coded by clause 5.3.3, which is not here", what)
	case c.Kind == UCI && (c.A >= 1013 || c.A >= 360 && c.E >= 1088):
		return fmt.Errorf("%s: goes in two code blocks (clause 5.2.1): give each its own code", what)
	case c.Kind == DCI && c.A < 12:
		return fmt.Errorf("%s: append zeros up to 12 bits (clause 7.3.1)", what)
	case c.A < 1 || c.Kind != UCI && c.A+CRC24C.Len() > maxInput:
		return fmt.Errorf("%s: use 1 to %d bits", what, maxInput-CRC24C.Len())
	case c.E > maxPolarE:
		return fmt.Errorf("%s: send at most %d", what, maxPolarE)
	}
	return nil
}

// A Polar is the code of one block size with its CRC, interleavers and rate matching.
// It is immutable.
type Polar struct {
	config PolarConfig
	crc    *CRC
	k      int     // bits with CRC
	core   core    // of the N bits
	input  []int   // bit i of the encoder is bit input[i] of the block; nil for UCI
	places []int32 // sent bit e is coded bit places[e]
	short  []int32 // coded bits that are zero and not sent
}

// A core is a polar code without what is around it: bit i of N is frozen to zero,
// carries data, or checks parity.
type core struct {
	n      int
	frozen []bool
	check  []bool // nil without parity-check bits
}

// NewPolar returns the code.
func NewPolar(config PolarConfig) (*Polar, error) {
	if err := config.check(); err != nil {
		return nil, err
	}
	p := &Polar{config: config, crc: CRC24C}
	checks, heavy, maxLog := 0, 0, 9
	if config.Kind == UCI {
		p.crc, maxLog = CRC11, 10
		if config.A <= 19 {
			p.crc, checks = CRC6, 3
		}
	}
	p.k = config.A + p.crc.Len()
	if p.k+checks > config.E {
		return nil, fmt.Errorf("polar: %s of %d bits in %d: with CRC and parity checks there are %d; send at least as many", config.Kind, config.A, config.E, p.k+checks)
	}
	if checks > 0 && config.E-p.k+3 > 192 {
		heavy = 1
	}
	n := polarLength(p.k, config.E, maxLog)
	p.matchRate(n)
	p.core = newCore(n, p.k, checks, heavy, prefrozen(n, p.k, config.E))
	if config.Kind != UCI {
		p.input = inputOrder(p.k)
	}
	return p, nil
}

// polarLength is N of clause 5.3.1.
func polarLength(k, e, maxLog int) int {
	n1 := bits.Len(uint(e - 1))
	if 8*e <= 9<<(n1-1) && 16*k < 9*e {
		n1--
	}
	n2 := bits.Len(uint(8*k - 1))
	return 1 << max(min(n1, n2, maxLog), 5)
}

// subBlocks is the pattern of table 5.4.1.1-1.
var subBlocks = [32]int{0, 1, 2, 4, 3, 5, 6, 7, 8, 16, 9, 17, 10, 18, 11, 19, 12, 20, 13, 21, 14, 22, 15, 23, 24, 25, 26, 28, 27, 29, 30, 31}

// subBlock is J(i) of clause 5.4.1.1.
func subBlock(i, n int) int { return subBlocks[32*i/n]*(n/32) + i%(n/32) }

// punctures reports whether fewer than n bits are sent by puncturing, not shortening.
func punctures(k, e int) bool { return 16*k <= 7*e }

// prefrozen marks the bits that rate matching makes useless (clause 5.4.1.1).
func prefrozen(n, k, e int) []bool {
	out := make([]bool, n)
	switch {
	case e >= n:
	case punctures(k, e):
		for i := range n - e {
			out[subBlock(i, n)] = true
		}
		t := (9*n - 4*e + 15) / 16 // rounded up
		if 4*e >= 3*n {
			t = (3*n - 2*e + 3) / 4
		}
		for i := range t {
			out[i] = true
		}
	default:
		for i := e; i < n; i++ {
			out[subBlock(i, n)] = true
		}
	}
	return out
}

// newCore puts k bits and the parity checks on the most reliable places that are
// left (clauses 5.3.1.2 and 5.4.1.1); heavy of the checks go to a row of least
// weight.
func newCore(n, k, checks, heavy int, out []bool) core {
	c := core{n: n, frozen: make([]bool, n)}
	var best []int // most reliable first
	for _, i := range slices.Backward(polarSequence()) {
		if i < n && !out[i] && len(best) < k+checks {
			best = append(best, i)
		}
	}
	for i := range c.frozen {
		c.frozen[i] = true
	}
	for _, i := range best {
		c.frozen[i] = false
	}
	if checks == 0 {
		return c
	}
	c.check = make([]bool, n)
	for _, i := range best[len(best)-(checks-heavy):] {
		c.check[i] = true
	}
	if heavy > 0 {
		// The weight of row i is 2 to the number of ones in i; among equals the most
		// reliable comes first.
		c.check[slices.MinFunc(best[:k], func(a, b int) int { return bits.OnesCount(uint(a)) - bits.OnesCount(uint(b)) })] = true
	}
	return c
}

// matchRate says where the bits to send come from (clauses 5.4.1.1 to 5.4.1.3).
func (p *Polar) matchRate(n int) {
	e := p.config.E
	p.places = make([]int32, e)
	for i := range p.places {
		from := i % n
		if e < n && punctures(p.k, e) {
			from = i + n - e
		}
		p.places[i] = int32(subBlock(from, n))
	}
	if e < n && !punctures(p.k, e) {
		for i := e; i < n; i++ {
			p.short = append(p.short, int32(subBlock(i, n)))
		}
	}
	if p.config.Kind == UCI {
		p.places = triangle(p.places)
	}
}

// triangle writes the rows of a triangle and reads its columns (clause 5.4.1.3).
func triangle(in []int32) (out []int32) {
	t := 0
	for t*(t+1)/2 < len(in) {
		t++
	}
	for col := range t {
		for row, at := 0, col; row < t-col; row++ {
			if at < len(in) {
				out = append(out, in[at])
			}
			at += t - row // down from a row of t - row places
		}
	}
	return out
}

// inputOrder is the interleaver of clause 5.3.1.1 for k bits.
func inputOrder(k int) (order []int) {
	for _, i := range polarInterleaver() {
		if i >= maxInput-k {
			order = append(order, i-(maxInput-k))
		}
	}
	return order
}

// K is the number of bits with their CRC.
func (p *Polar) K() int { return p.k }

// N is the length of the code before rate matching.
func (p *Polar) N() int { return p.core.n }

// attach appends a block and its CRC, as the kind makes it, to dst.
func (p *Polar) attach(dst, block []byte) []byte {
	return appendBits(append(dst, block...), p.parity(block), p.crc.Len())
}

func (p *Polar) parity(block []byte) uint32 {
	if p.config.Kind != DCI {
		return p.crc.Sum(block)
	}
	ones := [24]byte{}
	for i := range ones {
		ones[i] = 1
	}
	r := p.crc.update(p.crc.update(0, ones[:]), block)
	return r>>(32-p.crc.n) ^ uint32(p.config.RNTI)&(1<<maskBits-1)
}

// Encode attaches the CRC, encodes and matches the rate: [B A] to [B E].
func (p *Polar) Encode(dst, block []byte) error {
	blocks, err := batch("bits", len(block), p.config.A)
	if err != nil {
		return fmt.Errorf("polar: %w", err)
	}
	if len(dst) != blocks*p.config.E {
		return fmt.Errorf("polar: room for %d bits; %d blocks of %d need %d", len(dst), blocks, p.config.E, blocks*p.config.E)
	}
	word, in, turned := make([]byte, p.core.n), make([]byte, 0, p.k), make([]byte, p.k)
	for b := range blocks {
		in = p.attach(in[:0], block[b*p.config.A:][:p.config.A])
		for i, from := range p.input {
			turned[i] = in[from]
		}
		if p.input == nil {
			copy(turned, in)
		}
		p.core.encode(word, turned)
		for i, from := range p.places {
			dst[b*p.config.E+i] = word[from]
		}
	}
	return nil
}

// encode writes the N coded bits of the data. Parity checks come from a register of
// five bits that turns with every place (clause 5.3.1.2).
func (c *core) encode(word, data []byte) {
	clear(word)
	next, register := 0, byte(0)
	for i := range word {
		register = turn(register)
		if c.frozen[i] {
			continue
		}
		if c.check != nil && c.check[i] {
			word[i] = register & 1
			continue
		}
		word[i] = data[next] & 1
		register ^= word[i]
		next++
	}
	transform(word)
}

// turn moves the register of five bits on by one place, y_0 being its lowest bit.
func turn(y byte) byte { return y>>1 | y&1<<4 }

// transform multiplies a word by the Kronecker power of [1 0; 1 1]. It is its own
// inverse.
func transform(word []byte) {
	for half := 1; half < len(word); half *= 2 {
		for at := 0; at < len(word); at += 2 * half {
			low, high := word[at:at+half], word[at+half:at+2*half]
			for i, b := range high {
				low[i] ^= b
			}
		}
	}
}
