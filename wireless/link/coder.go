package link

import (
	"math"

	"github.com/comlam/comlam/internal/rng"
	"github.com/comlam/comlam/wireless/fec"
)

// block is the bits of a block and what was decoded.
type block struct{ bits, got []byte }

func newBlock(n int) block { return block{make([]byte, n), make([]byte, n)} }

func (b *block) draw(s *rng.Stream) {
	var word uint64
	for i := range b.bits {
		if i%64 == 0 {
			word = s.Uint64()
		}
		b.bits[i] = byte(word & 1)
		word >>= 1
	}
}

func (b *block) wrong() (n int) {
	for i, v := range b.bits {
		n += int(v ^ b.got[i])
	}
	return n
}

// plain sends bits as they are.
type plain struct{ block }

func (p *plain) send(sent []byte, _ int) error {
	copy(sent, p.bits)
	return nil
}

func (p *plain) receive(llrs []float32, _ int) (bool, error) {
	for i, v := range llrs {
		p.got[i] = byte(math.Float32bits(v) >> 31)
	}
	return false, nil
}

// ldpcCoder is one code block without CRC.
type ldpcCoder struct {
	block
	code    *fec.LDPC
	decoder *fec.Decoder
	match   fec.Match
	coded   []byte
	soft    []float32
}

func (c *ldpcCoder) send(sent []byte, _ int) error {
	if err := c.code.Encode(c.coded, c.bits); err != nil {
		return err
	}
	return c.code.Match(sent, c.coded, c.match)
}

func (c *ldpcCoder) receive(llrs []float32, _ int) (bool, error) {
	clear(c.soft)
	if err := c.code.Combine(c.soft, llrs, c.match); err != nil {
		return false, err
	}
	_, err := c.decoder.Decode(c.got, c.soft)
	return false, err
}

// polarCoder is a block of control information with its CRC.
type polarCoder struct {
	block
	code    *fec.Polar
	decoder *fec.PolarDecoder
}

func (c *polarCoder) send(sent []byte, _ int) error { return c.code.Encode(sent, c.bits) }

func (c *polarCoder) receive(llrs []float32, _ int) (bool, error) {
	held, err := c.decoder.Decode(c.got, llrs)
	return err == nil && held[0], err
}

// redundancyVersions in the order of their transmission (TS 38.214 clause 5.1.2.1 and
// table 6.1.2.1-2).
var redundancyVersions = [4]int{0, 2, 3, 1}

// transportCoder is a transport block with HARQ.
type transportCoder struct {
	block
	code    *fec.Transport
	decoder *fec.TransportDecoder
	match   fec.TransportMatch
	coded   []byte
	soft    []float32
}

func (c *transportCoder) send(sent []byte, transmission int) error {
	if transmission == 0 {
		clear(c.soft)
		if err := c.code.Encode(c.coded, c.bits); err != nil {
			return err
		}
	}
	return c.code.Match(sent, c.coded, c.version(transmission))
}

func (c *transportCoder) receive(llrs []float32, transmission int) (bool, error) {
	if err := c.code.Combine(c.soft, llrs, c.version(transmission)); err != nil {
		return false, err
	}
	results, err := c.decoder.Decode(c.got, c.soft)
	return err == nil && results[0].OK, err
}

func (c *transportCoder) version(transmission int) fec.TransportMatch {
	m := c.match
	m.RV = redundancyVersions[transmission%len(redundancyVersions)]
	return m
}

func (l *Link) newCoder() (coder, error) {
	b := newBlock(l.numBits)
	decoder := fec.DecoderConfig{Algorithm: rules[l.config.Decoder.Rule], Iterations: l.config.Decoder.Iterations, Flooding: l.config.Decoder.Flooding}
	switch {
	case l.ldpc != nil:
		d, err := l.ldpc.NewDecoder(decoder)
		match := fec.Match{E: l.numSent, Qm: l.scheme.Qm()}
		return &ldpcCoder{b, l.ldpc, d, match, make([]byte, l.ldpc.Len()), make([]float32, l.ldpc.Len())}, err
	case l.polar != nil:
		d, err := l.polar.NewDecoder(fec.PolarDecoderConfig{List: l.config.Decoder.List})
		return &polarCoder{b, l.polar, d}, err
	case l.transport != nil:
		d, err := l.transport.NewDecoder(decoder)
		match := fec.TransportMatch{G: l.numSent, Qm: l.scheme.Qm(), Layers: l.config.NumLayers}
		return &transportCoder{b, l.transport, d, match, make([]byte, l.transport.Len()), make([]float32, l.transport.Len())}, err
	}
	return &plain{b}, nil
}
