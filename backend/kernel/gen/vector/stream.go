package main

import "github.com/mmcloughlin/avo/operand"

// stream emits a copy that leaves dst out of the caches: it writes past them, and so
// need not read the lines that it fills.
func stream(g *gen) {
	g.begin("Stream", "dst, src unsafe.Pointer, n int", "copies n blocks of 256 bytes past the caches; dst is a multiple of 64")
	dst, src, n := g.param("dst"), g.param("src"), g.param("n")
	loop, end := g.label("loop"), g.label("end")
	g.SUBQ(operand.I32(1), n)
	g.JL(operand.LabelRef(end))
	g.Label(loop)
	size := 4 * g.lanes
	v := make([]op, 256/size)
	for j := range v {
		v[j] = loadF32(g, operand.Mem{Base: src, Disp: j * size}, nil)
	}
	for j := range v {
		g.VMOVNTPS(v[j], operand.Mem{Base: dst, Disp: j * size})
	}
	g.ADDQ(operand.I32(256), src)
	g.ADDQ(operand.I32(256), dst)
	g.SUBQ(operand.I32(1), n)
	g.JGE(operand.LabelRef(loop))
	g.Label(end)
	g.SFENCE()
	g.VZEROUPPER()
	g.RET()
}
