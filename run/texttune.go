package run

import (
	"context"
	"encoding/json"
	"path/filepath"
	"slices"
	"time"

	"github.com/comlam/comlam/data"
	"github.com/comlam/comlam/internal/durable"
	"github.com/comlam/comlam/model"
	"github.com/comlam/comlam/nn"
	"github.com/comlam/comlam/spec/facts"
	"github.com/comlam/comlam/tokenizer"
	"github.com/comlam/comlam/train"
	"github.com/comlam/comlam/tune"
)

// languageModel is what reads and writes text: a model with its tokenizer.
type languageModel struct {
	tok *tokenizer.Tokenizer
	lm  model.LM
}

// instructed is one way of instruction tuning, as its stage keeps it.
type instructed struct {
	Way     tune.Way     `json:"way"`
	Trained int          `json:"trained"` // parameters that learned
	Total   int          `json:"total"`   // of the base
	Seconds float64      `json:"seconds"`
	Best    tune.Trial   `json:"best"`
	Trials  []tune.Trial `json:"trials"`
	Kept    bool         `json:"kept"` // it learned something: else the base is better
	Data    data.Stats   `json:"data"`

	key     string
	weights nn.Weights
	adapter nn.Adapter
}

// method is how tables call a way.
func (i instructed) method() string { return "model, " + string(i.Way) }

// instruct runs the stages that tune the model on instructions, one for each way.
func (j *textJob) instruct(ctx context.Context, m *languageModel, base nn.Weights) ([]instructed, error) {
	c := j.r.Text.Tune
	if c == nil {
		return nil, nil
	}
	var list []instructed
	for _, name := range c.Methods {
		i, err := j.instructStage(ctx, m, base, tune.Way(name))
		if err != nil {
			return nil, err
		}
		list = append(list, *i)
	}
	return list, nil
}

// instructKey hashes what one way depends on, and nothing that only others do.
func (j *textJob) instructKey(way tune.Way) (string, error) {
	settings, err := json.Marshal(j.r.Text.Tune.Only(way))
	if err != nil {
		return "", err
	}
	files, err := j.filesKey(append(slices.Clone(j.r.Text.Tune.Files), j.r.Text.Tune.Validation...)...)
	if err != nil {
		return "", err
	}
	return j.key("tune", string(settings), files, "seed", j.trainKey())
}

func (j *textJob) instructStage(ctx context.Context, m *languageModel, base nn.Weights, way tune.Way) (*instructed, error) {
	key, err := j.instructKey(way)
	if err != nil {
		return nil, err
	}
	dir, err := j.stages.run(ctx, "tune-"+string(way), key, func(dir string) ([]string, error) {
		return j.runInstruct(ctx, m, base, way, dir, key)
	})
	if err != nil {
		return nil, err
	}
	i := instructed{key: key}
	if err := j.stages.readJSON(filepath.Join(dir, adaptedFile), &i); err != nil {
		return nil, err
	}
	if i.Kept && way != tune.WayFull {
		i.adapter = j.r.Text.Tune.Adapter(way)
	}
	i.weights, err = j.weights(dir)
	return &i, err
}

func (j *textJob) runInstruct(ctx context.Context, m *languageModel, base nn.Weights, way tune.Way, dir, key string) ([]string, error) {
	t, stats, err := j.instructTask(m, base, dir, key)
	if err != nil {
		return nil, err
	}
	j.show.stage("tune", "%s: %s on %s, %d steps of %s", j.r.Name, way, count(stats.Examples, "instruction"), t.Config.Steps, count(t.Config.BatchSize, "row"))
	began := time.Now()
	settings, err := j.r.Text.Tune.Begin(m.lm, base, t.Source)
	if err != nil {
		return nil, err
	}
	res, err := t.Instruct(ctx, settings, way)
	if err != nil {
		return nil, err
	}
	i := instructed{
		Way: way, Trained: res.Trained, Total: base.NumParameters(), Seconds: time.Since(began).Seconds(),
		Best: res.Best, Trials: res.Trials, Kept: res.Best.Step > 0, Data: stats,
	}
	if err := j.stages.writeJSON(filepath.Join(dir, adaptedFile), i); err != nil {
		return nil, err
	}
	return []string{adaptedFile, weightsFile}, j.saveWeights(filepath.Join(dir, weightsFile), res.Weights)
}

