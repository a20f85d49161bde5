package data

import (
	"sync"

	"github.com/comlam/comlam/internal/rng"
)

// order repeats n things, each pass in an order of its own that follows from the seed.
type order struct {
	n     int
	seed  uint64
	split Split

	mu     sync.Mutex
	passes map[uint64][]int
}

// at is the thing in place i.
func (o *order) at(i uint64) int {
	epoch, place := i/uint64(o.n), i%uint64(o.n)
	o.mu.Lock()
	defer o.mu.Unlock()
	list := o.passes[epoch]
	if list == nil {
		if len(o.passes) > 1 || o.passes == nil { // rows are asked for nearly in order
			o.passes = map[uint64][]int{}
		}
		list = rng.New(o.seed, uint64(o.split), orderStream, epoch).Perm(o.n)
		o.passes[epoch] = list
	}
	return list[place]
}
