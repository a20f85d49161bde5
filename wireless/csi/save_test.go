package csi

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/comlam/comlam/format/npy"
	"github.com/comlam/comlam/internal/durable"
)

func read(t *testing.T, fsys durable.FS, name string) []byte {
	t.Helper()
	f, err := fsys.OpenFile(name, os.O_RDONLY)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestSavedSamplesAreTheDrawnOnes(t *testing.T) {
	g := build(t, small("cdl-b"))
	fsys := durable.NewMemFS(1)
	if err := Save(context.Background(), fsys, "train", g, SaveConfig{Seed: 4, First: 10, Count: 3, Workers: 2}); err != nil {
		t.Fatal(err)
	}
	file := read(t, fsys, "train.npy")
	h, values, err := npy.ReadAll[complex64](bytes.NewReader(file), 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	if want := []int{3, 3, 4, 1, 2}; !slices.Equal(h.Shape, want) {
		t.Errorf("shape %v, want %v", h.Shape, want)
	}
	for i := range uint64(3) {
		n := uint64(g.Shape().Len())
		if !slices.Equal(values[i*n:(i+1)*n], sample(g, 4, 10+i)) {
			t.Errorf("sample %d is not sample %d of the seed", i, 10+i)
		}
	}
	meta, err := ReadMeta(bytes.NewReader(read(t, fsys, "train.json")))
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(file)
	want := g.Meta(4, 10, 3)
	want.SHA256 = hex.EncodeToString(sum[:])
	if !slices.Equal(meta.Shape, h.Shape) || meta.SHA256 != want.SHA256 || meta.Seed != 4 || meta.FirstIndex != 10 ||
		meta.Speed != want.Speed || meta.Tx != want.Tx || meta.CarrierHz != 3.5e9 {
		t.Errorf("sidecar %+v, want %+v", meta, want)
	}
	if text := string(read(t, fsys, "train.json")); !strings.Contains(text, `"speed": "3 to 120 km/h"`) ||
		!strings.Contains(text, "noiseless samples") || !strings.Contains(text, `"subcarrier"`) {
		t.Errorf("sidecar does not read well:\n%s", text)
	}
}

// Killed or failing at any file operation, Save leaves no sidecar that vouches for
// samples that are not there.
func TestSaveFailsWhole(t *testing.T) {
	g := build(t, small("jakes"))
	for at := 1; ; at++ {
		mem := durable.NewMemFS(uint64(at))
		faulty := durable.Faulty(mem, durable.Plan{At: at, Fault: durable.FailIO})
		err := Save(context.Background(), faulty, "x", g, SaveConfig{Count: 2, Workers: 1})
		names := ""
		entries, listErr := mem.ReadDir(".")
		if listErr != nil {
			t.Fatal(listErr)
		}
		for _, e := range entries {
			names += e.Name() + " "
		}
		if err == nil {
			if !strings.Contains(names, "x.json") || !strings.Contains(names, "x.npy") {
				t.Errorf("saved %q", names)
			}
			if at < 5 {
				t.Errorf("only %d operations: nothing was tested", at)
			}
			return
		}
		if strings.Contains(names, "x.json") && !strings.Contains(names, "x.npy") {
			t.Errorf("operation %d failed with %v and left %q", at, err, names)
		}
	}
}

func TestSaveStopsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	fsys := durable.NewMemFS(1)
	if err := Save(ctx, fsys, "x", build(t, small("jakes")), SaveConfig{Count: 9, Workers: 1}); err != context.Canceled {
		t.Errorf("error %v, want context.Canceled", err)
	}
	if _, err := fsys.Stat("x.npy"); err == nil {
		t.Error("an incomplete file has its name")
	}
}

func TestReadMetaRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"":                                "data set description",
		`{"generator": "csi/0"}`:          `"csi/0"`,
		strings.Repeat(" ", 1<<20) + "{}": "at most 1048576",
	} {
		if _, err := ReadMeta(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
}

// leaping is a clock that makes every sample a checkpoint.
func leaping() func() time.Time {
	now := time.Unix(0, 0)
	return func() time.Time { now = now.Add(keepEvery); return now }
}

func files(t *testing.T, fsys durable.FS) map[string]string {
	t.Helper()
	entries, err := fsys.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	m := map[string]string{}
	for _, e := range entries {
		m[e.Name()] = string(read(t, fsys, e.Name()))
	}
	return m
}

// Killed at any file operation, with whatever a power cut leaves of what was not
// flushed, the same call ends with the same bytes and leaves nothing else.
func TestSaveContinuesToTheSameBytes(t *testing.T) {
	g := build(t, small("jakes"))
	c := SaveConfig{Seed: 3, First: 7, Count: 4, Workers: 1}
	whole := durable.NewMemFS(1)
	if err := Save(context.Background(), whole, "x", g, c); err != nil {
		t.Fatal(err)
	}
	want := files(t, whole)
	if len(want) != 2 {
		t.Fatalf("a whole job leaves %d files", len(want))
	}
	continued := 0
	for at := 1; ; at++ {
		for _, keep := range []float64{0, 0.5, 1} {
			mem := durable.NewMemFS(uint64(at))
			c.now = leaping()
			killed := durable.Survive(func() {
				_ = Save(context.Background(), durable.Faulty(mem, durable.Plan{At: at, Fault: durable.Kill, Kill: durable.PanicKilled}), "x", g, c)
			})
			after := mem.Crash(keep)
			begins := uint64(math.MaxUint64)
			c.Progress = func(done uint64) { begins = min(begins, done) }
			if err := Save(context.Background(), after, "x", g, c); err != nil {
				t.Fatalf("killed at operation %d, %g kept: %v", at, keep, err)
			}
			c.Progress = nil
			got := files(t, after)
			if !maps.Equal(got, want) {
				t.Fatalf("killed at operation %d, %g kept: %v", at, keep, slices.Collect(maps.Keys(got)))
			}
			if begins > 0 && begins < c.Count {
				continued++
			}
			if !killed {
				if at < 15 || continued < 5 {
					t.Errorf("%d operations, %d times continued: too little was tested", at, continued)
				}
				return
			}
		}
	}
}

// Stopped by its context, a job continues where it was, and another job does not
// continue it.
func TestSaveKeepsWhatWasDrawn(t *testing.T) {
	g := build(t, small("jakes"))
	fsys := durable.NewMemFS(1)
	ctx, cancel := context.WithCancel(context.Background())
	c := SaveConfig{Seed: 1, Count: 50, Workers: 2}
	c.Progress = func(done uint64) {
		if done == 20 {
			cancel()
		}
	}
	if err := Save(ctx, fsys, "x", g, c); err != context.Canceled {
		t.Fatalf("error %v, want context.Canceled", err)
	}
	var seen []uint64
	c.Progress = func(done uint64) { seen = append(seen, done) }
	if err := Save(context.Background(), fsys, "x", g, c); err != nil || seen[0] != 20 {
		t.Fatalf("continued at %v, %v", seen[:1], err)
	}
	seen = nil
	if err := Save(context.Background(), fsys, "x", g, c); err != nil || len(seen) != 1 {
		t.Errorf("a complete job was done again: %v %v", seen, err)
	}
	ctx, cancel = context.WithCancel(context.Background())
	c.Progress = func(done uint64) { cancel() }
	c.Seed, c.Replace = 2, true
	if err := Save(ctx, fsys, "x", g, c); err != context.Canceled {
		t.Fatal(err)
	}
	c.Seed, c.Replace, seen = 1, false, nil
	c.Progress = func(done uint64) { seen = append(seen, done) }
	if err := Save(context.Background(), fsys, "x", g, c); err != nil || len(seen) != 1 {
		t.Errorf("the old samples are still there and were drawn again: %v, %v", seen, err)
	}
}

// TestKilledJobsKeepTheirSamples: a job is killed at every operation, in an empty folder
// or while it replaces another; then another one comes without leave to replace. Complete
// samples of the first, and parts of which some are drawn, stay to the byte; the first goes
// on as if nothing had been.
func TestKilledJobsKeepTheirSamples(t *testing.T) {
	g := build(t, small("jakes"))
	one, two := SaveConfig{Seed: 1, Count: 4, Workers: 1}, SaveConfig{Seed: 2, Count: 4, Workers: 1}
	save := func(fsys durable.FS, c SaveConfig) error {
		c.now = leaping()
		return Save(context.Background(), fsys, "x", g, c)
	}
	want := map[uint64]string{}
	for _, c := range []SaveConfig{one, two} {
		fsys := durable.NewMemFS(1)
		if err := save(fsys, c); err != nil {
			t.Fatal(err)
		}
		want[c.Seed] = files(t, fsys)["x.npy"]
	}
	for _, over := range []bool{false, true} {
		kept := 0
		for at := 1; ; at++ {
			mem := durable.NewMemFS(uint64(at))
			if over { // what is there is the other's
				if err := save(mem, two); err != nil {
					t.Fatal(err)
				}
			}
			first := one
			first.Replace = over
			killed := durable.Survive(func() {
				_ = save(durable.Faulty(mem, durable.Plan{At: at, Fault: durable.Kill, Kill: durable.PanicKilled}), first)
			})
			fsys := mem.Crash(1)
			before := files(t, fsys)
			ours := before["x.npy"] == want[1]
			log, _ := durable.ReadLog(fsys, "x.npy.progress")
			err := save(fsys, two)
			after := files(t, fsys)
			if ours && after["x.npy"] != want[1] {
				t.Fatalf("over %v, killed at %d: the complete samples are gone, %v", over, at, err)
			}
			if len(log) > 1 && after["x.npy.part"] != before["x.npy.part"] {
				t.Fatalf("over %v, killed at %d: the part is another, %v", over, at, err)
			}
			if ours {
				kept++
			}
			// The first one needs no leave for what is its own, and with leave always ends right.
			if err := save(fsys, one); ours && err != nil {
				t.Fatalf("over %v, killed at %d: %v", over, at, err)
			}
			first.Replace = true
			if err := save(fsys, first); err != nil || files(t, fsys)["x.npy"] != want[1] {
				t.Fatalf("over %v, killed at %d: %v", over, at, err)
			}
			if !killed {
				if kept < 3 {
					t.Errorf("over %v: %d times complete, too little was tested", over, kept)
				}
				break
			}
		}
	}
}

// A file that is no description of samples is not taken for one.
func TestSaveKeepsOtherFiles(t *testing.T) {
	g := build(t, small("jakes"))
	fsys := durable.NewMemFS(1)
	if err := durable.WriteFile(fsys, "x.json", []byte(`{"my": "settings"}`)); err != nil {
		t.Fatal(err)
	}
	var occupied *OccupiedError
	c := SaveConfig{Seed: 1, Count: 4, Workers: 1}
	if err := Free(fsys, "x", g, c); !errors.As(err, &occupied) || occupied.File != "x.json" {
		t.Errorf("got %v", err)
	}
	if err := Save(context.Background(), fsys, "x", g, c); !errors.As(err, &occupied) || len(files(t, fsys)) != 1 {
		t.Errorf("got %v", err)
	}
}

// flip changes a bit in the middle of a file.
func flip(fsys durable.FS, name string) error {
	text, err := durable.ReadFile(fsys, name)
	if err != nil {
		return err
	}
	text[len(text)/2] ^= 4
	return durable.WriteFile(fsys, name, text)
}

// A complete job leaves alone what another has drawn in part, which can then go on.
func TestSaveKeepsPartsOfOthers(t *testing.T) {
	g := build(t, small("jakes"))
	fsys := durable.NewMemFS(1)
	whole := SaveConfig{Seed: 1, Count: 5, Workers: 1}
	if err := Save(context.Background(), fsys, "x", g, whole); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	half := SaveConfig{Seed: 2, Count: 20, Workers: 1, Replace: true, Progress: func(done uint64) {
		if done == 10 {
			cancel()
		}
	}}
	if err := Save(ctx, fsys, "x", g, half); err != context.Canceled {
		t.Fatal(err)
	}
	if err := Save(context.Background(), fsys, "x", g, whole); err != nil {
		t.Fatal(err)
	}
	from := uint64(math.MaxUint64)
	half.Progress = func(done uint64) { from = min(from, done) }
	if err := Save(context.Background(), fsys, "x", g, half); err != nil || from != 10 {
		t.Errorf("it went on from %d: %v", from, err)
	}
}

// What another job has written, whole or in part, stays to the byte unless it is to be
// replaced.
func TestSaveKeepsOtherSamples(t *testing.T) {
	g := build(t, small("jakes"))
	c := SaveConfig{Seed: 1, Count: 20, Workers: 1}
	for what, prepare := range map[string]func(durable.FS) error{
		"whole": func(fsys durable.FS) error { return Save(context.Background(), fsys, "x", g, c) },
		"in part": func(fsys durable.FS) error {
			ctx, cancel := context.WithCancel(context.Background())
			half := c
			half.Progress = func(done uint64) {
				if done == 10 {
					cancel()
				}
			}
			if err := Save(ctx, fsys, "x", g, half); err != context.Canceled {
				return fmt.Errorf("stopped: %v", err)
			}
			return nil
		},
		"changed": func(fsys durable.FS) error {
			return errors.Join(Save(context.Background(), fsys, "x", g, c), flip(fsys, "x.npy"))
		},
		"not described": func(fsys durable.FS) error {
			return errors.Join(Save(context.Background(), fsys, "x", g, c), durable.RemoveAll(fsys, "x.json"))
		},
	} {
		fsys := durable.NewMemFS(1)
		if err := prepare(fsys); err != nil {
			t.Fatal(err)
		}
		before := files(t, fsys)
		other := c
		if what != "changed" {
			other.Seed = 2
		}
		var occupied *OccupiedError
		if err := Save(context.Background(), fsys, "x", g, other); !errors.As(err, &occupied) {
			t.Errorf("%s: got %v", what, err)
		}
		if !maps.Equal(files(t, fsys), before) {
			t.Errorf("%s: the files have changed", what)
		}
		other.Replace = true
		if err := Save(context.Background(), fsys, "x", g, other); err != nil {
			t.Errorf("%s: %v", what, err)
		}
		if err := Save(context.Background(), fsys, "x", g, other); err != nil {
			t.Errorf("%s, again: %v", what, err)
		}
	}
}

// One after the other, the shards are the whole, for any number of shards and workers.
func TestShardsAreTheWhole(t *testing.T) {
	g := build(t, small("cdl-b"))
	fsys := durable.NewMemFS(1)
	whole := SaveConfig{Seed: 5, First: 3, Count: 7, Workers: 1}
	if err := Save(context.Background(), fsys, "whole", g, whole); err != nil {
		t.Fatal(err)
	}
	_, want, err := npy.ReadAll[complex64](bytes.NewReader(read(t, fsys, "whole.npy")), 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	for _, shards := range []uint64{1, 2, 3, 7} {
		var got []complex64
		for i := uint64(1); i <= shards; i++ {
			name := ShardName("part", i, shards)
			c := whole.Shard(i, shards)
			c.Workers = int(i)
			if err := Save(context.Background(), fsys, name, g, c); err != nil {
				t.Fatal(err)
			}
			_, h, err := npy.ReadAll[complex64](bytes.NewReader(read(t, fsys, name+".npy")), 1<<20)
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, h...)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%d shards are not the whole", shards)
		}
	}
}

// Two at once do not write one file.
func TestSaveIsLocked(t *testing.T) {
	g := build(t, small("jakes"))
	fsys := durable.NewMemFS(1)
	var second error
	c := SaveConfig{Count: 2, Workers: 1}
	c.Progress = func(done uint64) {
		if done == 1 {
			second = Save(context.Background(), fsys, "x", g, SaveConfig{Count: 2, Workers: 1})
		}
	}
	if err := Save(context.Background(), fsys, "x", g, c); err != nil || !errors.Is(second, durable.ErrLocked) {
		t.Errorf("first %v, second %v", err, second)
	}
}
