package csi

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/comlam/comlam/format/npy"
	"github.com/comlam/comlam/format/npz"
	"github.com/comlam/comlam/format/sigmf"
	"github.com/comlam/comlam/internal/bounded"
	"github.com/comlam/comlam/internal/durable"
)

// The formats that are read and written.
const (
	NPY   = "npy"
	NPZ   = "npz"
	SigMF = "sigmf"
)

// foreign are formats that are refused by name.
var foreign = map[string]string{
	".mat": "MATLAB", ".h5": "HDF5", ".hdf5": "HDF5", ".pt": "PyTorch", ".pth": "PyTorch", ".pkl": "pickle",
	".parquet": "Parquet", ".csv": "CSV", ".dat": "raw", ".bin": "raw", ".sigmf": "SigMF archive",
}

// FormatOf tells the format of a file by its name.
func FormatOf(path string) (string, error) {
	for suffix, format := range map[string]string{
		".npy": NPY, ".npz": NPZ, sigmf.MetaSuffix: SigMF, sigmf.DataSuffix: SigMF,
	} {
		if strings.HasSuffix(path, suffix) {
			return format, nil
		}
	}
	for suffix, name := range foreign {
		if strings.HasSuffix(path, suffix) {
			return "", bounded.Malformed(path, "%s files are not handled; use .npy, .npz or .sigmf-meta", name)
		}
	}
	return "", bounded.Malformed(path, "no format is known by this name; use .npy, .npz or .sigmf-meta")
}

// Array is an array of numbers in a file, with what is known of it. Any format gives
// the same; nothing of the values was read yet.
type Array struct {
	File      string
	Format    string
	Name      string // of an array of an .npz file
	Shape     []int
	DType     string      // complex64, float32, int16 ...
	Meta      *Meta       // nil where no side file says what the numbers are
	SigMF     *sigmf.Meta // of a recording
	FileBytes int64       // of the file that holds the values
	Refused   error       // why the array cannot be read, such as one of objects

	number number
	fsys   durable.FS
	open   func() (io.Reader, func() error, error) // values, and what checks their end
}

// Open finds the arrays of a file.
func Open(fsys durable.FS, path string) ([]*Array, error) {
	format, err := FormatOf(path)
	if err != nil {
		return nil, err
	}
	if format == SigMF {
		a, err := openRecording(fsys, path)
		if err != nil {
			return nil, err
		}
		return []*Array{a}, nil
	}
	info, err := fsys.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("open %q: %w", path, reason(err))
	}
	a := Array{File: path, Format: format, FileBytes: info.Size(), fsys: fsys}
	if err := a.readSidecar(sidecarOf(path)); err != nil {
		return nil, err
	}
	if format == NPY {
		return a.openNPY()
	}
	return a.openNPZ()
}

func (a Array) openNPY() ([]*Array, error) {
	h, err := a.fsys.OpenFile(a.File, os.O_RDONLY)
	if err != nil {
		return nil, fmt.Errorf("open %q: %w", a.File, reason(err))
	}
	defer h.Close()
	r, err := npy.NewReader(h)
	if err != nil {
		return nil, bounded.Malformed(a.File, "%v", err)
	}
	a.describe(r.Header())
	a.open = func() (io.Reader, func() error, error) {
		h, err := a.fsys.OpenFile(a.File, os.O_RDONLY)
		if err != nil {
			return nil, nil, fmt.Errorf("open %q: %w", a.File, reason(err))
		}
		r, err := npy.NewReader(h)
		if err != nil {
			h.Close()
			return nil, nil, bounded.Malformed(a.File, "%v", err)
		}
		return r, func() error { return errors.Join(r.Close(), h.Close()) }, nil
	}
	return []*Array{&a}, nil
}

