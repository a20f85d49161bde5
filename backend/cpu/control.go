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

	"github.com/comlam/comlam/backend/kernel"
)

// Operations that run functions. Their operands end with the values that the
// functions capture.

// opUnpack makes Int8 or Uint8 of packed integers.
const opUnpack = compute.OpTypeLast + 2

// These run programs, whose steps are looked up in opFuncs: a literal would be a
// cycle.
func init() {
	opFuncs[compute.OpTypeCall] = runCall
	opFuncs[compute.OpTypeWhile] = runWhile
	opFuncs[compute.OpTypeIf] = runIf
	opFuncs[compute.OpTypeSort] = runSort
	opFuncs[opUnpack] = runUnpack
}

// inlined is the number of nodes of the largest function that Call copies into the
// caller, where its operations join with others. A larger one runs as a program.
const inlined = 4096

// sub checks a function that an operation runs, and finds here what it captures.
func (f *function) sub(op compute.OpType, name string, g compute.Function) (*function, []*node, error) {
	s, ok := g.(*function)
	if !ok || s == nil || s.builder != f.builder {
		return nil, nil, errors.Errorf("%s: %s is not a function of computation %q", op, name, f.builder.name)
	}
	if !s.returned || s.program == nil {
		return nil, nil, errors.Errorf("%s: %s has not returned: call Return first", op, name)
	}
	if err := s.fits(); err != nil {
		return nil, nil, errors.WithMessagef(err, "%s: %s", op, name)
	}
	captured := make([]*node, len(s.captured))
	for i, n := range s.captured {
		var err error
		if captured[i], err = f.local(n); err != nil {
			return nil, nil, errors.WithMessagef(err, "%s: %s uses a value that is not known here", op, name)
		}
	}
	return s, captured, nil
}

func shapesOf(nodes []*node) []shapes.Shape {
	out := make([]shapes.Shape, len(nodes))
	for i, n := range nodes {
		out[i] = n.shape
	}
	return out
}

// takes is an error where the parameters of a function do not have the given shapes.
func (f *function) takes(op compute.OpType, name string, want []shapes.Shape) error {
	return equalShapes(op, name+" takes", shapesOf(f.params), want)
}

// gives is an error where the outputs of a function do not have the given shapes.
func (f *function) gives(op compute.OpType, name string, want []shapes.Shape) error {
	return equalShapes(op, name+" returns", shapesOf(f.outputs), want)
}

func equalShapes(op compute.OpType, does string, have, want []shapes.Shape) error {
	if !slices.EqualFunc(have, want, shapes.Shape.Equal) {
		return errors.Errorf("%s: %s %s, want %s", op, does, have, want)
	}
	return nil
}

// Call runs another function of the computation.
func (f *function) Call(g compute.Function, inputs ...compute.Value) ([]compute.Value, error) {
	const op = compute.OpTypeCall
	in, err := f.use(op, inputs...)
	if err != nil {
		return nil, err
	}
	s, captured, err := f.sub(op, "the function", g)
	if err != nil {
		return nil, err
	}
	if err := s.takes(op, "function \""+s.name+"\"", shapesOf(in)); err != nil {
		return nil, err
	}
	if len(s.nodes) <= inlined {
		return asValues(f.inline(s, in, captured)), nil
	}
	return asValues(f.addMulti(op, shapesOf(s.outputs), callAttr{s}, slices.Concat(in, captured)...)), nil
}

// inline copies the nodes of a function that lead to its outputs.
func (f *function) inline(s *function, in, captured []*node) []*node {
	here := make(map[*node]*node, len(s.nodes))
	for i, n := range s.params {
		here[n] = in[i]
	}
	for i, n := range s.captures {
		here[n] = captured[i]
	}
	for _, n := range s.nodes {
		if here[n] != nil {
			continue
		}
		operands := make([]*node, len(n.in))
		for i, x := range n.in {
			operands[i] = here[x]
		}
		switch {
		case n.op == opPick: // made together with its operation
		case n.op == compute.OpTypeConstant:
			here[n] = f.constant(n.attr.([]byte), n.shape)
		case n.multi != nil:
			picks := f.addMulti(n.op, n.multi, n.attr, operands...)
			for _, p := range s.nodes[n.id+1 : n.id+1+len(picks)] {
				here[p] = picks[p.attr.(int)]
			}
		default:
			here[n] = f.add(n.op, n.shape, n.attr, operands...)
		}
	}
	out := make([]*node, len(s.outputs))
	for i, n := range s.outputs {
		out[i] = here[n]
	}
	return out
}

