package fec

import (
	"encoding/binary"
	"fmt"
)

// A CRC is a cyclic generator polynomial of TS 38.212 clause 5.1.
type CRC struct {
	name  string
	n     int    // parity bits
	poly  uint32 // without its leading term, left-aligned in 32 bits
	table [256]uint32
}

// The polynomials of clause 5.1.
var (
	CRC24A = newCRC("CRC24A", 24, 0x864CFB)
	CRC24B = newCRC("CRC24B", 24, 0x800063)
	CRC24C = newCRC("CRC24C", 24, 0xB2B117)
	CRC16  = newCRC("CRC16", 16, 0x1021)
	CRC11  = newCRC("CRC11", 11, 0x621)
	CRC6   = newCRC("CRC6", 6, 0x21)
)

// CRCs lists them all.
var CRCs = []*CRC{CRC24A, CRC24B, CRC24C, CRC16, CRC11, CRC6}

func newCRC(name string, n int, poly uint32) *CRC {
	c := &CRC{name: name, n: n, poly: poly << (32 - n)}
	for b := range c.table {
		c.table[b] = c.step(uint32(b)<<24, 8)
	}
	return c
}

// step is the register after n more zero bits.
func (c *CRC) step(r uint32, n int) uint32 {
	for range n {
		r = r<<1 ^ c.poly&-(r>>31)
	}
	return r
}

// String is the name in TS 38.212, such as CRC24A.
func (c *CRC) String() string { return c.name }

// Len is the number of parity bits.
func (c *CRC) Len() int { return c.n }

// Sum is the parity of bits, the first parity bit in the highest of Len bits.
func (c *CRC) Sum(bits []byte) uint32 { return c.update(0, bits) >> (32 - c.n) }

// update runs bits through the register r.
func (c *CRC) update(r uint32, bits []byte) uint32 {
	for ; len(bits) >= 8; bits = bits[8:] {
		// The product moves bit i of byte i to bit 63-i.
		octet := binary.LittleEndian.Uint64(bits) * 0x8040201008040201 >> 56
		r = r<<8 ^ c.table[byte(r>>24)^byte(octet)]
	}
	for _, b := range bits {
		r = c.step(r^uint32(b)<<31, 1)
	}
	return r
}

// Append appends bits and their parity to dst.
func (c *CRC) Append(dst, bits []byte) []byte {
	return appendBits(append(dst, bits...), c.Sum(bits), c.n)
}

// Attach writes each block of k bits of src with its parity to dst: [B k] to
// [B k+Len].
func (c *CRC) Attach(dst, src []byte, k int) error {
	blocks, err := batch("bits", len(src), k)
	if err != nil {
		return fmt.Errorf("%s: %w", c, err)
	}
	if len(dst) != blocks*(k+c.n) {
		return fmt.Errorf("%s: room for %d bits; %d blocks of %d bits and %d of parity need %d", c, len(dst), blocks, k, c.n, blocks*(k+c.n))
	}
	for b := range blocks {
		at := dst[b*(k+c.n):]
		c.Append(at[:0], src[b*k:][:k])
	}
	return nil
}

// Holds reports whether bits end in their parity.
func (c *CRC) Holds(bits []byte) bool { return len(bits) >= c.n && c.Sum(bits) == 0 }

func appendBits(dst []byte, word uint32, n int) []byte {
	for i := n - 1; i >= 0; i-- {
		dst = append(dst, byte(word>>i&1))
	}
	return dst
}

// batch is how many blocks of size make length.
func batch(what string, length, size int) (int, error) {
	if size < 1 || length%size != 0 {
		return 0, fmt.Errorf("%d %s are no whole number of blocks of %d", length, what, size)
	}
	return length / size, nil
}
