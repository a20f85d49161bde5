package cpu

import (
	"container/heap"

	"github.com/gomlx/compute"
)

// schedule orders the units: each after those that it reads, and otherwise as the
// graph was written, except that a unit which only makes outputs of the program runs
// as soon as it can. The update of a weight then follows its gradient, which need not
// be kept. Such a unit may take its inputs' memory, so it waits for all others that
// read them, unless they wait for it. What is small runs early too, for others wait for
// it.
func (c *compiler) schedule() []*unit {
	s := &scheduler{compiler: c, key: map[*unit]int{}}
	readers := map[*node][]*unit{}
	for _, u := range c.units {
		s.key[u] = last(u)
		for _, n := range u.nodes {
			for _, in := range n.in {
				if b := c.base(in); isLeaf(b.op) && b.op != compute.OpTypeConstant {
					readers[b] = append(readers[b], u)
				}
			}
		}
	}
	for _, u := range c.units {
		if c.onlyOutputs(u) {
			s.key[u] = -1
			c.waitFor(u, readers)
		} else if u.nodes[0].multi == nil && max(u.size, u.nodes[0].size()) < smallUnit {
			s.key[u] = -1
		}
	}
	return s.run()
}

// smallUnit is the number of elements whose memory does not count.
const smallUnit = 4096

// last is where the graph has the last node of a unit.
func last(u *unit) int {
	m := 0
	for _, n := range u.nodes {
		m = max(m, n.id)
	}
	return m
}

// onlyOutputs says whether nothing but the caller of the program reads what a unit
// makes.
func (c *compiler) onlyOutputs(u *unit) bool {
	for _, w := range c.units {
		if w.deps.has(u.id) {
			return false
		}
	}
	return true
}

// waitFor puts all other readers of an input before a unit that may take its memory.
func (c *compiler) waitFor(u *unit, readers map[*node][]*unit) {
	for _, n := range u.nodes {
		for _, in := range n.in {
			b := c.base(in)
			if b.size() != n.size() {
				continue
			}
			for _, w := range readers[b] {
				if w != u && !w.deps.has(u.id) && !u.deps.has(w.id) {
					u.deps.add(w.id)
					u.deps.union(w.deps)
					c.spreadDeps(u)
				}
			}
		}
	}
}

// scheduler is a heap of the units that can run, smallest key first.
type scheduler struct {
	*compiler
	key   map[*unit]int
	ready []*unit
}

func (s *scheduler) Len() int           { return len(s.ready) }
func (s *scheduler) Less(i, j int) bool { return s.before(s.ready[i], s.ready[j]) }
func (s *scheduler) Swap(i, j int)      { s.ready[i], s.ready[j] = s.ready[j], s.ready[i] }
func (s *scheduler) Push(u any)         { s.ready = append(s.ready, u.(*unit)) }

func (s *scheduler) Pop() any {
	n := len(s.ready) - 1
	u := s.ready[n]
	s.ready = s.ready[:n]
	return u
}

func (s *scheduler) before(a, b *unit) bool {
	if s.key[a] != s.key[b] {
		return s.key[a] < s.key[b]
	}
	return a.id < b.id
}

// run takes units off the heap and puts on it those that waited for nothing else.
func (s *scheduler) run() []*unit {
	waits := map[*unit]int{}
	for _, u := range s.units {
		for _, w := range s.units {
			if u.deps.has(w.id) {
				waits[u]++
			}
		}
		if waits[u] == 0 {
			heap.Push(s, u)
		}
	}
	var out []*unit
	for s.Len() > 0 {
		u := heap.Pop(s).(*unit)
		out = append(out, u)
		for _, w := range s.units {
			if w.deps.has(u.id) {
				if waits[w]--; waits[w] == 0 {
					heap.Push(s, w)
				}
			}
		}
	}
	if len(out) < len(s.units) {
		panic("cpu: units of a program wait for each other")
	}
	return out
}
