package data

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/comlam/comlam/tokenizer"
)

// Format is how the records of a file spell examples.
type Format string

// The formats, as the tools that are named call them.
const (
	FormatText       Format = "text"              // {text}
	FormatCompletion Format = "prompt-completion" // {prompt, completion} (TRL)
	FormatMessages   Format = "messages"          // {messages: [{role, content}]} (OpenAI, TRL)
	FormatAlpaca     Format = "alpaca"            // {instruction, input, output|response, system, history}
	FormatShareGPT   Format = "sharegpt"          // {conversations: [{from, value}], system}
	FormatPreference Format = "preference"        // {prompt, chosen, rejected}; the prompt may be implicit
	FormatLabelled   Format = "labelled"          // {prompt, completion, label} (TRL, for KTO), or kto_tag (LLaMA-Factory)
)

// Kind is what an example teaches.
type Kind string

// The kinds.
const (
	KindText       Kind = "text"       // to go on as the text does
	KindChat       Kind = "chat"       // to say what the assistant says
	KindCompletion Kind = "completion" // to go on after a prompt
	KindPreference Kind = "preference" // to prefer one completion to another
	KindLabelled   Kind = "labelled"   // that a completion is good, or that it is not
)

// Message is one turn of a conversation.
type Message = tokenizer.Message

// Passage is a piece of an example: messages, or plain text where there are none.
type Passage struct {
	Text     string
	Messages []Message
}

// Empty says whether nothing is there.
func (p Passage) Empty() bool { return p.Text == "" && len(p.Messages) == 0 }

// Example is one example, whatever format it came in.
type Example struct {
	Line       int // of the file, from 1
	Kind       Kind
	Prompt     Passage // what goes before; empty for kinds text and chat
	Completion Passage // what is learned: the whole of a text or chat, the better of two
	Rejected   Passage // of kind preference
	Good       bool    // of kind labelled
}

// Examples are those of one file.
type Examples struct {
	File   string
	Format Format
	Kind   Kind
	List   []Example
	Unused []string // keys that were not read, sorted
}

// Columns rename the keys of a file: of the key that a format wants, the key that the
// file has, such as {"chosen": "response_j"}.
type Columns map[string]string

// OpenExamples reads a file of examples: JSON Lines or a JSON array, plain or gzip.
func OpenExamples(path string, columns Columns) (*Examples, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return ReadExamples(path, f, columns)
}

// ReadExamples reads a file of examples. The first record says what format the file
// has; one that does not fit is an error, a *[FormatError] with its line.
func ReadExamples(name string, r io.Reader, columns Columns) (*Examples, error) {
	e := &Examples{File: name}
	for rec, err := range records(name, r) {
		if err == nil {
			if rec, err = columns.rename(rec); err == nil {
				err = e.add(rec)
			}
			if err != nil {
				err = &FormatError{File: name, Line: rec.line, Err: err}
			}
		}
		if err != nil {
			return nil, err
		}
	}
	if len(e.List) == 0 {
		return nil, &FormatError{File: name, Err: errors.New("there is no example in it")}
	}
	slices.Sort(e.Unused)
	return e, nil
}

// rename gives columns the names that the formats use.
func (c Columns) rename(rec record) (record, error) {
	for want, has := range c {
		value, ok := rec.fields[has]
		if !ok {
			return rec, fmt.Errorf("there is no column %q for %q; there are: %s", has, want, strings.Join(rec.keys, ", "))
		}
		if _, taken := rec.fields[want]; taken && want != has {
			return rec, fmt.Errorf("column %q is to be %q, and that is there too", has, want)
		}
		rec.fields[want] = value
		if want != has {
			delete(rec.fields, has)
		}
		rec.keys[slices.Index(rec.keys, has)] = want
	}
	return rec, nil
}

// add reads one record.
func (e *Examples) add(rec record) error {
	format, err := detect(rec)
	if err != nil {
		return err
	}
	if e.Format == "" {
		e.Format = format
	}
	if format != e.Format {
		return fmt.Errorf("a record of the format %s (its keys are %s) in a file that began as %s", format, strings.Join(rec.keys, ", "), e.Format)
	}
	x, used, err := readAs(format, rec)
	if err != nil {
		return err
	}
	if e.Kind == "" {
		e.Kind = x.Kind
	}
	if x.Kind != e.Kind {
		return fmt.Errorf("a %s example in a file that began with %s examples", x.Kind, e.Kind)
	}
	for _, key := range rec.keys {
		if !slices.Contains(used, key) && !slices.Contains(e.Unused, key) {
			e.Unused = append(e.Unused, key)
		}
	}
	x.Line = rec.line
	e.List = append(e.List, x)
	return nil
}

// detect tells the format by the keys, the most telling first.
func detect(rec record) (Format, error) {
	switch {
	case rec.has("chosen") && rec.has("rejected"):
		return FormatPreference, nil
	case rec.has("label") || rec.has("kto_tag"):
		return FormatLabelled, nil
	case rec.has("messages"):
		return FormatMessages, nil
	case rec.has("conversations"):
		return FormatShareGPT, nil
	case rec.has("prompt") && rec.has("completion"):
		return FormatCompletion, nil
	case rec.has("instruction") && (rec.has("output") || rec.has("response")):
		return FormatAlpaca, nil
	case rec.has("text"):
		return FormatText, nil
	}
	return "", fmt.Errorf("no format has the keys %s; use {prompt, completion}, {messages}, {conversations}, {instruction, output}, {text}, {prompt, chosen, rejected} or {prompt, completion, label}, or rename columns", strings.Join(rec.keys, ", "))
}

