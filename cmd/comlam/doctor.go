package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/sys/cpu"

	"github.com/comlam/comlam/backend"
	"github.com/comlam/comlam/internal/durable"
	"github.com/comlam/comlam/run"
)

// health is what the doctor found. Zero means unknown.
type health struct {
	Platform    string            `json:"platform"`
	Cores       int               `json:"cores"`
	Features    []string          `json:"cpu_features"`
	Kernel      string            `json:"kernel"`
	MemoryMiB   int64             `json:"memory_mib"`
	AvailMiB    int64             `json:"memory_available_mib"`
	DiskFreeMiB int64             `json:"disk_free_mib"`
	Data        string            `json:"data,omitempty"`
	Tools       map[string]string `json:"tools"` // path, empty if absent
	Problems    []string          `json:"problems"`
}

// optionalTools only check our results against those of others; nothing needs them.
var optionalTools = []string{"chromium", "python3"}

func examine() health {
	h := health{
		Platform: runtime.GOOS + "/" + runtime.GOARCH, Cores: runtime.GOMAXPROCS(0), Features: cpuFeatures(),
		Kernel: backend.Variant(), Data: dataFolder(), Tools: map[string]string{}, Problems: []string{},
	}
	h.MemoryMiB, h.AvailMiB = run.Memory()
	if free := durable.OS.Free("."); free > 0 {
		h.DiskFreeMiB = free >> 20
	}
	for _, name := range optionalTools {
		h.Tools[name], _ = exec.LookPath(name)
	}
	h.Problems = append(h.Problems, h.diagnose()...)
	return h
}

// diagnose lists what will hurt, with what would do.
func (h health) diagnose() []string {
	var list []string
	if strings.HasSuffix(h.Kernel, "portable") {
		list = append(list, fmt.Sprintf("engine %s has no vector kernels here; training will be slow", h.Kernel))
	}
	if h.AvailMiB > 0 && h.AvailMiB < 2048 {
		list = append(list, fmt.Sprintf("%d MiB of memory are available, the demo takes up to 2048; close other programs", h.AvailMiB))
	}
	if h.DiskFreeMiB > 0 && h.DiskFreeMiB < 512 {
		list = append(list, fmt.Sprintf("%d MiB are free on this disk; runs keep checkpoints, free some or use -C", h.DiskFreeMiB))
	}
	return list
}

func cpuFeatures() []string {
	list := []string{}
	for _, f := range []struct {
		name string
		has  bool
	}{
		{"avx2", cpu.X86.HasAVX2}, {"fma", cpu.X86.HasFMA}, {"avx512f", cpu.X86.HasAVX512F}, {"avx512vnni", cpu.X86.HasAVX512VNNI},
		{"avx512bf16", cpu.X86.HasAVX512BF16}, {"neon", cpu.ARM64.HasASIMD}, {"sve", cpu.ARM64.HasSVE},
	} {
		if f.has {
			list = append(list, f.name)
		}
	}
	return list
}

// dataFolder is where tests look for public data sets, "" if there is none.
func dataFolder() string {
	for _, dir := range []string{os.Getenv("COMLAM_DATA"), filepath.Join("..", "shared", "data")} {
		if info, err := os.Stat(dir); dir != "" && err == nil && info.IsDir() {
			return dir
		}
	}
	return ""
}

func (a *app) doctorCommand() *cobra.Command {
	return &cobra.Command{
		Use: "doctor", Short: "look at processor, engine, memory, disk and tools", Args: arguments(0, 0, "no argument"),
		Example: "  comlam doctor\n  comlam doctor -q        # problems only\n  comlam doctor --json",
		RunE: func(*cobra.Command, []string) error {
			h := examine()
			if a.json {
				return a.print(h)
			}
			if !a.quiet {
				if err := table(a.out, h.rows()); err != nil {
					return err
				}
			}
			for _, p := range h.Problems {
				fmt.Fprintln(a.out, "problem:", p)
			}
			return nil
		},
	}
}

// rows is what people read.
func (h health) rows() [][]string {
	rows := [][]string{
		{"platform", h.Platform},
		{"processor", fmt.Sprintf("%d cores, %s", h.Cores, orElse(strings.Join(h.Features, " "), "no vector features known"))},
		{"engine", h.Kernel},
		{"memory", mib(h.AvailMiB) + " available of " + mib(h.MemoryMiB)},
		{"disk", mib(h.DiskFreeMiB) + " free here"},
		{"data", orElse(h.Data, "no folder of public data sets (COMLAM_DATA); only some tests look at them")},
	}
	for _, name := range optionalTools {
		rows = append(rows, []string{name, orElse(h.Tools[name], "absent; optional, for comparisons only")})
	}
	return rows
}

func mib(n int64) string {
	if n == 0 {
		return "unknown"
	}
	return fmt.Sprintf("%d MiB", n)
}

func orElse(s, fallback string) string {
	if s == "" {
		return fallback
	}
	return s
}
