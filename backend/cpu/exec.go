package cpu

import (
	"context"
	"sync"

	"github.com/gomlx/compute/shapes"
)

// program is a compiled function: steps over memory that is planned.
type program struct {
	steps   []step
	slots   []slot
	outputs []output
	inputs  int
	calls   int // steps that keep a call of their own
	arena   int // bytes

	mu   sync.Mutex
	idle []*run // of executions that have ended, at most maxIdle
}

// maxIdle is the number of arenas that a program keeps for its next executions.
const maxIdle = 4

// step is a part of a program that runs after the one before it.
type step interface {
	run(r *run) error
}

// place says where a slot's memory comes from.
type place uint8

const (
	inArena  place = iota
	ofInput        // index is that of the input
	ofOutput       // index is that of the output
	ofGraph        // data: a constant
)

// slot is memory for one value.
type slot struct {
	place       place
	index       int
	bytes       int
	data        []byte
	first, last int   // steps that use it
	at          int   // in the arena
	over        []int // slots of which it may take the memory of one that dies in step first
}

// output says how an output of the function comes about.
type output struct {
	shape shapes.Shape
	slot  int // of its memory
	over  int // input whose memory it may take; -1: none
	input int // it is this input, as it stands; -1: it is computed
}

// run is one execution of a program.
type run struct {
	ctx     context.Context
	backend *Backend
	mem     [][]byte // by slot
	arena   []byte
	calls   []call
}

// do runs body(0..n-1) on all workers.
func (r *run) do(n int, body func(i int)) { r.backend.pool.do(n, body) }

// execute computes the outputs of a program in memory of their own (from
// Backend.alloc), or, for an input that may be taken over, in that input's memory:
// taken[i] then says so. Inputs are the parameters, then the captured values. It
// stops between two steps when ctx is done.
func (p *program) execute(ctx context.Context, b *Backend, in []value, donated []bool) (out []value, taken []bool, err error) {
	r := p.begin(ctx, b, in)
	taken = make([]bool, len(in))
	out = make([]value, len(p.outputs))
	for i, o := range p.outputs {
		out[i] = value{o.shape, p.output(r, o, in, donated, taken)}
		r.mem[o.slot] = out[i].data
	}
	for _, s := range p.steps {
		if err := ctx.Err(); err != nil {
			return nil, nil, err
		}
		if err := s.run(r); err != nil {
			return nil, nil, err
		}
	}
	p.end(r)
	return out, taken, nil
}

// output finds memory for an output.
func (p *program) output(r *run, o output, in []value, donated, taken []bool) []byte {
	for _, i := range []int{o.input, o.over} {
		if i >= 0 && donated[i] && !taken[i] {
			taken[i] = true
			return in[i].data
		}
	}
	mem := r.backend.alloc(p.slots[o.slot].bytes)
	if o.input >= 0 {
		copy(mem, in[o.input].data)
	}
	return mem
}

// begin readies memory for an execution.
func (p *program) begin(ctx context.Context, b *Backend, in []value) *run {
	r := p.take()
	if r == nil {
		r = &run{mem: make([][]byte, len(p.slots)), calls: make([]call, p.calls)}
		r.arena = b.alloc(p.arena)
		for i, s := range p.slots {
			switch s.place {
			case inArena:
				r.mem[i] = r.arena[s.at : s.at+s.bytes : s.at+s.bytes]
			case ofGraph:
				r.mem[i] = s.data
			}
		}
	}
	r.ctx, r.backend = ctx, b
	for i, s := range p.slots[:p.inputs] {
		r.mem[i] = in[s.index].data
	}
	return r
}

func (p *program) take() *run {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := len(p.idle) - 1
	if n < 0 {
		return nil
	}
	r := p.idle[n]
	p.idle[n], p.idle = nil, p.idle[:n]
	return r
}

// end keeps the memory for the next execution. What others own is let go.
func (p *program) end(r *run) {
	for i, s := range p.slots {
		if s.place == ofInput || s.place == ofOutput {
			r.mem[i] = nil
		}
	}
	for i := range r.calls {
		r.calls[i].forget()
	}
	r.ctx, r.backend = nil, nil
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.idle) < maxIdle {
		p.idle = append(p.idle, r)
	}
}

// drop lets the memory go.
func (p *program) drop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.idle = nil
}
