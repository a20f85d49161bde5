package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"syscall"

	"github.com/comlam/comlam/backend"
	"github.com/comlam/comlam/catalog"
	"github.com/comlam/comlam/internal/bounded"
	"github.com/comlam/comlam/internal/durable"
	"github.com/comlam/comlam/internal/setting"
	"github.com/comlam/comlam/plot"
	"github.com/comlam/comlam/run"
	"github.com/comlam/comlam/train"
	"github.com/comlam/comlam/wireless/link"
)

// The exit codes. They are part of the interface: scripts depend on them.
const (
	exitOK          = 0
	exitBug         = 1
	exitUsage       = 2
	exitData        = 3
	exitResources   = 4
	exitGate        = 5
	exitInterrupted = 130
)

// usageError is a mistake in what was typed.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// gateError says which promises a run found broken.
type gateError struct{ gates []run.Gate }

func (e gateError) Error() string {
	s := "a gate failed:"
	for _, g := range e.gates {
		s += fmt.Sprintf(" %s (%s)", g.Name, g.Text)
	}
	return s
}

// exitCode says whose fault an error is.
func exitCode(err error) int {
	var (
		usage    usageError
		recipe   *run.Error
		gate     gateError
		infinite *train.NonFiniteError
		differs  *run.DifferenceError
	)
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &usage), isSpecUsage(err), errors.Is(err, run.ErrNoRun), errors.Is(err, backend.ErrChoice), errors.Is(err, plot.ErrLetter):
		return exitUsage
	case errors.As(err, &recipe):
		if recipe.Usage() {
			return exitUsage
		}
		return exitData
	case errors.Is(err, run.ErrInterrupted), errors.Is(err, context.Canceled):
		return exitInterrupted
	case errors.As(err, &gate), errors.As(err, &infinite), errors.As(err, &differs), isContaminated(err):
		return exitGate
	case lacksResources(err):
		return exitResources
	case isData(err):
		return exitData
	}
	return exitBug
}

func lacksResources(err error) bool {
	var space *durable.SpaceError
	var fit *run.FitError
	if errors.As(err, &space) || errors.As(err, &fit) || errors.Is(err, durable.ErrLocked) || errors.Is(err, catalog.ErrOffline) || isSpecSpace(err) {
		return true
	}
	for _, code := range []error{syscall.ENOSPC, syscall.EDQUOT, syscall.ENOMEM, syscall.EMFILE, syscall.ENFILE} {
		if errors.Is(err, code) {
			return true
		}
	}
	return false
}

func isData(err error) bool {
	var (
		format   *bounded.FormatError
		limit    *bounded.LimitError
		mismatch *train.MismatchError
		settings *setting.Error
		path     *fs.PathError
	)
	return isSpecData(err) || isExampleData(err) || isModelData(err) || errors.As(err, &format) || errors.Is(err, durable.ErrDamaged) || errors.Is(err, link.ErrNoErrors) || errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) ||
		errors.As(err, &limit) || errors.As(err, &mismatch) || errors.As(err, &settings) || errors.As(err, &path)
}
