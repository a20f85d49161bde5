package run

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/comlam/comlam/train"
)

// progress tells people how far a run has come: on a terminal one line that is
// rewritten, elsewhere JSON lines.
type progress struct {
	mu    sync.Mutex
	o     Options
	began time.Time
	width int // of the line that stands on the terminal
}

// usualWidth is that of a terminal that does not tell.
const usualWidth = 80

func newProgress(o Options) *progress { return &progress{o: o, began: time.Now()} }

func (p *progress) silent() bool { return p.o.Quiet || p.o.Progress == nil }

// stage says that a stage begins or what it found.
func (p *progress) stage(name, format string, args ...any) {
	if p.silent() {
		return
	}
	text := fmt.Sprintf(format, args...)
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.o.Live {
		p.line(map[string]any{"stage": name, "message": text, "seconds": seconds(p.began)})
		return
	}
	p.wipe()
	fmt.Fprintf(p.o.Progress, "%-16s %s\n", name, text)
}

// training shows one point of a training run.
func (p *progress) training(name string, t train.Point) {
	if p.silent() {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.o.Live {
		p.line(struct {
			Stage string `json:"stage"`
			train.Point
			MiB float64 `json:"mib"`
		}{name, t, math.Round(ResidentMiB())})
		return
	}
	p.wipe()
	text := liveLine(name, t, ResidentMiB(), terminalWidth(p.o.Progress)-1)
	fmt.Fprint(p.o.Progress, text)
	p.width = len(text)
}

// liveLine fits a point into width letters: a line that wraps cannot be rewritten.
// What is least missed goes first.
func liveLine(name string, t train.Point, mib float64, width int) string {
	eta := time.Duration(t.ETA * float64(time.Second)).Round(time.Second)
	parts := []string{
		fmt.Sprintf("%-16s step %d/%d", name, t.Step, t.Steps), fmt.Sprintf("loss %.4f", t.Loss),
		fmt.Sprintf("%.0f samples/s", t.SamplesPS), fmt.Sprintf("%.1f GFLOP/s", t.GFLOPS), fmt.Sprintf("%.0f MiB", mib), fmt.Sprintf("%v left", eta),
	}
	if t.GFLOPS <= 0 {
		parts[3] = ""
	}
	text := ""
	for _, drop := range []int{-1, 3, 4, 2, 1, 5} {
		if drop >= 0 {
			parts[drop] = ""
		}
		text = strings.Join(slices.DeleteFunc(slices.Clone(parts), func(s string) bool { return s == "" }), "  ")
		if len(text) <= width {
			return text
		}
	}
	return text[:max(width, 0)]
}

// finish leaves the terminal on a fresh line.
func (p *progress) finish() {
	if p.silent() || !p.o.Live {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.wipe()
}

func (p *progress) wipe() {
	if p.width > 0 {
		fmt.Fprintf(p.o.Progress, "\r%s\r", strings.Repeat(" ", p.width))
		p.width = 0
	}
}

func (p *progress) line(v any) {
	if data, err := json.Marshal(v); err == nil {
		fmt.Fprintf(p.o.Progress, "%s\n", data)
	}
}

func seconds(since time.Time) float64 { return math.Round(time.Since(since).Seconds()*10) / 10 }

// PeakMiB is the largest resident set of this process so far (VmHWM), in MiB;
// where the system does not tell, what the Go runtime has asked for.
func PeakMiB() float64 { return residency("VmHWM:") }

// ResidentMiB is the resident set of this process now, in MiB.
func ResidentMiB() float64 { return residency("VmRSS:") }

func residency(key string) float64 {
	status, err := os.ReadFile("/proc/self/status")
	if err == nil {
		for line := range strings.Lines(string(status)) {
			if rest, ok := strings.CutPrefix(line, key); ok {
				kib, err := strconv.ParseFloat(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 64)
				if err == nil {
					return kib / 1024
				}
			}
		}
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.Sys) / (1 << 20)
}
