package train

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/comlam/comlam/checkpoint"
	"github.com/comlam/comlam/internal/durable"
	"github.com/comlam/comlam/nn"
)

// The files of a training checkpoint.
const (
	weightsFile   = "model.safetensors"
	bestFile      = "best.safetensors"
	optimizerFile = "optimizer.safetensors"
	stateFile     = "state.json"
)

// WriteWeights writes weights as safetensors, names joined by dots.
func WriteWeights(w io.Writer, weights nn.Weights, metadata map[string]string) error {
	tensors := make([]checkpoint.Tensor, len(weights))
	for i, item := range weights {
		if strings.Contains(item.Name, ".") {
			return fmt.Errorf("variable %q: a name with a dot cannot be told from a path when it is read back", item.Name)
		}
		name := strings.ReplaceAll(item.Name, "/", ".")
		t, err := checkpoint.FromFloat32s(name, checkpoint.F32, item.Shape, item.Values)
		if err != nil {
			return err
		}
		tensors[i] = t
	}
	return checkpoint.Write(w, tensors, metadata)
}

// ReadWeights reads what WriteWeights wrote.
func ReadWeights(r io.ReaderAt, size int64) (nn.Weights, error) {
	f, err := checkpoint.Open(r, size)
	if err != nil {
		return nil, err
	}
	var weights nn.Weights
	for _, name := range f.Names() {
		t, err := f.Tensor(name)
		if err != nil {
			return nil, err
		}
		values, err := t.Float32s()
		if err != nil {
			return nil, err
		}
		weights = append(weights, nn.Weight{Name: strings.ReplaceAll(name, ".", "/"), Shape: t.Shape, Values: values})
	}
	return weights.Sorted(), nil
}

// save writes a checkpoint of the present step.
func (l *loop) save(best nn.Weights) error {
	if l.Checkpoints == nil {
		return nil
	}
	if l.History != nil {
		if err := l.History.Sync(); err != nil {
			return err
		}
		l.state.Records = l.History.Len()
	}
	if l.Trail != nil {
		if err := l.Trail.Sync(); err != nil {
			return err
		}
		l.state.Marks = l.Trail.Len()
	}
	if err := l.inspectState(best); err != nil {
		return err
	}
	err := l.Checkpoints.Save(uint64(l.state.Step), l.score(), func(f *durable.Folder) error {
		if err := saveWeights(f, weightsFile, l.weights); err != nil {
			return err
		}
		if best != nil {
			if err := saveWeights(f, bestFile, best); err != nil {
				return err
			}
		}
		if err := saveWeights(f, optimizerFile, l.updater.state()); err != nil {
			return err
		}
		state, err := json.Marshal(l.state.finite())
		if err != nil {
			return err
		}
		return f.WriteFile(stateFile, state)
	})
	if err == nil {
		l.saved = l.state.Step
	}
	return err
}

// score is what retention knows a checkpoint by. One that was not judged itself
// has none: an older score would make it the best by mistake.
func (l *loop) score() float64 {
	if l.Judge == nil {
		return -float64(l.state.Step) // the last one is the best
	}
	if n := len(l.state.Scores); n > 0 && l.state.Scores[n-1].Step == l.state.Step {
		return l.state.Scores[n-1].Value
	}
	return math.NaN()
}

// finite replaces the infinite score of a run that was not judged yet, which JSON
// cannot hold.
func (s progressState) finite() progressState {
	if s.BestStep == 0 {
		s.BestScore = 0
	}
	return s
}

func saveWeights(f *durable.Folder, name string, w nn.Weights) error {
	out, err := f.Create(name)
	if err != nil {
		return err
	}
	if err := WriteWeights(out, w, nil); err != nil {
		out.Close()
		return err
	}
	return out.Close()
}

// resume loads the newest checkpoint, if there is one.
func (l *loop) resume() error {
	if l.Checkpoints == nil {
		return nil
	}
	snap, err := l.Checkpoints.Latest()
	if errors.Is(err, durable.ErrNoCheckpoint) {
		return l.cutLogs()
	}
	if err != nil {
		return err
	}
	if err := l.restore(snap); err != nil {
		return err
	}
	return l.cutLogs()
}

// cutLogs cuts history and trail back to where the state is.
func (l *loop) cutLogs() error {
	if l.History != nil {
		if err := l.History.Truncate(min(l.state.Records, l.History.Len())); err != nil {
			return err
		}
	}
	if l.Trail != nil {
		return l.Trail.Truncate(min(l.state.Marks, l.Trail.Len()))
	}
	return nil
}

// restore loads a checkpoint of this run.
func (l *loop) restore(snap *durable.Snapshot) error {
	raw, err := snap.ReadFile(stateFile)
	if err != nil {
		return err
	}
	var state progressState
	if err := json.Unmarshal(raw, &state); err != nil {
		return fmt.Errorf("read %q: %w", snap.Path(stateFile), err)
	}
	if err := state.Identity.mismatch(l.state.Identity); err != nil {
		return err
	}
	if state.BestStep == 0 {
		state.BestScore = l.state.BestScore
	}
	l.state = state
	weights, err := loadWeights(snap, weightsFile)
	if err != nil {
		return err
	}
	if err := copyByName(l.weights, weights); err != nil {
		return fmt.Errorf("read %q: %w", snap.Path(weightsFile), err)
	}
	optimizer, err := loadWeights(snap, optimizerFile)
	if err != nil {
		return err
	}
	if err := l.updater.restore(optimizer); err != nil {
		return fmt.Errorf("read %q: %w", snap.Path(optimizerFile), err)
	}
	return nil
}

// bestWeights reads the best weights so far from the newest checkpoint; nil if
// nothing was judged before it.
func (l *loop) bestWeights() (nn.Weights, error) {
	if l.state.BestStep == 0 {
		return nil, nil
	}
	snap, err := l.Checkpoints.Latest()
	if err != nil {
		return nil, err
	}
	return loadWeights(snap, bestFile)
}

func loadWeights(snap *durable.Snapshot, name string) (nn.Weights, error) {
	raw, err := snap.ReadFile(name)
	if err != nil {
		return nil, err
	}
	w, err := ReadWeights(bytes.NewReader(raw), int64(len(raw)))
	if err != nil {
		return nil, fmt.Errorf("read %q: %w", snap.Path(name), err)
	}
	return w, nil
}
