// Package mapping turns bits into complex symbols and back: pi/2-BPSK, BPSK, QPSK and
// Gray-mapped square QAM up to 1024 points as in 3GPP TS 38.211 clause 5.1.
//
//	err := mapping.QAM16.Map(x, bits)                              // [4 n] -> [n]
//	err = mapping.QAM16.Demap(llrs, y, []float32{n0}, mapping.Exact) // [n] -> [4 n]
//
// A bit is a byte, 0 or 1. Symbols have unit mean power, so Es/N0 is 1/n0, with n0 the
// variance of the complex noise. A soft bit is ln(P(bit=0)/P(bit=1)), as package fec
// takes it. A slice may hold a batch of blocks one after the other; only pi/2-BPSK
// depends on the place in it: each call starts with an even symbol.
package mapping

import "fmt"

// A Scheme is a set of symbols.
type Scheme int

// The schemes of clause 5.1.
const (
	Pi2BPSK Scheme = iota
	BPSK
	QPSK
	QAM16
	QAM64
	QAM256
	QAM1024
)

// Schemes lists them all.
var Schemes = []Scheme{Pi2BPSK, BPSK, QPSK, QAM16, QAM64, QAM256, QAM1024}

var schemeNames = [...]string{"pi/2-BPSK", "BPSK", "QPSK", "16QAM", "64QAM", "256QAM", "1024QAM"}

func (s Scheme) known() bool { return s >= 0 && int(s) < len(schemeNames) }

// String is the name in TS 38.211.
func (s Scheme) String() string {
	if !s.known() {
		return fmt.Sprintf("scheme %d", int(s))
	}
	return schemeNames[s]
}

// ForQm is the scheme with qm bits a symbol, as the MCS tables count them.
func ForQm(qm int) (Scheme, error) {
	for _, s := range Schemes[1:] {
		if s.Qm() == qm {
			return s, nil
		}
	}
	return 0, fmt.Errorf("mapping: %d bits a symbol; there are 1, 2, 4, 6, 8 and 10", qm)
}

// Qm is the number of bits a symbol.
func (s Scheme) Qm() int { return max(1, 2*int(s-BPSK)) }

// Map maps bits to symbols: [n Qm] to [n].
func (s Scheme) Map(x []complex64, bits []byte) error {
	if err := s.check(len(bits), len(x)); err != nil {
		return err
	}
	if s <= BPSK {
		for i, b := range bits {
			v := axes[1].byBits[b&1]
			x[i] = complex(v, v)
			if s == Pi2BPSK && i%2 == 1 {
				x[i] = complex(-v, v)
			}
		}
		return nil
	}
	qm := s.Qm()
	a := axes[qm/2]
	for i := range x {
		var re, im int
		for j := 0; j < qm; j += 2 {
			re, im = re<<1|int(bits[i*qm+j]&1), im<<1|int(bits[i*qm+j+1]&1)
		}
		x[i] = complex(a.byBits[re], a.byBits[im])
	}
	return nil
}

func (s Scheme) check(bits, symbols int) error {
	if !s.known() {
		return fmt.Errorf("mapping: %s; there are %v", s, Schemes)
	}
	if bits != symbols*s.Qm() {
		return fmt.Errorf("mapping: %d bits and %d symbols; %s has %d bits a symbol", bits, symbols, s, s.Qm())
	}
	return nil
}
