// Package ggml reads the number formats of GGML: blocks of small integers that share
// scales.
package ggml

import (
	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes/float16"
)

func half(b []byte) float32 { return float16.FromBits(uint16(b[0]) | uint16(b[1])<<8).Float32() }

// Decode writes the values of one block b of t.BytesPerBlock bytes to dst, of
// t.ValuesPerBlock (ggml-quants.c of github.com/ggml-org/ggml).
func Decode(t compute.GGMLQuantType, dst []float32, b []byte) {
	switch t {
	case compute.GGMLQ8_0: // d 2, q 32
		d := half(b)
		for i := range dst {
			dst[i] = d * float32(int8(b[2+i]))
		}
	case compute.GGMLQ4_0, compute.GGMLIQ4NL: // d 2, q 16: lower halves first
		d := half(b)
		for i := range 16 {
			lo, hi := b[2+i]&15, b[2+i]>>4
			if t == compute.GGMLQ4_0 {
				dst[i], dst[i+16] = d*float32(int(lo)-8), d*float32(int(hi)-8)
			} else {
				dst[i], dst[i+16] = d*compute.IQ4NLLookupTable[lo], d*compute.IQ4NLLookupTable[hi]
			}
		}
	default:
		decodeK(t, dst, b)
	}
}

// decodeK does the formats of 256 values in 16 groups, each with a scale and, in
// some, a value that is taken away.
func decodeK(t compute.GGMLQuantType, dst []float32, b []byte) {
	for g := range 16 {
		y := dst[16*g : 16*g+16]
		half128, pair, odd := g/8, g%8/2, g%2*16 // of 128 values, of 32, of 16
		var mul, sub float32
		switch t {
		case compute.GGMLQ2_K: // scales 16, q 64, d 2, dmin 2
			mul, sub = half(b[80:])*float32(b[g]&15), half(b[82:])*float32(b[g]>>4)
			for l, q := range b[16+half128*32+odd:][:16] {
				y[l] = float32(q >> (2 * pair) & 3)
			}
		case compute.GGMLQ3_K: // high bits 32, q 64, scales 12, d 2
			s := b[96:108]
			scale := int(s[g%8]>>(g/8*4)&15) | int(s[8+g%4]>>(g/4*2)&3)<<4
			mul = half(b[108:]) * float32(scale-32)
			for l, q := range b[32+half128*32+odd:][:16] {
				y[l] = float32(int(q>>(2*pair)&3) + int(b[odd+l]>>(half128*4+pair)&1)*4 - 4)
			}
		case compute.GGMLQ4_K, compute.GGMLQ5_K: // d 2, dmin 2, scales 12, (high bits 32,) q 128
			scale, low := scaleMin(b[4:16], g/2)
			mul, sub = half(b)*scale, half(b[2:])*low
			five := (len(b) - 144) / 32 // 0 or 1
			for l, q := range b[16+32*five+g/4*32+odd:][:16] {
				y[l] = float32(int(q>>(g/2%2*4)&15) + five*int(b[16+odd+l]>>(g/2)&1)*16)
			}
		case compute.GGMLQ6_K: // low bits 128, high bits 64, scales 16, d 2
			mul = half(b[208:]) * float32(int8(b[192+g]))
			for l, q := range b[half128*64+pair%2*32+odd:][:16] {
				high := b[128+half128*32+odd+l] >> (2 * pair) & 3
				y[l] = float32(int(q>>(pair/2*4)&15) + int(high)*16 - 32)
			}
		}
		for l, q := range y {
			y[l] = float32(mul*q) - sub
		}
	}
}

// scaleMin unpacks the 6 bits of scale and minimum j of Q4_K and Q5_K.
func scaleMin(s []byte, j int) (scale, low float32) {
	if j < 4 {
		return float32(s[j] & 63), float32(s[j+4] & 63)
	}
	return float32(s[j+4]&15 | s[j-4]>>6<<4), float32(s[j+4]>>4 | s[j]>>6<<4)
}
