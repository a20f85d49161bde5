package cpu

import (
	"cmp"
	"encoding/binary"
	"math"
	"slices"
	"sort"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/pkg/errors"
)

// Sort sorts arrays of the same dimensions together along an axis. The comparator
// takes a left and a right element of the first array, then of the second and so on,
// and says whether left comes first. Equal elements always keep their order.
func (f *function) Sort(comparator compute.Function, axis int, stable bool, inputs ...val) (_ []val, err error) {
	defer caught(&err)
	const op = compute.OpTypeSort
	in := f.use(op, inputs...)
	s, captured := f.sub(op, "the comparator", comparator)
	refuseIf(len(in) == 0, "%s: there is nothing to sort", op)
	var pairs []shapes.Shape
	for _, n := range in {
		refuseIf(!slices.Equal(n.shape.Dimensions, in[0].shape.Dimensions), "%s of %s: the dimensions differ", op, shapesOf(in))
		pairs = append(pairs, shapes.Make(n.shape.DType), shapes.Make(n.shape.DType))
	}
	if axis < 0 {
		axis += in[0].shape.Rank()
	}
	normalAxes(op, in[0].shape, axis)
	expect(op, "the comparator takes", s.params, pairs...)
	expect(op, "the comparator returns", s.outputs, shapes.Make(dtypes.Bool))
	return asValues(f.addMulti(op, shapesOf(in), sortAttr{s, axis, stable, len(in)}, slices.Concat(in, captured)...)), nil
}

// sorting is a Sort that is running. Element (o, k, i) of an array, k along the sorted
// axis, is element (o*n+k)*inner+i.
type sorting struct {
	*call
	attr     sortAttr
	n, inner int
	captured []value
}

func runSort(c *call) error {
	a := c.n.attr.(sortAttr)
	d := c.in[0].shape.Dimensions
	s := &sorting{call: c, attr: a, n: d[a.axis], inner: product(d[a.axis+1:]), captured: c.in[a.inputs:]}
	lines := product(d[:a.axis]) * s.inner
	if lines*s.n == 0 {
		return nil
	}
	by, key := a.less.plainOrder()
	perTask := max(1, 4096/s.n)
	if key == nil {
		perTask = lines // the comparator's own steps run in parallel
	}
	c.do((lines+perTask-1)/perTask, func(task int) {
		order := make([]int32, s.n)
		keys := make([]sortKey, s.n)
		for line := task * perTask; line < min((task+1)*perTask, lines); line++ {
			first := line/s.inner*s.n*s.inner + line%s.inner
			if key != nil {
				s.byKey(order, keys, first, c.in[by], key)
			} else {
				s.byComparator(order, first)
			}
			for k, out := range c.out {
				size := out.shape.DType.Size()
				for i, from := range order {
					copy(out.data[(first+i*s.inner)*size:][:size], c.in[k].data[(first+int(from)*s.inner)*size:])
				}
			}
		}
	})
	return nil
}

// sortKey is an element: a number in whose order it comes, and its place.
type sortKey struct {
	key   uint64
	place int32
}

// byKey orders the elements of a line by numbers made of one array.
func (s *sorting) byKey(order []int32, keys []sortKey, first int, v value, key func(value, int) uint64) {
	for k := range keys {
		keys[k] = sortKey{key(v, first+k*s.inner), int32(k)}
	}
	slices.SortFunc(keys, func(a, b sortKey) int {
		return cmp.Or(cmp.Compare(a.key, b.key), cmp.Compare(a.place, b.place))
	})
	for k := range keys {
		order[k] = keys[k].place
	}
}

// byComparator orders the elements of a line by running the comparator.
func (s *sorting) byComparator(order []int32, first int) {
	for k := range order {
		order[k] = int32(k)
	}
	pair := make([]value, 0, 2*s.attr.inputs+len(s.captured))
	keep := make([]bool, cap(pair))
	sort.SliceStable(order, func(i, j int) bool {
		pair = pair[:0]
		for _, v := range s.in[:s.attr.inputs] {
			size := v.shape.DType.Size()
			for _, k := range []int32{order[i], order[j]} {
				pair = append(pair, value{shapes.Make(v.shape.DType), v.data[(first+int(k)*s.inner)*size:][:size]})
			}
		}
		out, _, err := s.attr.less.program.execute(s.run.ctx, s.run.backend, append(pair, s.captured...), keep)
		if err != nil {
			panic(errors.Wrap(err, "Sort: comparator"))
		}
		less := of[bool](out[0])[0]
		s.run.backend.release(out[0].data)
		return less
	})
}

// plainOrder recognises a comparator that only compares the two elements of one
// array with < or >, and gives that array and numbers in whose order they come.
// NaN comes last where the comparison leaves that open.
func (f *function) plainOrder() (input int, key func(v value, i int) uint64) {
	n := f.outputs[0]
	total := n.op == compute.OpTypeLessThanTotalOrder || n.op == compute.OpTypeGreaterThanTotalOrder
	descending := n.op == compute.OpTypeGreaterThan || n.op == compute.OpTypeGreaterThanTotalOrder
	if !total && !descending && n.op != compute.OpTypeLessThan {
		return 0, nil
	}
	l, r := slices.Index(f.params, n.in[0]), slices.Index(f.params, n.in[1])
	if l < 0 || r < 0 || l/2 != r/2 || l == r {
		return 0, nil
	}
	flip := uint64(0)
	if descending != (l > r) { // reading from the right turns the order round
		flip = math.MaxUint64
	}
	read := readNumber(f.params[l].shape.DType)
	if read == nil {
		return 0, nil
	}
	return l / 2, func(v value, i int) uint64 {
		k, isNaN := read(v, i, total)
		if isNaN && !total {
			return math.MaxUint64
		}
		return k ^ flip
	}
}

// infinities are the bits of infinity in each type of floats, moved to the top.
var infinities = map[dtypes.DType]uint64{
	dtypes.Float16: 0x7c00 << 48, dtypes.BFloat16: 0x7f80 << 48, dtypes.Float32: 0x7f8 << 52, dtypes.Float64: 0x7ff << 52,
}

// readNumber gives element i as a number whose order as an unsigned integer is that
// of the elements, nil for complex numbers. Without total, both zeros are the same.
func readNumber(t dtypes.DType) func(v value, i int, total bool) (key uint64, isNaN bool) {
	if t.IsComplex() {
		return nil
	}
	inf, size := infinities[t], t.Size()
	return func(v value, i int, total bool) (uint64, bool) {
		var raw [8]byte
		copy(raw[8-size:], v.data[i*size:][:size])
		b := binary.LittleEndian.Uint64(raw[:]) // the element in the highest bytes
		if inf != 0 {
			return floatKey(b, inf, total)
		}
		if !t.IsUnsigned() {
			b ^= 1 << 63
		}
		return b, false
	}
}

// floatKey orders the bits of a float, moved to the top, whose infinity has the bits
// inf: negative numbers turn round and come before the others.
func floatKey(b, inf uint64, total bool) (key uint64, isNaN bool) {
	const sign = 1 << 63
	isNaN = b&^sign > inf
	switch {
	case b&sign == 0:
		return b | sign, isNaN
	case b == sign && !total:
		return sign, false
	}
	return ^b, isNaN
}
