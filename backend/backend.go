// Package backend opens the engine that runs computation graphs: ComLAM's own
// (package backend/cpu), unless the environment variable GOMLX_BACKEND names another.
//
//	GOMLX_BACKEND=cpu             ours, the default; cpu:workers=3 sets its threads
//	GOMLX_BACKEND=go              GoMLX's Go backend, for comparison
//	GOMLX_BACKEND=xla:cpu         XLA, in a program built with -tags xla
package backend

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/gobackend"

	"github.com/comlam/comlam/backend/cpu"
)

// Engine runs graphs.
type Engine = compute.Backend

// Environment is the variable that chooses an engine.
const Environment = "GOMLX_BACKEND"

// ErrChoice is what an error wraps that comes from that variable.
var ErrChoice = errors.New("no such engine")

// Open starts an engine that computes on the calling goroutine only. The training
// loop has one for each of its workers and gains its parallelism from independent
// shards of a batch, which needs no waiting inside a step.
func Open() (Engine, error) { return open(true) }

// OpenAll starts an engine that computes on all processors. Any number of goroutines
// may use it at once.
func OpenAll() (Engine, error) { return open(false) }

// Name of the engine that is chosen: cpu, go or xla.
func Name() string {
	name, _ := chosen()
	return name
}

// chosen splits the choice into the name of an engine and its configuration.
func chosen() (name, config string) {
	name, config, _ = strings.Cut(os.Getenv(Environment), ":")
	if name == "" {
		name = cpu.Name
	}
	return name, config
}

// openers by name; xla.go adds one.
var openers = map[string]func(config string, alone bool) (Engine, error){
	cpu.Name: openCPU,
	"go":     openGo,
}

func open(alone bool) (Engine, error) {
	name, config := chosen()
	opener, ok := openers[name]
	if !ok {
		return nil, fmt.Errorf("%s=%q: %w as %q in this program; unset it, or use cpu or go (xla needs a build with -tags xla)",
			Environment, os.Getenv(Environment), ErrChoice, name)
	}
	engine, err := opener(config, alone)
	if err != nil && config != "" {
		return nil, fmt.Errorf("%s=%q: %w: %w", Environment, os.Getenv(Environment), ErrChoice, err)
	}
	if err != nil {
		return nil, fmt.Errorf("open engine: %w", err)
	}
	return engine, nil
}

func openCPU(config string, alone bool) (Engine, error) {
	if config == "" && alone {
		config = "workers=0"
	}
	return cpu.New(config)
}

var opening sync.Mutex

// openGo opens GoMLX's Go backend. Its own worker pool can deadlock
// (gomlx/compute v0.1.2, workerspool.Saturate), so it is left out where one
// goroutine is enough.
func openGo(config string, alone bool) (Engine, error) {
	if config == "" && alone {
		config = "parallelism=0,ops_sequential"
	}
	opening.Lock()
	defer opening.Unlock()
	// The parallelism option prints a line to standard output, which belongs to
	// the program's own results; the engine has no other way to take it.
	stdout := os.Stdout
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		return nil, err
	}
	defer null.Close()
	os.Stdout = null
	defer func() { os.Stdout = stdout }()
	return gobackend.New(config)
}
