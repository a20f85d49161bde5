package csi

import (
	"fmt"
	"math"
	"slices"

	"github.com/comlam/comlam/internal/fourier"
	"github.com/comlam/comlam/plot"
)

// floorDB is where figures of power end.
const floorDB = -50

// powerOfTwo is the least power of two that is at least n.
func powerOfTwo(n int) int {
	p := 1
	for p < n {
		p *= 2
	}
	return p
}

// delayFader averages |IDFT over subcarriers|^2. A Hann window keeps the side lobes of
// strong paths below those of weak ones; four points a cell of the transform show its
// shape.
type delayFader struct {
	shape     Shape
	spacingHz float64
	window    []float64
	fft       *fourier.FFT[float64]
	line      []float64 // [n, 2]
	room      []float64
	power     []float64 // [n]
}

func newDelayFader(s Shape, spacingHz float64) *delayFader {
	n := powerOfTwo(4 * s.NumSubcarriers)
	f := fourier.New[float64](n)
	return &delayFader{
		shape: s, spacingHz: spacingHz, window: hann(s.NumSubcarriers), fft: f,
		line: make([]float64, 2*n), room: make([]float64, f.Room()), power: make([]float64, n),
	}
}

func (f *delayFader) add(h []complex128) {
	pairs := f.shape.NumRxAnt * f.shape.NumTxAnt
	for t := range f.shape.NumSlots {
		for pair := range pairs {
			clear(f.line)
			for k, w := range f.window {
				v := h[(t*f.shape.NumSubcarriers+k)*pairs+pair]
				// The conjugate turns the transform into its inverse.
				f.line[2*k], f.line[2*k+1] = w*real(v), -w*imag(v)
			}
			y := f.fft.Run(f.line, f.room)
			for i := range f.power {
				f.power[i] += y[2*i]*y[2*i] + y[2*i+1]*y[2*i+1]
			}
		}
	}
}

// shown says which points of a periodic profile to show: from just before delay 0 to
// where it has died away.
func shown(db []float64, cell int) (from, to int) {
	last := 8 * cell
	for i := range len(db) * 3 / 4 {
		if db[i] > floorDB+15 {
			last = max(last, i+2*cell)
		}
	}
	return -2 * cell, min(last, len(db)*3/4)
}

func (f *delayFader) draw(note string) (Drawing, error) {
	n := len(f.power)
	db := toDecibels(f.power, floorDB)
	from, to := shown(db, n/f.shape.NumSubcarriers)
	var x, y []float64
	for i := from; i <= to; i++ {
		x = append(x, float64(i)/(float64(n)*f.spacingHz)*1e9)
		y = append(y, db[(i+n)%n])
	}
	return plot.Chart{
		Title:  "Power-delay profile",
		Note:   fmt.Sprintf("%s; Hann window, resolution %.3g ns", note, 1e9/(float64(f.shape.NumSubcarriers)*f.spacingHz)),
		X:      plot.Axis{Label: "delay (ns)"},
		Y:      plot.Axis{Label: "power (dB, largest 0)"},
		Series: []plot.Series{{X: x, Y: y}},
	}, nil
}

// dopplerFader averages the power of the transform over time and subcarriers.
type dopplerFader struct {
	shape                Shape
	spacingHz, intervalS float64
	inDelay, inTime      []float64 // windows
	delay, doppler       *fourier.FFT[float64]
	line, column, room   []float64
	grid                 []float64 // [delay, time, 2]
	power                []float64 // [doppler, delay]
}

func newDopplerFader(s Shape, spacingHz, intervalS float64) *dopplerFader {
	k, t := powerOfTwo(2*s.NumSubcarriers), powerOfTwo(2*s.NumSlots)
	d, v := fourier.New[float64](k), fourier.New[float64](t)
	return &dopplerFader{
		shape: s, spacingHz: spacingHz, intervalS: intervalS, inDelay: hann(s.NumSubcarriers), inTime: hann(s.NumSlots),
		delay: d, doppler: v, line: make([]float64, 2*k), column: make([]float64, 2*t),
		room: make([]float64, max(d.Room(), v.Room())), grid: make([]float64, 2*k*s.NumSlots), power: make([]float64, k*t),
	}
}

