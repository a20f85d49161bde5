package channelpred

import (
	"math"
	"testing"

	"github.com/comlam/comlam/data"
	"github.com/comlam/comlam/eval"
	"github.com/comlam/comlam/internal/setting"
	"github.com/comlam/comlam/metric"
	"github.com/comlam/comlam/wireless/csi"
)

// jakesData is the published setting: 2.4 GHz, 0.5 ms, 18 dB, 3 to 120 km/h.
func jakesData(numSubcarriers, numAnt int) data.Config {
	d := data.Default()
	d.Channel, d.Process = "jakes", "gaussian"
	d.Carrier, d.Interval, d.SNR = 2.4e9, 0.5e-3, 18
	d.NumSubcarriers, d.NumSlots = numSubcarriers, 20
	d.Tx = csi.Panel{Rows: 1, Cols: numAnt, Spacing: 0.5, Element: "isotropic"}
	return d
}

func testBench(t testing.TB, cfg Config, d data.Config) *Bench {
	t.Helper()
	b, err := NewBench(cfg, d, 1)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// measure fits the methods for v and runs them on num test examples.
func measure(t testing.TB, b *Bench, v setting.Speed, num int) *eval.Result {
	t.Helper()
	methods, err := b.Methods(t.Context(), v)
	if err != nil {
		t.Fatal(err)
	}
	set, err := b.Set(data.Test, v, num)
	if err != nil {
		t.Fatal(err)
	}
	result, err := eval.Run(t.Context(), Condition("jakes", v), set, methods)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

func rowsOf(t testing.TB, r *eval.Result) map[string]eval.Row {
	t.Helper()
	rows, err := r.Rows()
	if err != nil {
		t.Fatal(err)
	}
	table := make(map[string]eval.Row)
	for _, row := range rows {
		if row.Metric == metric.RatioOfSums {
			table[row.Method] = row
		}
	}
	return table
}

func TestWienerClosedForm(t *testing.T) {
	d := jakesData(1, 1)
	noise := noiseVariance(d)
	for _, c := range []struct {
		kmh                  float64
		wiener, hold, noised float64 // printed values; 0 = not printed
	}{
		{10, .00898, .0341, .0244}, {30, .03277, .1753, .0479}, {50, .07193, .4341, .0864},
		{60, .10030, 0, 0}, {70, .12836, .7682, .1420}, {100, .23809, 1.2977, .2500},
	} {
		v := setting.KMH(c.kmh)
		got, err := WienerNMSE(Default(), d, v)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%v: Wiener %.5f", v, got)
		if math.Abs(got-c.wiener) > 0.5e-5 {
			t.Errorf("%v: Wiener %.6f, want %.5f", v, got, c.wiener)
		}
		if c.hold == 0 {
			continue
		}
		j := newJakes(testBenchGrid(t, d), d)
		hold := noise
		for k := range j.future {
			hold += (2 - 2*j.correlation(v, k+1)) / float64(j.future)
		}
		if math.Abs(hold-c.hold) > 0.5e-4 {
			t.Errorf("%v: hold %.5f, want %.4f", v, hold, c.hold)
		}
		if noised := (got + noise) / (1 + noise); math.Abs(noised-c.noised) > 0.5e-4 {
			t.Errorf("%v: with noised targets %.5f, want %.4f", v, noised, c.noised)
		}
	}
}

func testBenchGrid(t testing.TB, d data.Config) grid {
	t.Helper()
	g, err := d.Config.Build()
	if err != nil {
		t.Fatal(err)
	}
	return newGrid(Default(), g.Shape())
}

// 3,200 examples of 64 antennas are 204,800 independent series at one speed.
func TestWienerAndLeastSquaresReachTheClosedForm(t *testing.T) {
	d, cfg := jakesData(1, 64), Default()
	cfg.NumFit = 400
	for _, kmh := range []float64{30, 60, 100} {
		v := setting.KMH(kmh)
		b := testBench(t, cfg, d)
		want, err := WienerNMSE(cfg, d, v)
		if err != nil {
			t.Fatal(err)
		}
		set, err := b.Set(data.Test, v, 3200)
		if err != nil {
			t.Fatal(err)
		}
		here, _, err := fitOnly(t, b, v)
		if err != nil {
			t.Fatal(err)
		}
		w, err := newWiener(newJakes(set.grid, d), v)
		if err != nil {
			t.Fatal(err)
		}
		rows := rowsOf(t, run(t, v, set, []Method{
			{Name: "least squares", Class: eval.Classical, Predictor: here},
			{Name: "Wiener", Class: eval.Genie, Predictor: w},
			{Name: "hold", Class: eval.Classical, Predictor: hold{set.grid}},
		}))
		got := rows["Wiener"].Value
		t.Logf("%v: Wiener %.5f measured, %.5f in closed form; least squares %.5f; hold %.4f",
			v, got, want, rows["least squares"].Value, rows["hold"].Value)
		if math.Abs(got/want-1) > 0.01 {
			t.Errorf("%v: Wiener %.5f measured, want %.5f to 1 %%", v, got, want)
		}
		if ratio := rows["least squares"].Value / got; ratio < 1 || ratio > 1.03 {
			t.Errorf("%v: least squares is %.4f of Wiener, want 1 to 1.03", v, ratio)
		}
	}
}

// fitOnly fits least squares without the other methods.
func fitOnly(t testing.TB, b *Bench, v setting.Speed) (linear, *Set, error) {
	t.Helper()
	set, err := b.Set(data.Fit, v, b.cfg.NumFit)
	if err != nil {
		return linear{}, nil, err
	}
	f, err := newLinearFit(set.grid)
	if err != nil {
		return linear{}, nil, err
	}
	if err := feed(t.Context(), set, f); err != nil {
		return linear{}, nil, err
	}
	p, err := f.predictor()
	return p, set, err
}

func run(t testing.TB, v setting.Speed, set *Set, methods []Method) *eval.Result {
	t.Helper()
	result, err := eval.Run(t.Context(), Condition("jakes", v), set, methods)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

// The published distances to the Wiener filter, in dB, and the rule that nothing
// lies below a bound by more than its interval.
func TestSpeedBlindPredictors(t *testing.T) {
	cfg := Default()
	b := testBench(t, cfg, jakesData(1, 1))
	for _, c := range []struct{ kmh, bayes, linear float64 }{
		{30, 1.0, 8.4}, {60, 0.8, 4.4}, {100, 0.5, 1.5},
	} {
		v := setting.KMH(c.kmh)
		result := measure(t, b, v, 4000)
		rows := rowsOf(t, result)
		wiener := rows["Wiener, knows the speed"]
		for _, w := range []struct {
			method string
			dB     float64
		}{{"Bayes, does not know the speed", c.bayes}, {"least squares, all speeds", c.linear}} {
			got := metric.DB(rows[w.method].Value / wiener.Value)
			t.Logf("%v: %s %.5f, %+.2f dB from Wiener (%.5f)", v, w.method, rows[w.method].Value, got, wiener.Value)
			if math.Abs(got-w.dB) > 0.3 {
				t.Errorf("%v: %s is %+.2f dB from Wiener, want about %+.1f", v, w.method, got, w.dB)
			}
		}
		for name, row := range rows {
			if row.Bound == nil || *row.Bound != wiener.Value {
				t.Errorf("%v: %s has no bound", v, name)
			}
			if name == wiener.Method {
				continue
			}
			d, err := result.DifferenceDB(name, wiener.Method, metric.RatioOfSums)
			if err != nil {
				t.Fatal(err)
			}
			if d.CI95[1] < 0 {
				t.Errorf("%v: %s is %.3f dB from the genie, interval %v", v, name, d.Value, d.CI95)
			}
		}
	}
}

// Subcarriers of a flat channel are copies with fresh noise: K of them are one
// with noise/K.
func TestSubcarriersOfAFlatChannelAverage(t *testing.T) {
	v := setting.KMH(60)
	many, one := jakesData(4, 1), jakesData(1, 1)
	one.SNR += setting.Decibel(10 * math.Log10(4))
	a, err := WienerNMSE(Default(), many, v)
	if err != nil {
		t.Fatal(err)
	}
	b, err := WienerNMSE(Default(), one, v)
	if err != nil {
		t.Fatal(err)
	}
	if math.Abs(a/b-1) > 1e-9 {
		t.Errorf("4 subcarriers give %g, a quarter of the noise %g", a, b)
	}
	set, err := testBench(t, Default(), many).Set(data.Test, v, 4000)
	if err != nil {
		t.Fatal(err)
	}
	w, err := newWiener(newJakes(set.grid, many), v)
	if err != nil {
		t.Fatal(err)
	}
	row := rowsOf(t, run(t, v, set, []Method{{Name: "Wiener", Class: eval.Genie, Predictor: w}}))["Wiener"]
	if a < row.CI95[0] || a > row.CI95[1] {
		t.Errorf("measured %g in %v, want %g", row.Value, row.CI95, a)
	}
}

func TestStandstillAveragesTheNoise(t *testing.T) {
	d, cfg := jakesData(1, 1), Default()
	got, err := WienerNMSE(cfg, d, 0)
	if err != nil {
		t.Fatal(err)
	}
	noise := noiseVariance(d)
	if want := noise / (float64(cfg.Past) + noise); math.Abs(got/want-1) > 1e-6 {
		t.Errorf("at 0 km/h the Wiener filter leaves %g, want %g", got, want)
	}
}

func TestBayesWithACertainPriorIsWiener(t *testing.T) {
	v := setting.KMH(60)
	d := jakesData(1, 3)
	set, err := testBench(t, Default(), d).Set(data.Test, v, 5)
	if err != nil {
		t.Fatal(err)
	}
	j := newJakes(set.grid, d)
	certain, err := newBayes(j, setting.SpeedRange{Min: v, Max: v})
	if err != nil {
		t.Fatal(err)
	}
	told, err := newWiener(j, v)
	if err != nil {
		t.Fatal(err)
	}
	examples, err := set.Examples(0, 5)
	if err != nil {
		t.Fatal(err)
	}
	a, b := predict(t, certain, examples), predict(t, told, examples)
	for i := range a {
		for s := range a[i] {
			if d := power(complex128(a[i][s] - b[i][s])); d > 1e-12 {
				t.Fatalf("example %d value %d: %v and %v", i, s, a[i][s], b[i][s])
			}
		}
	}
}

func predict(t testing.TB, p Predictor, examples []Example) [][]complex64 {
	t.Helper()
	out := make([][]complex64, len(examples))
	for i, e := range examples {
		out[i] = make([]complex64, len(e.Future))
	}
	if err := p.Predict(examples, out); err != nil {
		t.Fatal(err)
	}
	return out
}

// Many antennas at one speed give the speed away: Bayes comes close to the genie.
func TestManyAntennasTellTheSpeed(t *testing.T) {
	v := setting.KMH(60)
	d := jakesData(1, 64)
	set, err := testBench(t, Default(), d).Set(data.Test, v, 100)
	if err != nil {
		t.Fatal(err)
	}
	j := newJakes(set.grid, d)
	bayes, err := newBayes(j, d.Speed)
	if err != nil {
		t.Fatal(err)
	}
	told, err := newWiener(j, v)
	if err != nil {
		t.Fatal(err)
	}
	result := run(t, v, set, []Method{
		{Name: "Bayes", Class: eval.Bound, Predictor: bayes}, {Name: "Wiener", Class: eval.Genie, Predictor: told},
	})
	diff, err := result.DifferenceDB("Bayes", "Wiener", metric.RatioOfSums)
	if err != nil {
		t.Fatal(err)
	}
	if diff.Value < 0 || diff.Value > 0.1 {
		t.Errorf("Bayes is %+.3f dB from the genie, want 0 to 0.1", diff.Value)
	}
}

func TestSpeedGrid(t *testing.T) {
	list := speedGrid(setting.SpeedRange{Min: setting.KMH(3), Max: setting.KMH(120)})
	if len(list) != 118 || math.Abs(list[1].KMH()-4) > 1e-9 || math.Abs(list[117].KMH()-120) > 1e-9 {
		t.Errorf("%d points, second %v, last %v; want 3, 4, ... 120 km/h", len(list), list[1], list[len(list)-1])
	}
	if one := speedGrid(setting.SpeedRange{Min: 5, Max: 5}); len(one) != 1 {
		t.Errorf("a single speed gives %d points", len(one))
	}
}

func BenchmarkBayes(b *testing.B) {
	d := jakesData(1, 1)
	set, err := testBench(b, Default(), d).Set(data.Test, setting.KMH(60), 2000)
	if err != nil {
		b.Fatal(err)
	}
	p, err := newBayes(newJakes(set.grid, d), d.Speed)
	if err != nil {
		b.Fatal(err)
	}
	examples, err := set.Examples(0, 2000)
	if err != nil {
		b.Fatal(err)
	}
	out := predict(b, p, examples)
	for b.Loop() {
		if err := p.Predict(examples, out); err != nil {
			b.Fatal(err)
		}
	}
}
