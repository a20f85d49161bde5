// Package bench measures the engine against references, in one run: a tuned PyTorch,
// a current one, GoMLX's Go backend, and what the machine itself can do.
//
// # Legs
//
// A leg is a program that is given [Sizes] and prints a [Head], then a [Value] for
// each row, as JSON lines. Every measurement is a process of its own, so that memory,
// thread pools and a crash are that leg's alone.
//
//	ours      this program, on its own engine
//	pytorch   pytorch.py with Debian's python3-torch on libopenblas0-openmp; the kernels
//	          of OpenBLAS (OPENBLAS_CORETYPE) that are fastest here and compute rightly
//	current   the same file with a release of PyTorch from PyPI
//	gomlx     this program, built with GOEXPERIMENT=simd, on GoMLX's Go backend; the
//	          fastest of its configurations that finishes
//
// Each Go leg and each PyTorch first computes products, and Go legs the convolution and
// its gradients, of whole numbers at the sizes that are timed; one that is wrong does not
// count, ours no more than another. The GPT step has to lower the loss. What is beyond a
// limit of the machine gets no verdict.
//
// A leg that is not there is absent, and says why and what would bring it. One that
// dies or hangs loses the row that it was at; its other rows are measured, and so are
// those of the other legs.
//
// # How a number comes about
//
// Rows are measured in groups: the GPT step, products, element-wise operations and
// convolution, the demo. First each configuration of a leg does a group briefly, and
// the fastest is kept for that group (by the geometric mean of its rows). Then come
// three rounds; in a round every leg does a group before any does the next, so that
// the drift of a shared machine hits all sides alike. A value is the best of all runs
// of all rounds: at least seven a round, for at least 0.3 s, after one that does not
// count; fewer where they take more than 20 s together. What others do on the machine only ever makes a run slower. Memory,
// allocations and the collector's share are promises: the largest of the rounds counts.
//
// # Definitions
//
//	gpt        tokens per second of training steps, forward, backward and AdamW: 6
//	           layers, width 384, 6 heads, vocabulary 4,096, head not tied, 8 x 256
//	           tokens, float32. Memory is VmHWM of the process, allocations are bytes
//	           on Go's heap per step, both of them and the collector's share of the
//	           processors' time once the first steps are done (VmHWM: of all)
//	sgemmN     2 N^3 / time of an N x N x N float32 product, against the rate of
//	           multiply-adds on registers, measured on all cores in the same run
//	bf16_N     the same in bfloat16, summed in float32. Where the processor has no dot
//	           instructions for bfloat16 the limit is the float32 one, and the row says so
//	conv2d     time of a 3 x 3 convolution of 64 to 64 channels on 32 images of 32 x 32
//	           and of both its gradients; each side in the layout that suits it
//	chain      time of 8 element-wise operations on 64 MB, against a copy of 64 MB
//	softmax, layernorm, gelu   time of the layer on 2,048 x 1,024 and of its gradients
//	demo       time of the training stages of the demo, forecast from real steps as
//	           `comlam plan` does
//
// A ratio is how many times better ours is; in rows that are costs (at_most) how many
// times as large.
package bench

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"
)

// Options say what is measured and with what.
type Options struct {
	Short bool     // sizes that only try the bench; the numbers mean nothing
	Only  []string // names of rows, as [Names] lists them; empty for all
	Legs  []string // of LegNames; empty for all

	// Self is this program and the arguments that make it a leg; sizes come last.
	Self []string
	// Progress is told how far it is, if it is not nil: at every step and each second.
	Progress func(Progress)
}

// Report is what came out.
type Report struct {
	Platform string      `json:"platform"`
	CPU      string      `json:"cpu"`
	Cores    int         `json:"cores"`
	Short    bool        `json:"short"` // the numbers mean nothing
	Seconds  float64     `json:"seconds"`
	Rounds   int         `json:"rounds"` // that were finished, of three
	Load     float64     `json:"load"`   // mean number of processes that wanted to run, the bench's own too; 0 if unknown
	Busy     bool        `json:"busy"`   // others took so much that no ratio is to be relied on
	Legs     []LegResult `json:"legs"`
	Rows     []Row       `json:"rows"`
}

// Check says which of the names does not exist.
func (o Options) Check() error {
	for _, name := range o.Legs {
		if !slices.Contains(LegNames, name) {
			return fmt.Errorf("there is no leg %q; use %s", name, strings.Join(LegNames, ", "))
		}
	}
	_, err := pick(specs(o.sizes()), o.Only)
	return err
}

func (o Options) sizes() Sizes {
	z := full()
	if o.Short {
		z = short()
	}
	z.Threads = runtime.GOMAXPROCS(0)
	return z
}

// Run measures. It fails only where the options are wrong or ctx is cancelled: what a
// leg cannot do is in the report. Cancelled after the first round, it returns what there
// is, beside the error.
func Run(ctx context.Context, o Options) (*Report, error) {
	z := o.sizes()
	if err := o.Check(); err != nil {
		return nil, err
	}
	list, _ := pick(specs(z), o.Only)
	names := o.Legs
	if len(names) == 0 {
		names = LegNames
	}
	began := time.Now()
	dir, err := os.MkdirTemp("", "comlam-bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	c := &conductor{sizes: z, limit: 5 * time.Minute, rounds: 3, clock: clock{tell: o.Progress}}
	if o.Short {
		c.limit, c.rounds = time.Minute, 1
	}
	for _, l := range legs(o.Self, dir) {
		if l.rows = rowsOf(list, l.name); slices.Contains(names, l.name) && len(l.rows) > 0 {
			c.legs = append(c.legs, l)
		}
	}
	before := load()
	if err := c.conduct(ctx); err != nil && c.finished == 0 {
		return nil, err
	}
	r := c.report(list, o.Short, began)
	r.Load = max(before, load())
	r.Busy = busy(r.Load, r.Cores)
	return r, context.Cause(ctx)
}

// report makes the rows of what the legs have measured.
func (c *conductor) report(list []spec, short bool, began time.Time) *Report {
	r := &Report{Platform: runtime.GOOS + "/" + runtime.GOARCH, CPU: processor(), Cores: c.sizes.Threads, Short: short, Rounds: c.finished}
	byName := map[string]*LegResult{}
	for _, name := range LegNames {
		byName[name] = &LegResult{Name: name, State: Absent, Why: notAsked}
	}
	for _, l := range c.legs {
		result := l.result()
		byName[l.name] = &result
		r.Legs = append(r.Legs, result)
	}
	for _, s := range list {
		row := s.compute(byName)
		if short {
			row.Met, row.ThenMet = nil, nil
		}
		r.Rows = append(r.Rows, row)
	}
	r.Seconds = time.Since(began).Seconds()
	return r
}
