package fuzz

import (
	"encoding/binary"
	"fmt"
	"runtime/debug"
	"sync"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"

	"github.com/comlam/comlam/backend/oracle"
)

// A Bench holds one engine, opened once for each number of workers, to the oracle.
type Bench struct {
	Engines []compute.Backend
}

// A Failure says what an engine did with a computation that it should not have done.
type Failure struct {
	Engine int    // which one of the bench
	Output int    // the first output that is wrong; -1 if there are none
	Why    string // in words
}

func (f *Failure) Error() string {
	if f.Output < 0 {
		return fmt.Sprintf("engine %d: %s", f.Engine, f.Why)
	}
	return fmt.Sprintf("engine %d, output %d: %s", f.Engine, f.Output, f.Why)
}

// Examine runs a computation on every engine: once, with inputs donated, and twice at the
// same time. It compares with the outputs that the oracle wants, and returns a *Failure or
// nil.
func (b *Bench) Examine(p *oracle.Program, inputs, want []*oracle.Tensor) error {
	var first [][]byte
	for i, engine := range b.Engines {
		results, err := rounds(engine, p, inputs)
		if err != nil {
			return &Failure{i, -1, err.Error()}
		}
		for round, out := range results {
			raw := make([][]byte, len(out))
			for k, flat := range out {
				if raw[k], err = binary.Append(nil, binary.LittleEndian, flat); err != nil {
					return &Failure{i, k, err.Error()}
				}
			}
			if first == nil {
				first = raw
				if k, err := compare(want, out); err != nil {
					return &Failure{i, k, err.Error()}
				}
			}
			for k := range raw {
				if string(raw[k]) != string(first[k]) {
					return &Failure{i, k, fmt.Sprintf("run %d differs in its bits from the first run of the first engine", round)}
				}
			}
		}
	}
	return nil
}

// compare finds the first output that the bounds do not admit.
func compare(want []*oracle.Tensor, got []any) (int, error) {
	if len(want) != len(got) {
		return -1, fmt.Errorf("%d outputs, want %d", len(got), len(want))
	}
	for i, w := range want {
		if err := w.Compare(got[i]); err != nil {
			return i, err
		}
	}
	return -1, nil
}

// Run computes the outputs on an engine. A panic is an error.
func Run(engine compute.Backend, p *oracle.Program, inputs []*oracle.Tensor) (out []any, err error) {
	defer recovered(&err)
	x, err := p.Build(engine)
	if err != nil {
		return nil, fmt.Errorf("build: %w", err)
	}
	defer x.Finalize()
	return execute(engine, x, inputs, false)
}

// rounds are the outputs of several runs of one executable.
func rounds(engine compute.Backend, p *oracle.Program, inputs []*oracle.Tensor) (out [4][]any, err error) {
	defer recovered(&err)
	x, err := p.Build(engine)
	if err != nil {
		return out, fmt.Errorf("build: %w", err)
	}
	defer x.Finalize()
	var errs [4]error
	out[0], errs[0] = execute(engine, x, inputs, false)
	out[1], errs[1] = execute(engine, x, inputs, true)
	var both sync.WaitGroup
	for i := 2; i < 4; i++ {
		both.Go(func() {
			defer recovered(&errs[i])
			out[i], errs[i] = execute(engine, x, inputs, i == 3)
		})
	}
	both.Wait()
	for i, err := range errs {
		if err != nil {
			return out, fmt.Errorf("run %d: %w", i, err)
		}
	}
	return out, nil
}

func recovered(err *error) {
	if r := recover(); r != nil {
		*err = fmt.Errorf("panic: %v\n%s", r, debug.Stack())
	}
}

// execute runs once. Every second input is donated, if any; the others must be the same
// afterwards.
func execute(engine compute.Backend, x compute.Executable, inputs []*oracle.Tensor, donate bool) ([]any, error) {
	in, given := make([]compute.Buffer, len(inputs)), make([]bool, len(inputs))
	for i, t := range inputs {
		var err error
		if in[i], err = engine.BufferFromFlatData(0, t.Flat(), t.Shape); err != nil {
			return nil, err
		}
		given[i] = donate && i%2 == 0
	}
	out, err := x.Execute(in, given, 0)
	if err != nil {
		return nil, err
	}
	flats := make([]any, len(out))
	for i, u := range out {
		shape, err := u.Shape()
		if err != nil {
			return nil, err
		}
		flats[i] = dtypes.MakeAnySlice(shape.DType, shape.Size())
		if err := u.ToFlatData(flats[i]); err != nil {
			return nil, err
		}
	}
	for i, u := range in {
		if given[i] {
			continue
		}
		if err := unchanged(u, inputs[i]); err != nil {
			return nil, fmt.Errorf("input %d was changed: %w", i, err)
		}
		if err := u.Finalize(); err != nil {
			return nil, err
		}
	}
	for _, u := range out {
		if err := u.Finalize(); err != nil {
			return nil, err
		}
	}
	return flats, nil
}

// unchanged compares an input with what it was.
func unchanged(u compute.Buffer, t *oracle.Tensor) error {
	flat := dtypes.MakeAnySlice(t.Shape.DType, t.Shape.Size())
	if err := u.ToFlatData(flat); err != nil {
		return err
	}
	return t.Compare(flat)
}
