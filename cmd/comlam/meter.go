package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strings"
	"time"
)

// meter tells how far writing has come, once it takes longer than patience: one
// line that is rewritten on a terminal, JSON lines elsewhere.
type meter struct {
	w       io.Writer // nil: say nothing
	stage   string    // what is being done
	unit    string    // what is counted
	live    bool
	began   time.Time
	now     func() time.Time
	shown   time.Time
	samples float64
	bytes   float64
	done    float64 // bytes so far
	width   int
}

const patience = 2 * time.Second

func newMeter(a *app, samples, bytes uint64) *meter {
	m := &meter{w: a.err, stage: "csi gen", unit: "samples", live: isTerminal(a.err), now: time.Now, samples: float64(samples), bytes: float64(bytes)}
	if a.quiet {
		m.w = nil
	}
	m.began = m.now()
	m.shown = m.began
	return m
}

// newCounter tells how many of n have been done of a stage.
func newCounter(a *app, stage, unit string, n int) *meter {
	m := newMeter(a, uint64(n), uint64(n))
	m.stage, m.unit = stage, unit
	return m
}

// add counts n bytes more.
func (m *meter) add(n int) {
	m.done += float64(n)
	every := 10 * time.Second
	if m.live {
		every = 200 * time.Millisecond
	}
	now := m.now()
	if m.w == nil || now.Sub(m.began) < patience || m.shown != m.began && now.Sub(m.shown) < every {
		return
	}
	m.shown = now
	m.show(now.Sub(m.began).Seconds())
}

func (m *meter) show(seconds float64) {
	drawn := math.Min(m.samples, m.samples*m.done/m.bytes)
	rate := drawn / seconds
	eta := (m.samples - drawn) / rate
	if !m.live {
		line, _ := json.Marshal(map[string]any{
			"stage": m.stage, m.unit: math.Round(drawn), "of": m.samples, m.unit + "_per_s": math.Round(rate), "eta_s": math.Round(eta),
		})
		fmt.Fprintf(m.w, "%s\n", line)
		return
	}
	text := fmt.Sprintf("%.0f of %.0f %s  %.0f %s/s  %v left", drawn, m.samples, m.unit, rate, m.unit, time.Duration(math.Round(eta))*time.Second)
	fmt.Fprintf(m.w, "\r%-*s", m.width, text)
	m.width = len(text)
}

// finish removes the line from the terminal.
func (m *meter) finish() {
	if m.width > 0 {
		fmt.Fprintf(m.w, "\r%s\r", strings.Repeat(" ", m.width))
	}
}
