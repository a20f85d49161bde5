package csi

import (
	"context"
	"fmt"
	"sync"
)

// samplesAhead is how many samples per worker may wait for their turn: the memory
// of a stream is this times the workers, whatever its length.
const samplesAhead = 4

// slot is a sample under way. It is free again once its sample was delivered.
type slot struct {
	h     []complex64
	ready chan Drop
}

// Stream draws the samples first to first+count-1 with the given number of
// workers and hands them to yield in that order, on the calling goroutine. h is
// valid during the call only. It ends early with the error of yield or of ctx.
// The samples do not depend on workers, which is at least 1.
func (g *Generator) Stream(ctx context.Context, seed, first, count uint64, workers int,
	yield func(index uint64, h []complex64, d Drop) error) error {
	if workers < 1 {
		return fmt.Errorf("%d workers cannot draw samples; use 1 or more", workers)
	}
	if first+count < first {
		return fmt.Errorf("samples %d and %d after it pass the last index; use a smaller first or count", first, count)
	}
	slots := make([]slot, min(count, uint64(samplesAhead*workers)))
	ahead := uint64(len(slots))
	jobs := make(chan uint64, len(slots))
	var running sync.WaitGroup
	defer running.Wait()
	defer close(jobs)
	for i := range slots {
		slots[i] = slot{make([]complex64, g.shape.Len()), make(chan Drop, 1)}
		jobs <- uint64(i)
	}
	for range min(workers, len(slots)) {
		running.Go(func() { g.work(seed, first, slots, jobs) })
	}
	for i := range count {
		if err := ctx.Err(); err != nil {
			return err
		}
		s := &slots[i%ahead]
		if err := yield(first+i, s.h, <-s.ready); err != nil {
			return err
		}
		if i+ahead < count {
			jobs <- i + ahead
		}
	}
	return nil
}

// work draws the samples numbered by jobs, each into its slot, until jobs closes.
func (g *Generator) work(seed, first uint64, slots []slot, jobs <-chan uint64) {
	for i := range jobs {
		s := &slots[i%uint64(len(slots))]
		s.ready <- g.Sample(seed, first+i, s.h)
	}
}
