package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/comlam/comlam/run"
)

func (a *app) runsDiff() *cobra.Command {
	return &cobra.Command{
		Use:   "diff A B",
		Short: "show what two runs differ in, and their results side by side",
		Long: `Shows what two runs differ in: settings, data, versions, and results row by row.
Results are subtracted only where metric, condition and number of samples are the
same and the channels were drawn from the same settings; of all others it says why
they are not comparable. An NMSE is compared in dB.`,
		Example: `  comlam runs diff demo demo-short
  comlam runs diff runs/demo elsewhere/runs/demo
  comlam runs diff demo demo-short --json`,
		Args:              arguments(2, 2, "two runs, by name or folder"),
		ValidArgsFunction: a.completeTwoRuns,
		RunE: func(_ *cobra.Command, args []string) error {
			var pair [2]*run.Past
			for i, name := range args {
				p, err := run.OpenRun(runsDir, name)
				if errors.Is(err, run.ErrNoRun) {
					return fmt.Errorf("%w; list them with: comlam runs ls", err)
				}
				if err != nil {
					return err
				}
				pair[i] = p
			}
			d, err := run.DiffRuns(pair[0], pair[1])
			if err != nil {
				return err
			}
			if a.json {
				return a.print(d)
			}
			return a.showDiff(d)
		},
	}
}

func (a *app) completeTwoRuns(c *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 1 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return a.completeRuns(c, nil, typed)
}

func (a *app) showDiff(d *run.Diff) error {
	fmt.Fprintf(a.out, "a  %s\nb  %s\n", d.A, d.B)
	for _, part := range []struct {
		name string
		list []run.Change
	}{{"recipe", d.Recipe}, {"data", d.Data}, {"versions", d.Versions}} {
		if len(part.list) == 0 {
			fmt.Fprintf(a.out, "\n%s: the same\n", part.name)
			continue
		}
		rows := [][]string{{part.name, "A", "B"}}
		for _, c := range part.list {
			rows = append(rows, []string{"  " + c.Key, orElse(c.A, "-"), orElse(c.B, "-")})
		}
		fmt.Fprintln(a.out)
		if err := table(a.out, rows); err != nil {
			return err
		}
	}
	if err := a.showPairs(d.Results); err != nil {
		return err
	}
	if len(d.NotComparable) > 0 {
		fmt.Fprintln(a.out, "\nnot comparable")
	}
	for _, why := range d.NotComparable {
		fmt.Fprintln(a.out, "  "+why)
	}
	return nil
}

// showPairs prints the results, those of a condition together.
func (a *app) showPairs(pairs []run.RowPair) error {
	condition := ""
	var rows [][]string
	for i, p := range pairs {
		if p.Condition != condition {
			condition = p.Condition
			rows = [][]string{{condition, "METRIC", "A", "B", "B - A", ""}}
		}
		change := "-"
		if p.Difference != nil {
			change = fmt.Sprintf("%+.2f", *p.Difference)
		}
		rows = append(rows, []string{"  " + p.Method, unitOf(p.Metric), figure(p.A), figure(p.B), change, p.Why})
		if i+1 == len(pairs) || pairs[i+1].Condition != condition {
			fmt.Fprintln(a.out)
			if err := table(a.out, rows); err != nil {
				return err
			}
		}
	}
	return nil
}
