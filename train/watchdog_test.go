package train

import (
	"context"
	"os"
	"runtime"
	"runtime/pprof"
	"testing"
	"time"

	"github.com/comlam/comlam/data"
	"github.com/comlam/comlam/model"
	"github.com/comlam/comlam/model/wifo"
)

// smallest is the smallest masked model on the simplest channel: five patches of
// four slots.
func smallest(t testing.TB, steps int) *Job {
	t.Helper()
	c := wifo.Default()
	c.Size, c.HiddenSize, c.NumHiddenLayers, c.NumDecoderLayers, c.NumAttentionHeads = "custom", 8, 1, 1, 2
	c.PatchSize = [3]int{4, 1, 1}
	m, err := c.Build()
	if err != nil {
		t.Fatal(err)
	}
	d := data.Default()
	d.Channel, d.NumSubcarriers, d.NumSlots, d.Tx.Cols = "jakes", 1, 20, 1
	d.Mask = data.Mask{Time: 2, Random: 1, TimeRatio: 0.2, FreqRatio: 0.5, RandomRatio: 0.5}
	source, err := data.NewMasked(d, data.Train, 1, c.PatchSize, [3]int{5, 1, 1})
	if err != nil {
		t.Fatal(err)
	}
	return &Job{Config: toyConfig(steps), Seed: 1, Loss: MaskedLoss(m.(model.Filler)), Source: source, Workers: 2}
}

// TestWatchdog trains 2,000 steps on two replicas. The engine's own pool of
// workers is known to come to a halt in such loops; if something like that
// happens, the test says where everybody stands instead of hanging. The heap must
// not grow along the way.
func TestWatchdog(t *testing.T) {
	steps := 2000
	if testing.Short() {
		steps = 300
	}
	j := smallest(t, steps)
	var early, late uint64
	j.Config.LogEvery = steps / 4
	j.Progress = func(p Point) {
		late = heap()
		if early == 0 {
			early = late
		}
	}
	ended := make(chan error, 1)
	var res *Result
	go func() {
		var err error
		res, err = j.Run(context.Background())
		ended <- err
	}()
	select {
	case err := <-ended:
		if err != nil {
			t.Fatal(err)
		}
	case <-time.After(2 * time.Minute): // thirty times what it takes
		pprof.Lookup("goroutine").WriteTo(os.Stderr, 2)
		t.Fatal("training stands still; the goroutines are above")
	}
	if late > early+2<<20 {
		t.Errorf("the heap grew from %d to %d KiB", early>>10, late>>10)
	}
	if !(res.Loss < 0.9) {
		t.Errorf("NMSE %g after %d steps; a model that predicts nothing has 1", res.Loss, steps)
	}
}

// heap is what is in use after a collection.
func heap() uint64 {
	runtime.GC()
	runtime.GC() // finalizers ran
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// TestManyJobs: engines, graphs and stores of finished jobs are freed.
func TestManyJobs(t *testing.T) {
	var early uint64
	const jobs = 12
	for i := range jobs {
		mustRun(t, smallest(t, 2))
		if i == jobs/3 {
			early = heap()
		}
	}
	if late := heap(); late > early+4<<20 {
		t.Errorf("the heap grew from %d to %d KiB over %d jobs", early>>10, late>>10, jobs-jobs/3)
	}
}
