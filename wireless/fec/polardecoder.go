package fec

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

// maxList is the longest list of a decoder.
const maxList = 1024

// A PolarDecoder decodes by successive cancellation of a list (I. Tal, A. Vardy, "List
// decoding of polar codes", IEEE Trans. Inf. Theory 61, 2015), with log-likelihood
// ratios and the min-sum rule (A. Balatsoukas-Stimming, M. Bastani Parizi, A. Burg,
// "LLR-based successive cancellation list decoding of polar codes", 2015); the CRC
// chooses from the list. The metric of a path is the sum of |LLR| over the coded bits
// that it decides against (exact: the negative logarithm of its probability), so a
// list that holds every word finds the most likely.
//
// It is a workspace: one a goroutine.
type PolarDecoder struct {
	code *Polar
	tree *tree
	llrs []float32
	word []byte
	data []byte
	in   []byte
}

// PolarDecoderConfig says how to decode. The zero value is a list of 8 with the min-sum
// rule.
type PolarDecoderConfig struct {
	List  int  // paths; 0 is 8, 1 is plain successive cancellation
	Exact bool // the exact log-likelihood ratio of a sum of bits and its metric, slower
}

// NewDecoder returns a decoder of the code.
func (p *Polar) NewDecoder(config PolarDecoderConfig) (*PolarDecoder, error) {
	if config.List == 0 {
		config.List = 8
	}
	if config.List < 1 || config.List > maxList {
		return nil, fmt.Errorf("polar: list of %d paths; use 1 to %d", config.List, maxList)
	}
	return &PolarDecoder{
		code: p, tree: newTree(p.core, config), llrs: make([]float32, p.core.n),
		word: make([]byte, p.core.n), data: make([]byte, 0, p.core.n), in: make([]byte, p.k),
	}, nil
}

// Decode decodes soft bits to blocks: [B E] to [B A]. It reports for each whether the
// CRC holds; where no path of the list passes, the bits are those of the best path.
func (d *PolarDecoder) Decode(block []byte, llrs []float32) ([]bool, error) {
	p := d.code
	blocks, err := batch("soft bits", len(llrs), p.config.E)
	if err != nil {
		return nil, fmt.Errorf("polar: %w", err)
	}
	if len(block) != blocks*p.config.A {
		return nil, fmt.Errorf("polar: room for %d bits; %d blocks have %d", len(block), blocks, blocks*p.config.A)
	}
	held := make([]bool, blocks)
	for b := range held {
		if err := d.load(llrs[b*p.config.E:][:p.config.E]); err != nil {
			return nil, fmt.Errorf("polar: block %d: %w", b, err)
		}
		held[b] = d.choose(block[b*p.config.A:][:p.config.A])
	}
	return held, nil
}

// load adds the soft bits up where they belong.
func (d *PolarDecoder) load(llrs []float32) error {
	clear(d.llrs)
	for i, to := range d.code.places {
		if llrs[i] != llrs[i] {
			return fmt.Errorf("soft bit %d is not a number", i)
		}
		d.llrs[to] += min(max(llrs[i], -limit), limit)
	}
	for _, to := range d.code.short {
		d.llrs[to] = certain
	}
	return nil
}

// choose decodes and writes the best block.
func (d *PolarDecoder) choose(block []byte) bool {
	order := d.tree.decode(d.llrs)
	for _, path := range order {
		if d.path(path, block) {
			return true
		}
	}
	d.path(order[0], block)
	return false
}

// path writes the bits of one path and says whether its CRC holds.
func (d *PolarDecoder) path(path int, block []byte) bool {
	p := d.code
	copy(d.word, d.tree.word(path))
	transform(d.word)
	data := d.data[:0]
	for i, b := range d.word {
		if !p.core.frozen[i] && (p.core.check == nil || !p.core.check[i]) {
			data = append(data, b)
		}
	}
	copy(d.in, data)
	for i, to := range p.input {
		d.in[to] = data[i]
	}
	copy(block, d.in)
	parity := p.parity(block)
	for _, b := range slices.Backward(d.in[len(block):]) {
		if uint32(b) != parity&1 {
			return false
		}
		parity >>= 1
	}
	return true
}

