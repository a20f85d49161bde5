package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/comlam/comlam/eval"
	"github.com/comlam/comlam/run"
)

// runsDir is the folder of all runs, below the working folder.
const runsDir = "runs"

func (a *app) demoCommand() *cobra.Command {
	o := a.options()
	c := &cobra.Command{
		Use:   "demo",
		Short: "simulate, train, adapt, evaluate and report, in about two minutes",
		Long: `Text: trains a tokenizer and a small language model on facts of 3GPP, tunes and aligns
it, and asks it questions. Radio: simulates channels, trains a wireless foundation model on
them, adapts it to a speed it has not seen, and compares it with the classical predictors
and the bounds on the same samples. Prints tables and writes one HTML report.`,
		Example: `  comlam demo
  comlam demo --short            # smaller: at most a minute
  comlam demo --json > demo.json # progress stays on the terminal`,
		Args: arguments(0, 0, "no argument"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.execute("comlam demo", func(ctx context.Context) (*run.Outcome, error) { return run.Demo(ctx, *o) }, demoResult)
		},
	}
	c.Flags().StringVar(&o.Seed, "seed", "", "`number` that every random draw depends on")
	c.Flags().BoolVar(&o.Short, "short", false, "a smaller demo, at most a minute")
	c.Flags().BoolVar(&o.DryRun, "dry-run", false, "say what would be done; write nothing")
	a.beforeRun(c, o)
	return c
}

func (a *app) runCommand() *cobra.Command {
	o := a.options()
	seed := ""
	c := &cobra.Command{
		Use:   "run RECIPE [key=value ...]",
		Short: "run a recipe; run it again to continue",
		Long: `Runs a recipe: one that comes with the program, by name, or a file. Settings are
changed by key=value. The results are in runs/; what is there from before and still
fits is used, and results of other settings are replaced, unless they have a name of
their own by --as. Ctrl-C writes a checkpoint and stops; a second one stops at once.`,
		Example: `  comlam run channelpred/jakes
  comlam run channelpred/cdlc train.steps=500 data.speed="3 to 30 km/h"
  comlam run channelpred/jakes --seed 2 --as jakes-2
  comlam run my.yaml --seed 7 --dry-run`,
		Args:              arguments(1, -1, "a recipe, then key=value"),
		ValidArgsFunction: completeRecipes,
		RunE: func(cmd *cobra.Command, args []string) error {
			overrides := args[1:]
			if seed != "" {
				overrides = append(overrides, "seed="+seed)
			}
			r, err := run.Load(args[0], overrides)
			if err != nil {
				return err
			}
			return a.execute("the same command", func(ctx context.Context) (*run.Outcome, error) { return run.Execute(ctx, r, *o) }, runResult(r.Name))
		},
	}
	c.Flags().StringVar(&seed, "seed", "", "`number` that every random draw depends on")
	c.Flags().StringVar(&o.Name, "as", "", "`name` of the run's folder; otherwise that of the recipe")
	c.Flags().BoolVar(&o.Force, "force", false, "run it although memory or disk cannot hold it; see comlam plan")
	c.Flags().BoolVar(&o.DryRun, "dry-run", false, "check, and say what would be done; write nothing")
	a.beforeRun(c, o)
	return c
}

func (a *app) options() *run.Options { return &run.Options{Dir: runsDir} }

// beforeRun fills in the options that depend on the flags of all commands.
func (a *app) beforeRun(c *cobra.Command, o *run.Options) {
	c.PreRun = func(*cobra.Command, []string) {
		o.Quiet, o.Progress, o.Live = a.quiet, a.err, isTerminal(a.err)
		if os.Getenv("GOGC") == "" {
			debug.SetGCPercent(thrift)
		}
	}
}

// thrift is how far the heap may grow before it is collected, in percent of what is
// live. Weights, gradients and texts are large and hold few pointers, so collecting them
// often costs little; the default of 100 took half as much memory again, as luck would
// have it, which no plan can foresee.
const thrift = 25

// execute runs until the end or the first interrupt, and shows what came out.
func (a *app) execute(again string, do func(context.Context) (*run.Outcome, error), result func(*run.Outcome) any) error {
	ctx, stop := a.interruptible()
	defer stop()
	o, err := do(ctx)
	if errors.Is(context.Cause(ctx), run.ErrInterrupted) && exitCode(err) == exitInterrupted {
		return fmt.Errorf("%w: what was done is kept; %s continues", run.ErrInterrupted, again)
	}
	if err != nil {
		return err
	}
	if err := a.show(o, result); err != nil {
		return err
	}
	if failed := o.Failed(); len(failed) > 0 {
		return gateError{failed}
	}
	return nil
}

// interruptible returns a context that the first interrupt cancels; the second one
// ends the program.
func (a *app) interruptible() (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	done := make(chan struct{})
	go func() {
		for range 2 {
			select {
			case <-signals:
			case <-done:
				return
			}
			if ctx.Err() != nil {
				os.Exit(exitInterrupted)
			}
			fmt.Fprintln(a.err, "\ncomlam: stopping after this step; once more stops at once")
			cancel(run.ErrInterrupted)
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		close(done)
		cancel(nil)
	}
}

// show prints the outcome of a run.
func (a *app) show(o *run.Outcome, result func(*run.Outcome) any) error {
	if o.Rows == nil {
		o.Rows = []eval.Row{} // [] in JSON, not null
	}
	if len(o.Plan) > 0 {
		return a.showPlan(o)
	}
	if a.json {
		return a.print(result(o))
	}
	writeRows(a.out, o.Rows)
	for _, g := range o.Gates {
		verdict := "ok"
		if !g.OK {
			verdict = "FAILED"
		}
		fmt.Fprintf(a.out, "%-7s %s: %s\n", verdict, g.Name, g.Text)
	}
	if len(o.Gates) > 0 {
		fmt.Fprintln(a.out)
	}
	_, err := fmt.Fprintf(a.out, "%s  (%.1f s, peak %.0f MiB)\n", o.Report, o.Seconds, o.PeakMiB)
	return err
}

func (a *app) showPlan(o *run.Outcome) error {
	if a.json {
		return a.print(map[string]any{"plan": o.Plan, "run_dir": o.RunDir})
	}
	for _, line := range o.Plan {
		fmt.Fprintln(a.out, line)
	}
	_, err := io.WriteString(a.out, "would write to "+o.RunDir+"\n")
	return err
}

// demoResult is the JSON of the demo: rows, seconds, peak_mib, report.
func demoResult(o *run.Outcome) any { return o }

// runResult adds what tells runs apart.
func runResult(recipe string) func(*run.Outcome) any {
	return func(o *run.Outcome) any {
		return struct {
			Recipe string `json:"recipe"`
			RunDir string `json:"run_dir"`
			*run.Outcome
		}{recipe, o.RunDir, o}
	}
}
