package main

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/comlam/comlam/corpus"
	"github.com/comlam/comlam/eval"
	"github.com/comlam/comlam/format/aeszip"
	"github.com/comlam/comlam/run"
	"github.com/comlam/comlam/task/telecomqa"
)

// barsOnly stands in the place of a model where none is to answer.
const barsOnly = "bars"

// documents is the format of what is read, not answered.
const documents = "documents"

// passwordVariable holds the password of an encrypted archive.
const passwordVariable = "COMLAM_PASSWORD"

// evalOptions are the flags of eval.
type evalOptions struct {
	format   string
	form     string
	password string
	training []string
	allow    bool
	adapter  string
	against  string
	out      string
	findings bool
}

func (a *app) evalCommand() *cobra.Command {
	var o evalOptions
	c := &cobra.Command{
		Use:   "eval MODEL DATA ...",
		Short: "measure a language model on questions or held-out documents, beside the bars",
		Long: `Questions: says what share a model answers rightly, on all and by category, with 95 %
intervals. It answers by the likeliest option, by the likeliest a character, and by
writing where only options may be written. Beside it stand the bars that need no knowledge:
chance, the longest option, and a classifier of surface features, cross-validated. A model
below these bars has shown no knowledge. DATA are TeleQnA (as published in an encrypted
archive, or unpacked), ORAN-Bench, or lines of {"question", "options", "answer": index
from 0, "category"}. What is wrong in them is reported. The password of an archive comes
from --password, from COMLAM_PASSWORD, or is asked for.

Documents (.md, .txt, .rst, or lines of {"text"}): says how many bits a byte they cost the
model. With --training, beside Kneser-Ney models over 8 bytes and 5 tokens of that text and
xz -9e, alone and after it.

MODEL is a Hugging Face folder, a run, or the word bars: then nothing but the bars is
measured. Questions that stand in the training texts, and documents half of which does, are
contamination: exit code 5, unless --allow-contaminated, and then the result is marked.
What a model of comlam run was trained on is known; of others, name it with --training.`,
		Example: `  comlam eval bars questions.jsonl
  comlam eval bars questions.jsonl --training notes.md --json
  comlam eval bars heldout.jsonl --training notes.md`,
		Args: arguments(2, -1, "a model, or bars, and files of questions or documents"),
		RunE: func(_ *cobra.Command, args []string) error { return a.evaluate(args[0], args[1:], o) },
	}
	f := c.Flags()
	f.StringVar(&o.format, "format", "", "read all files in this `format`: "+strings.Join(append(slices.Clone(telecomqa.Formats), documents), ", ")+"; otherwise what they look like")
	f.StringVar(&o.form, "form", "", "put questions in this `form`: "+strings.Join(formNames(), ", ")+"; otherwise chat where the model has a chat template, else cloze")
	f.StringVar(&o.password, "password", "", "`password` of an encrypted archive")
	f.StringArrayVar(&o.training, "training", nil, "`file` or folder that the model was trained on; may be given again")
	f.BoolVar(&o.allow, "allow-contaminated", false, "measure although questions or documents stand in the training texts; the result says so")
	f.StringVar(&o.adapter, "adapter", "", "`folder` of an adapter for the model")
	f.StringVar(&o.against, "against", "", "another `model`, for a paired comparison")
	f.StringVarP(&o.out, "output", "o", "", "write results.json and samples_*.jsonl into this `folder`, as lm-evaluation-harness does")
	f.BoolVar(&o.findings, "findings", false, "list everything that is wrong in the files")
	return c
}

func formNames() []string {
	var names []string
	for _, f := range eval.Forms {
		names = append(names, f.Name)
	}
	return names
}

// evaluated is the result of eval on questions.
type evaluated struct {
	Set           string              `json:"set"`
	Format        string              `json:"format"`
	Questions     int                 `json:"questions"`
	Model         string              `json:"model,omitempty"`
	Form          string              `json:"form,omitempty"`
	Findings      []telecomqa.Finding `json:"findings"`
	Contamination *eval.Contamination `json:"contamination"`
	Rows          []eval.Row          `json:"rows"`
	Paired        []eval.Pair         `json:"paired,omitempty"`
	TooLong       int                 `json:"too_long"` // questions that did not fit the model
	Files         []string            `json:"files,omitempty"`
}

func (a *app) evaluate(model string, files []string, o evalOptions) error {
	if err := o.check(model); err != nil {
		return err
	}
	if model != barsOnly { // what a run trained on is known by the folder of its model
		var err error
		if model, err = modelDir(model); err != nil {
			return err
		}
	}
	ctx, stop := a.interruptible()
	defer stop()
	read := o.format == documents
	if o.format == "" {
		var err error
		if read, err = lookLikeDocuments(files); err != nil {
			return err
		}
	}
	if read {
		return interrupted(ctx, a.evaluateText(ctx, model, files, o))
	}
	return interrupted(ctx, a.evaluateQuestions(ctx, model, files, o))
}

