// Command gemm writes the assembly of the matrix products.
package main

import (
	"flag"
	"fmt"
	"log"
	"os"
	"strings"

	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/ir"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

func main() {
	build.ConstraintExpr("amd64,!noasm")
	for rows := 1; rows <= 14; rows++ {
		sweepZ("gemmF32Z", rows, false)
	}
	for rows := 1; rows <= 14; rows++ {
		sweepZ("gemmB16Z", rows, true)
	}
	defineMasks()
	for rows := 1; rows <= 6; rows++ {
		sweepY(rows)
	}
	for rows := 1; rows <= 14; rows++ {
		linesZ(rows)
	}
	packLanesZ()
	packPairsZ()
	packStepsZ()
	packStepsY()
	packLanesY()
	peak("gemmPeakF32Z", 30, func(i int) { build.VFMADD231PS(z(30), z(31), z(i)) })
	peak("gemmPeakF32Y", 14, func(i int) { build.VFMADD231PS(y(14), y(15), y(i)) })
	peak("gemmPeakB16Z", 30, func(i int) { vdpbf16ps(30, 31, i, 512) })
	build.Generate()
	tables()
}

// tables adds the loops by number of rows to the declarations, in which the other code
// finds them.
func tables() {
	var b strings.Builder
	for _, t := range []struct {
		name string
		rows int
	}{{"gemmF32Z", 14}, {"gemmB16Z", 14}, {"gemmF32Y", 6}, {"gemmLinesZ", 14}} {
		fmt.Fprintf(&b, "\nvar %s = []func(tile *byte){\n", t.name)
		for rows := 1; rows <= t.rows; rows++ {
			fmt.Fprintf(&b, "\t%s%d,\n", t.name, rows)
		}
		b.WriteString("}\n")
	}
	file, err := os.OpenFile(flag.Lookup("stubs").Value.String(), os.O_APPEND|os.O_WRONLY, 0)
	if err == nil {
		_, err = file.WriteString(b.String())
	}
	if err == nil {
		err = file.Close()
	}
	if err != nil {
		log.Fatal(err)
	}
}

// emit adds an instruction or directive that avo does not know.
func emit(op string, operands ...operand.Op) {
	build.Instruction(&ir.Instruction{Opcode: op, Operands: operands})
}

// align puts the head of a loop on a boundary.
func align() { emit("PCALIGN", operand.Imm(32)) }

func vector(i int, s reg.Spec) reg.Register { return reg.Vector.Lookup(reg.Index(i), s) }

func x(i int) reg.Register { return vector(i, reg.S128) }
func y(i int) reg.Register { return vector(i, reg.S256) }
func z(i int) reg.Register { return vector(i, reg.S512) }

// vdpbf16ps is d += a*b on pairs of bfloat16, registers by number. avo has no
// AVX512_BF16: EVEX.F3.0F38.W0 52 /r (Intel SDM, volume 2, 2.7 for the prefix).
func vdpbf16ps(a, b, d, bits int) {
	bit := func(v, i, at int) int { return (^v >> i & 1) << at }
	p1 := bit(d, 3, 7) | bit(a, 4, 6) | bit(a, 3, 5) | bit(d, 4, 4) | 2
	p2 := (^b&15)<<3 | 1<<2 | 2
	p3 := map[int]int{256: 1, 512: 2}[bits]<<5 | bit(b, 4, 3)
	emit("LONG", operand.U32(0x62|p1<<8|p2<<16|p3<<24))
	emit("WORD", operand.U16(0x52|(0xc0|d&7<<3|a&7)<<8))
}

// peak is a loop of n independent multiply-adds on registers, count times.
func peak(name string, n int, op func(i int)) {
	build.TEXT(name, build.NOSPLIT, "func(count int)")
	build.Load(build.Param("count"), reg.RAX)
	for i := range n + 2 {
		build.VXORPS(y(i), y(i), y(i))
	}
	align()
	build.Label("loop")
	for i := range n {
		op(i)
	}
	build.DECQ(reg.RAX)
	build.JNE(operand.LabelRef("loop"))
	build.VZEROUPPER()
	build.RET()
}
