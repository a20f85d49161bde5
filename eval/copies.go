package eval

import (
	"fmt"
	"iter"

	"github.com/comlam/comlam/corpus"
)

// copied is the share of a document's shingles from which it counts as a copy of what was
// trained on; training texts are cleaned of near copies at the same share.
const copied = 0.5

// Copy is a held-out document that stands in training documents.
type Copy struct {
	ID    string  `json:"id"`
	Share float64 `json:"share"` // of its shingles: see corpus.Duplicates
}

// Copies is what of held-out documents was trained on.
type Copies struct {
	Checked   bool     `json:"checked"`
	Sources   []string `json:"sources,omitempty"`
	Documents int      `json:"documents,omitempty"` // of training
	Hits      []Copy   `json:"hits"`
	Allowed   bool     `json:"allowed,omitempty"`
}

// CopiedError says that a model was trained on documents that it is measured on. It is a
// failed gate: the bits would say nothing.
type CopiedError struct {
	Hits []Copy
	Of   int
}

func (e *CopiedError) Error() string {
	return fmt.Sprintf("%d of %d documents stand in the training texts, such as %s with %.0f %% of its runs of %d words; bits a byte of them say nothing",
		len(e.Hits), e.Of, e.Hits[0].ID, 100*e.Hits[0].Share, corpus.Shingle)
}

// CheckCopies looks for held-out documents in those of training. It ends with the first
// error of training; copies are no error.
func CheckCopies(held []corpus.Document, training iter.Seq2[corpus.Document, error], sources []string) (*Copies, error) {
	c := &Copies{Checked: true, Sources: sources, Hits: []Copy{}}
	var seen corpus.Duplicates
	for d, err := range training {
		if err != nil {
			return nil, err
		}
		c.Documents++
		seen.Add(d.Text)
	}
	for _, d := range held {
		if share := seen.Share(d.Text); share >= copied {
			c.Hits = append(c.Hits, Copy{d.ID, share})
		}
	}
	return c, nil
}

// Gate is a *CopiedError where copies were found, unless allowed; then the mark is set.
func (c *Copies) Gate(of int, allowed bool) error {
	switch {
	case len(c.Hits) == 0:
		return nil
	case allowed:
		c.Allowed = true
		return nil
	}
	return &CopiedError{c.Hits, of}
}
