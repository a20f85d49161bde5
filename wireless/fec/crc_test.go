package fec

import (
	"testing"

	"github.com/comlam/comlam/internal/rng"
)

// longDivision is clause 5.1 as it is written, polynomial by polynomial.
func longDivision(bits []byte, exponents ...int) []byte {
	n := exponents[0]
	rest := append(append([]byte{}, bits...), make([]byte, n)...)
	for i := range bits {
		if rest[i] == 1 {
			for _, e := range exponents {
				rest[i+n-e] ^= 1
			}
		}
	}
	return rest[len(bits):]
}

var exponents = map[*CRC][]int{
	CRC24A: {24, 23, 18, 17, 14, 11, 10, 7, 6, 5, 4, 3, 1, 0},
	CRC24B: {24, 23, 6, 5, 1, 0},
	CRC24C: {24, 23, 21, 20, 17, 15, 13, 12, 8, 4, 2, 1, 0},
	CRC16:  {16, 12, 5, 0},
	CRC11:  {11, 10, 9, 5, 0},
	CRC6:   {6, 5, 0},
}

func TestCRCIsLongDivision(t *testing.T) {
	s := rng.New(4)
	for _, c := range CRCs {
		for n := range 100 {
			bits := randomBits(s, n)
			word := c.Append(nil, bits)
			if string(word[n:]) != string(longDivision(bits, exponents[c]...)) {
				t.Fatalf("%s of %v: %v", c, bits, word[n:])
			}
			if !c.Holds(word) {
				t.Fatalf("%s does not hold for its own word", c)
			}
		}
	}
}

func TestCRCFindsBursts(t *testing.T) {
	s := rng.New(5)
	for _, c := range CRCs {
		word := c.Append(nil, randomBits(s, 60))
		for start := range word {
			for length := 1; length <= min(c.Len(), len(word)-start); length++ {
				bad := append([]byte{}, word...)
				for i := range length { // both ends of the burst are wrong
					if i == 0 || i == length-1 || s.IntN(2) == 1 {
						bad[start+i] ^= 1
					}
				}
				if c.Holds(bad) {
					t.Fatalf("%s misses a burst of %d at %d", c, length, start)
				}
			}
		}
	}
}

func TestAttach(t *testing.T) {
	bits := randomBits(rng.New(6), 30)
	dst := make([]byte, 3*(10+11))
	if err := CRC11.Attach(dst, bits, 10); err != nil {
		t.Fatal(err)
	}
	for b := range 3 {
		if !CRC11.Holds(dst[b*21:][:21]) || string(dst[b*21:][:10]) != string(bits[b*10:][:10]) {
			t.Errorf("block %d: %v", b, dst[b*21:][:21])
		}
	}
	if CRC11.Attach(dst, bits, 7) == nil || CRC11.Attach(dst[1:], bits, 10) == nil {
		t.Error("bad sizes are taken")
	}
	if CRC6.Holds(nil) {
		t.Error("nothing holds")
	}
}

func BenchmarkCRC24A(b *testing.B) {
	bits := randomBits(rng.New(7), 8448)
	for b.Loop() {
		CRC24A.Sum(bits)
	}
	b.ReportMetric(8448*float64(b.N)/b.Elapsed().Seconds()/1e6, "Mbit/s")
}
