package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/comlam/comlam/run"
)

func (a *app) runsVerify() *cobra.Command {
	steps := run.VerifySteps
	o := a.options()
	c := a.pastCommand(&cobra.Command{
		Use:   "verify RUN",
		Short: "train some steps over again and compare every bit",
		Long: `Trains some steps of every training of a run over again: of the pre-training, of
each trial of full fine-tuning and of LoRA, and of the control. Each begins at the newest
checkpoint after which something was recorded, or at its start, and losses, gradient
norms, weights and validation scores are compared to the bit with what the run recorded.
Writes nothing. On another kernel variant, which rounds otherwise, it refuses. The
evaluation, which trains nothing, is not done again.`,
		Example: `  comlam runs verify demo
  comlam runs verify channelpred-jakes --steps 20
  comlam runs verify runs/demo --json`,
	}, func(p *run.Past) error {
		if steps < 1 {
			return usagef("--steps %d: give 1 or more", steps)
		}
		ctx, stop := a.interruptible()
		defer stop()
		list, err := p.Verify(ctx, steps, *o)
		var differs *run.DifferenceError
		if err != nil && !errors.As(err, &differs) {
			return interrupted(ctx, err)
		}
		if shown := a.showReplays(p, list); shown != nil {
			return shown
		}
		return err
	})
	c.Flags().IntVar(&steps, "steps", steps, "`how many` steps to train over again")
	a.beforeRun(c, o)
	return c
}

// interrupted says why a command without anything to continue came to its end.
func interrupted(ctx context.Context, err error) error {
	if errors.Is(context.Cause(ctx), run.ErrInterrupted) {
		return run.ErrInterrupted
	}
	return err
}

func (a *app) showReplays(p *run.Past, list []run.Replay) error {
	if a.json {
		return a.print(map[string]any{"run": p.Dir, "kernel": p.Kernel, "replays": list})
	}
	for _, r := range list {
		from := "the start"
		if r.From > 0 {
			from = fmt.Sprintf("the checkpoint of step %d", r.From)
		}
		verdict := "the same to the bit"
		if r.Difference != "" {
			verdict = "DIFFERENT: " + r.Difference
		}
		fmt.Fprintf(a.out, "%s, %s: %s\n", r.Recipe, r.Training(), verdict)
		fmt.Fprintf(a.out, "  replayed   steps %d to %d from %s, kernel %s\n", r.From+1, r.To, from, p.Kernel)
		fmt.Fprintf(a.out, "  compared   %s\n", compared(r))
		for _, name := range r.Stored {
			fmt.Fprintf(a.out, "             stages/%s/%s\n", r.Stage, name)
		}
	}
	return nil
}

// compared says what a replay was held against, beside files of weights.
func compared(r run.Replay) string {
	text := fmt.Sprintf("loss, gradient norm and weights after each of %d steps", r.Marks)
	if r.Points > 0 {
		text += fmt.Sprintf("; %d points of the history", r.Points)
	}
	if r.Scores > 0 {
		text += fmt.Sprintf("; %d validation scores", r.Scores)
	}
	return text
}
