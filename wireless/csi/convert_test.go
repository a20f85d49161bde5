package csi

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/comlam/comlam/format/npy"
	"github.com/comlam/comlam/format/npz"
	"github.com/comlam/comlam/format/sigmf"
	"github.com/comlam/comlam/internal/bounded"
	"github.com/comlam/comlam/internal/durable"
	"github.com/comlam/comlam/internal/testdata"
)

func saved(t *testing.T, c SaveConfig) durable.FS {
	t.Helper()
	fsys := durable.NewMemFS(1)
	c.Workers = 1
	if err := Save(context.Background(), fsys, "h", build(t, small("cdl-b")), c); err != nil {
		t.Fatal(err)
	}
	return fsys
}

func opened(t *testing.T, fsys durable.FS, names ...string) []*Array {
	t.Helper()
	var list []*Array
	for _, name := range names {
		arrays, err := Open(fsys, name)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, arrays...)
	}
	return list
}

func convert(t *testing.T, fsys durable.FS, target string, c ConvertConfig, sources ...string) *Converted {
	t.Helper()
	res, err := Convert(context.Background(), fsys, opened(t, fsys, sources...), target, c)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

// Through every format and view, a data set comes back as the same bytes, with the
// same description.
func TestConvertThereAndBack(t *testing.T) {
	fsys := saved(t, SaveConfig{Seed: 2, Count: 5})
	want, wantMeta := read(t, fsys, "h.npy"), read(t, fsys, "h.json")
	for name, path := range map[string][]struct {
		target string
		c      ConvertConfig
	}{
		"stored":   {{"a.npz", ConvertConfig{}}, {"b.npy", ConvertConfig{}}},
		"deflated": {{"a.npz", ConvertConfig{Compress: true}}, {"b.npy", ConvertConfig{}}},
		"sigmf":    {{"a.sigmf-meta", ConvertConfig{}}, {"b.npy", ConvertConfig{}}},
		"real":     {{"a.npy", ConvertConfig{View: RealView}}, {"b.npy", ConvertConfig{View: ComplexView}}},
		"wider":    {{"a.npy", ConvertConfig{DType: "complex128"}}, {"b.npy", ConvertConfig{DType: "complex64", Lossy: true}}},
		"long way": {{"a.sigmf-data", ConvertConfig{View: RealView, DType: "float64"}}, {"c.npz", ConvertConfig{}}, {"d.npz", ConvertConfig{View: ComplexView}},
			{"e.sigmf-meta", ConvertConfig{DType: "complex64", Lossy: true}}, {"b.npy", ConvertConfig{}}},
	} {
		source := "h.npy"
		for _, step := range path {
			res := convert(t, fsys, step.target, step.c, source)
			a := opened(t, fsys, step.target)[0]
			if !slices.Equal(a.Shape, res.Shape) || a.Meta == nil || a.Describe().Checksum != "right" || a.Meta.Shape[0] != 5 {
				t.Errorf("%s: %s is %+v with %+v", name, step.target, a, a.Meta)
			}
			source = step.target
		}
		if !bytes.Equal(read(t, fsys, "b.npy"), want) || !bytes.Equal(read(t, fsys, "b.json"), wantMeta) {
			t.Errorf("%s: other bytes came back", name)
		}
	}
}

func TestRealViewIsPartsOfSamples(t *testing.T) {
	fsys := saved(t, SaveConfig{Count: 2})
	res := convert(t, fsys, "r.npy", ConvertConfig{View: RealView}, "h.npy")
	if !slices.Equal(res.Shape, []int{2, 2, 3, 4, 1, 2}) || res.DType != "float32" || res.Meta.Axes[1] != "part" {
		t.Errorf("real view %+v", res)
	}
	_, h, err := npy.ReadAll[complex64](bytes.NewReader(read(t, fsys, "h.npy")), 1<<20)
	_, r, err2 := npy.ReadAll[float32](bytes.NewReader(read(t, fsys, "r.npy")), 1<<20)
	if err := errors.Join(err, err2); err != nil {
		t.Fatal(err)
	}
	for i, v := range h {
		sample, at := i/24, i%24
		if r[sample*48+at] != real(v) || r[sample*48+24+at] != imag(v) {
			t.Fatalf("value %d is %v and in the real view %g, %g", i, v, r[sample*48+at], r[sample*48+24+at])
		}
	}
}

// The shards of a job become the file of the whole job, description included.
func TestConvertJoinsShards(t *testing.T) {
	fsys := saved(t, SaveConfig{Seed: 2, First: 4, Count: 5})
	var names []string
	for i := uint64(1); i <= 3; i++ {
		name := ShardName("h", i, 3)
		c := SaveConfig{Seed: 2, First: 4, Count: 5}.Shard(i, 3)
		c.Workers = 1
		if err := Save(context.Background(), fsys, name, build(t, small("cdl-b")), c); err != nil {
			t.Fatal(err)
		}
		names = append(names, name+".npy")
	}
	convert(t, fsys, "joined.npy", ConvertConfig{}, names...)
	if !bytes.Equal(read(t, fsys, "joined.npy"), read(t, fsys, "h.npy")) || !bytes.Equal(read(t, fsys, "joined.json"), read(t, fsys, "h.json")) {
		t.Error("the joined shards are not the file of the whole job")
	}
	slices.Reverse(names)
	_, err := Convert(context.Background(), fsys, opened(t, fsys, names...), "x.npy", ConvertConfig{})
	if err == nil || !strings.Contains(err.Error(), "do not follow") {
		t.Errorf("shards in the wrong order: %v", err)
	}
	if res := convert(t, fsys, "x.npy", ConvertConfig{Lossy: true}, names...); res.Meta != nil || res.Shape[0] != 5 {
		t.Errorf("in the wrong order, allowed: %+v", res)
	}
}

func TestConvertRecordings(t *testing.T) {
	fsys := durable.NewMemFS(1)
	meta := `{"global": {"core:datatype": "ci16_be", "core:version": "1.2.0", "core:sample_rate": 1000, "core:num_channels": 2},
		"captures": [{"core:sample_start": 0, "core:frequency": 5}], "annotations": [{"core:sample_start": 1, "core:comment": "here"}]}`
	data := []byte{0, 1, 0xff, 0xff, 0x7f, 0xff, 0x80, 0, 0, 2, 0, 3, 0, 4, 0, 5}
	if err := errors.Join(durable.WriteFile(fsys, "r.sigmf-meta", []byte(meta)), durable.WriteFile(fsys, "r.sigmf-data", data)); err != nil {
		t.Fatal(err)
	}
	convert(t, fsys, "r.npy", ConvertConfig{}, "r.sigmf-meta")
	h, v, err := npy.ReadAll[complex64](bytes.NewReader(read(t, fsys, "r.npy")), 1<<20)
	want := []complex64{1 - 1i, 32767 - 32768i, 2 + 3i, 4 + 5i}
	if err != nil || !slices.Equal(v, want) || !slices.Equal(h.Shape, []int{2, 2}) {
		t.Errorf("%v %v, %v", h, v, err)
	}
	convert(t, fsys, "back.sigmf-data", ConvertConfig{}, "r.npy")
	a := opened(t, fsys, "back.sigmf-meta")[0]
	g := a.SigMF.Global
	if g.Datatype.String() != "cf32_le" || g.SampleRateHz != 1000 || g.NumChannels != 2 || len(a.SigMF.Annotations) != 1 ||
		string(a.SigMF.Captures[0].Rest["core:frequency"]) != "5" || a.Describe().Checksum != "right" {
		t.Errorf("written back: %+v", a.SigMF)
	}
	if s, err := a.Stats(context.Background(), nil); err != nil || s.LargestPower != 32767*32767+32768*32768 || s.Samples != 2 {
		t.Errorf("statistics %+v, %v", s, err)
	}
	if i := a.Describe(); i.SigMF == nil || i.SigMF.DurationS != 0.002 {
		t.Errorf("facts %+v", i.SigMF)
	}
}

// The published recording becomes an array with the same values.
func TestConvertPublishedRecording(t *testing.T) {
	source := filepath.Join(testdata.Dir(t, "sigmf"), "sigmf_logo.sigmf-meta")
	target := filepath.Join(t.TempDir(), "logo.npy")
	res, err := Convert(context.Background(), durable.OS, opened(t, durable.OS, source), target, ConvertConfig{})
	if err != nil || res.DType != "int16" || !slices.Equal(res.Shape, []int{288000, 2}) {
		t.Fatalf("%+v, %v", res, err)
	}
	rec, err := sigmf.Open(durable.OS, source)
	if err != nil {
		t.Fatal(err)
	}
	if a, b := read(t, durable.OS, rec.Path), read(t, durable.OS, target); !bytes.Equal(a, b[len(b)-len(a):]) {
		t.Error("other values")
	}
}

func TestConvertRefuses(t *testing.T) {
	fsys := saved(t, SaveConfig{Count: 2})
	convert(t, fsys, "wide.npy", ConvertConfig{DType: "complex128"}, "h.npy")
	convert(t, fsys, "real.npy", ConvertConfig{View: RealView}, "h.npy")
	var b bytes.Buffer
	w := npz.NewWriter(&b, false)
	for name, descr := range map[string]string{"long": "<i8", "yes": "|b1"} {
		n := map[string]int{"<i8": 8, "|b1": 1}[descr]
		_, err := func() (int, error) {
			if err := w.Create(name, npy.Header{Descr: descr, Shape: []int{1}}); err != nil {
				return 0, err
			}
			return w.Write(make([]byte, n))
		}()
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.Close(), durable.WriteFile(fsys, "two.npz", b.Bytes())); err != nil {
		t.Fatal(err)
	}
	for want, c := range map[string]struct {
		source, array, target string
		c                     ConvertConfig
	}{
		"loses digits":            {"wide.npy", "", "x.npy", ConvertConfig{DType: "complex64"}},
		"another view":            {"h.npy", "", "x.npy", ConvertConfig{DType: "float32"}},
		"MATLAB files":            {"h.npy", "", "x.mat", ConvertConfig{}},
		"HDF5 files":              {"h.npy", "", "x.h5", ConvertConfig{}},
		"no format is known":      {"h.npy", "", "x", ConvertConfig{}},
		"it is a source":          {"h.npy", "", "h.npy", ConvertConfig{}},
		"no imaginary part":       {"two.npz", "long", "x.npy", ConvertConfig{View: RealView}},
		"no second axis":          {"two.npz", "long", "x.npy", ConvertConfig{View: ComplexView}},
		"SigMF has no int64":      {"two.npz", "long", "x.sigmf-meta", ConvertConfig{}},
		"SigMF has no bool":       {"two.npz", "yes", "x.sigmf-meta", ConvertConfig{}},
		"int64 as float64 loses":  {"two.npz", "long", "x.npy", ConvertConfig{DType: "float64"}},
		"name one with --array":   {"two.npz", "", "x.npy", ConvertConfig{}},
		`no array "h"`:            {"two.npz", "h", "x.npy", ConvertConfig{}},
		"one array without a nam": {"h.npy", "h", "x.npy", ConvertConfig{}},
	} {
		a, err := Select(opened(t, fsys, c.source), c.array)
		if err == nil {
			_, err = Convert(context.Background(), fsys, []*Array{a}, c.target, c.c)
		}
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
	if _, err := fsys.Stat("x.npy"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a refused conversion left a file: %v", err)
	}
	if _, err := Open(fsys, "missing.npy"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
}

// isMalformed reports whether err blames the data, as its exit code then does.
func isMalformed(err error) bool {
	var format *bounded.FormatError
	return errors.As(err, &format)
}

// Cut short or changed, a source is an error that blames it, and no target appears.
func TestConvertOfDamagedSources(t *testing.T) {
	fsys := saved(t, SaveConfig{Count: 2})
	convert(t, fsys, "z.npz", ConvertConfig{}, "h.npy")
	whole, packed := read(t, fsys, "h.npy"), read(t, fsys, "z.npz")
	rotten := bytes.Clone(packed)
	rotten[300] ^= 1
	for name, b := range map[string][]byte{"short.npy": whole[:len(whole)-1], "long.npy": append(bytes.Clone(whole), 0), "rotten.npz": rotten} {
		if err := durable.WriteFile(fsys, name, b); err != nil {
			t.Fatal(err)
		}
		for _, c := range []ConvertConfig{{}, {View: RealView}} {
			if _, err := Convert(context.Background(), fsys, opened(t, fsys, name), "x.npy", c); !isMalformed(err) || !strings.Contains(err.Error(), name) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if _, err := opened(t, fsys, name)[0].Stats(context.Background(), nil); !isMalformed(err) {
			t.Errorf("%s: its statistics: %v", name, err)
		}
	}
	if _, err := fsys.Stat("x.npy"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a damaged source left a target: %v", err)
	}
	changed := bytes.Clone(whole)
	changed[len(changed)-1] ^= 1
	if err := durable.WriteFile(fsys, "h.npy", changed); err != nil {
		t.Fatal(err)
	}
	if i := opened(t, fsys, "h.npy")[0].Describe(); !strings.HasPrefix(i.Checksum, "WRONG") {
		t.Errorf("a changed file has checksum %q", i.Checksum)
	}
	// Nobody gives it a fresh checksum, or a figure, unless the loss is allowed.
	if _, err := Convert(context.Background(), fsys, opened(t, fsys, "h.npy"), "x.npy", ConvertConfig{}); !isMalformed(err) || !strings.Contains(err.Error(), "side file") {
		t.Errorf("converted: %v", err)
	}
	if _, err := Figure(context.Background(), opened(t, fsys, "h.npy")[0], DelayProfile, 1); !isMalformed(err) {
		t.Errorf("drawn: %v", err)
	}
	convert(t, fsys, "x.npy", ConvertConfig{Lossy: true}, "h.npy")
}

// The statistics against the plain sums over all values.
func TestStats(t *testing.T) {
	fsys := saved(t, SaveConfig{Count: 40})
	convert(t, fsys, "r.npz", ConvertConfig{View: RealView, Compress: true}, "h.npy")
	_, h, err := npy.ReadAll[complex64](bytes.NewReader(read(t, fsys, "h.npy")), 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	power, largest, each := 0.0, 0.0, make([]float64, 40)
	for i, v := range h {
		power += square(v) / float64(len(h))
		each[i/24] += square(v) / 24
		largest = max(largest, square(v))
	}
	deviation := 0.0
	for i := range each {
		deviation += (each[i] - power) * (each[i] - power) / 39 / 40
		each[i] = 10 * math.Log10(each[i])
	}
	slices.Sort(each)
	for _, name := range []string{"h.npy", "r.npz"} {
		s, err := opened(t, fsys, name)[0].Stats(context.Background(), nil)
		if err != nil {
			t.Fatal(err)
		}
		q := s.SamplePowerDB
		if math.Abs(s.MeanPower-power) > 1e-12 || math.Abs(s.StdErr-math.Sqrt(deviation)) > 1e-12 || math.Abs(s.LargestPower-largest) > 1e-12 || s.Samples != 40 ||
			math.Abs(q.Min-each[0]) > 1e-9 || math.Abs(q.Max-each[39]) > 1e-9 || math.Abs(q.Median-each[19]) > 0.06 || math.Abs(q.Q05-each[1]) > 0.06 || math.Abs(q.Q95-each[37]) > 0.06 {
			t.Errorf("%s: %+v, want mean %g of %g to %g dB", name, s, power, each[0], each[39])
		}
	}
	odd := npy.AppendValues(mustPreamble(t, "<f4", 2, 2), []float32{1, float32(math.NaN()), 3, float32(math.Inf(1))})
	if err := durable.WriteFile(fsys, "odd.npy", odd); err != nil {
		t.Fatal(err)
	}
	if s, err := opened(t, fsys, "odd.npy")[0].Stats(context.Background(), nil); err != nil || s.NonFinite != 2 || s.MeanPower != 5 {
		t.Errorf("with a NaN and an infinity: %+v, %v", s, err)
	}
	none := npy.AppendValues(mustPreamble(t, "<f4", 2, 1), []float32{float32(math.NaN()), float32(math.NaN())})
	if err := durable.WriteFile(fsys, "none.npy", none); err != nil {
		t.Fatal(err)
	}
	if s, err := opened(t, fsys, "none.npy")[0].Stats(context.Background(), nil); err != nil || s.NonFinite != 2 || s.SamplePowerDB != nil {
		t.Errorf("of NaN only: %+v, %v", s, err)
	}
	// Powers of which the sum or the squares overflow.
	huge := npy.AppendValues(mustPreamble(t, "<f8", 3, 2), []float64{1.2e154, -1.2e154, 1e100, 1, 3, 3})
	if err := durable.WriteFile(fsys, "huge.npy", huge); err != nil {
		t.Fatal(err)
	}
	s, err := opened(t, fsys, "huge.npy")[0].Stats(context.Background(), nil)
	if err != nil || s.NonFinite != 3 || math.Abs(s.MeanPower-19.0/3) > 1e-12 || math.IsNaN(s.StdErr) {
		t.Errorf("of huge values: %+v, %v", s, err)
	}
}

func mustPreamble(t *testing.T, descr string, shape ...int) []byte {
	t.Helper()
	b, err := npy.Header{Descr: descr, Shape: shape}.Preamble()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// A few bytes with a large claim cost nothing.
func TestClaimsCostNothing(t *testing.T) {
	fsys := durable.NewMemFS(1)
	for name, shape := range map[string][]int{"wide.npy": {1, 1 << 27}, "none.npy": {1 << 40, 0}, "deep.npy": {1 << 30, 1}} {
		if err := durable.WriteFile(fsys, name, append(mustPreamble(t, "<f4", shape...), 1, 2, 3, 4)); err != nil {
			t.Fatal(err)
		}
		if _, err := opened(t, fsys, name)[0].Stats(context.Background(), nil); err == nil {
			t.Errorf("%s: statistics of what is not there", name)
		}
	}
}

// What replaces a data set does not keep the description of the one before; the file of
// somebody else of that name stays.
func TestConvertDropsAnOldDescription(t *testing.T) {
	fsys := saved(t, SaveConfig{Count: 2})
	if err := errors.Join(
		durable.WriteFile(fsys, "bare.npy", read(t, fsys, "h.npy")),
		durable.WriteFile(fsys, "other.json", []byte(`{"generator": "mine"}`)),
	); err != nil {
		t.Fatal(err)
	}
	convert(t, fsys, "h.npy", ConvertConfig{}, "bare.npy")
	convert(t, fsys, "other.npy", ConvertConfig{}, "bare.npy")
	if a := opened(t, fsys, "h.npy")[0]; a.Meta != nil {
		t.Errorf("described as %+v", a.Meta)
	}
	read(t, fsys, "other.json")
}

// Files of the same name in several formats do not take each other's description.
func TestFormatsBesideEachOther(t *testing.T) {
	fsys := saved(t, SaveConfig{Count: 2})
	convert(t, fsys, "h.npz", ConvertConfig{View: RealView}, "h.npy")
	convert(t, fsys, "h.sigmf-meta", ConvertConfig{}, "h.npy")
	for _, name := range []string{"h.npy", "h.npz", "h.sigmf-meta"} {
		if a := opened(t, fsys, name)[0]; a.Meta == nil || a.Describe().Checksum != "right" {
			t.Errorf("%s is described as %+v", name, a.Meta)
		}
	}
}
