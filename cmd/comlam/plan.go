package main

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/comlam/comlam/run"
)

func (a *app) planCommand() *cobra.Command {
	o := a.options()
	budget, memory := "", ""
	c := &cobra.Command{
		Use:   "plan RECIPE [key=value ...]",
		Short: "say what a recipe takes before it runs: time, memory, disk",
		Long: `Says what running a recipe takes on this machine: parameters, floating-point
operations, peak memory, disk and time, from the sizes of things and from a probe of
at most ten seconds that does a few real steps. Where something does not fit, it
proposes settings that do and exits with 4. The time holds for a machine as busy as it
is now.`,
		Example: `  comlam plan channelpred/jakes
  comlam plan channelpred/cdlc train.steps=500 --budget 30m --memory 1GiB
  comlam plan my.yaml --json`,
		Args:              arguments(1, -1, "a recipe, then key=value"),
		ValidArgsFunction: completeRecipes,
		RunE: func(_ *cobra.Command, args []string) error {
			limits, err := readLimits(budget, memory)
			if err != nil {
				return err
			}
			r, err := run.Load(args[0], args[1:])
			if err != nil {
				return err
			}
			ctx, stop := a.interruptible()
			defer stop()
			f, err := run.Plan(ctx, r, limits, *o)
			var fit *run.FitError
			if err != nil && !errors.As(err, &fit) {
				return interrupted(ctx, err)
			}
			if shown := a.showForecast(f); shown != nil {
				return shown
			}
			return err
		},
	}
	c.Flags().StringVar(&budget, "budget", "", "longest `time` it may take, such as 20m or 2h")
	c.Flags().StringVar(&memory, "memory", "", "most `memory` it may take, such as 1GiB; otherwise what is available")
	a.beforeRun(c, o)
	return c
}

func readLimits(budget, memory string) (run.Limits, error) {
	var l run.Limits
	var err error
	if budget != "" {
		if l.Time, err = time.ParseDuration(budget); err != nil || l.Time <= 0 {
			return l, usagef("--budget %q is not a time; write it like 20m or 1h30m", budget)
		}
	}
	if memory != "" {
		l.MemoryMiB, err = readMiB(memory)
	}
	return l, err
}

// readMiB reads "512MiB" or "1.5GiB".
func readMiB(text string) (float64, error) {
	for unit, factor := range map[string]float64{"MiB": 1, "GiB": 1024} {
		number, ok := strings.CutSuffix(text, unit)
		v, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
		if ok && err == nil && v > 0 && !math.IsInf(v, 0) {
			return v * factor, nil
		}
	}
	return 0, usagef("--memory %q is not an amount of memory; write it like 512MiB or 1GiB", text)
}

func (a *app) showForecast(f *run.Forecast) error {
	if a.json {
		return a.print(f)
	}
	rows := [][]string{
		{"recipe", f.Recipe},
		{"parameters", strconv.Itoa(f.Parameters)},
		{"operations", fmt.Sprintf("%.3g GFLOP in training and adaptation", f.FLOP/1e9)},
		{"memory", room(f.PeakMiB, f.AvailMiB, "available")},
		{"disk", room(f.DiskMiB, f.FreeMiB, "free")},
	}
	if f.ProbeSeconds == 0 {
		rows = append(rows, []string{"time", "not probed"})
	} else {
		rows = append(rows, []string{"time", span(f.Seconds)})
		for _, s := range f.Stages {
			rows = append(rows, []string{"  " + s.Name, span(s.Seconds)})
		}
		rows = append(rows, []string{"probe", fmt.Sprintf("%.1f s", f.ProbeSeconds)})
	}
	for _, p := range f.Problems {
		rows = append(rows, []string{"PROBLEM", p})
	}
	for _, p := range f.Proposals {
		rows = append(rows, []string{"would do", p.String()})
	}
	return table(a.out, rows)
}

func room(need, there float64, word string) string {
	text := fmt.Sprintf("%.0f MiB at most", need)
	if there > 0 {
		text += fmt.Sprintf(", %.0f MiB %s", there, word)
	}
	return text
}

// span prints a time with as many figures as it is worth.
func span(seconds float64) string {
	if seconds < 60 {
		return fmt.Sprintf("%.1f s", seconds)
	}
	return time.Duration(math.Round(seconds) * float64(time.Second)).String()
}
