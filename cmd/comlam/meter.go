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
	before  float64 // bytes of them from an earlier run
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

// skip counts n bytes that were there before.
func (m *meter) skip(n int) {
	m.done += float64(n)
	m.before += float64(n)
}

// add counts n bytes more.
func (m *meter) add(n int) {
	m.done += float64(n)
	if seconds, due := m.due(); due {
		m.show(seconds)
	}
}

// due says whether it is time for a line, and the seconds since the start.
func (m *meter) due() (seconds float64, due bool) {
	every := 10 * time.Second
	if m.live {
		every = 200 * time.Millisecond
	}
	now := m.now()
	if m.w == nil || now.Sub(m.began) < patience || m.shown != m.began && now.Sub(m.shown) < every {
		return 0, false
	}
	m.shown = now
	return now.Sub(m.began).Seconds(), true
}

func (m *meter) show(seconds float64) {
	drawn := math.Min(m.samples, m.samples*m.done/m.bytes)
	rate := (m.done - m.before) * m.samples / m.bytes / seconds
	eta := (m.samples - drawn) / rate
	if !m.live {
		line, _ := json.Marshal(map[string]any{
			"stage": m.stage, m.unit: math.Round(drawn), "of": m.samples, m.unit + "_per_s": math.Round(rate), "eta_s": math.Round(eta),
		})
		fmt.Fprintf(m.w, "%s\n", line)
		return
	}
	m.line(fmt.Sprintf("%.0f of %.0f %s  %.0f %s/s  %s", drawn, m.samples, m.unit, rate, m.unit, left(eta)))
}

func left(seconds float64) string {
	return fmt.Sprintf("%v left", time.Duration(math.Round(seconds))*time.Second)
}

// line rewrites the line on the terminal.
func (m *meter) line(text string) {
	fmt.Fprintf(m.w, "\r%-*s", m.width, text)
	m.width = len(text)
}

// finish removes the line from the terminal.
func (m *meter) finish() {
	if m.width > 0 {
		fmt.Fprintf(m.w, "\r%s\r", strings.Repeat(" ", m.width))
	}
}
