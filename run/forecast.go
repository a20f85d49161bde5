package run

import (
	"context"
	"fmt"
	"math"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/comlam/comlam/checkpoint"
	"github.com/comlam/comlam/internal/machine"
)

// Forecast is what a recipe will take, before anything of it runs.
type Forecast struct {
	Recipe       string          `json:"recipe"`
	RunDir       string          `json:"run_dir"`
	Parameters   int             `json:"parameters"`
	FLOP         float64         `json:"flop"` // of training and adaptation, products only; 0 where the model does not tell
	PeakMiB      float64         `json:"peak_mib"`
	DiskMiB      float64         `json:"disk_mib"`
	Seconds      float64         `json:"seconds"` // 0 without a probe
	Stages       []StageForecast `json:"stages"`
	ProbeSeconds float64         `json:"probe_seconds"`
	AvailMiB     float64         `json:"memory_available_mib"` // 0 where the system does not tell
	FreeMiB      float64         `json:"disk_free_mib"`        // -1 where the system does not tell
	Problems     []string        `json:"problems"`
	Proposals    []Proposal      `json:"proposals"`
}

// StageForecast is the time of one stage.
type StageForecast struct {
	Name    string  `json:"name"`
	Seconds float64 `json:"seconds"`
}

// Proposal is settings with which a recipe would fit.
type Proposal struct {
	Overrides []string `json:"overrides"`
	About     string   `json:"about"`
}

func (p Proposal) String() string {
	if len(p.Overrides) == 0 {
		return p.About
	}
	return strings.Join(p.Overrides, " ") + " (" + p.About + ")"
}

// Limits are what a run may take; zero is what the machine has.
type Limits struct {
	Time      time.Duration
	MemoryMiB float64
}

// FitError says that a recipe does not fit into what there is.
type FitError struct {
	Recipe    string
	Problems  []string
	Proposals []Proposal
	Run       bool // it was to be run, not planned
}

func (e *FitError) Error() string {
	s := fmt.Sprintf("%s does not fit: %s", e.Recipe, strings.Join(e.Problems, "; "))
	for _, p := range e.Proposals {
		s += "; try " + p.String()
	}
	if e.Run {
		s += "; --force runs it all the same"
	}
	return s
}

// Plan says what running a recipe takes: from shapes, and from a probe of at most
// ten seconds that does a few real steps of each kind in this process. The memory of
// a fresh process is what the probe leaves as its peak. A *[FitError] comes with the
// forecast where it exceeds what there is or the limits.
func Plan(ctx context.Context, r *Recipe, limits Limits, o Options) (*Forecast, error) {
	s := newSession(r.Name, []*Recipe{r}, o)
	j, err := newJob(r, s)
	if err != nil {
		return nil, err
	}
	f := j.shapes()
	if f.exceeds(j, limits); len(f.Problems) == 0 {
		if err := j.probe(ctx, f); err != nil {
			return nil, err
		}
		f.exceeds(j, limits)
	}
	if len(f.Problems) > 0 {
		return f, &FitError{Recipe: r.Name, Problems: f.Problems, Proposals: f.Proposals}
	}
	return f, nil
}

// fits refuses a job that cannot fit, as far as shapes tell, unless its training is
// done already.
func fits(j job) error {
	if j.done() {
		return nil
	}
	f := j.shapes()
	if f.exceeds(j, Limits{}); len(f.Problems) > 0 {
		return &FitError{Recipe: f.Recipe, Problems: f.Problems, Proposals: f.Proposals, Run: true}
	}
	return nil
}

// forecast is one that knows what there is, and not yet what is needed.
func (j part) forecast() *Forecast {
	f := &Forecast{Recipe: j.r.Name, RunDir: j.session.dir, Stages: []StageForecast{}, Problems: []string{}, Proposals: []Proposal{}, FreeMiB: -1}
	_, avail := Memory()
	f.AvailMiB = float64(avail)
	if free := j.fsys.Free(j.o.Dir); free >= 0 {
		f.FreeMiB = float64(free) / (1 << 20)
	}
	return f
}

// shapes forecasts what follows from the sizes of things.
func (j *radioJob) shapes() *Forecast {
	f := j.forecast()
	if c, ok := j.r.Model.(interface{ NumParameters() int }); ok {
		f.Parameters = c.NumParameters()
	}
	f.FLOP = 3 * j.forwardFLOP() * (float64(j.r.Train.Steps*j.r.Train.BatchSize) + float64(j.numTrials()*j.tuneSamples()))
	f.PeakMiB, f.DiskMiB = j.shapeMiB(f.Parameters), j.diskMiB(f.Parameters)
	return f
}

func (j *radioJob) numTrials() int {
	if j.r.Tune == nil {
		return 0
	}
	return len(j.r.Tune.Full.LearningRates) + len(j.r.Tune.LoRA.LearningRates) + 1
}

func (j *radioJob) tuneSamples() int {
	if j.r.Tune == nil {
		return 0
	}
	return j.r.Tune.Steps * j.r.Tune.BatchSize
}

// Constants of the memory forecast, fitted to measured peaks of the shipped recipes.
const (
	processMiB      = 40 // the program itself, its tables and the samples in work
	copiesOfWeights = 12 // of 4 bytes a parameter: weights, gradients, optimizer, files in the making
	heldPerOutput   = 6  // values of 4 bytes for each output of a dense layer, forward and backward
)

