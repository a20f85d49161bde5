package mapping

import "math"

// An Axis is the amplitudes of the real or the imaginary part of a scheme, the least
// first. It is read only.
type Axis struct {
	Bits   int     // of each part
	Step   float64 // between neighbours
	Levels []float64
	// For each level and bit, the next level below and above whose bit differs, itself
	// where there is none.
	Below, Above [][]int
	With         [][2][]int // for each bit, the levels where it is 0 and where it is 1

	labels []int     // of each level: its bits, the first one highest
	byBits []float32 // amplitude by label
}

// Axis is what both parts of a symbol are drawn from. The bits of a symbol go to the
// real and the imaginary part in turn, the first one to the real part; a symbol of BPSK
// has one bit and the same amplitude in both. It is nil for pi/2-BPSK, whose points
// depend on the place.
func (s Scheme) Axis() *Axis {
	if !s.known() || s == Pi2BPSK {
		return nil
	}
	return axes[max(1, s.Qm()/2)]
}

// axes by bits.
var axes = func() (a [6]*Axis) {
	for bits := 1; bits < len(a); bits++ {
		a[bits] = newAxis(bits)
	}
	return a
}()

// amplitude is the nested form of clause 5.1, in odd integers.
func amplitude(label, bits int) int {
	sign := 1 - 2*(label>>(bits-1)&1)
	if bits == 1 {
		return sign
	}
	return sign * (1<<(bits-1) - amplitude(label&(1<<(bits-1)-1), bits-1))
}

func newAxis(bits int) *Axis {
	n := 1 << bits
	scale := 1 / math.Sqrt(2*float64(n*n-1)/3)
	a := &Axis{Bits: bits, Step: 2 * scale, Levels: make([]float64, n), labels: make([]int, n), byBits: make([]float32, n)}
	for label := range n {
		level := (amplitude(label, bits) + n - 1) / 2
		a.Levels[level], a.labels[level] = scale*float64(amplitude(label, bits)), label
		a.byBits[label] = float32(a.Levels[level])
	}
	a.With = make([][2][]int, bits)
	for k := range n {
		for b := range bits {
			a.With[b][a.Bit(k, b)] = append(a.With[b][a.Bit(k, b)], k)
		}
		below, above := make([]int, bits), make([]int, bits)
		for b := range bits {
			below[b], above[b] = a.other(k, b, -1), a.other(k, b, 1)
		}
		a.Below, a.Above = append(a.Below, below), append(a.Above, above)
	}
	return a
}

// Bit is bit b of level k, the first one being 0.
func (a *Axis) Bit(k, b int) int { return a.labels[k] >> (a.Bits - 1 - b) & 1 }

func (a *Axis) other(k, b, way int) int {
	for i := k + way; i >= 0 && i < len(a.Levels); i += way {
		if a.Bit(i, b) != a.Bit(k, b) {
			return i
		}
	}
	return k
}

// Nearest is the level next to y.
func (a *Axis) Nearest(y float64) int {
	at := (y-a.Levels[0])/a.Step + 0.5
	if !(at >= 1) {
		return 0
	}
	return int(min(at, float64(len(a.Levels)-1)))
}

// Bend is the factor by which the ratio of the densities of neighbours changes with
// every step away from y, under complex noise of variance n0: levels are equally far
// apart.
func (a *Axis) Bend(n0 float64) float64 { return math.Exp(-2 * a.Step * a.Step / n0) }

// Densities are those of y given each level, relative to that of the nearest one. bend
// is Bend(n0).
func (a *Axis) Densities(p *[32]float64, y, n0, bend float64) {
	k := a.Nearest(y)
	p[k] = 1
	for _, way := range [2]int{-1, 1} {
		next := k + way
		if next < 0 || next >= len(a.Levels) {
			continue
		}
		to, from := y-a.Levels[next], y-a.Levels[k]
		ratio := math.Exp((from*from - to*to) / n0)
		for i := next; i >= 0 && i < len(a.Levels); i += way {
			p[i] = p[i-way] * ratio
			ratio *= bend
		}
	}
}
