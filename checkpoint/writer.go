package checkpoint

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"unicode/utf8"

	"github.com/comlam/comlam/internal/bounded"
)

// Write writes tensors as a safetensors file. The bytes depend on the tensors
// and the metadata only, not on their order. metadata may be nil.
func Write(w io.Writer, tensors []Tensor, metadata map[string]string) error {
	heads := make([]Head, len(tensors))
	byName := make(map[string]Tensor, len(tensors))
	for i, t := range tensors {
		if err := t.check(); err != nil {
			return err
		}
		heads[i] = t.Head()
		byName[t.Name] = t
	}
	return WriteEach(w, heads, metadata, func(h Head) ([]byte, error) { return byName[h.Name].Data, nil })
}

// WriteEach writes a safetensors file of the tensors that heads describe,
// asking data for the bytes of one at a time, in the order of the file: the
// widest type first, then by name. The slice that data returns is not kept.
func WriteEach(w io.Writer, heads []Head, metadata map[string]string, data func(Head) ([]byte, error)) error {
	heads = slices.SortedFunc(slices.Values(heads), fileOrder)
	head, err := encodeHeader(heads, metadata)
	if err != nil {
		return err
	}
	if _, err := w.Write(head); err != nil {
		return fmt.Errorf("write header: %w", err)
	}
	for _, h := range heads {
		b, err := data(h)
		if err != nil {
			return fmt.Errorf("tensor %q: %w", h.Name, err)
		}
		if err := (Tensor{Name: h.Name, DType: h.DType, Shape: h.Shape, Data: b}).check(); err != nil {
			return err
		}
		if _, err := w.Write(b); err != nil {
			return fmt.Errorf("write tensor %q: %w", h.Name, err)
		}
	}
	return nil
}

// Size is the number of bytes that Write and WriteEach write.
func Size(heads []Head, metadata map[string]string) (int64, error) {
	head, err := encodeHeader(slices.SortedFunc(slices.Values(heads), fileOrder), metadata)
	if err != nil {
		return 0, err
	}
	total := int64(len(head))
	for _, h := range heads {
		n, err := h.Size()
		if err != nil {
			return 0, fmt.Errorf("tensor %q: %w", h.Name, err)
		}
		if total, err = bounded.Add(total, n); err != nil {
			return 0, err
		}
	}
	return total, nil
}

func fileOrder(a, b Head) int {
	return cmp.Or(cmp.Compare(b.DType.rank(), a.DType.rank()), cmp.Compare(a.Name, b.Name))
}

// encodeHeader makes the length and the JSON of a header for tensors in file
// order, padded with spaces so that the data starts at a multiple of 8.
func encodeHeader(heads []Head, metadata map[string]string) ([]byte, error) {
	e := headerEncoder{names: map[string]bool{}}
	e.buf.Write(make([]byte, 8))
	e.buf.WriteByte('{')
	if metadata != nil {
		if err := e.metadata(metadata); err != nil {
			return nil, err
		}
	}
	for _, h := range heads {
		if err := e.tensor(h); err != nil {
			return nil, fmt.Errorf("tensor %q: %w", h.Name, err)
		}
	}
	e.buf.WriteByte('}')
	for e.buf.Len()%8 != 0 {
		e.buf.WriteByte(' ')
	}
	n := int64(e.buf.Len() - 8)
	if err := cmp.Or(bounded.Check("header bytes", n, maxHeader), bounded.Check("tensors", int64(len(heads)), maxTensors)); err != nil {
		return nil, err
	}
	binary.LittleEndian.PutUint64(e.buf.Bytes(), uint64(n))
	return e.buf.Bytes(), nil
}

// headerEncoder writes only what parseHeader reads.
type headerEncoder struct {
	buf   bytes.Buffer
	names map[string]bool
	at    int64 // where the next tensor's data begins
}

func (e *headerEncoder) metadata(m map[string]string) error {
	if err := bounded.Check("metadata entries", int64(len(m)), maxMetadata); err != nil {
		return err
	}
	if err := e.key(metadataKey); err != nil {
		return err
	}
	e.buf.WriteByte('{')
	for i, k := range slices.Sorted(maps.Keys(m)) {
		if i > 0 {
			e.buf.WriteByte(',')
		}
		if err := e.text(k); err != nil {
			return fmt.Errorf("metadata: %w", err)
		}
		e.buf.WriteByte(':')
		if err := e.text(m[k]); err != nil {
			return fmt.Errorf("metadata %q: %w", k, err)
		}
	}
	e.buf.WriteByte('}')
	return nil
}

func (e *headerEncoder) tensor(h Head) error {
	size, err := h.Size()
	if err != nil {
		return err
	}
	end, err := bounded.Add(e.at, size)
	if err != nil {
		return err
	}
	if err := bounded.Check("dimensions", int64(len(h.Shape)), maxRank); err != nil {
		return err
	}
	if h.Name == metadataKey {
		return errors.New("this name is the format's own")
	}
	if err := e.key(h.Name); err != nil {
		return err
	}
	shape, err := json.Marshal(append([]int{}, h.Shape...)) // [] for nil, not null
	if err != nil {
		return err
	}
	fmt.Fprintf(&e.buf, `{"dtype":"%s","shape":%s,"data_offsets":[%d,%d]}`, h.DType, shape, e.at, end)
	e.at = end
	return nil
}

func (e *headerEncoder) key(name string) error {
	if e.names[name] {
		return errors.New("two tensors of this name")
	}
	if len(e.names) > 0 {
		e.buf.WriteByte(',')
	}
	e.names[name] = true
	err := e.text(name)
	e.buf.WriteByte(':')
	return err
}

// text writes a JSON string without the HTML escapes that Go adds.
func (e *headerEncoder) text(s string) error {
	if !utf8.ValidString(s) {
		return fmt.Errorf("%q is not UTF-8", s)
	}
	enc := json.NewEncoder(&e.buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(s); err != nil {
		return err
	}
	e.buf.Truncate(e.buf.Len() - 1) // Encode ends with a newline
	return nil
}
