package eval

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/cmplx"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"github.com/comlam/comlam/internal/rng"
	"github.com/comlam/comlam/metric"
)

// toySet is channels of two antennas; an example is its own truth.
type toySet int

func (s toySet) Len() int { return int(s) }

func (s toySet) Examples(first, count int) ([]Truth, error) {
	list := make([]Truth, count)
	for i := range list {
		r := rng.New(7, uint64(first+i))
		h := []complex64{complex64(r.ComplexNormal()), complex64(r.ComplexNormal())}
		list[i] = Truth{Drop: uint64(first + i), H: h, NumTxAnt: 2}
	}
	return list, nil
}

func (s toySet) Truth(e Truth) Truth { return e }

// scaled predicts the truth times a factor, plus an offset.
type scaled struct{ factor, offset complex64 }

func (p scaled) Predict(examples []Truth, out [][]complex64) error {
	for i, e := range examples {
		for j, h := range e.H {
			out[i][j] = p.factor*h + p.offset
		}
	}
	return nil
}

// failing returns an error from the chunk that starts at drop at.
type failing struct{ at uint64 }

func (p failing) Predict(examples []Truth, out [][]complex64) error {
	if examples[0].Drop == p.at {
		return errors.New("no idea")
	}
	return nil
}

func toyMethods() []Method[Truth] {
	return []Method[Truth]{
		{"half", Classical, scaled{0.5, 0}},
		{"shifted", Learned, scaled{1, 0.1i}},
		{"told", Genie, scaled{0.9, 0}},
	}
}

var toy = Condition{Task: "toy", Name: "30 km/h"}

func TestRowsHaveValueIntervalCountAndBound(t *testing.T) {
	result, err := Run(t.Context(), toy, toySet(150), toyMethods())
	if err != nil {
		t.Fatal(err)
	}
	rows, err := result.Rows()
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) != 9 {
		t.Fatalf("%d rows, want three metrics of three methods", len(rows))
	}
	for i, want := range []struct {
		method, metric string
		value          float64
		bounded        bool
	}{
		{"half", metric.RatioOfSums, 0.25, true}, {"half", metric.SampleMean, 0.25, false},
		{"half", metric.SEMRT, 0, false}, {"shifted", metric.RatioOfSums, 0, true},
	} {
		r := rows[i]
		if r.Method != want.method || r.Metric != want.metric || r.N != 150 || r.Condition != "30 km/h" || r.Task != "toy" {
			t.Errorf("row %d is %+v, want %s by %s of 150 samples", i, r, want.method, want.metric)
		}
		if want.value != 0 && (r.Value < want.value-1e-6 || r.Value > want.value+1e-6) {
			t.Errorf("%s by %s is %g, want %g", r.Method, r.Metric, r.Value, want.value)
		}
		if r.CI95[0] > r.Value || r.CI95[1] < r.Value {
			t.Errorf("%s by %s: interval %v misses %g", r.Method, r.Metric, r.CI95, r.Value)
		}
		if (r.Bound != nil) != want.bounded || want.bounded && (*r.Bound < 0.01-1e-6 || *r.Bound > 0.01+1e-6) {
			t.Errorf("%s by %s has bound %v", r.Method, r.Metric, r.Bound)
		}
	}
}

func TestPairedDifference(t *testing.T) {
	result, err := Run(t.Context(), toy, toySet(100), toyMethods())
	if err != nil {
		t.Fatal(err)
	}
	v, err := result.DifferenceDB("half", "told", metric.RatioOfSums)
	if err != nil {
		t.Fatal(err)
	}
	if want := metric.DB(0.25 / 0.01); v.Value < want-1e-4 || v.Value > want+1e-4 || v.CI95[1]-v.CI95[0] > 1e-4 {
		t.Errorf("difference %g in %v, want %g without spread: errors are proportional", v.Value, v.CI95, want)
	}
	if _, err := result.DifferenceDB("half", "toled", metric.RatioOfSums); err == nil || !strings.Contains(err.Error(), `"toled"`) {
		t.Errorf("an unknown reference gave %v", err)
	}
}

func TestFiguresDoNotDependOnGOMAXPROCS(t *testing.T) {
	var first []Row
	for _, procs := range []int{1, 2, 4} {
		before := runtime.GOMAXPROCS(procs)
		result, err := Run(t.Context(), toy, toySet(333), toyMethods())
		runtime.GOMAXPROCS(before)
		if err != nil {
			t.Fatal(err)
		}
		rows, err := result.Rows()
		if err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = rows
		} else if !reflect.DeepEqual(rows, first) {
			t.Errorf("GOMAXPROCS=%d changes the rows", procs)
		}
	}
}

func TestErrorsNameTheMethod(t *testing.T) {
	nan := complex64(cmplx.NaN())
	for _, c := range []struct {
		method Method[Truth]
		want   string
	}{
		{Method[Truth]{"broken", Learned, failing{64}}, `method "broken", examples from 64: no idea`},
		{Method[Truth]{"diverged", Learned, scaled{1, nan}}, `method "diverged", example 0`},
		{Method[Truth]{"told", Genie, scaled{}}, `two methods are called "told"`},
		{Method[Truth]{"odd", "oracle", scaled{}}, `class "oracle"`},
	} {
		_, err := Run(t.Context(), toy, toySet(200), append(toyMethods(), c.method))
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "toy, 30 km/h: ") {
			t.Errorf("method %q: error %v, want one with %q", c.method.Name, err, c.want)
		}
	}
	if _, err := Run(t.Context(), toy, toySet(1), toyMethods()); err == nil {
		t.Error("one example gave an interval")
	}
}

func TestRunEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Run(ctx, toy, toySet(1000), toyMethods()); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want that of the context", err)
	}
}

func TestRowKeys(t *testing.T) {
	text, err := json.Marshal(Row{"channelpred", "30 km/h", "hold", Classical, metric.RatioOfSums, 0.5, [2]float64{0.4, 0.6}, 10, nil})
	if err != nil {
		t.Fatal(err)
	}
	want := `{"task":"channelpred","condition":"30 km/h","method":"hold","class":"classical",` +
		`"metric":"nmse/ratio-of-sums","value":0.5,"ci95":[0.4,0.6],"n":10,"bound":null}`
	if string(text) != want {
		t.Errorf("got  %s\nwant %s", text, want)
	}
}

func ExampleRun() {
	result, err := Run(context.Background(), toy, toySet(100), toyMethods())
	if err != nil {
		fmt.Println(err)
		return
	}
	rows, err := result.Rows()
	fmt.Printf("%s %s %.2f %v\n", rows[0].Method, rows[0].Metric, rows[0].Value, err)
	// Output: half nmse/ratio-of-sums 0.25 <nil>
}
