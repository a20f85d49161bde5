package mapping

import (
	"fmt"
	"math"
	"math/bits"
	"math/cmplx"
	"testing"

	"github.com/comlam/comlam/internal/rng"
)

// printed is clause 5.1 as it is printed.
func printed(s Scheme, i int, b []byte) complex128 {
	v := make([]float64, 10)
	for j := range b {
		v[j] = 1 - 2*float64(b[j])
	}
	switch s {
	case Pi2BPSK:
		return cmplx.Exp(complex(0, math.Pi/2*float64(i%2))) * complex(v[0], v[0]) / complex(math.Sqrt2, 0)
	case BPSK:
		return complex(v[0], v[0]) / complex(math.Sqrt2, 0)
	case QPSK:
		return complex(v[0], v[1]) / complex(math.Sqrt2, 0)
	case QAM16:
		return complex(v[0]*(2-v[2]), v[1]*(2-v[3])) / complex(math.Sqrt(10), 0)
	case QAM64:
		return complex(v[0]*(4-v[2]*(2-v[4])), v[1]*(4-v[3]*(2-v[5]))) / complex(math.Sqrt(42), 0)
	case QAM256:
		return complex(v[0]*(8-v[2]*(4-v[4]*(2-v[6]))), v[1]*(8-v[3]*(4-v[5]*(2-v[7])))) / complex(math.Sqrt(170), 0)
	}
	return complex(v[0]*(16-v[2]*(8-v[4]*(4-v[6]*(2-v[8])))), v[1]*(16-v[3]*(8-v[5]*(4-v[7]*(2-v[9]))))) / complex(math.Sqrt(682), 0)
}

// all are the bits of every symbol in order.
func all(s Scheme) (b []byte) {
	for label := range 1 << s.Qm() {
		for j := s.Qm() - 1; j >= 0; j-- {
			b = append(b, byte(label>>j&1))
		}
	}
	return b
}

func TestSymbolsArePrintedOnes(t *testing.T) {
	for _, s := range Schemes {
		b := all(s)
		x := make([]complex64, len(b)/s.Qm())
		if err := s.Map(x, b); err != nil {
			t.Fatal(err)
		}
		var power float64
		for i, v := range x {
			if want := printed(s, i, b[i*s.Qm():][:s.Qm()]); cmplx.Abs(complex128(v)-want) > 1e-6 {
				t.Errorf("%s, symbol %d: %v, want %v", s, i, v, want)
			}
			power += real(complex128(v) * cmplx.Conj(complex128(v)))
		}
		if math.Abs(power/float64(len(x))-1) > 1e-6 {
			t.Errorf("%s: mean power %v", s, power/float64(len(x)))
		}
	}
}

func TestNeighboursDifferInOneBit(t *testing.T) {
	for _, a := range axes[1:] {
		for k := 1; k < len(a.labels); k++ {
			if bits.OnesCount(uint(a.labels[k]^a.labels[k-1])) != 1 {
				t.Errorf("%d bits: levels %d and %d", a.Bits, k-1, k)
			}
		}
	}
}

// search are soft bits by all symbols, in float64.
func search(s Scheme, i int, y complex128, n0 float64, rule Rule) []float64 {
	labels, out := all(s), make([]float64, s.Qm())
	for j := range out {
		best := [2]float64{math.Inf(-1), math.Inf(-1)}
		for l := range 1 << s.Qm() {
			b := labels[l*s.Qm():][:s.Qm()]
			e := y - printed(s, i, b)
			m := -real(e*cmplx.Conj(e)) / n0
			if old := best[b[j]]; rule == MaxLog {
				best[b[j]] = max(old, m)
			} else if high := max(old, m); !math.IsInf(m, -1) {
				best[b[j]] = high + math.Log1p(math.Exp(min(old, m)-high))
			}
		}
		out[j] = best[0] - best[1]
	}
	return out
}

