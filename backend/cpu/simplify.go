package cpu

import (
	"bytes"
	"slices"

	"github.com/gomlx/compute"
)

// simplifier rewrites what gradients leave behind: sums of padded parts, which are
// joined, and transposes of products, which are products the other way round.
type simplifier struct {
	*compiler
	uses map[*node]int
	list []*node
}

func (c *compiler) simplify() {
	s := &simplifier{compiler: c, uses: map[*node]int{}}
	for _, n := range c.outputs {
		s.uses[n]++
	}
	for _, n := range c.order {
		for _, in := range n.in {
			s.uses[in]++
		}
	}
	for _, n := range c.order {
		switch n.op {
		case compute.OpTypeTranspose:
			s.transposed(n)
		case compute.OpTypeAdd:
			s.joined(n)
		}
		s.list = append(s.list, n)
	}
	c.order = c.alive(s.list)
}

// transposed makes the transpose of a product, if nothing else reads that, a product
// with its operands exchanged.
func (s *simplifier) transposed(n *node) {
	d := n.in[0]
	if d.op != compute.OpTypeDotGeneral || s.uses[d] > 1 || d.shape.Rank() != 2 {
		return
	}
	a := d.attr.(dotAttr)
	if len(a.lhsBatch) > 0 || d.in[0].shape.Rank() != len(a.lhsContract)+1 {
		return
	}
	n.op, n.in = compute.OpTypeDotGeneral, []*node{d.in[1], d.in[0]}
	n.attr = dotAttr{lhsContract: a.rhsContract, rhsContract: a.lhsContract}
}

// part is a value with zeros around it along one axis.
type part struct {
	x           *node
	axis        int
	start, end  int // elements of zeros before and after
	zero, whole *node
}

// partOf reads a Pad with zeros of one axis.
func partOf(n *node) (p part, ok bool) {
	if n.op != compute.OpTypePad || n.in[1].op != compute.OpTypeConstant || len(bytes.Trim(n.in[1].attr.([]byte), "\x00")) > 0 {
		return p, false
	}
	p = part{x: n.in[0], axis: -1, zero: n.in[1], whole: n}
	for i, a := range n.attr.(padAttr).axes {
		switch {
		case a == compute.PadAxis{}:
		case p.axis >= 0 || a.Interior != 0 || a.Start < 0 || a.End < 0:
			return p, false
		default:
			p.axis, p.start, p.end = i, a.Start, a.End
		}
	}
	return p, p.axis >= 0
}

// joined makes the sum of two neighbouring parts one part. (Zeros lose their sign in
// the sum and keep it here.)
func (s *simplifier) joined(n *node) {
	a, okA := partOf(n.in[0])
	b, okB := partOf(n.in[1])
	if !okA || !okB || a.axis != b.axis || s.uses[a.whole] > 1 || s.uses[b.whole] > 1 {
		return
	}
	if b.start < a.start {
		a, b = b, a
	}
	dims := n.shape.Dimensions
	if a.start+a.x.shape.Dimensions[a.axis] != b.start {
		return
	}
	join := &node{op: compute.OpTypeConcatenate, shape: n.shape.Clone(), attr: axisAttr{a.axis}, fn: n.fn}
	join.shape.Dimensions[a.axis] = dims[a.axis] - a.start - b.end
	for _, p := range []part{a, b} {
		if p.x.op == compute.OpTypeConcatenate && p.x.attr == any(axisAttr{a.axis}) && s.uses[p.x] <= 1 {
			join.in = append(join.in, p.x.in...)
			continue
		}
		join.in = append(join.in, p.x)
	}
	if a.start == 0 && b.end == 0 {
		n.op, n.attr, n.in = join.op, join.attr, join.in
		return
	}
	s.list = append(s.list, join)
	s.uses[join]++
	pad := slices.Clone(a.whole.attr.(padAttr).axes)
	pad[a.axis] = compute.PadAxis{Start: a.start, End: b.end}
	n.op, n.attr, n.in = compute.OpTypePad, padAttr{pad}, []*node{join, a.zero}
}
