package cpu

import (
	"cmp"
	"context"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/shapes"
	"github.com/pkg/errors"
)

func newBuilder(b *Backend, name string) *builder {
	nb := &builder{backend: b, name: name, functions: map[string]*function{}}
	nb.ErrFn = missing
	nb.main = newFunction(nb, compute.MainName, nil)
	return nb
}

// Name of the computation.
func (b *builder) Name() string { return b.name }

// Main is the function that the executable runs.
func (b *builder) Main() compute.Function { return b.main }

// NewFunction opens a function that others can call.
func (b *builder) NewFunction(name string) (compute.Function, error) {
	if b.compiled {
		return nil, errors.Errorf("computation %q is compiled: no function can be added", b.name)
	}
	if name == "" || name == compute.MainName || b.functions[name] != nil {
		return nil, errors.Errorf("computation %q: function %q: the name is empty, taken or %q", b.name, name, compute.MainName)
	}
	f := newFunction(b, name, nil)
	b.functions[name] = f
	return f, nil
}

// OpShape is the shape of a value.
func (b *builder) OpShape(v compute.Value) (shapes.Shape, error) {
	n, ok := v.(*node)
	if !ok || n == nil || n.fn.builder != b {
		return shapes.Invalid(), errors.Errorf("computation %q: a %T is not one of its values", b.name, v)
	}
	return n.shape, nil
}

// DeviceAssignment accepts the only device.
func (b *builder) DeviceAssignment(devices ...compute.DeviceNum) error {
	if len(devices) != 1 {
		return errors.Errorf("computation %q: engine %q has one device, %d are assigned", b.name, Name, len(devices))
	}
	return b.backend.device(devices[0])
}

// Compile ends the builder and makes the executable.
func (b *builder) Compile() (_ compute.Executable, err error) {
	defer caught(&err, fmt.Sprintf("computation %q: compile", b.name))
	raise(errors.WithMessagef(b.backend.open(), "computation %q", b.name))
	refuseIf(b.compiled, "computation %q is compiled already", b.name)
	refuseIf(!b.main.returned, "computation %q: function %q has not returned: call Return before Compile", b.name, compute.MainName)
	b.compiled = true
	raise(errors.WithMessagef(b.main.fits(), "computation %q", b.name))
	e := &executable{backend: b.backend, name: b.name}
	e.program, err = compile(b.main)
	raise(errors.WithMessagef(err, "computation %q", b.name))
	for _, n := range b.main.params {
		e.params = append(e.params, n.attr.(string))
		e.in = append(e.in, n.shape)
	}
	e.out = shapesOf(b.main.outputs)
	return e, nil
}

// fits says which value that the outputs of a function need is too large to count.
func (f *function) fits() error {
	needed := reach(f.outputs)
	for _, n := range f.nodes {
		for _, s := range append(n.multi, n.shape) {
			if _, err := byteSize(s); err != nil && s.Ok() && needed[n] {
				return errors.WithMessage(err, n.op.String())
			}
		}
	}
	return nil
}

// reach has the nodes and all that they are computed from.
func reach(nodes []*node) map[*node]bool {
	seen := map[*node]bool{}
	for next := slices.Clone(nodes); len(next) > 0; {
		n := next[len(next)-1]
		if next = next[:len(next)-1]; !seen[n] {
			seen[n] = true
			next = append(next, n.in...)
		}
	}
	return seen
}

// executable is a compiled computation; it implements compute.Executable.
type executable struct {
	backend *Backend
	name    string
	program *program
	params  []string
	in, out []shapes.Shape
	closed  atomic.Bool
}

var _ compute.Executable = (*executable)(nil)

// Finalize makes the executable unusable and lets its memory go.
func (e *executable) Finalize() {
	e.closed.Store(true)
	e.program.drop()
}

// Inputs are the names and shapes of the parameters.
func (e *executable) Inputs() ([]string, []shapes.Shape) { return e.params, e.in }

// Outputs are the shapes of what Execute returns.
func (e *executable) Outputs() []shapes.Shape { return e.out }

// Execute runs the computation.
func (e *executable) Execute(inputs []compute.Buffer, donate []bool, device compute.DeviceNum) ([]compute.Buffer, error) {
	return e.ExecuteContext(context.Background(), inputs, donate, device)
}

// ExecuteContext runs the computation and stops between two steps when ctx is done.
// Donated inputs are gone then, too. Callers find it by an interface:
//
//	x.(interface{ ExecuteContext(context.Context, []compute.Buffer, []bool, compute.DeviceNum) ([]compute.Buffer, error) })
func (e *executable) ExecuteContext(ctx context.Context, inputs []compute.Buffer, donate []bool,
	device compute.DeviceNum) (results []compute.Buffer, err error) {
	defer func() { err = errors.WithMessagef(err, "computation %q", e.name) }()
	in, err := e.check(inputs, donate, device)
	if err != nil {
		return nil, err
	}
	given, err := e.hold(in, donate)
	if err != nil {
		return nil, err
	}
	values := make([]value, len(in))
	for i, u := range in {
		values[i] = value{u.shape, u.data}
	}
	out, taken, err := e.run(ctx, values, given)
	for i, u := range in {
		switch {
		case !given[i]:
			if i < len(donate) && donate[i] {
				u.drop(wasDonated) // another execution reads it, too
			}
			u.release()
		case err == nil && !taken[i]:
			e.backend.release(u.data)
		}
	}
	if err != nil {
		return nil, err
	}
	results = make([]compute.Buffer, len(out))
	for i, v := range out {
		results[i] = &Buffer{backend: e.backend, shape: e.out[i], data: v.data}
	}
	return results, nil
}

