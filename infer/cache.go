package infer

import (
	"context"
	"errors"
	"slices"

	"github.com/comlam/comlam/model"
	"github.com/comlam/comlam/nn"
)

// Axes: B texts, T tokens of a step, K key heads, S slots, E head width, V vocabulary.

// cache is what is remembered of a batch of texts.
type cache struct {
	m      *Model
	slots  int
	length []int      // of each text
	layers []*nn.Held // keys and values by turns, [B K S E]; none before the first step
}

const (
	firstSlots = 64  // of a new cache
	maxWidth   = 256 // of a step
)

func (m *Model) newCache(texts int) *cache { return &cache{m: m, length: make([]int, texts)} }

// free gives the memory back.
func (c *cache) free() {
	for _, h := range c.layers {
		h.Free()
	}
	c.layers = nil
}

// stepGraph is the graph of a step: tokens [B T], the place [B 1] of each text's last
// one, and, unless nothing came before, the lengths [B] and the layers. It gives the
// logits [B 1 V] there and the new keys and values of each layer.
func (m *Model) stepGraph(s *nn.Scope, in []*nn.Node) []*nn.Node {
	k := cacheOf(in[2:])
	if k == nil {
		k = &nn.Cache{}
	}
	out := []*nn.Node{m.lm.Logits(s, model.Prompt{Tokens: in[0], Places: in[1]}, k)}
	for i := range k.NewKeys {
		out = append(out, k.NewKeys[i], k.NewValues[i])
	}
	return out
}

// cacheOf is the cache of a graph, given its lengths [B] and its layers; nil for none.
func cacheOf(in []*nn.Node) *nn.Cache {
	if len(in) == 0 {
		return nil
	}
	k := &nn.Cache{Length: in[0]}
	for i := 1; i < len(in); i += 2 {
		k.Keys, k.Values = append(k.Keys, in[i]), append(k.Values, in[i+1])
	}
	return k
}

// add reads more tokens of each text, and returns the logits [V] after the last of each;
// nil for a text without more tokens.
func (c *cache) add(ctx context.Context, texts [][]int32) ([][]float32, error) {
	last := make([][]float32, len(texts))
	rest := slices.Clone(texts)
	for {
		longest := 0
		for _, t := range rest {
			longest = max(longest, len(t))
		}
		if longest == 0 {
			return last, nil
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		part := make([][]int32, len(rest))
		for i, t := range rest {
			n := min(len(t), maxWidth)
			part[i], rest[i] = t[:n], t[n:]
		}
		logits, err := c.step(part, min(powerOfTwo(min(longest, maxWidth)), c.m.Context()))
		if err != nil {
			return nil, err
		}
		for i, p := range part {
			if len(p) > 0 {
				last[i] = logits[i]
			}
		}
	}
}

// powerOfTwo is the least one that is n or more.
func powerOfTwo(n int) int {
	p := 1
	for p < n {
		p *= 2
	}
	return p
}

// step reads a part of each text, at most width tokens. What is filled up comes behind
// the text, where nothing sees it, and is not kept.
func (c *cache) step(part [][]int32, width int) ([][]float32, error) {
	b := len(part)
	tokens := nn.Array{Shape: []int{b, width}, Int32: make([]int32, b*width)}
	places := nn.Array{Shape: []int{b, 1}, Int32: make([]int32, b)}
	length := nn.Array{Shape: []int{b}, Int32: make([]int32, b)}
	need := 0
	for i, p := range part {
		copy(tokens.Int32[i*width:], p)
		places.Int32[i] = int32(max(0, len(p)-1))
		length.Int32[i] = int32(c.length[i])
		need = max(need, c.length[i]+len(p))
	}
	in := []nn.Array{tokens, places}
	if len(c.layers) > 0 {
		in = append(in, length)
	}
	out, err := c.m.step.RunHeld(in, c.layers)
	if err != nil {
		return nil, err
	}
	if err := c.reserve(need, out[1:]); err != nil {
		return nil, err
	}
	for i, h := range c.layers {
		if err := c.put(h, out[1+i], part); err != nil {
			return nil, err
		}
	}
	for i, p := range part {
		c.length[i] += len(p)
	}
	return slices.Collect(slices.Chunk(out[0].Float32, len(out[0].Float32)/b)), nil
}

// reserve makes sure that there are slots for so many tokens. The parts [B K T E] of a
// step tell how large the layers are.
func (c *cache) reserve(need int, parts []nn.Array) error {
	if need <= c.slots {
		return nil
	}
	slots := max(firstSlots, powerOfTwo(need))
	if len(c.layers) > 0 {
		return c.rebuild(slots, nil)
	}
	for _, p := range parts {
		h, err := nn.Hold(c.m.engine, p.Shape[0], p.Shape[1], slots, p.Shape[3])
		if err != nil {
			c.free()
			return err
		}
		c.layers = append(c.layers, h)
	}
	c.slots = slots
	return nil
}

// put writes a part [B K T E] behind what a layer holds of each text.
func (c *cache) put(h *nn.Held, part nn.Array, texts [][]int32) error {
	heads, width, size := part.Shape[1], part.Shape[2], part.Shape[3]
	return h.Access(func(values []float32) {
		for row := range len(texts) * heads {
			i := row / heads
			from := part.Float32[row*width*size:][:len(texts[i])*size]
			copy(values[(row*c.slots+c.length[i])*size:], from)
		}
	})
}

// rebuild moves the texts to layers of so many slots; where keep is not nil, they become
// the texts of these numbers, each of which may come more than once.
func (c *cache) rebuild(slots int, keep []int) error {
	if keep == nil {
		for i := range c.length {
			keep = append(keep, i)
		}
	}
	for n, old := range c.layers {
		heads, size := old.Shape()[1], old.Shape()[3]
		h, err := nn.Hold(c.m.engine, len(keep), heads, slots, size)
		if err != nil {
			return err
		}
		err = old.Access(func(from []float32) {
			err = h.Access(func(to []float32) {
				for i, k := range keep {
					for head := range heads {
						source := from[(k*heads+head)*c.slots*size:][:c.length[k]*size]
						copy(to[(i*heads+head)*slots*size:], source)
					}
				}
			})
		})
		if err = errors.Join(err, old.Free()); err != nil {
			return err
		}
		c.layers[n] = h
	}
	length := make([]int, len(keep))
	for i, k := range keep {
		length[i] = c.length[k]
	}
	c.slots, c.length = slots, length
	return nil
}

// keep leaves the texts of these numbers, each of which may come more than once.
func (c *cache) keep(texts []int) error { return c.rebuild(c.slots, texts) }

// cut forgets all but the first n tokens of the only text.
func (c *cache) cut(n int) { c.length[0] = min(c.length[0], n) }
