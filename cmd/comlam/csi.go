package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/comlam/comlam/internal/durable"
	"github.com/comlam/comlam/run"
	"github.com/comlam/comlam/wireless/csi"
)

func (a *app) csiCommand() *cobra.Command {
	return group(&cobra.Command{Use: "csi", Short: "draw, look at, convert and plot channel state information",
		Example: "  comlam csi gen -n 1000 -o h.npy\n  comlam csi info h.npy\n  comlam csi convert h.npy h.sigmf-meta --force"},
		a.csiGen(), a.csiInfo(), a.csiConvert(), a.csiPlot())
}

// genOptions are the flags of csi gen.
type genOptions struct {
	recipe  string
	file    string
	count   uint64
	first   uint64
	seed    string
	shards  uint64
	shard   string
	workers int
	force   bool
	dryRun  bool
}

func (a *app) csiGen() *cobra.Command {
	var o genOptions
	c := &cobra.Command{
		Use:   "gen [data.key=value ...]",
		Short: "draw channels and write them as .npy",
		Long: `Draws channels as the data section of a recipe says, without noise, and writes two
files: NAME.npy, complex64 [sample, time, subcarrier, rx, tx], and NAME.json, which
says what the samples are. Sample i of a seed is the same whatever else is drawn.

Interrupted by Ctrl-C, a kill or a power cut, the same command continues and ends with
the same bytes; run once more, it finds the files complete. Other samples under that
name stay, unless --force says otherwise. With --shards the samples
go into several files; several machines write one each with --shard. Memory does not
grow with the number of samples.`,
		Example: `  comlam csi gen -n 1000 -o h.npy
  comlam csi gen --recipe channelpred/cdlc -n 1000 -o cdlc.npy
  comlam csi gen -n 10 -o fast.npy data.channel=tdl-a data.speed="300 km/h"
  comlam csi gen -n 1000 -o big.npy --shards 4
  comlam csi gen -n 1000 -o big.npy --shard 2/4`,
		Args: cobra.ArbitraryArgs,
		RunE: func(_ *cobra.Command, args []string) error { return a.generate(o, args) },
	}
	f := c.Flags()
	f.StringVar(&o.recipe, "recipe", "", "take data and seed from this `recipe`")
	f.Uint64VarP(&o.count, "num", "n", 1000, "`number` of samples")
	f.Uint64Var(&o.first, "first", 0, "`index` of the first sample")
	f.StringVarP(&o.file, "output", "o", "", "`file` to write, NAME.npy")
	f.StringVar(&o.seed, "seed", "", "`number` that every draw depends on")
	f.Uint64Var(&o.shards, "shards", 1, "how many `files`, NAME-00001-of-0000N.npy and so on")
	f.StringVar(&o.shard, "shard", "", "write only this file of the shards, `I/N`")
	f.IntVar(&o.workers, "workers", 0, "how many `cores` draw, 0 for all; the samples do not depend on it")
	f.BoolVar(&o.force, "force", false, "replace other samples that are there")
	f.BoolVar(&o.dryRun, "dry-run", false, "say what would be written; write nothing")
	c.RegisterFlagCompletionFunc("recipe", func(cmd *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
		return completeRecipes(cmd, nil, typed)
	})
	return c
}

// generated is the result of csi gen. Meta describes all samples; with shards, each
// has a description of its own beside it.
type generated struct {
	File     string   `json:"file"`
	Shards   []string `json:"shards,omitempty"`
	Meta     csi.Meta `json:"meta"`
	Bytes    uint64   `json:"bytes"`    // of the samples
	Continue uint64   `json:"continue"` // samples that were there before
	Seconds  float64  `json:"seconds"`
}

// A job is one file that csi gen writes.
type job struct {
	name string // without suffix
	c    csi.SaveConfig
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
	if o.workers == 0 {
		o.workers = runtime.GOMAXPROCS(0)
	}
	whole := csi.SaveConfig{Seed: r.Seed, First: o.first, Count: o.count, Workers: o.workers, Program: writer(), Replace: o.force}
	jobs, all, err := o.jobs(name, whole)
	if err != nil {
		return err
	}
	res := generated{File: name + ".npy", Meta: g.Meta(r.Seed, all.First, all.Count), Bytes: all.Count * 8 * uint64(g.Shape().Len())}
	if len(jobs) > 1 || o.shard != "" {
		res.File = jobs[0].name + ".npy"
		for _, j := range jobs {
			res.Shards = append(res.Shards, j.name+".npy")
		}
	}
	for _, j := range jobs {
		if err := csi.Free(durable.OS, j.name, g, j.c); err != nil {
			return occupied(err)
		}
	}
	if !o.dryRun {
		began := time.Now()
		if res.Continue, err = a.save(g, jobs, all.Count); err != nil {
			return err
		}
		res.Seconds = time.Since(began).Seconds()
	}
	return a.showGenerated(res, o.dryRun)
}