// shapeMiB is the peak of memory as far as shapes tell it. A dense layer of n weights
// is taken to have sqrt(n) outputs for each patch.
func (j *radioJob) shapeMiB(parameters int) float64 {
	dense := 0
	for _, link := range j.filler.Weights() {
		if slices.Equal(link.Axes, checkpoint.Transposed) {
			dense++
		}
	}
	patches := j.patches[0] * j.patches[1] * j.patches[2]
	outputs := float64(patches) * math.Sqrt(float64(parameters)*float64(dense))
	workers := j.workers()
	weights := 4 * float64(parameters) * float64(copiesOfWeights+3*workers)
	return processMiB + (weights+4*heldPerOutput*outputs*float64(j.microSize()*workers))/(1<<20)
}

func (j part) microSize() int {
	if j.r.Train.MicroBatchSize > 0 {
		return j.r.Train.MicroBatchSize
	}
	return j.r.Train.BatchSize
}

func (j part) workers() int {
	n := j.o.Workers
	if n < 1 {
		n = runtime.GOMAXPROCS(0)
	}
	return max(1, min(n, j.r.Train.BatchSize/j.microSize()))
}

// diskMiB is the largest size of the run directory: checkpoints with weights and
// optimizer, one more while it is written; trials with the best weights besides.
func (j *radioJob) diskMiB(parameters int) float64 {
	weights := 4 * float64(parameters) / (1 << 20)
	optimizer := 2 * weights
	if j.r.Train.Optimizer.Name == "sgd" {
		optimizer = weights
	}
	mib := 1.5 + weights + float64(j.r.Train.KeepCheckpoints+1)*(weights+optimizer) // report, figures, histories
	if j.r.Tune != nil {
		mib += 3*weights + float64(j.numTrials())*2*4*weights
	}
	return mib
}

// exceeds lists what does not fit, with settings that do.
func (f *Forecast) exceeds(j job, limits Limits) {
	room, where := f.AvailMiB, "are available"
	if limits.MemoryMiB > 0 {
		room, where = limits.MemoryMiB, "are allowed"
	}
	if room > 0 && f.PeakMiB > room {
		f.Problems = append(f.Problems, fmt.Sprintf("it needs some %.0f MiB of memory, %.0f %s", f.PeakMiB, room, where))
		f.Proposals = append(f.Proposals, j.lessMemory(f, room))
	}
	if f.FreeMiB >= 0 && f.DiskMiB > f.FreeMiB {
		f.Problems = append(f.Problems, fmt.Sprintf("it needs %.0f MiB of disk, %.0f are free in %q", f.DiskMiB, f.FreeMiB, filepath.Dir(f.RunDir)))
		f.Proposals = append(f.Proposals, j.lessDisk(f))
	}
	if limit := limits.Time.Seconds(); limit > 0 && f.Seconds > limit {
		f.Problems = append(f.Problems, fmt.Sprintf("it takes some %v, the budget is %v", duration(f.Seconds), limits.Time))
		f.Proposals = append(f.Proposals, j.lessTime(limit/f.Seconds))
	}
}

func duration(seconds float64) time.Duration {
	return time.Duration(math.Round(seconds)) * time.Second
}

// lessMemory proposes the largest micro-batch that fits. The same batch in smaller
// parts gives the same gradient, up to rounding.
func (j *radioJob) lessMemory(f *Forecast, room float64) Proposal {
	smaller := *j
	recipe := *j.r
	smaller.r = &recipe
	scale := f.PeakMiB / j.shapeMiB(f.Parameters) // what the probe found over what shapes say
	for micro := j.microSize() - 1; micro > 0; micro-- {
		if recipe.Train.MicroBatchSize = micro; recipe.Train.BatchSize%micro != 0 {
			continue
		}
		if need := scale * smaller.shapeMiB(f.Parameters); need <= room {
			return Proposal{[]string{fmt.Sprintf("train.micro_batch_size=%d", micro)}, fmt.Sprintf("some %.0f MiB, the same training up to rounding", need)}
		}
	}
	return Proposal{[]string{}, "a smaller model: no micro-batch of this one fits"}
}

// lessDisk proposes to keep one checkpoint, where that is enough.
func (j *radioJob) lessDisk(f *Forecast) Proposal {
	fewer := *j
	recipe := *j.r
	fewer.r, recipe.Train.KeepCheckpoints = &recipe, 1
	if need := fewer.diskMiB(f.Parameters); need <= f.FreeMiB {
		return Proposal{[]string{"train.keep_checkpoints=1"}, fmt.Sprintf("%.0f MiB", need)}
	}
	return Proposal{[]string{}, "another disk with -C, or a smaller model"}
}

// lessTime proposes fewer steps and samples, by the factor that is missing less a
// tenth for what does not shrink.
func (j *radioJob) lessTime(factor float64) Proposal {
	factor *= 0.9
	p := Proposal{About: "the same job, smaller; its results will be worse"}
	set := func(key string, value, least int) {
		v := max(least, int(float64(value)*factor))
		p.Overrides = append(p.Overrides, fmt.Sprintf("%s=%d", key, v))
	}
	set("train.steps", j.r.Train.Steps, 1)
	steps := max(1, int(float64(j.r.Train.Steps)*factor))
	if w := j.r.Train.Schedule.WarmupSteps; w > steps/4 {
		p.Overrides = append(p.Overrides, fmt.Sprintf("train.schedule.warmup_steps=%d", steps/4))
	}
	set("task.num_examples", j.c.NumExamples, 2)
	set("task.num_fit", j.c.NumFit, 50)
	if j.r.Tune != nil {
		set("tune.steps", j.r.Tune.Steps, 1)
	}
	return p
}

// Memory is the size of the machine's memory and what is left of it in MiB, where the
// system tells; else 0.
func Memory() (totalMiB, availMiB int64) {
	total, available := machine.Memory()
	return int64(total >> 20), int64(available >> 20)
}
