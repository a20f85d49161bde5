package main

import (
	"fmt"
	"io"
	"math"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/comlam/comlam/internal/bounded"
	"github.com/comlam/comlam/internal/durable"
	"github.com/comlam/comlam/wireless/csi"
)

func (a *app) csiInfo() *cobra.Command {
	var array string
	var quick bool
	c := &cobra.Command{
		Use:   "info FILE",
		Short: "say what is in a .npy, .npz or SigMF file",
		Long: `Prints shape, type, axes, sizes, what the side file tells (channel, seed, units,
normalisation) and statistics of the values: E|H|^2 with its standard error, and how
the mean power of a sample is spread, which is how its signal-to-noise ratio is. The
checksum is compared where there is one; a wrong one ends with exit code 3.

Values are read once, in memory that does not grow with their number. MATLAB and HDF5
files are not read.`,
		Example: `  comlam csi info h.npy
  comlam csi info h.npz --array h --json
  comlam csi info h.sigmf-meta --quick    # no look at the values`,
		Args: arguments(1, 1, "a file"),
		RunE: func(_ *cobra.Command, args []string) error { return a.describeFile(args[0], array, quick) },
	}
	c.Flags().StringVar(&array, "array", "", "only this `array` of an .npz file")
	c.Flags().BoolVar(&quick, "quick", false, "do not read the values")
	return c
}

func (a *app) describeFile(file, name string, quick bool) error {
	arrays, err := csi.Open(durable.OS, file)
	if err != nil {
		return err
	}
	if name != "" {
		one, err := csi.Select(arrays, name)
		if err != nil {
			return err
		}
		arrays = []*csi.Array{one}
	}
	ctx, stop := a.interruptible()
	defer stop()
	var infos []csi.Info
	var wrong error
	for _, array := range arrays {
		info := array.Describe()
		if strings.HasPrefix(info.Checksum, "WRONG") {
			wrong = bounded.Malformed(file, "checksum %s", info.Checksum)
		}
		if !quick && array.Refused == nil && array.NumValues() > 0 && len(array.Shape) > 0 {
			m := newCounter(a, "csi info", "samples", array.Shape[0])
			info.Stats, err = array.Stats(ctx, func(int) { m.add(1) })
			m.finish()
			if err != nil {
				return err
			}
		}
		infos = append(infos, info)
	}
	if a.json {
		err = a.print(map[string]any{"arrays": infos})
	} else {
		for _, info := range infos {
			if err = writeInfo(a.out, info); err != nil {
				break
			}
		}
	}
	if err != nil {
		return err
	}
	return wrong
}

func writeInfo(w io.Writer, i csi.Info) error {
	name := i.File
	if i.Array != "" {
		name += ", array " + i.Array
	}
	if i.Refused != "" {
		_, err := fmt.Fprintf(w, "%s: not read: %s\n", name, i.Refused)
		return err
	}
	rows := [][]string{{"values", fmt.Sprintf("%s of %s, %s", shapeText(i.Shape), i.DType, size(uint64(i.Bytes)))}}
	if i.Axes != nil {
		rows = append(rows, []string{"axes", strings.Join(i.Axes, ", ")})
	} else {
		rows = append(rows, []string{"axes", "not told: there is no side file of comlam csi gen"})
	}
	rows = append(rows, []string{"checksum", i.Checksum})
	rows = append(rows, provenance(i.Meta)...)
	rows = append(rows, recordingRows(i.SigMF)...)
	rows = append(rows, statsRows(i.Stats, i.Meta != nil)...)
	fmt.Fprintf(w, "%s (%s)\n", name, i.Format)
	for i := range rows {
		rows[i][0] = "  " + rows[i][0]
	}
	return table(w, rows)
}

