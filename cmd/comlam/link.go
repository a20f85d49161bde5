package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
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
a symbol it stands still, and every slot has one of its own. Interference between symbols
and subcarriers is not simulated: a line below the table tells where it would count.
Layers share the power.

With transport.adapt=inner the MCS of every slot follows its channel, by effective SINR;
outer adds an offset that makes first transmissions fail at the rate transport.target,
block after block on one core. bits/RE is what arrived right, a resource element of data.

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
	links, err := buildLinks(args)
	if err != nil {
		return err
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
		curve.Name = l.name
		m.finish()
		if errors.Is(context.Cause(ctx), run.ErrInterrupted) {
			return a.interruptedCurves(res, curve)
		}
		if err != nil {
			return err
		}
		res.Curves = append(res.Curves, curve)
	}
	err = drawLinks(o, res.Curves)
	if err != nil { // what was counted is not lost with it
		res.File, err = "", fmt.Errorf("-o %s: %w", o.file, err)
	}
	return errors.Join(a.showCurves(res), err)
}

// A namedLink has a name that no other one of the run has.
type namedLink struct {
	*link.Link
	name string
}

// buildLinks makes a link of every combination of values. Where their names are alike,
// they are told apart by what the command line gave several values.
func buildLinks(args []string) ([]namedLink, error) {
	if n := numCombinations(args); n > plot.MaxSeries/2 {
		return nil, usagef("%.4g curves are more than one figure can show; ask for at most %d", n, plot.MaxSeries/2)
	}
	var links []namedLink
	names := map[string]bool{}
	combinations := everyCombination(args)
	for _, overrides := range combinations {
		c := link.Default()
		if err := run.Fill(&c, overrides); err != nil {
			return nil, err
		}
		l, err := c.Build()
		if err != nil {
			return nil, err
		}
		links = append(links, namedLink{l, l.Name()})
		names[l.Name()] = true
	}
	for i := range links {
		for n, arg := range args {
			if len(names) < len(links) && len(choices(arg)) > 1 {
				links[i].name += ", " + combinations[i][n]
			}
		}
	}
	return links, nil
}

func (o *linkOptions) check() error {
	if o.file != "" && !strings.HasSuffix(o.file, ".svg") && !strings.HasSuffix(o.file, ".png") {
		return usagef("-o %s: figures are .png and .svg; name it like ber.png", o.file)
	}
	if strings.HasSuffix(o.file, ".png") {
		if err := plot.CheckPNG(o.title); err != nil {
			return fmt.Errorf("--title: %w", err)
		}
	}
	if _, err := os.Stat(filepath.Dir(o.file)); o.file != "" && err != nil {
		return fmt.Errorf("-o %s: %w", o.file, err) // now, and not when all is counted
	}
	if o.workers < 0 || o.workers > 1024 {
		return usagef("--workers %d: give 1 to 1024, or 0 for all cores", o.workers)
	}
	if o.workers == 0 {
		o.workers = runtime.GOMAXPROCS(0)
	}
	return nil
}

// choices takes apart values with commas: "a=1,2" is "a=1" and "a=2". What is in
// brackets or quotes stays whole.
func choices(arg string) (list []string) {
	key, values, _ := strings.Cut(arg, "=")
	if !strings.Contains(values, ",") || strings.ContainsAny(values, "[]{}\"'") {
		return []string{arg}
	}
	for value := range strings.SplitSeq(values, ",") {
		list = append(list, key+"="+strings.TrimSpace(value))
	}
	return list
}

// numCombinations is how many there are, which may be more than memory holds.
func numCombinations(args []string) float64 {
	n := 1.0
	for _, arg := range args {
		n *= float64(len(choices(arg)))
	}
	return n
}

// everyCombination lists every choice of each of the arguments with every other.
func everyCombination(args []string) [][]string {
	all := [][]string{nil}
	for _, arg := range args {
		var longer [][]string
		for _, before := range all {
			for _, choice := range choices(arg) {
				longer = append(longer, append(slices.Clone(before), choice))
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
	chart, err := link.Chart(o.title, curves)
	if err != nil {
		return err
	}
	picture, err := chart.SVG()
	if err == nil && strings.HasSuffix(o.file, ".png") {
		picture, err = plot.PNG(picture, 2)
	}
	if err == nil {
		err = durable.WriteFile(durable.OS, o.file, picture)
	}
	return err
}
