package train

import (
	"context"
	"encoding/json"
	"errors"
	"testing"

	"github.com/comlam/comlam/internal/durable"
)

// trailed runs a toy job that leaves a trail, and returns its store, its marks and
// its points.
func trailed(t *testing.T, fsys durable.FS, steps int) (*durable.Store, []Mark, []Point) {
	t.Helper()
	j := toyJob(steps)
	done, err := openToy(fsys, j)
	if err != nil {
		t.Fatal(err)
	}
	defer done()
	if j.Trail, err = durable.OpenLog(fsys, "run/trail.jsonl"); err != nil {
		t.Fatal(err)
	}
	defer j.Trail.Close()
	mustRun(t, j)
	marks, err := ReadMarks(fsys, "run/trail.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	records, err := durable.ReadLog(fsys, "run/metrics.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	points := make([]Point, len(records))
	for i, r := range records {
		if err := json.Unmarshal(r, &points[i]); err != nil {
			t.Fatal(err)
		}
	}
	store, err := durable.OpenStore(fsys, "run/checkpoints", durable.Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	return store, marks, points
}

// TestReplay does a run over again from the start and from each checkpoint: every
// mark, every point and the weights of the last step are the same to the bit.
func TestReplay(t *testing.T) {
	const steps = 13
	store, marks, points := trailed(t, durable.NewMemFS(1), steps)
	if len(marks) != steps || len(points) != 5 {
		t.Fatalf("%d marks, %d points", len(marks), len(points))
	}
	for _, from := range append([]uint64{0}, store.Steps()...) {
		var snap *durable.Snapshot
		var err error
		if from > 0 {
			if snap, err = store.Load(from); err != nil {
				t.Fatal(err)
			}
		}
		at, last := int(from), ""
		err = toyJob(steps).Replay(t.Context(), snap, steps, func(r Replayed) error {
			if why := marks[at].Differs(r.Mark, r.Names); why != "" {
				t.Errorf("from %d, step %d: %s", from, r.Step, why)
			}
			for _, p := range points {
				if p.Step == r.Step && (r.Point == nil || r.Point.Loss != p.Loss || r.Point.Rate != p.Rate) {
					t.Errorf("from %d: point %+v, was %+v", from, r.Point, p)
				}
			}
			at, last = at+1, digest(t, r.Weights)
			return nil
		})
		if err != nil || at != steps {
			t.Errorf("from %d: came to step %d, %v", from, at, err)
		}
		end, err := store.Load(steps)
		if err != nil {
			t.Fatal(err)
		}
		w, optimizer, err := SnapshotWeights(end)
		if err != nil || from < steps && digest(t, w) != last || len(optimizer) == 0 {
			t.Errorf("from %d: other weights at the end, %v", from, err)
		}
	}
}

// TestReplayOfAnotherRun: other settings are refused, and a mark says what differs.
func TestReplayOfAnotherRun(t *testing.T) {
	store, _, _ := trailed(t, durable.NewMemFS(1), 13)
	snap, err := store.Latest()
	if err != nil {
		t.Fatal(err)
	}
	other := toyJob(13)
	other.Seed = 9
	var mismatch *MismatchError
	if err := other.Replay(t.Context(), snap, 1, nil); !errors.As(err, &mismatch) {
		t.Errorf("%v", err)
	}
	names := []string{"a", "b"}
	m := Mark{Step: 1, Loss: 2, GradNorm: 3, Weights: "0123456789abcdef0123456789abcdef"}
	for _, c := range []struct {
		change func(m *Mark)
		want   string
	}{
		{func(*Mark) {}, ""},
		{func(m *Mark) { m.Step = 2 }, "step 2 instead of 1"},
		{func(m *Mark) { m.Loss = 4 }, "the loss is 4, it was 2"},
		{func(m *Mark) { m.GradNorm = 4 }, "the gradient norm is 4, it was 3"},
		{func(m *Mark) { m.Weights = m.Weights[:31] + "0" }, `tensor "b"`},
		{func(m *Mark) { m.Weights = m.Weights[:16] }, "the number of tensors"},
	} {
		n := m
		c.change(&n)
		if got := m.Differs(n, names); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	stop := errors.New("enough")
	cancel(stop)
	if err := toyJob(3).Replay(ctx, nil, 1, nil); !errors.Is(err, stop) {
		t.Errorf("%v", err)
	}
}

// TestTrailSurvivesInterruption: the trail of a run that was stopped is that of one
// that was not.
func TestTrailSurvivesInterruption(t *testing.T) {
	_, want, _ := trailed(t, durable.NewMemFS(1), 13)
	for stop := 1; stop < 13; stop++ {
		fsys := durable.NewMemFS(1)
		j := toyJob(13)
		done, err := openToy(fsys, j)
		if err != nil {
			t.Fatal(err)
		}
		if j.Trail, err = durable.OpenLog(fsys, "run/trail.jsonl"); err != nil {
			t.Fatal(err)
		}
		if _, err := stopAfter(j, stop); !errors.Is(err, ErrStopped) {
			t.Fatal(err)
		}
		j.Trail.Close()
		done()
		_, got, _ := trailed(t, fsys, 13)
		if len(got) != len(want) {
			t.Fatalf("stopped after %d: %d marks, want %d", stop, len(got), len(want))
		}
		for i := range got {
			if got[i] != want[i] {
				t.Errorf("stopped after %d: mark %d differs", stop, i)
			}
		}
	}
}