func TestDemapIsTheSearch(t *testing.T) {
	s := rng.New(1)
	for _, scheme := range Schemes {
		for _, rule := range []Rule{Exact, MaxLog} {
			y, n0 := make([]complex64, 100), make([]float32, 100)
			for i := range y {
				y[i] = complex64(s.ComplexNormal() * 1.2)
				n0[i] = float32(math.Pow(10, s.Uniform(-5, 0.5)))
			}
			llrs := make([]float32, len(y)*scheme.Qm())
			if err := scheme.Demap(llrs, y, n0, rule); err != nil {
				t.Fatal(err)
			}
			for i := range y {
				want := search(scheme, i, complex128(y[i]), float64(n0[i]), rule)
				for j, got := range llrs[i*scheme.Qm():][:scheme.Qm()] {
					if math.Abs(float64(got)-want[j]) > 1e-5*(1+math.Abs(want[j])) {
						t.Fatalf("%s, rule %d, y = %v, n0 = %v, bit %d: %v, want %v", scheme, rule, y[i], n0[i], j, got, want[j])
					}
				}
			}
		}
	}
}

func TestDemapOfExtremes(t *testing.T) {
	for _, s := range Schemes {
		b := all(s)
		x, llrs := make([]complex64, len(b)/s.Qm()), make([]float32, len(b))
		if err := s.Map(x, b); err != nil {
			t.Fatal(err)
		}
		for _, n0 := range []float32{1e-12, 1e-3, 1e30} {
			for _, rule := range []Rule{Exact, MaxLog} {
				if err := s.Demap(llrs, x, []float32{n0}, rule); err != nil {
					t.Fatal(err)
				}
				for i, l := range llrs {
					if l != l || math.IsInf(float64(l), 0) || n0 < 1 && (l < 0) != (b[i] == 1) {
						t.Fatalf("%s, n0 = %v: bit %d is %d, soft bit %v", s, n0, i, b[i], l)
					}
				}
			}
		}
	}
}

func q(x float64) float64 { return math.Erfc(x/math.Sqrt2) / 2 }

// term is a summand of a bit error rate: weight * Q(sqrt(square * Eb/N0)).
type term struct{ weight, square float64 }

var closedForms = map[Scheme][]term{
	BPSK:  {{1, 2}},
	QPSK:  {{1, 2}},
	QAM16: {{.75, .8}, {.5, 9 * .8}, {-.25, 25 * .8}},
}

func gaussian(s Scheme, ebN0 float64) (ber float64) {
	for _, t := range closedForms[s] {
		ber += t.weight * q(math.Sqrt(t.square*ebN0))
	}
	return ber
}

// rayleigh is the mean over an exponentially distributed Eb/N0.
func rayleigh(s Scheme, ebN0 float64) (ber float64) {
	for _, t := range closedForms[s] {
		g := t.square * ebN0 / 2
		ber += t.weight * (1 - math.Sqrt(g/(1+g))) / 2
	}
	return ber
}

func TestClosedForms(t *testing.T) {
	for _, c := range []struct{ got, want float64 }{
		{gaussian(QPSK, 1), .0786496}, {gaussian(QPSK, math.Pow(10, .4)), .0125008}, {gaussian(QPSK, math.Pow(10, .8)), 1.90908e-4},
		{gaussian(QAM16, 10), 1.754151e-3}, {rayleigh(QPSK, 10), .0232687},
	} {
		if math.Abs(c.got/c.want-1) > 1e-5 {
			t.Errorf("%v, want %v", c.got, c.want)
		}
	}
}

