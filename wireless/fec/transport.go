package fec

import "fmt"

// A Transport is the coding of a transport block of a shared channel, TS 38.212 clauses
// 6.2 and 7.2: CRC, base graph, code blocks of equal size with CRCs of their own. It is
// immutable.
type Transport struct {
	a      int  // bits
	crc    *CRC // of the transport block
	blocks int
	code   *LDPC
}

// A TransportMatch is one transmission of a transport block.
type TransportMatch struct {
	G      int // bits to send
	RV     int // redundancy version, 0 to 3
	Qm     int // bits a symbol
	Layers int // 0 is 1
	NRef   int // bits of the limited buffer of a code block; 0 is no limit
}

// NewTransport returns the coding of transport blocks of a bits at a code rate
// (between 0 and 1). Sizes that do not make equal code blocks, which no TBS of TS
// 38.214 is, are an error.
func NewTransport(a int, rate float64) (*Transport, error) {
	if a < 1 || !(rate > 0 && rate <= 1) {
		return nil, fmt.Errorf("transport: %d bits at rate %v; use at least one bit, and a rate above 0, at most 1", a, rate)
	}
	t := &Transport{a: a, crc: CRC16, blocks: 1}
	if a > 3824 {
		t.crc = CRC24A
	}
	g := GraphFor(a, rate)
	most, k := shapes[g].maxK, a+t.crc.Len()
	if k > most {
		t.blocks = (k + most - CRC24B.Len() - 1) / (most - CRC24B.Len())
		if k%t.blocks != 0 {
			return nil, fmt.Errorf("transport: %d bits with CRC make no %d equal code blocks; use a transport block size of TS 38.214", k, t.blocks)
		}
		k = k/t.blocks + CRC24B.Len()
	}
	code, err := NewLDPC(g, k)
	t.code = code
	return t, err
}

// NumBlocks is the number of code blocks, Code what each of them is coded with.
func (t *Transport) NumBlocks() int { return t.blocks }

// Code is the code of a code block.
func (t *Transport) Code() *LDPC { return t.code }

// Len is the number of coded bits of a transport block before rate matching, and of
// soft bits that HARQ keeps.
func (t *Transport) Len() int { return t.blocks * t.code.Len() }

// Encode segments, attaches CRCs and encodes: [B A] to [B Len].
func (t *Transport) Encode(dst, bits []byte) error {
	count, err := batch("bits", len(bits), t.a)
	if err != nil {
		return fmt.Errorf("transport: %w", err)
	}
	if len(dst) != count*t.Len() {
		return fmt.Errorf("transport: room for %d coded bits; %d blocks have %d", len(dst), count, count*t.Len())
	}
	whole, split := make([]byte, t.a+t.crc.Len()), make([]byte, t.blocks*t.code.K())
	for b := range count {
		if err := t.crc.Attach(whole, bits[b*t.a:][:t.a], t.a); err != nil {
			return err
		}
		if t.blocks == 1 {
			copy(split, whole)
		} else if err := CRC24B.Attach(split, whole, len(whole)/t.blocks); err != nil {
			return err
		}
		if err := t.code.Encode(dst[b*t.Len():][:t.Len()], split); err != nil {
			return err
		}
	}
	return nil
}

// each calls f with the rate matching of each code block and the bits before it
// (clause 5.4.2.1): sizes differ by one symbol on all layers at most.
func (t *Transport) each(m TransportMatch, f func(block, from int, m Match) error) error {
	layers, qm := max(m.Layers, 1), max(m.Qm, 1)
	unit := layers * qm
	if m.G < unit*t.blocks || m.G%unit != 0 {
		return fmt.Errorf("transport: %d bits for %d code blocks; send whole symbols of %d bits on %d layers, at least one a code block", m.G, t.blocks, qm, layers)
	}
	units, from := m.G/unit, 0
	for r := range t.blocks {
		e := unit * (units / t.blocks)
		if r >= t.blocks-units%t.blocks {
			e += unit
		}
		if err := f(r, from, Match{E: e, RV: m.RV, Qm: qm, NRef: m.NRef}); err != nil {
			return err
		}
		from += e
	}
	return nil
}

