package data

import (
	"errors"
	"fmt"
	"slices"

	"github.com/comlam/comlam/tokenizer"
)

// Sequence is a text or a chat as tokens, with what a loss counts of it.
type Sequence struct {
	IDs     []int32
	Trained []bool // by token: it is to be said
	// Merged is how many tokens of the prompt alone are others where the completion
	// follows, because a token reaches across the border.
	Merged int
	Where  string // file and line, for errors; may be empty
}

// name is how an error calls the sequence, the i-th of a list.
func (s Sequence) name(i int) string {
	if s.Where != "" {
		return s.Where
	}
	return fmt.Sprintf("example %d", i+1)
}

// NumTrained counts the tokens that are trained.
func (s Sequence) NumTrained() int {
	n := 0
	for i, trained := range s.Trained {
		if trained && i > 0 { // nothing stands before the first to tell it from
			n++
		}
	}
	return n
}

// Render turns an example into tokens; of a preference the better completion. Chats go
// through the template of the tokenizer. Plain texts do not: they are encoded as they
// are, and end with the token that ends a document.
func Render(t *tokenizer.Tokenizer, x Example) (Sequence, error) {
	return render(t, x.Prompt, x.Completion)
}

// RenderRejected is Render for the worse completion of a preference.
func RenderRejected(t *tokenizer.Tokenizer, x Example) (Sequence, error) {
	return render(t, x.Prompt, x.Rejected)
}

func render(t *tokenizer.Tokenizer, prompt, completion Passage) (Sequence, error) {
	if len(prompt.Messages)+len(completion.Messages) > 0 {
		return renderChat(t, prompt.Messages, completion.Messages)
	}
	return renderText(t, prompt.Text, completion.Text)
}

// renderChat trains what the assistant says behind the prompt.
func renderChat(t *tokenizer.Tokenizer, prompt, completion []Message) (Sequence, error) {
	whole, err := t.Chat(slices.Concat(prompt, completion), false)
	if err != nil {
		return Sequence{}, err
	}
	s := Sequence{IDs: whole.IDs, Trained: whole.Trained}
	if len(prompt) == 0 {
		return s, nil
	}
	begins := len(completion) > 0 && completion[0].Role == "assistant"
	head, err := t.Chat(prompt, begins)
	if err != nil {
		return Sequence{}, err
	}
	if k := commonLength(head.IDs, s.IDs); k < len(head.IDs) {
		return Sequence{}, fmt.Errorf("the chat template renders the prompt otherwise when a completion follows: they part at token %d of %d", k+1, len(head.IDs))
	}
	s.Trained = slices.Clone(s.Trained)
	clear(s.Trained[:len(head.IDs)])
	return s, nil
}

// renderText trains what stands behind the prompt, and the end.
func renderText(t *tokenizer.Tokenizer, prompt, completion string) (Sequence, error) {
	end, ok := t.EOS()
	if !ok {
		return Sequence{}, errors.New("the tokenizer has no token that ends a document; name one as eos_token in tokenizer_config.json")
	}
	ended := func(ids []int32) []int32 {
		if n := len(ids); n > 0 && ids[n-1] == end {
			return ids
		}
		return append(ids, end)
	}
	s := Sequence{IDs: ended(t.Frame(t.Encode(prompt + completion)))}
	s.Trained = slices.Repeat([]bool{true}, len(s.IDs))
	if prompt == "" {
		return s, nil
	}
	head := ended(t.Frame(t.Encode(prompt)))
	head = head[:len(head)-1]
	k := commonLength(head, s.IDs)
	s.Merged = len(head) - k
	clear(s.Trained[:k])
	return s, nil
}

// commonLength is how many tokens two sequences begin with alike.
func commonLength(a, b []int32) int {
	k := 0
	for k < min(len(a), len(b)) && a[k] == b[k] {
		k++
	}
	return k
}
