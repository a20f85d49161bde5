package metric

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"
)

func near(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tolerance) {
		t.Errorf("%s = %v, want %v within %v", what, got, want, tolerance)
	}
}

func TestDB(t *testing.T) {
	near(t, "DB(100)", DB(100), 20, 1e-12)
	near(t, "FromDB(-3)", FromDB(-3), 0.501187233627, 1e-12)
	if !math.IsInf(DB(0), -1) {
		t.Errorf("DB(0) = %v, want -Inf", DB(0))
	}
	value, ci := Value{Value: 0.1, CI95: [2]float64{0.01, 1}}.DB()
	near(t, "value", value, -10, 1e-12)
	near(t, "low end", ci[0], -20, 1e-12)
	near(t, "high end", ci[1], 0, 1e-12)
}

// TestNMSEDefinitions pins down how the two definitions differ: a strong sample
// predicted well and a weak one predicted badly.
func TestNMSEDefinitions(t *testing.T) {
	m := NewNMSE()
	strong, err := Measure([]complex128{3 + 0.1i, 4i}, []complex128{3, 4i})
	if err != nil {
		t.Fatal(err)
	}
	weak, err := Measure([]complex64{0, 0}, []complex64{0.6i, 0.8})
	if err != nil {
		t.Fatal(err)
	}
	near(t, "strong error", strong.Error, 0.01, 1e-12)
	near(t, "strong reference", strong.Reference, 25, 1e-12)
	near(t, "weak reference", weak.Reference, 1, 1e-6)
	for drop, e := range []Energy{strong, weak} {
		if err := m.Add(uint64(drop), e); err != nil {
			t.Fatal(err)
		}
	}
	ratio, err := m.RatioOfSums.Value(Bootstrap{})
	if err != nil {
		t.Fatal(err)
	}
	mean, err := m.SampleMean.Value(Bootstrap{})
	if err != nil {
		t.Fatal(err)
	}
	near(t, RatioOfSums, ratio.Value, 1.01/26, 1e-7)
	near(t, SampleMean, mean.Value, (0.0004+1)/2, 1e-7)
	if ratio.Name != "nmse/ratio-of-sums" || mean.Name != "nmse/sample-mean" || ratio.N != 2 || ratio.Drops != 2 {
		t.Errorf("got %+v and %+v", ratio, mean)
	}
}

func TestMeasureRealAgreesWithComplex(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	h, hHat := make([]complex128, 24), make([]complex128, 24)
	var re, reHat []float64
	var im, imHat []float64
	for i := range h {
		h[i] = complex(random.NormFloat64(), random.NormFloat64())
		hHat[i] = complex(random.NormFloat64(), random.NormFloat64())
		re, im = append(re, real(h[i])), append(im, imag(h[i]))
		reHat, imHat = append(reHat, real(hHat[i])), append(imHat, imag(hHat[i]))
	}
	a, err := Measure(hHat, h)
	if err != nil {
		t.Fatal(err)
	}
	b, err := MeasureReal(append(reHat, imHat...), append(re, im...))
	if err != nil {
		t.Fatal(err)
	}
	near(t, "error", b.Error, a.Error, 1e-12)
	near(t, "reference", b.Reference, a.Reference, 1e-12)
}

func TestNMSERefusesBadSamples(t *testing.T) {
	bad := map[string]Energy{
		"no channel":     {Error: 1, Reference: 0},
		"nan error":      {Error: math.NaN(), Reference: 1},
		"infinite error": {Error: math.Inf(1), Reference: 1},
		"negative":       {Error: -1, Reference: 1},
		"ratio overflow": {Error: 1e300, Reference: 1e-300},
	}
	for name, e := range bad {
		m := NewNMSE()
		if err := m.Add(7, e); err == nil || !strings.Contains(err.Error(), "7") {
			t.Errorf("%s: error %v does not name drop 7", name, err)
		}
		if len(m.RatioOfSums.Drops()) != 0 || len(m.SampleMean.Drops()) != 0 {
			t.Errorf("%s: the refused sample was counted", name)
		}
	}
	if _, err := Measure([]complex128{1}, []complex128{1, 2}); err == nil {
		t.Error("unequal lengths were accepted")
	}
	if _, err := MeasureReal([]float32{}, []float32{}); err == nil {
		t.Error("an empty sample was accepted")
	}
}

