package mimo

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/comlam/comlam/wireless/mapping"
)

// Config says what a detector detects.
type Config struct {
	NumRx      int // receive antennas, 1 to 64
	NumStreams int // 1 to 64
	Scheme     mapping.Scheme
	Rule       mapping.Rule
}

// MaxAntennas is the largest number of antennas and of streams of a detector.
const MaxAntennas = 64

// A Detector turns what antennas received into soft bits. It is a workspace: one a
// goroutine.
type Detector interface {
	// Detect takes channels h [B R S], received y [B R] and variances of the complex
	// noise n0, one for all or one an element [B], and writes soft bits llrs [B S Qm].
	Detect(llrs []float32, h, y []complex128, n0 []float64) error
}

// Names lists what NewDetector makes.
var Names = []string{"zf", "lmmse", "mrc", "kbest", "ml"}

// NewDetector returns a detector by its name; k is the number of paths of kbest.
func NewDetector(name string, k int, c Config) (Detector, error) {
	if i := slices.Index(Names[:3], name); i >= 0 {
		return NewLinear(Equalizer(i), c)
	}
	switch name {
	case "kbest":
		return NewKBest(k, c)
	case "ml":
		return NewML(c)
	}
	return nil, fmt.Errorf("detector: %q; there are %s", name, strings.Join(Names, ", "))
}

func (c Config) check() error {
	switch {
	case c.NumRx < 1 || c.NumRx > MaxAntennas:
		return fmt.Errorf("detector: %d receive antennas; use 1 to %d", c.NumRx, MaxAntennas)
	case c.NumStreams < 1 || c.NumStreams > MaxAntennas:
		return fmt.Errorf("detector: %d streams; use 1 to %d", c.NumStreams, MaxAntennas)
	case c.Scheme.Axis() == nil:
		return fmt.Errorf("detector: %s; its points depend on the place: turn every second symbol and use BPSK", c.Scheme)
	case c.Rule != mapping.Exact && c.Rule != mapping.MaxLog:
		return fmt.Errorf("detector: rule %d; there are Exact and MaxLog", int(c.Rule))
	}
	return nil
}

// elements is the number of resource elements of a batch.
func (c Config) elements(h, y int, n0 []float64) (int, error) {
	count := h / (c.NumRx * c.NumStreams)
	if h != count*c.NumRx*c.NumStreams || y != count*c.NumRx {
		return 0, fmt.Errorf("detector: %d coefficients and %d received numbers; an element has %d and %d", h, y, c.NumRx*c.NumStreams, c.NumRx)
	}
	if len(n0) != 1 && len(n0) != count {
		return 0, fmt.Errorf("detector: %d noise variances for %d elements; give one, or one an element", len(n0), count)
	}
	for i, v := range n0 {
		if !(v > 0) || math.IsInf(v, 1) {
			return 0, fmt.Errorf("detector: noise variance %d is %v; use a positive number", i, v)
		}
	}
	return count, nil
}

func (c Config) batch(llrs []float32, h, y []complex128, n0 []float64) (int, error) {
	count, err := c.elements(len(h), len(y), n0)
	if err == nil && len(llrs) != count*c.NumStreams*c.Scheme.Qm() {
		err = fmt.Errorf("detector: room for %d soft bits; %d elements have %d", len(llrs), count, count*c.NumStreams*c.Scheme.Qm())
	}
	return count, err
}

// variance is that of element b.
func variance(n0 []float64, b int) float64 { return n0[min(b, len(n0)-1)] }

// A Whitener makes noise white that is not.
type Whitener struct {
	numRx, numStreams int
	factor            []complex128
}

// NewWhitener returns a workspace: one a goroutine.
func NewWhitener(numRx, numStreams int) (*Whitener, error) {
	if err := (Config{NumRx: numRx, NumStreams: numStreams, Scheme: mapping.QPSK}).check(); err != nil {
		return nil, err
	}
	return &Whitener{numRx, numStreams, make([]complex128, numRx*numRx)}, nil
}

// Whiten multiplies h [B R S] and y [B R] with the inverse of the Cholesky factor of the
// covariance of noise and interference, one [R R] for all or one an element [B R R].
// The noise is white then, of variance 1.
func (w *Whitener) Whiten(h, y, cov []complex128) error {
	r, s := w.numRx, w.numStreams
	count, err := Config{NumRx: r, NumStreams: s}.elements(len(h), len(y), []float64{1})
	if err != nil {
		return err
	}
	if len(cov) != r*r && len(cov) != count*r*r {
		return fmt.Errorf("whitener: %d numbers of covariance; one [%d %d] matrix, or one an element", len(cov), r, r)
	}
	for b := range count {
		if b*r*r < len(cov) {
			copy(w.factor, cov[b*r*r:][:r*r])
			if !cholesky(w.factor, r) {
				return fmt.Errorf("whitener: covariance %d is not positive definite", b)
			}
		}
		w.solve(h[b*r*s:][:r*s], s)
		w.solve(y[b*r:][:r], 1)
	}
	return nil
}

// solve multiplies a [R n] with the inverse of the factor.
func (w *Whitener) solve(a []complex128, n int) {
	for i := range w.numRx {
		row := a[i*n : i*n+n]
		for k, l := range w.factor[i*w.numRx : i*w.numRx+i] {
			for j, v := range a[k*n : k*n+n] {
				row[j] -= l * v
			}
		}
		inv := 1 / real(w.factor[i*w.numRx+i])
		for j, v := range row {
			row[j] = complex(inv*real(v), inv*imag(v))
		}
	}
}
