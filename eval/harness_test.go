package eval

import (
	"bufio"
	"context"
	"encoding/json"
	"math"
	"os"
	"slices"
	"testing"

	"github.com/comlam/comlam/backend"
	"github.com/comlam/comlam/infer"
)

// TestAgainstTheHarness asks a model as lm-evaluation-harness itself asked it
// (testdata/record.py): the same prompts, log-likelihoods, acc and acc_norm, question by
// question, and the same fields in the files.
func TestAgainstTheHarness(t *testing.T) {
	var golden struct {
		Acc        float64  `json:"acc"`
		AccNorm    float64  `json:"acc_norm"`
		SampleKeys []string `json:"sample_keys"`
		ResultKeys []string `json:"result_keys"`
		Samples    []struct {
			ID             string
			Arguments      [][2]string
			LogLikelihoods []float64 `json:"log_likelihoods"`
			Greedy         []bool
			Acc            float64 `json:"acc"`
			AccNorm        float64 `json:"acc_norm"`
		}
	}
	decode(t, "testdata/harness/golden.json", &golden)
	questions := harnessQuestions(t)
	f, err := infer.Open("testdata/harness/model")
	if err != nil {
		t.Fatal(err)
	}
	engine, err := backend.Open()
	if err != nil {
		t.Fatal(err)
	}
	m, err := infer.New(engine, f.Model, f.Weights, nil, infer.Options{})
	if err != nil {
		t.Fatal(err)
	}
	samples, err := (&Asker{LM: m, Tokenizer: f.Tokenizer, Form: Cloze}).Ask(context.Background(), questions)
	if err != nil {
		t.Fatal(err)
	}
	var acc, accNorm float64
	for i, g := range golden.Samples {
		line := sampleLine(i, questions[i], samples[i])
		if g.ID != questions[i].ID || line.Acc != g.Acc || line.AccNorm != g.AccNorm || !slices.Equal(samples[i].Greedy, g.Greedy) {
			t.Errorf("%s: acc %v, acc_norm %v, greedy %v; the harness has %v, %v, %v", g.ID, line.Acc, line.AccNorm, samples[i].Greedy, g.Acc, g.AccNorm, g.Greedy)
		}
		for k, a := range g.Arguments {
			if samples[i].Prompt != a[0] || samples[i].Before+samples[i].Answers[k] != a[1] {
				t.Errorf("%s: asked %q + %q, the harness %q", g.ID, samples[i].Prompt, samples[i].Before+samples[i].Answers[k], a)
			}
			if got, want := samples[i].LogProbs[k], g.LogLikelihoods[k]; math.Abs(got-want) > 1e-4 {
				t.Errorf("%s, option %d: log-likelihood %v, the harness has %v", g.ID, k, got, want)
			}
		}
		acc, accNorm = acc+line.Acc/float64(len(questions)), accNorm+line.AccNorm/float64(len(questions))
	}
	if len(golden.Samples) != len(questions) || math.Abs(acc-golden.Acc) > 1e-12 || math.Abs(accNorm-golden.AccNorm) > 1e-12 {
		t.Errorf("acc %v, acc_norm %v; the harness has %v, %v", acc, accNorm, golden.Acc, golden.AccNorm)
	}
	checkKeys(t, "samples", sampleLine(0, questions[0], samples[0]), golden.SampleKeys)
	report := &Report{Set: "small", Contamination: &Contamination{}}
	text, err := report.results(questions, samples, "")
	if err != nil {
		t.Fatal(err)
	}
	var results struct {
		Results map[string]map[string]any `json:"results"`
	}
	if err := json.Unmarshal(text, &results); err != nil {
		t.Fatal(err)
	}
	checkKeys(t, "results", results.Results["small"], golden.ResultKeys)
}

// checkKeys wants every key of the harness in ours.
func checkKeys(t *testing.T, what string, ours any, keys []string) {
	t.Helper()
	text, err := json.Marshal(ours)
	if err != nil {
		t.Fatal(err)
	}
	var have map[string]any
	if err := json.Unmarshal(text, &have); err != nil {
		t.Fatal(err)
	}
	for _, k := range keys {
		if _, ok := have[k]; !ok {
			t.Errorf("%s: the harness writes %q, we do not", what, k)
		}
	}
}

func harnessQuestions(t *testing.T) []Question {
	t.Helper()
	f, err := os.Open("testdata/harness/questions.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var list []Question
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var q Question
		if err := json.Unmarshal(lines.Bytes(), &q); err != nil {
			t.Fatal(err)
		}
		list = append(list, q)
	}
	return list
}
