package tokenizer

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
)

// Limits of what a file may ask for.
const (
	maxTokens = 1 << 22   // tokens of a vocabulary
	maxFile   = 256 << 20 // bytes of one file
)

// A spec is a tokenizer as tokenizer.json says it. Whatever is loaded or trained
// becomes a spec first, and [build] makes the tokenizer of it.
type spec struct {
	Version       string          `json:"version"`
	Truncation    json.RawMessage `json:"truncation"`
	Padding       json.RawMessage `json:"padding"`
	AddedTokens   []addedToken    `json:"added_tokens"`
	Normalizer    json.RawMessage `json:"normalizer"`
	PreTokenizer  json.RawMessage `json:"pre_tokenizer"`
	PostProcessor json.RawMessage `json:"post_processor"`
	Decoder       json.RawMessage `json:"decoder"`
	Model         modelSpec       `json:"model"`

	native normalizer // the exact one, where Normalizer is the closest that JSON can say
}

// An addedToken is found in the text before anything else happens to it.
type addedToken struct {
	ID         int32  `json:"id"`
	Content    string `json:"content"`
	SingleWord bool   `json:"single_word"` // only where no letter or number is beside it
	LStrip     bool   `json:"lstrip"`      // takes white space on its left along
	RStrip     bool   `json:"rstrip"`
	Normalized bool   `json:"normalized"` // found in normalised text
	Special    bool   `json:"special"`
}

// A modelSpec holds the fields of all models; Type says which count.
type modelSpec struct {
	Type string `json:"type"`
	// BPE
	Dropout                 *float64  `json:"dropout,omitempty"`
	ContinuingSubwordPrefix *string   `json:"continuing_subword_prefix,omitempty"`
	EndOfWordSuffix         *string   `json:"end_of_word_suffix,omitempty"`
	FuseUnk                 bool      `json:"fuse_unk,omitempty"`
	ByteFallback            bool      `json:"byte_fallback,omitempty"`
	IgnoreMerges            bool      `json:"ignore_merges,omitempty"`
	Merges                  mergeList `json:"merges,omitempty"`
	// WordPiece
	MaxInputCharsPerWord int `json:"max_input_chars_per_word,omitempty"`
	// Unigram
	UnkID *int32 `json:"unk_id,omitempty"`
	// all
	UnkToken *string    `json:"unk_token,omitempty"`
	Vocab    vocabulary `json:"vocab"`

	ranks []int32     // of Merges; nil: their places. Equal ones are merged from the left
	kinds []pieceKind // of a SentencePiece model, by id; nil: of another
}

// A vocabulary is tokens by id, with scores in a Unigram model. JSON has it as an
// object from token to id, or as a list of pairs of token and score.
type vocabulary struct {
	tokens []string
	have   []bool // false: no token has this id
	scores []float64
}

// ids lists the tokens that there are.
func (m *modelSpec) ids() map[string]int32 {
	v := m.Vocab
	ids := make(map[string]int32, v.len())
	for id, token := range v.tokens {
		if v.have == nil || v.have[id] {
			ids[token] = int32(id)
		}
	}
	return ids
}

func (v vocabulary) len() int { return len(v.tokens) }

func (v vocabulary) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	open, end := byte('{'), byte('}')
	if v.scores != nil {
		open, end = '[', ']'
	}
	b.WriteByte(open)
	comma := false
	for id, token := range v.tokens {
		if v.have != nil && !v.have[id] {
			continue
		}
		if comma {
			b.WriteByte(',')
		}
		comma = true
		if v.scores != nil {
			fmt.Fprintf(&b, "[%s,%s]", quote(token), number(v.scores[id]))
		} else {
			fmt.Fprintf(&b, "%s:%d", quote(token), id)
		}
	}
	b.WriteByte(end)
	return b.Bytes(), nil
}

func number(x float64) []byte {
	b, err := json.Marshal(x)
	if err != nil {
		return []byte("0") // scores are checked to be finite when they are read
	}
	return b
}

