package eval

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/comlam/comlam/backend"
	"github.com/comlam/comlam/corpus"
	"github.com/comlam/comlam/infer"
	"github.com/comlam/comlam/internal/durable"
	"github.com/comlam/comlam/internal/rng"
	"github.com/comlam/comlam/model"
	"github.com/comlam/comlam/model/llama"
	"github.com/comlam/comlam/nn"
	"github.com/comlam/comlam/tokenizer"
)

// byteTokens makes a tokenizer whose tokens are bytes, behind four special ones.
func byteTokens(t testing.TB, c tokenizer.Config) *tokenizer.Tokenizer {
	t.Helper()
	c.VocabSize = 260
	tok, err := tokenizer.Train(context.Background(), slices.Values([]string{"a"}), c)
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

// priced is a language model that gives every letter a fixed log-probability, whatever
// stands before it: what comes of it can be added up by hand.
type priced struct {
	tok    *tokenizer.Tokenizer
	price  map[string]float64
	other  float64
	window int
	calls  int
}

func (p *priced) Context() int { return p.window }

func (p *priced) LogProbs(_ context.Context, r []infer.Continuation) ([]infer.LogProb, error) {
	p.calls++
	var list []infer.LogProb
	for _, c := range r {
		l := infer.LogProb{Greedy: true}
		for _, id := range c.Text {
			v, ok := p.price[p.tok.Token(id)]
			if !ok {
				v = p.other
			}
			l.Sum += v
			l.Tokens = append(l.Tokens, v)
			l.Greedy = l.Greedy && v >= -1
		}
		list = append(list, l)
	}
	return list, nil
}

// TestByHand holds acc and acc_norm against lm-evaluation-harness's definitions on
// prices of -1 for a, -3 for b and -2 for all else, the space before an answer included.
func TestAskByHand(t *testing.T) {
	tok := byteTokens(t, tokenizer.Config{})
	lm := &priced{tok: tok, price: map[string]float64{"a": -1, "b": -3}, other: -2, window: 100}
	questions := []Question{
		// " aaaa" -2-4 = -6, " b" -2-3 = -5: b is likelier; a character it is -1.5 to -5.
		// Written: the space is common to both, then a (-1) is likelier than b (-3).
		{ID: "a", Text: "q", Options: []string{"aaaa", "b"}, Answer: 0},
		// " cc" and " dd" -6 both: the first of equals, in every way.
		{ID: "b", Text: "q", Options: []string{"bbb", "cc", "dd"}, Answer: 1},
		// " é" has one character and two bytes: -2-2-2 = -6, a character -6; " bc" -7, -3.5.
		{ID: "c", Text: "q", Options: []string{"bc", "é"}, Answer: 1},
	}
	asker := &Asker{LM: lm, Tokenizer: tok, Form: Cloze}
	samples, err := asker.Ask(context.Background(), questions)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []struct {
		logProbs                        []float64
		likeliest, perChar, constrained int
	}{
		{[]float64{-6, -5}, 1, 0, 0},
		{[]float64{-11, -6, -6}, 1, 1, 1},
		{[]float64{-7, -6}, 1, 0, 1},
	} {
		s := samples[i]
		if !slices.Equal(s.LogProbs, want.logProbs) || s.Likeliest != want.likeliest || s.PerChar != want.perChar || s.Constrained != want.constrained {
			t.Errorf("question %d: got %v, %d %d %d, want %+v", i, s.LogProbs, s.Likeliest, s.PerChar, s.Constrained, want)
		}
	}
	e, err := NewExam(Condition{Task: "telecomqa", Name: "Hand made"}, questions)
	if err != nil {
		t.Fatal(err)
	}
	if err := e.AddModel("priced", samples); err != nil {
		t.Fatal(err)
	}
	rows, err := e.Rows()
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []float64{2.0 / 3, 2.0 / 3, 1} { // a wrong; c wrong; none wrong
		if rows[i].Value != want {
			t.Errorf("%s: %v, want %v", rows[i].Method, rows[i].Value, want)
		}
	}
	checkSaved(t, rows, questions, samples)
}

// checkSaved writes the files and reads them as a reader of lm-evaluation-harness does.
func checkSaved(t *testing.T, rows []Row, questions []Question, samples []Sample) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "out")
	r := &Report{Set: "Hand made", Model: "some/folder", Form: Cloze.Name, Rows: rows, Contamination: &Contamination{}}
	files, err := r.Save(durable.OS, dir, questions, samples)
	if err != nil || len(files) != 2 {
		t.Fatalf("wrote %q, %v", files, err)
	}
	var results struct {
		Results map[string]map[string]any `json:"results"`
		NShot   map[string]int            `json:"n-shot"`
		Samples map[string]struct {
			Original, Effective int
		} `json:"n-samples"`
		ComLAM struct {
			Rows          []Row          `json:"rows"`
			Contamination *Contamination `json:"contamination"`
		} `json:"comlam"`
	}
	decode(t, filepath.Join(dir, "results.json"), &results)
	got := results.Results["hand_made"]
	stderr := math.Sqrt(2.0 / 3 * 1 / 3 / 2)
	if got["acc,none"] != 2.0/3 || got["acc_norm,none"] != 2.0/3 || got["acc_constrained,none"] != 1.0 || got["alias"] != "hand_made" {
		t.Errorf("results %v", got)
	}
	if v, _ := got["acc_stderr,none"].(float64); math.Abs(v-stderr) > 1e-15 {
		t.Errorf("standard error %v, want %v", got["acc_stderr,none"], stderr)
	}
	if results.Samples["hand_made"].Effective != 3 || len(results.ComLAM.Rows) != 3 || results.ComLAM.Contamination == nil || results.ComLAM.Contamination.Checked {
		t.Errorf("%+v", results)
	}
	text, err := os.ReadFile(filepath.Join(dir, "samples_hand_made.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	var first map[string]any
	if err := json.Unmarshal([]byte(lines[0]), &first); err != nil || len(lines) != 3 {
		t.Fatalf("%d lines, %v", len(lines), err)
	}
	want := map[string]string{
		"doc_id": "0", "target": "0", "acc": "0", "acc_norm": "1", "acc_constrained": "1", "filter": "none",
		"resps": "[[[-6 False]] [[-5 False]]]", "filtered_resps": "[[-6 False] [-5 False]]",
		"arguments": "map[gen_args_0:map[arg_0:Question: q\nAnswer: arg_1: aaaa] gen_args_1:map[arg_0:Question: q\nAnswer: arg_1: b]]",
		"metrics":   "[acc acc_norm acc_constrained]",
	}
	for key, value := range want {
		if got := fmt.Sprint(first[key]); got != value {
			t.Errorf("%s: %s, want %s", key, got, value)
		}
	}
}

func decode(t *testing.T, file string, v any) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, v); err != nil {
		t.Fatal(err)
	}
}

