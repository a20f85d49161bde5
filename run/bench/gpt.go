package bench

import (
	"fmt"
	"math"
	"runtime"
	"runtime/debug"
	"runtime/metrics"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	gomlx "github.com/gomlx/gomlx/ml/model"
	"github.com/gomlx/gomlx/ml/train/optimizer"

	"github.com/comlam/comlam/internal/rng"
	"github.com/comlam/comlam/model"
	"github.com/comlam/comlam/model/gpt2"
	"github.com/comlam/comlam/nn"
	"github.com/comlam/comlam/run"
	"github.com/comlam/comlam/train"
)

// gpt is the rate of training steps: forward, backward and AdamW in one graph. The
// variables are donated to it, so that an engine can update them in place.
func (l leg) gpt() (Value, error) {
	z := l.GPT
	step, err := l.gptStep()
	if err != nil {
		return Value{}, err
	}
	var loss float64
	once := func() (err error) {
		loss, err = step()
		return err
	}
	if err := once(); err != nil {
		return Value{}, err
	}
	first := loss
	debug.FreeOSMemory() // what building the graph has left behind
	var before used
	steps := 0 // that count; the first one of best is another that does not
	l.Least = 0
	seconds, err := l.best(func() error {
		if steps == 0 {
			defer func() { before = usage() }()
		}
		steps++
		return once()
	})
	if err != nil {
		return Value{}, err
	}
	steps--
	after := usage()
	v := Value{
		Value: float64(z.Batch*z.Tokens) / seconds, Unit: "tok/s", Loss: loss, PeakMiB: run.PeakMiB(),
		AllocsPerStep: (after.allocs - before.allocs) / float64(steps),
	}
	if busy := after.cpu - before.cpu; busy > 0 {
		v.GCShare = (after.gc - before.gc) / busy
	}
	if limit := 2 * math.Log(float64(z.Vocab)); !(first < limit && loss < first) {
		return v, fmt.Errorf("the loss goes from %g to %g in %d steps on one batch; the engine computes something else", first, loss, steps+2)
	}
	return v, nil
}

// gptStep prepares a function that does one step and returns its loss.
func (l leg) gptStep() (func() (float64, error), error) {
	z := l.GPT
	m, err := gpt2.Config{
		Size: "custom", VocabSize: z.Vocab, MaxPositionEmbeddings: z.Tokens, HiddenSize: z.Width,
		NumHiddenLayers: z.Layers, NumAttentionHeads: z.Heads, LayerNormEpsilon: 1e-5,
	}.Build()
	if err != nil {
		return nil, err
	}
	adamW := optimizer.Adam().LearningRate(1e-4).WeightDecay(0.01).Done()
	store := nn.NewStore(1)
	exec, err := gomlx.NewExec(l.engine, store, func(s *gomlx.Scope, in []*nn.Node) *nn.Node {
		loss := graph.ReduceAllMean(train.NextTokenLoss(m.(model.LM))(s, in))
		adamW.UpdateGraph(s, loss.Graph(), loss)
		return loss
	})
	if err != nil {
		return nil, err
	}
	r := rng.New(3)
	draw := func() *tensors.Tensor {
		ids := make([]int32, z.Batch*z.Tokens)
		for i := range ids {
			ids[i] = int32(r.Uniform(0, float64(z.Vocab)))
		}
		return tensors.FromFlatDataAndDimensions(ids, z.Batch, z.Tokens)
	}
	tokens, next := draw(), draw()
	return func() (float64, error) {
		out, err := exec.Call(tokens, next)
		if err != nil {
			return 0, err
		}
		loss := tensors.ToScalar[float32](out[0])
		return float64(loss), out[0].FinalizeAll()
	}, nil
}

// used is what a process has taken since its start.
type used struct{ allocs, gc, cpu float64 } // bytes; seconds of all processors

func usage() used {
	samples := []metrics.Sample{{Name: "/cpu/classes/gc/total:cpu-seconds"}, {Name: "/cpu/classes/total:cpu-seconds"}}
	metrics.Read(samples)
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return used{float64(m.TotalAlloc), samples[0].Value.Float64(), samples[1].Value.Float64()}
}
