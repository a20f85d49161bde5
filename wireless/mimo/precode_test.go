package mimo

import (
	"math"
	"testing"

	"github.com/comlam/comlam/internal/rng"
)

func near(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tolerance) {
		t.Errorf("%s: %v, want %v within %v", what, got, want, tolerance)
	}
}

// Values of Abramowitz and Stegun, tables 5.1 and 5.2.
func TestE1(t *testing.T) {
	for _, c := range [][2]float64{{.5, .559773594776160}, {1, .219383934395520}, {2, .048900510708061}, {10, 4.156968929685324e-6}, {.01, 4.037929576538114}} {
		near(t, "E1", E1(c[0])/c[1], 1, 1e-13)
	}
	// d/dx E1 = -exp(-x)/x holds where the series meets the fraction too.
	for _, x := range []float64{.3, .9999, 1, 1.0001, 3, 20} {
		const h = 1e-4
		near(t, "slope", (E1(x+h)-E1(x-h))/(2*h)*x*math.Exp(x), -1, 1e-7)
	}
	if !math.IsInf(E1(0), 1) || !math.IsNaN(E1(-1)) {
		t.Error("E1 has values where it has none")
	}
}

func TestCapacities(t *testing.T) {
	for _, c := range []struct{ dB, one, two float64 }{{0, .860347, 1.685027}, {10, 2.906515, 5.549228}, {20, 5.884048, 11.290998}} {
		snr := math.Pow(10, c.dB/10)
		near(t, "Rayleigh", RayleighCapacity(snr), c.one, 1e-6)
		for n, want := range []float64{c.one, c.two} {
			got, err := ErgodicCapacity(n+1, n+1, snr)
			if err != nil {
				t.Fatal(err)
			}
			near(t, "Telatar", got, want, 1e-6)
		}
	}
	near(t, "Rayleigh at -40 dB", RayleighCapacity(1e-4)*math.Ln2/1e-4, 1, 2e-4)
	for _, n := range [][2]int{{0, 1}, {1, 65}} {
		if _, err := ErgodicCapacity(n[0], n[1], 1); err == nil {
			t.Errorf("%v antennas are taken", n)
		}
	}
}

// The integral and random channels agree, square or not.
func TestErgodicCapacityIsTheMean(t *testing.T) {
	s := rng.New(20)
	for _, c := range [][2]int{{4, 4}, {4, 2}, {2, 4}, {1, 3}} {
		const count = 10000
		tx, rx := c[0], c[1]
		var sum, squares float64
		for range count {
			bits, err := Capacity(gaussian(s, rx*tx), rx, tx, 10)
			if err != nil {
				t.Fatal(err)
			}
			sum += bits
			squares += bits * bits
		}
		mean := sum / count
		half := 2.5758 * math.Sqrt((squares/count-mean*mean)/count)
		want, err := ErgodicCapacity(tx, rx, 10)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%dx%d, 10 dB: %.4f, mean of channels %.4f +- %.4f", tx, rx, want, mean, half)
		near(t, "capacity", mean, want, half)
		if tx == 4 && rx == 4 {
			near(t, "4x4", want, 10.937, .009)
		}
	}
	if _, err := Capacity(make([]complex128, 3), 2, 2, 1); err == nil {
		t.Error("three numbers are a 2x2 channel")
	}
}

func bitsOf(p, g []float64) (sum float64) {
	for i, v := range p {
		sum += math.Log2(1 + v*g[i])
	}
	return sum
}

func TestWaterFill(t *testing.T) {
	g, p := []float64{1.5, 1.2, .8, .3}, make([]float64, 4)
	mu, err := WaterFill(p, g, 3)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "mu", mu, 1.9166667, 5e-8)
	for i, want := range []float64{1.25, 13. / 12, 2. / 3, 0} {
		near(t, "power", p[i], want, 1e-12)
	}
	near(t, "bits", bitsOf(p, g), 3.341867, 5e-7)
	near(t, "uniform", bitsOf([]float64{.75, .75, .75, .75}, g), 2.984316, 5e-7)
	for name, err := range map[string]error{
		"size": second(WaterFill(p[1:], g, 3)), "power": second(WaterFill(p, g, 0)), "gain": second(WaterFill(p, []float64{1, -1, 0, 0}, 1)),
		"zero": second(WaterFill(p, make([]float64, 4), 1)), "nan": second(WaterFill(p, []float64{math.NaN(), 1, 1, 1}, 1)),
	} {
		if err == nil {
			t.Errorf("%s is taken", name)
		}
	}
}

func second[T any](_ T, err error) error { return err }

