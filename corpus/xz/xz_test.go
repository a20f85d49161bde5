package xz

import (
	"context"
	"errors"
	"iter"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/comlam/comlam/internal/rng"
)

func texts(list ...string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for _, t := range list {
			if !yield(t, nil) {
				return
			}
		}
	}
}

// noise is text that nothing compresses much.
func noise(seed uint64, n int) string {
	s := rng.New(seed)
	b := make([]byte, n)
	for i := range b {
		b[i] = byte('0' + s.IntN(64))
	}
	return string(b)
}

func need(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("xz"); err != nil {
		t.Skip("no xz on the PATH")
	}
}

// TestPrimedKnowsTheTraining: noise of 6 bits a byte costs that, and next to nothing
// after a training text that has it.
func TestPrimedKnowsTheTraining(t *testing.T) {
	need(t)
	held := noise(1, 100_000)
	f, err := Measure(context.Background(), texts(noise(2, 50_000), held, noise(3, 50_000)), texts(held))
	if err != nil {
		t.Fatal(err)
	}
	if f.Alone < 6 || f.Alone > 6.2 || f.Primed < 0 || f.Primed > 0.05 {
		t.Errorf("alone %.3f, primed %.3f bits a byte", f.Alone, f.Primed)
	}
	if f.HeldOut != 100_000 || f.Training != 200_000 || f.JoinedXZ <= f.TrainXZ || !strings.Contains(f.Version, "xz") {
		t.Errorf("%+v", f)
	}
	if f, err = Measure(context.Background(), texts(noise(2, 50_000)), texts(held)); err != nil || f.Primed < 5.9 {
		t.Errorf("primed with other noise: %.3f bits a byte, %v", f.Primed, err)
	}
}

// TestSameAsTheCommand compares with xz -9e on a file.
func TestSameAsTheCommand(t *testing.T) {
	need(t)
	text := strings.Repeat("a slot of numerology 1 lasts half a millisecond; ", 40) + noise(4, 3000)
	file := filepath.Join(t.TempDir(), "text")
	if err := os.WriteFile(file, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("xz", "-9e", "--stdout", "--threads=1", file).Output()
	if err != nil {
		t.Fatal(err)
	}
	f, err := Measure(context.Background(), texts(), texts(text[:100], text[100:]))
	if err != nil || f.AloneXZ != int64(len(out)) {
		t.Errorf("%d bytes, the command makes %d; %v", f.AloneXZ, len(out), err)
	}
}

func TestRefusals(t *testing.T) {
	need(t)
	if _, err := Measure(context.Background(), texts("a"), texts()); err == nil {
		t.Error("nothing held out is compressed")
	}
	failing := func(yield func(string, error) bool) { yield("", os.ErrClosed) }
	if _, err := Measure(context.Background(), failing, texts("a")); !errors.Is(err, os.ErrClosed) {
		t.Errorf("a failing source: %v", err)
	}
	ctx, stop := context.WithCancel(context.Background())
	stop()
	if _, err := Measure(ctx, texts("a"), texts("a")); err == nil {
		t.Error("a stopped context is not seen")
	}
}

func TestAbsent(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	if _, err := Measure(context.Background(), texts("a"), texts("a")); !errors.Is(err, ErrAbsent) {
		t.Errorf("got %v", err)
	}
}
