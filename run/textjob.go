package run

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/comlam/comlam/data"
	"github.com/comlam/comlam/eval"
	"github.com/comlam/comlam/internal/durable"
	"github.com/comlam/comlam/model"
	"github.com/comlam/comlam/task/telecomqa"
	"github.com/comlam/comlam/tokenizer"
	"github.com/comlam/comlam/train"
	"github.com/comlam/comlam/tune"
)

// textJob is one recipe of a language model in a session.
type textJob struct {
	part
	c    telecomqa.Config
	text *texts

	baseHash       string // of the model that is gone on with; "" without
	tokKey, preKey string // of the stages tokenizer and pretrain
}

// textResult is what the report shows of a textJob.
type textResult struct {
	r       *Recipe
	rows    []eval.Row
	gates   []Gate
	history []train.Point
	trained trained
	params  int
	tokens  int // in the vocabulary
	text    *texts
	bars    *bars
	duels   []duel // of the model with the bars
	tuned   []instructed
	aligned *aligned // nil without
}

func newTextJob(r *Recipe, s *session) (job, error) {
	if err := r.Validate(); err != nil {
		return nil, err
	}
	c, ok := r.Task.(*telecomqa.Config)
	if !ok {
		return nil, fmt.Errorf("recipe %q: task %q cannot be run", r.Name, r.TaskName)
	}
	text, err := readTexts(r)
	if err != nil {
		return nil, err
	}
	j := &textJob{part: part{s, r}, c: *c, text: text}
	if b := r.Text.base; b != nil {
		hash, err := tune.BaseHash(b.Weights)
		if err != nil {
			return nil, err
		}
		j.baseHash = hash + " " + b.Tokenizer.Hash()
	}
	return j, j.setKeys()
}

// setKeys makes the keys of the stages that others stand on; each is a hash of all that
// its stage depends on.
func (j *textJob) setKeys() (err error) {
	if j.tokKey, err = j.key("tokenizer", "tokenizer", j.text.digest, j.baseHash); err != nil {
		return err
	}
	j.preKey, err = j.key("pretrain", "seed", "model", "data", "train", j.tokKey, j.baseHash)
	return err
}

func (j *textJob) tokenizerKey() string { return j.tokKey }
func (j *textJob) trainKey() string     { return j.preKey }

