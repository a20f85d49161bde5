package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/comlam/comlam/backend"
)

// actVariable makes the test binary a leg: "leg" is ours, the others act.
const actVariable = "COMLAM_BENCH_TEST_ACT"

func TestMain(m *testing.M) {
	how := os.Getenv(actVariable)
	if how == "" {
		os.Exit(m.Run())
	}
	sizes := os.Args[len(os.Args)-1]
	if how == "leg" {
		if err := Leg(sizes, backend.OpenAll, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	act(how, sizes)
	os.Exit(0)
}

// act is a leg that does to its rows what they are called, as its first word says
// how: "slow" and "fast" legs differ in their numbers only.
func act(how, sizes string) {
	if how == "silent" {
		os.Exit(0)
	}
	if how == "missing" {
		fmt.Fprintln(os.Stderr, "Traceback (most recent call last):\n  File somewhere\nModuleNotFoundError: No module named 'torch'")
		os.Exit(1)
	}
	var z Sizes
	if err := json.Unmarshal([]byte(sizes), &z); err != nil {
		panic(err)
	}
	print := json.NewEncoder(os.Stdout).Encode
	head := Head{Version: how, Threads: 1}
	if how == "wrong" {
		head.Wrong = "a product"
	}
	fmt.Println("an engine may print a line")
	print(head)
	for _, row := range z.Rows {
		v := Value{Row: row, Value: 2, Unit: "s"}
		switch {
		case row == "dies":
			panic("wires cut")
		case row == "hangs", how == "hangs":
			time.Sleep(time.Hour)
		case row == "refuses":
			v = Value{Row: row, Error: "no such operation"}
		case how == "slow":
			v.Value = 3
		}
		print(v)
	}
}

// actor is a program of the test binary.
func actor(t *testing.T, how string) program {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return program{args: []string{exe}, env: []string{actVariable + "=" + how}}
}

// TestShortRun measures our leg on small sizes: every row of it is there, and what is
// not says why.
func TestShortRun(t *testing.T) {
	t.Setenv(actVariable, "leg")
	t.Setenv("GOMLX_BACKEND", "go") // somebody's own choice is not what is measured
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	told := 0
	r, err := Run(t.Context(), Options{Short: true, Legs: []string{Ours}, Self: []string{exe}, Progress: func(p Progress) { told++ }})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Legs) != 1 || r.Legs[0].State != Measured || r.Legs[0].Engine != "cpu" || len(r.Legs[0].Errors) > 0 || told == 0 {
		t.Errorf("%+v, %d times told", r.Legs, told)
	}
	for _, row := range r.Rows {
		theirs := row.Against == Titles[PyTorch] || row.Against == Titles[GoMLX]
		if strings.HasPrefix(row.Why, "not possible") {
			continue // the test shares the machine
		}
		if row.Ours == nil || theirs != (row.Why != "") || theirs == (row.Ratio != nil) || row.Met != nil {
			t.Errorf("%+v", row)
		}
	}
	checkKeys(t, r)
}

// checkKeys holds the JSON to what scripts read.
func checkKeys(t *testing.T, r *Report) {
	t.Helper()
	text, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	var v struct {
		Legs, Rows []map[string]any
	}
	var top map[string]any
	if err := errors.Join(json.Unmarshal(text, &v), json.Unmarshal(text, &top)); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		in   map[string]any
		keys string
	}{
		{top, "platform cpu cores short seconds rounds load busy legs rows"},
		{v.Legs[0], "leg state engine version threads cpu values"},
		{v.Rows[0], "row what unit ours against reference ratio target then at_most met then_met why"},
	} {
		for key := range strings.FieldsSeq(c.keys) {
			if _, there := c.in[key]; !there {
				t.Errorf("there is no %q in %v", key, c.in)
			}
		}
	}
}