// writer names this build in what it writes.
func writer() string {
	v := readVersion()
	return strings.TrimSpace("comlam " + v.Version + " " + v.Revision)
}

// jobs are the files to write, and what they hold together.
func (o genOptions) jobs(name string, whole csi.SaveConfig) ([]job, csi.SaveConfig, error) {
	number, of := uint64(0), o.shards
	if o.shard != "" {
		i, n, ok := strings.Cut(o.shard, "/")
		var err, err2 error
		number, err = strconv.ParseUint(i, 10, 32)
		of, err2 = strconv.ParseUint(n, 10, 32)
		if !ok || err != nil || err2 != nil || number < 1 || number > of {
			return nil, whole, usagef("--shard %s: give the number of the file and of all, counted from 1, for example 2/4", o.shard)
		}
		if o.shards != 1 && o.shards != of {
			return nil, whole, usagef("--shard %s: --shards %d says another number of files; leave it out", o.shard, o.shards)
		}
	}
	if of < 1 || of > o.count || of > 99999 {
		return nil, whole, usagef("%d shards of %d samples: give 1 to 99999 shards, with a sample or more each", of, o.count)
	}
	switch {
	case number > 0:
		shard := whole.Shard(number, of)
		return []job{{csi.ShardName(name, number, of), shard}}, shard, nil
	case of == 1:
		return []job{{name, whole}}, whole, nil
	}
	var jobs []job
	for i := uint64(1); i <= of; i++ {
		jobs = append(jobs, job{csi.ShardName(name, i, of), whole.Shard(i, of)})
	}
	return jobs, whole, nil
}

// check returns the name of the files without suffix.
func (o genOptions) check() (string, error) {
	name, ok := strings.CutSuffix(o.file, ".npy")
	switch {
	case o.file == "":
		return "", usagef("where to? give a file with -o, for example -o h.npy")
	case !ok || name == "":
		return "", usagef("-o %s: only .npy is written; name it like h.npy, comlam csi convert makes other formats of it", o.file)
	case o.count < 1 || o.count > math.MaxInt32:
		return "", usagef("-n %d: give 1 to %d samples a file", o.count, math.MaxInt32)
	case o.first > math.MaxUint64-o.count:
		return "", usagef("--first %d: %d samples from there pass the last index; give a smaller one", o.first, o.count)
	case o.workers < 0 || o.workers > 1024:
		return "", usagef("--workers %d: give 1 to 1024, or 0 for all cores", o.workers)
	}
	return name, nil
}

// occupied says what to do where a name is taken.
func occupied(err error) error {
	if other := new(csi.OccupiedError); errors.As(err, &other) {
		return usagef("%v; give another name, or replace it with --force", err)
	}
	return err
}

// save draws and writes until the end or the first interrupt. It returns how many
// samples were there before.
func (a *app) save(g *csi.Generator, jobs []job, all uint64) (before uint64, err error) {
	ctx, stop := a.interruptible()
	defer stop()
	m := newCounter(a, "csi gen", "samples", int(all))
	defer m.finish()
	for _, j := range jobs {
		last, first := uint64(0), true
		j.c.Progress = func(done uint64) {
			if first {
				m.skip(int(done))
				before += done
			} else {
				m.add(int(done - last))
			}
			last, first = done, false
		}
		err := csi.Save(ctx, durable.OS, j.name, g, j.c)
		if errors.Is(context.Cause(ctx), run.ErrInterrupted) && exitCode(err) == exitInterrupted {
			return before, fmt.Errorf("%w: %d samples are kept; the same command continues", run.ErrInterrupted, last)
		}
		if err != nil {
			return before, occupied(err)
		}
	}
	return before, nil
}

func (a *app) showGenerated(res generated, dryRun bool) error {
	if a.json {
		return a.print(res)
	}
	if a.quiet {
		return nil
	}
	did, what := "wrote", res.File
	switch all := uint64(res.Meta.Shape[0]); {
	case dryRun:
		did = "would write"
	case res.Continue == all:
		did = "complete before:"
	case res.Continue > 0:
		did = fmt.Sprintf("%d samples were there, wrote the rest of", res.Continue)
	}
	if n := len(res.Shards); n > 1 {
		what = fmt.Sprintf("%s to %s", res.Shards[0], res.Shards[n-1])
	}
	_, err := fmt.Fprintf(a.out, "%s %s: %s of complex64 [%s], %s, seed %d, %s\n", did, what,
		shapeText(res.Meta.Shape), strings.Join(res.Meta.Axes, ", "), res.Meta.Channel, res.Meta.Seed, size(res.Bytes))
	return err
}

// shapeText is a shape as people write it, 10x20x32.
func shapeText(shape []int) string {
	return strings.ReplaceAll(strings.Trim(fmt.Sprint(shape), "[]"), " ", "x")
}

func size(bytes uint64) string {
	if bytes < 1<<20 {
		return fmt.Sprintf("%.1f KiB", float64(bytes)/(1<<10))
	}
	return fmt.Sprintf("%.1f MiB", float64(bytes)/(1<<20))
}
