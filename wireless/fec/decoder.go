package fec

import (
	"fmt"
	"math"
)

// An Algorithm is the rule by which a check answers.
type Algorithm int

const (
	// NormalizedMinSum answers with the least magnitude times DecoderConfig.Scale.
	NormalizedMinSum Algorithm = iota
	// OffsetMinSum answers with the least magnitude less DecoderConfig.Offset.
	OffsetMinSum
	// SumProduct answers with the exact log-likelihood ratio of the parity, to the
	// precision of float32.
	SumProduct
)

func (a Algorithm) String() string {
	if a < 0 || a > SumProduct {
		return fmt.Sprintf("algorithm %d", int(a))
	}
	return [...]string{"normalized-min-sum", "offset-min-sum", "sum-product"}[a]
}

// DecoderConfig says how to decode. The zero value is normalised min-sum with at most
// 20 iterations.
type DecoderConfig struct {
	Algorithm  Algorithm
	Iterations int     // at most; 0 is 20
	Scale      float32 // of NormalizedMinSum; 0 is 0.75
	Offset     float32 // of OffsetMinSum; 0 is 0.5
	CRC        *CRC    // stop as soon as it holds, besides the parity checks
	Always     bool    // all iterations, never stop early
	Flooding   bool    // all checks answer to the same values, as references do: slower, and needs twice the iterations
}

func (c DecoderConfig) withDefaults() (DecoderConfig, error) {
	if c.Iterations == 0 {
		c.Iterations = 20
	}
	if c.Scale == 0 {
		c.Scale = 0.75
	}
	if c.Offset == 0 {
		c.Offset = 0.5
	}
	switch {
	case c.Algorithm < 0 || c.Algorithm > SumProduct:
		return c, fmt.Errorf("ldpc: %s; there are normalized-min-sum, offset-min-sum and sum-product", c.Algorithm)
	case c.Iterations < 0:
		return c, fmt.Errorf("ldpc: %d iterations; use at least one", c.Iterations)
	case !(c.Scale > 0 && c.Scale <= 1):
		return c, fmt.Errorf("ldpc: scale %v; use one above 0, at most 1", c.Scale)
	case !(c.Offset >= 0 && c.Offset < limit):
		return c, fmt.Errorf("ldpc: offset %v; use one from 0 to %v", c.Offset, limit)
	}
	return c, nil
}

// Soft bits and messages are clipped to limit, so that sums stay finite however many
// iterations there are; what is known beforehand is certain.
const (
	limit   = 1e6
	certain = 1e8
)

// A Result says how the decoding of one block ended. Of nothing received it is zero,
// and so are the bits.
type Result struct {
	Iterations int
	Parity     bool // all parity checks that anything was received of hold
	CRC        bool // the CRC of the config holds; false without one
}

// A Decoder decodes the blocks of one code by layered belief propagation (D. Hocevar,
// "A reduced complexity decoder architecture via layered decoding of LDPC codes",
// SiPS 2004). It is a workspace: one a goroutine.
type Decoder struct {
	code   *LDPC
	config DecoderConfig
	layers []*checkLayer
	v, r   []float32 // values by column, messages by layer
	old, w []float32 // of flooding: the values before, those of one layer
	froms  []int     // where the messages of a layer start
	used   []int     // layers of this block
	heard  bool      // anything was received
	rule   minSum
	exact  *sumProduct
}

// NewDecoder returns a decoder of the code.
func (c *LDPC) NewDecoder(config DecoderConfig) (*Decoder, error) {
	config, err := config.withDefaults()
	if err != nil {
		return nil, err
	}
	d := &Decoder{code: c, config: config, v: make([]float32, c.columns()*checkStride(c.z))}
	d.rule = minSum{scale: config.Scale, limit: limit}
	if config.Algorithm == OffsetMinSum {
		d.rule = minSum{scale: 1, offset: config.Offset, limit: limit}
	}
	messages, degree := 0, 0
	for _, row := range c.rows {
		var columns, shifts []int
		for _, e := range row {
			columns, shifts = append(columns, e.col), append(shifts, e.shift)
		}
		l := newCheckLayer(c.z, columns, shifts)
		d.layers, d.froms = append(d.layers, l), append(d.froms, messages)
		messages, degree = messages+l.messages(), max(degree, len(row))
	}
	d.r = make([]float32, messages)
	if config.Flooding {
		d.old, d.w = make([]float32, len(d.v)), make([]float32, len(d.v))
	}
	if config.Algorithm == SumProduct {
		d.exact = newSumProduct(c.z, degree)
	}
	return d, nil
}

