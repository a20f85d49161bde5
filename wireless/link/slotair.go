package link

import (
	"math"

	"github.com/comlam/comlam/internal/rng"
	"github.com/comlam/comlam/wireless/channel"
	"github.com/comlam/comlam/wireless/mimo"
	"github.com/comlam/comlam/wireless/ofdm"
)

// slotAir sends a slot of OFDM. Within a symbol the channel stands still: there is no
// interference between subcarriers. Prefixes are taken to be long enough (see
// [Link.Neglected]).
type slotAir struct {
	link      *Link
	sigma     complex128
	n0        float64
	detector  mimo.Detector
	estimates []func(h, observed []complex128) error // a layer; nil: the channel is known

	drawn    bool // response is already that of the next slot
	taps     *channel.Taps
	response []complex128   // [symbol, subcarrier, antenna, layer], with the power of the layer
	x        [][]complex128 // [layer] of [symbol, subcarrier]
	symbols  []complex64    // [data, layer]
	observed []complex128
	y, grid  []complex128 // [symbol, subcarrier]: received by one antenna, estimate of one pair

	h        []complex128 // [data, antenna, layer], as the receiver has it
	received []complex128 // [data, antenna]
	noise    []float64    // [data], with the error of the estimates as noise
}

func newSlotAir(c *conditions) (*slotAir, error) {
	l := c.link
	n, data, rx, layers := l.slot.Grid.Len(), len(l.slot.Data), l.config.NumRx, l.config.NumLayers
	a := &slotAir{link: l, sigma: complex(math.Sqrt(c.n0), 0), n0: c.n0,
		taps: l.model.NewTaps(), response: make([]complex128, n*rx*layers), x: make([][]complex128, layers),
		symbols: make([]complex64, data*layers), observed: make([]complex128, l.slot.Pilots[0].Len()),
		y: make([]complex128, n), grid: make([]complex128, n),
		h: make([]complex128, data*rx*layers), received: make([]complex128, data*rx), noise: make([]float64, data)}
	for s := range a.x {
		a.x[s] = make([]complex128, n)
	}
	for i := range a.noise {
		a.noise[i] = c.n0
	}
	var err error
	if a.detector, err = l.newDetector(); err != nil {
		return nil, err
	}
	if l.config.Slot.Estimator == "perfect" {
		return a, nil
	}
	for s := range layers {
		if err := a.estimateLayer(c, s); err != nil {
			return nil, err
		}
	}
	return a, nil
}

// estimateLayer makes the estimator of a layer and adds its error to the noise: symbols
// have unit power.
func (a *slotAir) estimateLayer(c *conditions, layer int) error {
	l := a.link
	var variance []float64
	if l.config.Slot.Estimator == "lmmse" {
		a.estimates = append(a.estimates, c.filters[layer].Estimate)
		variance = c.filters[layer].MSE()
	} else {
		create := ofdm.NewLinear
		if l.config.Slot.Estimator == "ls-nearest" {
			create = ofdm.NewNearest
		}
		e, err := create(l.slot.Pilots[layer], l.slot.Grid)
		if err != nil {
			return err
		}
		a.estimates = append(a.estimates, e.Estimate)
		variance = make([]float64, l.slot.Grid.Len())
		if err := e.NoiseVariance(variance, c.n0); err != nil {
			return err
		}
	}
	for i, re := range l.slot.Data {
		a.noise[i] += variance[re]
	}
	return nil
}

func (a *slotAir) pass(s *rng.Stream, llrs []float32, sent []byte) error {
	l := a.link
	if err := l.scheme.Map(a.symbols, sent); err != nil {
		return err
	}
	layers := len(a.x)
	for k, x := range a.x {
		clear(x)
		l.slot.Pilots[k].Put(x)
		for i, re := range l.slot.Data {
			x[re] = complex128(a.symbols[i*layers+k])
		}
	}
	if !a.drawn {
		if err := a.draw(s); err != nil {
			return err
		}
	}
	a.drawn = false
	for antenna := range l.config.NumRx {
		if err := a.receive(s, antenna); err != nil {
			return err
		}
	}
	return a.detector.Detect(llrs, a.h, a.received, a.noise)
}

// draw draws the channel of a slot.
func (a *slotAir) draw(s *rng.Stream) error {
	l, c, layers := a.link, a.link.config.Slot, len(a.x)
	if err := l.model.Draw(s, channel.Link{DelaySpreadS: float64(c.DelaySpread), SpeedMPS: float64(c.Speed)}, a.taps); err != nil {
		return err
	}
	f := channel.Subcarriers{Num: l.slot.Grid.NumSubcarriers, SpacingHz: float64(c.SubcarrierSpacing)}
	if err := a.taps.CFR(f, channel.Downlink, a.response); err != nil {
		return err
	}
	if layers > 1 {
		share := math.Sqrt(1 / float64(layers))
		for i, h := range a.response {
			a.response[i] = complex(share*real(h), share*imag(h))
		}
	}
	return nil
}

// receive is what one antenna receives, and what it makes of the channels to it.
func (a *slotAir) receive(s *rng.Stream, antenna int) error {
	l, rx, layers := a.link, a.link.config.NumRx, len(a.x)
	for re := range a.y {
		y := a.sigma * s.ComplexNormal()
		for k, h := range a.response[(re*rx+antenna)*layers:][:layers] {
			y += h * a.x[k][re]
		}
		a.y[re] = y
	}
	for i, re := range l.slot.Data {
		a.received[i*rx+antenna] = a.y[re]
		if a.estimates == nil {
			copy(a.h[(i*rx+antenna)*layers:][:layers], a.response[(re*rx+antenna)*layers:])
		}
	}
	for k, estimate := range a.estimates {
		if err := l.slot.Pilots[k].Observe(a.observed, a.y); err != nil {
			return err
		}
		if err := estimate(a.grid, a.observed); err != nil {
			return err
		}
		for i, re := range l.slot.Data {
			a.h[(i*rx+antenna)*layers+k] = a.grid[re]
		}
	}
	return nil
}

// streamAir sends vectors of symbols through independent Rayleigh channels that the
// receiver knows.
type streamAir struct {
	link     *Link
	sigma    complex128
	noise    []float64
	detector mimo.Detector
	symbols  []complex64  // [vector, layer]
	h        []complex128 // [vector, antenna, layer]
	y        []complex128 // [vector, antenna]
}

func newStreamAir(c *conditions) (*streamAir, error) {
	l := c.link
	n, rx, layers := l.numSent/l.scheme.Qm()/l.config.NumLayers, l.config.NumRx, l.config.NumLayers
	d, err := l.newDetector()
	return &streamAir{link: l, sigma: complex(math.Sqrt(c.n0), 0), noise: []float64{c.n0}, detector: d,
		symbols: make([]complex64, n*layers), h: make([]complex128, n*rx*layers), y: make([]complex128, n*rx)}, err
}

func (a *streamAir) pass(s *rng.Stream, llrs []float32, sent []byte) error {
	if err := a.link.scheme.Map(a.symbols, sent); err != nil {
		return err
	}
	rx, layers := a.link.config.NumRx, a.link.config.NumLayers
	share := complex(math.Sqrt(1/float64(layers)), 0)
	for i := range a.y {
		y := a.sigma * s.ComplexNormal()
		for k := range layers {
			h := share * s.ComplexNormal()
			a.h[i*layers+k] = h
			y += h * complex128(a.symbols[i/rx*layers+k])
		}
		a.y[i] = y
	}
	return a.detector.Detect(llrs, a.h, a.y, a.noise)
}
