package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/comlam/comlam/run/bench"
)

func (a *app) benchRadio() *cobra.Command {
	var short bool
	var legs []string
	c := &cobra.Command{
		Use:   "radio",
		Short: "measure channels, decoding and links on one core, beside Sionna",
		Long: `Measures, on one core, CDL-C channels of 32 x 4 antennas, LDPC decoding and slots of
OFDM, the best of three runs each; use a machine that does nothing else. Beside them
Sionna's channels and decoder, where the environment variable ` + bench.SionnaVariable + `
names a Python that has it; what is not there is named.`,
		Example: `  comlam bench radio
  comlam bench radio --json > radio.json
  comlam bench radio --legs=ours`,
		Args: arguments(0, 0, "no argument"),
		RunE: func(*cobra.Command, []string) error { return a.measureRadio(short, legs) },
	}
	c.Flags().BoolVar(&short, "short", false, "sizes that take no time; tries the bench, its numbers mean nothing")
	c.Flags().StringSliceVar(&legs, "legs", bench.RadioLegs, "only these `legs`: "+strings.Join(bench.RadioLegs, ", "))
	complete(c, "legs", bench.RadioLegs)
	return c
}

func (a *app) measureRadio(short bool, legs []string) error {
	for _, l := range legs {
		if _, err := oneOf("--legs", l, bench.RadioLegs); err != nil {
			return err
		}
	}
	ctx, stop := a.interruptible()
	defer stop()
	r, err := bench.Radio(ctx, short, legs)
	if err != nil {
		return err
	}
	if a.json {
		return a.print(r)
	}
	fmt.Fprintf(a.out, "%s, kernel %s, one core, load %.1f\nSionna: %s\n", r.CPU, r.Kernel, r.Load, r.Sionna)
	if r.Short {
		fmt.Fprintln(a.out, "short sizes: the numbers mean nothing")
	}
	rows := [][]string{{"row", "ours", "Sionna", "ratio", "target"}}
	for _, row := range r.Rows {
		line := []string{row.What, fmt.Sprintf("%.4g %s", row.Ours, row.Unit), "-", "-", "-"}
		if row.Reference != nil {
			line[2], line[3] = fmt.Sprintf("%.4g %s", *row.Reference, row.Unit), fmt.Sprintf("%.1fx", *row.Ratio)
		}
		if row.Target != nil {
			line[4] = fmt.Sprintf(">= %gx", *row.Target)
		}
		rows = append(rows, line)
	}
	return table(a.out, rows)
}
