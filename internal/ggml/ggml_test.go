package ggml

import (
	"slices"
	"testing"

	"github.com/gomlx/compute"
)

// Blocks whose values can be read off. (Random blocks of all formats are held against
// another reader in backend/fuzz.)
func TestDecode(t *testing.T) {
	const two = "\x00\x40" // as a half
	// Q8_0: a scale, 32 signed bytes.
	b := []byte(two)
	var want []float32
	for i := range 32 {
		b = append(b, byte(i-16))
		want = append(want, 2*float32(i-16))
	}
	check(t, compute.GGMLQ8_0, b, want)
	// Q4_0: a scale, 16 bytes with elements i and i+16 in their halves, 8 being zero.
	b, want = []byte(two), make([]float32, 32)
	for i := range 16 {
		b = append(b, byte(i|(15-i)<<4))
		want[i], want[i+16] = 2*float32(i-8), 2*float32(7-i)
	}
	check(t, compute.GGMLQ4_0, b, want)
	// Q6_K: 128 bytes of low bits, 64 of high bits, 16 scales, a scale of these; 32 is zero.
	b = make([]byte, 210)
	for i := range 16 {
		b[192+i] = byte(i - 8)
	}
	b[0], b[128] = 5, 2 // element 0: 5 + 2*16
	copy(b[208:], two)
	want = make([]float32, 256)
	for i := range want {
		want[i] = 2 * float32(i/16-8) * -32
	}
	want[0] = 2 * -8 * (5 + 32 - 32)
	check(t, compute.GGMLQ6_K, b, want)
}

func check(t *testing.T, format compute.GGMLQuantType, block []byte, want []float32) {
	t.Helper()
	if len(block) != format.BytesPerBlock() || len(want) != format.ValuesPerBlock() {
		t.Fatalf("%s: %d bytes for %d values", format, len(block), len(want))
	}
	got := make([]float32, len(want))
	Decode(format, got, block)
	if !slices.Equal(got, want) {
		t.Errorf("%s: got %v\nwant %v", format, got, want)
	}
}
