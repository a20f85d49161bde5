package cpu

import (
	"cmp"
	"slices"
)

// plan puts the slots of the arena where no other lies that is in use at the same
// time, and lets outputs take the memory of inputs.
//
// It places the largest slot first, each at the lowest address that is free for as
// long as it is used (Pisarchyk and Lee, arXiv:2001.03288, greedy by size). Slots
// that follow each other in one memory are placed as one.
func (c *compiler) plan() {
	root := c.overlays()
	type group struct{ first, last, bytes, at int }
	groups := map[int]*group{}
	var list []*group
	for i, s := range c.slots {
		if s.place != inArena || s.bytes == 0 {
			continue
		}
		g := groups[root[i]]
		if g == nil {
			g = &group{first: s.first, last: s.last, bytes: roundUp(s.bytes)}
			groups[root[i]] = g
			list = append(list, g)
		}
		g.first, g.last = min(g.first, s.first), max(g.last, s.last)
	}
	slices.SortStableFunc(list, func(a, b *group) int { return cmp.Compare(b.bytes, a.bytes) })
	var placed []*group // by address
	for _, g := range list {
		for _, p := range placed {
			if p.last < g.first || g.last < p.first {
				continue
			}
			if g.at+g.bytes <= p.at {
				break
			}
			g.at = max(g.at, p.at+p.bytes)
		}
		i, _ := slices.BinarySearchFunc(placed, g.at, func(p *group, at int) int { return cmp.Compare(p.at, at) })
		placed = slices.Insert(placed, i, g)
		c.p.arena = max(c.p.arena, g.at+g.bytes)
	}
	for i := range c.slots {
		if g := groups[root[i]]; g != nil && c.slots[i].place == inArena {
			c.slots[i].at = g.at
		}
	}
}

// overlays settles which slots take the memory of another that dies in the step that
// first writes them, and gives for each slot the first of those it shares with.
func (c *compiler) overlays() (root []int) {
	root = make([]int, len(c.slots))
	heir := map[int]bool{} // slots whose memory is taken
	for i := range c.slots {
		root[i] = i
		s := &c.slots[i]
		for _, k := range s.over {
			from := &c.slots[k]
			if from.last > s.first || from.first >= s.first || heir[k] {
				continue
			}
			if s.place == inArena && from.place == inArena {
				root[i] = root[k]
			} else if s.place == ofOutput && from.place == ofInput {
				c.p.outputs[s.index].over = from.index
			} else {
				continue
			}
			heir[k] = true
			break
		}
	}
	return root
}