// A tree walks the code depth first, all paths at the same time. At depth v a path has
// N/2^v soft bits and, of the left half of its node, half as many decided bits. Both
// are written for all paths at once, so that a path which forks shares them by number
// and nothing is copied.
type tree struct {
	core
	list  int
	exact bool
	paths int // alive: 0 to paths-1
	soft  [][][]float32
	left  [][][]byte
	right [][][]byte
	// whose arrays a path uses, by depth
	softOf, leftOf [][]int
	metric         []float32
	register       []byte // of the parity checks
	dead           []int  // frozen bits before a place, to find frozen nodes
	forks, second  []fork
	stays          []bool
	order          []int
}

// A fork is a path that goes on with a bit.
type fork struct {
	metric float32
	path   int
	bit    byte
}

func newTree(c core, config PolarDecoderConfig) *tree {
	list := config.List
	t := &tree{core: c, list: list, exact: config.Exact, metric: make([]float32, list), register: make([]byte, list), stays: make([]bool, list), dead: make([]int, c.n+1)}
	for i, f := range c.frozen {
		t.dead[i+1] = t.dead[i]
		if f {
			t.dead[i+1]++
		}
	}
	for size := c.n; size > 0; size /= 2 {
		soft, left, right := make([][]float32, list), make([][]byte, list), make([][]byte, list)
		for l := range list {
			soft[l], left[l], right[l] = make([]float32, size), make([]byte, size), make([]byte, size)
		}
		t.soft, t.left, t.right = append(t.soft, soft), append(t.left, left), append(t.right, right)
		t.softOf, t.leftOf = append(t.softOf, make([]int, list)), append(t.leftOf, make([]int, list))
	}
	return t
}

// decode returns the paths, the best first.
func (t *tree) decode(llrs []float32) []int {
	t.paths, t.metric[0], t.register[0] = 1, 0, 0
	for v := range t.softOf {
		t.softOf[v][0], t.leftOf[v][0] = 0, 0
	}
	copy(t.soft[0][0], llrs)
	t.node(0, 0, t.right[0])
	t.order = t.order[:0]
	for l := range t.paths {
		t.order = append(t.order, l)
	}
	slices.SortStableFunc(t.order, func(a, b int) int { return cmp.Compare(t.metric[a], t.metric[b]) })
	return t.order
}

// word is the coded bits that a path decided.
func (t *tree) word(path int) []byte { return t.right[0][path] }

// node decides the bits from place on at depth v into out, for all paths.
func (t *tree) node(v, place int, out [][]byte) {
	size := t.n >> v
	if t.dead[place+size]-t.dead[place] == size {
		t.freeze(v, size, out)
		return
	}
	if size == 1 {
		t.leaf(v, place, out)
		return
	}
	half := size / 2
	for l := range t.paths {
		from := t.soft[v][t.softOf[v][l]]
		t.lessCertain(t.soft[v+1][l][:half], from[:half], from[half:size])
		t.softOf[v+1][l] = l
	}
	t.node(v+1, place, t.left[v+1])
	for l := range t.paths {
		t.leftOf[v+1][l] = l
	}
	for l := range t.paths {
		from := t.soft[v][t.softOf[v][l]]
		moreCertain(t.soft[v+1][l][:half], from[:half], from[half:size], t.left[v+1][l])
		t.softOf[v+1][l] = l
	}
	t.node(v+1, place+half, t.right[v+1])
	for l := range t.paths {
		a, b := t.left[v+1][t.leftOf[v+1][l]], t.right[v+1][l]
		to := out[l][:size]
		for i := range half {
			to[i] = a[i] ^ b[i]
		}
		copy(to[half:], b[:half])
	}
}