// TestLegThatFails: a row that kills, hangs or is refused is lost, the others are not.
func TestLegThatFails(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		rows, lost, why string
	}{
		{"a dies b", "dies", "panic: wires cut"},
		{"dies a dies b", "dies b", "panic: wires cut"}, // twice is enough
		{"a refuses b", "refuses", "no such operation"},
		{"a hangs b", "hangs", "it had not finished after"},
	} {
		z := short()
		z.Rows = strings.Fields(c.rows)
		limit := 30 * time.Second
		if strings.Contains(c.rows, "hangs") {
			limit = 3 * time.Second
		}
		m, err := actor(t, "fast").measure(t.Context(), z, limit)
		if err != nil {
			t.Errorf("%s: %v", c.rows, err)
		}
		for _, row := range z.Rows {
			_, there := m.values[row]
			lost := slices.Contains(strings.Fields(c.lost), row)
			if there == lost || lost != (m.errs[row] != nil) || lost && !strings.Contains(m.errs[row].Error(), c.why) {
				t.Errorf("%s: %s: %v, %v", c.rows, row, m.values[row], m.errs[row])
			}
		}
	}
}

func TestNotALeg(t *testing.T) {
	t.Parallel()
	for how, want := range map[string]string{"silent": "it printed nothing of use", "missing": "No module named 'torch'"} {
		if _, err := actor(t, how).measure(t.Context(), short(), time.Minute); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", how, err, want)
		}
	}
	if _, err := (program{args: []string{"no/such/program"}}).measure(t.Context(), short(), time.Minute); err == nil {
		t.Error("a program that is not there measures")
	}
}

// theatre is a conductor of actors.
func theatre(t *testing.T, legs ...*contender) *conductor {
	z := short()
	for _, l := range legs {
		l.check = func(*contender, Head) string { return "" }
		l.rows = []string{"softmax"}
	}
	return &conductor{sizes: z, limit: 3 * time.Second, rounds: 2, legs: legs}
}

// TestFastestConfigurationIsKept, and those that hang or compute wrongly are not.
func TestFastestConfigurationIsKept(t *testing.T) {
	t.Parallel()
	var configs []config
	for _, how := range []string{"slow", "hangs", "fast", "wrong"} {
		configs = append(configs, config{name: how, program: actor(t, how)})
	}
	l := newContender(PyTorch, "", configs...)
	c := theatre(t, l)
	if err := c.conduct(t.Context()); err != nil {
		t.Fatal(err)
	}
	if c.finished != 2 {
		t.Errorf("%d rounds", c.finished)
	}
	r := l.result()
	if r.State != Measured || len(r.Values) != 1 || r.Values[0].Config != "fast" || r.Version != "fast" {
		t.Errorf("%+v", r)
	}
	want := []struct {
		speed float64
		why   string
	}{{2. / 3, ""}, {0, "softmax: it had not finished"}, {1, ""}, {0, "computes wrongly: a product"}}
	for i, k := range r.Configs {
		if speed := k.Speed["layers"]; speed < want[i].speed-1e-9 || speed > want[i].speed+1e-9 || !strings.Contains(strings.Join(k.Why, " "), want[i].why) {
			t.Errorf("%+v, want %+v", k, want[i])
		}
	}
}

// TestAbsentLegsDoNotStopOthers, nor do those of which nothing comes.
func TestAbsentLegsDoNotStopOthers(t *testing.T) {
	t.Parallel()
	ours := newContender(Ours, "", config{program: actor(t, "fast")})
	missing := newContender(PyTorch, "install it", config{name: "one", of: "a", program: actor(t, "missing")}, config{name: "two", of: "b", program: actor(t, "missing")})
	none := newContender(Current, "install that")
	broken := newContender(GoMLX, "build it", config{program: actor(t, "hangs")})
	c := theatre(t, ours, missing, none, broken)
	c.rounds = 1
	if err := c.conduct(t.Context()); err != nil {
		t.Fatal(err)
	}
	r := c.report([]spec{{what: "x", row: "softmax", leg: PyTorch, first: 1}, {what: "x", row: "softmax", leg: GoMLX, first: 1}}, false, time.Now())
	for i, want := range []struct{ state, why string }{
		{Measured, ""}, {Absent, "No module named 'torch'; install it"}, {Absent, "nothing of it was found; install that"}, {Failed, "softmax: it had not finished"},
	} {
		if l := r.Legs[i]; l.State != want.state || !strings.Contains(l.Why, want.why) {
			t.Errorf("%+v, want %+v", l, want)
		}
	}
	if a, b := r.Rows[0], r.Rows[1]; a.Ours == nil || a.Why != "PyTorch is absent" || b.Why != "GoMLX go+SIMD is failed" || a.Met != nil {
		t.Errorf("%+v\n%+v", a, b)
	}
}

