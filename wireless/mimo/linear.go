package mimo

import "fmt"

// An Equalizer is a linear detector.
type Equalizer int

const (
	// ZF inverts the channel.
	ZF Equalizer = iota
	// LMMSE has the least mean squared error.
	LMMSE
	// MRC combines each stream for maximum ratio, with other streams as noise.
	MRC
)

func (e Equalizer) String() string {
	if e < ZF || e > MRC {
		return fmt.Sprintf("equalizer %d", int(e))
	}
	return Names[e]
}

// chunk is how many elements are equalised before they are demapped.
const chunk = 64

// silent is the variance behind an equaliser that found nothing of a stream.
const silent = 1e30

// A Linear detector equalises each stream and demaps it as if what is left of noise and
// of other streams were white and Gaussian.
//
// An element costs (R + 1) S^2 / 2 + R S + S^3 / 3 + S^2 complex multiplications (ZF,
// LMMSE): the lower half of the Gram matrix, its Cholesky factor, the inverse of that.
type Linear struct {
	Config
	kind      Equalizer
	factor    []complex128 // [S S]
	z         []complex128 // [S]
	x         []complex128 // [chunk S]
	noise     []float64    // [chunk S]
	symbols   []complex64
	variances []float32
}

// NewLinear returns a workspace: one a goroutine.
func NewLinear(kind Equalizer, c Config) (*Linear, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	if kind < ZF || kind > MRC {
		return nil, fmt.Errorf("detector: %s; there are %s, %s and %s", kind, ZF, LMMSE, MRC)
	}
	if kind == ZF && c.NumRx < c.NumStreams {
		return nil, fmt.Errorf("detector: zf of %d streams with %d antennas; use as many antennas, or lmmse", c.NumStreams, c.NumRx)
	}
	s := c.NumStreams
	return &Linear{
		Config: c, kind: kind, factor: make([]complex128, s*s), z: make([]complex128, s), x: make([]complex128, chunk*s),
		noise: make([]float64, chunk*s), symbols: make([]complex64, chunk*s), variances: make([]float32, chunk*s),
	}, nil
}

// Detect implements Detector.
func (l *Linear) Detect(llrs []float32, h, y []complex128, n0 []float64) error {
	count, err := l.batch(llrs, h, y, n0)
	if err != nil {
		return err
	}
	r, s := l.NumRx, l.NumStreams
	for first := 0; first < count; first += chunk {
		n := min(chunk, count-first)
		for b := range n {
			l.unbiased(l.x[b*s:][:s], l.noise[b*s:][:s], h[(first+b)*r*s:][:r*s], y[(first+b)*r:][:r], variance(n0, first+b))
		}
		for i, v := range l.x[:n*s] {
			l.symbols[i] = complex64(v)
			l.variances[i] = float32(min(max(l.noise[i], 1/silent), silent))
		}
		qm := s * l.Scheme.Qm()
		if err := l.Scheme.Demap(llrs[first*qm:][:n*qm], l.symbols[:n*s], l.variances[:n*s], l.Rule); err != nil {
			return err
		}
	}
	return nil
}

// Equalize writes the unbiased symbols x [B S] and the variance of what disturbs them,
// noise [B S]: the reciprocal of the SINR behind the equaliser. A stream of which
// nothing was received is 0 with a variance of 1e30.
func (l *Linear) Equalize(x []complex128, noise []float64, h, y []complex128, n0 []float64) error {
	return l.each(x, noise, h, y, n0, l.unbiased)
}

// Estimate writes the estimate itself, x [B S], and its mean squared error mse [B S] for
// symbols of unit power: of LMMSE, the diagonal of (I + H^H H / n0)^-1. Its symbols are
// biased towards zero; those of ZF and MRC are the unbiased ones.
func (l *Linear) Estimate(x []complex128, mse []float64, h, y []complex128, n0 []float64) error {
	return l.each(x, mse, h, y, n0, l.estimate)
}

