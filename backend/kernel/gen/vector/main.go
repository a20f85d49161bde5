// Command vector writes the vector loops of backend/kernel for AVX-512 and AVX2
// from one set of templates.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"go/format"
	"log"
	"os"
	"slices"
	"strings"

	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/ir"
	"github.com/mmcloughlin/avo/pass"
	"github.com/mmcloughlin/avo/printer"
)

func main() {
	log.SetFlags(0)
	flags := flag.NewFlagSet("vector", flag.ExitOnError) // avo has flags of its own
	out, stubs := flags.String("out", "", "assembly file"), flags.String("stubs", "", "file of Go declarations")
	flags.Parse(os.Args[1:])
	c := build.NewContext()
	c.ConstraintExpr("amd64,!noasm")
	g := newGen(c)
	every(g)
	g.widen()
	every(g)
	file, err := c.Result()
	if err == nil {
		err = pass.Compile.Execute(file)
	}
	if err == nil {
		dropSelfMoves(file)
		err = onlyAVX2(file)
	}
	if err != nil {
		log.Fatal(err)
	}
	cfg := printer.Config{Name: "gen/vector", Pkg: "kernel"}
	write(printer.NewGoAsm(cfg), file, *out, "")
	write(printer.NewStubs(cfg), file, *stubs, tables(file)+g.chainNumbers())
}

func every(g *gen) {
	binaries(g)
	unaries(g)
	ternaries(g)
	maths(g)
	pow(g)
	reductions(g)
	conversions(g)
	transpose(g)
	others(g)
	chains(g)
}

// tables are maps of the loops of one, two and three operands by name, in which the
// other code finds them. A loop that returns where it stopped has a function of the
// package math that goes on.
func tables(f *ir.File) string {
	var b strings.Builder
	for i, args := range []string{"(dst, x", "(dst, x, y", "(dst, x, y, z"} {
		want := strings.ReplaceAll(args, ",", " unsafe.Pointer,") + " unsafe.Pointer, n int)"
		fmt.Fprintf(&b, "\nvar asmLoops%d = map[string]choice[Func%[1]d]{\n", i+1)
		for _, fn := range f.Functions() {
			name, ok := strings.CutPrefix(fn.Name, "avx2")
			switch sig := fn.Signature.String(); {
			case ok && sig == want:
				fmt.Fprintf(&b, "\t%q: {avx2: avx2%[1]s, avx512: avx512%[1]s},\n", name)
			case ok && sig == want+" (done int)":
				fmt.Fprintf(&b, "\t%q: {avx2: stopping(avx2%[1]s, math.%[1]s), avx512: stopping(avx512%[1]s, math.%[1]s)},\n", name)
			}
		}
		b.WriteString("}\n")
	}
	return b.String()
}

const imports = `import (
	"math"
	"unsafe"

	"github.com/gomlx/compute"
)
`

func write(p printer.Printer, f *ir.File, name, more string) {
	b, err := p.Print(f)
	b = bytes.Replace(b, []byte("package kernel\n"), []byte("package kernel\n\n"+imports), 1)
	if b = append(b, more...); err == nil && more != "" {
		b, err = format.Source(b)
	}
	if err == nil {
		err = os.WriteFile(name, b, 0o644)
	}
	if err != nil {
		log.Fatal(err)
	}
}

// dropSelfMoves removes moves of a vector register to itself, which the templates
// ask for where an operand dies.
func dropSelfMoves(f *ir.File) {
	for _, fn := range f.Functions() {
		fn.Nodes = slices.DeleteFunc(fn.Nodes, func(n ir.Node) bool {
			i, ok := n.(*ir.Instruction)
			return ok && i.Opcode == "VMOVUPS" && len(i.Operands) == 2 && i.Operands[0] == i.Operands[1]
		})
	}
}

// onlyAVX2 reports a function named for AVX2 that needs more.
func onlyAVX2(f *ir.File) error {
	for _, fn := range f.Functions() {
		for _, isa := range fn.ISA {
			if strings.HasPrefix(fn.Name, "avx2") && strings.HasPrefix(isa, "AVX512") {
				return fmt.Errorf("%s needs %s", fn.Name, isa)
			}
		}
		if !strings.HasPrefix(fn.Name, "avx2") {
			continue
		}
		for _, i := range fn.Instructions() {
			for _, r := range i.Registers() {
				if n := strings.TrimLeft(r.Asm(), "XY"); n != r.Asm() && len(n) == 2 && n > "15" {
					return fmt.Errorf("%s uses %s", fn.Name, r.Asm())
				}
			}
		}
	}
	return nil
}

// fill puts the operands in the places $x and $y of a text.
func fill(doc, x, y string) string {
	return strings.NewReplacer("$x", x, "$y", y).Replace(doc)
}