// check says what is wrong with a call.
func (e *executable) check(inputs []compute.Buffer, donate []bool, device compute.DeviceNum) ([]*Buffer, error) {
	if e.closed.Load() {
		return nil, errors.New("the executable is finalized")
	}
	if err := e.backend.device(device); err != nil {
		return nil, err
	}
	if len(inputs) != len(e.in) {
		return nil, errors.Errorf("%d inputs are given, there are %d parameters (%s)", len(inputs), len(e.in), strings.Join(e.params, ", "))
	}
	if len(donate) != 0 && len(donate) != len(inputs) {
		return nil, errors.Errorf("donate has %d values for %d inputs", len(donate), len(inputs))
	}
	in := make([]*Buffer, len(inputs))
	for i, x := range inputs {
		u, ok := x.(*Buffer)
		if !ok || u == nil {
			return nil, errors.Errorf("parameter %d (%q): a %T is given, not a buffer of engine %q", i, e.params[i], x, Name)
		}
		if u.backend != e.backend {
			return nil, errors.Errorf("parameter %d (%q): the buffer belongs to another engine", i, e.params[i])
		}
		if !u.shape.Equal(e.in[i]) {
			return nil, errors.Errorf("parameter %d (%q) has shape %s, a buffer of shape %s is given", i, e.params[i], e.in[i], u.shape)
		}
		in[i] = u
	}
	return in, nil
}

// hold marks all inputs as read or, where they are donated and nobody else reads
// them, takes their memory: given says which.
func (e *executable) hold(in []*Buffer, donate []bool) (given []bool, err error) {
	given, held := make([]bool, len(in)), make([]bool, len(in))
	defer func() {
		for i, u := range in {
			if err != nil && held[i] {
				u.release()
			}
			if err != nil && given[i] {
				u.state.Store(0)
			}
		}
	}()
	for pass := range 2 { // first those that are kept: a buffer may be given twice
		for i, u := range in {
			donated := i < len(donate) && donate[i]
			if donated != (pass == 1) {
				continue
			}
			if donated && u.give() {
				given[i] = true
				continue
			}
			if err := u.acquire(); err != nil {
				return given, errors.WithMessagef(err, "parameter %d (%q)", i, e.params[i])
			}
			held[i] = true
		}
	}
	return given, nil
}

// run executes the program; panics become errors.
func (e *executable) run(ctx context.Context, in []value, donated []bool) (out []value, taken []bool, err error) {
	e.backend.pool.busy.Add(1)
	defer func() {
		e.backend.pool.busy.Add(-1)
		if r := recover(); r != nil {
			out, taken, err = nil, nil, asError(r, "execute")
		}
	}()
	if err := ctx.Err(); err != nil {
		return nil, nil, err
	}
	return e.program.execute(ctx, e.backend, in, donated)
}

// asError is the error for what recover returned. One that was raised as an error
// stays it; all else is a mistake of the engine, whose stack %+v prints.
func asError(r any, format string, args ...any) error {
	stack := debug.Stack()
	if f, ok := r.(*fault); ok {
		r, stack = f.value, f.stack
	}
	what := fmt.Sprintf(format, args...)
	if err, ok := r.(interface {
		error
		StackTrace() errors.StackTrace
	}); ok {
		return errors.WithMessage(err, what)
	}
	return &internalError{fmt.Sprintf("%s: internal error of engine %q: %v", what, Name, r), stack}
}

// internalError is a panic that was caught.
type internalError struct {
	text  string
	stack []byte
}

func (e *internalError) Error() string { return e.text }

// Format prints the stack, too, for %+v.
func (e *internalError) Format(s fmt.State, verb rune) {
	fmt.Fprint(s, e.text)
	if verb == 'v' && s.Flag('+') {
		fmt.Fprintf(s, "\n%s", e.stack)
	}
}

// refusal is an error on its way out of a method that builds the graph: what such a
// method calls raises it, and the method returns it by caught.
type refusal struct{ error }

// raise ends the method with an error, if there is one.
func raise(err error) {
	if err != nil {
		panic(refusal{err})
	}
}

// refuseIf ends the method with an error of that text where an argument is wrong.
func refuseIf(wrong bool, format string, args ...any) {
	if wrong {
		raise(errors.Errorf(format, args...))
	}
}

// lackIf is refuseIf for what the engine does not have: GoMLX falls back on operations
// that it has.
func lackIf(lacking bool, format string, args ...any) {
	if lacking {
		raise(errors.Wrapf(compute.ErrNotImplemented, format, args...))
	}
}

// need is a result; where there is an error instead, the method ends with it.
func need[T any](v T, err error) T {
	raise(err)
	return v
}

// caught is deferred by the methods and makes a refusal their error. Any other panic is
// a mistake of the engine, or an argument that the inference of shapes chokes on.
func caught(err *error, doing ...string) {
	switch r := recover().(type) {
	case nil:
	case refusal:
		*err = r.error
	default:
		*err = asError(r, "%s", cmp.Or(strings.Join(doing, ": "), "build"))
	}
}
