package bench

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/comlam/comlam/backend"
)

// Value is a line that a leg prints: what it measured.
type Value struct {
	Row   string  `json:"row"`
	Value float64 `json:"value"` // the best: seconds, or a rate
	Unit  string  `json:"unit"`
	Note  string  `json:"note,omitempty"` // what a limit of the machine really is

	Config string `json:"config,omitempty"` // of the leg, where there was a choice
	Error  string `json:"error,omitempty"`  // instead of a value

	// Of the GPT step, in a process of its own.
	PeakMiB       float64 `json:"peak_mib,omitempty"`        // VmHWM; 0 where the system does not tell
	AllocsPerStep float64 `json:"allocs_per_step,omitempty"` // bytes on Go's heap
	GCShare       float64 `json:"gc_share,omitempty"`        // of the processors' time
	Loss          float64 `json:"loss,omitempty"`            // after the last step
}

// A Head is the first line that a leg prints: what it is.
type Head struct {
	Engine  string `json:"engine,omitempty"` // of a Go leg: cpu or go
	Version string `json:"version"`
	Threads int    `json:"threads"`
	CPU     string `json:"cpu,omitempty"`   // kernels in use
	BLAS    string `json:"blas,omitempty"`  // of PyTorch: library and kernels
	Wrong   string `json:"wrong,omitempty"` // what it computes wrongly: it does not count
}

// Leg measures the rows of sizes, a JSON object, on the engine that open starts, and
// prints a [Head] and a [Value] for each of them, one JSON object a line.
func Leg(sizes string, open func() (backend.Engine, error), out io.Writer) error {
	var z Sizes
	if err := json.Unmarshal([]byte(sizes), &z); err != nil {
		return fmt.Errorf("bench: read the sizes: %w", err)
	}
	engine, err := open()
	if err != nil {
		return err
	}
	print := json.NewEncoder(out).Encode
	l := leg{z, engine}
	head := Head{Engine: backend.Name(), Version: engine.Description(), Threads: runtime.GOMAXPROCS(0), CPU: backend.Variant()}
	if len(z.Rows) == 0 {
		head.Wrong = l.wrong()
	}
	if err := print(head); err != nil {
		return err
	}
	for _, row := range z.Rows {
		v, err := l.measure(row)
		if err != nil {
			v = Value{Error: err.Error()}
		}
		v.Row = row
		if err := print(v); err != nil {
			return err
		}
	}
	return nil
}

// leg is one engine with what it computes.
type leg struct {
	Sizes
	engine backend.Engine
}

func (l leg) measure(row string) (Value, error) {
	switch {
	case row == "gpt":
		return l.gpt()
	case row == "demo":
		return l.demo()
	case row == "peak":
		return l.peakFMA(), nil
	case row == "peak_bf16":
		return l.peakBF16(), nil
	case row == "copy":
		return l.copying()
	case strings.HasPrefix(row, "sgemm"), strings.HasPrefix(row, "bf16_"):
		number, half := strings.CutPrefix(row, "bf16_")
		if n, err := strconv.Atoi(strings.TrimPrefix(number, "sgemm")); err == nil && n > 0 {
			return l.product(n, half)
		}
	case row == "conv2d":
		return l.conv()
	case row == "chain":
		return l.chain()
	case row == "softmax", row == "layernorm", row == "gelu":
		return l.rowwise(row)
	}
	return Value{}, fmt.Errorf("there is no such row")
}

// best is the time of the fastest run, in seconds, after one that does not count.
func (z Sizes) best(run func() error) (float64, error) {
	if err := run(); err != nil {
		return 0, err
	}
	fastest, began := math.Inf(1), time.Now()
	for n := 0; n == 0 || z.goOn(n, time.Since(began).Seconds()); n++ {
		at := time.Now()
		if err := run(); err != nil {
			return 0, err
		}
		fastest = min(fastest, time.Since(at).Seconds())
	}
	return fastest, nil
}

// goOn says whether there is to be another run after n of them that took so long.
func (z Sizes) goOn(n int, seconds float64) bool {
	return seconds < z.Most && (n < z.Repeats || seconds < z.Least)
}
