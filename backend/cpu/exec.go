package cpu

import (
	"context"

	"github.com/pkg/errors"
)

// program is a compiled function.
type program struct {
	fn *function
}

// run is one execution of a program.
type run struct {
	ctx     context.Context
	backend *Backend
}

// compile turns a function that has returned into steps over planned memory.
func compile(f *function) (*program, error) {
	return &program{fn: f}, nil
}

// execute computes the outputs of a program in memory of their own (from
// Backend.alloc), or, for an input that may be taken over, in that input's memory:
// taken[i] then says so. Inputs are the parameters, then the captured values. It
// stops between two steps when ctx is done.
func (p *program) execute(ctx context.Context, b *Backend, in []value, donated []bool) (out []value, taken []bool, err error) {
	return nil, nil, errors.New("not yet")
}
