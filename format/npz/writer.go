package npz

import (
	"archive/zip"
	"errors"
	"fmt"
	"io"

	"github.com/comlam/comlam/format/npy"
)

// Writer writes an archive, array after array. The same calls write the same bytes:
// members carry no time.
type Writer struct {
	zip    *zip.Writer
	method uint16
	names  map[string]bool
	body   io.Writer
	left   int64 // bytes of the current array still to come
	name   string
}

// NewWriter writes to w, deflated where compress says so.
func NewWriter(w io.Writer, compress bool) *Writer {
	n := &Writer{zip: zip.NewWriter(w), method: zip.Store, names: map[string]bool{}}
	if compress {
		n.method = zip.Deflate
	}
	return n
}

// Create begins the array called name. Its values follow by [Writer.Write], as the
// little-endian bytes that they are in an .npy file.
func (w *Writer) Create(name string, h npy.Header) error {
	if err := w.finished(); err != nil {
		return err
	}
	if name == "" || len(name) > maxName || w.names[name] {
		return fmt.Errorf("npz: array name %q is empty, too long or taken; use another", clip(name))
	}
	w.names[name], w.name = true, name
	start, err := h.Preamble()
	if err != nil {
		return err
	}
	if w.body, err = w.zip.CreateHeader(&zip.FileHeader{Name: name + suffix, Method: w.method}); err != nil {
		return fmt.Errorf("npz: array %q: %w", name, err)
	}
	w.left = h.Bytes()
	_, err = w.body.Write(start)
	return err
}

// Write appends bytes of values to the array of the last Create.
func (w *Writer) Write(p []byte) (int, error) {
	if int64(len(p)) > w.left {
		return 0, fmt.Errorf("npz: %d bytes too many for array %q", int64(len(p))-w.left, w.name)
	}
	n, err := w.body.Write(p)
	w.left -= int64(n)
	return n, err
}

func (w *Writer) finished() error {
	if w.left > 0 {
		return fmt.Errorf("npz: %d bytes of array %q were not written", w.left, w.name)
	}
	return nil
}

// Close writes the list of arrays. It fails where the last one is not complete, and
// does not close the writer that NewWriter was given.
func (w *Writer) Close() error { return errors.Join(w.finished(), w.zip.Close()) }
