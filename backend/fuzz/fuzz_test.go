package fuzz

import (
	"fmt"
	"maps"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gomlx/compute"

	"github.com/comlam/comlam/backend/cpu"
	"github.com/comlam/comlam/backend/oracle"
)

// The environment chooses another number of graphs, and where their seeds begin:
//
//	COMLAM_FUZZ_GRAPHS=100000 go test -run TestEngine -timeout 0 ./backend/fuzz
//	COMLAM_FUZZ_GRAPHS=1 COMLAM_FUZZ_SEED=4711 go test -v -run TestEngine ./backend/fuzz
const (
	graphsEnv = "COMLAM_FUZZ_GRAPHS"
	seedEnv   = "COMLAM_FUZZ_SEED"
)

const (
	usualGraphs = 400
	maxPrinted  = 20          // findings; the others are counted
	patience    = time.Minute // with one graph
)

func TestMain(m *testing.M) {
	if os.Getenv(secondEnv) != "" {
		serveSecond()
		return
	}
	os.Exit(m.Run())
}

func number(t *testing.T, env string, otherwise int) int {
	text := os.Getenv(env)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		t.Fatalf("%s=%q: want a number", env, text)
	}
	return n
}

// newBench opens the engine alone, with one worker and with more than there are
// processors.
func newBench(t *testing.T) *Bench {
	b := &Bench{}
	for _, config := range []string{"workers=0", "workers=1", "workers=3"} {
		engine, err := cpu.New(config)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(engine.Finalize)
		b.Engines = append(b.Engines, engine)
	}
	return b
}

// TestEngine runs random graphs on the engine, and on GoMLX's own in another process as a
// second opinion on the oracle.
func TestEngine(t *testing.T) {
	c := &campaign{t: t, bench: newBench(t), first: number(t, seedEnv, 0), graphs: number(t, graphsEnv, usualGraphs), start: time.Now(), refused: map[string]int{}}
	var shards sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		shards.Go(c.shard)
	}
	done := make(chan struct{})
	if os.Getenv(graphsEnv) != "" {
		go c.progress(done)
	}
	shards.Wait()
	close(done)
	c.summary()
}

// A campaign is a run over many seeds.
type campaign struct {
	t             *testing.T
	bench         *Bench
	first, graphs int
	start         time.Time
	next, done    atomic.Int64
	second        opinions

	mu                     sync.Mutex
	refused                map[string]int
	found                  int
	nodes, elements, known int
}

// shard takes one seed after the other.
func (c *campaign) shard() {
	second := &secondEngine{}
	defer second.stop()
	for {
		i := int(c.next.Add(1)) - 1
		if i >= c.graphs || c.t.Failed() && c.graphs <= usualGraphs && c.findings() >= maxPrinted {
			return
		}
		c.one(uint64(c.first+i), second)
		c.done.Add(1)
	}
}

func (c *campaign) findings() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.found
}

func (c *campaign) one(seed uint64, second *secondEngine) {
	x, err := New(seed)
	if err != nil {
		c.t.Error(err)
		return
	}
	want, err := x.Program.Run(x.Inputs...)
	if err != nil {
		c.t.Errorf("case %d: the oracle: %v", seed, err)
		return
	}
	c.count(x, want)
	result := make(chan *Finding, 1)
	go func() { result <- c.bench.Check(x, want) }()
	select {
	case f := <-result:
		if f != nil {
			c.report(f)
		}
	case <-time.After(patience):
		panic(fmt.Sprintf("case %d does not end\n%s", seed, x)) // with the stacks of all goroutines
	}
	c.second.add(second.ask(x, want))
}

func (c *campaign) count(x *Case, want []*oracle.Tensor) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for why, n := range x.Refused {
		c.refused[why] += n
	}
	c.nodes += len(x.Program.Nodes())
	for _, w := range want {
		c.elements += len(w.Data)
		c.known += w.Decided()
	}
}

func (c *campaign) report(f *Finding) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.found++; c.found <= maxPrinted {
		c.t.Errorf("%.4000s", f)
	}
}

// progress tells standard error now and then how far the campaign is.
func (c *campaign) progress(done chan struct{}) {
	tick := time.NewTicker(10 * time.Second)
	defer tick.Stop()
	for {
		select {
		case <-done:
			return
		case <-tick.C:
			n := int(c.done.Load())
			rate := float64(n) / time.Since(c.start).Seconds()
			left := time.Duration(float64(c.graphs-n) / max(rate, 1e-9) * float64(time.Second)).Round(time.Second)
			fmt.Fprintf(os.Stderr, "%d of %d graphs, %.0f a second, %s left, %d findings\n", n, c.graphs, rate, left, c.findings())
		}
	}
}

func (c *campaign) summary() {
	c.t.Logf("%d graphs of %.1f operations from seed %d in %s: %d findings; %d elements compared, %.1f %% of them decided",
		c.done.Load(), float64(c.nodes)/float64(max(1, c.graphs)), c.first, time.Since(c.start).Round(time.Second),
		c.found, c.elements, 100*float64(c.known)/float64(max(1, c.elements)))
	n := 0
	for _, k := range c.refused {
		n += k
	}
	c.t.Logf("%d parts that GoMLX did not build; %s", n, &c.second)
	if c.graphs >= 100 && c.known*10 < c.elements*8 {
		c.t.Errorf("only %d of %d elements are decided: the graphs are too wild to say anything", c.known, c.elements)
	}
	if c.graphs >= 100 && n > c.graphs {
		c.t.Errorf("too many parts were not built: %v", c.refused)
	}
	if c.found > maxPrinted {
		c.t.Errorf("and %d more findings", c.found-maxPrinted)
	}
}

// TestCoverage finds operations that no graph has.
func TestCoverage(t *testing.T) {
	seen := map[compute.OpType]int{}
	for seed := range uint64(2500) {
		c, err := New(seed)
		if err != nil {
			t.Fatal(err)
		}
		for _, op := range c.Program.Ops() {
			seen[op]++
		}
	}
	offered := oracle.New(oracle.Options{}).Capabilities().Operations
	var missing []string
	for _, op := range slices.Sorted(maps.Keys(offered)) {
		if offered[op] && seen[op] == 0 {
			missing = append(missing, op.String())
		}
	}
	if len(missing) > 0 {
		t.Errorf("no graph has %s", strings.Join(missing, ", "))
	}
}
