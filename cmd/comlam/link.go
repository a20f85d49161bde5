package main

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/comlam/comlam/internal/durable"
	"github.com/comlam/comlam/plot"
	"github.com/comlam/comlam/run"
	"github.com/comlam/comlam/wireless/link"
)

func (a *app) linkCommand() *cobra.Command {
	return group(&cobra.Command{Use: "link", Short: "measure error rates of radio links",
		Example: "  comlam link run\n  comlam link run modulation=qpsk,16qam channel=rayleigh snr=\"0 to 20 by 2 dB\"\n  comlam link run --dry-run"}, a.linkRun())
}

// linkOptions are the flags of link run.
type linkOptions struct {
	file    string
	title   string
	seed    uint64
	workers int
	joint   bool
	dryRun  bool
}

func (a *app) linkRun() *cobra.Command {
	var o linkOptions
	c := &cobra.Command{
		Use:   "run [key=value ...]",
		Short: "bit and block error rates over SNR, with theory where there is one",
		Long: `Sends random blocks through a radio link and counts wrong bits and blocks at each SNR,
until there are enough errors. Several values, separated by commas, make a curve each.
Prints a table, or draws a figure with -o. Equal seeds give equal counts, however many
cores work.

Over awgn and rayleigh symbols go one by one and the receiver knows the channel. Over
profiles of TR 38.901 slots of OFDM are sent, whose channel is estimated from DM-RS; within
a symbol it stands still, and every slot has one of its own. Layers share the power.

Powers: symbols and channels have unit mean power; Es/N0 is that of one receive antenna
in a resource element, all layers together; Eb/N0 is Es/N0 divided by the information bits
of a resource element; pilots and prefixes are not counted. Intervals are 95 %.

` + linkKeys(),
		Example: `  comlam link run modulation=qpsk,16qam -o ber.png
  comlam link run code=ldpc num_bits=1000 rate=0.5 snr="0 to 3 by 0.5 dB"
  comlam link run channel=tdl-c code=transport num_rx=2 slot.estimator=perfect,lmmse,ls-linear snr="0 to 8 dB" -o bler.svg`,
		Args: cobra.ArbitraryArgs,
		RunE: func(_ *cobra.Command, args []string) error { return a.links(o, args) },
	}
	f := c.Flags()
	f.StringVarP(&o.file, "output", "o", "", "draw a figure to this `file`, NAME.png or NAME.svg")
	f.StringVar(&o.title, "title", "", "`text` above the figure")
	f.Uint64Var(&o.seed, "seed", 1, "`number` that every draw depends on")
	f.IntVar(&o.workers, "workers", 0, "how many `cores` work, 0 for all; the counts do not depend on it")
	f.BoolVar(&o.joint, "joint", false, "intervals that hold together, over all points of a curve, with 99 %")
	f.BoolVar(&o.dryRun, "dry-run", false, "say what would be simulated; simulate nothing")
	return c
}

// linkResult is the result of link run.
type linkResult struct {
	Curves []link.Curve `json:"curves"`
	File   string       `json:"file,omitempty"`
}

func (a *app) links(o linkOptions, args []string) error {
	if err := o.check(); err != nil {
		return err
	}
	var links []*link.Link
	for _, overrides := range everyCombination(args) {
		c := link.Default()
		if err := run.Fill(&c, overrides); err != nil {
			return err
		}
		l, err := c.Build()
		if err != nil {
			return err
		}
		links = append(links, l)
	}
	if len(links) > plot.MaxSeries/2 {
		return usagef("%d curves are more than one figure can show; ask for at most %d", len(links), plot.MaxSeries/2)
	}
	if o.dryRun {
		return a.showLinks(links)
	}
	res := linkResult{File: o.file}
	ctx, stop := a.interruptible()
	defer stop()
	for i, l := range links {
		m := newLinkMeter(a, i, len(links))
		curve, err := l.Run(ctx, link.RunConfig{Seed: o.seed, Workers: o.workers, Joint: o.joint, Progress: m.progress})
		m.finish()
		if errors.Is(context.Cause(ctx), run.ErrInterrupted) {
			return a.interruptedCurves(res, curve)
		}
		if err != nil {
			return err
		}
		res.Curves = append(res.Curves, curve)
	}
	if err := drawLinks(o, res.Curves); err != nil {
		return err
	}
	return a.showCurves(res)
}

func (o *linkOptions) check() error {
	if o.file != "" && !strings.HasSuffix(o.file, ".svg") && !strings.HasSuffix(o.file, ".png") {
		return usagef("-o %s: figures are .png and .svg; name it like ber.png", o.file)
	}
	if o.workers < 0 || o.workers > 1024 {
		return usagef("--workers %d: give 1 to 1024, or 0 for all cores", o.workers)
	}
	if o.workers == 0 {
		o.workers = runtime.GOMAXPROCS(0)
	}
	return nil
}

// everyCombination takes apart values with commas: "a=1,2" and "b=3" are two lists of
// arguments. What is in brackets or quotes stays whole.
func everyCombination(args []string) [][]string {
	all := [][]string{nil}
	for _, arg := range args {
		key, values, _ := strings.Cut(arg, "=")
		if !strings.Contains(values, ",") || strings.ContainsAny(values, "[]{}\"'") {
			key, values = arg, ""
		}
		var longer [][]string
		for _, before := range all {
			if values == "" {
				longer = append(longer, append(slices.Clone(before), arg))
				continue
			}
			for value := range strings.SplitSeq(values, ",") {
				longer = append(longer, append(slices.Clone(before), key+"="+strings.TrimSpace(value)))
			}
		}
		all = longer
	}
	return all
}

func drawLinks(o linkOptions, curves []link.Curve) error {
	if o.file == "" {
		return nil
	}
	picture, err := link.Chart(o.title, curves).SVG()
	if err == nil && strings.HasSuffix(o.file, ".png") {
		picture, err = plot.PNG(picture, 2)
	}
	if err == nil {
		err = durable.WriteFile(durable.OS, o.file, picture)
	}
	return err
}
