// Package rng draws reproducible random numbers. A draw depends only on the
// seed, the path of the stream and the position in it, never on which
// goroutine asks, how many there are or what was drawn elsewhere:
//
//	s := rng.New(seed, sampleIndex, cluster)   // one stream per thing that is random
//	phase := s.Uniform(-math.Pi, math.Pi)
//
// The generator is Philox-4x32-10 (Salmon, Moraes, Dror, Shaw, "Parallel random
// numbers: as easy as 1, 2, 3", SC 2011): a counter encrypted under a key. Seed
// and path are folded into the key and the upper half of the counter, 128 bits
// in all, so streams of different paths do not meet in practice; the lower half
// of the counter is the position, 2^65 words long.
//
// Integer draws are equal on every machine. Float64 and Uniform too; Normal
// uses exp and log in its tail, which may differ in the last bit between CPU
// architectures.
//
// A Stream is not safe for concurrent use: give each goroutine its own path.
package rng

import (
	"math"
	"math/bits"
)

// blocksPerFill trades the latency of one block, which the CPU hides behind the
// next, against words that a short stream never uses.
const (
	blocksPerFill = 8
	wordsPerFill  = 2 * blocksPerFill
)

// Stream is one sequence of random words. The zero value is the stream with
// key zero; make streams with New or Reset.
type Stream struct {
	key, hi uint64
	block   uint64 // number of the next block to encrypt
	left    int    // words not yet drawn, at the end of words
	words   [wordsPerFill]uint64
}

// New returns the stream at path under seed. Streams of different seeds or
// paths are independent; the path is sensitive to order and length.
func New(seed uint64, path ...uint64) *Stream {
	s := new(Stream)
	s.Reset(seed, path...)
	return s
}

// Reset moves s to the start of the stream at path under seed, as New would,
// without allocating.
func (s *Stream) Reset(seed uint64, path ...uint64) {
	s.key, s.hi = address(seed, path)
	s.block, s.left = 0, 0
}

// Uint64 returns 64 uniform bits. With it a Stream is a math/rand/v2 Source.
func (s *Stream) Uint64() uint64 {
	if s.left == 0 {
		s.fill()
	}
	w := s.words[(wordsPerFill-s.left)%wordsPerFill]
	s.left--
	return w
}

func (s *Stream) fill() {
	for i := 0; i < wordsPerFill; i += 4 {
		philoxPair(s.block, s.hi, s.key, (*[4]uint64)(s.words[i:]))
		s.block += 2
	}
	s.left = wordsPerFill
}

// Float64 returns a uniform number in [0, 1), a multiple of 2^-53.
func (s *Stream) Float64() float64 { return float64(s.Uint64()>>11) * 0x1p-53 }

// Uniform returns a uniform number between lo and hi; lo where both are equal.
func (s *Stream) Uniform(lo, hi float64) float64 { return lo + (hi-lo)*s.Float64() }

// ComplexNormal returns a circular complex Gaussian z with E|z|^2 = 1, that is
// with variance 1/2 in each of the real and imaginary parts.
func (s *Stream) ComplexNormal() complex128 {
	re := s.Normal()
	im := s.Normal()
	return complex(re*(1/math.Sqrt2), im*(1/math.Sqrt2))
}

// IntN returns a uniform integer in 0..n-1, without bias. For n < 1 there is no
// such integer and it returns 0.
func (s *Stream) IntN(n int) int {
	if n <= 1 {
		return 0
	}
	for {
		v, rest := bits.Mul64(s.Uint64(), uint64(n))
		if fair(rest, uint64(n)) {
			return int(v)
		}
	}
}

// fair reports whether a word that was scaled by n, with this rest, is one of
// the words that hit every integer equally often (Lemire 2019, "Fast random
// integer generation in an interval"). The division is rarely reached.
func fair(rest, n uint64) bool { return rest >= n || rest >= -n%n }

// Perm returns a uniform permutation of 0..n-1.
func (s *Stream) Perm(n int) []int {
	p := make([]int, max(n, 0))
	s.PermInto(p)
	return p
}

// PermInto fills p with a uniform permutation of 0..len(p)-1; the same one that
// Perm(len(p)) returns. One word serves several steps of the shuffle, still
// without bias (Brackett-Rozinsky and Lemire, arXiv:2408.06213).
func (s *Stream) PermInto(p []int) {
	const limit = 1 << 40 // keeps a redraw below one in 2^24
	for start := 0; start < len(p); {
		end, product := start+1, uint64(start+1)
		for end < len(p) && product*uint64(end+1) <= limit {
			end++
			product *= uint64(end)
		}
		word := s.Uint64()
		rest := word
		for i := start; i < end; i++ {
			_, rest = bits.Mul64(rest, uint64(i+1))
		}
		if !fair(rest, product) {
			continue
		}
		for i := start; i < end; i++ {
			var j uint64
			j, word = bits.Mul64(word, uint64(i+1))
			p[i] = p[j]
			p[j] = i
		}
		start = end
	}
}