func TestLettersAndChat(t *testing.T) {
	tok := byteTokens(t, tokenizer.Config{})
	lm := &priced{tok: tok, price: map[string]float64{"B": -0.5}, other: -2, window: 200}
	q := Question{ID: "a", Text: "Which?", Options: []string{"this", "that"}, Answer: 1}
	for _, c := range []struct {
		form   Form
		prompt string
		sums   []float64
	}{
		{Letters, "Question: Which?\nA. this\nB. that\nAnswer:", []float64{-4, -2.5}},
		{Chat, "<|im_start|>user\nWhich?\nA. this\nB. that<|im_end|>\n<|im_start|>assistant\n", []float64{-8, -8}},
		{ChatBare, "<|im_start|>user\nWhich?<|im_end|>\n<|im_start|>assistant\n", []float64{-8, -8}},
		{ChatLetters, "<|im_start|>user\nWhich?\nA. this\nB. that<|im_end|>\n<|im_start|>assistant\n", []float64{-2, -0.5}},
	} {
		asker := &Asker{LM: lm, Tokenizer: tok, Form: c.form}
		s, err := asker.Ask(context.Background(), []Question{q})
		if err != nil {
			t.Fatal(err)
		}
		if s[0].Prompt != c.prompt || !slices.Equal(s[0].LogProbs, c.sums) {
			t.Errorf("%s: asked %q, got %v, want %v", c.form.Name, s[0].Prompt, s[0].LogProbs, c.sums)
		}
		if got, ok := FindForm(c.form.Name); !ok || got.About != c.form.About {
			t.Errorf("form %q is not found", c.form.Name)
		}
	}
	if letter(25) != "Z" || letter(26) != "27" {
		t.Errorf("letters %s, %s", letter(25), letter(26))
	}
}

