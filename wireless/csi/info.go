package csi

import (
	"context"
	"fmt"
	"math"
	"os"
	"strings"

	"github.com/comlam/comlam/format/sigmf"
	"github.com/comlam/comlam/internal/bounded"
)

// Info is what can be said of an array without a look at its values.
type Info struct {
	File      string   `json:"file"`
	Format    string   `json:"format"`
	Array     string   `json:"array,omitempty"`
	DType     string   `json:"dtype"`
	Shape     []int    `json:"shape"`
	Axes      []string `json:"axes,omitempty"`
	Values    int64    `json:"values"`
	Bytes     int64    `json:"bytes"`      // of the values
	FileBytes int64    `json:"file_bytes"` // of the file that holds them
	Checksum  string   `json:"checksum"`   // of the file, against what is told of it: right, none, or WRONG and why
	Refused   string   `json:"refused,omitempty"`

	Stats *Stats          `json:"stats,omitempty"`
	Meta  *Meta           `json:"meta,omitempty"` // provenance, where a side file tells it
	SigMF *RecordingFacts `json:"sigmf,omitempty"`
}

// RecordingFacts are those of a recording.
type RecordingFacts struct {
	Datatype     string  `json:"datatype"`
	Version      string  `json:"version"`
	NumChannels  int     `json:"num_channels"`
	SampleRateHz float64 `json:"sample_rate_hz,omitempty"`
	DurationS    float64 `json:"duration_s,omitempty"`
	Captures     int     `json:"captures"`
	Annotations  int     `json:"annotations"`
	Description  string  `json:"description,omitempty"`
	Author       string  `json:"author,omitempty"`
	Recorder     string  `json:"recorder,omitempty"`
	License      string  `json:"license,omitempty"`
}

// Stats are statistics of all values. Powers are of complex values where there are
// real and imaginary parts, else of the numbers themselves.
type Stats struct {
	Samples   int     `json:"samples"` // items of the first axis
	MeanPower float64 `json:"mean_power"`
	// StdErr is the standard error of MeanPower over independent samples.
	StdErr       float64    `json:"mean_power_std_err"`
	Mean         [2]float64 `json:"mean"` // real and imaginary part
	LargestPower float64    `json:"largest_power"`
	// The mean power of a sample, in dB: at a signal-to-noise ratio of S dB over the
	// data set, that of a sample is S plus this. Nil where no value is finite.
	SamplePowerDB *Quantiles `json:"sample_power_db,omitempty"`
	// NonFinite counts values that count for nothing above: NaN, infinite, or of a power
	// above 1e140, of which sums and squares would not be finite.
	NonFinite int64 `json:"non_finite"`
}

// Quantiles of a quantity over samples.
type Quantiles struct {
	Min    float64 `json:"min"`
	Q05    float64 `json:"q05"`
	Median float64 `json:"median"`
	Q95    float64 `json:"q95"`
	Max    float64 `json:"max"`
}

// Describe says what a is, and compares checksums where there are some.
func (a *Array) Describe() Info {
	i := Info{
		File: a.File, Format: a.Format, Array: a.Name, DType: a.DType, Shape: a.Shape, Axes: a.Axes(),
		Values: a.NumValues(), Bytes: a.Bytes(), FileBytes: a.FileBytes, Meta: a.Meta, Checksum: a.verify(),
	}
	if a.Refused != nil {
		i.Refused = a.Refused.Error()
	}
	if m := a.SigMF; m != nil {
		g := m.Global
		i.SigMF = &RecordingFacts{
			Datatype: g.Datatype.String(), Version: g.Version, NumChannels: g.NumChannels, SampleRateHz: g.SampleRateHz,
			Captures: len(m.Captures), Annotations: len(m.Annotations),
			Description: g.Description, Author: g.Author, Recorder: g.Recorder, License: g.License,
		}
		if g.SampleRateHz > 0 {
			i.SigMF.DurationS = float64(i.Values) / float64(g.NumChannels) / g.SampleRateHz
		}
	}
	return i
}

// damaged is an error where a file is not the one that is described beside it.
func (a *Array) damaged() error {
	if why, wrong := strings.CutPrefix(a.verify(), "WRONG: "); wrong {
		return bounded.Malformed(a.File, "%s; look at it with comlam csi info, and remove the side file if the values are meant to be others", why)
	}
	return nil
}

func (a *Array) verify() string {
	if a.Format == SigMF {
		rec, err := sigmf.Open(a.fsys, a.File)
		if err == nil {
			err = rec.Verify()
		}
		switch err {
		case nil:
			return "right"
		case sigmf.ErrNoChecksum:
			return "none"
		}
		return "WRONG: " + err.Error()
	}
	if a.Meta == nil || a.Meta.SHA256 == "" {
		return "none"
	}
	if sumOf(a.fsys, a.File) != a.Meta.SHA256 {
		return "WRONG: the file is not the one that the side file describes"
	}
	return "right"
}

