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
		return ReduceMean(nn.CrossEntropy(m.Logits(s, in[0]), in[1]), -1) // [B]
	}
}
