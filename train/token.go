package train

import (
	"github.com/comlam/comlam/model"
	"github.com/comlam/comlam/nn"
	. "github.com/gomlx/gomlx/core/graph"
)

// NextTokenLoss is the cross-entropy of a language model in nats, the mean over the
// places of each sample. Its inputs are tokens [B T] int32 and, for each of them, the
// one that follows [B T] int32.
func NextTokenLoss(m model.LM) Loss {
	return func(s *nn.Scope, in []*nn.Node) *nn.Node {
		return ReduceMean(nn.CrossEntropy(m.Logits(s, model.Prompt{Tokens: in[0]}, nil), in[1]), -1) // [B]
	}
}

// TokenLoss is the cross-entropy of a language model in nats, the weighted mean over the
// places of each sample; one whose weights sum to 0 has the loss 0. Its inputs are
// tokens [B T] int32, for each of them the one that follows [B T] int32, its weight
// [B T] float32, its position [B T] int32 and the document it belongs to [B T] int32.
func TokenLoss(m model.LM) Loss {
	return func(s *nn.Scope, in []*nn.Node) *nn.Node {
		tokens, next, weight, positions, documents := in[0], in[1], in[2], in[3], in[4]
		logits := m.Logits(s, model.Prompt{Tokens: tokens, Positions: positions, Documents: documents}, nil)
		return WeightedMean(nn.CrossEntropy(logits, next), weight) // [B]
	}
}

// WeightedMean is sum(x weight) / sum(weight) over the last axis, 0 where the weights
// sum to 0: x and weight [B T] -> [B].
func WeightedMean(x, weight *nn.Node) *nn.Node {
	total := ReduceSum(weight, -1)
	none := Equal(total, ZerosLike(total))
	return Div(ReduceSum(Mul(x, weight), -1), Where(none, OnesLike(total), total))
}
