package link

import (
	"context"
	"fmt"
	"math"

	"github.com/comlam/comlam/internal/rng"
	"github.com/comlam/comlam/wireless/mimo"
	"github.com/comlam/comlam/wireless/nr"
)

// adaptations of the MCS to the channel.
var adaptations = []string{"fixed", "inner", "outer"}

// ollaStepDB is what the outer loop takes off after an error.
const ollaStepDB = 0.5

// adapts says whether the MCS of a block follows its channel.
func (l *Link) adapts() bool {
	return l.config.Code == "transport" && l.config.Transport.Adapt != "fixed"
}

// buildRows makes the link of every MCS.
func (l *Link) buildRows() error {
	c := l.config
	c.Transport.Adapt = "fixed"
	for _, row := range tables[c.Transport.MCSTable].Rows {
		c.Transport.MCS = row.Index
		one, err := c.Build()
		if err != nil {
			return err
		}
		l.rows = append(l.rows, one)
	}
	return nil
}

// A chain sends block after block at one SNR, each with the MCS that link adaptation
// chooses for its channel. The outer loop learns from every block, so a chain runs on one
// goroutine.
type chain struct {
	link       *Link
	same       *conditions
	probe      *slotAir // the channel of the block
	linear     *mimo.Linear
	h          []complex128
	sinr       []float64
	table      nr.Table
	outer      *nr.OLLA // nil without
	workers    map[int]*worker
	stream     rng.Stream
	layers, rx int
}

func (l *Link) newChain(snrDB float64) (*chain, error) {
	same, err := l.at(snrDB)
	if err != nil {
		return nil, err
	}
	c := &chain{link: l, same: same, table: tables[l.config.Transport.MCSTable], workers: map[int]*worker{}, layers: l.config.NumLayers, rx: l.config.NumRx}
	if c.probe, err = newSlotAir(same); err != nil {
		return nil, err
	}
	kind := mimo.LMMSE
	if l.config.Detector == "zf" {
		kind = mimo.ZF
	} else if l.config.Detector == "mrc" {
		kind = mimo.MRC
	}
	if c.linear, err = mimo.NewLinear(kind, mimo.Config{NumRx: c.rx, NumStreams: c.layers, Scheme: l.scheme}); err != nil {
		return nil, err
	}
	data := len(l.slot.Data)
	c.h, c.sinr = make([]complex128, data*c.rx*c.layers), make([]float64, data*c.layers)
	if l.config.Transport.Adapt == "outer" {
		c.outer, err = nr.NewOLLA(l.config.Transport.Target, ollaStepDB)
	}
	return c, err
}

// worker is that of an MCS, made when it is first chosen.
func (c *chain) worker(index int) (*worker, error) {
	if w, ok := c.workers[index]; ok {
		return w, nil
	}
	same := *c.same
	same.link = c.link.rows[index]
	w, err := same.newWorker()
	c.workers[index] = w
	return w, err
}

// choose draws the channel of a block and selects its MCS.
func (c *chain) choose() (nr.MCS, error) {
	if err := c.probe.draw(&c.stream); err != nil {
		return nr.MCS{}, err
	}
	pairs := c.rx * c.layers
	for i, re := range c.link.slot.Data {
		copy(c.h[i*pairs:][:pairs], c.probe.response[re*pairs:])
	}
	if err := c.linear.SINR(c.sinr, c.h, c.probe.noise); err != nil {
		return nr.MCS{}, err
	}
	offset := 0.0
	if c.outer != nil {
		offset = c.outer.OffsetDB
	}
	mcs, _, err := c.table.Select(c.sinr, offset)
	return mcs, err
}

func (c *chain) count(seed, first, num uint64, t *Tally) error {
	for b := range num {
		c.stream.Reset(seed, streamDomain, math.Float64bits(c.same.snr), first+b)
		mcs, err := c.choose()
		if err != nil {
			return err
		}
		w, err := c.worker(mcs.Index)
		if err != nil {
			return err
		}
		air, ok := w.air.(*slotAir)
		if !ok {
			return fmt.Errorf("link adaptation over %s", c.link.config.Channel) // not reached: check has looked
		}
		copy(air.response, c.probe.response)
		air.drawn = true
		w.stream = c.stream
		if err := w.block(t); err != nil {
			return fmt.Errorf("block %d at %g dB: %w", first+b, c.same.snr, err)
		}
		t.SumMCS += uint64(mcs.Index)
		if c.outer != nil {
			c.outer.Feedback(w.arrivedAtOnce)
		}
	}
	return nil
}

// adaptedPoint counts until there is enough, as point does.
func (l *Link) adaptedPoint(ctx context.Context, seed uint64, snr float64, progress func(Tally)) (total Tally, err error) {
	c, err := l.newChain(snr)
	if err != nil {
		return total, err
	}
	size, blocks := l.blocksPerJob(), uint64(l.config.MaxBlocks)
	for l.share(total) < 1 {
		if err := ctx.Err(); err != nil {
			return total, err
		}
		if err := c.count(seed, total.Blocks, min(size, blocks-total.Blocks), &total); err != nil {
			return total, fmt.Errorf("%s: %w", l.Name(), err)
		}
		progress(total)
	}
	return total, nil
}
