package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/comlam/comlam/backend"
	"github.com/comlam/comlam/run"
	"github.com/comlam/comlam/run/bench"
)

func (a *app) benchCommand() *cobra.Command {
	return group(&cobra.Command{Use: "bench", Short: "measure the engine and the radio against references",
		Example: "  comlam bench engine\n  comlam bench engine --only gpt\n  comlam bench engine --json > bench.json"},
		a.benchEngine(), a.benchRadio(), a.benchLeg())
}

func (a *app) benchEngine() *cobra.Command {
	var o bench.Options
	c := &cobra.Command{
		Use:   "engine",
		Short: "compare the engine with PyTorch, GoMLX and the machine's limits",
		Long: `Measures the engine and, in the same run and in turn, what it is compared with:
PyTorch as it is fastest here (Debian's python3-torch with libopenblas0-openmp), a
current release of PyTorch, GoMLX's Go backend with vector instructions, and the limits
of the machine. What is not there is left out and named. Some fifteen minutes; use a
machine that does nothing else. Ctrl-C after the first round prints what there is.

Environment: COMLAM_PYTHON and COMLAM_PYTHON_CURRENT name the interpreters. GoMLX's
leg is built from ComLAM's source, with the Go toolchain, when run inside of it.`,
		Example: `  comlam bench engine
  comlam bench engine --only gpt,softmax --legs ours,pytorch
  comlam bench engine --json > bench.json`,
		Args: arguments(0, 0, "no argument"),
		RunE: func(*cobra.Command, []string) error { return a.benchmark(o) },
	}
	f := c.Flags()
	f.StringSliceVar(&o.Only, "only", nil, "only these `rows`: "+strings.Join(bench.Names(), ", ")+"; or one size, such as sgemm1024")
	f.StringSliceVar(&o.Legs, "legs", nil, "only these `legs`: "+strings.Join(bench.LegNames, ", "))
	f.BoolVar(&o.Short, "short", false, "sizes that take no time; tries the bench, its numbers mean nothing")
	complete(c, "only", bench.Names())
	complete(c, "legs", bench.LegNames)
	return c
}

// benchLeg is the program that is measured, one engine in a process of its own.
func (a *app) benchLeg() *cobra.Command {
	return &cobra.Command{
		Use: "leg SIZES", Short: "measure one engine; for bench engine", Hidden: true, Args: arguments(1, 1, "sizes as JSON"),
		RunE: func(_ *cobra.Command, args []string) error { return bench.Leg(args[0], backend.OpenAll, a.out) },
	}
}

func (a *app) benchmark(o bench.Options) error {
	if err := o.Check(); err != nil {
		return usageError{err}
	}
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this program: %w", err)
	}
	o.Self = []string{self, "bench", "leg"}
	p := benchProgress{w: a.err, live: isTerminal(a.err)}
	if !a.quiet {
		o.Progress = p.show
	}
	ctx, stop := a.interruptible()
	defer stop()
	r, err := bench.Run(ctx, o)
	p.finish()
	if errors.Is(err, run.ErrInterrupted) && r == nil {
		return fmt.Errorf("%w: no round was finished, nothing is kept", err)
	}
	if r == nil {
		return err
	}
	if a.json {
		return errors.Join(a.print(r), err)
	}
	return errors.Join(writeBench(a.out, r), err)
}

// benchProgress shows how far the bench is, once it takes longer than patience.
type benchProgress struct {
	w     io.Writer
	live  bool
	width int    // of the line that stands on the terminal
	said  string // last, elsewhere
}

func (b *benchProgress) show(p bench.Progress) {
	if p.Seconds < patience.Seconds() || !b.live && p.What == b.said {
		return
	}
	b.said = p.What
	if !b.live {
		line, _ := json.Marshal(map[string]any{"stage": "bench", "message": p.What, "seconds": math.Round(p.Seconds), "eta_s": math.Round(p.Left)})
		fmt.Fprintf(b.w, "%s\n", line)
		return
	}
	text := fmt.Sprintf("%.70s", p.What)
	if p.Left > 0 {
		text += fmt.Sprintf("  %v left", time.Duration(math.Round(p.Left))*time.Second)
	}
	fmt.Fprintf(b.w, "\r%-*s", b.width, text)
	b.width = len(text)
}

func (b *benchProgress) finish() {
	if b.width > 0 {
		fmt.Fprintf(b.w, "\r%s\r", strings.Repeat(" ", b.width))
	}
}

