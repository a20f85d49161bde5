package main

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/comlam/comlam/internal/durable"
	"github.com/comlam/comlam/internal/setting"
	"github.com/comlam/comlam/plot"
	"github.com/comlam/comlam/run"
	"github.com/comlam/comlam/wireless/csi"
)

// plotOptions are the flags of csi plot.
type plotOptions struct {
	kind    string
	carrier string
	seed    uint64
	points  int
	file    string
	array   string
	samples int
	scale   float64
}

func (a *app) csiPlot() *cobra.Command {
	var o plotOptions
	c := &cobra.Command{
		Use:   "plot FILE|SCENARIO",
		Short: "draw delay profiles, delay-Doppler maps, angle spectra, singular values or coverage",
		Long: `Draws a figure of the first samples of a data set, with units on the axes:

  pdp        power over delay
  doppler    power over delay and Doppler shift
  angle      power over azimuth and elevation at both ends
  singular   distribution of the squared singular values of H
  coverage   SINR of the best server over the places of a SCENARIO: ` + strings.Join(csi.Scenarios(), ", ") + `

Units and panels come from the side file of comlam csi gen. A scenario is drawn in its
usual network: 19 sites of 3 sectors, or a hall.`,
		Example: `  comlam csi plot h.npy --kind pdp -o pdp.svg
  comlam csi plot h.npy --kind doppler -o doppler.png
  comlam csi plot h.npz --kind angle -o angle.png --samples 20 --scale 4
  comlam csi plot umi --kind coverage -o umi.png --points 24`,
		Args: arguments(1, 1, "a file or scenario"),
		RunE: func(_ *cobra.Command, args []string) error { return a.plotChannels(args[0], o) },
	}
	f := c.Flags()
	f.StringVar(&o.kind, "kind", csi.DelayProfile, "the `figure`: "+strings.Join(figures, ", "))
	f.StringVarP(&o.file, "output", "o", "", "`file` to write, NAME.svg or NAME.png")
	f.StringVar(&o.array, "array", "", "which `array` of an .npz file; needed where there are several")
	f.IntVar(&o.samples, "samples", 100, "draw at most this `number` of samples")
	f.Float64Var(&o.scale, "scale", 2, "`pixels` of .png for each of .svg")
	f.StringVar(&o.carrier, "carrier", "3.5 GHz", "`frequency` of a coverage map")
	f.Uint64Var(&o.seed, "seed", 1, "`number` that the places of a coverage map depend on")
	f.IntVar(&o.points, "points", 60, "`points` along the longer side of a coverage map")
	complete(c, "kind", figures)
	return c
}

// coverage is the figure that needs no file.
const coverage = "coverage"

var figures = append(slices.Clone(csi.Figures), coverage)

// plotted is the result of csi plot.
type plotted struct {
	File  string `json:"file"`
	Kind  string `json:"kind"`
	Bytes int    `json:"bytes"`
}

func (a *app) plotChannels(file string, o plotOptions) error {
	pixels := strings.HasSuffix(o.file, ".png")
	switch {
	case o.file == "":
		return usagef("where to? give a file with -o, for example -o %s.svg", o.kind)
	case !pixels && !strings.HasSuffix(o.file, ".svg"):
		return usagef("-o %s: only .svg and .png are drawn; name it like %s.svg", o.file, o.kind)
	case o.samples < 1:
		return usagef("--samples %d: give 1 or more", o.samples)
	case !(o.scale >= 0.1 && o.scale <= 20):
		return usagef("--scale %g: give 0.1 to 20", o.scale)
	case !slices.Contains(figures, o.kind):
		return unknown("--kind", o.kind, figures)
	case o.kind == coverage && !slices.Contains(csi.Scenarios(), file):
		return unknown("the scenario", file, csi.Scenarios())
	}
	figure, err := a.figure(file, o)
	if err != nil {
		return err
	}
	picture, err := figure.SVG()
	if err == nil && pixels {
		picture, err = plot.PNG(picture, o.scale)
	}
	if err != nil {
		return err
	}
	if err := durable.WriteFile(durable.OS, o.file, picture); err != nil {
		return err
	}
	switch {
	case a.json:
		return a.print(plotted{o.file, o.kind, len(picture)})
	case a.quiet:
		return nil
	}
	_, err = fmt.Fprintf(a.out, "drew %s, %s\n", o.file, size(uint64(len(picture))))
	return err
}

func (a *app) figure(file string, o plotOptions) (csi.Drawing, error) {
	if o.kind == coverage {
		var carrier setting.Frequency
		if err := carrier.UnmarshalText([]byte(o.carrier)); err != nil {
			return nil, usagef("--carrier: %w", err)
		}
		d, err := csi.Coverage(csi.CoverageConfig{Scenario: file, Carrier: carrier, Seed: o.seed, NumPoints: o.points, Workers: runtime.GOMAXPROCS(0)})
		if err != nil {
			return nil, usageError{err}
		}
		return d, nil
	}
	if slices.Contains(csi.Scenarios(), file) && !exists(file) {
		return nil, usagef("%s is a scenario; draw its %s with --kind %s", file, coverage, coverage)
	}
	arrays, err := csi.Open(durable.OS, file)
	if err != nil {
		return nil, err
	}
	array, err := csi.Select(arrays, o.array)
	if err != nil {
		return nil, err
	}
	ctx, stop := a.interruptible()
	defer stop()
	figure, err := csi.Figure(ctx, array, o.kind, o.samples)
	if errors.Is(context.Cause(ctx), run.ErrInterrupted) && exitCode(err) == exitInterrupted {
		return nil, fmt.Errorf("%w: nothing was written", run.ErrInterrupted)
	}
	return figure, err
}
