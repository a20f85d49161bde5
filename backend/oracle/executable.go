package oracle

import (
	"fmt"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
)

// An Executable is a program to run.
type Executable struct {
	Program *Program
	backend *Backend
	names   []string
}

var _ compute.Executable = (*Executable)(nil)

// Finalize implements compute.Executable.
func (e *Executable) Finalize() {}

// Inputs implements compute.Executable.
func (e *Executable) Inputs() (names []string, inputs []shapes.Shape) {
	for _, n := range e.Program.Inputs {
		inputs = append(inputs, n.Shapes[0])
	}
	return e.names, inputs
}

// Outputs implements compute.Executable.
func (e *Executable) Outputs() (outputs []shapes.Shape) {
	for _, v := range e.Program.Outputs {
		outputs = append(outputs, v.Shape())
	}
	return outputs
}

// Execute implements compute.Executable.
func (e *Executable) Execute(inputs []compute.Buffer, _ []bool, _ compute.DeviceNum) ([]compute.Buffer, error) {
	in := make([]*Tensor, len(inputs))
	for i, b := range inputs {
		own, ok := b.(*Buffer)
		if !ok {
			return nil, fmt.Errorf("oracle: input %d is a %T of another backend", i, b)
		}
		in[i] = own.Tensor
	}
	values, err := e.Program.Run(in...)
	if err != nil {
		return nil, err
	}
	out := make([]compute.Buffer, len(values))
	for i, t := range values {
		out[i] = &Buffer{Tensor: t, backend: e.backend}
	}
	return out, nil
}

func fill(data []Scalar, s Scalar) {
	for i := range data {
		data[i] = s
	}
}

// text is a scalar for a reader.
func (s Scalar) text(d dtypes.DType) string {
	switch {
	case s.Unsure:
		return "?"
	case d == dtypes.Bool:
		return fmt.Sprint(s.Int != 0)
	case d.IsComplex() && s.Err > 0:
		return fmt.Sprintf("(%.9g%+.9gi)±%.2g", s.Re, s.Im, s.Err)
	case d.IsComplex():
		return fmt.Sprintf("(%.9g%+.9gi)", s.Re, s.Im)
	case d.IsFloat() && s.Err > 0:
		return fmt.Sprintf("%.9g±%.2g", s.Re, s.Err)
	case d.IsFloat():
		return fmt.Sprintf("%.9g", s.Re)
	case isUnsigned(d):
		return fmt.Sprint(uint64(s.Int))
	}
	return fmt.Sprint(s.Int)
}
