package cpu

import (
	"cmp"
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
func (f *function) Sort(comparator compute.Function, axis int, stable bool, inputs ...compute.Value) ([]compute.Value, error) {
	const op = compute.OpTypeSort
	in, err := f.use(op, inputs...)
	if err != nil {
		return nil, err
	}
	s, captured, err := f.sub(op, "the comparator", comparator)
	if err != nil {
		return nil, err
	}
	if len(in) == 0 {
		return nil, errors.Errorf("%s: there is nothing to sort", op)
	}
	var pairs []shapes.Shape
	for _, n := range in {
		if !slices.Equal(n.shape.Dimensions, in[0].shape.Dimensions) {
			return nil, errors.Errorf("%s of %s: the dimensions differ", op, shapesOf(in))
		}
		pairs = append(pairs, shapes.Make(n.shape.DType), shapes.Make(n.shape.DType))
	}
	if axis < 0 {
		axis += in[0].shape.Rank()
	}
	if _, err := normalAxes(op, in[0].shape, []int{axis}); err != nil {
		return nil, err
	}
	if err := s.takes(op, "the comparator", pairs); err != nil {
		return nil, err
	}
	if err := s.gives(op, "the comparator", []shapes.Shape{shapes.Make(dtypes.Bool)}); err != nil {
		return nil, err
	}
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
				rearrange(out, c.in[k], order, first, s.inner)
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
			panic(errors.WithMessage(err, "Sort: comparator"))
		}
		less := of[bool](out[0])[0]
		s.run.backend.release(out[0].data)
		return less
	})
}

// rearrange sets element k of a line to element order[k].
func rearrange(dst, src value, order []int32, first, step int) {
	switch dst.shape.DType.Size() {
	case 1:
		permute(of[uint8](dst), of[uint8](src), order, first, step)
	case 2:
		permute(of[uint16](dst), of[uint16](src), order, first, step)
	case 4:
		permute(of[uint32](dst), of[uint32](src), order, first, step)
	case 8:
		permute(of[uint64](dst), of[uint64](src), order, first, step)
	case 16:
		permute(of[complex128](dst), of[complex128](src), order, first, step)
	}
}

func permute[T any](dst, src []T, order []int32, first, step int) {
	for k, from := range order {
		dst[first+k*step] = src[first+int(from)*step]
	}
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

// readNumber gives element i as a number whose order as an unsigned integer is that
// of the elements. Without total, both zeros are the same.
func readNumber(t dtypes.DType) func(v value, i int, total bool) (key uint64, isNaN bool) {
	const sign = 1 << 63
	switch t {
	case dtypes.Bool, dtypes.Uint8:
		return func(v value, i int, _ bool) (uint64, bool) { return uint64(v.data[i]), false }
	case dtypes.Uint16:
		return func(v value, i int, _ bool) (uint64, bool) { return uint64(of[uint16](v)[i]), false }
	case dtypes.Uint32:
		return func(v value, i int, _ bool) (uint64, bool) { return uint64(of[uint32](v)[i]), false }
	case dtypes.Uint64:
		return func(v value, i int, _ bool) (uint64, bool) { return of[uint64](v)[i], false }
	case dtypes.Int8:
		return func(v value, i int, _ bool) (uint64, bool) { return uint64(of[int8](v)[i]) ^ sign, false }
	case dtypes.Int16:
		return func(v value, i int, _ bool) (uint64, bool) { return uint64(of[int16](v)[i]) ^ sign, false }
	case dtypes.Int32:
		return func(v value, i int, _ bool) (uint64, bool) { return uint64(of[int32](v)[i]) ^ sign, false }
	case dtypes.Int64:
		return func(v value, i int, _ bool) (uint64, bool) { return uint64(of[int64](v)[i]) ^ sign, false }
	case dtypes.Float16:
		return func(v value, i int, total bool) (uint64, bool) {
			return floatKey(uint64(of[uint16](v)[i])<<48, 0x7c00<<48, total)
		}
	case dtypes.BFloat16:
		return func(v value, i int, total bool) (uint64, bool) {
			return floatKey(uint64(of[uint16](v)[i])<<48, 0x7f80<<48, total)
		}
	case dtypes.Float32:
		return func(v value, i int, total bool) (uint64, bool) {
			return floatKey(uint64(of[uint32](v)[i])<<32, 0x7f800000<<32, total)
		}
	case dtypes.Float64:
		return func(v value, i int, total bool) (uint64, bool) {
			return floatKey(of[uint64](v)[i], 0x7ff<<52, total)
		}
	}
	return nil
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
