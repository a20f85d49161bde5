package main

import (
	"bytes"
	"fmt"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/comlam/comlam/wireless/link"
)

func TestEveryCombination(t *testing.T) {
	args := []string{"a=1,2", "b=x", "c=3, 4", `d=[5, 6]`, "e"}
	if n := numCombinations(args); n != 4 {
		t.Errorf("%g combinations", n)
	}
	got := fmt.Sprint(everyCombination(args))
	want := "[[a=1 b=x c=3 d=[5, 6] e] [a=1 b=x c=4 d=[5, 6] e] [a=2 b=x c=3 d=[5, 6] e] [a=2 b=x c=4 d=[5, 6] e]]"
	if got != want {
		t.Errorf("got %s", got)
	}
}

// Who stops a run keeps the points that are done.
func TestInterruptedCurves(t *testing.T) {
	var out bytes.Buffer
	a := &app{out: &out}
	c := link.Curve{Name: "QPSK", Config: link.Default(), Points: []link.Point{{SNRdB: 3, Tally: link.Tally{Blocks: 7, BlockErrors: 2}}}}
	err := a.interruptedCurves(linkResult{File: "x.png"}, c)
	if exitCode(err) != exitInterrupted || !strings.Contains(out.String(), "3 dB") || strings.Contains(out.String(), "x.png") {
		t.Errorf("%v, %s", err, out.String())
	}
}

// Progress tells rate and time left, on a terminal and in a log.
func TestLinkMeter(t *testing.T) {
	for live, want := range map[bool]string{
		true:  "\rlink run, curve 2 of 3: point 2 of 4, 1 dB: 100 blocks, 5 wrong  50 blocks/s  10s left",
		false: `{"block_errors":5,"blocks":100,"blocks_per_s":50,"eta_s":10,"of":4,"point":2,"snr_db":1,"stage":"link run, curve 2 of 3"}` + "\n",
	} {
		var out bytes.Buffer
		m := newLinkMeter(&app{err: &out}, 1, 3)
		at := time.Unix(100, 0)
		m.live, m.began, m.shown, m.now = live, at, at, func() time.Time { return at }
		m.progress(link.Progress{Point: 0, NumPoints: 4, Done: .5, Tally: link.Tally{Blocks: 400}})
		at = at.Add(10 * time.Second)
		m.progress(link.Progress{Point: 1, NumPoints: 4, SNRdB: 1, Done: 1, Tally: link.Tally{Blocks: 100, BlockErrors: 5}})
		if out.String() != want {
			t.Errorf("got %q, want %q", out.String(), want)
		}
	}
}

func TestLinkFigureIsPainted(t *testing.T) {
	file := filepath.Join(t.TempDir(), "ber.png")
	if code, out, err := call("link", "run", "max_blocks=5", "-o", file, "--title", "QPSK"); code != 0 {
		t.Fatalf("exit code %d, %s%s", code, out, err)
	}
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if img, err := png.Decode(bytes.NewReader(b)); err != nil || img.Bounds().Dx() != 1280 {
		t.Errorf("%v", err)
	}
}

// Curves that differ in what is not in their names get it from the command line.
func TestCurvesAreToldApart(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"modulation=qpsk,16qam", "QPSK, AWGN|16QAM, AWGN"},
		{"code=ldpc num_bits=100 decoder.iterations=5,20", "QPSK, LDPC 100/200, AWGN, decoder.iterations=5|QPSK, LDPC 100/200, AWGN, decoder.iterations=20"},
	} {
		links, err := buildLinks(strings.Fields(c.args))
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, l := range links {
			names = append(names, l.name)
		}
		if got := strings.Join(names, "|"); got != c.want {
			t.Errorf("%s: %s", c.args, got)
		}
	}
}

// What was counted is shown although no figure can be drawn, and a place where none can
// be written is found before anything is counted.
func TestLinkFiguresThatCannotBe(t *testing.T) {
	file := filepath.Join(t.TempDir(), "ber.png")
	code, out, err := call("link", "run", "max_blocks=5", "snr=60 dB", "-o", file)
	if _, stat := os.Stat(file); code != exitData || !strings.Contains(out, "60 dB") || !strings.Contains(err, "no error was counted") || stat == nil {
		t.Errorf("exit code %d, %s%s", code, out, err)
	}
	code, out, err = call("link", "run", "max_blocks=5", "-o", filepath.Join(file, "there", "ber.png"))
	if code != exitData || out != "" || !strings.Contains(err, "ber.png") {
		t.Errorf("exit code %d, %s%s", code, out, err)
	}
	many := []string{"link", "run"}
	for i := range 40 {
		many = append(many, fmt.Sprintf("a%d=1,2,3,4,5,6,7,8", i))
	}
	if code, _, err := call(many...); code != exitUsage || !strings.Contains(err, "1.329e+36 curves") {
		t.Errorf("exit code %d, %s", code, err)
	}
}
