// Package bounded reads untrusted bytes within limits. A file may declare any
// size; what is allocated follows what is there.
//
// [Mul], [Add] and [Product] compute sizes and report overflow, where the plain
// operators would wrap to a small number and a small allocation. [Reader]
// counts bytes against a limit; [Reader.Bytes] grows its result as data
// arrives. [ReadAt] reads a range of a file after checking that its end exists.
//
// Errors are *[LimitError] for a limit, and wrap [io.ErrUnexpectedEOF] where
// the data ended before its declared size.
package bounded

import (
	"errors"
	"fmt"
	"io"
	"math"
)

// LimitError says that a size is above what is allowed.
type LimitError struct {
	What  string // what was measured, such as "header bytes"
	Size  int64  // its size; -1 when it does not fit in 63 bits
	Limit int64
}

func (e *LimitError) Error() string {
	if e.Size < 0 {
		return fmt.Sprintf("%s: size overflows, at most %d allowed", e.What, e.Limit)
	}
	return fmt.Sprintf("%s: %d, at most %d allowed", e.What, e.Size, e.Limit)
}

// Check reports a LimitError when size is negative or above limit.
func Check(what string, size, limit int64) error {
	if size < 0 || size > limit {
		return &LimitError{What: what, Size: max(size, -1), Limit: limit}
	}
	return nil
}

// Mul multiplies two sizes.
func Mul(a, b int64) (int64, error) {
	if a < 0 || b < 0 || (a != 0 && b > math.MaxInt64/a) {
		return 0, overflow(fmt.Sprintf("%d x %d", a, b))
	}
	return a * b, nil
}

// Add adds two sizes.
func Add(a, b int64) (int64, error) {
	if a < 0 || b < 0 || a > math.MaxInt64-b {
		return 0, overflow(fmt.Sprintf("%d + %d", a, b))
	}
	return a + b, nil
}

// Product multiplies the sizes of a shape; that of no dimensions is 1.
func Product(dims []int) (int64, error) {
	n := int64(1)
	for _, d := range dims {
		var err error
		if n, err = Mul(n, int64(d)); err != nil {
			return 0, overflow(fmt.Sprintf("the product of %d", dims))
		}
	}
	return n, nil
}

func overflow(what string) error {
	return &LimitError{What: what, Size: -1, Limit: math.MaxInt64}
}

// Reader reads at most a given number of bytes and then fails, where
// [io.LimitReader] would pretend that the data ends.
type Reader struct {
	r     io.Reader
	limit int64
	read  int64
}

// NewReader reads at most limit bytes from r.
func NewReader(r io.Reader, limit int64) *Reader { return &Reader{r: r, limit: limit} }

// Offset is the number of bytes read so far.
func (r *Reader) Offset() int64 { return r.read }

// Read fails with a LimitError once more than limit bytes are there to read.
func (r *Reader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	left := r.limit - r.read
	if left <= 0 {
		return r.past()
	}
	if int64(len(p)) > left {
		p = p[:left]
	}
	n, err := r.r.Read(p)
	r.read += int64(n)
	return n, err
}

// past tells data that ends at the limit from data that goes on.
func (r *Reader) past() (int, error) {
	var one [1]byte
	for range 100 {
		n, err := r.r.Read(one[:])
		if n > 0 {
			return 0, &LimitError{What: "bytes read", Size: r.read + 1, Limit: r.limit}
		}
		if err != nil {
			return 0, err
		}
	}
	return 0, io.ErrNoProgress
}

// firstChunk is what is allocated on a file's word alone, in bytes.
const firstChunk = 64 << 10

// Bytes reads exactly n bytes. It allocates at most 64 KiB, or twice what has
// arrived, before more arrives.
func (r *Reader) Bytes(n int64) ([]byte, error) {
	if err := Check("bytes to read", n, r.limit-r.read); err != nil {
		return nil, err
	}
	b := make([]byte, 0, min(n, firstChunk))
	for int64(len(b)) < n {
		if len(b) == cap(b) {
			grown := make([]byte, len(b), min(n, 2*int64(len(b))))
			copy(grown, b)
			b = grown
		}
		m, err := io.ReadFull(r, b[len(b):cap(b)])
		b = b[:len(b)+m]
		if err != nil {
			return nil, short(int64(len(b)), n, err)
		}
	}
	return b, nil
}

// All reads to the end of the data, at most to the limit.
func (r *Reader) All() ([]byte, error) {
	b, err := io.ReadAll(r)
	if err != nil {
		return nil, err // not a part that looks like the whole
	}
	return b, nil
}

// ReadAt reads the n bytes at offset off. It first reads the last one, so that
// a declared size is allocated only where the file reaches that far.
func ReadAt(r io.ReaderAt, off, n int64) ([]byte, error) {
	end, err := Add(off, n)
	if err != nil {
		return nil, err
	}
	if err := Check("bytes to read", n, math.MaxInt); err != nil {
		return nil, err
	}
	if n == 0 {
		return []byte{}, nil
	}
	var last [1]byte
	if m, err := r.ReadAt(last[:], end-1); m < 1 {
		return nil, short(0, n, err)
	}
	b := make([]byte, n)
	if m, err := r.ReadAt(b, off); int64(m) < n {
		return nil, short(int64(m), n, err)
	}
	return b, nil
}

func short(got, want int64, err error) error {
	if err == nil || errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return fmt.Errorf("read %d of %d bytes: %w", got, want, err)
}
