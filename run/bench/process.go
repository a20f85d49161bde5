package bench

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"
)

// program is something that measures rows: it takes sizes as its last argument and
// prints a [Head] and a [Value] for each row.
type program struct {
	args []string // the first is the file
	env  []string // besides this process's own; a name without = is unset
}

// measured is what a program has printed, and why a row is missing.
type measured struct {
	head   Head
	values map[string]Value
	errs   map[string]error
}

func newMeasured() measured {
	return measured{values: map[string]Value{}, errs: map[string]error{}}
}

// maxFailures is how many rows a group may lose before the rest is given up: a leg that
// hangs at each of them would otherwise take hours.
const maxFailures = 2

// measure runs the program. A process that dies or hangs loses the row that it was at;
// another one does the rest. The error is that of a program which never began.
func (p program) measure(ctx context.Context, z Sizes, limit time.Duration) (measured, error) {
	all := newMeasured()
	for failures := 0; ; failures++ {
		m, err := p.once(ctx, z, limit)
		all.merge(m)
		if err == nil || ctx.Err() != nil {
			return all, ctx.Err()
		}
		if m.head.Version == "" {
			return all, err
		}
		left := slices.DeleteFunc(slices.Clone(z.Rows), m.knows)
		lost := min(1, len(left))
		if failures+1 == maxFailures {
			lost = len(left)
		}
		for _, row := range left[:lost] {
			all.errs[row] = err
		}
		if z.Rows = left[lost:]; len(z.Rows) == 0 {
			return all, nil
		}
	}
}

// knows says whether a row is done, well or badly.
func (m measured) knows(row string) bool {
	_, there := m.values[row]
	return there || m.errs[row] != nil
}

// once is one process. What it printed before an error counts.
func (p program) once(ctx context.Context, z Sizes, limit time.Duration) (measured, error) {
	m := newMeasured()
	text, err := json.Marshal(z)
	if err != nil {
		return m, err
	}
	within, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	cmd := exec.CommandContext(within, p.args[0], append(p.args[1:len(p.args):len(p.args)], string(text))...)
	cmd.Env, cmd.WaitDelay = environment(p.env), time.Second
	var out, complaints bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaints
	ran := cmd.Run()
	if err := m.read(&out); err != nil && ran == nil {
		return m, err
	}
	switch {
	case ran == nil:
		return m, nil
	case within.Err() != nil:
		return m, fmt.Errorf("it had not finished after %s", limit.Round(time.Second))
	}
	if said := complaint(complaints.String()); said != "" {
		return m, errors.New(said)
	}
	return m, ran
}

// environment is this process's own with changes.
func environment(changes []string) []string {
	env := os.Environ()
	for _, change := range changes {
		name, _, set := strings.Cut(change, "=")
		env = slices.DeleteFunc(env, func(s string) bool { return strings.HasPrefix(s, name+"=") })
		if set {
			env = append(env, change)
		}
	}
	return env
}

// read takes the lines that are JSON objects: an engine may print others.
func (m *measured) read(out *bytes.Buffer) error {
	other := ""
	for lines := bufio.NewScanner(out); lines.Scan(); {
		line := lines.Bytes()
		if !bytes.HasPrefix(line, []byte("{")) {
			other = lines.Text()
			continue
		}
		if m.head.Version == "" {
			if err := json.Unmarshal(line, &m.head); err != nil || m.head.Version == "" {
				return fmt.Errorf("it printed %.80q", line)
			}
			continue
		}
		var v Value
		if err := json.Unmarshal(line, &v); err != nil || v.Row == "" {
			return fmt.Errorf("it printed %.80q", line)
		}
		if v.Error != "" {
			m.errs[v.Row] = errors.New(v.Error)
			continue
		}
		m.values[v.Row] = v
	}
	if m.head.Version == "" {
		return fmt.Errorf("it printed nothing of use, last %.80q", other)
	}
	return nil
}

// complaint is what went wrong, of what was said on standard error: Python says it in
// the last line, Go in one that begins with panic: or fatal error:.
func complaint(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	for _, line := range lines {
		if strings.HasPrefix(line, "panic: ") || strings.HasPrefix(line, "fatal error: ") {
			return line
		}
	}
	return strings.TrimPrefix(lines[len(lines)-1], "comlam: ")
}

// merge keeps the better of what two runs have measured.
func (m *measured) merge(o measured) {
	if o.head.Version != "" {
		m.head = o.head
	}
	for row, v := range o.values {
		had, there := m.values[row]
		if !there {
			m.values[row] = v
			continue
		}
		m.values[row] = had.better(v)
	}
	for row, err := range o.errs {
		m.errs[row] = err
	}
}

// better is the faster of two. Costs are promises, not speeds: the larger one counts.
func (v Value) better(o Value) Value {
	best := v
	if (v.Unit == "s") == (o.Value < v.Value) {
		best = o
	}
	best.PeakMiB = max(v.PeakMiB, o.PeakMiB)
	best.AllocsPerStep = max(v.AllocsPerStep, o.AllocsPerStep)
	best.GCShare = max(v.GCShare, o.GCShare)
	return best
}
