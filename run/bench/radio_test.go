package bench

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

func TestRadio(t *testing.T) {
	t.Setenv(SionnaVariable, "")
	before := runtime.GOMAXPROCS(0)
	r, err := Radio(context.Background(), true, RadioLegs)
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Rows) != 3 || !strings.HasPrefix(r.Sionna, "absent") || runtime.GOMAXPROCS(0) != before {
		t.Errorf("report %+v", r)
	}
	for _, row := range r.Rows {
		if !(row.Ours > 0) || row.Reference != nil {
			t.Errorf("row %+v", row)
		}
	}
}

// What the reference prints stands beside ours; one that dies says why.
func TestRadioAsksSionna(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the stand-in is a shell script")
	}
	python := filepath.Join(t.TempDir(), "python")
	t.Setenv(SionnaVariable, python)
	for want, script := range map[string]string{
		"Sionna 9":                       "echo '{\"version\": \"Sionna 9\"}'; echo '{\"row\": \"cdl\", \"value\": 0.5}'",
		"failed: exit status 3: no such": "echo no such module >&2; exit 3",
		"absent: it printed":             "echo hello",
	} {
		if err := os.WriteFile(python, []byte("#!/bin/sh\n"+script+"\n"), 0o777); err != nil {
			t.Fatal(err)
		}
		r := &RadioReport{Rows: []RadioRow{{Name: "cdl", Ours: 2}}}
		r.askSionna(context.Background())
		if !strings.HasPrefix(r.Sionna, want) {
			t.Errorf("it says %q, want %q", r.Sionna, want)
		}
		if ratio := r.Rows[0].Ratio; want == "Sionna 9" && (ratio == nil || *ratio != 4) {
			t.Errorf("ratio %v, want 4", ratio)
		}
	}
}

// Who interrupts gets that as the error, before a row and while the reference runs.
func TestRadioIsInterrupted(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the stand-in is a shell script")
	}
	stopped := errors.New("stopped")
	ctx, cancel := context.WithCancelCause(context.Background())
	python, began := filepath.Join(t.TempDir(), "python"), filepath.Join(t.TempDir(), "began")
	if err := os.WriteFile(python, []byte("#!/bin/sh\n: > "+began+"\nexec sleep 60\n"), 0o777); err != nil {
		t.Fatal(err)
	}
	t.Setenv(SionnaVariable, python)
	go func() {
		for {
			if _, err := os.Stat(began); err == nil {
				cancel(stopped)
				return
			}
			time.Sleep(time.Millisecond)
		}
	}()
	for range 2 {
		if r, err := Radio(ctx, true, RadioLegs); !errors.Is(err, stopped) {
			t.Errorf("got %+v, %v", r, err)
		}
	}
}
