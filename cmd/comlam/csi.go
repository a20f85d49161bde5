package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/comlam/comlam/internal/durable"
	"github.com/comlam/comlam/run"
	"github.com/comlam/comlam/wireless/csi"
)

func (a *app) csiCommand() *cobra.Command {
	return group(&cobra.Command{Use: "csi", Short: "draw channel state information",
		Example: "  comlam csi gen -n 1000 -o h.npy\n  comlam csi gen -n 10 -o h.npy --dry-run\n  comlam csi gen -n 10 -o fast.npy data.speed=\"300 km/h\""}, a.csiGen())
}

// genOptions are the flags of csi gen.
type genOptions struct {
	recipe  string
	file    string
	count   uint64
	first   uint64
	seed    string
	workers int
	dryRun  bool
}

func (a *app) csiGen() *cobra.Command {
	var o genOptions
	c := &cobra.Command{
		Use:   "gen [data.key=value ...]",
		Short: "draw channels and write them as .npy",
		Long: `Draws channels as the data section of a recipe says, without noise, and writes two
files: NAME.npy, complex64 [sample, time, subcarrier, rx, tx], and NAME.json, which
says what the samples are. Sample i of a seed is the same whatever else is drawn.`,
		Example: `  comlam csi gen -n 1000 -o h.npy
  comlam csi gen --recipe channelpred/cdlc -n 1000 -o cdlc.npy
  comlam csi gen -n 10 -o fast.npy data.channel=tdl-a data.speed="300 km/h"`,
		Args: cobra.ArbitraryArgs,
		RunE: func(_ *cobra.Command, args []string) error { return a.generate(o, args) },
	}
	f := c.Flags()
	f.StringVar(&o.recipe, "recipe", "", "take data and seed from this `recipe`")
	f.Uint64VarP(&o.count, "num", "n", 1000, "`number` of samples")
	f.Uint64Var(&o.first, "first", 0, "`index` of the first sample")
	f.StringVarP(&o.file, "output", "o", "", "`file` to write, NAME.npy")
	f.StringVar(&o.seed, "seed", "", "`number` that every draw depends on")
	f.IntVar(&o.workers, "workers", 0, "how many `cores` draw, 0 for all; the samples do not depend on it")
	f.BoolVar(&o.dryRun, "dry-run", false, "say what would be written; write nothing")
	c.RegisterFlagCompletionFunc("recipe", func(cmd *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
		return completeRecipes(cmd, nil, typed)
	})
	return c
}

// generated is the result of csi gen.
type generated struct {
	File    string   `json:"file"`
	Meta    csi.Meta `json:"meta"`
	Bytes   uint64   `json:"bytes"` // of the samples
	Seconds float64  `json:"seconds"`
}

func (a *app) generate(o genOptions, overrides []string) error {
	name, err := o.check()
	if err != nil {
		return err
	}
	if o.seed != "" {
		overrides = append(overrides, "seed="+o.seed)
	}
	r, err := run.LoadData(o.recipe, overrides)
	if err != nil {
		return err
	}
	g, err := r.Data.Config.Build()
	if err != nil {
		return err
	}
	res := generated{File: name + ".npy", Meta: g.Meta(r.Seed, o.first, o.count), Bytes: o.count * 8 * uint64(g.Shape().Len())}
	if !o.dryRun {
		if err := durable.CheckSpace(durable.OS, res.File, int64(res.Bytes)); err != nil {
			return err
		}
		if o.workers == 0 {
			o.workers = runtime.GOMAXPROCS(0)
		}
		began := time.Now()
		if err := a.save(name, g, csi.SaveConfig{Seed: r.Seed, First: o.first, Count: o.count, Workers: o.workers}, res.Bytes); err != nil {
			return err
		}
		res.Seconds = time.Since(began).Seconds()
	}
	return a.showGenerated(res, o.dryRun)
}

// check returns the name of the files without suffix.
func (o genOptions) check() (string, error) {
	name, ok := strings.CutSuffix(o.file, ".npy")
	switch {
	case o.file == "":
		return "", usagef("where to? give a file with -o, for example -o h.npy")
	case !ok || name == "":
		return "", usagef("-o %s: only .npy is written; name it like h.npy", o.file)
	case o.count < 1 || o.count > math.MaxInt32:
		return "", usagef("-n %d: give 1 to %d samples a file", o.count, math.MaxInt32)
	case o.first > math.MaxUint64-o.count:
		return "", usagef("--first %d: %d samples from there pass the last index; give a smaller one", o.first, o.count)
	case o.workers < 0 || o.workers > 1024:
		return "", usagef("--workers %d: give 1 to 1024, or 0 for all cores", o.workers)
	}
	return name, nil
}

// save draws and writes until the end or the first interrupt.
func (a *app) save(name string, g *csi.Generator, c csi.SaveConfig, bytes uint64) error {
	ctx, stop := a.interruptible()
	defer stop()
	m := newMeter(a, c.Count, bytes)
	err := csi.Save(ctx, countingFS{durable.OS, m.add}, name, g, c)
	m.finish()
	if errors.Is(context.Cause(ctx), run.ErrInterrupted) && exitCode(err) == exitInterrupted {
		return fmt.Errorf("%w: nothing was written", run.ErrInterrupted)
	}
	return err
}

func (a *app) showGenerated(res generated, dryRun bool) error {
	if a.json {
		return a.print(res)
	}
	if a.quiet {
		return nil
	}
	did := "wrote"
	if dryRun {
		did = "would write"
	}
	_, err := fmt.Fprintf(a.out, "%s %s: %s of complex64 [%s], %s, seed %d, %s\n", did, res.File,
		strings.ReplaceAll(strings.Trim(fmt.Sprint(res.Meta.Shape), "[]"), " ", "x"), strings.Join(res.Meta.Axes, ", "),
		res.Meta.Channel, res.Meta.Seed, size(res.Bytes))
	return err
}

func size(bytes uint64) string {
	if bytes < 1<<20 {
		return fmt.Sprintf("%.1f KiB", float64(bytes)/(1<<10))
	}
	return fmt.Sprintf("%.1f MiB", float64(bytes)/(1<<20))
}

// countingFS tells how many bytes were written.
type countingFS struct {
	durable.FS
	wrote func(n int)
}

func (c countingFS) OpenFile(name string, flag int) (durable.Handle, error) {
	h, err := c.FS.OpenFile(name, flag)
	if err != nil || flag&(os.O_WRONLY|os.O_RDWR) == 0 {
		return h, err
	}
	return countingHandle{h, c.wrote}, nil
}

type countingHandle struct {
	durable.Handle
	wrote func(n int)
}

func (c countingHandle) Write(p []byte) (int, error) {
	n, err := c.Handle.Write(p)
	c.wrote(n)
	return n, err
}