func TestCancelledRunEnds(t *testing.T) {
	t.Parallel()
	why := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	time.AfterFunc(time.Second, func() { cancel(why) })
	c := theatre(t, newContender(Ours, "", config{program: actor(t, "hangs")}))
	c.limit = time.Hour
	if err := c.conduct(ctx); !errors.Is(err, why) || c.finished != 0 {
		t.Errorf("got %v after %d rounds", err, c.finished)
	}
}

func TestNamesAreChecked(t *testing.T) {
	for _, c := range []struct {
		o    Options
		want string
	}{
		{Options{}, ""}, {Options{Only: []string{"gpt", "sgemm", "bf16_2048"}, Legs: []string{Ours}}, ""},
		{Options{Only: []string{"gtp"}}, `there is no row "gtp" of these sizes; use gpt, sgemm, bf16, conv2d`},
		{Options{Only: []string{"demo"}, Short: true}, "there is no row"}, {Options{Legs: []string{"tpu"}}, `there is no leg "tpu"; use ours, pytorch`},
	} {
		if err := c.o.Check(); (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v", c.o, err)
		}
	}
	list, _ := pick(specs(full()), []string{"bf16", "sgemm512"})
	if got := strings.Join(rowsOf(list, Ours), " "); got != "peak sgemm512 peak_bf16 bf16_1024 bf16_2048" {
		t.Errorf("our rows are %s", got)
	}
	if got := strings.Join(rowsOf(list, GoMLX), " "); got != "" {
		t.Errorf("GoMLX's rows are %s", got)
	}
}

// TestWrongResultsAreSeen: the check of our own engine passes what is right, at sizes
// with edges, and its plain sums differ when a place is not computed.
func TestWrongResultsAreSeen(t *testing.T) {
	engine, err := backend.OpenAll()
	if err != nil {
		t.Fatal(err)
	}
	z := short()
	z.SGEMM, z.Conv = []int{17, 64}, Conv{Images: 3, Channels: 5, Size: 7}
	if why := (leg{z, engine}).wrong(); why != "" {
		t.Error(why)
	}
	p := plainConv{Conv{Images: 1, Channels: 1, Size: 2}, []float32{1, 2, 3, 4}, []float32{0, 0, 0, 0, 1, 10, 0, 0, 0}, []float32{1, 0, 0, 0}}
	if p.output(0) != 21 || p.output(1) != 2 || p.byImage(0) != 1 || p.byImage(1) != 10 || p.byKernel(4) != 1 || p.byKernel(5) != 2 {
		t.Error("the plain sums are not the convolution's")
	}
}

func TestBusyMachine(t *testing.T) {
	if busy(2.4, 2) || !busy(11, 2) || busy(0, 2) {
		t.Error("a load of 2.4 on two cores is the bench, one of 11 is others")
	}
}

func TestCheckout(t *testing.T) {
	if dir, err := checkout("."); err != nil || filepath.Join(dir, "run", "bench") != mustWD(t) {
		t.Errorf("%s, %v", dir, err)
	}
	if _, err := checkout(t.TempDir()); err == nil {
		t.Error("a folder of something else is ComLAM's source")
	}
}

func mustWD(t *testing.T) string {
	t.Helper()
	wd, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	return wd
}
