package run

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"testing"

	"github.com/comlam/comlam/internal/durable"
	"github.com/comlam/comlam/train"
)

// bakery is a stage that counts how often it works.
type bakery struct {
	stages
	baked   int
	fail    error
	notices []string
}

func newBakery(fsys durable.FS) *bakery {
	b := &bakery{}
	b.stages = stages{fsys: fsys, dir: "stages", notice: func(format string, args ...any) {
		b.notices = append(b.notices, fmt.Sprintf(format, args...))
	}}
	return b
}

// bake runs the stage with a setting.
func (b *bakery) bake(ctx context.Context, flour string) (dir string, err error) {
	return b.run(ctx, "bake", stageKey("bake", []byte(flour)), func(dir string) ([]string, error) {
		b.baked++
		for _, name := range []string{"bread", "rolls"} {
			if err := durable.WriteFile(b.fsys, path.Join(dir, name), []byte(name+" of "+flour)); err != nil {
				return nil, err
			}
			if b.fail != nil {
				return nil, b.fail
			}
		}
		return []string{"bread", "rolls"}, nil
	})
}

// must bakes and checks how often the stage has worked by then.
func (b *bakery) must(t *testing.T, flour string, baked int) string {
	t.Helper()
	dir, err := b.bake(t.Context(), flour)
	if err != nil {
		t.Fatal(err)
	}
	if b.baked != baked {
		t.Fatalf("the stage worked %d times, want %d; notices %q", b.baked, baked, b.notices)
	}
	return dir
}

func TestStageIsKeptUntilSomethingChanges(t *testing.T) {
	b := newBakery(durable.NewMemFS(1))
	dir := b.must(t, "rye", 1)
	b.must(t, "rye", 1)
	b.must(t, "wheat", 2)
	b.must(t, "rye", 2) // the first one is still there
	if len(b.notices) > 0 {
		t.Errorf("noticed %q", b.notices)
	}
	for i, damage := range []struct {
		what string
		do   func() error
	}{
		{"bread has changed", func() error { return durable.WriteFile(b.fsys, path.Join(dir, "bread"), []byte("mould")) }},
		{"rolls is missing", func() error { return b.fsys.Remove(path.Join(dir, "rolls")) }},
		{"marker cannot be read", func() error { return durable.WriteFile(b.fsys, path.Join(dir, doneFile), []byte("{")) }},
		{"belongs to other settings", func() error { return durable.WriteFile(b.fsys, path.Join(dir, doneFile), []byte(`{"key":"x"}`)) }},
	} {
		if err := damage.do(); err != nil {
			t.Fatal(err)
		}
		b.must(t, "rye", 3+i)
		if n := len(b.notices); n != i+1 || !strings.Contains(b.notices[i], damage.what) {
			t.Errorf("noticed %q, want %q", b.notices, damage.what)
		}
	}
}

func TestStageKeysTellInputsApart(t *testing.T) {
	seen := map[string]bool{}
	for _, in := range [][][]byte{{[]byte("ab")}, {[]byte("a"), []byte("b")}, {[]byte("ab"), nil}, {[]byte("a"), []byte("b"), nil}, {}} {
		seen[stageKey("s", in...)] = true
	}
	seen[stageKey("t")] = true
	if len(seen) != 6 {
		t.Errorf("%d keys of 6 inputs", len(seen))
	}
}

func TestFailedStageHasNoMarker(t *testing.T) {
	b := newBakery(durable.NewMemFS(1))
	for _, before := range []string{"nothing", "a rotten stage"} {
		b.fail = errors.New("the oven is cold")
		dir, err := b.bake(t.Context(), "rye")
		if err == nil || !strings.Contains(err.Error(), "stage bake: the oven is cold") {
			t.Errorf("after %s: %v", before, err)
		}
		if _, err := b.fsys.Stat(path.Join(dir, doneFile)); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("after %s there is a marker (%v)", before, err)
		}
		b.fail = nil
		dir = b.must(t, "rye", b.baked+1)
		if err := durable.WriteFile(b.fsys, path.Join(dir, "bread"), []byte("mould")); err != nil {
			t.Fatal(err)
		}
	}
}

func TestStageErrorsSayWhatToDo(t *testing.T) {
	b := newBakery(durable.NewMemFS(1))
	b.fail = fmt.Errorf("train: %w", &train.MismatchError{Have: "kernel go/avx2", Want: "kernel go/avx512"})
	dir, err := b.bake(t.Context(), "rye")
	var other *train.MismatchError
	if !errors.As(err, &other) || !strings.Contains(err.Error(), fmt.Sprintf("remove %q", dir)) {
		t.Errorf("%v", err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(ErrInterrupted)
	if _, err := b.bake(ctx, "rye"); !errors.Is(err, ErrInterrupted) || b.baked != 1 {
		t.Errorf("%v after %d times", err, b.baked)
	}
	// What ends with the context says why it ended, whatever it wrapped.
	ctx, cancel = context.WithCancelCause(t.Context())
	_, err = b.run(ctx, "fit", stageKey("fit"), func(string) ([]string, error) {
		cancel(ErrInterrupted)
		return nil, fmt.Errorf("chunk 3: %w", ctx.Err())
	})
	if !errors.Is(err, ErrInterrupted) {
		t.Errorf("%v", err)
	}
}

// TestKilledStages kills three stages at every file operation. The marker is there
// only with every file that it lists.
func TestKilledStages(t *testing.T) {
	work := func(b *bakery) error {
		for _, flour := range []string{"rye", "wheat", "spelt"} {
			if _, err := b.bake(t.Context(), flour); err != nil {
				return err
			}
		}
		return nil
	}
	clean := durable.Faulty(durable.NewMemFS(1), durable.Plan{})
	if err := work(newBakery(clean)); err != nil {
		t.Fatal(err)
	}
	ops := clean.Ops()
	if last := ops[len(ops)-2]; last.Verb != "rename" || path.Base(last.Path) != doneFile {
		t.Errorf("the last file to get its name is %v", last)
	}
	for at := 1; at <= len(ops); at++ {
		mem := durable.NewMemFS(uint64(at))
		faulty := durable.Faulty(mem, durable.Plan{At: at, Fault: durable.Kill, Kill: durable.PanicKilled})
		if !durable.Survive(func() { work(newBakery(faulty)) }) {
			t.Fatalf("operation %d did not happen", at)
		}
		for _, keep := range []float64{0, 0.5, 1} {
			b := newBakery(mem.Crash(keep))
			if err := work(b); err != nil {
				t.Fatalf("killed before operation %d (%v): %v", at, ops[at-1], err)
			}
			if len(b.notices) > 0 {
				t.Errorf("killed before operation %d (%v): a marker was there too early: %q", at, ops[at-1], b.notices)
			}
		}
	}
}