// instructTask is what all ways share.
func (j *textJob) instructTask(m *languageModel, base nn.Weights, dir, key string) (*tune.Task, data.Stats, error) {
	training, err := j.instructions(m.tok, j.r.Text.Tune.Files, facts.Train, data.Adapt)
	if err != nil {
		return nil, data.Stats{}, err
	}
	validation, err := j.instructions(m.tok, j.r.Text.Tune.Validation, facts.Validation, data.Validate)
	if err != nil {
		return nil, data.Stats{}, err
	}
	return &tune.Task{
		Config: j.r.Text.Tune.Loop(), Seed: j.r.Seed, Base: base, Source: j.noisy(training, m.tok, j.r.Text.Tune.Noise, true), Judge: j.judge(m, validation),
		Loss: train.TokenLoss(m.lm), Workers: j.o.Workers, Fingerprint: j.fingerprint(key),
		Progress: func(name string, p train.Point) { j.show.training(name, p) },
		Checkpoints: func(trial string) (*durable.Store, error) {
			return j.checkpoints(filepath.Join(dir, trialFolder(trial)), 1)
		},
		Trail: func(trial string) (*durable.Log, error) {
			return durable.OpenLog(j.fsys, filepath.Join(dir, trialTrail(trial)))
		},
	}, training.Stats, nil
}

// instructions are the chats to tune on: those of files, or made of the facts that the
// documents have told about.
func (j *textJob) instructions(tok *tokenizer.Tokenizer, files []string, p facts.Phrasing, split data.Split) (*data.Chats, error) {
	var list []data.Sequence
	for _, file := range files {
		e, err := data.OpenExamples(file, nil)
		if err != nil {
			return nil, err
		}
		more, err := data.RenderAll(tok, e)
		if err != nil {
			return nil, err
		}
		list = append(list, more...)
	}
	if len(files) == 0 {
		g, err := j.r.facts()
		if err != nil {
			return nil, err
		}
		for x := range g.Instructions(p, facts.Tuned) {
			s, err := data.Render(tok, data.Example{Kind: data.KindChat, Completion: data.Passage{Messages: messages(x.Messages)}})
			if err != nil {
				return nil, err
			}
			list = append(list, s)
		}
	}
	rows := data.DefaultRows()
	if rows.Length = j.r.Text.Tune.Length; rows.Length == 0 {
		rows.Length = j.r.Text.Data.SequenceLength
	}
	return data.NewChats(list, rows, split, j.r.Seed)
}

func messages(list []facts.Message) []data.Message {
	out := make([]data.Message, len(list))
	for i, m := range list {
		out[i] = data.Message{Role: m.Role, Content: m.Content}
	}
	return out
}

// mostJudged is how many rows a look at the validation set takes at most.
const mostJudged = 64

// judge returns the validation score: the mean loss of the rows.
func (j *textJob) judge(m *languageModel, set *data.Chats) func(nn.Weights, nn.Adapter) (float64, error) {
	scorers := map[bool]*scorer{}
	return func(w nn.Weights, a nn.Adapter) (float64, error) {
		s := scorers[a != nil]
		if s == nil {
			var err error
			if s, err = newScorer(m.lm, w, a); err != nil {
				return 0, err
			}
			scorers[a != nil] = s
		}
		if err := nn.Push(s.store, w); err != nil {
			return 0, err
		}
		sum, n := 0.0, min(set.Stats.Rows, mostJudged)
		for first := 0; first < n; first += measureRows {
			b, err := set.Batch(uint64(first), min(measureRows, n-first))
			if err != nil {
				return 0, err
			}
			losses, err := s.run(b)
			if err != nil {
				return 0, err
			}
			for _, v := range losses {
				sum += float64(v)
			}
		}
		return sum / float64(n), nil
	}
}
