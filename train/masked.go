package train

import (
	"github.com/comlam/comlam/model"
	"github.com/comlam/comlam/nn"
	. "github.com/gomlx/gomlx/core/graph"
)

// MaskedLoss is the mean squared error of a Filler over the hidden entries of each
// sample, as complex numbers: the NMSE, for channels of unit mean power. Its
// inputs are the arrays of data.Masked.
func MaskedLoss(f model.Filler) Loss {
	return func(s *nn.Scope, in []*nn.Node) *nn.Node {
		x, visible, clean, hidden := in[0], in[1], in[2], in[3]
		e := Square(Sub(f.Reconstruct(s, x, visible), clean)) // [B S K A 2]
		sum := ReduceSum(Mul(ReduceAndKeep(e, ReduceSum, -1), hidden), 1, 2, 3, 4)
		return Div(sum, ReduceSum(hidden, 1, 2, 3, 4)) // [B]
	}
}