func (l *Linear) each(x []complex128, e []float64, h, y []complex128, n0 []float64, f func(x []complex128, e []float64, h, y []complex128, n0 float64)) error {
	count, err := l.elements(len(h), len(y), n0)
	if err != nil {
		return err
	}
	r, s := l.NumRx, l.NumStreams
	if len(x) != count*s || len(e) != count*s {
		return fmt.Errorf("detector: room for %d symbols and %d variances; %d elements have %d", len(x), len(e), count, count*s)
	}
	for b := range count {
		f(x[b*s:][:s], e[b*s:][:s], h[b*r*s:][:r*s], y[b*r:][:r], variance(n0, b))
	}
	return nil
}

// SINR writes the ratio, linear, of each stream behind the equaliser, [B S]: what
// Equalize would have, without anything received.
func (l *Linear) SINR(sinr []float64, h []complex128, n0 []float64) error {
	r, s := l.NumRx, l.NumStreams
	count := len(h) / (r * s)
	if _, err := l.elements(len(h), count*r, n0); err != nil {
		return err
	}
	if len(sinr) != count*s {
		return fmt.Errorf("detector: room for %d ratios; %d elements have %d", len(sinr), count, count*s)
	}
	for b := range count {
		out := sinr[b*s:][:s]
		l.unbiased(l.x[:s], out, h[b*r*s:][:r*s], nil, variance(n0, b))
		for i, v := range out {
			out[i] = 0
			if v < silent {
				out[i] = 1 / v
			}
		}
	}
	return nil
}

// unbiased equalises an element; without y it writes noise only.
func (l *Linear) unbiased(x []complex128, noise []float64, h, y []complex128, n0 float64) {
	l.estimate(x, noise, h, y, n0)
	if l.kind != LMMSE {
		return
	}
	for i, mse := range noise {
		gain := 1 - mse
		if !(gain > 1e-15) {
			x[i], noise[i] = 0, silent
			continue
		}
		x[i] = complex(real(x[i])/gain, imag(x[i])/gain)
		noise[i] = mse / gain
	}
}

func (l *Linear) estimate(x []complex128, mse []float64, h, y []complex128, n0 float64) {
	if l.kind == MRC {
		l.combine(x, mse, h, y, n0)
		return
	}
	r, s := l.NumRx, l.NumStreams
	load := 0.0
	if l.kind == LMMSE {
		load = n0
	}
	gram(l.factor, h, r, s, load)
	if !cholesky(l.factor, s) {
		for i := range x {
			x[i], mse[i] = 0, silent
		}
		return
	}
	invertLower(l.factor, s)
	for i := range s {
		sum := 0.0
		for k := i; k < s; k++ {
			sum += square(l.factor[k*s+i])
		}
		mse[i] = n0 * sum
	}
	if y != nil {
		l.solve(x, h, y)
	}
}

// solve writes x = L^-H L^-1 h^H y, the factor being L^-1.
func (l *Linear) solve(x, h, y []complex128) {
	s := l.NumStreams
	clear(l.z)
	for i, v := range y {
		for j, w := range h[i*s : i*s+s] {
			l.z[j] += conj(w) * v
		}
	}
	clear(x)
	for i := range s {
		row := l.factor[i*s : i*s+i+1]
		sum := complex128(0)
		for j, v := range row {
			sum += v * l.z[j]
		}
		for j, v := range row {
			x[j] += conj(v) * sum
		}
	}
}

// combine is maximum ratio combining of each stream.
func (l *Linear) combine(x []complex128, noise []float64, h, y []complex128, n0 float64) {
	s := l.NumStreams
	for i := range s {
		gain, sum := 0.0, complex128(0)
		for r := range l.NumRx {
			gain += square(h[r*s+i])
			if y != nil {
				sum += conj(h[r*s+i]) * y[r]
			}
		}
		others := 0.0
		for j := range s {
			dot := complex128(0)
			for r := 0; j != i && r < l.NumRx; r++ {
				dot += conj(h[r*s+i]) * h[r*s+j]
			}
			others += square(dot)
		}
		if !(gain > 1/silent) {
			x[i], noise[i] = 0, silent
			continue
		}
		x[i] = sum / complex(gain, 0)
		noise[i] = (n0 + others/gain) / gain
	}
}

var _ = []Detector{(*Linear)(nil), (*KBest)(nil), (*ML)(nil)}