// lessCertain is the soft bit of a sum of two bits.
func (t *tree) lessCertain(to, a, b []float32) {
	a, b = a[:len(to)], b[:len(to)]
	if t.exact {
		for i := range to {
			to[i] = boxplus(a[i], b[i])
		}
		return
	}
	for i := range to {
		x, y := math.Float32bits(a[i]), math.Float32bits(b[i])
		// Magnitudes of floats order as their bits do.
		to[i] = math.Float32frombits(min(x&^(1<<31), y&^(1<<31)) | (x^y)&(1<<31))
	}
}

// moreCertain is the soft bit of the second of two bits whose sum is known.
func moreCertain(to, a, b []float32, sum []byte) {
	a, b, sum = a[:len(to)], b[:len(to)], sum[:len(to)]
	for i := range to {
		to[i] = b[i] + math.Float32frombits(math.Float32bits(a[i])^uint32(sum[i])<<31)
	}
}

// freeze decides a node without data: zeros, whatever the soft bits say.
func (t *tree) freeze(v, size int, out [][]byte) {
	for l := range t.paths {
		for _, x := range t.soft[v][t.softOf[v][l]][:size] {
			t.metric[l] += t.against(x, 0)
		}
		clear(out[l][:size])
		for range size % 5 {
			t.register[l] = turn(t.register[l])
		}
	}
}

// leaf decides the bit at a place.
func (t *tree) leaf(v, place int, out [][]byte) {
	if t.check != nil {
		for l := range t.paths {
			t.register[l] = turn(t.register[l])
		}
		if t.check[place] {
			for l := range t.paths {
				out[l][0] = t.register[l] & 1
				t.metric[l] += t.against(t.soft[v][t.softOf[v][l]][0], out[l][0])
			}
			return
		}
	}
	t.forks = t.forks[:0]
	for l := range t.paths {
		x := t.soft[v][t.softOf[v][l]][0]
		for bit := range byte(2) {
			t.forks = append(t.forks, fork{t.metric[l] + t.against(x, bit), l, bit})
		}
	}
	if len(t.forks) > t.list {
		sortForks(t.forks)
		t.forks = t.forks[:t.list]
	}
	t.survive(out)
}

// sortForks puts the least metric first; equal ones keep their order.
func sortForks(forks []fork) {
	if len(forks) > 64 {
		slices.SortStableFunc(forks, func(a, b fork) int { return cmp.Compare(a.metric, b.metric) })
		return
	}
	for i := 1; i < len(forks); i++ {
		f, j := forks[i], i
		for ; j > 0 && forks[j-1].metric > f.metric; j-- {
			forks[j] = forks[j-1]
		}
		forks[j] = f
	}
}

// against is what deciding for bit costs.
func (t *tree) against(x float32, bit byte) (cost float32) {
	if (x < 0) != (bit == 1) {
		cost = abs(x)
	}
	if t.exact {
		cost += soften(abs(x))
	}
	return cost
}

// survive makes the forks the paths. The first fork of a path stays in its place,
// the second gets the place of a path that ends, or a new one.
func (t *tree) survive(out [][]byte) {
	alive := len(t.forks)
	clear(t.stays)
	t.second = t.second[:0]
	for _, f := range t.forks {
		if t.stays[f.path] {
			t.second = append(t.second, f)
			continue
		}
		t.stays[f.path] = true
		t.metric[f.path], out[f.path][0] = f.metric, f.bit
	}
	next := 0
	for _, f := range t.second {
		for t.stays[next] {
			next++
		}
		t.stays[next] = true
		for v := range t.softOf {
			t.softOf[v][next], t.leftOf[v][next] = t.softOf[v][f.path], t.leftOf[v][f.path]
		}
		t.metric[next], out[next][0] = f.metric, f.bit
		t.register[next] = t.register[f.path]
	}
	t.paths = alive
	for l := range t.paths {
		t.register[l] ^= out[l][0]
	}
}
