package durable

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"sync"
	"syscall"
)

// Fault is what goes wrong at the operation that a [Plan] names.
type Fault int

const (
	// FailIO fails with EIO and does nothing.
	FailIO Fault = iota
	// FailSpace fails with ENOSPC; a write gets half of its bytes out first.
	// Removing and cutting need no space and are spared.
	FailSpace
	// ShortWrite writes half of the bytes and claims success; on other
	// operations it does nothing.
	ShortWrite
	// Kill ends the process before the operation; a write gets half of its
	// bytes out first.
	Kill
)

// Plan says when which fault strikes.
type Plan struct {
	At    int // the operation it strikes, counted from 1; 0 for none
	Fault Fault
	Stay  bool   // strike every operation after it too: a disk that stays full
	Kill  func() // must not return; nil ends the process like SIGKILL (status 137)
}

// Op is an operation that changed the file system or tried to.
type Op struct {
	Verb  string // create, write, sync, truncate, rename, remove, mkdir, syncdir
	Path  string // for a rename: the new path
	From  string // for a rename: the old path
	Bytes int    // for a write: how many were to be written
}

func (o Op) String() string {
	switch o.Verb {
	case "write":
		return fmt.Sprintf("write %s %d", o.Path, o.Bytes)
	case "rename":
		return fmt.Sprintf("rename %s %s", o.From, o.Path)
	}
	return o.Verb + " " + o.Path
}

// Killed is what [PanicKilled] panics with.
type Killed struct{}

// PanicKilled is a Plan.Kill for tests that go on in the same process, inside
// [Survive].
func PanicKilled() { panic(Killed{}) }

// Survive runs f and reports whether it was killed by [PanicKilled].
func Survive(f func()) (killed bool) {
	defer func() {
		if r := recover(); r != nil {
			if _, killed = r.(Killed); !killed {
				panic(r)
			}
		}
	}()
	f()
	return false
}

// FaultyFS is a file system on which things go wrong to plan. It counts and
// records the operations that change something; reading is passed on.
type FaultyFS struct {
	FS
	mu   sync.Mutex
	plan Plan
	ops  []Op
	dead bool
	open []io.Closer // files and locks, which the death of a process closes
}

// Faulty puts a plan before fsys.
func Faulty(fsys FS, plan Plan) *FaultyFS { return &FaultyFS{FS: fsys, plan: plan} }

// Ops lists the operations so far.
func (f *FaultyFS) Ops() []Op {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.ops)
}

// Heal ends the fault. The count of operations goes on.
func (f *FaultyFS) Heal() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.plan = Plan{}
}

// errKill is the stroke itself. errDead is what the process would see if it
// still ran: its deferred calls do run in a test, and must change nothing.
var (
	errKill = errors.New("killed")
	errDead = errors.New("this process was killed")
)

// begin counts an operation. It returns the fault's error, and for a write the
// number of bytes that get out nevertheless.
func (f *FaultyFS) begin(op Op) (part int, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.dead {
		return 0, errDead
	}
	f.ops = append(f.ops, op)
	n := len(f.ops)
	if f.plan.At == 0 || n < f.plan.At || (n > f.plan.At && !f.plan.Stay) {
		return op.Bytes, nil
	}
	switch f.plan.Fault {
	case FailIO:
		return 0, syscall.EIO
	case FailSpace:
		if op.Verb == "remove" || op.Verb == "truncate" || op.Verb == "syncdir" {
			return 0, nil
		}
		return op.Bytes / 2, syscall.ENOSPC
	case ShortWrite:
		return op.Bytes / 2, nil
	}
	f.dead = true
	return op.Bytes / 2, errKill
}

// end kills, if begin said so, after a write has put its part out.
func (f *FaultyFS) end(err error) error {
	if err != errKill {
		return err
	}
	f.mu.Lock()
	open, kill := f.open, f.plan.Kill
	f.open = nil
	f.mu.Unlock()
	for _, c := range open {
		c.Close()
	}
	if kill == nil {
		os.Exit(137)
	}
	kill()
	return errDead
}

// do runs an operation unless the plan says otherwise.
func (f *FaultyFS) do(op Op, run func() error) error {
	if _, err := f.begin(op); err != nil {
		return f.end(err)
	}
	return run()
}

// OpenFile counts as create when it may make or empty a file.
func (f *FaultyFS) OpenFile(name string, flag int) (Handle, error) {
	if flag&(os.O_CREATE|os.O_TRUNC) != 0 {
		if _, err := f.begin(Op{Verb: "create", Path: name}); err != nil {
			return nil, f.end(err)
		}
	}
	h, err := f.FS.OpenFile(name, flag)
	if err != nil {
		return nil, err
	}
	f.own(h)
	return &faultyHandle{Handle: h, fsys: f, name: name}, nil
}

func (f *FaultyFS) own(c io.Closer) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.open = append(f.open, c)
}

func (f *FaultyFS) disown(c io.Closer) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.open = slices.DeleteFunc(f.open, func(o io.Closer) bool { return o == c })
}

func (f *FaultyFS) Mkdir(name string) error {
	return f.do(Op{Verb: "mkdir", Path: name}, func() error { return f.FS.Mkdir(name) })
}

func (f *FaultyFS) Rename(from, to string) error {
	return f.do(Op{Verb: "rename", Path: to, From: from}, func() error { return f.FS.Rename(from, to) })
}

func (f *FaultyFS) Remove(name string) error {
	return f.do(Op{Verb: "remove", Path: name}, func() error { return f.FS.Remove(name) })
}

func (f *FaultyFS) SyncDir(name string) error {
	return f.do(Op{Verb: "syncdir", Path: name}, func() error { return f.FS.SyncDir(name) })
}

// Lock is not counted. Being killed gives the lock back, as the kernel would.
func (f *FaultyFS) Lock(name string) (io.Closer, error) {
	l, err := f.FS.Lock(name)
	if err != nil {
		return nil, err
	}
	f.own(l)
	return &faultyLock{Closer: l, fsys: f}, nil
}

type faultyLock struct {
	io.Closer
	fsys *FaultyFS
}

func (l *faultyLock) Close() error {
	l.fsys.disown(l.Closer)
	return l.Closer.Close()
}

type faultyHandle struct {
	Handle
	fsys *FaultyFS
	name string
}

func (h *faultyHandle) Write(p []byte) (int, error) {
	part, fault := h.fsys.begin(Op{Verb: "write", Path: h.name, Bytes: len(p)})
	n := 0
	if part > 0 {
		var err error
		if n, err = h.Handle.Write(p[:part]); err != nil && fault == nil {
			fault = err
		}
	}
	return n, h.fsys.end(fault)
}

func (h *faultyHandle) Sync() error {
	return h.fsys.do(Op{Verb: "sync", Path: h.name}, h.Handle.Sync)
}

func (h *faultyHandle) Truncate(size int64) error {
	return h.fsys.do(Op{Verb: "truncate", Path: h.name}, func() error { return h.Handle.Truncate(size) })
}

func (h *faultyHandle) Close() error {
	h.fsys.disown(h.Handle)
	return h.Handle.Close()
}