// readAs turns a record of a format into an example and says which keys it used.
func readAs(format Format, rec record) (x Example, used []string, err error) {
	switch format {
	case FormatText:
		x.Kind = KindText
		x.Completion.Text, err = rec.text("text")
		return x, []string{"text"}, err
	case FormatCompletion:
		x.Kind = KindCompletion
		err = rec.passages(map[string]*Passage{"prompt": &x.Prompt, "completion": &x.Completion})
		return x, []string{"prompt", "completion"}, err
	case FormatMessages:
		x.Kind = KindChat
		x.Completion.Messages, err = rec.messages("messages")
		return x, []string{"messages"}, err
	case FormatShareGPT:
		x.Kind = KindChat
		x.Completion.Messages, err = rec.conversation()
		return x, []string{"conversations", "system"}, err
	case FormatAlpaca:
		return readAlpaca(rec)
	case FormatPreference:
		return readPreference(rec)
	}
	return readLabelled(rec)
}

// conversation is the turns of sharegpt, a system prompt beside them first.
func (r record) conversation() ([]Message, error) {
	m, err := r.messages("conversations")
	if err != nil {
		return nil, err
	}
	system, err := r.optional("system")
	if err == nil && system != "" {
		m = append([]Message{{Role: "system", Content: system}}, m...)
	}
	return m, err
}

func readAlpaca(rec record) (Example, []string, error) {
	m, used, err := rec.instruction()
	if err != nil {
		return Example{}, nil, err
	}
	answer := "output"
	if !rec.has(answer) {
		answer = "response"
	}
	s, err := rec.text(answer)
	m = append(m, Message{Role: "assistant", Content: s})
	return Example{Kind: KindChat, Completion: Passage{Messages: m}}, append(used, answer), err
}

// instruction is what alpaca has before the answer: system, earlier turns, and the
// instruction with its input on the next line.
func (r record) instruction() (m []Message, used []string, err error) {
	used = []string{"system", "history", "instruction", "input"}
	system, err := r.optional("system")
	if err != nil {
		return nil, nil, err
	}
	if system != "" {
		m = append(m, Message{Role: "system", Content: system})
	}
	if r.has("history") {
		var pairs [][]string
		if err := json.Unmarshal(r.fields["history"], &pairs); err != nil {
			return nil, nil, errors.New(`"history" is not a list of pairs [question, answer]`)
		}
		for i, p := range pairs {
			if len(p) != 2 {
				return nil, nil, fmt.Errorf(`"history": turn %d has %d parts, not question and answer`, i+1, len(p))
			}
			m = append(m, Message{Role: "user", Content: p[0]}, Message{Role: "assistant", Content: p[1]})
		}
	}
	ask, err := r.text("instruction")
	if err != nil {
		return nil, nil, err
	}
	input, err := r.optional("input")
	if input != "" {
		ask += "\n" + input
	}
	return append(m, Message{Role: "user", Content: ask}), used, err
}

// readPreference reads two completions of a prompt. Where there is no prompt it is what
// both have in common.
func readPreference(rec record) (Example, []string, error) {
	x := Example{Kind: KindPreference}
	used := []string{"chosen", "rejected"}
	if err := rec.passages(map[string]*Passage{"chosen": &x.Completion, "rejected": &x.Rejected}); err != nil {
		return x, nil, err
	}
	var err error
	switch {
	case rec.has("prompt"):
		used = append(used, "prompt")
		x.Prompt, err = rec.passage("prompt")
	case rec.has("conversations"):
		used = append(used, "conversations", "system")
		x.Prompt.Messages, err = rec.conversation()
		x.asMessages()
	case rec.has("instruction"):
		var more []string
		x.Prompt.Messages, more, err = rec.instruction()
		used = append(used, more...)
		x.asMessages()
	default:
		x.Prompt, x.Completion, x.Rejected, err = common(x.Completion, x.Rejected)
	}
	if err != nil {
		return x, nil, err
	}
	return x, used, alike("prompt, chosen and rejected", x.Prompt, x.Completion, x.Rejected)
}

// asMessages makes answers that are plain texts turns of the assistant.
func (x *Example) asMessages() {
	for _, p := range []*Passage{&x.Completion, &x.Rejected} {
		if len(p.Messages) == 0 {
			*p = Passage{Messages: []Message{{Role: "assistant", Content: p.Text}}}
		}
	}
}

func readLabelled(rec record) (Example, []string, error) {
	x := Example{Kind: KindLabelled}
	label := "label"
	if !rec.has(label) {
		label = "kto_tag"
	}
	if err := json.Unmarshal(rec.fields[label], &x.Good); err != nil {
		return x, nil, fmt.Errorf("%q is %s, not true or false", label, shortened(string(rec.fields[label])))
	}
	if rec.has("prompt") && rec.has("completion") {
		err := rec.passages(map[string]*Passage{"prompt": &x.Prompt, "completion": &x.Completion})
		return x, []string{"prompt", "completion", label}, err
	}
	delete(rec.fields, label)
	format, err := detect(rec)
	if err != nil {
		return x, nil, err
	}
	chat, used, err := readAs(format, rec)
	if err != nil {
		return x, nil, err
	}
	if chat.Kind != KindChat {
		return x, nil, fmt.Errorf("a label beside a record of the format %s, which has no answer of its own", format)
	}
	m := chat.Completion.Messages
	last := len(m) - 1
	if m[last].Role != "assistant" {
		return x, nil, fmt.Errorf("a label, and the last turn is of %q, not of the assistant", m[last].Role)
	}
	x.Prompt.Messages, x.Completion.Messages = m[:last:last], m[last:]
	return x, append(used, label), nil
}
