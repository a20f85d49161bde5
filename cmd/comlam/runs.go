package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/comlam/comlam/internal/durable"
	"github.com/comlam/comlam/plot"
	"github.com/comlam/comlam/run"
)

func (a *app) runsCommand() *cobra.Command {
	return group(&cobra.Command{Use: "runs", Short: "list, show, plot, compare, check and continue what has been run",
		Example: "  comlam runs ls\n  comlam runs show demo\n  comlam runs diff demo demo-short"},
		a.runsLs(), a.runsShow(), a.runsPlot(), a.runsDiff(), a.runsVerify(), a.runsResume())
}

// completeRuns offers the names of runs for the first argument.
func (a *app) completeRuns(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	var names []string
	if len(args) == 0 {
		list, _ := run.Runs(filepath.Join(a.dir, runsDir)) // -C is not in force yet
		for _, p := range list {
			names = append(names, filepath.Base(p.Dir))
		}
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

// pastCommand completes a command about one run.
func (a *app) pastCommand(c *cobra.Command, do func(p *run.Past) error) *cobra.Command {
	c.Args = arguments(1, 1, "the name of a run, or its folder")
	c.ValidArgsFunction = a.completeRuns
	c.RunE = func(_ *cobra.Command, args []string) error {
		p, err := run.OpenRun(runsDir, args[0])
		if errors.Is(err, run.ErrNoRun) {
			return fmt.Errorf("%w; list them with: comlam runs ls", err)
		}
		if err != nil {
			return err
		}
		return do(p)
	}
	return c
}

func (a *app) runsLs() *cobra.Command {
	return &cobra.Command{
		Use:     "ls",
		Short:   "list the runs in runs/, newest first",
		Example: "  comlam runs ls\n  comlam runs ls -q       # names only\n  comlam runs ls --json",
		Args:    arguments(0, 0, "no argument"),
		RunE: func(*cobra.Command, []string) error {
			list, err := run.Runs(runsDir)
			if err != nil {
				return err
			}
			if a.json {
				if list == nil {
					list = []run.Past{}
				}
				return a.print(map[string]any{"runs": list})
			}
			if a.quiet {
				for _, p := range list {
					fmt.Fprintln(a.out, filepath.Base(p.Dir))
				}
				return nil
			}
			if len(list) == 0 {
				fmt.Fprintln(a.out, "no runs here yet; start with: comlam demo")
				return nil
			}
			rows := [][]string{{"RUN", "RECIPE", "STATUS", "CREATED", "SEED"}}
			for _, p := range list {
				rows = append(rows, []string{filepath.Base(p.Dir), p.Recipe, p.Status, p.Created, fmt.Sprint(p.Seed)})
			}
			return table(a.out, rows)
		},
	}
}

func (a *app) runsShow() *cobra.Command {
	return a.pastCommand(&cobra.Command{
		Use:     "show RUN",
		Short:   "show what a run is and what it measured",
		Example: "  comlam runs show demo\n  comlam runs show runs/demo\n  comlam runs show demo --json",
	}, func(p *run.Past) error {
		o, err := p.Outcome()
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if a.json {
			return a.print(struct {
				Run     *run.Past    `json:"run"`
				Outcome *run.Outcome `json:"outcome"` // null while there is none
			}{p, o})
		}
		rows := [][]string{
			{"run", p.Dir}, {"recipe", p.Recipe}, {"seed", fmt.Sprint(p.Seed)}, {"created", p.Created}, {"status", p.Status},
			{"kernel", p.Kernel},
		}
		if p.Error != "" {
			rows = append(rows, []string{"error", p.Error})
		}
		if err := table(a.out, rows); err != nil || o == nil {
			return err
		}
		fmt.Fprintln(a.out)
		return a.show(o, demoResult)
	})
}

func (a *app) runsPlot() *cobra.Command {
	var file string
	c := a.pastCommand(&cobra.Command{
		Use:     "plot RUN",
		Short:   "draw the loss of a run in the terminal, or as SVG",
		Example: "  comlam runs plot demo\n  comlam runs plot demo -o loss.svg\n  comlam runs plot demo --json",
	}, func(p *run.Past) error {
		curves, err := p.Curves()
		if err != nil {
			return err
		}
		if a.json && file == "" {
			return a.print(map[string]any{"run": p.Dir, "curves": curves})
		}
		if len(curves) == 0 {
			return usagef("run %q has no training history yet; continue it with: comlam runs resume %s", p.Dir, filepath.Base(p.Dir))
		}
		if file == "" {
			return a.plotText(curves)
		}
		svg, err := lossChart(curves).SVG()
		if err == nil {
			err = durable.WriteFile(durable.OS, file, svg)
		}
		if err != nil {
			return err
		}
		if a.json {
			return a.print(map[string]string{"file": file})
		}
		fmt.Fprintln(a.out, file)
		return nil
	})
	c.Flags().StringVarP(&file, "output", "o", "", "write an SVG `file` instead")
	return c
}

func (a *app) plotText(curves []run.Curve) error {
	text, err := lossChart(curves).Text(0, 0)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(a.out, strings.TrimRight(text, "\n"))
	return err
}

// lossChart draws the loss over the steps; the scale is logarithmic where every
// loss allows it.
func lossChart(curves []run.Curve) plot.Chart {
	c := plot.Chart{
		Title: "Training", X: plot.Axis{Label: "step"}, Y: plot.Axis{Label: "loss", Log: true},
	}
	for _, curve := range curves[max(0, len(curves)-plot.MaxSeries):] {
		s := plot.Series{Name: curve.Name}
		for _, p := range curve.Points {
			s.X, s.Y = append(s.X, float64(p.Step)), append(s.Y, p.Loss)
			c.Y.Log = c.Y.Log && p.Loss > 0
		}
		c.Series = append(c.Series, s)
	}
	return c
}

func (a *app) runsResume() *cobra.Command {
	o := a.options()
	c := a.pastCommand(&cobra.Command{
		Use:     "resume RUN",
		Short:   "continue a run that was stopped",
		Example: "  comlam runs resume channelpred-jakes\n  comlam runs resume runs/demo\n  comlam runs resume demo --dry-run",
	}, func(p *run.Past) error {
		return a.execute("comlam runs resume "+filepath.Base(p.Dir),
			func(ctx context.Context) (*run.Outcome, error) { return p.Resume(ctx, *o) }, runResult(p.Recipe))
	})
	c.Flags().BoolVar(&o.Force, "force", false, "go on although memory or disk cannot hold it; see comlam plan")
	c.Flags().BoolVar(&o.DryRun, "dry-run", false, "check, and say what would be done; write nothing")
	a.beforeRun(c, o)
	return c
}