func TestSpectralEfficiency(t *testing.T) {
	s, err := NewSE(1)
	if err != nil {
		t.Fatal(err)
	}
	h := []complex128{1, 1i, -1, 1}
	// A perfect beam over two antennas gains |h|^2 = 2: log2(1 + 2/0.1).
	if err := s.Add(0, h, h, 2); err != nil {
		t.Fatal(err)
	}
	// A common phase and scale of the prediction changes nothing.
	turned := []complex128{2i, -2, -2i, 2i}
	if err := s.Add(1, turned, h, 2); err != nil {
		t.Fatal(err)
	}
	v, err := s.Mean.Value(Bootstrap{})
	if err != nil {
		t.Fatal(err)
	}
	near(t, SEMRT, v.Value, math.Log2(21), 1e-12)
	// Orthogonal and zero beams reach nothing; half of all vectors are then lost.
	lost := []complex128{1, -1i, 0, 0}
	for drop := uint64(2); drop < 4; drop++ {
		if err := s.Add(drop, lost, h, 2); err != nil {
			t.Fatal(err)
		}
	}
	relative, err := s.Relative.Value(Bootstrap{})
	if err != nil {
		t.Fatal(err)
	}
	near(t, SEMRTRelative, relative.Value, 0.5, 1e-12)
}

func TestSpectralEfficiencyErrors(t *testing.T) {
	for _, p := range []float64{0, -1, math.NaN(), math.Inf(1)} {
		if _, err := NewSE(p); err == nil {
			t.Errorf("mean power %v was accepted", p)
		}
	}
	s, err := NewSE(1)
	if err != nil {
		t.Fatal(err)
	}
	h := make([]complex128, 4)
	if s.Add(0, h, h, 3) == nil || s.Add(0, h, h, 0) == nil || s.Add(0, h[:2], h, 2) == nil {
		t.Error("a sample that does not divide into antennas was accepted")
	}
	h[0] = complex(math.NaN(), 0)
	if s.Add(0, h, h, 2) == nil {
		t.Error("a NaN channel was accepted")
	}
}

func TestKS(t *testing.T) {
	uniform := func(x float64) float64 { return min(1, max(0, x)) }
	d, err := KS([]float64{0.75, 0.25}, uniform)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "two quarters", d, 0.25, 1e-15)
	threshold, err := KSThreshold(2000, 0.01)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "asymptotic 1 % point", threshold*math.Sqrt(2000), 1.6276, 0.005)
	random := rand.New(rand.NewPCG(3, 4))
	x := make([]float64, 2000)
	for i := range x {
		x[i] = random.ExpFloat64()
	}
	d, err = KS(x, func(v float64) float64 { return 1 - math.Exp(-v) })
	if err != nil || d > threshold {
		t.Errorf("true law rejected: distance %v over %v, %v", d, threshold, err)
	}
	d, err = KS(x, func(v float64) float64 { return 1 - math.Exp(-v*1.2) })
	if err != nil || d < threshold {
		t.Errorf("wrong law accepted: distance %v under %v, %v", d, threshold, err)
	}
}

func TestKSErrors(t *testing.T) {
	half := func(float64) float64 { return 0.5 }
	if _, err := KS(nil, half); err == nil {
		t.Error("no samples were accepted")
	}
	if _, err := KS([]float64{math.NaN()}, half); err == nil {
		t.Error("a NaN sample was accepted")
	}
	if _, err := KS([]float64{1}, func(float64) float64 { return math.NaN() }); err == nil {
		t.Error("a NaN probability was accepted")
	}
	if _, err := KSThreshold(0, 0.05); err == nil {
		t.Error("n = 0 was accepted")
	}
	if _, err := KSThreshold(10, 1); err == nil {
		t.Error("alpha = 1 was accepted")
	}
}