// filesKey hashes what files say, which their names in a recipe do not.
func (j *textJob) filesKey(files ...string) (string, error) {
	h := sha256.New()
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(h, "%d\n", len(text))
		h.Write(text)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

func (j *textJob) done() bool { return j.stages.complete("pretrain", j.trainKey()) }

func (j *textJob) plan() []string {
	state := "to do"
	if j.done() {
		state = "done before"
	}
	t, name := j.r.Text, j.r.Name
	list := []string{
		fmt.Sprintf("%s: train a tokenizer of %d tokens on %s", name, t.Tokenizer.VocabSize, j.text.describe()),
		fmt.Sprintf("%s: pre-train on %d rows of %d tokens in %d steps (%s)", name, j.r.Train.Steps*j.r.Train.BatchSize, t.Data.SequenceLength, j.r.Train.Steps, state),
	}
	if t.Tune != nil {
		list = append(list, fmt.Sprintf("%s: tune on instructions in %d steps: %s", name, t.Tune.Steps, strings.Join(t.Tune.Methods, ", ")))
	}
	if t.Align != nil {
		list = append(list, fmt.Sprintf("%s: align by %s in %d steps", name, t.Align.Loss, t.Align.Steps))
	}
	for _, remark := range j.text.remarks() {
		list = append(list, fmt.Sprintf("%s: note: %s", name, remark.EN))
	}
	return append(list, fmt.Sprintf("%s: measure on held-out documents and questions, then report", name))
}

// run does the stages in order.
func (j *textJob) run(ctx context.Context) (result, error) {
	res := &textResult{r: j.r, text: j.text}
	for _, remark := range j.text.remarks() {
		j.show.stage("notice", "%s: %s", j.r.Name, remark.EN)
	}
	tok, err := j.makeTokenizer(ctx)
	if err != nil {
		return nil, err
	}
	lm, err := j.build(tok)
	if err != nil {
		return nil, err
	}
	dir, err := j.pretrain(ctx, tok, lm)
	if err != nil {
		return nil, err
	}
	base, err := j.weights(dir)
	if err != nil {
		return nil, err
	}
	res.params, res.tokens = base.NumParameters(), tok.Size()
	if res.history, err = j.history(dir); err != nil {
		return nil, err
	}
	if err := j.stages.readJSON(filepath.Join(dir, trainedFile), &res.trained); err != nil {
		return nil, err
	}
	if res.bars, err = j.measureBars(ctx, tok); err != nil {
		return nil, err
	}
	read, err := j.measureDocuments(ctx, tok, lm, base)
	if err != nil {
		return nil, err
	}
	if res.duels, err = j.text.duels(read, &res.bars.readings); err != nil {
		return nil, err
	}
	res.rows = slices.Concat(res.bars.Rows, read.Rows)
	res.gates = j.forgetting(read.Rows)
	m := &languageModel{tok: tok, lm: lm}
	if res.tuned, err = j.instruct(ctx, m, base); err != nil {
		return nil, err
	}
	if res.aligned, err = j.align(ctx, m, res.tuned); err != nil {
		return nil, err
	}
	if res.aligned != nil {
		res.rows = append(res.rows, res.aligned.rows(j.r.TaskName, res.tuned[0].method())...)
	}
	asked, err := j.ask(ctx, m, base, res.tuned, res.aligned)
	if err != nil {
		return nil, err
	}
	res.rows = append(res.rows, asked...)
	gates, err := j.contamination()
	if err != nil {
		return nil, err
	}
	res.gates = append(res.gates, gates...)
	return res, j.publish(m, base, res.tuned, res.aligned)
}

// build makes the model for the tokens of a tokenizer.
func (j *textJob) build(tok *tokenizer.Tokenizer) (model.LM, error) {
	m, err := j.r.forVocabulary(tok.Size()).Build()
	if err != nil {
		return nil, err
	}
	return m.(model.LM), nil
}

// makeTokenizer is the stage that trains the tokenizer, or writes that of the model that
// is gone on with.
func (j *textJob) makeTokenizer(ctx context.Context) (*tokenizer.Tokenizer, error) {
	dir, err := j.stages.run(ctx, "tokenizer", j.tokenizerKey(), func(dir string) ([]string, error) {
		if b := j.r.Text.base; b != nil {
			return j.writeTokenizer(dir, b.Tokenizer)
		}
		j.show.stage("tokenizer", "%s: %d tokens from %s", j.r.Name, j.r.Text.Tokenizer.VocabSize, j.text.describe())
		tok, err := tokenizer.Train(ctx, j.text.training(), j.r.Text.Tokenizer)
		if err != nil {
			return nil, err
		}
		return j.writeTokenizer(dir, tok)
	})
	if err != nil {
		return nil, err
	}
	return j.readTokenizer(dir)
}

// ends are the tokens that stand before and after a document.
func ends(tok *tokenizer.Tokenizer) (begin, end int32, err error) {
	end, ok := tok.EOS()
	if !ok {
		return 0, 0, errors.New("the tokenizer has no token that ends a document")
	}
	if begin, ok = tok.BOS(); !ok {
		begin = end
	}
	return begin, end, nil
}

// pretrain is the stage that trains the model on documents.
func (j *textJob) pretrain(ctx context.Context, tok *tokenizer.Tokenizer, lm model.LM) (string, error) {
	return j.stages.run(ctx, "pretrain", j.trainKey(), func(dir string) ([]string, error) {
		j.show.stage("pretrain", "%s: %d steps of %d rows of %d tokens", j.r.Name, j.r.Train.Steps, j.r.Train.BatchSize, j.r.Text.Data.SequenceLength)
		task, err := j.pretrainJob(tok, lm)
		if err != nil {
			return nil, err
		}
		res, how, err := j.runTraining(ctx, "pretrain", dir, task)
		if err != nil {
			return nil, err
		}
		if err := j.stages.writeJSON(filepath.Join(dir, trainedFile), how); err != nil {
			return nil, err
		}
		return []string{weightsFile, historyFile, trainedFile}, j.saveWeights(filepath.Join(dir, weightsFile), res.Weights)
	})
}

func (j *textJob) trainJob(lm model.LM, source data.Source) *train.Job {
	task := &train.Job{
		Config: j.r.Train, Seed: j.r.Seed, Loss: train.TokenLoss(lm), Source: source,
		Fingerprint: j.fingerprint(j.trainKey()), Workers: j.o.Workers,
	}
	if b := j.r.Text.base; b != nil {
		task.Start = b.Weights
	}
	return task
}

// pack turns the training documents into rows.
func (j *textJob) pack(tok *tokenizer.Tokenizer) (data.Source, error) {
	begin, end, err := ends(tok)
	if err != nil {
		return nil, err
	}
	streams, err := j.text.streams(tok)
	if err != nil {
		return nil, err
	}
	p, err := data.NewPacked(streams, j.r.Text.Data.SequenceLength, begin, end, j.r.Seed)
	if err != nil {
		return nil, err
	}
	return j.noisy(p, tok, j.r.Text.Data.Noise, false), nil
}

// writeTokenizer writes the files of a tokenizer into the folder of its stage.
func (j *textJob) writeTokenizer(dir string, tok *tokenizer.Tokenizer) ([]string, error) {
	files, err := tok.Files()
	if err != nil {
		return nil, err
	}
	names := slices.Sorted(maps.Keys(files))
	for _, name := range names {
		if err := durable.WriteFile(j.fsys, filepath.Join(dir, name), files[name]); err != nil {
			return nil, err
		}
	}
	return names, nil
}

// readTokenizer reads what writeTokenizer wrote.
func (j *textJob) readTokenizer(dir string) (*tokenizer.Tokenizer, error) {
	var text [2][]byte
	for i, name := range []string{"tokenizer.json", "tokenizer_config.json"} {
		var err error
		if text[i], err = durable.ReadFile(j.fsys, filepath.Join(dir, name)); err != nil {
			return nil, err
		}
	}
	return tokenizer.Parse(text[0], text[1])
}

// noisy disturbs some of the tokens that are read, but no special ones.
func (j *textJob) noisy(s data.Source, tok *tokenizer.Tokenizer, share float64, promptsOnly bool) data.Source {
	n := &data.Noisy{Source: s, Share: share, Vocabulary: tok.Size(), PromptsOnly: promptsOnly, Seed: j.r.Seed}
	for id := range int32(tok.Size()) {
		if tok.Special(id) {
			n.Keep = append(n.Keep, id)
		}
	}
	return n
}
