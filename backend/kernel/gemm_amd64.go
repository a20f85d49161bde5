//go:build amd64 && !noasm

package kernel

import (
	"unsafe"

	"github.com/gomlx/compute/dtypes"
	"golang.org/x/sys/cpu"
)

var (
	gemmZ = &gemmKernel{
		dtype: dtypes.Float32, elem: 4, acc: 4, step: 1, mr: 14, nr: 32, strided: true,
		sweep: byRows(gemmF32Z), lines: byRows(gemmLinesZ), pack: gemmPackWords, peak: gemmPeakF32Z, peakFlop: 30 * 32,
	}
	gemmPairsZ = &gemmKernel{
		dtype: dtypes.Float32, elem: 4, acc: 4, step: 2, mr: 14, nr: 32,
		sweep: byRows(gemmB16Z), pack: gemmPackPairs, peak: gemmPeakB16Z, peakFlop: 30 * 64,
	}
	gemmY = &gemmKernel{
		dtype: dtypes.Float32, elem: 4, acc: 4, step: 1, mr: 6, nr: 16, strided: true,
		sweep: byRows(gemmF32Y), pack: gemmPackWords, peak: gemmPeakF32Y, peakFlop: 14 * 16,
	}
)

// byRows is the loop over a tile of one of the numbers of rows from 1 on.
func byRows(loops []func(tile *byte)) func(rows int, t *Tile) {
	return func(rows int, t *Tile) { loops[rows-1]((*byte)(unsafe.Pointer(t))) }
}

var gemmF32 = choice[*gemmKernel]{gemmGoF32, gemmY, gemmZ}

// gemmFloat returns the kernel of float32 sums of products of type t.
func gemmFloat(t dtypes.DType) *gemmKernel {
	if t == dtypes.BFloat16 && active == avx512 && cpu.X86.HasAVX512BF16 {
		return gemmPairsZ
	}
	return gemmActive()
}

// gemmPackWords packs float32. With AVX2 there are loops for lanes that fill a panel.
func gemmPackWords(dst unsafe.Pointer, width int, src unsafe.Pointer, lane, step, lanes, ks int) {
	switch {
	case lane == 1 && active == avx512:
		gemmPackLanesZ((*byte)(dst), width*4, (*byte)(src), 4, step*4, lanes, ks)
	case lane == 1 && (lanes == 16 || lanes == 6):
		gemmPackLanesY((*byte)(dst), width*4, (*byte)(src), 4, step*4, lanes, ks)
	case lane != 1 && step == 1:
		gemmTranspose(dst, width, src, lane*4, lanes, ks)
	default:
		gemmPackGo[float32](dst, width, src, lane, step, lanes, ks)
	}
}

// gemmTranspose packs words whose k follow each other, lane in bytes. With AVX2 the
// highest lanes come first: they spill over into the lowest of the next k.
func gemmTranspose(dst unsafe.Pointer, width int, src unsafe.Pointer, lane, lanes, ks int) {
	pack, n := gemmPackStepsZ, 16
	if active != avx512 {
		pack, n = gemmPackStepsY, 8
	}
	for i := (lanes - 1) / n * n; i >= 0; i -= n {
		pack((*byte)(unsafe.Add(dst, i*4)), width*4, (*byte)(unsafe.Add(src, i*lane)), lane, 4, min(lanes-i, n), ks)
	}
}

// gemmPackPairs packs bfloat16: dst[k*width+i] holds src[i*lane+2*k*step] and, in its
// upper half, the element of the next k or zero.
func gemmPackPairs(dst unsafe.Pointer, width int, src unsafe.Pointer, lane, step, lanes, ks int) {
	done := ks / 2
	switch {
	case lane == 1:
		gemmPackPairsZ((*byte)(dst), width*4, (*byte)(src), 2, step*2, lanes, done)
	case step == 1:
		gemmTranspose(dst, width, src, lane*2, lanes, done)
	default:
		done = 0
	}
	for k := done; 2*k < ks; k++ {
		for i := range lanes {
			p := unsafe.Add(src, (i*lane+2*k*step)*2)
			v := uint32(*(*uint16)(p))
			if 2*k+1 < ks {
				v |= uint32(*(*uint16)(unsafe.Add(p, step*2))) << 16
			}
			*(*uint32)(unsafe.Add(dst, (k*width+i)*4)) = v
		}
	}
}