// errorRate counts wrong decisions over n bits.
func errorRate(t *testing.T, s Scheme, ebN0 float64, n int, fading bool, rule Rule, random *rng.Stream) (wrong int) {
	n0 := 1 / (ebN0 * float64(s.Qm()))
	const chunk = 5000
	x, y, noise := make([]complex64, chunk), make([]complex64, chunk), make([]float32, chunk)
	b, llrs := make([]byte, chunk*s.Qm()), make([]float32, chunk*s.Qm())
	for done := 0; done < n; done += len(b) {
		for i := range b {
			b[i] = byte(random.Uint64() & 1)
		}
		if err := s.Map(x, b); err != nil {
			t.Fatal(err)
		}
		for i, v := range x {
			h := complex128(1)
			if fading {
				h = random.ComplexNormal()
			}
			received := h*complex128(v) + complex(math.Sqrt(n0), 0)*random.ComplexNormal()
			y[i] = complex64(received / h)
			noise[i] = float32(n0 / (real(h)*real(h) + imag(h)*imag(h)))
		}
		if err := s.Demap(llrs, y, noise, rule); err != nil {
			t.Fatal(err)
		}
		for i, l := range llrs {
			if (l < 0) != (b[i] == 1) {
				wrong++
			}
		}
	}
	return wrong
}

// The bit error rates of hard decisions lie in the 99 % interval around the closed
// forms. Exact soft bits of 16QAM decide a few bits better than the nearest symbol
// does, so the closed form belongs to MaxLog.
func TestBitErrorRates(t *testing.T) {
	for _, fading := range []bool{false, true} {
		for s, dBs := range map[Scheme][]float64{BPSK: {0, 2, 4, 5, 6}, QPSK: {0, 2, 4, 6, 8}, QAM16: {0, 3, 6, 8, 10}} {
			for i, dB := range dBs {
				want := gaussian(s, math.Pow(10, dB/10))
				if fading {
					want = rayleigh(s, math.Pow(10, dB/10))
				}
				n := 20000 * (int(min(1e6, max(2e5, 300/want))) / 20000)
				wrong := errorRate(t, s, math.Pow(10, dB/10), n, fading, MaxLog, rng.New(2, uint64(s), uint64(i)))
				half := 2.5758 * math.Sqrt(want*(1-want)/float64(n))
				name := fmt.Sprintf("%s, fading %v, %v dB: %d of %d, BER %.4g, closed form %.4g +- %.2g", s, fading, dB, wrong, n, float64(wrong)/float64(n), want, half)
				t.Log(name)
				if math.Abs(float64(wrong)/float64(n)-want) > half {
					t.Error(name)
				}
			}
		}
	}
}

func TestRefusals(t *testing.T) {
	x, b, l := make([]complex64, 2), make([]byte, 4), make([]float32, 4)
	for name, err := range map[string]error{
		"scheme":  Scheme(7).Map(x, b),
		"size":    QPSK.Map(x, b[1:]),
		"soft":    QPSK.Demap(l[1:], x, []float32{1}, Exact),
		"rule":    QPSK.Demap(l, x, []float32{1}, 2),
		"noises":  QPSK.Demap(l, x, []float32{1, 1, 1}, Exact),
		"no":      QPSK.Demap(l, x, nil, Exact),
		"zero":    QPSK.Demap(l, x, []float32{0}, Exact),
		"nan":     QPSK.Demap(l, x, []float32{1, float32(math.NaN())}, Exact),
		"qm":      second(ForQm(3)),
		"qm zero": second(ForQm(0)),
	} {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	for _, s := range Schemes[1:] {
		if got, err := ForQm(s.Qm()); err != nil || got != s {
			t.Errorf("ForQm(%d) = %v, %v", s.Qm(), got, err)
		}
	}
}

func second[T any](_ T, err error) error { return err }

func BenchmarkDemap(b *testing.B) {
	for _, s := range []Scheme{QPSK, QAM64, QAM1024} {
		for rule, name := range []string{"exact", "max-log"} {
			b.Run(s.String()+"/"+name, func(b *testing.B) {
				y, n0 := make([]complex64, 1000), make([]float32, 1000)
				random := rng.New(3)
				for i := range y {
					y[i], n0[i] = complex64(random.ComplexNormal()), 0.1
				}
				llrs := make([]float32, len(y)*s.Qm())
				for b.Loop() {
					if err := s.Demap(llrs, y, n0, Rule(rule)); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(len(llrs)*b.N)/b.Elapsed().Seconds()/1e6, "Mbit/s")
			})
		}
	}
}