// The conditions of Karush, Kuhn and Tucker on random gains: the power is spent, the
// slope 1/(mu) is the same where there is power and no larger where there is none.
func TestWaterFillConditions(t *testing.T) {
	s := rng.New(21)
	worst := 0.0
	for range 2000 {
		n := 1 + s.IntN(16)
		g, p := make([]float64, n), make([]float64, n)
		for i := range g {
			g[i] = math.Pow(10, s.Uniform(-3, 3))
			if n > 1 && i > 0 && s.IntN(8) == 0 {
				g[i] = 0
			}
		}
		total := math.Pow(10, s.Uniform(-2, 2))
		mu, err := WaterFill(p, g, total)
		if err != nil {
			t.Fatal(err)
		}
		sum := 0.0
		for i, v := range p {
			sum += v
			slope := g[i] / (1 + v*g[i]) * mu
			if v > 0 {
				worst = max(worst, math.Abs(slope-1))
			} else if v < 0 || slope > 1+1e-9 {
				t.Fatalf("gains %v: power %v, slope %v", g, v, slope)
			}
		}
		worst = max(worst, math.Abs(sum-total)/total)
	}
	t.Logf("largest residual %.2g", worst)
	if worst > 1e-9 {
		t.Errorf("residual %g", worst)
	}
}

// Along its singular vectors a channel is parallel ones; no other sharing of the power
// has more bits, and at low SNR all of it is on one.
func TestEigen(t *testing.T) {
	s := rng.New(22)
	e, err := NewEigen(3, 4)
	if err != nil {
		t.Fatal(err)
	}
	for _, snr := range []float64{1e-4, 1, 100} {
		h := gaussian(s, 12)
		if err := e.Design(h, snr); err != nil {
			t.Fatal(err)
		}
		equal, err := Capacity(h, 3, 4, snr)
		if err != nil {
			t.Fatal(err)
		}
		if e.Capacity < equal {
			t.Errorf("SNR %v: %v bits, without knowledge %v", snr, e.Capacity, equal)
		}
		near(t, "power", e.Power[0]+e.Power[1]+e.Power[2], 1, 1e-12)
		// U^H H V is diagonal, and so log det of the precoded channel is the capacity.
		d := product(adjointOf(e.U, 3, 3), product(h, e.V, 3, 4, 3), 3, 3, 3)
		for i, v := range d {
			if i%4 == 0 {
				v -= complex(e.S[i/4], 0)
			}
			near(t, "off the diagonal", math.Sqrt(square(v)), 0, 1e-12)
		}
		if snr == 1e-4 {
			near(t, "one beam", e.Power[0], 1, 0)
		}
	}
}

func TestMultiUserPrecoder(t *testing.T) {
	s := rng.New(23)
	const u, n = 3, 4
	p, err := NewPrecoder(u, n)
	if err != nil {
		t.Fatal(err)
	}
	h, w := gaussian(s, u*n), make([]complex128, n*u)
	if err := p.Design(w, h, 0); err != nil {
		t.Fatal(err)
	}
	got, power := product(h, w, u, n, u), 0.0
	for _, v := range w {
		power += square(v)
	}
	near(t, "power", power, 1, 1e-12)
	for i, v := range got { // no interference, and the same for all
		want := complex128(0)
		if i%(u+1) == 0 {
			want = got[0]
		}
		near(t, "H W", math.Sqrt(square(v-want)), 0, 1e-12)
	}
	// The regularised one has the larger sum rate at low SNR, and is the same at high.
	for _, c := range []struct{ n0, least float64 }{{10, 1.01}, {1e-9, .999}} {
		var zf, rzf float64
		for range 50 {
			h = gaussian(s, u*n)
			if err := p.Design(w, h, 0); err != nil {
				t.Fatal(err)
			}
			zf += sumRate(h, w, u, n, c.n0)
			if err := p.Design(w, h, u*c.n0); err != nil {
				t.Fatal(err)
			}
			rzf += sumRate(h, w, u, n, c.n0)
		}
		if rzf < c.least*zf {
			t.Errorf("n0 %v: %v bits regularised, %v zero-forcing", c.n0, rzf, zf)
		}
	}
	square4, err := NewPrecoder(4, 3)
	if err != nil {
		t.Fatal(err)
	}
	wide, twin := make([]complex128, 12), append(append([]complex128{}, h[:4]...), append(h[:4:4], h[4:8]...)...)
	if square4.Design(wide, gaussian(s, 12), 0) == nil || p.Design(w, twin, 0) == nil || p.Design(w[1:], h, 1) == nil || p.Design(w, h, -1) == nil {
		t.Error("what cannot be served is taken")
	}
}

func sumRate(h, w []complex128, u, n int, n0 float64) (bits float64) {
	g := product(h, w, u, n, u)
	for i := range u {
		all := n0
		for j := range u {
			all += square(g[i*u+j])
		}
		own := square(g[i*u+i])
		bits += math.Log2(1 + own/(all-own))
	}
	return bits
}
