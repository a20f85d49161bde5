package bench

import (
	"encoding/json"
	"fmt"
	"io"
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

	// Of the GPT step, in a process of its own.
	PeakMiB       float64 `json:"peak_mib,omitempty"`        // VmHWM; 0 where the system does not tell
	AllocsPerStep float64 `json:"allocs_per_step,omitempty"` // bytes on Go's heap
	GCShare       float64 `json:"gc_share,omitempty"`        // of the processors' time
	Loss          float64 `json:"loss,omitempty"`            // after the last step
}

// A Head is the first line that a leg prints: what it is.
type Head struct {
	Version string `json:"version"`
	Threads int    `json:"threads"`
	CPU     string `json:"cpu,omitempty"` // kernels in use
	Error   string `json:"error,omitempty"`
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
	if err := print(Head{Version: engine.Name(), Threads: runtime.GOMAXPROCS(0), CPU: backend.Variant()}); err != nil {
		return err
	}
	l := leg{z, engine}
	for _, row := range z.Rows {
		v, err := l.measure(row)
		if err != nil {
			return fmt.Errorf("bench: %s: %w", row, err)
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
	name, n := row, 0
	if i := strings.IndexAny(row, "0123456789"); i > 0 && strings.Trim(row[i:], "0123456789") == "" {
		name = row[:i]
		n, _ = strconv.Atoi(row[i:])
	}
	switch {
	case row == "gpt":
		return l.gpt()
	case row == "demo":
		return l.demo()
	case row == "peak":
		return peakFMA(l.Repeats), nil
	case row == "peak_bf16":
		return peakBF16(l.Repeats), nil
	case row == "copy":
		return l.copying()
	case name == "sgemm" && n > 0:
		return l.product(n, false)
	case name == "bf16_" && n > 0:
		return l.product(n, true)
	case row == "conv2d":
		return l.conv()
	case row == "chain":
		return l.chain()
	case row == "softmax", row == "layernorm", row == "gelu":
		return l.rowwise(row)
	}
	return Value{}, fmt.Errorf("there is no such row")
}

// best is the time of the fastest run, in seconds: of at least repeats, for at least
// so long, after one that does not count.
func best(repeats int, least time.Duration, run func() error) (float64, error) {
	if err := run(); err != nil {
		return 0, err
	}
	fastest, began := time.Duration(1<<62), time.Now()
	for n := 0; n < repeats || time.Since(began) < least; n++ {
		at := time.Now()
		if err := run(); err != nil {
			return 0, err
		}
		fastest = min(fastest, time.Since(at))
	}
	return fastest.Seconds(), nil
}

// least is how long a row is repeated. Rows of the short form stop at once.
func (l leg) least() time.Duration {
	if l.Repeats < 2 {
		return 0
	}
	return 300 * time.Millisecond
}
