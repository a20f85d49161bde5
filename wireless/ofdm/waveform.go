package ofdm

import (
	"fmt"
	"math"

	"github.com/comlam/comlam/internal/fourier"
	"github.com/comlam/comlam/wireless/nr"
)

// Waveform says how a grid becomes samples.
type Waveform struct {
	Numerology     nr.Numerology
	NumSubcarriers int
	FFTSize        int  // a multiple of 128, or of 32 with the extended prefix; 0 is the least power of two from 128 up
	ExtendedPrefix bool // of 60 kHz only
}

const maxFFTSize = 1 << 16

// A Modulator turns the grids of slots into samples and back. It is a workspace: one
// a goroutine.
type Modulator struct {
	w    Waveform
	fft  *fourier.FFT[float64]
	x, y []float64
}

// NewModulator checks w.
func NewModulator(w Waveform) (*Modulator, error) {
	if w.FFTSize == 0 {
		for w.FFTSize = 128; w.FFTSize < w.NumSubcarriers && w.FFTSize < maxFFTSize; w.FFTSize *= 2 {
		}
	}
	unit := 128 // of the size, so that prefixes are whole samples
	if w.ExtendedPrefix {
		unit = 4
	}
	switch {
	case w.Numerology.Mu < 0 || w.Numerology.Mu >= len(nr.Numerologies):
		return nil, fmt.Errorf("ofdm: numerology %d; there are 0 to %d", w.Numerology.Mu, len(nr.Numerologies)-1)
	case w.ExtendedPrefix && !w.Numerology.ExtendedPrefix():
		return nil, fmt.Errorf("ofdm: numerology %d has no extended cyclic prefix; numerology 2 has", w.Numerology.Mu)
	case w.NumSubcarriers < 1 || w.NumSubcarriers > w.FFTSize:
		return nil, fmt.Errorf("ofdm: %d subcarriers in a transform of %d; use 1 to that many", w.NumSubcarriers, w.FFTSize)
	case w.FFTSize%unit != 0 || w.FFTSize > maxFFTSize:
		return nil, fmt.Errorf("ofdm: a transform of %d makes prefixes that are no whole samples; use a multiple of %d up to %d", w.FFTSize, unit, maxFFTSize)
	}
	m := &Modulator{w: w, fft: fourier.New[float64](w.FFTSize)}
	m.x, m.y = make([]float64, m.fft.Room()), make([]float64, m.fft.Room())
	return m, nil
}

// SampleRateHz is the sampling rate.
func (m *Modulator) SampleRateHz() float64 {
	return float64(m.w.FFTSize) * m.w.Numerology.SubcarrierSpacingHz()
}

// NumSymbols of a slot: 14, or 12 with the extended prefix.
func (m *Modulator) NumSymbols() int {
	if m.w.ExtendedPrefix {
		return nr.SymbolsPerSlotExtended
	}
	return nr.SymbolsPerSlot
}

// PrefixLen is the number of samples of the cyclic prefix of a symbol of a slot, both
// counted from 0 in the subframe: longer at the start of every half millisecond.
func (m *Modulator) PrefixLen(slot, symbol int) int {
	if m.w.ExtendedPrefix {
		return m.w.FFTSize / 4
	}
	// 144 and 16 in units of 1/(2048 spacings); the second is the same time at any
	// spacing.
	n := 144 * m.w.FFTSize / 2048
	half := 7 << m.w.Numerology.Mu
	if (slot*m.NumSymbols()+symbol)%half == 0 {
		n += 16 * m.w.FFTSize << m.w.Numerology.Mu / 2048
	}
	return n
}

// SlotLen is the number of samples of a slot.
func (m *Modulator) SlotLen(slot int) (n int) {
	for l := range m.NumSymbols() {
		n += m.PrefixLen(slot, l) + m.w.FFTSize
	}
	return n
}

func (m *Modulator) check(samples, grid []complex128, slot int) error {
	switch {
	case slot < 0:
		return fmt.Errorf("ofdm: slot %d; count from 0", slot)
	case len(grid) != m.NumSymbols()*m.w.NumSubcarriers:
		return fmt.Errorf("ofdm: a grid of %d resource elements; a slot has %d symbols of %d subcarriers", len(grid), m.NumSymbols(), m.w.NumSubcarriers)
	case len(samples) != m.SlotLen(slot):
		return fmt.Errorf("ofdm: %d samples; slot %d has %d", len(samples), slot, m.SlotLen(slot))
	}
	return nil
}

// Modulate writes the samples of a slot of a subframe: [symbol, subcarrier] to
// [SlotLen].
func (m *Modulator) Modulate(samples, grid []complex128, slot int) error {
	if err := m.check(samples, grid, slot); err != nil {
		return err
	}
	n, scale := m.w.FFTSize, 1/math.Sqrt(float64(m.w.FFTSize))
	for l := range m.NumSymbols() {
		clear(m.x)
		for k, v := range grid[l*m.w.NumSubcarriers:][:m.w.NumSubcarriers] {
			at := 2 * m.bin(k)
			m.x[at], m.x[at+1] = imag(v)*scale, real(v)*scale // swapped: the inverse
		}
		z := m.fft.Run(m.x, m.y)
		prefix := m.PrefixLen(slot, l)
		body := samples[prefix:][:n]
		for i := range body {
			body[i] = complex(z[2*i+1], z[2*i])
		}
		copy(samples[:prefix], body[n-prefix:])
		samples = samples[prefix+n:]
	}
	return nil
}

// Demodulate is the inverse; it leaves out the prefixes.
func (m *Modulator) Demodulate(grid, samples []complex128, slot int) error {
	if err := m.check(samples, grid, slot); err != nil {
		return err
	}
	n, scale := m.w.FFTSize, 1/math.Sqrt(float64(m.w.FFTSize))
	for l := range m.NumSymbols() {
		samples = samples[m.PrefixLen(slot, l):]
		for i, v := range samples[:n] {
			m.x[2*i], m.x[2*i+1] = real(v)*scale, imag(v)*scale
		}
		samples = samples[n:]
		z := m.fft.Run(m.x, m.y)
		row := grid[l*m.w.NumSubcarriers:][:m.w.NumSubcarriers]
		for k := range row {
			at := 2 * m.bin(k)
			row[k] = complex(z[at], z[at+1])
		}
	}
	return nil
}

// bin is where subcarrier k stands in the transform.
func (m *Modulator) bin(k int) int {
	return (k - m.w.NumSubcarriers/2 + m.w.FFTSize) % m.w.FFTSize
}
