// Command phasor writes the loops that add up phasors.
package main

import (
	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// points is how many points of the grid a call handles.
const points = 4

func main() {
	build.ConstraintExpr("amd64,!noasm")
	sumsZ("avx512PairSums4", points)
	sumsZ("avx512PairSums1", 1)
	sumsY("avx2PairSums4", points)
	sumsY("avx2PairSums1", 1)
	build.Generate()
}

const args = "func(out, aRe, aIm, eRe, eIm *float64, num, aStride, eStride, outStride int)"

var (
	out, aRe, aIm, eRe, eIm = reg.RAX, reg.RBX, reg.RCX, reg.RDX, reg.RSI
	num, aStride, eStride   = reg.RDI, reg.R8, reg.R9
	outStride, left         = reg.R10, reg.R11
	rowRe, rowIm            = reg.R12, reg.R13 // of point 3: scales reach 0, 1 and 2 only
)

func vector(i int, s reg.Spec) reg.Register { return reg.Vector.Lookup(reg.Index(i), s) }
func z(i int) reg.Register                  { return vector(i, reg.S512) }
func y(i int) reg.Register                  { return vector(i, reg.S256) }

func begin(name string) {
	build.TEXT(name, build.NOSPLIT, args)
	for _, p := range []struct {
		name string
		to   reg.Register
	}{{"out", out}, {"aRe", aRe}, {"aIm", aIm}, {"eRe", eRe}, {"eIm", eIm}, {"num", num}, {"aStride", aStride}, {"eStride", eStride}, {"outStride", outStride}} {
		build.Load(build.Param(p.name), p.to)
	}
}

// phasor is the memory of the phasor at a point.
func phasor(at, third reg.Register, point int) operand.Mem {
	switch point {
	case 0:
		return operand.Mem{Base: at}
	case 3:
		return operand.Mem{Base: third}
	}
	return operand.Mem{Base: at, Index: eStride, Scale: uint8(point)}
}

// sumsZ adds up eight rows at a number of points, in AVX-512: registers 4p to 4p+3
// hold the four sums of point p. Products and sums are rounded apart, as in Go.
func sumsZ(name string, points int) {
	begin(name)
	if points == 4 {
		build.LEAQ(operand.Mem{Base: eStride, Index: eStride, Scale: 2}, left)
		build.LEAQ(operand.Mem{Base: eRe, Index: left, Scale: 1}, rowRe)
		build.LEAQ(operand.Mem{Base: eIm, Index: left, Scale: 1}, rowIm)
	}
	for i := range 4 * points {
		build.VPXORQ(z(i), z(i), z(i))
	}
	re, im := z(16), z(17)
	build.Label("each")
	build.VMOVUPD(operand.Mem{Base: aRe}, re)
	build.VMOVUPD(operand.Mem{Base: aIm}, im)
	for p := range points {
		c, s := phasor(eRe, rowRe, p), phasor(eIm, rowIm, p)
		for i, f := range []func(to reg.Register){
			func(to reg.Register) { build.VMULPD_BCST(c, re, to) },
			func(to reg.Register) { build.VMULPD_BCST(s, im, to) },
			func(to reg.Register) { build.VMULPD_BCST(s, re, to) },
			func(to reg.Register) { build.VMULPD_BCST(c, im, to) },
		} {
			t := z(18 + (4*p+i)%12)
			f(t)
			build.VADDPD(t, z(4*p+i), z(4*p+i))
		}
	}
	next(points)
	for p := range points {
		rr, ii, ri, ir := z(4*p), z(4*p+1), z(4*p+2), z(4*p+3)
		for _, f := range []func(){
			func() { build.VSUBPD(ii, rr, z(18)) }, func() { build.VADDPD(ir, ri, z(18)) },
			func() { build.VADDPD(ii, rr, z(18)) }, func() { build.VSUBPD(ri, ir, z(18)) },
		} {
			f()
			build.VMOVUPD(z(18), operand.Mem{Base: out})
			build.ADDQ(outStride, out)
		}
	}
	build.VZEROUPPER()
	build.RET()
}

// next moves to the next phasor.
func next(points int) {
	build.ADDQ(aStride, aRe)
	build.ADDQ(aStride, aIm)
	build.ADDQ(operand.I32(8), eRe)
	build.ADDQ(operand.I32(8), eIm)
	if points == 4 {
		build.ADDQ(operand.I32(8), rowRe)
		build.ADDQ(operand.I32(8), rowIm)
	}
	build.DECQ(num)
	build.JNZ(operand.LabelRef("each"))
}

// sumsY does it in AVX2, point by point: two registers for each sum.
func sumsY(name string, points int) {
	begin(name)
	startRe, startIm := reg.R12, reg.R13
	build.MOVQ(aRe, startRe)
	build.MOVQ(aIm, startIm)
	for p := range points {
		label := "each" + string(rune('0'+p))
		if p > 0 {
			build.MOVQ(startRe, aRe)
			build.MOVQ(startIm, aIm)
			build.ADDQ(eStride, eRe)
			build.ADDQ(eStride, eIm)
		}
		build.XORQ(left, left)
		for i := range 8 {
			build.VXORPD(y(i), y(i), y(i))
		}
		build.Label(label)
		build.VBROADCASTSD(operand.Mem{Base: eRe, Index: left, Scale: 8}, y(8))
		build.VBROADCASTSD(operand.Mem{Base: eIm, Index: left, Scale: 8}, y(9))
		for half := range 2 {
			re, im := y(10), y(11)
			build.VMOVUPD(operand.Mem{Base: aRe, Disp: 32 * half}, re)
			build.VMOVUPD(operand.Mem{Base: aIm, Disp: 32 * half}, im)
			for i, pair := range [][2]reg.Register{{re, y(8)}, {im, y(9)}, {re, y(9)}, {im, y(8)}} {
				build.VMULPD(pair[0], pair[1], y(12+i))
				build.VADDPD(y(12+i), y(2*i+half), y(2*i+half))
			}
		}
		build.ADDQ(aStride, aRe)
		build.ADDQ(aStride, aIm)
		build.INCQ(left)
		build.CMPQ(left, num)
		build.JLT(operand.LabelRef(label))
		for i := range 4 {
			for half := range 2 {
				rr, ii, ri, ir := y(half), y(2+half), y(4+half), y(6+half)
				switch i {
				case 0:
					build.VSUBPD(ii, rr, y(12))
				case 1:
					build.VADDPD(ir, ri, y(12))
				case 2:
					build.VADDPD(ii, rr, y(12))
				case 3:
					build.VSUBPD(ri, ir, y(12))
				}
				build.VMOVUPD(y(12), operand.Mem{Base: out, Disp: 32 * half})
			}
			build.ADDQ(outStride, out)
		}
	}
	build.VZEROUPPER()
	build.RET()
}
