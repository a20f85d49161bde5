package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strings"
	"time"
)

// byteMeter tells how far reading has come, once it takes longer than patience: one
// line that is rewritten on a terminal, JSON lines elsewhere.
type byteMeter struct {
	w             io.Writer // nil: say nothing
	live          bool
	stage, things string
	began, shown  time.Time
	now           func() time.Time
	width         int
}

func newByteMeter(a *app, stage, things string) *byteMeter {
	m := &byteMeter{w: a.err, live: isTerminal(a.err), stage: stage, things: things, now: time.Now}
	if a.quiet {
		m.w = nil
	}
	m.began = m.now()
	m.shown = m.began
	return m
}

// at says that done of all bytes are read, in which there were n things.
func (m *byteMeter) at(done, all int64, n int) {
	every := 10 * time.Second
	if m.live {
		every = 200 * time.Millisecond
	}
	now := m.now()
	if m.w == nil || now.Sub(m.began) < patience || m.shown != m.began && now.Sub(m.shown) < every {
		return
	}
	m.shown = now
	rate := float64(done) / now.Sub(m.began).Seconds()
	eta := math.Round(float64(all-done) / max(rate, 1))
	if !m.live {
		line, _ := json.Marshal(map[string]any{
			"stage": m.stage, m.things: n, "bytes": done, "of": all, "bytes_per_s": math.Round(rate), "eta_s": eta,
		})
		fmt.Fprintf(m.w, "%s\n", line)
		return
	}
	text := fmt.Sprintf("%.1f of %.1f MB  %d %s  %.1f MB/s  %v left", float64(done)/1e6, float64(all)/1e6, n, m.things, rate/1e6, time.Duration(eta)*time.Second)
	fmt.Fprintf(m.w, "\r%-*s", m.width, text)
	m.width = len(text)
}

// finish removes the line from the terminal.
func (m *byteMeter) finish() {
	if m.width > 0 {
		fmt.Fprintf(m.w, "\r%s\r", strings.Repeat(" ", m.width))
	}
}
