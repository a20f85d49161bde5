package train

import (
	"fmt"
	"strings"

	"github.com/comlam/comlam/backend"
)

// identity is what a run can only be continued with: other settings give other
// weights, and another kernel other bits.
type identity struct {
	Fingerprint string `json:"fingerprint"`
	Kernel      string `json:"kernel"`
	Seed        uint64 `json:"seed"`
	Config      Config `json:"config"`
}

// identity leaves out the settings that do not reach the weights.
func (j *Job) identity() identity {
	c := j.Config
	c.CheckpointEvery, c.KeepCheckpoints, c.LogEvery = 0, 0, 0
	return identity{Fingerprint: j.Fingerprint, Kernel: backend.Variant(), Seed: j.Seed, Config: c}
}

// MismatchError says that a checkpoint belongs to another run.
type MismatchError struct{ Have, Want string }

func (e *MismatchError) Error() string {
	return fmt.Sprintf("the checkpoint was trained with %s, this run is %s; continue it with the settings and the kernel it began with, or start in a new folder", e.Have, e.Want)
}

// mismatch returns a *MismatchError that names what differs.
func (have identity) mismatch(want identity) error {
	if have == want {
		return nil
	}
	var e MismatchError
	a, b := have.lines(), want.lines()
	for i := range a {
		if a[i] != b[i] {
			e.Have += ", " + a[i]
			e.Want += ", " + b[i]
		}
	}
	e.Have, e.Want = strings.TrimPrefix(e.Have, ", "), strings.TrimPrefix(e.Want, ", ")
	return &e
}

// lines names each part with its value.
func (i identity) lines() []string {
	c := i.Config
	return []string{
		i.Fingerprint,
		"kernel " + i.Kernel,
		fmt.Sprintf("seed %d", i.Seed),
		fmt.Sprintf("steps %d", c.Steps),
		fmt.Sprintf("batch_size %d", c.BatchSize),
		fmt.Sprintf("micro_batch_size %d", c.MicroBatchSize),
		fmt.Sprintf("clip_norm %g", c.ClipNorm),
		fmt.Sprintf("clip_value %g", c.ClipValue),
		fmt.Sprintf("optimizer %+v", c.Optimizer),
		fmt.Sprintf("schedule %+v", c.Schedule),
	}
}
