package cpu

import (
	"math"
	"reflect"
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/pkg/errors"

	"github.com/comlam/comlam/backend/kernel"
	"github.com/comlam/comlam/internal/machine"
)

// Buffer is an array in memory, dense and row-major; it implements compute.Buffer.
type Buffer struct {
	backend *Backend
	shape   shapes.Shape
	data    []byte
	// The number of executions that read it now, plus wasFinalized or wasDonated once it is
	// one of these. The memory goes back to the backend when no execution reads it.
	state atomic.Int64
}

const (
	wasFinalized int64 = 1 << 40
	wasDonated   int64 = 1 << 41
	gone               = wasFinalized | wasDonated
)

var _ compute.Buffer = (*Buffer)(nil)

// newBuffer takes memory for a shape; it holds arbitrary bytes.
func (b *Backend) newBuffer(device compute.DeviceNum, shape shapes.Shape) (*Buffer, error) {
	n, err := 0, b.device(device)
	if err == nil {
		n, err = byteSize(shape)
	}
	if limit := memoryLimit(); err == nil && n > limit {
		err = errors.Errorf("shape %s: out of memory: %d bytes are needed and this machine has %d", shape, n, limit)
	}
	if err != nil {
		return nil, errors.WithMessage(err, "buffer")
	}
	return &Buffer{backend: b, shape: unnamed(shape), data: b.alloc(n)}, nil
}

// BufferFromFlatData copies a slice of the shape's type into a new buffer.
func (b *Backend) BufferFromFlatData(device compute.DeviceNum, flat any, shape shapes.Shape) (compute.Buffer, error) {
	u, err := b.newBuffer(device, shape)
	if err != nil {
		return nil, err
	}
	raw, err := u.matching(flat)
	if err != nil {
		return nil, errors.WithMessage(err, "buffer")
	}
	copy(u.data, raw)
	return u, nil
}

// HasSharedBuffers is true: every buffer is a slice of this process.
func (b *Backend) HasSharedBuffers() bool { return true }

// NewSharedBuffer makes a buffer of zeros and the slice that is its memory.
func (b *Backend) NewSharedBuffer(device compute.DeviceNum, shape shapes.Shape) (compute.Buffer, any, error) {
	u, err := b.newBuffer(device, shape)
	if err != nil {
		return nil, nil, err
	}
	clear(u.data)
	return u, u.flat(), nil
}

// Backend that made the buffer.
func (u *Buffer) Backend() compute.Backend { return u.backend }

// Shape of the array.
func (u *Buffer) Shape() (shapes.Shape, error) { return u.shape, u.live() }

// DeviceNum is 0.
func (u *Buffer) DeviceNum() (compute.DeviceNum, error) { return 0, u.live() }

// Finalize gives the memory back, at the end of the executions that read it. Later
// calls do nothing.
func (u *Buffer) Finalize() error {
	u.drop(wasFinalized)
	return nil
}

// Data is the memory of the buffer as a slice of its Go type.
func (u *Buffer) Data() (any, error) {
	if err := u.live(); err != nil {
		return nil, err
	}
	return u.flat(), nil
}

// ToFlatData copies the array into a slice of its type and size.
func (u *Buffer) ToFlatData(flat any) error {
	if err := u.acquire(); err != nil {
		return err
	}
	defer u.release()
	raw, err := u.matching(flat)
	if err != nil {
		return err
	}
	copy(raw, u.data)
	return nil
}

// CopyToDevice copies the buffer; device 0 is the only one.
func (u *Buffer) CopyToDevice(device compute.DeviceNum) (compute.Buffer, error) {
	if err := u.backend.device(device); err != nil {
		return nil, err
	}
	if err := u.acquire(); err != nil {
		return nil, err
	}
	defer u.release()
	c, err := u.backend.newBuffer(device, u.shape)
	if err != nil {
		return nil, err
	}
	copy(c.data, u.data)
	return c, nil
}

// flat is the memory as a slice of its Go type.
func (u *Buffer) flat() any {
	t := u.shape.DType
	n := len(u.data) / max(t.Size(), 1) // bytes for packed types
	if n == 0 {
		return dtypes.MakeAnySlice(t, 0)
	}
	return reflect.SliceAt(t.GoType(), unsafe.Pointer(unsafe.SliceData(u.data)), n).Interface()
}

// matching is the raw bytes of a slice that has the buffer's type and size.
func (u *Buffer) matching(flat any) ([]byte, error) {
	raw, t, err := bytesOf(flat)
	if err != nil {
		return nil, err
	}
	if t != u.shape.DType && !(u.shape.DType.IsPacked() && t == dtypes.Uint8) || len(raw) != len(u.data) {
		return nil, errors.Errorf("shape %s needs %d values of %s, given %d of %s",
			u.shape, len(u.data)/u.shape.DType.Size(), u.shape.DType.GoType(), len(raw)/t.Size(), t.GoType())
	}
	return raw, nil
}

// live is an error for a buffer or a backend that is no more.
func (u *Buffer) live() error {
	if err := u.backend.open(); err != nil {
		return err
	}
	return u.lost(u.state.Load())
}

func (u *Buffer) lost(state int64) error {
	switch {
	case state&wasDonated != 0:
		return errors.Errorf("buffer %s was donated to an execution and cannot be used again", u.shape)
	case state&wasFinalized != 0:
		return errors.Errorf("buffer %s is finalized and cannot be used again", u.shape)
	}
	return nil
}

