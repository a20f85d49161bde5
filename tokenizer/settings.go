package tokenizer

import (
	"encoding/json"
	"fmt"
)

// settings are what tokenizer_config.json says beyond tokenizer.json.
type settings struct {
	EOS, BOS, PAD, UNK string
	Template           string // the chat template named "default", or the only one
	rest               map[string]json.RawMessage
}

// readSettings reads tokenizer_config.json; nil data is an empty one.
func readSettings(data []byte) (settings, error) {
	var s settings
	if len(data) == 0 {
		return s, nil
	}
	if err := json.Unmarshal(data, &s.rest); err != nil {
		return s, fmt.Errorf("tokenizer_config.json: %w", err)
	}
	return s, s.read()
}

func (s *settings) read() error {
	for _, f := range []struct {
		key string
		to  *string
	}{{"eos_token", &s.EOS}, {"bos_token", &s.BOS}, {"pad_token", &s.PAD}, {"unk_token", &s.UNK}} {
		if err := readTokenName(s.rest[f.key], f.to); err != nil {
			return fmt.Errorf("tokenizer_config.json: %s: %w", f.key, err)
		}
	}
	if raw := s.rest["chat_template"]; !isNull(raw) {
		if err := s.readTemplate(raw); err != nil {
			return fmt.Errorf("tokenizer_config.json: chat_template: %w", err)
		}
	}
	return nil
}

// readTokenName reads "<s>" or {"content": "<s>", ...}.
func readTokenName(raw json.RawMessage, to *string) error {
	if isNull(raw) {
		return nil
	}
	if raw[0] != '{' {
		return json.Unmarshal(raw, to)
	}
	var t struct {
		Content string `json:"content"`
	}
	err := json.Unmarshal(raw, &t)
	*to = t.Content
	return err
}

// readTemplate reads a template, or of several named ones the one named default.
func (s *settings) readTemplate(raw json.RawMessage) error {
	if raw[0] != '[' {
		return json.Unmarshal(raw, &s.Template)
	}
	var named []struct {
		Name     string `json:"name"`
		Template string `json:"template"`
	}
	if err := json.Unmarshal(raw, &named); err != nil {
		return err
	}
	for _, n := range named {
		if n.Name == "default" {
			s.Template = n.Template
		}
	}
	if s.Template == "" {
		return fmt.Errorf("none of %d templates is named \"default\"", len(named))
	}
	return nil
}
