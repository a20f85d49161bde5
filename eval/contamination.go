package eval

import (
	"fmt"
	"iter"

	"github.com/comlam/comlam/corpus"
	"github.com/comlam/comlam/corpus/overlap"
)

// Contamination is what is known about questions in the texts that a model was trained
// on. It stands in every result.
type Contamination struct {
	Checked bool     `json:"checked"`
	Sources []string `json:"sources,omitempty"` // the training texts
	// Allowed: questions were found, and the result was asked for all the same.
	Allowed bool `json:"allowed,omitempty"`
	*overlap.Result
}

// ContaminatedError says that a model was trained on questions that it is asked. It is
// a failed gate: the score would say nothing.
type ContaminatedError struct {
	Set    string
	Result overlap.Result
}

func (e *ContaminatedError) Error() string {
	first := e.Result.Hits[0]
	return fmt.Sprintf("%s: %d of %d questions stand in the training texts, such as %s in %s; a score on them says nothing", e.Set, len(e.Result.Hits), e.Result.Items, first.ID, first.Where)
}

// CheckContamination looks for the questions in training documents: for the words of the
// question, and for those of question and right option. Package overlap defines what
// counts. It ends with the first error of documents; found questions are no error.
func CheckContamination(questions []Question, documents iter.Seq2[corpus.Document, error], sources []string) (*Contamination, error) {
	var items []overlap.Item
	for _, q := range questions {
		items = append(items, overlap.Item{ID: q.ID, Texts: []string{q.Text, q.Text + " " + q.Options[q.Answer]}})
	}
	check, err := overlap.New(items, overlap.Config{})
	if err != nil {
		return nil, err
	}
	for d, err := range documents {
		if err != nil {
			return nil, err
		}
		check.Read(d.Where, d.Text)
	}
	result := check.Result()
	return &Contamination{Checked: true, Sources: sources, Result: &result}, nil
}

// Gate is a *ContaminatedError where questions were found, unless allowed; then the mark
// is set. Without a check it passes, and the result says that there was none.
func (c *Contamination) Gate(set string, allowed bool) error {
	switch {
	case !c.Checked || len(c.Hits) == 0:
		return nil
	case allowed:
		c.Allowed = true
		return nil
	}
	return &ContaminatedError{Set: set, Result: *c.Result}
}
