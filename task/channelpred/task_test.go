package channelpred

import (
	"math"
	"math/cmplx"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/comlam/comlam/data"
	"github.com/comlam/comlam/internal/dense"
	"github.com/comlam/comlam/internal/rng"
	"github.com/comlam/comlam/internal/setting"
	"github.com/comlam/comlam/metric"
	"github.com/comlam/comlam/wireless/csi"
)

// clusteredData is a small CDL-C with everything random.
func clusteredData() data.Config {
	d := data.Default()
	d.NumSubcarriers = 16
	return d
}

func smallConfig() Config {
	cfg := Default()
	cfg.NumFit = 200
	return cfg
}

func TestNoiseIsOnTheInputsOnly(t *testing.T) {
	d := jakesData(2, 3)
	set, err := testBench(t, Default(), d).Set(data.Test, setting.KMH(30), 400)
	if err != nil {
		t.Fatal(err)
	}
	examples, err := set.Examples(0, 400)
	if err != nil {
		t.Fatal(err)
	}
	clean := make([]complex64, 20*2*3)
	var noise float64
	for _, e := range examples {
		set.generator.Sample(set.seed, e.Index, clean)
		if !slices.Equal(e.Future, clean[16*6:]) {
			t.Fatalf("example %d: the target is not the generator's sample", e.Index)
		}
		for i, v := range e.Past {
			noise += power(complex128(v-clean[i])) / float64(len(e.Past)*len(examples))
		}
	}
	if want := math.Pow(10, -1.8); math.Abs(noise/want-1) > 0.03 {
		t.Errorf("noise variance %g, want %g", noise, want)
	}
}

func TestEachMakesWhatExamplesMakes(t *testing.T) {
	set, err := testBench(t, Default(), clusteredData()).Set(data.Adapt, setting.KMH(30), 9)
	if err != nil {
		t.Fatal(err)
	}
	want, err := set.Examples(0, 9)
	if err != nil {
		t.Fatal(err)
	}
	var got []Example
	if err := set.Each(t.Context(), func(e Example) error { got = append(got, e); return nil }); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Error("the stream differs from the list")
	}
	if _, err := set.Examples(5, 5); err == nil {
		t.Error("an example beyond the set was made")
	}
}

// No channel and no noise of one split may come back in another. (The channels of
// data.Train here are those that a model is pre-trained on.)
func TestNoSampleServesTwoSplits(t *testing.T) {
	const num = 200
	splits := []data.Split{data.Train, data.Fit, data.Adapt, data.Validate, data.Test}
	d := jakesData(1, 1)
	b := testBench(t, Default(), d)
	channels, noises := map[complex64]bool{}, map[complex64]bool{}
	clean := make([]complex64, d.NumSlots)
	for _, split := range splits {
		set, err := b.SetOver(split, d.Speed, num)
		if err != nil {
			t.Fatal(err)
		}
		examples, err := set.Examples(0, num)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range examples {
			set.generator.Sample(split.Seed(b.seed), e.Index, clean)
			channels[e.Future[3]], noises[e.Past[0]-clean[0]] = true, true
		}
	}
	if want := num * len(splits); len(channels) != want || len(noises) != want {
		t.Errorf("%d channels and %d noises differ, want %d of each", len(channels), len(noises), want)
	}
}

func TestStandstillWithoutNoiseIsHeldExactly(t *testing.T) {
	set, err := testBench(t, Default(), clusteredData()).Set(data.Test, 0, 20)
	if err != nil {
		t.Fatal(err)
	}
	set.snr = setting.Decibel(math.Inf(1))
	rows := rowsOf(t, run(t, 0, set, []Method{{Name: "hold", Class: "classical", Predictor: hold{set.grid}}}))
	if rows["hold"].Value != 0 {
		t.Errorf("hold leaves %g of a channel that stands still", rows["hold"].Value)
	}
}

// The answer and the generator's secrets may be anything: predictions stay.
func TestMethodsSeeThePastOnly(t *testing.T) {
	for _, d := range []data.Config{jakesData(1, 2), clusteredData()} {
		v := setting.KMH(60)
		b := testBench(t, smallConfig(), d)
		methods, err := b.Methods(t.Context(), v)
		if err != nil {
			t.Fatal(err)
		}
		set, err := b.Set(data.Test, v, 3)
		if err != nil {
			t.Fatal(err)
		}
		examples, err := set.Examples(0, 3)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range methods {
			before := slices.Clone(examples[0].Past)
			want := predict(t, m, examples)
			blind := slices.Clone(examples)
			for i := range blind {
				blind[i].Future = make([]complex64, len(blind[i].Future))
				blind[i].Drop = csi.Drop{SpeedMPS: 1e9}
			}
			if got := predict(t, m, blind); !reflect.DeepEqual(got, want) {
				t.Errorf("%s, %s: the prediction depends on the future", d.Channel, m.Name)
			}
			if !slices.Equal(examples[0].Past, before) {
				t.Errorf("%s, %s: the example was changed", d.Channel, m.Name)
			}
			if m.Predict(examples, want[:2]) == nil {
				t.Errorf("%s, %s: three examples were predicted into two places", d.Channel, m.Name)
			}
		}
	}
}

