package eval

import (
	"fmt"
	"slices"
	"strings"

	"github.com/comlam/comlam/tokenizer"
)

// Form is how a question is put to a language model and what counts as an answer.
type Form struct {
	Name    string
	About   string                    // one line
	Chat    bool                      // what is asked is a user's message, the answer the assistant's
	Prompt  func(q Question) string   // what is asked
	Answers func(q Question) []string // the answer that each option stands for
}

// The forms. Cloze is how lm-evaluation-harness asks where options are texts (ARC,
// HellaSwag), Letters how it asks where they are listed (MMLU).
var (
	Cloze = Form{
		Name: "cloze", About: "the question alone, each option's text as its answer",
		Prompt:  func(q Question) string { return "Question: " + q.Text + "\nAnswer:" },
		Answers: optionTexts,
	}
	Letters = Form{
		Name: "letters", About: "the options listed below the question, their letters as answers",
		Prompt: func(q Question) string { return "Question: " + q.Text + listed(q) + "\nAnswer:" }, Answers: optionLetters,
	}
	Chat = Form{
		Name: "chat", About: "a chat: the options listed below the question, their texts as answers", Chat: true,
		Prompt: func(q Question) string { return q.Text + listed(q) }, Answers: optionTexts,
	}
	ChatBare = Form{
		Name: "chat-bare", About: "a chat: the question alone, each option's text as its answer", Chat: true,
		Prompt: func(q Question) string { return q.Text }, Answers: optionTexts,
	}
	ChatLetters = Form{
		Name: "chat-letters", About: "a chat: the options listed below the question, their letters as answers", Chat: true,
		Prompt: func(q Question) string { return q.Text + listed(q) }, Answers: optionLetters,
	}
)

// Forms lists them.
var Forms = []Form{Cloze, Letters, Chat, ChatBare, ChatLetters}

// FindForm is the form of a name.
func FindForm(name string) (Form, bool) {
	i := slices.IndexFunc(Forms, func(f Form) bool { return f.Name == name })
	if i < 0 {
		return Form{}, false
	}
	return Forms[i], true
}

func optionTexts(q Question) []string { return q.Options }

func optionLetters(q Question) []string {
	letters := make([]string, len(q.Options))
	for i := range letters {
		letters[i] = letter(i)
	}
	return letters
}

// letter is A to Z; beyond, it goes on with numbers.
func letter(i int) string {
	if i < 26 {
		return string(rune('A' + i))
	}
	return fmt.Sprint(i + 1)
}

// listed is the options, a line each.
func listed(q Question) string {
	var b strings.Builder
	for i, o := range q.Options {
		fmt.Fprintf(&b, "\n%s. %s", letter(i), o)
	}
	return b.String()
}

// encoded is a question in tokens.
type encoded struct {
	prompt  string // as the model reads it
	before  string // what stands between prompt and answer
	context []int32
	answers [][]int32 // the answer of each option
	ends    []int32   // the token behind each answer; -1 where there is none to know
}

// encode turns a question into tokens as t has them.
func (f Form) encode(t *tokenizer.Tokenizer, q Question) (encoded, error) {
	if f.Chat {
		return f.encodeChat(t, q)
	}
	// As lm-evaluation-harness does: context and answer are encoded together and cut
	// where the context alone ends.
	prompt := f.Prompt(q)
	alone := t.Encode(prompt)
	e := encoded{prompt: prompt, before: " ", context: started(t, alone)}
	end, ok := t.EOS()
	if !ok {
		end = -1
	}
	for _, a := range f.Answers(q) {
		whole := t.Encode(prompt + e.before + a)
		if len(whole) <= len(alone) {
			return e, fmt.Errorf("the answer %q to question %q has no token of its own", a, q.ID)
		}
		e.answers = append(e.answers, whole[len(alone):])
		e.ends = append(e.ends, end)
	}
	return e, nil
}

// started puts before ids what the tokenizer puts before a text.
func started(t *tokenizer.Tokenizer, ids []int32) []int32 {
	return slices.Concat(before(t), ids)
}

// before is what the tokenizer puts before a text, such as <s>; mostly nothing.
func before(t *tokenizer.Tokenizer) []int32 {
	probe := t.Encode("a")
	framed := t.Frame(probe)
	for at := 0; at+len(probe) <= len(framed); at++ {
		if slices.Equal(framed[at:at+len(probe)], probe) {
			return framed[:at]
		}
	}
	return nil
}

// encodeChat takes answers from whole chats: what the template adds to the prompt.
func (f Form) encodeChat(t *tokenizer.Tokenizer, q Question) (encoded, error) {
	asked := []tokenizer.Message{{Role: "user", Content: f.Prompt(q)}}
	prompt, err := t.Chat(asked, true)
	if err != nil {
		return encoded{}, err
	}
	e := encoded{prompt: prompt.Text, context: prompt.IDs}
	for _, a := range f.Answers(q) {
		whole, err := t.Chat(append(slices.Clone(asked), tokenizer.Message{Role: "assistant", Content: a}), false)
		if err != nil {
			return encoded{}, err
		}
		n := len(prompt.IDs)
		if len(whole.IDs) < n || !slices.Equal(whole.IDs[:n], prompt.IDs) {
			return encoded{}, fmt.Errorf("the chat template does not go on from its own prompt; question %q cannot be asked in the form %s", q.ID, f.Name)
		}
		said := n
		for said < len(whole.IDs) && !t.Special(whole.IDs[said]) {
			said++
		}
		end := int32(-1)
		if said < len(whole.IDs) {
			end = whole.IDs[said]
		}
		if said == n {
			return encoded{}, fmt.Errorf("the answer %q to question %q has no token of its own", a, q.ID)
		}
		e.answers = append(e.answers, whole.IDs[n:said])
		e.ends = append(e.ends, end)
	}
	return e, nil
}
