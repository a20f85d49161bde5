// Package kernel holds the loops of the engine: matrix products and vector
// operations on raw memory, in AVX-512 and AVX2 assembly and in portable Go.
//
// The assembly is written by the generator in gen, a module of its own, which writes
// that of the radio, too. Which variant runs is chosen once, at start, from what the
// processor has; the environment variable COMLAM_KERNEL=avx2 or portable lowers it. A
// build with the tag noasm, or for another processor, has the portable loops only.
//
// Results are the same bits from run to run and for any number of workers on one
// variant: work is split by shape only and sums follow fixed trees. The variants
// differ from each other in the last bits, because they add in another order.
package kernel

import "os"

// level orders the variants; a higher one includes the lower ones.
type level int

const (
	portable level = iota
	avx2
	avx512
)

var names = [...]string{"portable", "avx2", "avx512"}

// active is the variant that runs.
var active = lowered(detect(), os.Getenv("COMLAM_KERNEL"))

// A choice is a loop, or what else the variants have, by level; zero where the
// portable loops serve.
type choice[F any] [avx512 + 1]F

// Variant names the loops that run here: avx512, avx2 or portable.
func Variant() string { return names[active] }

// lowered is the level asked for by name, but never one that the machine lacks.
func lowered(best level, name string) level {
	for l, n := range names {
		if n == name && level(l) < best {
			return level(l)
		}
	}
	return best
}