func (o evalOptions) check(model string) error {
	if o.format != "" && o.format != documents && !slices.Contains(telecomqa.Formats, o.format) {
		return usagef("--format %q is not read; give one of %s, %s", o.format, strings.Join(telecomqa.Formats, ", "), documents)
	}
	if _, ok := eval.FindForm(o.form); o.form != "" && !ok {
		return usagef("--form %q is none; give one of %s", o.form, strings.Join(formNames(), ", "))
	}
	if model == barsOnly && (o.out != "" || o.against != "" || o.form != "" || o.adapter != "") {
		return usagef("--output, --against, --adapter and --form are about a model; give its folder in the place of %s", barsOnly)
	}
	return nil
}

// lookLikeDocuments reports whether all files are texts to read; a folder is taken to
// hold questions.
func lookLikeDocuments(files []string) (bool, error) {
	for _, file := range files {
		switch strings.ToLower(filepath.Ext(file)) {
		case ".md", ".txt", ".rst":
			continue
		case ".jsonl", ".gz":
			keys, err := eval.FirstKeys(file)
			if err != nil {
				return false, err
			}
			if slices.Contains(keys, "text") && !slices.Contains(keys, "question") {
				continue
			}
		}
		return false, nil
	}
	return true, nil
}

func (a *app) evaluateQuestions(ctx context.Context, model string, files []string, o evalOptions) error {
	set, err := telecomqa.Load(files, telecomqa.Options{Format: o.format, Password: a.password(o.password)})
	if errors.Is(err, aeszip.ErrPassword) {
		return usageError{fmt.Errorf("%w; give the one that its authors publish with --password", err)}
	}
	if err != nil {
		return err
	}
	res := evaluated{Set: set.Name, Format: set.Format, Questions: len(set.Questions), Findings: append([]telecomqa.Finding{}, set.Findings...)}
	if res.Contamination, err = contamination(ctx, model, set, o); err != nil {
		return err
	}
	exam, err := telecomqa.NewExam(set, telecomqa.Default())
	if err != nil {
		return err
	}
	if model != barsOnly {
		if err := a.ask(ctx, model, exam, &res, o); err != nil {
			return err
		}
	} else if res.Rows, err = exam.Rows(); err != nil {
		return err
	}
	if a.json {
		return a.print(res)
	}
	return a.showEvaluated(res, o)
}

// contamination looks for the questions in the training texts, and fails where they are.
// Those of a model that a run has published are known; others have to be named.
func contamination(ctx context.Context, model string, set *telecomqa.Set, o evalOptions) (*eval.Contamination, error) {
	docs, sources, err := trainedOn(ctx, model, o)
	if err != nil || docs == nil {
		return &eval.Contamination{}, err
	}
	c, err := eval.CheckContamination(set.Questions, docs, sources)
	if err != nil {
		return nil, err
	}
	return c, c.Gate(set.Name, o.allow)
}

// trainedOn is what a model was trained on, as told or as its run knows it; nil where
// nobody knows.
func trainedOn(ctx context.Context, model string, o evalOptions) (docs iter.Seq2[corpus.Document, error], sources []string, err error) {
	if len(o.training) > 0 {
		return while(ctx, eval.TrainingDocuments(o.training...)), o.training, nil
	}
	if model == barsOnly {
		return nil, nil, nil
	}
	docs, err = run.TrainedOn(model)
	if errors.Is(err, run.ErrNoRun) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, fmt.Errorf("what the run of %s trained on cannot be read: %w; name the texts with --training", model, err)
	}
	return while(ctx, docs), []string{"the run of " + model}, nil
}

// password finds the password of an archive, which appears in no output.
func (a *app) password(given string) func() (string, error) {
	return func() (string, error) {
		if given != "" {
			return given, nil
		}
		if word := os.Getenv(passwordVariable); word != "" {
			return word, nil
		}
		f, ok := a.in.(*os.File)
		if !ok {
			return "", aeszip.ErrPassword
		}
		if !term.IsTerminal(int(f.Fd())) {
			return "", aeszip.ErrPassword
		}
		fmt.Fprint(a.err, "password of the archive: ")
		word, err := term.ReadPassword(int(f.Fd())) // shows nothing of it
		fmt.Fprintln(a.err)
		if err != nil {
			return "", aeszip.ErrPassword
		}
		return string(word), nil
	}
}
