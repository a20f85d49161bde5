package bench

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"
)

// program is something that measures rows: it takes sizes as its last argument and
// prints a [Head] and a [Value] for each row.
type program struct {
	args  []string // the first is the file
	env   []string // besides this process's own
	limit time.Duration
}

// measured is what a program has printed.
type measured struct {
	head   Head
	values map[string]Value
}

// measure runs the program. What it printed before an error counts.
func (p program) measure(ctx context.Context, z Sizes) (measured, error) {
	m := measured{values: map[string]Value{}}
	text, err := json.Marshal(z)
	if err != nil {
		return m, err
	}
	if p.limit > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, p.limit)
		defer cancel()
	}
	cmd := exec.CommandContext(ctx, p.args[0], append(p.args[1:len(p.args):len(p.args)], string(text))...)
	cmd.Env, cmd.WaitDelay = append(os.Environ(), p.env...), time.Second
	var out, complaints bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaints
	ran := cmd.Run()
	if err := m.read(&out); err != nil {
		return m, err
	}
	switch {
	case ran == nil:
		return m, nil
	case ctx.Err() != nil && p.limit > 0:
		return m, fmt.Errorf("it had not finished after %s", p.limit)
	}
	return m, fmt.Errorf("%w: %s", ran, lastLine(complaints.String()))
}

func (m *measured) read(out *bytes.Buffer) error {
	lines := bufio.NewScanner(out)
	for n := 0; lines.Scan(); n++ {
		if n == 0 {
			if err := json.Unmarshal(lines.Bytes(), &m.head); err != nil || m.head.Version == "" {
				return fmt.Errorf("it printed %.80q", lines.Text())
			}
			continue
		}
		var v Value
		if err := json.Unmarshal(lines.Bytes(), &v); err != nil || v.Row == "" {
			return fmt.Errorf("it printed %.80q", lines.Text())
		}
		m.values[v.Row] = v
	}
	return lines.Err()
}

// lastLine is where Python and Go say what went wrong.
func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return lines[len(lines)-1]
}

// merge keeps the better of what two runs have measured.
func (m *measured) merge(o measured) {
	if m.head.Version == "" {
		m.head = o.head
	}
	for row, v := range o.values {
		had, there := m.values[row]
		if !there || (v.Unit == "s") == (v.Value < had.Value) {
			m.values[row] = v
		}
	}
}
