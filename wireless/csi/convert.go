package csi

import (
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"math"
	"slices"

	"github.com/comlam/comlam/format/npy"
	"github.com/comlam/comlam/format/npz"
	"github.com/comlam/comlam/format/sigmf"
	"github.com/comlam/comlam/internal/bounded"
	"github.com/comlam/comlam/internal/durable"
)

// The views of complex values.
const (
	RealView    = "real"    // [sample, part, ...]: real and imaginary parts behind the first axis
	ComplexView = "complex" // [sample, ...]
)

// DTypes are the types that Convert makes on demand.
var DTypes = []string{"complex64", "complex128", "float32", "float64"}

// ConvertConfig says what Convert makes of its sources.
type ConvertConfig struct {
	Array    string // which array of an .npz file to read; "" where there is one
	View     string // RealView, ComplexView or "" for that of the source
	DType    string // one of DTypes or "" for the smallest that holds every value
	Compress bool   // deflate, in .npz
	Name     string // of the array in an .npz file; "" is the source's, or "h"
	Lossy    bool   // allow what loses digits or the description, and sources that are damaged
	Program  string
	Progress func(done, all int64) // bytes of the source; may be nil
}

// Converted is the result of Convert.
type Converted struct {
	File  string `json:"file"`
	Shape []int  `json:"shape"`
	DType string `json:"dtype"`
	Bytes int64  `json:"bytes"` // of the values
	Meta  *Meta  `json:"meta,omitempty"`
}

// conversion is a Convert under way.
type conversion struct {
	ConvertConfig
	fsys    durable.FS
	sources []*Array
	target  string
	format  string

	shape    []int
	from, to number
	view     string // the change of view: RealView, ComplexView or ""
	meta     *Meta
	sigmf    *sigmf.Meta // of the only source
}

// Convert writes the samples of all sources, one after the other, to target, in the
// format of its name. Values stream; target appears when it is complete, its side
// file last. Sources must agree in shape and type. What would lose something is
// refused unless Lossy says that it may.
func Convert(ctx context.Context, fsys durable.FS, sources []*Array, target string, c ConvertConfig) (*Converted, error) {
	format, err := FormatOf(target)
	if err != nil {
		return nil, err
	}
	v := &conversion{ConvertConfig: c, fsys: fsys, sources: sources, target: target, format: format}
	for _, check := range []func() error{v.join, v.chooseView, v.chooseType, v.describe} {
		if err := check(); err != nil {
			return nil, err
		}
	}
	for _, a := range sources {
		if err := a.damaged(); err != nil && !c.Lossy {
			return nil, err
		}
	}
	bytes := v.size()
	if err := durable.CheckSpace(fsys, target, bytes); err != nil {
		return nil, err
	}
	if err := v.write(ctx); err != nil {
		return nil, err
	}
	return &Converted{File: target, Shape: v.shape, DType: v.to.String(), Bytes: bytes, Meta: v.meta}, nil
}

func (v *conversion) size() int64 {
	n := int64(v.to.Size())
	for _, axis := range v.shape {
		n *= int64(axis)
	}
	return n
}

// join makes one shape of those of the sources.
func (v *conversion) join() error {
	first := v.sources[0]
	v.shape, v.from, v.sigmf = slices.Clone(first.Shape), first.number, first.SigMF
	for _, a := range v.sources {
		if len(a.Shape) == 0 {
			return bounded.Malformed(a.File, "a single number has no samples")
		}
		if a == first {
			continue
		}
		if !slices.Equal(a.Shape[1:], first.Shape[1:]) || a.number != first.number {
			return bounded.Malformed(a.File, "%s %v does not continue the %s %v of %s", a.DType, a.Shape, first.DType, first.Shape, first.File)
		}
		if a.Shape[0] > math.MaxInt32-v.shape[0] {
			return bounded.Malformed(a.File, "together there are more than %d samples; make several files", math.MaxInt32)
		}
		v.shape[0] += a.Shape[0]
	}
	if len(v.sources) > 1 && v.sigmf != nil && v.sources[0].Meta == nil {
		return bounded.Malformed(first.File, "recordings are converted one at a time")
	}
	return nil
}

