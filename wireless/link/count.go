package link

import (
	"fmt"
	"math"

	"github.com/comlam/comlam/internal/rng"
	"github.com/comlam/comlam/wireless/ofdm"
)

// streamDomain keeps the draws of this package apart from those of others that use
// the same seed: the letters "link".
const streamDomain = 0x6c696e6b

// A Tally counts errors. Tallies of disjoint blocks add up.
type Tally struct {
	Blocks        uint64 `json:"blocks"`
	BlockErrors   uint64 `json:"block_errors"`
	Bits          uint64 `json:"bits"`
	BitErrors     uint64 `json:"bit_errors"`
	SquaredErrors uint64 `json:"squared_errors"` // sum over blocks of the squared number of wrong bits
	Transmissions uint64 `json:"transmissions"`  // of blocks, all attempts
	Undetected    uint64 `json:"undetected"`     // wrong blocks whose CRC held
	RightBits     uint64 `json:"right_bits"`     // of blocks without a wrong bit
	SumMCS        uint64 `json:"sum_mcs"`        // of blocks, with link adaptation
}

// Add adds what was counted elsewhere.
func (t *Tally) Add(o Tally) {
	t.Blocks += o.Blocks
	t.BlockErrors += o.BlockErrors
	t.Bits += o.Bits
	t.BitErrors += o.BitErrors
	t.SquaredErrors += o.SquaredErrors
	t.Transmissions += o.Transmissions
	t.Undetected += o.Undetected
	t.RightBits += o.RightBits
	t.SumMCS += o.SumMCS
}

func (t *Tally) block(bits, wrong, transmissions int, claimed bool) {
	t.Blocks++
	t.Bits += uint64(bits)
	t.BitErrors += uint64(wrong)
	t.SquaredErrors += uint64(wrong) * uint64(wrong)
	t.Transmissions += uint64(transmissions)
	if wrong > 0 {
		t.BlockErrors++
		if claimed {
			t.Undetected++
		}
	} else {
		t.RightBits += uint64(bits)
	}
}

// A coder codes and decodes one block at a time. It is a workspace.
type coder interface {
	// draw draws the bits of a new block.
	draw(s *rng.Stream)
	// send writes the bits of a transmission, the first one being 0.
	send(sent []byte, transmission int) error
	// receive decodes with the soft bits of one more transmission and says whether
	// the block claims to be right; what has no CRC claims nothing.
	receive(llrs []float32, transmission int) (claims bool, err error)
	// wrong is the number of wrong bits.
	wrong() int
}

// An air carries bits to soft bits. It is a workspace for one noise variance.
type air interface {
	pass(s *rng.Stream, llrs []float32, sent []byte) error
}

// worker counts the errors of blocks at one SNR.
type worker struct {
	link   *Link
	snr    float64
	coder  coder
	air    air
	sent   []byte
	llrs   []float32
	stream rng.Stream

	arrivedAtOnce bool // the last block, with its first transmission
}

// conditions are what all workers of an SNR share.
type conditions struct {
	link    *Link
	snr     float64
	n0      float64
	filters []*ofdm.LMMSE // of OFDM, with that estimator: a layer
}

func (l *Link) at(snrDB float64) (*conditions, error) {
	// Draws depend on the bits of the SNR: adding 0 makes one number of 0 and -0.
	c := &conditions{link: l, snr: snrDB + 0, n0: l.NoiseVariance(snrDB)}
	var err error
	if l.config.slotted() && l.config.Slot.Estimator == "lmmse" {
		c.filters, err = l.newFilters(c.n0)
	}
	return c, err
}

func (c *conditions) newWorker() (*worker, error) {
	l := c.link
	w := &worker{link: l, snr: c.snr, sent: make([]byte, l.numSent), llrs: make([]float32, l.numSent)}
	var err error
	if w.coder, err = l.newCoder(); err != nil {
		return nil, err
	}
	switch {
	case l.config.slotted():
		w.air, err = newSlotAir(c)
	case l.detects():
		w.air, err = newStreamAir(c)
	default:
		w.air = newSymbolAir(l, c.n0)
	}
	return w, err
}

// count adds the blocks first to first+num-1 to t.
func (w *worker) count(seed, first, num uint64, t *Tally) error {
	for b := range num {
		w.stream.Reset(seed, streamDomain, math.Float64bits(w.snr), first+b)
		if err := w.block(t); err != nil {
			return fmt.Errorf("block %d at %g dB: %w", first+b, w.snr, err)
		}
	}
	return nil
}

func (w *worker) block(t *Tally) error {
	w.coder.draw(&w.stream)
	claims, n := false, 0
	for ; n < w.link.transmissions && !claims; n++ {
		if err := w.coder.send(w.sent, n); err != nil {
			return err
		}
		if err := w.air.pass(&w.stream, w.llrs, w.sent); err != nil {
			return err
		}
		var err error
		if claims, err = w.coder.receive(w.llrs, n); err != nil {
			return err
		}
	}
	w.arrivedAtOnce = claims && n == 1
	t.block(w.link.numBits, w.coder.wrong(), n, claims)
	return nil
}

// Count counts the errors of the blocks first to first+num-1 at an SNR in dB, which is
// Eb/N0 or Es/N0 as the config says. The outer loop of link adaptation starts anew with
// the first of them.
func (l *Link) Count(seed uint64, snrDB float64, first, num uint64) (Tally, error) {
	var t Tally
	if l.adapts() {
		c, err := l.newChain(snrDB)
		if err == nil {
			err = c.count(seed, first, num, &t)
		}
		return t, err
	}
	c, err := l.at(snrDB)
	if err != nil {
		return t, err
	}
	w, err := c.newWorker()
	if err == nil {
		err = w.count(seed, first, num, &t)
	}
	return t, err
}