// quote writes a JSON string without escaping what only HTML needs.
func quote(s string) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(s); err != nil {
		return []byte(`""`) // no string fails to encode
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

func (v *vocabulary) UnmarshalJSON(data []byte) error {
	if len(data) > 0 && data[0] == '[' {
		return v.readScores(data)
	}
	var ids map[string]int32
	if err := json.Unmarshal(data, &ids); err != nil {
		return err
	}
	var top int32
	for token, id := range ids {
		if id < 0 {
			return fmt.Errorf("token %q has the id %d; an id is 0 or more", token, id)
		}
		top = max(top, id+1)
	}
	if int(top) > 2*len(ids)+1<<16 || top > maxTokens {
		return fmt.Errorf("the highest of %d tokens has the id %d; at most %d is allowed", len(ids), top-1, min(2*len(ids)+1<<16, maxTokens)-1)
	}
	v.tokens, v.have = make([]string, top), make([]bool, top)
	for token, id := range ids {
		if v.have[id] {
			return fmt.Errorf("tokens %q and %q have the same id %d", min(token, v.tokens[id]), max(token, v.tokens[id]), id)
		}
		v.tokens[id], v.have[id] = token, true
	}
	return nil
}

func (v *vocabulary) readScores(data []byte) error {
	var pairs []scored
	if err := json.Unmarshal(data, &pairs); err != nil {
		return err
	}
	if len(pairs) > maxTokens {
		return fmt.Errorf("%d tokens; at most %d are allowed", len(pairs), maxTokens)
	}
	v.scores = []float64{}
	for _, p := range pairs {
		v.tokens = append(v.tokens, p.token)
		v.scores = append(v.scores, p.score)
	}
	return nil
}

type scored struct {
	token string
	score float64
}

func (s *scored) UnmarshalJSON(data []byte) error {
	return json.Unmarshal(data, &[]any{&s.token, &s.score})
}

// A mergeList is pairs of tokens, the first merged first. JSON has them as "a b" or
// ["a", "b"].
type mergeList [][2]string

func (m *mergeList) UnmarshalJSON(data []byte) error {
	var list []json.RawMessage
	if err := json.Unmarshal(data, &list); err != nil {
		return err
	}
	for i, raw := range list {
		var pair [2]string
		if len(raw) > 0 && raw[0] == '[' {
			var two []string
			if err := json.Unmarshal(raw, &two); err != nil || len(two) != 2 {
				return fmt.Errorf("merge %d is %.60s; it must be two tokens", i, raw)
			}
			pair = [2]string(two)
		} else {
			var line string
			if err := json.Unmarshal(raw, &line); err != nil {
				return fmt.Errorf("merge %d is %.60s; it must be two tokens", i, raw)
			}
			var ok bool
			if pair, ok = cutMerge(line); !ok {
				return fmt.Errorf("merge %d is %q; it must be two tokens with one space between", i, line)
			}
		}
		*m = append(*m, pair)
	}
	return nil
}

func cutMerge(line string) (pair [2]string, ok bool) {
	at := slices.Index([]byte(line), ' ')
	if at < 0 || slices.Contains([]byte(line[at+1:]), ' ') {
		return pair, false
	}
	return [2]string{line[:at], line[at+1:]}, true
}

// readSpec reads tokenizer.json.
func readSpec(data []byte) (spec, error) {
	var s spec
	if err := strict(data, &s); err != nil {
		return s, fmt.Errorf("tokenizer.json: %w", err)
	}
	return s, nil
}

// strict decodes JSON and refuses keys that it does not know: each one changes what
// the tokens are.
func strict(data []byte, to any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(to); err != nil {
		return err
	}
	if d.More() {
		return fmt.Errorf("there is more behind the JSON value, at byte %d", d.InputOffset())
	}
	return nil
}

// isNull holds for a part that is absent.
func isNull(raw json.RawMessage) bool {
	return len(raw) == 0 || string(bytes.TrimSpace(raw)) == "null"
}

// typeOf reads the "type" of a part.
func typeOf(raw json.RawMessage) (string, error) {
	var t struct {
		Type string `json:"type"`
	}
	if err := json.Unmarshal(raw, &t); err != nil {
		return "", err
	}
	return t.Type, nil
}