func TestTooLongIsMarked(t *testing.T) {
	tok := byteTokens(t, tokenizer.Config{})
	lm := &priced{tok: tok, other: -2, window: 40}
	questions := []Question{
		{ID: "a", Text: "short", Options: []string{"x", "y"}},
		{ID: "b", Text: strings.Repeat("long ", 10), Options: []string{"x", "y"}},
	}
	var seen []int
	asker := &Asker{LM: lm, Tokenizer: tok, Form: Cloze, See: func(done, of int) { seen = append(seen, done, of) }}
	s, err := asker.Ask(context.Background(), questions)
	if err != nil {
		t.Fatal(err)
	}
	if s[0].TooLong || s[0].Likeliest != 0 || !s[1].TooLong || s[1].Likeliest != NoAnswer || s[1].LogProbs != nil {
		t.Errorf("got %+v", s)
	}
	if !slices.Equal(seen, []int{2, 2}) {
		t.Errorf("progress %d", seen)
	}
	lm.other = math.NaN()
	if _, err := asker.Ask(context.Background(), questions); err == nil || !strings.Contains(err.Error(), `question "a"`) {
		t.Errorf("a model of no numbers: %v", err)
	}
	stopped, stop := context.WithCancel(context.Background())
	stop()
	if _, err := asker.Ask(stopped, questions); !errors.Is(err, context.Canceled) {
		t.Errorf("a stopped context: %v", err)
	}
}

