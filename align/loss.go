package align

import (
	"math"

	"github.com/comlam/comlam/model"
	"github.com/comlam/comlam/nn"
	"github.com/comlam/comlam/train"
	"github.com/gomlx/gomlx/core/graph"
)

// Axes: B pairs, T tokens, V vocabulary.

// Of is the loss of a model over the arrays of data.Pairs.
func (c Config) Of(m model.LM) train.Loss {
	return func(s *nn.Scope, in []*nn.Node) *nn.Node {
		tokens, next, weight, reference, good := in[0], in[1], in[2], in[3], in[4]
		own := logProbs(m, s, tokens, next, weight)
		return c.loss(own, reference, graph.ReduceSum(weight, -1), good)
	}
}

// logProbs are the log-probabilities of what has weight in each of two sequences:
// tokens, next and weight [B 2 T] -> [B 2].
func logProbs(m model.LM, s *nn.Scope, tokens, next, weight *nn.Node) *nn.Node {
	b, t := tokens.Shape().Dim(0), tokens.Shape().Dim(2)
	logits := m.Logits(s, model.Prompt{Tokens: graph.Reshape(tokens, 2*b, t)}, nil) // [2B T V]
	each := nn.CrossEntropy(logits, graph.Reshape(next, 2*b, t))                    // [2B T]
	each = graph.Mul(each, graph.Reshape(weight, 2*b, t))
	return graph.Neg(graph.Reshape(graph.ReduceSum(each, -1), b, 2))
}

// loss is that of each pair, [B], from the log-probabilities of its sequences under the
// model and under the reference, the number of their trained tokens, each [B 2], and
// whether the first is a good one, [B].
func (c Config) loss(own, reference, count, good *nn.Node) *nn.Node {
	ratio := graph.Sub(own, reference) // [B 2]
	switch c.Loss {
	case IPO:
		ratio = graph.Div(ratio, graph.Max(count, graph.OnesLike(count)))
		return graph.Square(graph.AddScalar(difference(ratio), -1/(2*c.Beta)))
	case KTO:
		return c.kto(ratio, good)
	}
	return softplus(graph.MulScalar(difference(ratio), -c.Beta))
}

// side is one of the two columns: [B 2] -> [B].
func side(x *nn.Node, i int) *nn.Node {
	return graph.Squeeze(graph.Slice(x, graph.AxisRange(), graph.AxisElem(i)), -1)
}

// difference is the first column minus the second: [B 2] -> [B].
func difference(x *nn.Node) *nn.Node { return graph.Sub(side(x, 0), side(x, 1)) }

// kto is w (1 - sigmoid(beta (r - z))) for good answers and w (1 - sigmoid(beta (z - r)))
// for others, r being the log-ratio of the answer and z how far the model has moved in
// general: the mean log-ratio of the answers that do not belong to their prompts, over
// the micro-batch, at least 0, and without a gradient.
func (c Config) kto(ratio, good *nn.Node) *nn.Node {
	z := graph.StopGradient(graph.ReduceAllMean(side(ratio, 1)))
	z = graph.Max(z, graph.ZerosLike(z))
	above := graph.MulScalar(graph.Sub(side(ratio, 0), graph.BroadcastToShape(z, good.Shape())), c.Beta)
	sign := graph.AddScalar(graph.MulScalar(good, 2), -1) // 1 or -1
	w := graph.AddScalar(graph.MulScalar(good, c.DesirableWeight-c.UndesirableWeight), c.UndesirableWeight)
	return graph.Mul(w, graph.Sigmoid(graph.Neg(graph.Mul(sign, above))))
}

// softplus is log(1 + exp x), whatever the size of x. Its slope, sigmoid x, is written
// beside the value: at 0, where training begins, that of max and abs is not defined.
func softplus(x *nn.Node) *nn.Node {
	value := graph.Add(graph.Max(x, graph.ZerosLike(x)), graph.Log(graph.AddScalar(graph.Exp(graph.Neg(graph.Abs(x))), 1)))
	zero := graph.Sub(x, graph.StopGradient(x))
	return graph.Add(graph.StopGradient(value), graph.Mul(zero, graph.StopGradient(graph.Sigmoid(x))))
}

// LossOf is the loss of one pair on the host, for one that has been measured: the
// log-ratios of both sequences. KTO needs a batch, and is not a number here.
func (c Config) LossOf(chosen, rejected float64, chosenTokens, rejectedTokens int) float64 {
	switch c.Loss {
	case DPO:
		x := -c.Beta * (chosen - rejected)
		return max(x, 0) + math.Log1p(math.Exp(-math.Abs(x)))
	case IPO:
		d := chosen/float64(max(chosenTokens, 1)) - rejected/float64(max(rejectedTokens, 1)) - 1/(2*c.Beta)
		return d * d
	}
	return math.NaN()
}
