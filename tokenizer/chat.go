package tokenizer

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/comlam/comlam/tokenizer/jinja"
)

// DefaultTemplate is the chat template of a tokenizer trained here: ChatML, with the
// marks of what the assistant says.
const DefaultTemplate = `{%- for message in messages -%}
{{- '<|im_start|>' + message.role + '\n' -}}
{%- if message.role == 'assistant' -%}
{%- generation -%}{{- message.content + '<|im_end|>' -}}{%- endgeneration -%}
{%- else -%}
{{- message.content + '<|im_end|>' -}}
{%- endif -%}
{{- '\n' -}}
{%- endfor -%}
{%- if add_generation_prompt -%}{{- '<|im_start|>assistant\n' -}}{%- endif -%}
`

// A Message is one turn of a chat. Roles are system, user and assistant; a template may
// know more.
type Message struct{ Role, Content string }

// A Chat is a rendered chat.
type Chat struct {
	Text    string
	IDs     []int32
	Trained []bool // by id: the loss counts it, for the assistant is to say it
}

// ErrNoTemplate says that a tokenizer has no chat template.
var ErrNoTemplate = errors.New("the tokenizer has no chat template")

type chatTemplate struct{ *jinja.Template }

func parseTemplate(source string) (*chatTemplate, error) {
	t, err := jinja.Parse(source)
	if err != nil {
		return nil, err
	}
	return &chatTemplate{t}, nil
}

// Chat renders messages with the chat template and encodes them. With prompt, the text
// ends where the assistant is to begin.
//
// What messages say is text from outside: special tokens in it are spelt out, so that
// nobody ends a turn but the template. Text is cut where the assistant begins and ends
// before it is encoded, so that the ids of a prompt are the beginning of those of the
// chat that goes on from it.
//
// A template with generation marks says itself what is trained. Without them it is what
// each turn of the assistant adds to the rendered prompt before it; where that is not
// the beginning of the whole, as with templates that rewrite earlier turns, Chat
// fails rather than guess.
func (t *Tokenizer) Chat(m []Message, prompt bool) (Chat, error) {
	if t.template == nil {
		return Chat{}, ErrNoTemplate
	}
	mark, err := t.sentinel(m)
	if err != nil {
		return Chat{}, err
	}
	text, spans, err := t.render(t.armour(m, mark), prompt)
	if err != nil {
		return Chat{}, fmt.Errorf("render a chat of %d messages: %w", len(m), err)
	}
	var c Chat
	at := 0
	for _, s := range spans {
		t.append(&c, text, at, s.Start, mark, false)
		t.append(&c, text, s.Start, s.End, mark, true)
		at = s.End
	}
	t.append(&c, text, at, len(text), mark, false)
	c.Text = text
	if mark != "" {
		c.Text = strings.ReplaceAll(text, mark, "")
	}
	return c, nil
}

// append encodes text[from:to].
func (t *Tokenizer) append(c *Chat, text string, from, to int, mark string, trained bool) {
	if from == to {
		return
	}
	c.IDs = t.encodeArmoured(c.IDs, text[from:to], mark, from == 0)
	for len(c.Trained) < len(c.IDs) {
		c.Trained = append(c.Trained, trained)
	}
}

// render runs the template and finds the trained parts of its output.
func (t *Tokenizer) render(m []Message, prompt bool) (string, []jinja.Span, error) {
	out, err := t.run(m, prompt)
	if err != nil {
		return "", nil, err
	}
	if t.template.Marks() {
		return out.Text, out.Generated, nil
	}
	spans, err := t.addedByTurns(m, out.Text)
	return out.Text, spans, err
}

func (t *Tokenizer) run(m []Message, prompt bool) (jinja.Output, error) {
	budget := jinja.DefaultBudget
	messages := make([]any, len(m))
	for i, x := range m {
		d := jinja.NewDict()
		d.Set("role", x.Role)
		d.Set("content", x.Content)
		messages[i] = d
		budget.Bytes += 4 * int64(len(x.Content)+len(x.Role))
		budget.Steps += int64(len(x.Content))
	}
	vars := map[string]any{"messages": messages, "add_generation_prompt": prompt}
	for name, token := range map[string]string{"bos_token": t.set.BOS, "eos_token": t.set.EOS, "pad_token": t.set.PAD, "unk_token": t.set.UNK} {
		if token != "" {
			vars[name] = token
		}
	}
	return t.template.Render(vars, budget)
}

