package ofdm

import "math"

// Gold is the pseudo-random sequence c(from), c(from+1), ... of TS 38.211 clause
// 5.2.1, of which init is c_init, with 31 bits.
func Gold(c []byte, init uint32, from int) {
	// Each register holds x(n) to x(n+30), x(n) lowest.
	x1, x2 := uint32(1), init&(1<<31-1)
	step := func() byte {
		bit := byte((x1 ^ x2) & 1)
		x1 |= (x1>>3 ^ x1) & 1 << 31
		x2 |= (x2>>3 ^ x2>>2 ^ x2>>1 ^ x2) & 1 << 31
		x1, x2 = x1>>1, x2>>1
		return bit
	}
	const skipped = 1600 // N_C
	for range skipped + from {
		step()
	}
	for i := range c {
		c[i] = step()
	}
}

// goldQPSK is r(from), r(from+1), ... of clause 7.4.1.1.1: two bits of the sequence a
// symbol.
func goldQPSK(r []complex128, init uint32, from int) {
	bits := make([]byte, 2*len(r))
	Gold(bits, init, 2*from)
	for i := range r {
		r[i] = complex((1-2*float64(bits[2*i]))/math.Sqrt2, (1-2*float64(bits[2*i+1]))/math.Sqrt2)
	}
}