func (v *conversion) chooseView() error {
	v.to = v.from
	file := v.sources[0].File
	switch {
	case v.View == "" || v.View == ComplexView && v.from.Complex || v.View == RealView && !v.from.Complex && v.sources[0].isRealView():
		return nil
	case v.View == RealView && v.from.Complex:
		v.shape, v.to = slices.Insert(v.shape, 1, 2), v.from.native().scalar()
	case v.View == ComplexView && len(v.shape) > 1 && v.shape[1] == 2 && v.from.Kind == sigmf.Float:
		v.shape = slices.Delete(v.shape, 1, 2)
		v.to.Complex = true
	case v.View == ComplexView:
		return bounded.Malformed(file, "%s %v has no second axis of real and imaginary parts; nothing complex can be made of it", v.from, v.shape)
	default:
		return bounded.Malformed(file, "%s numbers have no imaginary part; they are what they are", v.from)
	}
	v.view = v.View
	n := int64(v.from.NumScalars())
	for _, axis := range v.sources[0].Shape[1:] {
		n *= int64(axis)
	}
	return bounded.Check("numbers in a sample", n, maxUnit)
}

func (v *conversion) chooseType() error {
	file := v.sources[0].File
	v.to = v.to.native()
	if v.DType != "" {
		for _, n := range descrs {
			if n.String() == v.DType {
				if n.Complex != v.to.Complex {
					return bounded.Malformed(file, "%s of %s would change what the values are; ask for another view with --view", v.DType, v.to)
				}
				v.to = n
			}
		}
	}
	if !v.Lossy && !v.from.exact(v.to) {
		return bounded.Malformed(file, "%s as %s loses digits; allow it with --lossy", v.from, v.to)
	}
	if v.format == SigMF && (v.to.isBool || v.to.Kind != sigmf.Float && v.to.Bits == 64) {
		return bounded.Malformed(file, "SigMF has no %s; convert it to float64 first", v.to)
	}
	if v.from.Bits == 64 && v.from.Kind != sigmf.Float && v.to != v.from && !v.Lossy {
		return bounded.Malformed(file, "%s as %s loses digits; allow it with --lossy", v.from, v.to)
	}
	return nil
}

// describe makes the description of the target.
func (v *conversion) describe() error {
	first := v.sources[0].Meta
	if first == nil {
		return nil
	}
	m := *first
	m.Axes, m.Coordinates = slices.Clone(m.Axes), slices.Clone(m.Coordinates)
	next := m.FirstIndex + uint64(v.sources[0].Shape[0])
	for _, a := range v.sources[1:] {
		want := *first
		want.FirstIndex, want.Shape = next, a.Shape
		want.Coordinates = slices.Clone(first.Coordinates)
		want.setFirst(next)
		if a.Meta == nil || !a.Meta.sameJob(want) {
			if v.Lossy {
				return nil
			}
			return bounded.Malformed(a.File, "its samples do not follow those before it (sample %d of seed %d was to come): one description does not fit; drop it with --lossy", next, m.Seed)
		}
		next += uint64(a.Shape[0])
	}
	switch v.view {
	case RealView:
		m.Axes = slices.Insert(m.Axes, 1, axisPart)
	case ComplexView:
		m.Axes = slices.Delete(m.Axes, 1, 2)
	}
	m.Shape, m.DType = v.shape, v.to.String()
	if v.Program != "" {
		m.Program = v.Program
	}
	v.meta = &m
	return nil
}

// setFirst changes where the samples begin.
func (m *Meta) setFirst(first uint64) {
	for i := range m.Coordinates {
		if m.Coordinates[i].Axis == axisSample {
			m.Coordinates[i].First = float64(first)
		}
	}
}

// write writes the values, then what describes them.
func (v *conversion) write(ctx context.Context) error {
	name := v.target
	if v.format == SigMF {
		name = sigmf.Base(v.target) + sigmf.DataSuffix
	}
	for _, a := range v.sources {
		if a.File == name || a.File == v.target {
			return bounded.Malformed(v.target, "it is a source; write to another name")
		}
	}
	f, err := durable.Create(v.fsys, name)
	if err != nil {
		return err
	}
	defer f.Abort()
	var sum hash.Hash = sha256.New()
	if v.format == SigMF {
		sum = sha512.New()
	}
	if err := v.writeValues(ctx, io.MultiWriter(f, sum)); err != nil {
		return err
	}
	if err := f.Commit(); err != nil {
		return err
	}
	return v.writeDescription(hex.EncodeToString(sum.Sum(nil)))
}

