package csi

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/comlam/comlam/internal/bounded"
)

// A Drawing is a figure: SVG, of which plot.PNG makes pixels.
type Drawing interface{ SVG() ([]byte, error) }

// The figures that Figure draws.
const (
	DelayProfile   = "pdp"      // power over delay
	DelayDoppler   = "doppler"  // power over delay and Doppler shift
	AngleSpectrum  = "angle"    // power over angle at both ends
	SingularValues = "singular" // distribution of the singular values of H
)

// Figures lists them.
var Figures = []string{DelayProfile, DelayDoppler, AngleSpectrum, SingularValues}

// fader takes samples in and draws what they are.
type fader interface {
	add(h []complex128) // [time, subcarrier, rx, tx]
	draw(note string) (Drawing, error)
}

// Figure draws a figure of the first samples of a, at most the given number. Power is
// averaged over samples and over all axes that the figure does not show.
func Figure(ctx context.Context, a *Array, kind string, samples int) (Drawing, error) {
	if a.Refused != nil {
		return nil, a.Refused
	}
	if a.Meta == nil {
		return nil, bounded.Malformed(a.File, "no side file says what its axes are; figures need one of comlam csi gen")
	}
	if err := a.damaged(); err != nil {
		return nil, err
	}
	l, err := a.complexLayout()
	if err != nil {
		return nil, err
	}
	s, err := a.sampleShape()
	if err != nil {
		return nil, err
	}
	f, err := newFader(a, kind, s)
	if err != nil {
		return nil, err
	}
	h := make([]complex128, l.values)
	n := 0
	err = a.items(func(i int, scalars []float64) error {
		if i >= samples {
			return errEnough
		}
		for k := range h {
			re, im := l.at(scalars, k)
			if !(re*re+im*im <= largestPower) {
				return bounded.Malformed(a.File, "value %d of sample %d is not finite, or its power is above %g", k, i, largestPower)
			}
			h[k] = complex(re, im)
		}
		f.add(h)
		n++
		return ctx.Err()
	})
	if err != nil && err != errEnough {
		return nil, err
	}
	return f.draw(fmt.Sprintf("%s, %s, %d samples of seed %d", strings.ToUpper(a.Meta.Channel), a.Meta.Direction, n, a.Meta.Seed))
}

var errEnough = errors.New("enough samples")

// sampleShape is the size of a sample, without the axis of real and imaginary parts.
func (a *Array) sampleShape() (Shape, error) {
	axes, shape := slices.Clone(a.Meta.Axes), slices.Clone(a.Shape)
	if i := slices.Index(axes, axisPart); i >= 0 {
		axes, shape = slices.Delete(axes, i, i+1), slices.Delete(shape, i, i+1)
	}
	if !slices.Equal(axes, []string{axisSample, axisTime, axisSubcarrier, axisRx, axisTx}) {
		return Shape{}, bounded.Malformed(a.File, "axes %v are not those of a figure", a.Meta.Axes)
	}
	return Shape{shape[1], shape[2], shape[3], shape[4]}, nil
}

func newFader(a *Array, kind string, s Shape) (fader, error) {
	m := a.Meta
	switch kind {
	case DelayProfile, DelayDoppler:
		if s.NumSubcarriers < 2 {
			return nil, bounded.Malformed(a.File, "one subcarrier has no delays; draw more of them")
		}
		if kind == DelayProfile {
			return newDelayFader(s, m.SubcarrierSpacingHz), nil
		}
		if s.NumSlots < 2 || m.IntervalS == 0 {
			return nil, bounded.Malformed(a.File, "one moment has no Doppler shift; draw more slots")
		}
		return newDopplerFader(s, m.SubcarrierSpacingHz, m.IntervalS), nil
	case AngleSpectrum:
		return newAngleFader(a, s)
	case SingularValues:
		if n := min(s.NumRxAnt, s.NumTxAnt); n > maxSingular {
			return nil, bounded.Malformed(a.File, "%d singular values are more than %d", n, maxSingular)
		}
		return newSingularFader(s), nil
	}
	return nil, fmt.Errorf("figure %q is not known; there are: %s", kind, strings.Join(Figures, ", "))
}

// toDecibels are powers in dB against the largest, none below floor.
func toDecibels(power []float64, floor float64) []float64 {
	largest := max(slices.Max(power), math.SmallestNonzeroFloat64)
	db := make([]float64, len(power))
	for i, p := range power {
		db[i] = max(floor, 10*math.Log10(max(p/largest, 1e-30)))
	}
	return db
}

// hann is a window of n points that ends in values above 0.
func hann(n int) []float64 {
	w := make([]float64, n)
	for i := range w {
		s := math.Sin(math.Pi * (float64(i) + 0.5) / float64(n))
		w[i] = s * s
	}
	return w
}
