package mimo

import (
	"math"
	"testing"

	"github.com/comlam/comlam/internal/rng"
	"github.com/comlam/comlam/wireless/mapping"
)

// transmission is a batch over Rayleigh fading antennas.
type transmission struct {
	bits []byte
	x    []complex128 // [B S]
	h, y []complex128
}

func transmit(t testing.TB, s *rng.Stream, c Config, count int, n0 float64) transmission {
	t.Helper()
	out := transmission{bits: make([]byte, count*c.NumStreams*c.Scheme.Qm()), h: gaussian(s, count*c.NumRx*c.NumStreams)}
	for i := range out.bits {
		out.bits[i] = byte(s.Uint64() & 1)
	}
	symbols := make([]complex64, count*c.NumStreams)
	if err := c.Scheme.Map(symbols, out.bits); err != nil {
		t.Fatal(err)
	}
	for _, v := range symbols {
		out.x = append(out.x, complex128(v))
	}
	for b := range count {
		for r := range c.NumRx {
			sum := s.ComplexNormal() * complex(math.Sqrt(n0), 0)
			for i := range c.NumStreams {
				sum += out.h[(b*c.NumRx+r)*c.NumStreams+i] * out.x[b*c.NumStreams+i]
			}
			out.y = append(out.y, sum)
		}
	}
	return out
}

func detect(t testing.TB, d Detector, tx transmission, n0 float64) []float32 {
	t.Helper()
	llrs := make([]float32, len(tx.bits))
	if err := d.Detect(llrs, tx.h, tx.y, []float64{n0}); err != nil {
		t.Fatal(err)
	}
	return llrs
}