func (v *conversion) writeValues(ctx context.Context, w io.Writer) error {
	h := npy.Header{Descr: v.to.descr(), Shape: v.shape}
	switch v.format {
	case NPY:
		start, err := h.Preamble()
		if err != nil {
			return err
		}
		if _, err := w.Write(start); err != nil {
			return err
		}
		return v.copyAll(ctx, w)
	case NPZ:
		z := npz.NewWriter(w, v.Compress)
		name := v.Name
		if name == "" {
			name = v.sources[0].Name
		}
		if name == "" {
			name = "h"
		}
		return errors.Join(z.Create(name, h), v.copyAll(ctx, z), z.Close())
	}
	return v.copyAll(ctx, w)
}

func (v *conversion) writeDescription(sum string) error {
	if v.meta != nil {
		v.meta.SHA256 = sum
		if v.format == SigMF {
			v.meta.SHA256 = ""
		}
	}
	if v.format == SigMF {
		m, err := v.recording(sum)
		if err != nil {
			return err
		}
		text, err := m.Encode()
		if err != nil {
			return err
		}
		return durable.WriteFile(v.fsys, sigmf.Base(v.target)+sigmf.MetaSuffix, text)
	}
	name := sidecarOf(v.target)
	switch {
	case v.meta != nil:
		text, err := v.meta.encode()
		if err != nil {
			return err
		}
		return durable.WriteFile(v.fsys, name, text)
	case v.sigmf != nil:
		return v.keepRecording(name)
	}
	return v.dropSidecar(name)
}

// dropSidecar removes a side file of ours that told of what the target was before.
func (v *conversion) dropSidecar(name string) error {
	old := Array{fsys: v.fsys}
	if err := old.readSidecar(name); err != nil || old.Meta == nil && old.SigMF == nil {
		return err
	}
	return durable.RemoveAll(v.fsys, name)
}

// keptRecording is the side file of an array that was a recording of somebody's.
type keptRecording struct {
	SigMF json.RawMessage `json:"sigmf"`
}

// keepRecording keeps a recording's metadata beside the array that it becomes.
func (v *conversion) keepRecording(name string) error {
	text, err := v.sigmf.Encode()
	if err != nil {
		return err
	}
	text, err = json.MarshalIndent(keptRecording{text}, "", "  ")
	if err != nil {
		return err
	}
	return durable.WriteFile(v.fsys, name, append(text, '\n'))
}

// recording describes the target as SigMF does: the last two axes of channels (rx,
// tx) are SigMF's channels, all before are its samples.
func (v *conversion) recording(sum string) (*sigmf.Meta, error) {
	g := sigmf.Global{Datatype: v.to.Datatype, Version: sigmf.Version, NumChannels: 1, SHA512: sum, Recorder: v.Program, Rest: sigmf.Fields{}}
	m := &sigmf.Meta{Captures: []sigmf.Segment{{SampleCount: -1}}}
	if kept := v.sigmf; kept != nil && v.meta == nil {
		m.Captures, m.Annotations, m.Rest = kept.Captures, kept.Annotations, kept.Rest
		g = kept.Global
		g.Datatype, g.SHA512, g.Dataset, g.TrailingBytes = v.to.Datatype, sum, "", 0
		m.Global = g
		return m, nil
	}
	if v.meta != nil {
		g.Description = "channel state information H" + fmt.Sprint(v.meta.Axes)
		if n := len(v.shape); n > 2 {
			g.NumChannels = v.shape[n-1] * v.shape[n-2]
		}
		text, err := json.Marshal(v.meta)
		if err != nil {
			return nil, err
		}
		g.Rest[metaKey] = text
	}
	shape, err := json.Marshal(v.shape)
	if err != nil {
		return nil, err
	}
	g.Rest[shapeKey] = shape
	g.Rest["core:extensions"] = json.RawMessage(`[{"name": "` + extension + `", "version": "1.0.0", "optional": true}]`)
	m.Global = g
	return m, nil
}
