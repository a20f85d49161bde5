package eval

import (
	"errors"
	"iter"
	"testing"

	"github.com/comlam/comlam/corpus"
)

// TestCheckCopies: a document that is half of another counts, one of its own words not.
func TestCheckCopies(t *testing.T) {
	page := "The base station measures the power of each beam in every slot and reports the strongest of them to the scheduler, which serves the user on it until another one is stronger."
	training := func(texts ...string) iter.Seq2[corpus.Document, error] {
		return func(yield func(corpus.Document, error) bool) {
			for _, text := range texts {
				if !yield(corpus.Document{Text: text}, nil) {
					return
				}
			}
		}
	}
	held := []corpus.Document{
		{ID: "copy", Text: page + " Nothing else is said of it here."},
		{ID: "own", Text: "A receiver equalises the channel with the inverse of its estimate and decides on the nearest symbol afterwards."},
	}
	c, err := CheckCopies(held, training("another page altogether", page), []string{"x"})
	if err != nil || !c.Checked || c.Documents != 2 || len(c.Hits) != 1 || c.Hits[0].ID != "copy" || c.Hits[0].Share < .5 {
		t.Fatalf("%+v, %v", c, err)
	}
	var gate *CopiedError
	if err := c.Gate(2, false); !errors.As(err, &gate) || gate.Of != 2 {
		t.Errorf("got %v", err)
	}
	if err := c.Gate(2, true); err != nil || !c.Allowed {
		t.Errorf("got %v", err)
	}
	broken := errors.New("broken")
	if _, err := CheckCopies(held, func(yield func(corpus.Document, error) bool) { yield(corpus.Document{}, broken) }, nil); err != broken {
		t.Errorf("got %v", err)
	}
}
