package cpu

import "github.com/gomlx/compute"

// schedule orders the units: each after those that it reads, and otherwise as the
// graph was written, except that a unit which only makes outputs of the program runs
// as soon as it can. The update of a weight then follows its gradient, which need not
// be kept. Such a unit may take its inputs' memory, so it waits for all others that
// read them, unless they wait for it. What is small runs early too, for others wait for
// it.
func (c *compiler) schedule() []*unit {
	readers := map[*node][]*unit{}
	for _, u := range c.units {
		u.key = last(u)
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
			u.key = -1
			c.waitFor(u, readers)
		} else if u.nodes[0].multi == nil && max(u.size, u.nodes[0].size()) < smallUnit {
			u.key = -1
		}
	}
	return c.inOrder()
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
		if w.after(u) {
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
				if w != u && !w.after(u) && !u.after(w) {
					c.runAfter(u, w)
				}
			}
		}
	}
}

// inOrder takes, one after the other, the unit with the smallest key of those that wait
// for no other, the first of equals.
func (c *compiler) inOrder() (out []*unit) {
	for _, u := range c.units {
		for _, w := range c.units {
			if u.after(w) {
				u.waits++
			}
		}
	}
	for range c.units {
		var next *unit
		for _, u := range c.units {
			if u.waits == 0 && (next == nil || u.key < next.key) {
				next = u
			}
		}
		if next == nil {
			panic("cpu: units of a program wait for each other")
		}
		next.waits = -1
		for _, u := range c.units {
			if u.after(next) {
				u.waits--
			}
		}
		out = append(out, next)
	}
	return out
}