// paths is a sum of plane waves that turn at their own rates, [slot][stream].
func paths(numSlots, numStreams int, rates ...float64) [][]complex128 {
	s := rng.New(5)
	h := matrix(numSlots, numStreams)
	for _, rate := range rates {
		for stream := range numStreams {
			gain := s.ComplexNormal()
			for t := range h {
				h[t][stream] += gain * cmplx.Exp(complex(0, rate*float64(t)))
			}
		}
	}
	return h
}

func TestPronyIsExactForPurePaths(t *testing.T) {
	for _, rates := range [][]float64{{0.3}, {0.3, -0.5}} {
		p := len(rates)
		fit, err := dense.NewLeastSquares(p, 1)
		if err != nil {
			t.Fatal(err)
		}
		h := paths(20, 3, rates...)
		future := matrix(4, 3)
		if err := (vectorProny{order: p}).extend(fit, h[:16], future); err != nil {
			t.Fatal(err)
		}
		series := make([]complex128, 20)
		for i := range 16 {
			series[i] = h[i][0]
		}
		if err := (pad{grid: grid{past: 16, future: 4}, order: p}).extend(fit, series); err != nil {
			t.Fatal(err)
		}
		for k := range 4 {
			if d := cmplx.Abs(series[16+k] - h[16+k][0]); d > 1e-9 {
				t.Errorf("%d paths: scalar Prony misses slot %d by %g", p, 16+k, d)
			}
			for s := range 3 {
				if d := cmplx.Abs(future[k][s] - h[16+k][s]); d > 1e-9 {
					t.Errorf("%d paths: vector Prony misses slot %d by %g", p, 16+k, d)
				}
			}
		}
	}
}

func TestPADPredictsAPathFromItsStrongCoefficients(t *testing.T) {
	c := csi.Default()
	g := grid{past: 16, future: 4, numSubcarriers: 32, numRx: 1, numTx: 4, numStreams: 128}
	h := matrix(20, g.numStreams)
	for t, row := range h { // one path on the grid of delays and angles
		for s := range row {
			k, tx := s/4, s%4
			row[s] = cmplx.Exp(complex(0, 0.4*float64(t)-2*math.Pi*float64(3*k)/32+2*math.Pi*float64(tx)/4))
		}
	}
	e := Example{Past: narrow(h[:16]), Future: narrow(h[16:])}
	p := pad{g, newAngleDelay(c), 4, 0.99, 1e-9}
	got := predict(t, p, []Example{e})[0]
	energy, err := metric.Measure(got, e.Future)
	if err != nil {
		t.Fatal(err)
	}
	if nmse := energy.Error / energy.Reference; nmse > 1e-9 {
		t.Errorf("nmse %g of one noiseless path", nmse)
	}
	s := newStrengths(g.numStreams)
	p.transform.forward(h[:16])
	if n := len(s.strongest(h[:16], 0.99)); n != 1 {
		t.Errorf("one path fills %d coefficients", n)
	}
}

func narrow(rows [][]complex128) []complex64 {
	var h []complex64
	for _, row := range rows {
		for _, v := range row {
			h = append(h, complex64(v))
		}
	}
	return h
}

func TestAngleDelayIsUnitary(t *testing.T) {
	c := csi.Default()
	c.NumSubcarriers = 6
	c.Tx.Rows, c.Tx.Cols, c.Tx.DualPolarized = 3, 2, true
	c.Rx.Cols = 2
	before, after := paths(2, 6*12*2, 0.1, 0.2), paths(2, 6*12*2, 0.1, 0.2)
	transform := newAngleDelay(c)
	transform.forward(after)
	for i := range after {
		var a, b float64
		for s := range after[i] {
			a += power(after[i][s])
			b += power(before[i][s])
		}
		if math.Abs(a/b-1) > 1e-12 {
			t.Errorf("slot %d: power %g became %g", i, b, a)
		}
	}
	if cmplx.Abs(after[0][0]-before[0][0]) < 1e-3 {
		t.Error("nothing was transformed")
	}
	transform.inverse(after)
	for i := range after {
		for s := range after[i] {
			if cmplx.Abs(after[i][s]-before[i][s]) > 1e-12 {
				t.Fatalf("slot %d stream %d comes back as %v, was %v", i, s, after[i][s], before[i][s])
			}
		}
	}
}

