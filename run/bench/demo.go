package bench

import (
	"context"
	"errors"
	"os"
	"strings"

	"github.com/comlam/comlam/run"
)

// demo is the time of all training of the demo's recipes, from a probe of a few steps
// of each kind, as `comlam plan` tells it.
func (l leg) demo() (Value, error) {
	dir, err := os.MkdirTemp("", "comlam-bench-")
	if err != nil {
		return Value{}, err
	}
	defer os.RemoveAll(dir)
	seconds := 0.0
	for _, name := range l.Demo {
		r, err := run.Load(name, nil)
		if err != nil {
			return Value{}, err
		}
		f, err := run.Plan(context.Background(), r, run.Limits{}, run.Options{Dir: dir})
		var fit *run.FitError
		if err != nil && !errors.As(err, &fit) {
			return Value{}, err
		}
		for _, s := range f.Stages {
			if training(s.Name) {
				seconds += s.Seconds
			}
		}
	}
	return Value{Value: seconds, Unit: "s"}, nil
}

// training tells the stages that train from those that simulate and evaluate.
func training(stage string) bool {
	return stage == "train" || stage == "control" || strings.HasPrefix(stage, "adapt-")
}
