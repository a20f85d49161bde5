package fuzz

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/gob"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/gobackend"

	"github.com/comlam/comlam/backend/oracle"
)

// The second opinion is GoMLX's own engine. It lives in a process of its own, for it may
// crash or wait for ever. What it does wrong is counted and listed, and fails nothing.

// secondEnv makes the test binary serve as that process: it reads seeds from standard
// input and writes replies to file 3.
const secondEnv = "COMLAM_FUZZ_SECOND"

// A question asks for the outputs of a case, or for all values on the way.
type question struct {
	Seed uint64
	All  bool
}

type reply struct {
	Error   string
	Missing bool // the engine does not have what was asked for
	Outputs [][]byte
}

func serveSecond() {
	engine, err := gobackend.New("ops_sequential,parallelism=0")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	in, out := gob.NewDecoder(bufio.NewReader(os.Stdin)), gob.NewEncoder(os.NewFile(3, "replies"))
	for {
		var q question
		if in.Decode(&q) != nil || out.Encode(answer(engine, q)) != nil {
			return
		}
	}
}

func answer(engine compute.Backend, q question) (r reply) {
	c, err := New(q.Seed)
	if err != nil {
		return reply{Error: err.Error()}
	}
	p := c.Program
	if q.All {
		p = everything(p)
	}
	out, err := Run(engine, p, c.Inputs)
	if err != nil {
		text := err.Error()
		missing := errors.Is(err, compute.ErrNotImplemented) || strings.Contains(text, "not supported") || strings.Contains(text, "unsupported")
		return reply{Error: text, Missing: missing}
	}
	for _, flat := range out {
		raw, err := binary.Append(nil, binary.LittleEndian, flat)
		if err != nil {
			return reply{Error: err.Error()}
		}
		r.Outputs = append(r.Outputs, raw)
	}
	return r
}

// everything makes outputs of all values.
func everything(p *oracle.Program) *oracle.Program {
	q := &oracle.Program{Inputs: p.Inputs}
	for _, n := range p.Nodes() {
		for i := range n.Shapes {
			if !n.Hidden(i) && !isInput(p, n) {
				q.Outputs = append(q.Outputs, &oracle.Value{Node: n, Index: i})
			}
		}
	}
	return q
}

// A secondEngine is one such process.
type secondEngine struct {
	cmd    *exec.Cmd
	in     io.WriteCloser
	out    io.Closer
	send   *gob.Encoder
	get    *gob.Decoder
	stderr bytes.Buffer
}

func (s *secondEngine) begin() error {
	s.cmd = exec.Command(os.Args[0])
	s.cmd.Env = append(os.Environ(), secondEnv+"=1")
	s.stderr.Reset()
	s.cmd.Stderr = &s.stderr
	in, err := s.cmd.StdinPipe()
	if err != nil {
		return err
	}
	read, write, err := os.Pipe()
	if err != nil {
		return err
	}
	s.cmd.ExtraFiles = []*os.File{write}
	s.in, s.out, s.send, s.get = in, read, gob.NewEncoder(in), gob.NewDecoder(bufio.NewReader(read))
	err = s.cmd.Start()
	write.Close()
	return err
}

func (s *secondEngine) stop() {
	if s.cmd != nil {
		s.cmd.Process.Kill()
		s.end()
	}
}

// end waits for a process that has ended or will.
func (s *secondEngine) end() {
	s.in.Close()
	s.cmd.Wait()
	s.out.Close()
	s.cmd = nil
}

var errHang = errors.New("hangs")

// exchange asks and waits for the reply, a while.
func (s *secondEngine) exchange(q question) (r reply, err error) {
	if s.cmd == nil {
		if err := s.begin(); err != nil {
			return r, err
		}
	}
	result := make(chan error, 1)
	go func() {
		if err := s.send.Encode(q); err != nil {
			result <- err
			return
		}
		result <- s.get.Decode(&r)
	}()
	select {
	case err = <-result:
		if err == nil {
			return r, nil
		}
		s.end()
		return reply{}, err
	case <-time.After(20 * time.Second):
		s.stop()
		<-result
		return reply{}, errHang
	}
}

// ask runs a case there and says what became of it: "agrees", or a kind of failure and the
// operation that it came from.
func (s *secondEngine) ask(c *Case, want []*oracle.Tensor) string {
	r, err := s.exchange(question{c.Seed, false})
	switch {
	case errors.Is(err, errHang):
		return "hangs"
	case err != nil:
		return "crashes: " + blame(s.stderr.String())
	case r.Missing:
		return "lacks " + blame(r.Error)
	case r.Error != "":
		return "fails in " + blame(r.Error)
	}
	if compareRaw(want, r.Outputs) < 0 {
		return "agrees"
	}
	return "differs in " + s.culprit(c)
}

// culprit is the first operation whose value differs.
func (s *secondEngine) culprit(c *Case) string {
	values, err := c.Program.Values(c.Inputs...)
	if err != nil {
		return err.Error()
	}
	r, err := s.exchange(question{c.Seed, true})
	if err != nil || r.Error != "" {
		return "?"
	}
	p := everything(c.Program)
	var want []*oracle.Tensor
	for _, v := range p.Outputs {
		want = append(want, values[v.Node][v.Index])
	}
	if i := compareRaw(want, r.Outputs); i >= 0 {
		v := p.Outputs[i]
		return fmt.Sprintf("%s of %s", v.Node.Op, v.Shape().DType)
	}
	return "? (not if all values are outputs)"
}

// compareRaw is the first output that differs, or -1.
func compareRaw(want []*oracle.Tensor, raw [][]byte) int {
	for i, w := range want {
		flat := dtypes.MakeAnySlice(w.Shape.DType, w.Shape.Size())
		if _, err := binary.Decode(raw[i], binary.LittleEndian, flat); err != nil || w.Compare(flat) != nil {
			return i
		}
	}
	return -1
}

var blamed = []*regexp.Regexp{
	regexp.MustCompile(`ops\.exec(\w+?)(?:Generic|Slice)?[\[(]`),
	regexp.MustCompile(`executing (\w+)`),
	regexp.MustCompile(`build: (\w+):`),
	regexp.MustCompile(`panic: (.{0,60})`),
}

func blame(text string) string {
	for _, r := range blamed {
		if m := r.FindStringSubmatch(text); m != nil {
			return m[1]
		}
	}
	first, _, _ := strings.Cut(text, "\n")
	return fmt.Sprintf("%.60s", first)
}

// opinions counts what became of all cases.
type opinions struct {
	mu    sync.Mutex
	count map[string]int
}

func (o *opinions) add(what string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.count == nil {
		o.count = map[string]int{}
	}
	o.count[what]++
}

func (o *opinions) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	text := fmt.Sprintf("the second opinion agrees with the oracle in %d", o.count["agrees"])
	for _, what := range slices.SortedFunc(maps.Keys(o.count), func(a, b string) int {
		if d := o.count[b] - o.count[a]; d != 0 {
			return d
		}
		return strings.Compare(a, b)
	}) {
		if what != "agrees" {
			text += fmt.Sprintf("\n  %5d  %s", o.count[what], what)
		}
	}
	return text
}