// acquire counts one more reader.
func (u *Buffer) acquire() error {
	for {
		s := u.state.Load()
		if err := u.lost(s); err != nil {
			return err
		}
		if u.state.CompareAndSwap(s, s+1) {
			return nil
		}
	}
}

// release ends what acquire began.
func (u *Buffer) release() {
	if s := u.state.Add(-1); s&gone != 0 && s&^gone == 0 {
		u.backend.release(u.data)
	}
}

// drop makes the buffer unusable for a reason, now or before. The memory goes back
// when nobody reads it.
func (u *Buffer) drop(reason int64) {
	for {
		s := u.state.Load()
		if s&gone != 0 {
			return
		}
		if u.state.CompareAndSwap(s, s|reason) {
			if s == 0 {
				u.backend.release(u.data)
			}
			return
		}
	}
}

// give takes the memory out of a buffer that nobody else reads: it is donated.
func (u *Buffer) give() bool { return u.state.CompareAndSwap(0, wasDonated) }

// freeList keeps memory that nobody uses for the next to ask for as much.
type freeList struct {
	mu     sync.Mutex
	bySize map[int][][]byte // by capacity
	bytes  int
}

// maxFree is the number of bytes that a free list keeps at most.
const maxFree = 256 << 20

func (l *freeList) take(size int) []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.bySize[size]
	if len(s) == 0 {
		return nil
	}
	mem := s[len(s)-1]
	s[len(s)-1] = nil
	l.bySize[size] = s[:len(s)-1]
	l.bytes -= size
	return mem
}

func (l *freeList) put(mem []byte) {
	size := cap(mem)
	if size == 0 || size > maxFree {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.bySize == nil || l.bytes+size > maxFree {
		// What is there is of sizes that nobody asked for lately: start over.
		l.bySize, l.bytes = map[int][][]byte{}, 0
	}
	l.bySize[size] = append(l.bySize[size], mem)
	l.bytes += size
}

func (l *freeList) clear() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.bySize, l.bytes = nil, 0
}

// alloc returns n bytes of arbitrary content, aligned to 64, and readable and
// writable to the next multiple of 64. It panics where the machine cannot have them.
func (b *Backend) alloc(n int) []byte {
	if limit := memoryLimit(); n > limit {
		panic(errors.Errorf("out of memory: %d bytes are needed at once and this machine has %d; use a smaller batch or model", n, limit))
	}
	if mem := b.free.take(roundUp(n)); mem != nil {
		return mem[:n]
	}
	return alignedBytes(n)
}

// release gives memory of alloc back.
func (b *Backend) release(mem []byte) {
	if !b.closed.Load() {
		b.free.put(mem)
	}
}

// lineSize is a line of the cache and the widest vector register.
const lineSize = 64

func roundUp(n int) int { return (n + lineSize - 1) &^ (lineSize - 1) }

// alignedBytes returns n zeros, aligned to 64, with a capacity that is the next
// multiple of 64.
func alignedBytes(n int) []byte {
	size := roundUp(n)
	raw := make([]byte, size+lineSize)
	kernel.Huge(raw)
	skip := int(-uintptr(unsafe.Pointer(unsafe.SliceData(raw))) & (lineSize - 1))
	return raw[skip : skip+n : skip+size]
}

// bytesOf is the memory of a slice of a type that engines know, and that type.
func bytesOf(flat any) ([]byte, dtypes.DType, error) {
	v := reflect.ValueOf(flat)
	if !v.IsValid() || v.Kind() != reflect.Slice {
		return nil, dtypes.InvalidDType, errors.Errorf("values are given as a %T, not as a slice of numbers", flat)
	}
	t := dtypes.FromGoType(v.Type().Elem())
	if t == dtypes.InvalidDType {
		return nil, t, errors.Errorf("values are given as a %T, whose elements have no data type", flat)
	}
	if v.Len() == 0 {
		return nil, t, nil
	}
	return unsafe.Slice((*byte)(v.UnsafePointer()), v.Len()*t.Size()), t, nil
}

// unnamed is a shape without the names of its axes, which mean nothing here.
func unnamed(s shapes.Shape) shapes.Shape {
	return shapes.Shape{DType: s.DType, Dimensions: append([]int{}, s.Dimensions...)}
}

// byteSize is the memory of a shape; a type that there is not, or what no machine
// could count, is an error.
func byteSize(s shapes.Shape) (int, error) {
	if !capabilities.DTypes[s.DType] {
		return 0, errors.Errorf("shape %s: data type is not supported by engine %q", s, Name)
	}
	if s.Rank() > maxRank {
		return 0, errors.Errorf("shape %s has %d axes, engine %q takes %d", s, s.Rank(), Name, maxRank)
	}
	size := 1
	for _, d := range s.Dimensions {
		if d < 0 {
			return 0, errors.Errorf("shape %s: negative dimension", s)
		}
		if d > 0 && size > math.MaxInt/16/d {
			return 0, errors.Errorf("shape %s: out of memory", s)
		}
		size *= d
	}
	return s.DType.SizeForDimensions(size), nil
}

// memoryLimit is the memory that this process may have at most, where the system
// says so: more can only end in a kill that no program can turn into an error.
var memoryLimit = sync.OnceValue(func() int {
	if total, _ := machine.Memory(); total > 0 {
		return total
	}
	return math.MaxInt
})