func TestPolarizationsAreNotMixed(t *testing.T) {
	c := csi.Default()
	c.NumSubcarriers = 1
	c.Tx.Cols, c.Tx.DualPolarized = 2, true
	h := [][]complex128{{1, 1, 0, 0}} // both columns of the first polarisation
	newAngleDelay(c).forward(h)
	for s, want := range []complex128{math.Sqrt2, 0, 0, 0} {
		if cmplx.Abs(h[0][s]-want) > 1e-12 {
			t.Errorf("port %d holds %v, want %v", s, h[0][s], want)
		}
	}
}

func TestPowerClassesHoldEveryPower(t *testing.T) {
	g := grid{past: 16}
	for _, energy := range []float64{0, 1e-300, 1e-3, 16, 1e6, math.Inf(1), math.NaN()} {
		if c := byPower.group(g, 0, energy); c < 0 || c >= numPowerClass {
			t.Errorf("energy %g falls into class %d", energy, c)
		}
	}
	if weak, strong := byPower.group(g, 0, 16e-2), byPower.group(g, 0, 16e2); weak >= strong {
		t.Errorf("classes %d and %d do not follow the power", weak, strong)
	}
}

func TestClassicalMethodsOnAClusteredChannel(t *testing.T) {
	v := setting.KMH(60)
	b := testBench(t, smallConfig(), clusteredData())
	result := measure(t, b, v, 200)
	rows := rowsOf(t, result)
	for name, row := range rows {
		t.Logf("%-28s %.4f", name, row.Value)
		if row.Bound != nil {
			t.Errorf("%s claims a bound of %g on a channel that has none", name, *row.Bound)
		}
		if row.Value >= rows["hold"].Value && name != "hold" {
			t.Errorf("%s (%.4f) is worse than holding the last value (%.4f)", name, row.Value, rows["hold"].Value)
		}
	}
	d, err := result.DifferenceDB("ridge, angle-delay", "least squares, this speed", metric.RatioOfSums)
	if err != nil {
		t.Fatal(err)
	}
	if d.CI95[1] >= 0 {
		t.Errorf("delays and angles change the error by %.2f dB in %v, want less error", d.Value, d.CI95)
	}
}

func TestMethodsNeedEnoughPast(t *testing.T) {
	cfg := smallConfig()
	cfg.Past, cfg.Future = 6, 14
	methods, err := testBench(t, cfg, jakesData(1, 1)).Methods(t.Context(), setting.KMH(60))
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range methods {
		if strings.Contains(m.Name, "order") {
			t.Errorf("%s was fitted to 6 slots", m.Name)
		}
	}
}

func TestFiguresDoNotDependOnGOMAXPROCS(t *testing.T) {
	for _, d := range []data.Config{jakesData(1, 1), clusteredData()} {
		var first map[string]float64
		for _, procs := range []int{1, 2} {
			before := runtime.GOMAXPROCS(procs)
			cfg := smallConfig()
			cfg.NumFit = 80
			rows := rowsOf(t, measure(t, testBench(t, cfg, d), setting.KMH(30), 70))
			runtime.GOMAXPROCS(before)
			values := make(map[string]float64)
			for name, row := range rows {
				values[name] = row.Value
			}
			if first == nil {
				first = values
			} else if !reflect.DeepEqual(values, first) {
				t.Errorf("%s: GOMAXPROCS=%d changes the figures", d.Channel, procs)
			}
		}
	}
}

func TestEveryMethodHasAChineseName(t *testing.T) {
	cfg := smallConfig()
	cfg.NumFit = 20
	methods, err := testBench(t, cfg, jakesData(2, 2)).Methods(t.Context(), setting.KMH(30))
	if err != nil {
		t.Fatal(err)
	}
	if len(methods) != len(chinese) {
		t.Errorf("%d methods and %d Chinese names", len(methods), len(chinese))
	}
	for _, m := range methods {
		if Chinese(m.Name) == m.Name {
			t.Errorf("%q has no Chinese name", m.Name)
		}
	}
	if Chinese("PAD order 4") != "PAD，阶数 4" || Chinese("WiFo, LoRA") != "WiFo, LoRA" {
		t.Errorf("got %q and %q", Chinese("PAD order 4"), Chinese("WiFo, LoRA"))
	}
}

func TestConditionIsTheSpeed(t *testing.T) {
	if c := Condition("jakes", setting.KMH(30)); c.Name != "jakes, 30 km/h" || c.Task != "channelpred" {
		t.Errorf("condition %+v", c)
	}
}

func TestTaskMustFitTheData(t *testing.T) {
	d := jakesData(1, 1)
	d.NumSlots = 24
	_, err := NewBench(Default(), d, 1)
	if err == nil || !strings.Contains(err.Error(), "16 past and 4 future slots do not make the 24 slots") {
		t.Errorf("error %v", err)
	}
	if _, err := WienerNMSE(Default(), clusteredData(), 1); err == nil {
		t.Error("a closed form was given for CDL-C")
	}
	if _, err := testBench(t, Default(), jakesData(1, 1)).Set(data.Test, 1, 0); err == nil {
		t.Error("an empty set was made")
	}
}
