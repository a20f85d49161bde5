package fec

import (
	"testing"

	"github.com/comlam/comlam/internal/rng"
)

// syndrome counts the parity checks that a word, punctured columns included, fails.
func syndrome(c *LDPC, word []byte) (failed int) {
	for _, row := range c.rows {
		for z := range c.z {
			var sum byte
			for _, e := range row {
				sum ^= word[e.col*c.z+(z+e.shift)%c.z]
			}
			failed += int(sum)
		}
	}
	return failed
}

// blockOf is the largest block of a lifting size.
func blockOf(g Graph, z int) int {
	if g == BG1 {
		return 22 * z
	}
	for k := min(10*z, shapes[g].maxK); ; k-- {
		if c, err := NewLDPC(g, k); err == nil && c.z == z {
			return k
		}
	}
}

func TestAllParityChecksHold(t *testing.T) {
	sizes := LiftingSizes()
	if len(sizes) != 51 {
		t.Fatalf("%d lifting sizes, want 51", len(sizes))
	}
	for _, g := range []Graph{BG1, BG2} {
		for _, z := range sizes {
			k := blockOf(g, z)
			c, err := NewLDPC(g, k)
			if err != nil || c.z != z {
				t.Fatalf("%s, k = %d: %v, Z = %d, want %d", g, k, err, c.z, z)
			}
			bits := randomBits(rng.New(2, uint64(z)), k)
			coded := make([]byte, c.Len())
			if err := c.Encode(coded, bits); err != nil {
				t.Fatal(err)
			}
			word := append(make([]byte, punctured*z), coded...)
			copy(word, bits)
			if n := syndrome(c, word); n != 0 {
				t.Errorf("%s, Z = %d: %d checks fail", g, z, n)
			}
			word[z/2] ^= 1
			if syndrome(c, word) == 0 {
				t.Errorf("%s, Z = %d: a wrong bit passes", g, z)
			}
		}
	}
}

func TestRateMatchingRoundTrip(t *testing.T) {
	s := rng.New(3)
	for range 200 {
		g := Graph(1 + s.IntN(2))
		c, err := NewLDPC(g, 1+s.IntN(shapes[g].maxK))
		if err != nil {
			t.Fatal(err)
		}
		m := Match{Qm: []int{0, 1, 2, 4, 6, 8, 10}[s.IntN(7)], RV: s.IntN(4)}
		if s.IntN(2) == 0 {
			m.NRef = (c.systematic()-punctured)*c.z + 1 + s.IntN(c.Len())
		}
		m.E = max(m.Qm, 1) * (1 + s.IntN(2*c.Len()/max(m.Qm, 1)))
		coded, sent := randomBits(s, 2*c.Len()), make([]byte, 2*m.E)
		if err := c.Match(sent, coded, m); err != nil {
			t.Fatal(err)
		}
		llrs, soft := make([]float32, len(sent)), make([]float32, len(coded))
		for i, b := range sent {
			llrs[i] = 1 - 2*float32(b)
		}
		if err := c.Combine(soft, llrs, m); err != nil {
			t.Fatal(err)
		}
		var total float32
		for i, v := range soft {
			if v != 0 && (v < 0) != (coded[i] == 1) {
				t.Fatalf("%+v: bit %d came back wrong", m, i)
			}
			total += max(v, -v)
		}
		if int(total) != len(sent) {
			t.Fatalf("%+v: %d of %d bits arrived", m, int(total), len(sent))
		}
	}
}

func TestLDPCRefusals(t *testing.T) {
	for _, err := range []error{
		second(NewLDPC(BG1, 8449)), second(NewLDPC(BG2, 3841)), second(NewLDPC(BG1, 0)), second(NewLDPC(3, 100)),
	} {
		if err == nil {
			t.Error("a bad code was made")
		}
	}
	c, err := NewLDPC(BG2, 100)
	if err != nil {
		t.Fatal(err)
	}
	n := c.Len()
	for name, err := range map[string]error{
		"bits":   c.Encode(make([]byte, n), make([]byte, 99)),
		"room":   c.Encode(make([]byte, n-1), make([]byte, 100)),
		"e":      c.Match(nil, make([]byte, n), Match{}),
		"qm":     c.Match(make([]byte, 99), make([]byte, n), Match{E: 99, Qm: 2}),
		"rv":     c.Match(make([]byte, 99), make([]byte, n), Match{E: 99, RV: 4}),
		"nref":   c.Match(make([]byte, 99), make([]byte, n), Match{E: 99, NRef: 8 * c.z}),
		"coded":  c.Match(make([]byte, 99), make([]byte, n+1), Match{E: 99}),
		"to":     c.Match(make([]byte, 98), make([]byte, n), Match{E: 99}),
		"soft":   c.Combine(make([]float32, n-1), make([]float32, 99), Match{E: 99}),
		"soft e": c.Combine(make([]float32, n), make([]float32, 98), Match{E: 99}),
	} {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func second[T any](_ T, err error) error { return err }