func make1(t testing.TB, name string, k int, c Config) Detector {
	t.Helper()
	d, err := NewDetector(name, k, c)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// definition are the soft bits of one element by all hypotheses, and the squared
// distance of the nearest one.
func definition(c Config, h, y []complex128, n0 float64) (llrs []float64, least float64) {
	qm, s := c.Scheme.Qm(), c.NumStreams
	total := qm * s
	bits, x := make([]byte, total), make([]complex64, s)
	var distances []float64
	least = math.Inf(1)
	for word := range 1 << total {
		for i := range bits {
			bits[i] = byte(word >> i & 1)
		}
		if err := c.Scheme.Map(x, bits); err != nil {
			return nil, 0
		}
		d := 0.0
		for r, v := range y {
			for i := range s {
				v -= h[r*s+i] * complex128(x[i])
			}
			d += square(v)
		}
		distances = append(distances, d)
		least = min(least, d)
	}
	for i := range total {
		near, sums := [2]float64{math.Inf(1), math.Inf(1)}, [2]float64{}
		for word, d := range distances {
			bit := word >> i & 1
			near[bit] = min(near[bit], d)
			sums[bit] += math.Exp((least - d) / n0)
		}
		if c.Rule == mapping.MaxLog {
			llrs = append(llrs, (near[1]-near[0])/n0)
		} else {
			llrs = append(llrs, math.Log(sums[0]/sums[1]))
		}
	}
	return llrs, least
}

var small = []Config{
	{NumRx: 1, NumStreams: 1, Scheme: mapping.BPSK}, {NumRx: 2, NumStreams: 2, Scheme: mapping.BPSK}, {NumRx: 3, NumStreams: 3, Scheme: mapping.BPSK},
	{NumRx: 2, NumStreams: 2, Scheme: mapping.QPSK}, {NumRx: 4, NumStreams: 3, Scheme: mapping.QPSK}, {NumRx: 2, NumStreams: 2, Scheme: mapping.QAM16},
	{NumRx: 1, NumStreams: 1, Scheme: mapping.QAM64}, {NumRx: 3, NumStreams: 2, Scheme: mapping.QAM16},
}

func TestMLIsTheDefinition(t *testing.T) {
	for _, c := range small {
		for _, c.Rule = range []mapping.Rule{mapping.Exact, mapping.MaxLog} {
			for i, n0 := range []float64{0.02, 0.2, 2} {
				tx := transmit(t, rng.New(10, uint64(i), uint64(c.Scheme)), c, 10, n0)
				bits, rs := c.NumStreams*c.Scheme.Qm(), c.NumRx*c.NumStreams
				ml := detect(t, make1(t, "ml", 0, c), tx, n0)
				all := detect(t, make1(t, "kbest", maxPaths, c), tx, n0)
				for b := range 10 {
					want, _ := definition(c, tx.h[b*rs:][:rs], tx.y[b*c.NumRx:][:c.NumRx], n0)
					for j, w := range want {
						for name, got := range map[string]float32{"ml": ml[b*bits+j], "kbest with all paths": all[b*bits+j]} {
							tolerance := 1e-5
							if math.Abs(w) > 600 {
								tolerance = 1e-2 // the nearest hypotheses only
							}
							if math.Abs(float64(got)-w) > tolerance*(1+math.Abs(w)) {
								t.Fatalf("%s of %+v, n0 %g, element %d, bit %d: %v, want %v", name, c, n0, b, j, got, w)
							}
						}
					}
				}
			}
		}
	}
}

// Whatever another detector decides, no decision is nearer than that of ML.
func TestNothingIsNearerThanML(t *testing.T) {
	c := Config{NumRx: 2, NumStreams: 2, Scheme: mapping.QAM16, Rule: mapping.MaxLog}
	const n0, count = 0.05, 200
	tx := transmit(t, rng.New(11), c, count, n0)
	for _, name := range Names {
		llrs := detect(t, make1(t, name, 4, c), tx, n0)
		bits, x := make([]byte, len(llrs)), make([]complex64, count*2)
		for i, v := range llrs {
			bits[i] = byte(math.Float32bits(v) >> 31)
		}
		if err := c.Scheme.Map(x, bits); err != nil {
			t.Fatal(err)
		}
		equal := 0
		for b := range count {
			_, least := definition(c, tx.h[b*4:][:4], tx.y[b*2:][:2], n0)
			d := 0.0
			for r := range 2 {
				d += square(tx.y[b*2+r] - tx.h[b*4+r*2]*complex128(x[b*2]) - tx.h[b*4+r*2+1]*complex128(x[b*2+1]))
			}
			if d < least-1e-12 {
				t.Errorf("%s, element %d: %v is nearer than %v", name, b, d, least)
			}
			if d < least+1e-9 {
				equal++
			}
		}
		t.Logf("%s decides as ML in %d of %d elements", name, equal, count)
		if name == "ml" && equal != count {
			t.Errorf("ml has the nearest hypothesis in %d of %d elements", equal, count)
		}
	}
}

// rate is the bit error rate with the half width of its 99 % interval, from the scatter
// between elements.
func rate(llrs []float32, bits []byte, perElement int) (mean, half float64) {
	count := len(bits) / perElement
	var sum, squares float64
	for b := range count {
		wrong := 0.0
		for i := range perElement {
			if (llrs[b*perElement+i] < 0) != (bits[b*perElement+i] == 1) {
				wrong++
			}
		}
		wrong /= float64(perElement)
		sum += wrong
		squares += wrong * wrong
	}
	mean = sum / float64(count)
	return mean, 2.5758 * math.Sqrt((squares/float64(count)-mean*mean)/float64(count))
}

// Behind ZF each of two streams over two Rayleigh fading antennas fades as over one.
func TestZFErrorRate(t *testing.T) {
	c := Config{NumRx: 2, NumStreams: 2, Scheme: mapping.QPSK, Rule: mapping.MaxLog}
	const n0 = 0.1
	want := (1 - math.Sqrt(5./6)) / 2
	if math.Abs(want-.043565) > 1e-6 {
		t.Fatal(want)
	}
	var before float64
	for _, name := range []string{"zf", "lmmse", "kbest", "ml"} {
		tx := transmit(t, rng.New(12), c, 100000, n0)
		ber, half := rate(detect(t, make1(t, name, 2, c), tx, n0), tx.bits, 4)
		t.Logf("%s, 2x2, QPSK, Es/N0 10 dB: BER %.6f +- %.6f", name, ber, half)
		if name == "zf" && math.Abs(ber-want) > half {
			t.Errorf("ZF has %v +- %v, the closed form is %v", ber, half, want)
		}
		if name != "zf" && ber > before {
			t.Errorf("%s has more errors than the detector before: %v, %v", name, ber, before)
		}
		before = ber
	}
}

func TestMRCErrorRate(t *testing.T) {
	// Two antennas, one stream: closed form for Eb/N0 of 10 dB.
	c := Config{NumRx: 2, NumStreams: 1, Scheme: mapping.QPSK, Rule: mapping.MaxLog}
	const n0, want = 0.05, 1.599101e-3
	tx := transmit(t, rng.New(13), c, 200000, n0)
	for _, name := range Names {
		ber, half := rate(detect(t, make1(t, name, 1, c), tx, n0), tx.bits, 2)
		if math.Abs(ber-want) > half {
			t.Errorf("%s has %v +- %v, the closed form is %v", name, ber, half, want)
		}
	}
}

// LMMSE: the mean squared errors sum up to tr(I + H^H H / n0)^-1, which the singular
// values give too; they are what errors measure; without bias a symbol comes out as
// large as it was; SINR is the quotient of the definition.
func TestLMMSE(t *testing.T) {
	for _, c := range []Config{{NumRx: 4, NumStreams: 4, Scheme: mapping.QAM16}, {NumRx: 6, NumStreams: 3, Scheme: mapping.QPSK}, {NumRx: 2, NumStreams: 4, Scheme: mapping.QPSK}, {NumRx: 64, NumStreams: 64, Scheme: mapping.QPSK}} {
		const n0 = 0.3
		r, s := c.NumRx, c.NumStreams
		count := 200000 / (r * s * s)
		tx := transmit(t, rng.New(14, uint64(r)), c, count, n0)
		l, err := NewLinear(LMMSE, c)
		if err != nil {
			t.Fatal(err)
		}
		x, mse, unbiased, noise, sinr := make([]complex128, count*s), make([]float64, count*s), make([]complex128, count*s), make([]float64, count*s), make([]float64, count*s)
		if err := first(l.Estimate(x, mse, tx.h, tx.y, []float64{n0}), l.Equalize(unbiased, noise, tx.h, tx.y, []float64{n0}), l.SINR(sinr, tx.h, []float64{n0})); err != nil {
			t.Fatal(err)
		}
		d, err := NewSVD(r, s)
		if err != nil {
			t.Fatal(err)
		}
		var error2, predicted, disturbed, noises float64
		for b := range count {
			sum := 0.0
			for i := range s {
				at := b*s + i
				sum += mse[at]
				error2 += square(x[at] - tx.x[at])
				disturbed += square(unbiased[at] - tx.x[at])
				noises += noise[at]
				if math.Abs(sinr[at]*noise[at]-1) > 1e-12 || math.Abs(sinr[at]-(1/mse[at]-1)) > 1e-9*sinr[at] {
					t.Fatalf("%+v: SINR %v, noise %v, mse %v", c, sinr[at], noise[at], mse[at])
				}
			}
			predicted += sum
			if b < 5 {
				if err := d.Decompose(tx.h[b*r*s:][:r*s]); err != nil {
					t.Fatal(err)
				}
				trace := float64(s - len(d.S))
				for _, v := range d.S {
					trace += 1 / (1 + v*v/n0)
				}
				if math.Abs(sum-trace) > 1e-10*trace {
					t.Errorf("%+v: sum of errors %v, trace %v", c, sum, trace)
				}
			}
		}
		n := float64(count * s)
		if got := error2 / predicted; math.Abs(got-1) > 5/math.Sqrt(n) {
			t.Errorf("%+v: measured over predicted error %v", c, got)
		}
		if got := disturbed / noises; s <= r && math.Abs(got-1) > 0.15 {
			t.Errorf("%+v: measured over predicted disturbance %v", c, got)
		}
	}
}

func first(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// Whitened interference: the SINR of LMMSE is h^H C^-1 h, here from the other stream as
// part of the noise.
func TestWhitener(t *testing.T) {
	const r, n0 = 3, 0.2
	s := rng.New(15)
	h := gaussian(s, r*2)
	both, err := NewLinear(LMMSE, Config{NumRx: r, NumStreams: 2, Scheme: mapping.QPSK})
	if err != nil {
		t.Fatal(err)
	}
	one, err := NewLinear(LMMSE, Config{NumRx: r, NumStreams: 1, Scheme: mapping.QPSK})
	if err != nil {
		t.Fatal(err)
	}
	want, got := make([]float64, 2), make([]float64, 1)
	cov, wanted, y := make([]complex128, r*r), make([]complex128, r), gaussian(s, r)
	for i := range r {
		wanted[i] = h[i*2]
		for j := range r {
			cov[i*r+j] = h[i*2+1] * conj(h[j*2+1])
		}
		cov[i*r+i] += n0
	}
	w, err := NewWhitener(r, 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := first(both.SINR(want, h, []float64{n0}), w.Whiten(wanted, y, cov), one.SINR(got, wanted, []float64{1})); err != nil {
		t.Fatal(err)
	}
	if math.Abs(got[0]-want[0]) > 1e-12*want[0] {
		t.Errorf("SINR %v, want %v", got[0], want[0])
	}
	// Whitened with its own covariance A A^H, A is unitary.
	a := gaussian(s, r*r)
	full, err := NewWhitener(r, r)
	if err != nil {
		t.Fatal(err)
	}
	covariance := product(a, adjointOf(a, r, r), r, r, r)
	if err := full.Whiten(a, y, covariance); err != nil {
		t.Fatal(err)
	}
	if e := apart(product(a, adjointOf(a, r, r), r, r, r), identity(r)); e > 1e-10 {
		t.Errorf("whitened noise is off white by %g", e)
	}
	if full.Whiten(a, y, make([]complex128, r*r)) == nil || full.Whiten(a, y, a[1:]) == nil {
		t.Error("a bad covariance is taken")
	}
}

// MRC treats other streams as noise; with one stream all linear detectors are the same.
func TestMRC(t *testing.T) {
	c := Config{NumRx: 4, NumStreams: 2, Scheme: mapping.QPSK}
	l, err := NewLinear(MRC, c)
	if err != nil {
		t.Fatal(err)
	}
	const n0, count = 0.1, 20000
	s := rng.New(16)
	h := gaussian(s, 8)
	var measured [2]float64
	x, noise := make([]complex128, 2), make([]float64, 2)
	for range count {
		tx := transmit(t, s, c, 1, n0)
		for r := range 4 { // the same channel each time
			tx.y[r] += (h[r*2]-tx.h[r*2])*tx.x[0] + (h[r*2+1]-tx.h[r*2+1])*tx.x[1]
		}
		if err := l.Equalize(x, noise, h, tx.y, []float64{n0}); err != nil {
			t.Fatal(err)
		}
		for i := range x {
			measured[i] += square(x[i]-tx.x[i]) / count
		}
	}
	for i, v := range measured {
		if math.Abs(v/noise[i]-1) > 0.05 {
			t.Errorf("stream %d: disturbance %v, want %v", i, v, noise[i])
		}
	}
}

// A channel of nothing gives soft bits of nothing, and no detector a number that is none.
func TestNothingReceived(t *testing.T) {
	for _, rule := range []mapping.Rule{mapping.Exact, mapping.MaxLog} {
		for _, scheme := range []mapping.Scheme{mapping.BPSK, mapping.QPSK, mapping.QAM16, mapping.QAM256} {
			c := Config{NumRx: 2, NumStreams: 2, Scheme: scheme, Rule: rule}
			for _, name := range Names {
				d := make1(t, name, 1<<20>>2, c)
				llrs := make([]float32, 2*scheme.Qm())
				for _, h := range [][]complex128{make([]complex128, 4), {1, 0, 0, 0}, {1, 1, 1, 1}, {1e-200, 0, 0, 1e150}} {
					if err := d.Detect(llrs, h, []complex128{1, 1i}, []float64{0.1}); err != nil {
						t.Fatal(err)
					}
					for i, v := range llrs {
						if v != v || math.IsInf(float64(v), 0) || h[0] == 0 && math.Abs(float64(v)) > 1e-9 {
							t.Errorf("%s, %s, rule %d, h %v: soft bit %d is %v", name, scheme, rule, h, i, v)
						}
					}
				}
			}
		}
	}
}

func TestKBestWithFewPaths(t *testing.T) {
	c := Config{NumRx: 4, NumStreams: 4, Scheme: mapping.QAM16, Rule: mapping.MaxLog}
	const n0 = 0.04
	tx := transmit(t, rng.New(17), c, 3000, n0)
	before := 1.0
	for _, k := range []int{1, 4, 16, 64} {
		ber, _ := rate(detect(t, make1(t, "kbest", k, c), tx, n0), tx.bits, 16)
		t.Logf("kbest, 4x4, 16QAM, 14 dB, k = %d: BER %.5f", k, ber)
		if ber > before {
			t.Errorf("k = %d: BER %v, with fewer paths %v", k, ber, before)
		}
		before = ber
	}
}

func TestDetectorsAllocateNothing(t *testing.T) {
	c := Config{NumRx: 2, NumStreams: 2, Scheme: mapping.QAM16}
	tx := transmit(t, rng.New(18), c, 100, 0.1)
	llrs, n0 := make([]float32, len(tx.bits)), []float64{0.1}
	for _, name := range Names {
		d := make1(t, name, 8, c)
		if n := testing.AllocsPerRun(3, func() {
			if err := d.Detect(llrs, tx.h, tx.y, n0); err != nil {
				t.Fatal(err)
			}
		}); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

func TestDetectorRefusals(t *testing.T) {
	good := Config{NumRx: 2, NumStreams: 2, Scheme: mapping.QPSK}
	for name, c := range map[string]Config{
		"antennas": {NumRx: 0, NumStreams: 1, Scheme: mapping.QPSK}, "streams": {NumRx: 1, NumStreams: 65, Scheme: mapping.QPSK},
		"scheme": {NumRx: 1, NumStreams: 1, Scheme: mapping.Pi2BPSK}, "rule": {NumRx: 1, NumStreams: 1, Scheme: mapping.QPSK, Rule: 2},
	} {
		for _, d := range Names {
			if _, err := NewDetector(d, 1, c); err == nil {
				t.Errorf("%s: %s is made", name, d)
			}
		}
	}
	wide := Config{NumRx: 1, NumStreams: 2, Scheme: mapping.QPSK}
	for _, name := range []string{"zf", "kbest", "ml", "best"} {
		if _, err := NewDetector(name, 1, wide); err == nil {
			t.Errorf("%s of two streams with one antenna is made", name)
		}
	}
	if _, err := NewML(Config{NumRx: 5, NumStreams: 5, Scheme: mapping.QAM64}); err == nil {
		t.Error("ml of 2^24 paths is made")
	}
	if _, err := NewKBest(0, good); err == nil {
		t.Error("kbest of no path is made")
	}
	if _, err := NewLinear(3, good); err == nil {
		t.Error("equalizer 3 is made")
	}
	h, y, n0, llrs := make([]complex128, 4), make([]complex128, 2), []float64{1}, make([]float32, 4)
	for _, name := range Names {
		d := make1(t, name, 1, good)
		for what, err := range map[string]error{
			"h": d.Detect(llrs, h[1:], y, n0), "y": d.Detect(llrs, h, y[1:], n0), "llrs": d.Detect(llrs[1:], h, y, n0),
			"n0": d.Detect(llrs, h, y, nil), "zero": d.Detect(llrs, h, y, []float64{0}), "nan": d.Detect(llrs, h, y, []float64{math.NaN()}),
		} {
			if err == nil {
				t.Errorf("%s: %s is taken", name, what)
			}
		}
	}
}
