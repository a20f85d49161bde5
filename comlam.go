// Package comlam is the front door of the library: large AI models for
// communications, simulated, trained, adapted and measured by one program.
//
// A recipe says what to do: which channels to draw, which model to train on them,
// what to adapt it to, and which task to measure it by. [Run] does it and returns a
// table in which every learned number stands beside its classical baselines and its
// bound, on the same samples:
//
//	outcome, err := comlam.Run(ctx, "channelpred/jakes", comlam.Options{}, "train.steps=500")
//	if err != nil {
//		return err
//	}
//	for _, row := range outcome.Rows {
//		fmt.Println(row.Condition, row.Method, row.Metric, row.Value, row.CI95)
//	}
//
// [Recipes] lists what comes with the program. The packages below can be used by
// themselves: [github.com/comlam/comlam/wireless/csi] draws channels,
// [github.com/comlam/comlam/train] trains, [github.com/comlam/comlam/eval] compares.
// docs/tour.md is the reading path through all of them.
package comlam

import (
	"context"

	"github.com/comlam/comlam/run"
)

// Options say where a run keeps its files and where it tells its progress. The zero
// value keeps them in the folder "runs" and tells nothing.
type Options = run.Options

// Outcome is what a run leaves: the rows of its table and the path of its report.
type Outcome = run.Outcome

// Summary is what a recipe says of itself.
type Summary = run.Summary

// Run runs a recipe: one that comes with the program, by name, or a file. Overrides
// change its settings, such as "data.speed=30 km/h". What an earlier run left in the
// same folder is used where it still fits; a run whose context was cancelled goes on
// where it stopped. An error in the recipe is a *[run.Error] with file and line.
func Run(ctx context.Context, nameOrPath string, o Options, overrides ...string) (*Outcome, error) {
	r, err := run.Load(nameOrPath, overrides)
	if err != nil {
		return nil, err
	}
	return run.Execute(ctx, r, o)
}

// Demo runs the demonstration, some three minutes on two cores.
func Demo(ctx context.Context, o Options) (*Outcome, error) { return run.Demo(ctx, o) }

// Recipes lists the recipes that come with the program.
func Recipes() []Summary { return run.List() }