// Decode decodes soft bits, which Combine gathers, to the bits of the blocks: [B Len]
// to [B K]. Soft bits of fillers do not matter. Wrong bits are no error: see the
// results.
func (d *Decoder) Decode(bits []byte, soft []float32) ([]Result, error) {
	c := d.code
	blocks, err := batch("soft bits", len(soft), c.Len())
	if err != nil {
		return nil, fmt.Errorf("ldpc: %w", err)
	}
	if len(bits) != blocks*c.k {
		return nil, fmt.Errorf("ldpc: room for %d bits; %d blocks have %d", len(bits), blocks, blocks*c.k)
	}
	results := make([]Result, blocks)
	for b := range results {
		if err := d.load(soft[b*c.Len():][:c.Len()]); err != nil {
			return nil, fmt.Errorf("ldpc: block %d: %w", b, err)
		}
		if d.heard {
			results[b] = d.iterate(bits[b*c.k:][:c.k])
		} else { // zeros are a codeword with a CRC that holds: do not claim them
			clear(bits[b*c.k:][:c.k])
		}
	}
	return results, nil
}

// load puts soft bits into the columns and finds the layers that take part: a row
// whose own parity was not received can say nothing.
func (d *Decoder) load(soft []float32) error {
	c, stride := d.code, checkStride(d.code.z)
	clear(d.v)
	d.used, d.heard = d.used[:0], false
	for col := range c.columns() {
		column, received := d.v[col*stride:][:stride], false
		if col >= punctured {
			var err error
			if received, err = clip(column[:c.z], soft[(col-punctured)*c.z:]); err != nil {
				return fmt.Errorf("column %d: %w", col, err)
			}
		}
		d.heard = d.heard || received
		if col < c.systematic() && (col+1)*c.z > c.k {
			for i := max(0, c.k-col*c.z); i < c.z; i++ {
				column[i] = certain
			}
		}
		checkSpread(column, c.z)
		if row := col - c.systematic(); row >= 0 && (row < coreRows || received) {
			d.used = append(d.used, row)
		}
	}
	return nil
}

// clip copies soft bits within limits and says whether there is any but zero.
func clip(to, soft []float32) (received bool, err error) {
	var any uint32
	for i, x := range soft[:len(to)] {
		if !(x >= -limit && x <= limit) {
			if x != x {
				return false, fmt.Errorf("soft bit %d is not a number", i)
			}
			x = min(max(x, -limit), limit)
		}
		to[i] = x
		any |= math.Float32bits(x) << 1
	}
	return any != 0, nil
}

func (d *Decoder) iterate(bits []byte) (result Result) {
	for _, i := range d.used {
		clear(d.r[d.froms[i]:][:d.layers[i].messages()])
	}
	for result.Iterations < d.config.Iterations {
		if d.config.Flooding {
			d.flood()
		} else {
			for _, i := range d.used {
				d.layer(i, d.v)
			}
		}
		result.Iterations++
		if d.config.Always && result.Iterations < d.config.Iterations {
			continue
		}
		result.Parity = d.parity()
		if d.config.CRC != nil {
			d.harden(bits)
			result.CRC = d.config.CRC.Holds(bits)
		}
		if result.Parity || result.CRC {
			break
		}
	}
	d.harden(bits)
	return result
}

// layer updates values and the messages of one layer.
func (d *Decoder) layer(i int, v []float32) {
	r := d.r[d.froms[i]:][:d.layers[i].messages()]
	if d.exact != nil {
		d.layers[i].sumProduct(v, r, d.exact)
	} else {
		d.layers[i].minSum(v, r, d.rule)
	}
}

// flood gives every layer the same values and adds up what each of them changes.
func (d *Decoder) flood() {
	z, stride := d.code.z, checkStride(d.code.z)
	copy(d.old, d.v)
	for _, i := range d.used {
		for _, e := range d.code.rows[i] {
			copy(d.w[e.col*stride:][:stride], d.old[e.col*stride:])
		}
		d.layer(i, d.w)
		for _, e := range d.code.rows[i] {
			to, from, old := d.v[e.col*stride:][:z], d.w[e.col*stride:][:z], d.old[e.col*stride:][:z]
			for k := range to {
				to[k] += from[k] - old[k]
			}
		}
	}
	for col := range d.code.columns() {
		checkSpread(d.v[col*stride:], z)
	}
}

func (d *Decoder) parity() bool {
	for _, i := range d.used {
		if d.layers[i].odd(d.v) {
			return false
		}
	}
	return true
}

// harden writes the decisions.
func (d *Decoder) harden(bits []byte) {
	z, stride := d.code.z, checkStride(d.code.z)
	for col := 0; col*z < len(bits); col++ {
		to := bits[col*z : min(len(bits), (col+1)*z)]
		for i, x := range d.v[col*stride:][:len(to)] {
			to[i] = byte(math.Float32bits(x) >> 31)
		}
	}
}