func (f *dopplerFader) add(h []complex128) {
	pairs := f.shape.NumRxAnt * f.shape.NumTxAnt
	k, t := len(f.line)/2, len(f.column)/2
	for pair := range pairs {
		for slot, atTime := range f.inTime {
			clear(f.line)
			for i, w := range f.inDelay {
				v := h[(slot*f.shape.NumSubcarriers+i)*pairs+pair]
				f.line[2*i], f.line[2*i+1] = w*atTime*real(v), -w*atTime*imag(v)
			}
			y := f.delay.Run(f.line, f.room)
			for i := range k {
				at := 2 * (i*f.shape.NumSlots + slot)
				f.grid[at], f.grid[at+1] = y[2*i], -y[2*i+1]
			}
		}
		for i := range k {
			clear(f.column)
			copy(f.column, f.grid[2*i*f.shape.NumSlots:][:2*f.shape.NumSlots])
			y := f.doppler.Run(f.column, f.room)
			for v := range t {
				f.power[v*k+i] += y[2*v]*y[2*v] + y[2*v+1]*y[2*v+1]
			}
		}
	}
}

func (f *dopplerFader) draw(note string) (Drawing, error) {
	k, t := len(f.line)/2, len(f.column)/2
	db := toDecibels(f.power, floorDB)
	profile := make([]float64, k)
	for i := range profile {
		profile[i] = floorDB
		for v := range t {
			profile[i] = max(profile[i], db[v*k+i])
		}
	}
	from, to := shown(profile, k/f.shape.NumSubcarriers)
	var rows [][]float64
	for v := -t / 2; v < t/2; v++ {
		var row []float64
		for i := from; i <= to; i++ {
			row = append(row, db[(v+t)%t*k+(i+k)%k])
		}
		rows = append(rows, row)
	}
	across, up := 1e9/(float64(k)*f.spacingHz), 1/(float64(t)*f.intervalS)
	return plot.HeatMap{
		Title: "Delay and Doppler shift",
		Note: fmt.Sprintf("%s; Hann windows, resolution %.3g ns, %.3g Hz", note,
			1e9/(float64(f.shape.NumSubcarriers)*f.spacingHz), 1/(float64(f.shape.NumSlots)*f.intervalS)),
		X:      plot.Axis{Label: "delay (ns)", Range: [2]float64{(float64(from) - 0.5) * across, (float64(to) + 0.5) * across}},
		Y:      plot.Axis{Label: "Doppler shift (Hz)", Range: [2]float64{(-float64(t)/2 - 0.5) * up, (float64(t)/2 - 0.5) * up}},
		Values: fewer(rows), Color: plot.Axis{Label: "power (dB, largest 0)", Range: [2]float64{floorDB, 0}},
	}, nil
}

// fewer makes cells of neighbours until they can be drawn, each the largest of its own.
func fewer(rows [][]float64) [][]float64 {
	const most = 1 << 15
	for len(rows)*len(rows[0]) > most {
		var half [][]float64
		if len(rows) > len(rows[0]) {
			for i := 0; i < len(rows); i += 2 {
				row := slices.Clone(rows[i])
				for x := range row {
					row[x] = math.Max(row[x], rows[min(i+1, len(rows)-1)][x])
				}
				half = append(half, row)
			}
		} else {
			for _, row := range rows {
				var short []float64
				for i := 0; i < len(row); i += 2 {
					short = append(short, math.Max(row[i], row[min(i+1, len(row)-1)]))
				}
				half = append(half, short)
			}
		}
		rows = half
	}
	return rows
}
