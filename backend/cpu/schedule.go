package cpu

import (
	"cmp"
	"slices"

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

// scheduler has the units that can run.
type scheduler struct {
	*compiler
	key   map[*unit]int
	ready []*unit
}

// take removes the ready unit with the smallest key.
func (s *scheduler) take() *unit {
	u := slices.MinFunc(s.ready, func(a, b *unit) int {
		return cmp.Or(cmp.Compare(s.key[a], s.key[b]), cmp.Compare(a.id, b.id))
	})
	s.ready = slices.DeleteFunc(s.ready, func(w *unit) bool { return w == u })
	return u
}

// run takes units one after the other and makes those ready that waited for nothing
// else.
func (s *scheduler) run() []*unit {
	waits := map[*unit]int{}
	for _, u := range s.units {
		for _, w := range s.units {
			if u.deps.has(w.id) {
				waits[u]++
			}
		}
		if waits[u] == 0 {
			s.ready = append(s.ready, u)
		}
	}
	var out []*unit
	for len(s.ready) > 0 {
		u := s.take()
		out = append(out, u)
		for _, w := range s.units {
			if w.deps.has(u.id) {
				if waits[w]--; waits[w] == 0 {
					s.ready = append(s.ready, w)
				}
			}
		}
	}
	if len(out) < len(s.units) {
		panic("cpu: units of a program wait for each other")
	}
	return out
}
