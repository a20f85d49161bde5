package train

import (
	"fmt"
	"sync"

	"github.com/comlam/comlam/backend"
	"github.com/comlam/comlam/data"
	"github.com/comlam/comlam/nn"
	"github.com/gomlx/gomlx/core/graph"
)

// Loss builds one loss per sample, [B], from the arrays of a data.Batch.
type Loss func(s *nn.Scope, in []*nn.Node) *nn.Node

// replica is the model on one engine: it turns a micro-batch into losses and
// gradients, on the goroutine that calls it.
type replica struct {
	engine  backend.Engine
	store   *nn.Store
	program *nn.Program
	names   []string // of the gradients, in order
}

func newReplica(j *Job) (*replica, error) {
	engine, err := backend.Open()
	if err != nil {
		return nil, err
	}
	r := &replica{engine: engine, store: nn.NewStore(j.Seed)}
	if j.Adapter != nil {
		nn.SetAdapter(r.store, j.Adapter)
	}
	if err := nn.Push(r.store, j.Start); err != nil {
		return nil, err
	}
	r.program, err = nn.NewProgram(engine, r.store, func(s *nn.Scope, in []*nn.Node) []*nn.Node {
		losses := j.Loss(s, in)
		names, grads := nn.Gradients(s, graph.ReduceAllMean(losses), j.Trains)
		r.names = names
		return append([]*nn.Node{losses}, grads...)
	})
	return r, err
}

// run computes one micro-batch.
func (r *replica) run(b data.Batch) (losses []float32, grads [][]float32, err error) {
	out, err := r.program.Run(b.Arrays...)
	if err != nil {
		return nil, nil, err
	}
	grads = make([][]float32, len(out)-1)
	for i := range grads {
		grads[i] = out[i+1].Float32
	}
	return out[0].Float32, grads, nil
}

// micro is the result of one micro-batch.
type micro struct {
	losses []float32
	grads  [][]float32
	err    error
}

// gradients computes all micro-batches of a step, each on any replica, and adds
// their gradients into g in order.
func (l *loop) gradients(step int, g nn.Weights) (loss float64, err error) {
	size := l.microSize()
	n := l.Config.BatchSize / size
	results := make([]micro, n)
	jobs := make(chan int, n)
	for k := range n {
		jobs <- k
	}
	close(jobs)
	var wg sync.WaitGroup
	for _, r := range l.replicas[:min(len(l.replicas), n)] {
		wg.Go(func() {
			for k := range jobs {
				first := uint64(step)*uint64(l.Config.BatchSize) + uint64(k*size)
				results[k] = r.micro(step, l.Source, first, size)
			}
		})
	}
	wg.Wait()
	for k := range results {
		if results[k].err != nil {
			return 0, results[k].err
		}
		for _, v := range results[k].losses {
			loss += float64(v) / float64(l.Config.BatchSize)
		}
	}
	each(len(g), func(i int) {
		clear(g[i].Values)
		for k := range results {
			for j, v := range results[k].grads[i] {
				g[i].Values[j] += v / float32(n)
			}
		}
	})
	return loss, nil
}

func (r *replica) micro(step int, source data.Source, first uint64, n int) micro {
	b, err := source.Batch(first, n)
	if err != nil {
		return micro{err: fmt.Errorf("samples from %d: %w", first, err)}
	}
	losses, grads, err := r.run(b)
	if err != nil {
		return micro{err: err}
	}
	return micro{losses, grads, r.inspect(step, b, losses, grads)}
}