// largestPower is that of values which count. The powers of all of float32 are below it.
const largestPower = 1e140

// histogram counts decibels finely enough for quantiles of any number of samples.
type histogram struct {
	bins     [4001]int // of 0.1 dB, from -200 to 200 dB
	n        int
	min, max float64
}

func (h *histogram) add(db float64) {
	if h.n == 0 || db < h.min {
		h.min = db
	}
	if h.n == 0 || db > h.max {
		h.max = db
	}
	h.n++
	h.bins[int(math.Round(10*(max(-200, min(200, db))+200)))]++
}

func (h *histogram) quantile(q float64) float64 {
	rank, seen := int(math.Ceil(q*float64(h.n)-1e-9)), 0
	for i, c := range h.bins {
		if seen += c; seen >= max(rank, 1) {
			return min(max(float64(i)/10-200, h.min), h.max)
		}
	}
	return h.max
}

// Stats reads all values once, in memory that does not grow with their number.
func (a *Array) Stats(ctx context.Context, progress func(done int)) (*Stats, error) {
	layout, err := a.complexLayout()
	if err != nil {
		return nil, err
	}
	s := &Stats{}
	var h histogram
	var square, values float64
	err = a.items(func(i int, scalars []float64) error {
		power, n := s.addItem(layout, scalars)
		values += n
		if n > 0 {
			mean := power / n
			s.MeanPower += power
			square += mean * mean
			h.add(10 * math.Log10(max(mean, 1e-20)))
		}
		s.Samples++
		if progress != nil {
			progress(i + 1)
		}
		return ctx.Err()
	})
	if err != nil {
		return nil, err
	}
	if values > 0 {
		s.MeanPower /= values
		s.Mean[0] /= values
		s.Mean[1] /= values
	}
	if n := float64(h.n); n > 1 {
		s.StdErr = math.Sqrt(max(0, square/n-s.MeanPower*s.MeanPower) / (n - 1))
	}
	if h.n > 0 {
		s.SamplePowerDB = &Quantiles{h.min, h.quantile(0.05), h.quantile(0.5), h.quantile(0.95), h.max}
	}
	return s, nil
}

// addItem adds a sample and returns the sum of its powers and their number.
func (s *Stats) addItem(l partLayout, scalars []float64) (power, n float64) {
	for i := range l.values {
		re, im := l.at(scalars, i)
		p := re*re + im*im
		if !(p <= largestPower) {
			s.NonFinite++
			continue
		}
		power += p
		n++
		s.Mean[0] += re
		s.Mean[1] += im
		s.LargestPower = max(s.LargestPower, p)
	}
	return power, n
}

// partLayout says where the parts of a complex value lie in the scalars of an item.
type partLayout struct {
	values      int
	step, apart int // between values, between the parts of one; apart 0: real numbers
}

func (l partLayout) at(scalars []float64, i int) (re, im float64) {
	if l.apart == 0 {
		return scalars[i*l.step], 0
	}
	return scalars[i*l.step], scalars[i*l.step+l.apart]
}

// complexLayout finds real and imaginary parts: in complex numbers, or in the axis
// "part" of a real view.
func (a *Array) complexLayout() (partLayout, error) {
	if a.Refused != nil {
		return partLayout{}, a.Refused
	}
	if len(a.Shape) == 0 || a.NumValues() == 0 {
		return partLayout{}, bounded.Malformed(a.File, "shape %v has no samples", a.Shape)
	}
	n := int(a.NumValues() / int64(a.Shape[0]))
	switch {
	case a.number.Complex:
		return partLayout{n, 2, 1}, nil
	case a.isRealView():
		return partLayout{n / 2, 1, n / 2}, nil
	}
	return partLayout{n, 1, 0}, nil
}

// isRealView reports whether the second axis is known to be real and imaginary parts.
func (a *Array) isRealView() bool {
	return a.Meta != nil && len(a.Meta.Axes) > 1 && a.Meta.Axes[1] == axisPart && a.Shape[1] == 2
}

// Select returns the array called name, or the only one.
func Select(arrays []*Array, name string) (*Array, error) {
	var names []string
	for _, a := range arrays {
		if a.Name == name || name == "" && len(arrays) == 1 {
			return a, a.Refused
		}
		names = append(names, fmt.Sprintf("%q", a.Name))
	}
	if name == "" {
		return nil, bounded.Malformed(arrays[0].File, "it holds %d arrays; name one with --array: %s", len(arrays), strings.Join(names, ", "))
	}
	if arrays[0].Format != NPZ {
		return nil, bounded.Malformed(arrays[0].File, "it holds one array without a name; leave --array out")
	}
	return nil, fmt.Errorf("%s: no array %q: %w; there are: %s", arrays[0].File, name, os.ErrNotExist, strings.Join(names, ", "))
}