func (a Array) openNPZ() ([]*Array, error) {
	h, f, err := a.archive()
	if err != nil {
		return nil, err
	}
	defer h.Close()
	var list []*Array
	for i := range f.Arrays {
		one := a
		one.Name = f.Arrays[i].Name
		if r, err := f.Arrays[i].Open(); err != nil {
			one.Refused = bounded.Malformed(a.File, "%v", err)
		} else {
			r.Abort()
			one.describe(r.Header())
		}
		one.open = func() (io.Reader, func() error, error) { return one.openMember(one.Name) }
		list = append(list, &one)
	}
	if len(list) == 0 {
		return nil, bounded.Malformed(a.File, "it holds no array")
	}
	return list, nil
}

func (a *Array) archive() (durable.Handle, *npz.File, error) {
	h, err := a.fsys.OpenFile(a.File, os.O_RDONLY)
	if err != nil {
		return nil, nil, fmt.Errorf("open %q: %w", a.File, reason(err))
	}
	f, err := npz.Open(h, a.FileBytes)
	if err != nil {
		h.Close()
		return nil, nil, bounded.Malformed(a.File, "%v", err)
	}
	return h, f, nil
}

func (a *Array) openMember(name string) (io.Reader, func() error, error) {
	h, f, err := a.archive()
	if err != nil {
		return nil, nil, err
	}
	r, err := f.Array(name)
	if err != nil {
		h.Close()
		return nil, nil, bounded.Malformed(a.File, "%v", err)
	}
	return r, func() error { return errors.Join(r.Close(), h.Close()) }, nil
}

func (a *Array) describe(h npy.Header) {
	a.Shape, a.number = h.Shape, descrs[h.Descr]
	a.DType = a.number.String()
	if a.Meta != nil && !a.fits(a.Meta) {
		a.Meta = nil
	}
	if a.SigMF != nil && !a.isShapeOf(a.SigMF) {
		a.SigMF = nil
	}
}

// isShapeOf reports whether the array can be what a recording became.
func (a *Array) isShapeOf(m *sigmf.Meta) bool {
	if channels := m.Global.NumChannels; channels > 1 {
		return len(a.Shape) == 2 && a.Shape[1] == channels
	}
	return len(a.Shape) == 1
}

// fits reports whether a side file can be that of the array.
func (a *Array) fits(m *Meta) bool {
	if len(m.Shape) != len(a.Shape) || len(m.Axes) != len(a.Shape) || m.DType != a.DType {
		return false
	}
	for i, n := range m.Shape {
		if n != a.Shape[i] {
			return false
		}
	}
	return true
}

// sidecarOf is the side file of an array: h.json of h.npy, and h.npz.json of h.npz,
// which may stand beside each other.
func sidecarOf(path string) string {
	return strings.TrimSuffix(path, "."+NPY) + ".json"
}

// readSidecar takes what the side file tells: of a data set, or of the recording that
// an array was. A file of that name may be somebody else's, then it says nothing.
func (a *Array) readSidecar(name string) error {
	text, err := durable.ReadFile(a.fsys, name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if m, err := ReadMeta(bytes.NewReader(text)); err == nil {
		a.Meta = &m
		return nil
	}
	var kept keptRecording
	if json.Unmarshal(text, &kept) != nil {
		return nil
	}
	if m, err := sigmf.Parse(bytes.NewReader(kept.SigMF)); err == nil {
		a.SigMF = m
	}
	return nil
}

// Keys of ours in a recording.
const (
	shapeKey  = "comlam:shape"
	metaKey   = "comlam:meta"
	extension = "comlam"
)

func openRecording(fsys durable.FS, path string) (*Array, error) {
	rec, err := sigmf.Open(fsys, path)
	if err != nil {
		return nil, err
	}
	g := rec.Meta.Global
	a := &Array{File: path, Format: SigMF, SigMF: rec.Meta, number: number{Datatype: g.Datatype}, fsys: fsys, FileBytes: rec.NumSamples * int64(g.Datatype.Size()*g.NumChannels)}
	a.DType = a.number.String()
	a.Shape = []int{int(rec.NumSamples)}
	if g.NumChannels > 1 {
		a.Shape = append(a.Shape, g.NumChannels)
	}
	if shape, err := ownShape(g); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	} else if n, err := bounded.Product(shape); shape != nil {
		if err != nil || n != rec.NumSamples*int64(g.NumChannels) {
			return nil, bounded.Malformed(path, "%s %v does not fit %d samples of %d channels", shapeKey, shape, rec.NumSamples, g.NumChannels)
		}
		a.Shape = shape
	}
	var m Meta
	if text, there := g.Rest[metaKey]; there && json.Unmarshal(text, &m) == nil && m.Generator == Version && a.fits(&m) {
		a.Meta = &m
	}
	a.open = func() (io.Reader, func() error, error) {
		r, err := rec.Samples()
		if err != nil {
			return nil, nil, err
		}
		return r, r.Close, nil
	}
	return a, nil
}

