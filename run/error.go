package run

import (
	"errors"
	"fmt"
	"strings"

	"github.com/comlam/comlam/internal/setting"
)

// Error says what is wrong with a recipe, where, why, and what would do:
//
//	jakes.yaml:9: train.step: there is no such key; did you mean "steps"? ...
//	command line: train.steps=abc: "abc" is not a whole number; write it like 1000
type Error struct {
	File     string // as it was named; empty for the command line and for recipes made in Go
	Line     int    // 1 is the first line; 0 means the file as a whole
	Override string // the argument at fault, such as "train.steps=abc"
	Key      string // dotted path of the setting, such as "train.optimizer.lr"
	Why      string // what is wrong, with the value in quotes
	Hint     string // what would do; may be empty
	Err      error  // what lies below, such as a failed read; may be nil
}

func (e *Error) Error() string {
	var b strings.Builder
	switch {
	case e.Override != "":
		b.WriteString("command line: " + e.Override + ": ")
	case e.File != "" && e.Line > 0:
		fmt.Fprintf(&b, "%s:%d: ", e.File, e.Line)
	case e.File != "":
		b.WriteString(e.File + ": ")
	}
	if e.Key != "" && !strings.HasPrefix(e.Override, e.Key+"=") {
		b.WriteString(e.Key + ": ")
	}
	b.WriteString(e.Why)
	if e.Hint != "" {
		b.WriteString("; " + e.Hint)
	}
	return b.String()
}

// Unwrap returns what lies below the error.
func (e *Error) Unwrap() error { return e.Err }

// Usage tells a mistake in what was typed from one in a file.
func (e *Error) Usage() bool { return e.File == "" }

// asSetting returns err as an error that names a setting; its key is empty where
// err does not name one.
func asSetting(err error) *setting.Error {
	var se *setting.Error
	if errors.As(err, &se) {
		return se
	}
	return &setting.Error{Why: err.Error()}
}
