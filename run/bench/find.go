package bench

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/cpu"
)

// pytorch is the program of both PyTorch legs.
//
//go:embed pytorch.py
var pytorch string

// engineVariable chooses the engine of a Go leg, as package backend says.
const engineVariable = "GOMLX_BACKEND"

// What brings a leg that is absent.
const (
	bringPyTorch = "install Debian's python3-torch and libopenblas0-openmp, or name an interpreter in COMLAM_PYTHON"
	bringCurrent = "make an environment with python3 -m venv, install torch in it with pip, and name its interpreter in COMLAM_PYTHON_CURRENT"
	bringGoMLX   = "it needs the Go toolchain and ComLAM's source, or a comlam that was built with GOEXPERIMENT=simd"
)

// legs are all legs. A leg whose programs do not begin is absent.
func legs(self []string, dir string) []*contender {
	ours := newContender(Ours, "", config{program: program{args: self, env: []string{engineVariable}}})
	ours.check = checkOurs
	tuned := newContender(PyTorch, bringPyTorch, pytorchConfigs(interpreters("COMLAM_PYTHON", "/usr/bin/python3", "python3"))...)
	tuned.check = checkTuned
	current := newContender(Current, bringCurrent, currentConfigs(interpreters("COMLAM_PYTHON_CURRENT", "python3"))...)
	current.check = func(_ *contender, h Head) string { return checkCurrent(h, tuned.best.head) }
	gomlx := newContender(GoMLX, bringGoMLX)
	gomlx.find = func(ctx context.Context) ([]config, error) { return gomlxConfigs(ctx, self, dir) }
	gomlx.check = checkGoMLX
	return []*contender{ours, tuned, current, gomlx}
}

func checkOurs(l *contender, h Head) string {
	if h.Engine == "go" {
		l.note = "the engine of this build is GoMLX's: it is compared with itself"
	}
	return ""
}

// tunedVersion is that of Debian's package.
const tunedVersion = "1.13"

// checkTuned notes what keeps PyTorch from being the tuned one.
func checkTuned(l *contender, h Head) string {
	switch {
	case !strings.HasPrefix(h.Version, tunedVersion):
		l.note = "not the tuned configuration, which is version " + tunedVersion
	case !strings.Contains(h.BLAS, "openblas-openmp"):
		l.note = "not the tuned configuration, which has libopenblas0-openmp"
	}
	return ""
}

func checkCurrent(h, tuned Head) string {
	if strings.HasPrefix(h.Version, "1.") {
		return "its version is " + h.Version + ", not a current one"
	}
	if h.Version == tuned.Version {
		return "it is the same as the other PyTorch"
	}
	return ""
}

func checkGoMLX(_ *contender, h Head) string {
	if h.Engine != "go" {
		return fmt.Sprintf("its engine is %q, not GoMLX's go", h.Engine)
	}
	if strings.Contains(h.CPU, "portable") && (cpu.X86.HasAVX2 || cpu.ARM64.HasASIMD) {
		return "it runs without its vector kernels"
	}
	return ""
}

// interpreters are those that a variable names, or else those that are there.
func interpreters(variable string, names ...string) []string {
	if named := os.Getenv(variable); named != "" {
		return []string{named}
	}
	var list []string
	for _, name := range names {
		if file, err := exec.LookPath(name); err == nil && !slices.Contains(list, file) {
			list = append(list, file)
		}
	}
	return list
}

// pytorchConfigs are the interpreters with each choice of OpenBLAS's kernels. The first
// interpreter that has PyTorch is taken.
func pytorchConfigs(pythons []string) []config {
	const core, l2 = "OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"
	var list []config
	for _, python := range pythons {
		add := func(name string, env ...string) {
			list = append(list, config{name: name, of: python, program: program{args: []string{python, "-c", pytorch}, env: env}})
		}
		if os.Getenv(core) != "" || os.Getenv(l2) != "" {
			add("as the environment says")
		}
		add(core+" unset", core, l2)
		for _, kernels := range openblasCores() {
			add(core+"="+kernels, core+"="+kernels)
		}
	}
	return list
}