// writeBench prints the legs, then the table.
func writeBench(w io.Writer, r *bench.Report) error {
	fmt.Fprintf(w, "%s, %s, %d cores, %.0f s, %d rounds\n", r.CPU, r.Platform, r.Cores, r.Seconds, r.Rounds)
	if r.Busy {
		fmt.Fprintf(w, "NOTE: others kept the machine busy (load %.1f on %d cores): no ratio is to be relied on, and least of all\n"+
			"those to PyTorch, whose threads wait for each other\n", r.Load, r.Cores)
	}
	if r.Short {
		fmt.Fprintln(w, "short sizes: the numbers mean nothing")
	}
	fmt.Fprintln(w)
	for _, l := range r.Legs {
		writeLeg(w, l)
	}
	fmt.Fprintln(w)
	current := slices.ContainsFunc(r.Rows, func(row bench.Row) bool { return row.Current != nil })
	head := []string{"row", "ours", "against", "reference", "ratio", "target", "then", "verdict"}
	if current {
		head = slices.Insert(head, 5, "current", "to it")
	}
	lines := [][]string{head}
	for _, row := range r.Rows {
		lines = append(lines, benchLine(row, current))
	}
	return table(w, lines)
}

// writeLeg says what a leg is, or why it is not there.
func writeLeg(w io.Writer, l bench.LegResult) {
	text := l.State + ": " + l.Why
	if l.State == bench.Measured {
		text = l.Version
		for _, more := range []string{l.CPU, l.BLAS} {
			if more != "" {
				text += ", " + more
			}
		}
		text += fmt.Sprintf(", %d threads", l.Threads)
	}
	fmt.Fprintf(w, "%-17s %s\n", bench.Titles[l.Name], wrap(text, 80, strings.Repeat(" ", 18)))
	more := func(text string) { fmt.Fprintf(w, "%18s%s\n", "", wrap(text, 80, strings.Repeat(" ", 20))) }
	if l.Note != "" {
		more("NOTE: " + l.Note)
	}
	if l.State == bench.Absent {
		return
	}
	if l.Name == bench.GoMLX {
		more(largestProduct(l))
	}
	for _, t := range l.Configs {
		more(trialText(t))
	}
}

// largestProduct shows that the leg is not crippled.
func largestProduct(l bench.LegResult) string {
	for _, v := range slices.Backward(l.Values) {
		if n, ok := strings.CutPrefix(v.Row, "sgemm"); ok {
			return fmt.Sprintf("its own %s^3 SGEMM: %s", n, quantity(&v.Value, v.Unit))
		}
	}
	return "its own SGEMM: not measured"
}

// trialText says how fast a configuration was, 1 being the fastest.
func trialText(t bench.Trial) string {
	var parts []string
	for _, name := range []string{"gpt", "products", "layers", "demo"} {
		if speed, there := t.Speed[name]; there {
			parts = append(parts, fmt.Sprintf("%s %.2f", name, speed))
		}
	}
	return "tried " + t.Name + ": " + strings.Join(append(parts, t.Why...), ", ")
}

func benchLine(r bench.Row, current bool) []string {
	line := []string{r.What, quantity(r.Ours, r.Unit), r.Against, quantity(r.Reference, r.Unit), ratio(r.Ratio, r), target(r.Target, r), target(r.Then, r), verdict(r)}
	if current {
		line = slices.Insert(line, 5, quantity(r.Current, r.Unit), ratio(r.CurrentRatio, r))
	}
	return line
}

// quantity prints a value with its unit; times as the unit that suits them.
func quantity(v *float64, unit string) string {
	switch {
	case v == nil:
		return "-"
	case unit == "s" && *v < 1:
		return fmt.Sprintf("%.4g ms", *v*1e3)
	case unit == "tok/s" || unit == "MiB":
		return fmt.Sprintf("%.0f %s", *v, unit)
	}
	return fmt.Sprintf("%.4g %s", *v, unit)
}

// ratio prints how many times; of a limit of the machine, in percent.
func ratio(v *float64, r bench.Row) string {
	switch {
	case v == nil:
		return "-"
	case strings.Contains(r.Against, "peak"):
		return fmt.Sprintf("%.1f %%", 100**v)
	}
	return fmt.Sprintf("%.2fx", *v)
}

func target(v *float64, r bench.Row) string {
	if v == nil {
		return "-"
	}
	if r.AtMost {
		return "<= " + ratio(v, r)
	}
	return ">= " + ratio(v, r)
}

// verdict says whether the targets are met, or why nobody knows.
func verdict(r bench.Row) string {
	switch {
	case r.Why != "":
		return "-  " + r.Why
	case r.Met == nil && r.ThenMet == nil:
		return ""
	case r.Met == nil && *r.ThenMet, r.Met != nil && *r.Met && r.ThenMet != nil && *r.ThenMet:
		return "met, then met"
	case r.Met == nil:
		return "then not met"
	case !*r.Met:
		return "NOT MET"
	case r.ThenMet == nil:
		return "met"
	}
	return "met, then not met"
}
