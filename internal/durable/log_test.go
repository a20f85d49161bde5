package durable

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
)

type logRecord struct {
	Step int    `json:"step"`
	Note string `json:"note"`
}

func record(i int) logRecord {
	return logRecord{i, strings.Repeat("x", i*37%200) + "\n"}
}

func openLog(t *testing.T, fsys FS) *Log {
	t.Helper()
	l, err := OpenLog(fsys, "metrics.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// checkRecords demands that the log holds exactly the first n records.
func checkRecords(t *testing.T, fsys FS, n int) {
	t.Helper()
	got, err := ReadLog(fsys, "metrics.jsonl")
	if err != nil || len(got) != n {
		t.Fatalf("%d records, %v; want %d", len(got), err, n)
	}
	for i, raw := range got {
		if want := fmt.Sprintf(`{"step":%d,`, i); !strings.HasPrefix(string(raw), want) {
			t.Fatalf("record %d is %s", i, raw)
		}
	}
}

func appendAll(l *Log, from, to int) error {
	for i := from; i < to; i++ {
		if err := l.Append(record(i)); err != nil {
			return err
		}
	}
	return nil
}

func TestLogOnOS(t *testing.T) {
	fsys := inTemp(t)
	l := openLog(t, fsys)
	if err := errors.Join(appendAll(l, 0, 10), l.Sync(), l.Close()); err != nil {
		t.Fatal(err)
	}
	l = openLog(t, fsys)
	if l.Len() != 10 || l.Dropped() != 0 {
		t.Fatalf("%d records, %d bytes dropped", l.Len(), l.Dropped())
	}
	if err := errors.Join(l.Truncate(4), appendAll(l, 4, 6), l.Close()); err != nil {
		t.Fatal(err)
	}
	checkRecords(t, fsys, 6)
}

// TestLogTornAtEveryByte cuts the file at each byte of its last record.
func TestLogTornAtEveryByte(t *testing.T) {
	fsys := NewMemFS(1)
	l := openLog(t, fsys)
	if err := appendAll(l, 0, 3); err != nil {
		t.Fatal(err)
	}
	whole, err := ReadFile(fsys, "metrics.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	two := l.ends[1]
	for cut := two; cut < int64(len(whole)); cut++ {
		overwrite(t, fsys, "metrics.jsonl", whole[:cut])
		l := openLog(t, fsys)
		if l.Len() != 2 || l.Dropped() != cut-two {
			t.Fatalf("cut at %d: %d records, %d dropped", cut, l.Len(), l.Dropped())
		}
		if err := appendAll(l, 2, 5); err != nil {
			t.Fatal(err)
		}
		checkRecords(t, fsys, 5)
	}
}

// TestLogPowerCut: what was flushed is there, and what is there is a beginning.
func TestLogPowerCut(t *testing.T) {
	seeds := 1000
	if testing.Short() {
		seeds = 100
	}
	for seed := range seeds {
		r := rand.New(rand.NewPCG(uint64(seed), 3))
		mem := NewMemFS(uint64(seed))
		l := openLog(t, mem)
		flushed := r.IntN(20)
		total := flushed + r.IntN(20)
		if err := errors.Join(appendAll(l, 0, flushed), l.Sync(), appendAll(l, flushed, total)); err != nil {
			t.Fatal(err)
		}
		for _, keep := range []float64{0, r.Float64(), 1} {
			after := mem.Crash(keep)
			l := openLog(t, after)
			if l.Len() < flushed || l.Len() > total || (keep == 1 && l.Len() != total) {
				t.Fatalf("seed %d keep %g: %d records, %d flushed of %d", seed, keep, l.Len(), flushed, total)
			}
			checkRecords(t, after, l.Len())
			if err := errors.Join(l.Truncate(flushed), appendAll(l, flushed, flushed+3)); err != nil {
				t.Fatal(err)
			}
			checkRecords(t, after, flushed+3)
		}
	}
}

// TestLogFaults lets every operation fail: an append that failed leaves no
// trace, and the log goes on or has to be opened again.
func TestLogFaults(t *testing.T) {
	for _, fault := range []Fault{FailIO, FailSpace, ShortWrite} {
		for at := 1; at <= 14; at++ {
			mem := NewMemFS(1)
			fsys := Faulty(mem, Plan{At: at, Fault: fault})
			l, err := OpenLog(fsys, "metrics.jsonl")
			if err != nil {
				l = openLog(t, fsys)
			}
			for i := range 5 {
				if err := l.Append(record(i)); err == nil {
					continue
				} else if !strings.Contains(err.Error(), `"metrics.jsonl"`) {
					t.Errorf("error %v names no file", err)
				}
				if err := l.Append(record(i)); err != nil {
					t.Fatalf("fault %d at %d: append again: %v", fault, at, err)
				}
			}
			if err := errors.Join(l.Sync(), l.Truncate(4)); err != nil {
				l.Close()
				l = openLog(t, fsys)
				if err := l.Truncate(4); err != nil {
					t.Fatalf("fault %d at %d: %v", fault, at, err)
				}
			}
			checkRecords(t, mem.Crash(0), 4)
		}
	}
}

func TestLogRefusals(t *testing.T) {
	fsys := NewMemFS(1)
	l := openLog(t, fsys)
	if err := l.Append(math.NaN()); err == nil || !strings.Contains(err.Error(), "NaN") {
		t.Errorf("NaN: %v", err)
	}
	for _, n := range []int{-1, 1} {
		if err := l.Truncate(n); err == nil {
			t.Errorf("truncate an empty log to %d: no error", n)
		}
	}
	if err := appendAll(l, 0, 2); err != nil {
		t.Error(err)
	}
	checkRecords(t, fsys, 2)
	if _, err := OpenLog(fsys, "no/folder"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no folder: %v", err)
	}
	if _, err := ReadLog(fsys, "none"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
}
