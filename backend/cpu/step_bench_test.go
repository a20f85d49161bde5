package cpu_test

import (
	"runtime"
	"testing"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	gomlx "github.com/gomlx/gomlx/ml/model"
	"github.com/gomlx/gomlx/ml/train/optimizer"

	"github.com/comlam/comlam/backend"
	"github.com/comlam/comlam/internal/rng"
	"github.com/comlam/comlam/model"
	"github.com/comlam/comlam/model/gpt2"
	"github.com/comlam/comlam/nn"
	"github.com/comlam/comlam/train"
)

// BenchmarkGPTStep is a training step of the decoder that the engine is measured by:
// 13.9 M parameters, 2,048 tokens, forward, backward and AdamW in one graph.
func BenchmarkGPTStep(b *testing.B) {
	const tokens, batch = 256, 8
	engine, err := backend.OpenAll()
	if err != nil {
		b.Fatal(err)
	}
	m, err := gpt2.Config{
		Size: "custom", VocabSize: 4096, MaxPositionEmbeddings: tokens, HiddenSize: 384,
		NumHiddenLayers: 6, NumAttentionHeads: 6, LayerNormEpsilon: 1e-5,
	}.Build()
	if err != nil {
		b.Fatal(err)
	}
	adamW := optimizer.Adam().LearningRate(1e-4).WeightDecay(0.01).Done()
	exec, err := gomlx.NewExec(engine, nn.NewStore(1), func(s *gomlx.Scope, in []*nn.Node) *nn.Node {
		loss := graph.ReduceAllMean(train.NextTokenLoss(m.(model.LM))(s, in))
		adamW.UpdateGraph(s, loss.Graph(), loss)
		return loss
	})
	if err != nil {
		b.Fatal(err)
	}
	r := rng.New(3)
	draw := func() *tensors.Tensor {
		ids := make([]int32, batch*tokens)
		for i := range ids {
			ids[i] = int32(r.Uniform(0, 4096))
		}
		return tensors.FromFlatDataAndDimensions(ids, batch, tokens)
	}
	in, next := draw(), draw()
	step := func() {
		out, err := exec.Call(in, next)
		if err != nil {
			b.Fatal(err)
		}
		if err := out[0].FinalizeAll(); err != nil {
			b.Fatal(err)
		}
	}
	step()
	runtime.GC()
	b.ReportAllocs()
	for b.Loop() {
		step()
	}
	b.ReportMetric(float64(b.N*batch*tokens)/b.Elapsed().Seconds(), "tok/s")
}
