package link

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
)

// A Point is what was counted at one SNR.
type Point struct {
	SNRdB float64 `json:"snr_db"`
	EsN0  float64 `json:"es_n0_db"`
	Tally
	BER  Rate `json:"ber"`
	BLER Rate `json:"bler"`
	// TheoryBER is the closed form of the bit error rate; 0 where there is none.
	TheoryBER float64 `json:"theory_ber,omitempty"`
	// BitsPerRE is what arrived right, in bits a resource element of data, all layers
	// together, over all transmissions of transport blocks.
	BitsPerRE float64 `json:"bits_per_re,omitempty"`
}

// A Curve is the points of a link.
type Curve struct {
	Name   string  `json:"name"`
	Config Config  `json:"config"`
	Seed   uint64  `json:"seed"`
	Joint  bool    `json:"joint"` // intervals hold together with JointConfidence, else each with Confidence
	Points []Point `json:"points"`
	// Left lists the SNRs, in dB, that were not simulated because a lower one had no
	// error.
	Left []float64 `json:"left_out,omitempty"`
	// Neglected is the interference that was not simulated (see [Link.Neglected]).
	Neglected float64  `json:"neglected_interference,omitempty"`
	Theory    []Theory `json:"theory,omitempty"`
}

// RunConfig says how a curve is made.
type RunConfig struct {
	Seed    uint64
	Workers int  // goroutines; 0 is 1
	Joint   bool // intervals that hold together
	// Progress is called with what was counted so far, after every job in their order.
	Progress func(Progress)
}

// Progress is how far a curve is.
type Progress struct {
	Point, NumPoints int // the point under way, from 0
	SNRdB            float64
	Tally            Tally   // at this point
	Done             float64 // share of the point that is done, at most
}

// jobSymbols is about how many symbols a job has: some milliseconds.
const jobSymbols = 1 << 14

// blocksPerJob is part of what a seed means: points end at whole jobs.
func (l *Link) blocksPerJob() uint64 {
	return uint64(max(1, jobSymbols*l.scheme.Qm()/l.numSent))
}

// leastBlocks of a point, below which the scatter between blocks says little.
const leastBlocks = 30

// share is how much of a point is done: 1 ends it.
func (l *Link) share(t Tally) float64 {
	errors := float64(t.BlockErrors)
	if !l.coded() {
		errors = float64(t.BitErrors) / t.designEffect()
	}
	byErrors := min(errors/float64(l.config.Errors), float64(t.Blocks)/leastBlocks)
	return min(1, max(byErrors, float64(t.Blocks)/float64(l.config.MaxBlocks)))
}

// Run simulates the points of the sweep, from the lowest SNR up, and ends behind the
// first one without errors. What was done is returned with the error of ctx.
func (l *Link) Run(ctx context.Context, c RunConfig) (Curve, error) {
	curve := Curve{Name: l.Name(), Config: l.config, Seed: c.Seed, Joint: c.Joint, Neglected: l.Neglected()}
	snrs := l.config.SNR.Points()
	for i, snr := range snrs {
		progress := func(t Tally) {
			if c.Progress != nil {
				c.Progress(Progress{Point: i, NumPoints: len(snrs), SNRdB: snr, Tally: t, Done: l.share(t)})
			}
		}
		var tally Tally
		var err error
		if l.adapts() {
			tally, err = l.adaptedPoint(ctx, c.Seed, snr, progress)
		} else {
			tally, err = l.point(ctx, c, snr, progress)
		}
		if err != nil {
			return curve, err
		}
		curve.Points = append(curve.Points, l.newPoint(snr, confidence(c.Joint, len(snrs)), tally))
		if tally.BitErrors == 0 && !l.adapts() { // adapted blocks fail at any SNR
			curve.Left = snrs[i+1:]
			break
		}
	}
	curve.Theory = l.theories()
	return curve, nil
}

func (l *Link) newPoint(snr, level float64, t Tally) Point {
	theory, _ := l.TheoryBER(snr)
	p := Point{TheoryBER: theory, SNRdB: snr, EsN0: decibel(l.esN0(snr)), Tally: t, BER: t.BER(level), BLER: t.BLER(level)}
	if l.transport != nil {
		p.BitsPerRE = float64(t.RightBits) / float64(t.Transmissions) / float64(len(l.slot.Data))
	}
	return p
}

// jobResult is what a worker counted in job number index.
type jobResult struct {
	index uint64
	tally Tally
	err   error
}

// point counts jobs in their order until there is enough. Workers run ahead; what
// they did beyond the end does not count.
func (l *Link) point(ctx context.Context, c RunConfig, snr float64, progress func(Tally)) (Tally, error) {
	same, err := l.at(snr)
	if err != nil {
		return Tally{}, err
	}
	ctx, cancel := context.WithCancel(ctx)
	results := make(chan jobResult)
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	var jobs atomic.Uint64 // taken so far
	for range max(1, c.Workers) {
		running.Go(func() { same.work(ctx, c.Seed, &jobs, results) })
	}
	var total Tally
	waiting := map[uint64]Tally{}
	for next := uint64(0); ; {
		select {
		case <-ctx.Done():
			return total, ctx.Err()
		case r := <-results:
			if r.err != nil {
				return total, fmt.Errorf("%s: %w", l.Name(), r.err)
			}
			waiting[r.index] = r.tally
		}
		for {
			t, ok := waiting[next]
			if !ok {
				break
			}
			delete(waiting, next)
			total.Add(t)
			next++
			progress(total)
			if l.share(total) == 1 {
				return total, nil
			}
		}
	}
}

// work takes jobs until ctx ends or there are no more.
func (c *conditions) work(ctx context.Context, seed uint64, jobs *atomic.Uint64, results chan<- jobResult) {
	w, err := c.newWorker()
	size, blocks := c.link.blocksPerJob(), uint64(c.link.config.MaxBlocks)
	for index := jobs.Add(1) - 1; index*size < blocks; index = jobs.Add(1) - 1 {
		r := jobResult{index: index, err: err}
		if err == nil {
			r.err = w.count(seed, index*size, min(size, blocks-index*size), &r.tally)
		}
		select {
		case results <- r:
		case <-ctx.Done():
			return
		}
		if r.err != nil {
			return
		}
	}
}
