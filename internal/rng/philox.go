package rng

// Constants of Philox-4x32 (Salmon et al. 2011, table 2): two multipliers and
// the Weyl increments of the key schedule.
const (
	mulA  = 0xD2511F53
	mulB  = 0xCD9E8D57
	weylA = 0x9E3779B9
	weylB = 0xBB67AE85

	rounds = 10
)

// Philox4x32 encrypts a 128-bit counter under a 64-bit key: ten rounds of the
// bijection of Salmon et al. Word 0 of counter and result is the low half of
// lo; key word 0 is the low half of key.
func Philox4x32(lo, hi, key uint64) (uint64, uint64) {
	c0, c1 := uint32(lo), uint32(lo>>32)
	c2, c3 := uint32(hi), uint32(hi>>32)
	k0, k1 := uint32(key), uint32(key>>32)
	for range rounds {
		a := uint64(c0) * mulA
		b := uint64(c2) * mulB
		c0, c1, c2, c3 = uint32(b>>32)^c1^k0, uint32(b), uint32(a>>32)^c3^k1, uint32(a)
		k0 += weylA
		k1 += weylB
	}
	return uint64(c0) | uint64(c1)<<32, uint64(c2) | uint64(c3)<<32
}

// philoxPair encrypts the counters lo and lo+1: two chains of multiplications
// side by side take little longer than one.
func philoxPair(lo, hi, key uint64, out *[4]uint64) {
	c0, c1, c2, c3 := uint32(lo), uint32(lo>>32), uint32(hi), uint32(hi>>32)
	d0, d1, d2, d3 := uint32(lo+1), uint32((lo+1)>>32), c2, c3
	k0, k1 := uint32(key), uint32(key>>32)
	for range rounds {
		a, b := uint64(c0)*mulA, uint64(c2)*mulB
		e, f := uint64(d0)*mulA, uint64(d2)*mulB
		c0, c1, c2, c3 = uint32(b>>32)^c1^k0, uint32(b), uint32(a>>32)^c3^k1, uint32(a)
		d0, d1, d2, d3 = uint32(f>>32)^d1^k0, uint32(f), uint32(e>>32)^d3^k1, uint32(e)
		k0 += weylA
		k1 += weylB
	}
	out[0], out[1] = uint64(c0)|uint64(c1)<<32, uint64(c2)|uint64(c3)<<32
	out[2], out[3] = uint64(d0)|uint64(d1)<<32, uint64(d2)|uint64(d3)<<32
}

// address folds a seed and a path into the 128 bits that name a stream: the
// Philox key and the high half of its counter. Each word is absorbed by one
// whole encryption, so that order, length and every bit of the path count.
func address(seed uint64, path []uint64) (key, hi uint64) {
	const domain = 0x636f6d6c616d2f31 // "comlam/1": another engine version would change it
	key, hi = Philox4x32(seed, domain, 0)
	for _, word := range path {
		key, hi = Philox4x32(word, hi, key)
	}
	return key, hi
}