func ownShape(g sigmf.Global) ([]int, error) {
	text, there := g.Rest[shapeKey]
	if !there {
		return nil, nil
	}
	var shape []int
	if err := json.Unmarshal(text, &shape); err != nil || len(shape) == 0 || len(shape) > 32 {
		return nil, bounded.Malformed("", "%s is not the lengths of 1 to 32 axes", shapeKey)
	}
	return shape, nil
}

// NumValues is the number of values.
func (a *Array) NumValues() int64 {
	n := int64(1)
	for _, axis := range a.Shape {
		n *= int64(axis)
	}
	return n
}

// Bytes is the size of the values.
func (a *Array) Bytes() int64 { return a.NumValues() * int64(a.number.Size()) }

// Axes names the axes where they are known.
func (a *Array) Axes() []string {
	if a.Meta == nil {
		return nil
	}
	return a.Meta.Axes
}

// maxUnit bounds the scalars of a sample that is handled in one piece.
const maxUnit = 1 << 28

// items calls each for every item of the first axis, as scalars, real part first of
// complex values. The scalars are valid during the call.
func (a *Array) items(each func(i int, scalars []float64) error) error {
	if a.Refused != nil {
		return a.Refused
	}
	if len(a.Shape) == 0 || a.NumValues() == 0 {
		return bounded.Malformed(a.File, "shape %v has no samples", a.Shape)
	}
	n := int64(a.number.NumScalars())
	for _, axis := range a.Shape[1:] {
		n *= int64(axis)
	}
	if err := bounded.Check("numbers in a sample", n, maxUnit); err != nil {
		return fmt.Errorf("%s: %w", a.File, err)
	}
	width := int64(a.number.Bits / 8)
	if n*width > a.FileBytes && a.Format != NPZ {
		return bounded.Malformed(a.File, "shape %v needs more than the %d bytes of the file", a.Shape, a.FileBytes)
	}
	r, end, err := a.open()
	if err != nil {
		return err
	}
	failed := func(err error) error {
		_ = end() // says again what err says
		return damaged(a.File, err)
	}
	raw, err := bounded.NewReader(r, n*width).Bytes(n * width)
	if err != nil {
		return failed(err)
	}
	scalars := make([]float64, n)
	for i := range a.Shape[0] {
		if i > 0 {
			if _, err := io.ReadFull(r, raw); err != nil {
				return failed(err)
			}
		}
		a.number.decode(scalars, raw)
		if err := each(i, scalars); err != nil {
			_ = end() // it was not read to its end
			return err
		}
	}
	if err := end(); err != nil {
		return damaged(a.File, err)
	}
	return nil
}

// damaged says that the values of a file are not what its start tells: they are cut
// short, more follows, a checksum is wrong. Errors of the system stay what they are.
func damaged(file string, err error) error {
	var system *fs.PathError
	var limit *bounded.LimitError
	if errors.As(err, &system) || errors.As(err, &limit) {
		return fmt.Errorf("%s: %w", file, err)
	}
	return bounded.Malformed(file, "%v", err)
}
