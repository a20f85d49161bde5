package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/comlam/comlam/format/sigmf"
	"github.com/comlam/comlam/internal/durable"
	"github.com/comlam/comlam/run"
	"github.com/comlam/comlam/wireless/csi"
)

func (a *app) csiConvert() *cobra.Command {
	var c csi.ConvertConfig
	var force bool
	views := []string{csi.RealView, csi.ComplexView}
	cmd := &cobra.Command{
		Use:   "convert SOURCE ... TARGET",
		Short: "convert between .npy, .npz and SigMF, or join shards",
		Long: `Writes the samples of the sources, one after the other, to TARGET, in the format of
its name: .npy, .npz, .sigmf-meta. Side files go with them, NAME.json and NAME.npz.json. Values stream, and TARGET
appears when it is complete. The same values are written, in the smallest type that
holds each; what loses digits or a description is refused without --lossy.

--view real puts real and imaginary parts behind the first axis, [sample, 2, ...] of
floats; --view complex puts them together again. MATLAB and HDF5 are not written.`,
		Example: `  comlam csi convert h.npy h.sigmf-meta --force
  comlam csi convert h.npy real.npz --view real --compress --force
  comlam csi convert big-00001-of-00002.npy big-00002-of-00002.npy joined.npy --force`,
		Args: arguments(2, -1, "a source and a target"),
		RunE: func(_ *cobra.Command, args []string) error {
			var err error
			if c.View, err = oneOf("--view", c.View, views); err != nil {
				return err
			}
			if c.DType, err = oneOf("--dtype", c.DType, csi.DTypes); err != nil {
				return err
			}
			return a.convert(args[:len(args)-1], args[len(args)-1], c, force)
		},
	}
	f := cmd.Flags()
	f.StringVar(&c.Array, "array", "", "which `array` of .npz sources; needed where there are several")
	f.StringVar(&c.Name, "name", "", "`name` of the array in an .npz target; as in the source, or h")
	f.StringVar(&c.View, "view", "", "`view` of complex values: "+strings.Join(views, " or "))
	f.StringVar(&c.DType, "dtype", "", "`type` of the values: "+strings.Join(csi.DTypes, ", "))
	f.BoolVar(&c.Compress, "compress", false, "deflate, in an .npz target")
	f.BoolVar(&c.Lossy, "lossy", false, "allow what loses digits or the description")
	f.BoolVar(&force, "force", false, "replace what is there")
	complete(cmd, "view", views)
	complete(cmd, "dtype", csi.DTypes)
	return cmd
}

func (a *app) convert(files []string, target string, c csi.ConvertConfig, force bool) error {
	written := target
	if format, err := csi.FormatOf(target); err != nil {
		return usageError{err}
	} else if format == csi.SigMF {
		written = sigmf.Base(target) + sigmf.DataSuffix
	}
	if slices.Contains(files, target) {
		return usagef("%s is a source, too; write to another name", target)
	}
	if !force && exists(written) {
		return usagef("%s is there; replace it with --force", written)
	}
	var sources []*csi.Array
	for _, file := range files {
		arrays, err := csi.Open(durable.OS, file)
		if err != nil {
			return err
		}
		one, err := csi.Select(arrays, c.Array)
		if err != nil {
			return err
		}
		sources = append(sources, one)
	}
	ctx, stop := a.interruptible()
	defer stop()
	m := newByteMeter(a, "csi convert", "sources")
	c.Program = writer()
	c.Progress = func(done, all int64) { m.at(done, all, len(sources)) }
	res, err := csi.Convert(ctx, durable.OS, sources, target, c)
	m.finish()
	if errors.Is(context.Cause(ctx), run.ErrInterrupted) && exitCode(err) == exitInterrupted {
		return fmt.Errorf("%w: nothing was written", run.ErrInterrupted)
	}
	if err != nil {
		return err
	}
	switch {
	case a.json:
		return a.print(res)
	case a.quiet:
		return nil
	}
	_, err = fmt.Fprintf(a.out, "wrote %s: %s of %s, %s\n", res.File, shapeText(res.Shape), res.DType, size(uint64(res.Bytes)))
	return err
}