// tiny makes a random Llama over the tokens.
func tiny(t *testing.T, tok *tokenizer.Tokenizer) *infer.Model {
	t.Helper()
	engine, err := backend.Open()
	if err != nil {
		t.Fatal(err)
	}
	c := &llama.Config{
		Size: "custom", VocabSize: tok.Size(), MaxPositionEmbeddings: 128, HiddenSize: 16, NumHiddenLayers: 2,
		NumAttentionHeads: 4, NumKeyValueHeads: 2, IntermediateSize: 24, RMSNormEps: 1e-5, RoPETheta: 500,
	}
	built, err := c.Build()
	if err != nil {
		t.Fatal(err)
	}
	lm := built.(model.LM)
	shapes, err := nn.Shapes(engine, func(s *nn.Scope, in []*nn.Node) []*nn.Node {
		return []*nn.Node{lm.Logits(s, model.Prompt{Tokens: in[0]}, nil)}
	}, []int{1, 1})
	if err != nil {
		t.Fatal(err)
	}
	var w nn.Weights
	for name, shape := range shapes {
		item := nn.Weight{Name: name, Shape: shape}
		n := 1
		for _, d := range shape {
			n *= d
		}
		r := rng.New(11, uint64(len(name)), uint64(n))
		for range n {
			v := 0.5 * r.Normal()
			if strings.Contains(name, "norm") {
				v++
			}
			item.Values = append(item.Values, float32(v))
		}
		w = append(w, item)
	}
	m, err := infer.New(engine, lm, w.Sorted(), nil, infer.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestConstrainedIsWhatIsWritten lets a real model write, token by token and nothing but
// answers, and wants what Ask says without writing: options that share beginnings, of
// which some end where others go on, and one that stands there twice.
func TestConstrainedIsWhatIsWritten(t *testing.T) {
	tok := byteTokens(t, tokenizer.Config{})
	m := tiny(t, tok)
	s := rng.New(5)
	var questions []Question
	for i := range 60 {
		q := Question{ID: fmt.Sprint(i), Text: fmt.Sprintf("which %d?", s.IntN(1000))}
		for range 4 {
			o := ""
			for range 1 + s.IntN(3) {
				o += string(rune('a' + s.IntN(2)))
			}
			q.Options = append(q.Options, o)
		}
		questions = append(questions, q)
	}
	for _, form := range []Form{Cloze, ChatBare} {
		samples, err := (&Asker{LM: m, Tokenizer: tok, Form: form}).Ask(context.Background(), questions)
		if err != nil {
			t.Fatal(err)
		}
		picks := map[int]int{}
		for i, q := range questions {
			picks[samples[i].Constrained]++
			if got, want := q.Options[samples[i].Constrained], written(t, m, tok, form, q); got != want {
				t.Errorf("%s, %q: Ask says %q, the model writes %q", form.Name, q.Options, got, want)
			}
		}
		if len(picks) < 3 {
			t.Errorf("%s: picked only %v", form.Name, picks)
		}
	}
}

// written is the option that the model writes where only options may be written.
func written(t *testing.T, m *infer.Model, tok *tokenizer.Tokenizer, form Form, q Question) string {
	t.Helper()
	e, err := form.encode(tok, q)
	if err != nil {
		t.Fatal(err)
	}
	end := e.ends[0]
	allow := func(_ int, added []int32) []int32 {
		var next []int32
		for _, a := range e.answers {
			switch {
			case len(a) > len(added) && slices.Equal(a[:len(added)], added):
				next = append(next, a[len(added)])
			case slices.Equal(a, added):
				next = append(next, end)
			}
		}
		slices.Sort(next)
		return slices.Compact(next)
	}
	out, err := m.Generate(context.Background(), [][]int32{e.context}, infer.Sampling{Allow: allow, Stop: []int32{end}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimPrefix(tok.Decode(out[0]), e.before)
}

func TestContamination(t *testing.T) {
	questions := []Question{
		{ID: "copied", Text: "Which timer does a user equipment start when it sends a request for a connection to the network?", Options: []string{"T300", "T301"}},
		{ID: "told", Text: "What is the name of that timer?", Options: []string{"it is called T300 in the standard", "T301"}},
		{ID: "new", Text: "Which of these identifiers is given to a user equipment during random access for the time being?", Options: []string{"TC-RNTI", "P-RNTI"}},
	}
	docs := func(yield func(corpus.Document, error) bool) {
		for i, text := range []string{"nothing", questions[0].Text, "What is the name of that timer? It is called T300 in the standard."} {
			if !yield(corpus.Document{Where: fmt.Sprint("file:", i), Text: text}, nil) {
				return
			}
		}
	}
	c, err := CheckContamination(questions, docs, []string{"file"})
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Hits) != 2 || c.Hits[0].ID != "copied" || c.Hits[0].Where != "file:1" || c.Hits[1].ID != "told" || c.Documents != 3 {
		t.Errorf("%+v", c.Result)
	}
	var gate *ContaminatedError
	if err := c.Gate("small", false); !errors.As(err, &gate) || !strings.Contains(err.Error(), "2 of 3 questions") || c.Allowed {
		t.Errorf("got %v", err)
	}
	if err := c.Gate("small", true); err != nil || !c.Allowed {
		t.Errorf("allowed: %v, %+v", err, c)
	}
	if err := (&Contamination{}).Gate("small", false); err != nil {
		t.Errorf("not checked: %v", err)
	}
	clean, err := CheckContamination(questions[2:], docs, nil)
	if err != nil || clean.Gate("small", false) != nil || len(clean.Hits) != 0 || !clean.Checked {
		t.Errorf("clean: %+v, %v", clean, err)
	}
	failing := func(yield func(corpus.Document, error) bool) { yield(corpus.Document{}, os.ErrClosed) }
	if _, err := CheckContamination(questions, failing, nil); !errors.Is(err, os.ErrClosed) {
		t.Errorf("a failing source: %v", err)
	}
}

func TestTrainingDocuments(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"notes.md": "of notes", "texts.jsonl": "{\"text\": \"of a line\"}\n",
		"chats.jsonl": "{\"messages\": [{\"role\": \"user\", \"content\": \"what is asked\"}, {\"role\": \"assistant\", \"content\": \"what is said\"}]}\n",
		"pairs.jsonl": "{\"prompt\": \"asked\", \"chosen\": \"better\", \"rejected\": \"worse\"}\n", "bad.jsonl": "nonsense\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	for d, err := range TrainingDocuments(filepath.Join(dir, "notes.md"), filepath.Join(dir, "texts.jsonl"), filepath.Join(dir, "chats.jsonl"), filepath.Join(dir, "pairs.jsonl")) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, filepath.Base(d.Where)+" "+strings.Join(strings.Fields(d.Text), " "))
	}
	want := []string{"notes.md of notes", "texts.jsonl:1 of a line", "chats.jsonl:1 what is asked what is said", "pairs.jsonl:1 asked better worse"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	for _, path := range []string{"bad.jsonl", "nothing.md", "nothing.jsonl"} {
		n := 0
		for _, err := range TrainingDocuments(filepath.Join(dir, path)) {
			if n++; err == nil {
				t.Errorf("%s is read", path)
			}
		}
		if n != 1 {
			t.Errorf("%s: %d errors", path, n)
		}
	}
}
