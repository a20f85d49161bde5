package train

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"

	"github.com/comlam/comlam/internal/durable"
	"github.com/comlam/comlam/nn"
)

// trailSteps is how many steps after the start, and after each periodic checkpoint,
// leave a [Mark]: enough to try a checkpoint, too few to cost time or space.
const trailSteps = 10

// Mark is what one update left, to the bit.
type Mark struct {
	Step     int     `json:"step"` // updates done
	Loss     float64 `json:"loss"`
	GradNorm float64 `json:"grad_norm"`
	Weights  string  `json:"weights"` // 16 hex digits a tensor that learns, in the order of names
}

// markDigits is the length of one tensor's digest in a Mark.
const markDigits = 16

// digestValues is the start of the SHA-256 of a tensor's values.
func digestValues(values []float32) string {
	h := sha256.New()
	buf := make([]byte, 0, 4096)
	for i, v := range values {
		buf = binary.LittleEndian.AppendUint32(buf, math.Float32bits(v))
		if len(buf) == cap(buf) || i == len(values)-1 {
			h.Write(buf)
			buf = buf[:0]
		}
	}
	return hex.EncodeToString(h.Sum(nil)[:markDigits/2])
}

// marked says whether the present step leaves a mark.
func (l *loop) marked() bool {
	return (l.state.Step-1)%max(l.Config.CheckpointEvery, 1) < trailSteps
}

func (l *loop) mark(norm float64) Mark {
	m := Mark{Step: l.state.Step, Loss: l.loss, GradNorm: norm}
	for _, w := range l.trained {
		m.Weights += digestValues(w.Values)
	}
	return m
}

// Differs names the first thing in which two marks differ, "" if they are equal to
// the bit. names are the tensors that learn, in order.
func (m Mark) Differs(other Mark, names []string) string {
	switch {
	case m.Step != other.Step:
		return fmt.Sprintf("step %d instead of %d", other.Step, m.Step)
	case m.Loss != other.Loss:
		return fmt.Sprintf("the loss is %v, it was %v", other.Loss, m.Loss)
	case m.GradNorm != other.GradNorm:
		return fmt.Sprintf("the gradient norm is %v, it was %v", other.GradNorm, m.GradNorm)
	case m.Weights == other.Weights:
		return ""
	case len(m.Weights) != len(other.Weights) || len(m.Weights) != markDigits*len(names):
		return "the number of tensors"
	}
	for i, name := range names {
		if at := i * markDigits; m.Weights[at:at+markDigits] != other.Weights[at:at+markDigits] {
			return fmt.Sprintf("tensor %q", name)
		}
	}
	return "the weights"
}

// Replayed is one step of [Job.Replay]. Its weights are those of the loop: whoever
// keeps them clones them.
type Replayed struct {
	Mark
	Names     []string   // of the tensors that learn, in the order of Mark.Weights
	Point     *Point     // the point of the history, where this step is logged
	Weights   nn.Weights // all
	Optimizer nn.Weights
}

// Replay does steps of training over again, from a checkpoint or, where that is nil,
// from the start, and shows each to see. It writes nothing: Checkpoints, History and
// Trail of the job are not used. The job must not be one with a Judge.
func (j *Job) Replay(ctx context.Context, from *durable.Snapshot, steps int, see func(Replayed) error) error {
	quiet := *j
	quiet.Checkpoints, quiet.History, quiet.Trail, quiet.Progress = nil, nil, nil, nil
	l, err := quiet.prepare()
	if err != nil {
		return err
	}
	if from != nil {
		if err := l.restore(from); err != nil {
			return err
		}
		if err := l.push(l.weights); err != nil {
			return err
		}
	}
	g := l.trained.Clone()
	for range min(steps, l.Config.Steps-l.state.Step) {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err := l.again(g, see); err != nil {
			return err
		}
	}
	return nil
}

// again does one step and shows it.
func (l *loop) again(g nn.Weights, see func(Replayed) error) error {
	norm, rate, err := l.step(g)
	if err != nil {
		return err
	}
	s := &l.state
	r := Replayed{Mark: l.mark(norm), Weights: l.weights, Optimizer: l.updater.state()}
	for _, w := range l.trained {
		r.Names = append(r.Names, w.Name)
	}
	if l.due(l.Config.LogEvery) {
		p := Point{Step: s.Step, Steps: l.Config.Steps, Loss: s.LossSum / float64(s.LossCount), GradNorm: norm, Rate: rate}
		s.LossSum, s.LossCount = 0, 0
		r.Point = &p
	}
	return see(r)
}

// SnapshotWeights reads the weights and the optimizer of a checkpoint, for
// comparison with a replay.
func SnapshotWeights(snap *durable.Snapshot) (weights, optimizer nn.Weights, err error) {
	if weights, err = loadWeights(snap, weightsFile); err != nil {
		return nil, nil, err
	}
	optimizer, err = loadWeights(snap, optimizerFile)
	return weights, optimizer, err
}

// ReadMarks reads the trail of a run.
func ReadMarks(fsys durable.FS, path string) ([]Mark, error) {
	records, err := durable.ReadLog(fsys, path)
	if err != nil {
		return nil, err
	}
	marks := make([]Mark, len(records))
	for i, r := range records {
		if err := json.Unmarshal(r, &marks[i]); err != nil {
			return nil, fmt.Errorf("read %q, record %d: %w", path, i+1, err)
		}
	}
	return marks, nil
}
