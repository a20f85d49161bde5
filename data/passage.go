package data

import (
	"encoding/json"
	"fmt"
	"strings"
)

// roles are those of turns and what other tools call them.
var roles = map[string]string{
	"system": "system", "developer": "system",
	"user": "user", "human": "user",
	"assistant": "assistant", "gpt": "assistant", "chatgpt": "assistant", "bing": "assistant", "bard": "assistant", "model": "assistant", "function_call": "assistant",
	"tool": "tool", "observation": "tool", "function": "tool",
}

// passages reads several passages, which must be of one sort.
func (r record) passages(into map[string]*Passage) error {
	var names []string
	var list []Passage
	for _, key := range r.keys { // in the order of the file, so that errors are the same each time
		p, wanted := into[key]
		if !wanted {
			continue
		}
		var err error
		if *p, err = r.passage(key); err != nil {
			return err
		}
		names, list = append(names, key), append(list, *p)
	}
	return alike(strings.Join(names, " and "), list...)
}

// alike says whether passages are all messages or all plain texts.
func alike(what string, list ...Passage) error {
	plain, turns := false, false
	for _, p := range list {
		turns = turns || len(p.Messages) > 0
		plain = plain || len(p.Messages) == 0 && p.Text != ""
	}
	if plain && turns {
		return fmt.Errorf("%s are in part plain texts and in part messages; write them alike", what)
	}
	return nil
}

// passage reads a text, a list of messages, or one message.
func (r record) passage(key string) (Passage, error) {
	raw := r.fields[key]
	switch {
	case len(raw) == 0:
		return Passage{}, fmt.Errorf("there is no %q", key)
	case raw[0] == '"':
		s, err := r.text(key)
		return Passage{Text: s}, err
	case raw[0] == '{': // LLaMA-Factory writes the answers of a preference so
		m, err := message(raw)
		if err != nil {
			return Passage{}, fmt.Errorf("%q: %w", key, err)
		}
		return Passage{Messages: []Message{m}}, nil
	}
	m, err := r.messages(key)
	return Passage{Messages: m}, err
}

// messages reads a list of turns.
func (r record) messages(key string) ([]Message, error) {
	var list []json.RawMessage
	if err := json.Unmarshal(r.fields[key], &list); err != nil {
		return nil, fmt.Errorf("%q is %s, not a list of messages", key, shortened(string(r.fields[key])))
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("%q has no message", key)
	}
	turns := make([]Message, len(list))
	for i, raw := range list {
		var err error
		if turns[i], err = message(raw); err != nil {
			return nil, fmt.Errorf("%q: message %d: %w", key, i+1, err)
		}
	}
	return turns, nil
}

// message reads {role, content} or {from, value}.
func message(raw json.RawMessage) (Message, error) {
	rec, err := object(raw)
	if err != nil {
		return Message{}, err
	}
	role, content := "role", "content"
	if rec.has("from") && rec.has("value") {
		role, content = "from", "value"
	}
	for _, key := range []string{"tool_calls", "function_call"} {
		if rec.has(key) {
			return Message{}, fmt.Errorf("%q is not supported; write the call into the content", key)
		}
	}
	if !rec.has(role) || !rec.has(content) {
		return Message{}, fmt.Errorf("its keys are %s, not role and content or from and value", strings.Join(rec.keys, ", "))
	}
	said, err := rec.text(role)
	if err != nil {
		return Message{}, err
	}
	known, ok := roles[said]
	if !ok {
		return Message{}, fmt.Errorf("there is no role %.100q; use one of system, user, assistant, tool", said)
	}
	s, err := rec.content(content)
	return Message{Role: known, Content: s}, err
}

// content is a text, or parts of type text that are joined.
func (r record) content(key string) (string, error) {
	raw := r.fields[key]
	if raw[0] != '[' {
		return r.text(key)
	}
	var parts []struct {
		Type string
		Text json.RawMessage
	}
	if err := json.Unmarshal(raw, &parts); err != nil {
		return "", fmt.Errorf("%q is %s, not a text", key, shortened(string(raw)))
	}
	var all strings.Builder
	for i, p := range parts {
		if p.Type != "text" {
			return "", fmt.Errorf("%q: part %d is of the type %.100q; only text is supported", key, i+1, p.Type)
		}
		s, err := text(p.Text)
		if err != nil {
			return "", fmt.Errorf("%q: part %d: %w", key, i+1, err)
		}
		all.WriteString(s)
	}
	return all.String(), nil
}

// common cuts what two completions begin with off them, as TRL does: whole turns, or of
// plain texts all characters up to the first that differs, but for a space before it,
// which belongs to the completions. Where one is the beginning of the other, its last
// turn or character stays.
func common(chosen, rejected Passage) (prompt, a, b Passage, err error) {
	if err := alike("chosen and rejected", chosen, rejected); err != nil {
		return prompt, a, b, err
	}
	if m, n := chosen.Messages, rejected.Messages; len(m) > 0 && len(n) > 0 {
		k := 0
		for k < min(len(m), len(n))-1 && m[k] == n[k] {
			k++
		}
		return Passage{Messages: m[:k:k]}, Passage{Messages: m[k:]}, Passage{Messages: n[k:]}, nil
	}
	m, n := []rune(chosen.Text), []rune(rejected.Text)
	most, k := min(len(m), len(n)), 0
	for k < most-1 && m[k] == n[k] {
		k++
	}
	if k > 0 && m[k] != n[k] && m[k-1] == ' ' {
		k--
	}
	return Passage{Text: string(m[:k])}, Passage{Text: string(m[k:])}, Passage{Text: string(n[k:])}, nil
}
