package backend

import (
	"runtime"
	"runtime/debug"
	"strings"

	x "golang.org/x/sys/cpu"

	"github.com/comlam/comlam/backend/cpu"
	"github.com/comlam/comlam/backend/kernel"
)

// Variant names the engine and its kernels on this machine, such as "cpu/avx512".
// Results are equal to the bit on one variant only: the order of fused
// multiply-adds differs between them.
func Variant() string {
	switch name := Name(); name {
	case cpu.Name:
		return name + "/" + kernel.Variant()
	case "go":
		return "go/" + goVariant()
	default:
		return name + "/" + runtime.GOARCH
	}
}

// goVariant names the kernels of GoMLX's Go backend, which needs GOEXPERIMENT=simd
// at build time for all but the portable ones.
func goVariant() string {
	switch {
	case !simd():
		return "portable"
	case runtime.GOARCH != "amd64":
		return runtime.GOARCH
	case x.X86.HasAVX512F && x.X86.HasAVX512BW && x.X86.HasAVX512VL && x.X86.HasAVX512DQ:
		return "avx512"
	case x.X86.HasAVX2 && x.X86.HasFMA:
		return "avx2"
	}
	return "portable"
}

func simd() bool {
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
