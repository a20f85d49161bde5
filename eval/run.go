package eval

import (
	"context"
	"fmt"
	"sync"
)

// ChunkSize is the number of examples that Predict is given at once; only the
// last chunk of a set may be shorter.
const ChunkSize = 64

// numWorkers is fixed, as are the chunks, so that nothing depends on the machine.
const numWorkers = 2

// Run predicts every example of the set by every method and gathers the
// metrics. All methods see the same examples, and memory holds a few chunks
// whatever the length of the set. It stops at the first error, which names the
// method at fault, or when ctx ends.
func Run[E any](ctx context.Context, c Condition, set Set[E], methods []Method[E]) (*Result, error) {
	result, err := newResult(c, methods)
	if err != nil {
		return nil, err
	}
	if set.Len() < 2 {
		return nil, fmt.Errorf("%s, %s: %d example(s) give no interval; use at least 2, better 1000", c.Task, c.Name, set.Len())
	}
	r := &runner[E]{set: set, methods: methods, busy: make([]sync.Mutex, len(methods))}
	err = r.inOrder(ctx, func(p *predicted) error { return result.add(p) })
	if err != nil {
		return nil, fmt.Errorf("%s, %s: %w", c.Task, c.Name, err)
	}
	return result, nil
}

// runner predicts one set chunk by chunk.
type runner[E any] struct {
	set     Set[E]
	methods []Method[E]
	busy    []sync.Mutex // held while the method predicts
}

// predicted is one chunk after every method has seen it.
type predicted struct {
	first int
	truth []Truth
	out   [][][]complex64 // [method, example][...]
	err   error
}

// inOrder hands the chunks to yield in order, while workers predict the next.
func (r *runner[E]) inOrder(ctx context.Context, yield func(*predicted) error) error {
	ctx, cancel := context.WithCancel(ctx)
	var workers sync.WaitGroup
	defer workers.Wait()
	defer cancel()

	numChunks := (r.set.Len() + ChunkSize - 1) / ChunkSize
	done := make([]chan *predicted, numWorkers)
	for w := range done {
		done[w] = make(chan *predicted, 1)
		workers.Go(func() {
			for i := w; i < numChunks; i += numWorkers {
				select {
				case done[w] <- r.predict(i * ChunkSize):
				case <-ctx.Done():
					return
				}
			}
		})
	}
	for i := range numChunks {
		select {
		case p := <-done[i%numWorkers]:
			if p.err != nil {
				return p.err
			}
			if err := yield(p); err != nil {
				return err
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// predict makes the chunk that starts at first and runs every method on it.
func (r *runner[E]) predict(first int) *predicted {
	p := &predicted{first: first}
	count := min(ChunkSize, r.set.Len()-first)
	examples, err := r.set.Examples(first, count)
	if err == nil && len(examples) != count {
		err = fmt.Errorf("%d examples were made where %d were asked for", len(examples), count)
	}
	if err != nil {
		p.err = fmt.Errorf("examples from %d: %w", first, err)
		return p
	}
	for _, e := range examples {
		p.truth = append(p.truth, r.set.Truth(e))
	}
	for i := range r.methods {
		out, err := r.predictBy(i, examples, p.truth)
		if err != nil {
			p.err = fmt.Errorf("method %q, examples from %d: %w", r.methods[i].Name, first, err)
			return p
		}
		p.out = append(p.out, out)
	}
	return p
}

func (r *runner[E]) predictBy(method int, examples []E, truth []Truth) ([][]complex64, error) {
	out := make([][]complex64, len(truth))
	for i, t := range truth {
		out[i] = make([]complex64, len(t.H))
	}
	r.busy[method].Lock()
	defer r.busy[method].Unlock()
	return out, r.methods[method].Predict(examples, out)
}