// addedByTurns finds what each turn of the assistant adds.
func (t *Tokenizer) addedByTurns(m []Message, whole string) ([]jinja.Span, error) {
	var spans []jinja.Span
	for i, x := range m {
		if x.Role != "assistant" {
			continue
		}
		before, err := t.run(m[:i], true)
		if err != nil {
			return nil, fmt.Errorf("the prompt of message %d: %w", i, err)
		}
		with, err := t.run(m[:i+1], false)
		if err != nil {
			return nil, fmt.Errorf("up to message %d: %w", i, err)
		}
		if !strings.HasPrefix(whole, with.Text) || !strings.HasPrefix(with.Text, before.Text) {
			return nil, fmt.Errorf("the template marks no generation, and what message %d adds is not clear: the chat before it is not rendered the same way as in the whole; add {%% generation %%} to the template", i)
		}
		spans = append(spans, jinja.Span{Start: len(before.Text), End: t.endOfTurn(with.Text, len(before.Text))})
	}
	return spans, nil
}

// endOfTurn leaves out white space behind the special token that ends a turn: after
// that token nobody asks the model for more.
func (t *Tokenizer) endOfTurn(text string, start int) int {
	end := len(strings.TrimRightFunc(text, isWhite))
	for _, a := range t.spec.AddedTokens {
		if a.Special && end-start >= len(a.Content) && strings.HasSuffix(text[:end], a.Content) {
			return end
		}
	}
	return len(text)
}

// sentinel returns a rune that is in no message if a special token is in one of them,
// otherwise "".
func (t *Tokenizer) sentinel(m []Message) (string, error) {
	if t.plain == nil && t.normal == nil {
		return "", nil
	}
	hostile := false
	for _, x := range m {
		hostile = hostile || t.special(x.Content) || t.special(x.Role)
	}
	if !hostile {
		return "", nil
	}
	for r := rune(0xFDD0); r <= 0xFDEF; r++ { // noncharacters, for internal use by definition
		mark := string(r)
		used := strings.Contains(t.set.Template, mark)
		for _, x := range m {
			used = used || strings.Contains(x.Content, mark) || strings.Contains(x.Role, mark)
		}
		if !used {
			return mark, nil
		}
	}
	return "", errors.New("the messages have special tokens and every noncharacter from U+FDD0 to U+FDEF in them; remove one or the other")
}

// special says that there is a special token in a text.
func (t *Tokenizer) special(text string) bool {
	for i := range t.spec.AddedTokens {
		if a := &t.spec.AddedTokens[i]; a.Special && strings.Contains(text, a.Content) {
			return true
		}
	}
	return false
}

// armour puts the mark into every special token in the messages.
func (t *Tokenizer) armour(m []Message, mark string) []Message {
	if mark == "" {
		return m
	}
	var pairs []string
	for _, a := range t.spec.AddedTokens {
		if a.Special {
			first := len(string([]rune(a.Content)[:1]))
			pairs = append(pairs, a.Content, a.Content[:first]+mark+a.Content[first:])
		}
	}
	out := make([]Message, len(m))
	for i, x := range m {
		out[i] = x
		for j := 0; j < len(pairs); j += 2 {
			out[i].Content = strings.ReplaceAll(out[i].Content, pairs[j], pairs[j+1])
			out[i].Role = strings.ReplaceAll(out[i].Role, pairs[j], pairs[j+1])
		}
	}
	return out
}

// encodeArmoured encodes text in which special tokens count, but for those with the
// mark in them.
func (t *Tokenizer) encodeArmoured(dst []int32, text, mark string, begins bool) []int32 {
	if mark == "" || !strings.Contains(text, mark) {
		return t.encode(dst, text, true, begins)
	}
	at := 0
	for _, m := range append(t.specials(text), match{start: len(text), end: len(text)}) {
		if m.start < at {
			continue // inside one that was found first
		}
		if m.start > at {
			dst = t.encode(dst, strings.ReplaceAll(text[at:m.start], mark, ""), false, begins || at > 0)
		}
		if m.token != nil {
			dst = append(dst, m.token.ID)
		}
		at = m.end
	}
	return dst
}

// specials lists the special tokens in a text from left to right.
func (t *Tokenizer) specials(text string) []match {
	var list []match
	for _, m := range []*matcher{t.plain, t.normal} {
		for at := 0; m != nil; {
			x, ok := m.next(text, at, true)
			if !ok {
				break
			}
			if x.token.Special {
				list = append(list, x)
			}
			at = max(x.end, at+1)
		}
	}
	slices.SortStableFunc(list, func(a, b match) int { return cmp.Compare(a.start, b.start) })
	return list
}