// Match selects, interleaves and concatenates the bits to send: [B Len] to [B G].
func (t *Transport) Match(dst, coded []byte, m TransportMatch) error {
	count, err := t.pair("coded bits", len(coded), len(dst), m)
	if err != nil {
		return err
	}
	n := t.code.Len()
	for b := range count {
		err := t.each(m, func(r, from int, one Match) error {
			return t.code.Match(dst[b*m.G+from:][:one.E], coded[b*t.Len()+r*n:][:n], one)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// Combine adds the soft bits of a transmission to those before: [B G] into [B Len].
func (t *Transport) Combine(soft, llrs []float32, m TransportMatch) error {
	count, err := t.pair("kept soft bits", len(soft), len(llrs), m)
	if err != nil {
		return err
	}
	n := t.code.Len()
	for b := range count {
		err := t.each(m, func(r, from int, one Match) error {
			return t.code.Combine(soft[b*t.Len()+r*n:][:n], llrs[b*m.G+from:][:one.E], one)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (t *Transport) pair(what string, kept, sent int, m TransportMatch) (int, error) {
	count, err := batch(what, kept, t.Len())
	if err != nil {
		return 0, fmt.Errorf("transport: %w", err)
	}
	if sent != count*m.G {
		return 0, fmt.Errorf("transport: %d bits on the channel; %d blocks of %d have %d", sent, count, m.G, count*m.G)
	}
	return count, nil
}

// A TransportResult says how the decoding of one transport block ended.
type TransportResult struct {
	OK         bool // all CRCs hold
	BlocksOK   int  // code blocks whose CRC holds
	Iterations int  // of all code blocks
}

// A TransportDecoder decodes transport blocks. It is a workspace: one a goroutine.
type TransportDecoder struct {
	transport *Transport
	decoder   *Decoder
	split     []byte
	whole     []byte
}

// NewDecoder returns a decoder; the CRC of the config is set by the transport block, and
// stops the decoding of a code block where it has 24 bits.
func (t *Transport) NewDecoder(config DecoderConfig) (*TransportDecoder, error) {
	if config.CRC = t.blockCRC(); config.CRC.Len() < 24 {
		config.CRC = nil // too short to be asked once an iteration
	}
	d, err := t.code.NewDecoder(config)
	if err != nil {
		return nil, err
	}
	return &TransportDecoder{
		transport: t, decoder: d,
		split: make([]byte, t.blocks*t.code.K()), whole: make([]byte, 0, t.a+t.crc.Len()),
	}, nil
}

// blockCRC is the CRC at the end of a code block.
func (t *Transport) blockCRC() *CRC {
	if t.blocks == 1 {
		return t.crc
	}
	return CRC24B
}

// Decode decodes what Combine gathered: [B Len] to [B A]. Wrong bits are no error: see
// the results.
func (d *TransportDecoder) Decode(bits []byte, soft []float32) ([]TransportResult, error) {
	t := d.transport
	count, err := batch("soft bits", len(soft), t.Len())
	if err != nil {
		return nil, fmt.Errorf("transport: %w", err)
	}
	if len(bits) != count*t.a {
		return nil, fmt.Errorf("transport: room for %d bits; %d blocks have %d", len(bits), count, count*t.a)
	}
	results := make([]TransportResult, count)
	for b := range results {
		blocks, err := d.decoder.Decode(d.split, soft[b*t.Len():][:t.Len()])
		if err != nil {
			return nil, fmt.Errorf("transport block %d: %w", b, err)
		}
		d.whole = d.whole[:0]
		keep := t.code.K()
		if t.blocks > 1 {
			keep -= CRC24B.Len()
		}
		for r, one := range blocks {
			word := d.split[r*t.code.K():][:t.code.K()]
			d.whole = append(d.whole, word[:keep]...)
			results[b].Iterations += one.Iterations
			if one.Iterations > 0 && t.blockCRC().Holds(word) {
				results[b].BlocksOK++
			}
		}
		results[b].OK = results[b].BlocksOK == t.blocks && t.crc.Holds(d.whole)
		copy(bits[b*t.a:][:t.a], d.whole)
	}
	return results, nil
}
