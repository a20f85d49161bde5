package run

import (
	"errors"
	"io"

	"github.com/comlam/comlam/eval"
	"github.com/comlam/comlam/internal/durable"
)

// Options say where and how a recipe is executed.
type Options struct {
	Dir      string     // folder of all runs; "" = "runs"
	FS       durable.FS // nil = the operating system's
	Quiet    bool       // no progress
	Live     bool       // Progress is a terminal: one line, rewritten; else JSON lines
	Progress io.Writer  // nil = no progress
	Name     string     // of the run's folder; "" = that of the recipe
	Short    bool       // the demo in its short form
	Seed     string     // of the demo, instead of its recipes' own; "" = theirs
	DryRun   bool       // read, check and say what would be done; nothing is written
	Force    bool       // run what cannot fit as far as shapes tell
	Workers  int        // goroutines that train; 0 = GOMAXPROCS
}

// Outcome is what a run or the demo leaves.
type Outcome struct {
	Rows    []eval.Row `json:"rows"`
	Seconds float64    `json:"seconds"`
	PeakMiB float64    `json:"peak_mib"` // largest resident set of the process (VmHWM)
	Report  string     `json:"report"`   // path of the HTML report
	RunDir  string     `json:"-"`
	Gates   []Gate     `json:"-"`
	Plan    []string   `json:"-"` // stages that a dry run would do
}

// Gate is a promise that a run checks of itself.
type Gate struct {
	Name    string
	OK      bool
	Text    string // what was found
	Chinese string // the same, for the Chinese half of the report
}

// Failed lists the gates that did not hold.
func (o *Outcome) Failed() []Gate {
	var list []Gate
	for _, g := range o.Gates {
		if !g.OK {
			list = append(list, g)
		}
	}
	return list
}

// ErrInterrupted is the cause with which a caller cancels the context when the
// user asks to stop: training leaves a checkpoint, and running again continues.
var ErrInterrupted = errors.New("interrupted")

// Info is the run.json of a run directory.
type Info struct {
	Name     string            `json:"name"`
	Recipe   string            `json:"recipe"`
	Seed     uint64            `json:"seed"`
	Created  string            `json:"created"` // RFC 3339
	Status   string            `json:"status"`  // running, interrupted, failed, done
	Error    string            `json:"error,omitempty"`
	Seconds  float64           `json:"seconds,omitempty"`
	PeakMiB  float64           `json:"peak_mib,omitempty"`
	Kernel   string            `json:"kernel"`
	Versions map[string]string `json:"versions"`
	Stages   []string          `json:"stages,omitempty"` // their folders, in order
}
