package checkpoint

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"unicode/utf8"

	"github.com/comlam/comlam/internal/bounded"
)

// Limits of a header. The first is the format's own; the others bound the
// memory that a header takes beside its own bytes to about 64 MiB. Published
// files stay far below: the largest have a few thousand tensors each.
const (
	maxHeader   = 100_000_000
	maxTensors  = 1 << 18
	maxRank     = 64
	maxMetadata = 1 << 16
)

// metadataKey is the one key of a header that is not a tensor.
const metadataKey = "__metadata__"

// span is a tensor's place: [begin, end) counted from the start of the data.
type span struct {
	Head
	begin, end int64
}

// header is what a file says about itself, checked.
type header struct {
	spans    []span         // in the order of their data
	index    map[string]int // name -> spans
	metadata map[string]string
}

// parseHeader reads and checks the JSON of a header. dataSize is the number of
// bytes that follow it in the file; base is the offset of src in the file.
func parseHeader(src []byte, base, dataSize int64) (*header, error) {
	if len(src) == 0 || src[0] != '{' {
		return nil, &FormatError{Offset: base, Err: errors.New("the header does not start with '{'")}
	}
	if !utf8.Valid(src) {
		return nil, &FormatError{Offset: base, Err: errors.New("the header is not UTF-8")}
	}
	p := headerParser{scanner: scanner{src: src}, header: header{index: map[string]int{}}}
	p.object(p.known, p.value)
	p.peek() // the format pads with spaces
	if p.err == nil && p.pos < len(src) {
		p.fail("%q after the end of the header", src[p.pos])
	}
	if p.err != nil {
		return nil, &FormatError{Offset: base + int64(p.pos), Tensor: p.tensor, Err: p.err}
	}
	if err := p.header.checkSpans(dataSize); err != nil {
		return nil, err
	}
	return &p.header, nil
}

// headerParser fills a header from its JSON.
type headerParser struct {
	scanner
	header header
	tensor string // being read, for the error
}

func (p *headerParser) known(key string) bool {
	if key == metadataKey {
		return p.header.metadata != nil
	}
	_, ok := p.header.index[key]
	return ok
}

// value reads what a key of the header stands for.
func (p *headerParser) value(key string) {
	if key == metadataKey {
		p.metadata()
		return
	}
	p.tensor = key
	sp := p.info()
	sp.Name = key
	if p.err != nil {
		return
	}
	if len(p.header.spans) == maxTensors {
		p.fail("%w", &bounded.LimitError{What: "tensors", Size: maxTensors + 1, Limit: maxTensors})
		return
	}
	p.header.index[key] = len(p.header.spans)
	p.header.spans = append(p.header.spans, sp)
	p.tensor = ""
}

func (p *headerParser) metadata() {
	m := map[string]string{}
	p.header.metadata = m
	known := func(key string) bool { _, ok := m[key]; return ok }
	p.object(known, func(key string) {
		if len(m) == maxMetadata {
			p.fail("%w", &bounded.LimitError{What: "metadata entries", Size: maxMetadata + 1, Limit: maxMetadata})
			return
		}
		m[key] = p.text()
	})
}

// info reads {"dtype":...,"shape":[...],"data_offsets":[begin,end]}.
func (p *headerParser) info() span {
	var sp span
	var dtype, shape, offsets bool
	known := func(key string) bool {
		return key == "dtype" && dtype || key == "shape" && shape || key == "data_offsets" && offsets
	}
	p.object(known, func(key string) {
		switch key {
		case "dtype":
			dtype = true
			sp.DType = p.dtype()
		case "shape":
			shape = true
			sp.Shape = p.shape()
		case "data_offsets":
			offsets = true
			sp.begin, sp.end = p.offsets()
		default:
			p.fail("unknown key %.100q: dtype, shape and data_offsets are expected", key)
		}
	})
	if p.err == nil && !(dtype && shape && offsets) {
		p.fail("dtype, shape and data_offsets must all be there")
	}
	return sp
}

func (p *headerParser) dtype() DType {
	name := DType(p.text())
	i := name.rank()
	if i == unknownType {
		p.fail("type %.100q is not known", name)
		return ""
	}
	return dtypes[i].name // one string for all tensors
}

func (p *headerParser) shape() []int {
	var shape []int
	p.list('[', ']', func() {
		n := p.number()
		if n > math.MaxInt {
			p.fail("dimension %d does not fit this machine", n)
		}
		if len(shape) == maxRank {
			p.fail("%w", &bounded.LimitError{What: "dimensions", Size: maxRank + 1, Limit: maxRank})
			return
		}
		shape = append(shape, int(n))
	})
	return slices.Clip(shape)
}

func (p *headerParser) offsets() (begin, end int64) {
	p.expect('[')
	begin = p.number()
	p.expect(',')
	end = p.number()
	p.expect(']')
	return begin, end
}

// checkSpans sorts the tensors by their place and checks that they fill the
// data without overlap or hole, each as long as its type and shape say.
func (h *header) checkSpans(dataSize int64) error {
	slices.SortFunc(h.spans, func(a, b span) int {
		return cmp.Or(cmp.Compare(a.begin, b.begin), cmp.Compare(a.end, b.end), cmp.Compare(a.Name, b.Name))
	})
	var at int64
	for i, sp := range h.spans {
		h.index[sp.Name] = i
		if err := sp.check(at, dataSize); err != nil {
			return &FormatError{Offset: -1, Tensor: sp.Name, Err: err}
		}
		at = sp.end
	}
	if at != dataSize {
		return &FormatError{Offset: -1, Err: fmt.Errorf("%d bytes of data after the last tensor", dataSize-at)}
	}
	return nil
}

func (sp span) check(at, dataSize int64) error {
	size, err := sp.Size()
	switch {
	case err != nil:
		return err
	case sp.end < sp.begin || sp.end-sp.begin != size:
		return fmt.Errorf("data_offsets [%d,%d] do not hold the %d bytes of %s with shape %d", sp.begin, sp.end, size, sp.DType, sp.Shape)
	case sp.end > dataSize:
		return fmt.Errorf("data_offsets [%d,%d] reach past the %d bytes of data", sp.begin, sp.end, dataSize)
	case sp.begin < at:
		return fmt.Errorf("data_offsets [%d,%d] overlap the tensor before, which ends at %d", sp.begin, sp.end, at)
	case sp.begin > at:
		return fmt.Errorf("data_offsets [%d,%d] leave a hole after the tensor before, which ends at %d", sp.begin, sp.end, at)
	}
	return nil
}
