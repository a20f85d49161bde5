package checkpoint

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"slices"

	"github.com/comlam/comlam/internal/bounded"
)

// File is an open safetensors file. Its header has been checked; tensors are
// read when asked for. It is safe for concurrent use if its reader is.
type File struct {
	r      io.ReaderAt
	start  int64 // offset of the data
	header *header
}

// Open reads and checks the header of a safetensors file of the given size in
// bytes. It returns a *[FormatError] for a file that breaks the format. The
// reader stays the caller's, to be closed after the last tensor was read.
func Open(r io.ReaderAt, size int64) (*File, error) {
	if size < 8 {
		return nil, &FormatError{Offset: 0, Err: fmt.Errorf("%d bytes, at least 8 are needed", size)}
	}
	prefix, err := bounded.ReadAt(r, 0, 8)
	if err != nil {
		return nil, readError(0, "", err)
	}
	declared := binary.LittleEndian.Uint64(prefix)
	limit := min(maxHeader, size-8)
	if declared > uint64(limit) {
		return nil, &FormatError{Offset: 0, Err: badLength(prefix, declared, limit)}
	}
	n := int64(declared)
	src, err := bounded.ReadAt(r, 8, n)
	if err != nil {
		return nil, readError(8, "", err)
	}
	h, err := parseHeader(src, 8, size-8-n)
	if err != nil {
		return nil, err
	}
	return &File{r: r, start: 8 + n, header: h}, nil
}

// badLength explains itself to somebody who tries a PyTorch file.
func badLength(prefix []byte, declared uint64, limit int64) error {
	zip := string(prefix[:4]) == "PK\x03\x04"
	pickle := prefix[0] == 0x80 && prefix[1] <= 5
	if zip || pickle {
		return errors.New("this looks like a pickled PyTorch file, which can run code when it is read; convert it to safetensors")
	}
	return fmt.Errorf("header of %d bytes, at most %d can be in this file", declared, limit)
}

// readError is a FormatError when the file is shorter than its caller said, and
// an error of the disk otherwise.
func readError(offset int64, tensor string, err error) error {
	var le *bounded.LimitError
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.As(err, &le) {
		return &FormatError{Offset: offset, Tensor: tensor, Err: err}
	}
	if tensor != "" {
		return fmt.Errorf("tensor %q: %w", tensor, err)
	}
	return err
}

// Names lists the tensors, sorted.
func (f *File) Names() []string { return slices.Sorted(maps.Keys(f.header.index)) }

// Metadata is a copy of the file's free-form text; nil if it has none.
func (f *File) Metadata() map[string]string { return maps.Clone(f.header.metadata) }

// Head describes a tensor; ok is false if the file has none of that name.
func (f *File) Head(name string) (h Head, ok bool) {
	i, ok := f.header.index[name]
	if !ok {
		return Head{}, false
	}
	h = f.header.spans[i].Head
	h.Shape = slices.Clone(h.Shape)
	return h, true
}

// Heads describes all tensors, in the order of their data.
func (f *File) Heads() []Head {
	heads := make([]Head, len(f.header.spans))
	for i, sp := range f.header.spans {
		heads[i] = sp.Head
		heads[i].Shape = slices.Clone(sp.Shape)
	}
	return heads
}

// Range is where a tensor's data lies in the file, in bytes: [begin, end).
func (f *File) Range(name string) (begin, end int64, ok bool) {
	i, ok := f.header.index[name]
	if !ok {
		return 0, 0, false
	}
	sp := f.header.spans[i]
	return f.start + sp.begin, f.start + sp.end, true
}

// Tensor reads a tensor. The data is the caller's.
func (f *File) Tensor(name string) (Tensor, error) {
	h, ok := f.Head(name)
	if !ok {
		return Tensor{}, fmt.Errorf("no tensor %q in the file%s", name, near(name, f.Names()))
	}
	begin, end, _ := f.Range(name)
	data, err := bounded.ReadAt(f.r, begin, end-begin)
	if err != nil {
		return Tensor{}, readError(begin, name, err)
	}
	return Tensor{Name: h.Name, DType: h.DType, Shape: h.Shape, Data: data}, nil
}

// All reads the tensors one after the other, in the order of their data, and
// stops after the first error.
func (f *File) All() iter.Seq2[Tensor, error] {
	return func(yield func(Tensor, error) bool) {
		for _, sp := range f.header.spans {
			t, err := f.Tensor(sp.Name)
			if !yield(t, err) || err != nil {
				return
			}
		}
	}
}
