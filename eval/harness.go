package eval

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"math"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/comlam/comlam/internal/durable"
	"github.com/comlam/comlam/metric"
)

// Report is everything that an exam of one model comes to.
type Report struct {
	Set           string         // display name of the questions
	Model         string         // its folder
	Form          string         // name of the form in which it was asked
	Rows          []Row          // all methods, the bars among them
	Paired        []Pair         // comparisons on the same questions
	TooLong       int            // questions that did not fit the model's context
	Contamination *Contamination // never nil
}

// Pair is a comparison of two methods by name.
type Pair struct {
	First  string `json:"first"`
	Second string `json:"second"`
	metric.Paired
}

// taskName is the name of the set as file names have it.
func (r *Report) taskName() string {
	return strings.Trim(oddRunes.ReplaceAllString(strings.ToLower(r.Set), "_"), "_")
}

var oddRunes = regexp.MustCompile(`[^a-z0-9]+`)

// Save writes results.json and samples_SET.jsonl into a folder, in the shape in which
// lm-evaluation-harness 0.4 writes its own; what it does not know stands under "comlam"
// in the first. It returns the names of the files. The samples hold the questions whole: where these must not get into
// training data, neither must the file.
func (r *Report) Save(fsys durable.FS, dir string, questions []Question, samples []Sample) ([]string, error) {
	if len(questions) != len(samples) {
		return nil, fmt.Errorf("%d samples of %d questions; save those of all", len(samples), len(questions))
	}
	if err := durable.MkdirAll(fsys, dir); err != nil {
		return nil, err
	}
	var lines bytes.Buffer
	hashes := sha256.New()
	enc := json.NewEncoder(&lines)
	enc.SetEscapeHTML(false)
	for i, q := range questions {
		line := sampleLine(i, q, samples[i])
		fmt.Fprint(hashes, line.DocHash, line.PromptHash, line.TargetHash)
		if err := enc.Encode(line); err != nil {
			return nil, fmt.Errorf("sample %d: %w", i, err)
		}
	}
	text, err := r.results(questions, samples, fmt.Sprintf("%x", hashes.Sum(nil)))
	if err != nil {
		return nil, err
	}
	files := []string{filepath.Join(dir, "samples_"+r.taskName()+".jsonl"), filepath.Join(dir, "results.json")}
	for i, data := range [][]byte{lines.Bytes(), append(text, '\n')} {
		if err := durable.WriteFile(fsys, files[i], data); err != nil {
			return nil, err
		}
	}
	return files, nil
}

// harnessSample is one line of samples_*.jsonl.
type harnessSample struct {
	DocID      int                          `json:"doc_id"`
	Doc        Question                     `json:"doc"`
	Target     string                       `json:"target"`
	Arguments  map[string]map[string]string `json:"arguments"`
	Resps      [][][2]string                `json:"resps"`
	Filtered   [][2]string                  `json:"filtered_resps"`
	Filter     string                       `json:"filter"`
	Metrics    []string                     `json:"metrics"`
	DocHash    string                       `json:"doc_hash"`
	PromptHash string                       `json:"prompt_hash"`
	TargetHash string                       `json:"target_hash"`
	Acc        float64                      `json:"acc"`
	AccNorm    float64                      `json:"acc_norm"`
	Written    float64                      `json:"acc_constrained"`
	TooLong    bool                         `json:"too_long,omitempty"`
}

func sampleLine(i int, q Question, s Sample) harnessSample {
	target := strconv.Itoa(q.Answer)
	doc, _ := json.Marshal(q) // of texts and a number: it cannot fail
	line := harnessSample{
		DocID: i, Doc: q, Target: target, Arguments: map[string]map[string]string{}, Filter: "none",
		Resps: [][][2]string{}, Filtered: [][2]string{}, Metrics: []string{"acc", "acc_norm", "acc_constrained"},
		DocHash: hashOf(string(doc)), PromptHash: hashOf(s.Prompt), TargetHash: hashOf(target),
		Acc: hit(s.Likeliest, q), AccNorm: hit(s.PerChar, q), Written: hit(s.Constrained, q), TooLong: s.TooLong,
	}
	for k, answer := range s.Answers {
		line.Arguments[fmt.Sprintf("gen_args_%d", k)] = map[string]string{"arg_0": s.Prompt, "arg_1": s.Before + answer}
	}
	for k, p := range s.LogProbs {
		// Python's words, which is what its readers expect.
		greedy := "False"
		if s.Greedy[k] {
			greedy = "True"
		}
		pair := [2]string{strconv.FormatFloat(p, 'g', -1, 64), greedy}
		line.Resps = append(line.Resps, [][2]string{pair})
		line.Filtered = append(line.Filtered, pair)
	}
	return line
}

func hashOf(text string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(text))) }

func hit(picked int, q Question) float64 {
	if picked == q.Answer {
		return 1
	}
	return 0
}

// results is the text of results.json.
func (r *Report) results(questions []Question, samples []Sample, hash string) ([]byte, error) {
	name := r.taskName()
	n := float64(len(questions))
	scores := map[string]any{"name": name, "alias": name, "sample_len": len(questions)}
	for _, m := range []struct {
		name string
		pick func(Sample) int
	}{
		{"acc", func(s Sample) int { return s.Likeliest }},
		{"acc_norm", func(s Sample) int { return s.PerChar }},
		{"acc_constrained", func(s Sample) int { return s.Constrained }},
	} {
		var sum float64
		for i, s := range samples {
			sum += hit(m.pick(s), questions[i])
		}
		p := sum / n
		scores[m.name+",none"] = p
		scores[m.name+"_stderr,none"] = any("N/A")
		if n > 1 { // of a mean, from the sample's deviation with n-1
			scores[m.name+"_stderr,none"] = math.Sqrt(p * (1 - p) / (n - 1))
		}
	}
	one := func(v any) map[string]any { return map[string]any{name: v} }
	better := map[string]bool{"acc": true, "acc_norm": true, "acc_constrained": true}
	return json.MarshalIndent(map[string]any{
		"results":          one(scores),
		"group_subtasks":   one([]string{}),
		"configs":          one(map[string]any{"task": name, "output_type": "multiple_choice", "num_fewshot": 0, "metadata": map[string]any{"form": r.Form}}),
		"versions":         one(1),
		"n-shot":           one(0),
		"higher_is_better": one(better),
		"n-samples":        one(map[string]int{"original": len(questions), "effective": len(questions)}),
		"config":           map[string]any{"model": "comlam", "model_args": "pretrained=" + r.Model},
		"model_name":       r.Model,
		"model_source":     "comlam",
		"task_hashes":      one(hash),
		"comlam": map[string]any{
			"set": r.Set, "form": r.Form, "rows": r.Rows, "paired": append([]Pair{}, r.Paired...), "too_long": r.TooLong, "contamination": r.Contamination,
		},
	}, "", "  ")
}