// While runs body on the state for as long as cond is true of it.
func (f *function) While(cond, body compute.Function, state ...compute.Value) ([]compute.Value, error) {
	const op = compute.OpTypeWhile
	in, err := f.use(op, state...)
	if err != nil {
		return nil, err
	}
	c, ofCond, err := f.sub(op, "the condition", cond)
	if err != nil {
		return nil, err
	}
	b, ofBody, err := f.sub(op, "the body", body)
	if err != nil {
		return nil, err
	}
	s := shapesOf(in)
	for _, err := range []error{
		c.takes(op, "the condition", s), c.gives(op, "the condition", []shapes.Shape{shapes.Make(dtypes.Bool)}),
		b.takes(op, "the body", s), b.gives(op, "the body", s),
	} {
		if err != nil {
			return nil, err
		}
	}
	if len(in) == 0 {
		return nil, errors.Errorf("%s: there is no state", op)
	}
	return asValues(f.addMulti(op, s, whileAttr{c, b}, slices.Concat(in, ofCond, ofBody)...)), nil
}

// If runs one of two functions without parameters.
func (f *function) If(pred compute.Value, yes, no compute.Function) ([]compute.Value, error) {
	const op = compute.OpTypeIf
	in, err := f.use(op, pred)
	if err != nil {
		return nil, err
	}
	if !in[0].shape.Equal(shapes.Make(dtypes.Bool)) {
		return nil, errors.Errorf("%s: the predicate is %s, it has to be a scalar Bool", op, in[0].shape)
	}
	y, ofYes, err := f.sub(op, "the true branch", yes)
	if err != nil {
		return nil, err
	}
	n, ofNo, err := f.sub(op, "the false branch", no)
	if err != nil {
		return nil, err
	}
	out := shapesOf(y.outputs)
	for _, err := range []error{y.takes(op, "the true branch", nil), n.takes(op, "the false branch", nil), n.gives(op, "the false branch", out)} {
		if err != nil {
			return nil, err
		}
	}
	return asValues(f.addMulti(op, out, ifAttr{y, n}, slices.Concat(in, ofYes, ofNo)...)), nil
}

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

// perform runs the program of a function and puts its outputs where a call wants them.
func (c *call) perform(f *function, in []value) error {
	out, _, err := f.program.execute(c.run.ctx, c.run.backend, in, make([]bool, len(in)))
	if err != nil {
		return err
	}
	c.move(out)
	return nil
}

// move copies values to the outputs and gives their memory back.
func (c *call) move(out []value) {
	for i, v := range out {
		copy(c.out[i].data, v.data)
		c.run.backend.release(v.data)
	}
}

func runCall(c *call) error { return c.perform(c.n.attr.(callAttr).f, c.in) }

func runIf(c *call) error {
	a := c.n.attr.(ifAttr)
	cut := 1 + len(a.yes.captured)
	if of[bool](c.in[0])[0] {
		return c.perform(a.yes, c.in[1:cut])
	}
	return c.perform(a.no, c.in[cut:])
}

// runWhile hands the state from one run of the body to the next, which may work in
// its memory.
func runWhile(c *call) error {
	a := c.n.attr.(whileAttr)
	n := len(c.out)
	ofCond := c.in[n : n+len(a.cond.captured)]
	ofBody := c.in[n+len(a.cond.captured):]
	state := c.in[:n]
	owned := false
	b := c.run.backend
	donated := make([]bool, n+len(ofBody))
	for {
		more, _, err := a.cond.program.execute(c.run.ctx, b, slices.Concat(state, ofCond), make([]bool, n+len(ofCond)))
		if err != nil {
			return errors.WithMessage(err, "While: condition")
		}
		again := of[bool](more[0])[0]
		b.release(more[0].data)
		if !again {
			break
		}
		for i := range n {
			donated[i] = owned
		}
		next, taken, err := a.body.program.execute(c.run.ctx, b, slices.Concat(state, ofBody), donated)
		if err != nil {
			return errors.WithMessage(err, "While: body")
		}
		for i, v := range state {
			if owned && !taken[i] {
				b.release(v.data)
			}
		}
		state, owned = next, true
	}
	if owned {
		c.move(state)
		return nil
	}
	for i, v := range state {
		copy(c.out[i].data, v.data)
	}
	return nil
}

// runUnpack: out[i] = x[i], one byte each.
func runUnpack(c *call) error {
	x, out := c.in[0], c.out[0]
	f := kernel.Convert(x.shape.DType, out.shape.DType)
	f(at(out.data, 0), at(x.data, 0), out.shape.Size())
	return nil
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
