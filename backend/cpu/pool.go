package cpu

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
)

// pool runs loops on persistent workers. The goroutine that asks takes part and
// could finish alone, so a loop never waits for a worker that is busy elsewhere:
// any number of loops, nested ones too, may run at once without deadlock.
type pool struct {
	offers  chan *loop
	busy    atomic.Int64 // executions under way; workers spin a little while there are any
	quit    chan struct{}
	closing sync.Once
}

// loop is one parallel loop.
type loop struct {
	body  func(i int)
	n     int64
	next  atomic.Int64 // first index that nobody has taken
	left  atomic.Int64 // indices not finished
	done  chan struct{}
	fault atomic.Pointer[fault]
}

// fault is a panic of a loop's body.
type fault struct {
	value any
	stack []byte
}

func (f *fault) String() string { return fmt.Sprintf("%v\n%s", f.value, f.stack) }

// newPool starts workers beside the goroutines that will ask.
func newPool(workers int) *pool {
	p := &pool{offers: make(chan *loop, workers), quit: make(chan struct{})}
	for range workers {
		go p.work()
	}
	return p
}

func (p *pool) close() { p.closing.Do(func() { close(p.quit) }) }

// do runs body(0) to body(n-1) in any order and returns when all have returned.
// A panic of the body is raised again here.
func (p *pool) do(n int, body func(i int)) {
	if n <= 1 || cap(p.offers) == 0 {
		for i := range n {
			body(i)
		}
		return
	}
	l := &loop{body: body, n: int64(n), done: make(chan struct{})}
	l.left.Store(l.n)
offering:
	for range min(n-1, cap(p.offers)) {
		select {
		case p.offers <- l:
		default:
			break offering
		}
	}
	l.take()
	l.wait()
	if f := l.fault.Load(); f != nil {
		panic(f)
	}
}

// take runs indices until none are left.
func (l *loop) take() {
	for {
		i := l.next.Add(1) - 1
		if i >= l.n {
			return
		}
		l.call(int(i))
		if l.left.Add(-1) == 0 {
			close(l.done)
		}
	}
}

func (l *loop) call(i int) {
	defer func() {
		if r := recover(); r != nil {
			f, ok := r.(*fault)
			if !ok {
				f = &fault{r, debug.Stack()}
			}
			l.fault.CompareAndSwap(nil, f)
		}
	}()
	l.body(i)
}

// wait spins for the tail of the others' work, then sleeps.
func (l *loop) wait() {
	for range 200 {
		if l.left.Load() == 0 {
			return
		}
		runtime.Gosched()
	}
	<-l.done
}

// work serves loops until the pool closes. Waking a sleeping thread takes longer
// than many steps of a small graph, so workers look around for a moment first.
func (p *pool) work() {
	idle := 0
	for {
		select {
		case l := <-p.offers:
			l.take()
			idle = 0
			continue
		case <-p.quit:
			return
		default:
		}
		if idle++; idle < 400 && p.busy.Load() > 0 {
			runtime.Gosched()
			continue
		}
		idle = 0
		select {
		case l := <-p.offers:
			l.take()
		case <-p.quit:
			return
		}
	}
}
