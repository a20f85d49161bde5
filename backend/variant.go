package backend

import (
	"runtime"
	"runtime/debug"
	"strings"

	"golang.org/x/sys/cpu"
)

// Variant names the kernels that the engine runs on this machine, such as
// "go/avx512". Results are equal to the bit on one variant only: the order of
// fused multiply-adds differs between them.
func Variant() string {
	if !SIMD() {
		return "go/portable-" + runtime.GOARCH
	}
	switch {
	case runtime.GOARCH != "amd64":
		return "go/" + runtime.GOARCH
	case cpu.X86.HasAVX512F && cpu.X86.HasAVX512BW && cpu.X86.HasAVX512VL && cpu.X86.HasAVX512DQ:
		return "go/avx512"
	case cpu.X86.HasAVX2 && cpu.X86.HasFMA:
		return "go/avx2"
	}
	return "go/portable-amd64"
}

// SIMD says whether the program was built with GOEXPERIMENT=simd, without which
// matrix products are 8 to 20 times slower.
func SIMD() bool {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return false
	}
	for _, s := range info.Settings {
		if s.Key == "GOEXPERIMENT" {
			return strings.Contains(","+s.Value+",", ",simd,")
		}
	}
	return false
}