// openblasCores are the kernels that the processor can run, as OpenBLAS names them.
func openblasCores() []string {
	switch {
	case cpu.X86.HasAVX512F && cpu.X86.HasAVX512DQ && cpu.X86.HasAVX512BW && cpu.X86.HasAVX512VL:
		return []string{"SkylakeX", "Haswell", "Zen"}
	case cpu.X86.HasAVX2 && cpu.X86.HasFMA:
		return []string{"Haswell", "Zen"}
	}
	return nil
}

func currentConfigs(pythons []string) []config {
	var list []config
	for _, python := range pythons {
		list = append(list, config{of: python, program: program{args: []string{python, "-c", pytorch}}})
	}
	return list
}

// gomlxConfigs are the ways to run GoMLX's Go backend. Its default executor can
// deadlock on two cores; the one without workers is what the training of the demo had.
func gomlxConfigs(ctx context.Context, self []string, dir string) ([]config, error) {
	args := self
	if !vectors() {
		file, err := build(ctx, dir)
		if err != nil {
			return nil, err
		}
		args = append([]string{file}, self[1:]...)
	}
	var list []config
	for _, name := range []string{"go:ops_sequential", "go", "go:parallelism=-1", "go:parallelism=0,ops_sequential"} {
		list = append(list, config{name: name, program: program{args: args, env: []string{engineVariable + "=" + name}}})
	}
	list[len(list)-1].only = "demo" // which has its own parallelism
	return list, nil
}

// vectors says whether this program has GoMLX's vector kernels.
func vectors() bool {
	info, ok := debug.ReadBuildInfo()
	return ok && slices.ContainsFunc(info.Settings, func(s debug.BuildSetting) bool {
		return s.Key == "GOEXPERIMENT" && slices.Contains(strings.Split(s.Value, ","), "simd")
	})
}

// build makes this program once more, with GoMLX's vector kernels, from the source
// that the working folder is in.
func build(ctx context.Context, dir string) (string, error) {
	compiler, err := exec.LookPath("go")
	if err != nil {
		return "", errors.New("there is no Go toolchain")
	}
	source, err := checkout(".")
	if err != nil {
		return "", err
	}
	cmd := exec.CommandContext(ctx, compiler, "build", "-buildvcs=false", "-o", dir+string(filepath.Separator), "./cmd/comlam")
	cmd.Dir, cmd.Env = source, environment([]string{"GOEXPERIMENT=simd", "CGO_ENABLED=0"})
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %s", complaint(string(out)))
	}
	return filepath.Join(dir, "comlam"), nil
}

var ourModule = regexp.MustCompile(`(?m)^module github\.com/comlam/comlam$`)

// checkout finds ComLAM's source in a folder or above it.
func checkout(dir string) (string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	for {
		if text, err := os.ReadFile(filepath.Join(dir, "go.mod")); err == nil && ourModule.Match(text) {
			return dir, nil
		}
		above := filepath.Dir(dir)
		if above == dir {
			return "", errors.New("the working folder is not in ComLAM's source")
		}
		dir = above
	}
}

// load is the mean number of processes that wanted to run in the last minute.
func load() float64 {
	text, _ := os.ReadFile("/proc/loadavg")
	first, _, _ := strings.Cut(string(text), " ")
	v, _ := strconv.ParseFloat(first, 64)
	return v
}

// busy says whether more ran than the bench itself, which wants every core.
func busy(load float64, cores int) bool { return load > float64(cores)+1 }

// processor is the name of the processor, where the system tells.
func processor() string {
	text, _ := os.ReadFile("/proc/cpuinfo")
	if m := regexp.MustCompile(`(?m)^model name\s*: (.*)$`).FindSubmatch(text); m != nil {
		return string(m[1])
	}
	return "unknown"
}
