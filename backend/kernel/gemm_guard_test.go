//go:build linux

package kernel

import (
	"math/rand/v2"
	"syscall"
	"testing"
	"unsafe"

	"github.com/gomlx/compute/dtypes"
)

// gemmFenced returns n bytes that end at, or begin after, a page without access.
func gemmFenced(t *testing.T, n int, atEnd bool) []byte {
	page := syscall.Getpagesize()
	size := (n + page - 1) / page * page
	mem, err := syscall.Mmap(-1, 0, size+2*page, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { syscall.Munmap(mem) })
	for _, fence := range [][]byte{mem[:page], mem[page+size:]} {
		if err := syscall.Mprotect(fence, syscall.PROT_NONE); err != nil {
			t.Skip(err)
		}
	}
	if atEnd {
		return mem[page+size-n : page+size]
	}
	return mem[page : page+n]
}

// No element outside the operands is read or written.
func TestProductFences(t *testing.T) {
	gemmVariants(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(9, 9))
		for turn := range 300 {
			dtype := []dtypes.DType{dtypes.Float32, dtypes.Float32, dtypes.BFloat16, dtypes.Float16}[turn%4]
			p := &Product{M: 1 + r.IntN(70), N: 1 + r.IntN(70), K: 1 + r.IntN(70), Type: dtype, Out: dtypes.Float32}
			if turn%7 == 0 {
				p.N = 1 + r.IntN(1000)
			}
			if turn%9 == 0 {
				p.M = 1
			}
			view := func(rows, cols, size int) Matrix {
				mem := gemmFenced(t, rows*cols*size, r.IntN(2) == 0)
				m := Matrix{unsafe.Pointer(&mem[0]), cols, 1}
				if r.IntN(2) == 0 {
					m.RowStride, m.ColStride = 1, rows
				}
				return m
			}
			p.A, p.B, p.C = view(p.M, p.K, dtype.Size()), view(p.K, p.N, dtype.Size()), view(p.M, p.N, 4)
			p.Run(nil)
		}
	})
}
