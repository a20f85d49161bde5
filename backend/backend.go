// Package backend opens the engine that runs computation graphs.
//
// Today that is GoMLX's pure Go backend. It is opened once per worker and run on
// one goroutine each: the training loop gains its parallelism from independent
// shards of a batch, which keeps results independent of the number of cores and
// avoids the deadlock of GoMLX's own worker pool (gomlx/compute v0.1.2,
// workerspool.Saturate).
package backend

import (
	"fmt"
	"os"
	"sync"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/gobackend"
)

// Engine runs graphs.
type Engine = compute.Backend

var opening sync.Mutex

// Open starts an engine that computes on the calling goroutine only.
func Open() (Engine, error) {
	opening.Lock()
	defer opening.Unlock()
	// The parallelism option prints a line to standard output, which belongs to
	// the program's own results; the engine has no other way to take it.
	stdout := os.Stdout
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		return nil, fmt.Errorf("open engine: %w", err)
	}
	os.Stdout = null
	engine, err := gobackend.New("parallelism=0,ops_sequential")
	os.Stdout = stdout
	null.Close()
	if err != nil {
		return nil, fmt.Errorf("open engine: %w", err)
	}
	return engine, nil
}
