package durable

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// trial is a random life of a store, beside a model of what must be in it.
type trial struct {
	t     *testing.T
	r     *rand.Rand
	mem   *MemFS
	fsys  *FaultyFS
	store *Store
	keep  int
	step  uint64
	// what must be there
	scores map[uint64]float64 // of every save that returned, NaN if not scored
	last   uint64
	best   uint64 // 0: none scored
	// the save that a crash interrupted: it may be there or not
	maybe      uint64
	maybeScore float64
}

func newTrial(t *testing.T, seed uint64) *trial {
	r := rand.New(rand.NewPCG(seed, 7))
	x := &trial{t: t, r: r, keep: 1 + r.IntN(3), mem: NewMemFS(seed), scores: map[uint64]float64{}}
	x.reopen()
	return x
}

func (x *trial) reopen() {
	x.fsys = Faulty(x.mem, Plan{})
	x.store = openStore(x.t, x.fsys, Options{Keep: x.keep})
}

func (x *trial) randomScore() float64 {
	if x.r.IntN(4) == 0 {
		return math.NaN()
	}
	return float64(x.r.IntN(5)) // small, so that scores tie
}

func (x *trial) saveSmall(score float64) error {
	return x.store.Save(x.step, score, func(f *Folder) error {
		return f.WriteFile("w", []byte{byte(x.step), byte(x.step >> 8)})
	})
}

// count enters a save that is there into the model.
func (x *trial) count(step uint64, score float64) {
	x.scores[step] = score
	x.last = step
	if !math.IsNaN(score) && (x.best == 0 || score < x.scores[x.best]) {
		x.best = step
	}
}

func (x *trial) act() {
	switch x.r.IntN(5) {
	case 0, 1:
		x.save()
	case 2:
		x.failingSave()
	case 3:
		x.crash()
	case 4:
		x.store.Close()
		x.keep = 1 + x.r.IntN(3)
		x.reopen()
	}
}

func (x *trial) save() {
	x.step++
	score := x.randomScore()
	if err := x.saveSmall(score); err != nil {
		x.t.Fatal(err)
	}
	x.count(x.step, score)
}

func (x *trial) failingSave() {
	x.step++
	score := x.randomScore()
	x.fsys.plan = Plan{At: len(x.fsys.Ops()) + 1 + x.r.IntN(20), Fault: Fault(x.r.IntN(3))}
	if x.saveSmall(score) == nil {
		x.count(x.step, score)
	}
	x.fsys.Heal()
}

func (x *trial) crash() {
	x.step++
	x.maybe, x.maybeScore = x.step, x.randomScore()
	x.fsys.plan = Plan{At: len(x.fsys.Ops()) + 1 + x.r.IntN(25), Fault: Kill, Kill: PanicKilled}
	killed := Survive(func() {
		if x.saveSmall(x.maybeScore) == nil {
			x.count(x.maybe, x.maybeScore)
		}
	})
	if !killed {
		x.fsys.Heal()
		x.store.Close()
	}
	x.mem = x.mem.Crash([]float64{0, 0.5, 1}[x.r.IntN(3)])
	x.reopen()
	if slices.Contains(x.store.Steps(), x.maybe) && x.last != x.maybe {
		x.count(x.maybe, x.maybeScore)
	}
}

// check demands the invariants: the last and the best load, and no more is kept
// than was asked for.
func (x *trial) check() {
	t := x.t
	t.Helper()
	snap, err := x.store.Latest()
	if x.last == 0 {
		if !errors.Is(err, ErrNoCheckpoint) {
			t.Fatalf("nothing was saved: %+v, %v", snap, err)
		}
		return
	}
	if err != nil || snap.Step != x.last || len(snap.Skipped) > 0 {
		t.Fatalf("latest %+v, %v; want step %d", snap, err, x.last)
	}
	data, err := snap.ReadFile("w")
	if err != nil || data[0] != byte(snap.Step) || data[1] != byte(snap.Step>>8) {
		t.Fatalf("step %d loads %v, %v", snap.Step, data, err)
	}
	snap, err = x.store.Best()
	if x.best == 0 {
		if err == nil {
			t.Fatalf("best is %+v, none was scored", snap)
		}
	} else if err != nil || snap.Step != x.best {
		t.Fatalf("best %+v, %v; want step %d of %v", snap, err, x.best, x.scores)
	}
}

// checkCount holds after a save: opening a store removes nothing good.
func (x *trial) checkCount() {
	if n := len(x.store.Steps()); n > x.keep+1 {
		x.t.Fatalf("%d checkpoints kept, want at most %d", n, x.keep+1)
	}
}

func TestRetentionSequences(t *testing.T) {
	n := 10000
	if testing.Short() {
		n = 500
	}
	for seed := range n {
		x := newTrial(t, uint64(seed))
		for range 4 + x.r.IntN(8) {
			x.act()
			x.check()
		}
		x.save()
		x.check()
		x.checkCount()
	}
}