// provenance tells where a data set is from.
func provenance(m *csi.Meta) [][]string {
	if m == nil {
		return nil
	}
	panel := func(p csi.MetaPanel) string {
		text := fmt.Sprintf("%d x %d", p.Rows, p.Cols)
		if p.DualPolarized {
			text += " dual-polarised"
		}
		return fmt.Sprintf("%s %s elements, %g wavelengths apart, bearing %g deg, downtilt %g deg", text, p.Element, p.Spacing, p.BearingDeg, p.DowntiltDeg)
	}
	rows := [][]string{
		{"made by", strings.TrimSuffix(m.Generator+", "+m.Program, ", ")},
		{"channel", fmt.Sprintf("%s, %s, %s", m.Channel, m.Direction, m.Standard)},
		{"seed", fmt.Sprintf("%d, samples from %d on", m.Seed, m.FirstIndex)},
		{"carrier", fmt.Sprintf("%g Hz", m.CarrierHz)},
		{"tx", panel(m.Tx)}, {"rx", panel(m.Rx)},
		{"speed", m.Speed.String()},
	}
	if p := m.Places; p != nil {
		rows = append(rows, []string{"users", fmt.Sprintf("%s away, %g %% in buildings, %s", p.Distance, 100*p.IndoorShare, p.Spread)})
	} else {
		rows = append(rows, []string{"delay spread", m.DelaySpread.String()})
	}
	for _, c := range m.Coordinates {
		if c.Unit != "port" && c.Axis != "sample" {
			rows = append(rows, []string{c.Axis, fmt.Sprintf("%g %s + i x %g %s", c.First, c.Unit, c.Step, c.Unit)})
		}
	}
	return append(rows, []string{"normalised", m.Normalization}, []string{"noise", m.Noise})
}

func recordingRows(r *csi.RecordingFacts) [][]string {
	if r == nil {
		return nil
	}
	rows := [][]string{{"recording", fmt.Sprintf("%s, %d channels, %d captures, %d annotations, SigMF %s", r.Datatype, r.NumChannels, r.Captures, r.Annotations, r.Version)}}
	if r.SampleRateHz > 0 {
		rows = append(rows, []string{"sample rate", fmt.Sprintf("%g Hz, %.6g s", r.SampleRateHz, r.DurationS)})
	}
	for _, more := range [][2]string{{"description", r.Description}, {"author", r.Author}, {"recorder", r.Recorder}, {"licence", r.License}} {
		if more[1] != "" {
			rows = append(rows, []string{more[0], strings.Join(strings.Fields(more[1]), " ")})
		}
	}
	return rows
}

func statsRows(s *csi.Stats, channels bool) [][]string {
	if s == nil {
		return nil
	}
	if s.SamplePowerDB == nil {
		return [][]string{{"NOT FINITE", fmt.Sprintf("all %d values", s.NonFinite)}}
	}
	q, what := s.SamplePowerDB, "mean power"
	if channels {
		what = "E|H|^2"
	}
	rows := [][]string{
		{what, fmt.Sprintf("%.6g (%.2f dB), standard error %.2g over %d samples", s.MeanPower, 10*math.Log10(s.MeanPower), s.StdErr, s.Samples)},
		{"mean", fmt.Sprintf("%.3g %+.3gi", s.Mean[0], s.Mean[1])},
		{"power of a sample", fmt.Sprintf("%.1f dB median, %.1f to %.1f dB for 90 %%, %.1f to %.1f dB in all", q.Median, q.Q05, q.Q95, q.Min, q.Max)},
		{"largest power", fmt.Sprintf("%.4g (%.1f dB)", s.LargestPower, 10*math.Log10(s.LargestPower))},
	}
	if s.NonFinite > 0 {
		rows = append(rows, []string{"NOT FINITE", fmt.Sprintf("%d values, or of a power above 1e140; they count for nothing above", s.NonFinite)})
	}
	return rows
}

// exists reports whether there is a file of that name.
func exists(name string) bool {
	_, err := os.Stat(name)
	return err == nil
}
