package cpu

import (
	"unsafe"

	"github.com/gomlx/compute/shapes"
)

// call is one execution of an operation on dense row-major values.
type call struct {
	n       *node
	in, out []value
	do      func(n int, body func(i int)) // runs body(0..n-1) on all workers; the split must follow shapes only
	run     *run                          // the execution that this is a part of
}

// value is a dense row-major array.
type value struct {
	shape shapes.Shape
	data  []byte
}

// of is the array as a slice of its Go type (bool for Bool, float16.Float16 ...).
func of[T any](v value) []T {
	if len(v.data) == 0 {
		return nil
	}
	var t T
	return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(v.data))), len(v.data)/int(unsafe.Sizeof(t)))
}

// opFunc computes the outputs of a call from its inputs. Outputs never overlap
// inputs and hold arbitrary bytes before.
type opFunc func(c *call) error
