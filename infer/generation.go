package infer

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/comlam/comlam/tokenizer"
)

// Generation is what a generation_config.json says: the tokens around a text, and how
// its author samples.
type Generation struct {
	BOS      int32 // -1 for none
	EOS      []int32
	Sampling Sampling // without MaxTokens, Seed and Stop
}

// ids is one token or several.
type ids []int32

func (l *ids) UnmarshalJSON(text []byte) error {
	if len(text) > 0 && text[0] == '[' {
		return json.Unmarshal(text, (*[]int32)(l))
	}
	var one int32
	err := json.Unmarshal(text, &one)
	*l = ids{one}
	return err
}

// generationFile is the JSON of a generation_config.json; of a config.json, the first
// two are read where that does not have them.
type generationFile struct {
	BOS               *int32   `json:"bos_token_id,omitempty"`
	EOS               ids      `json:"eos_token_id,omitempty"`
	PAD               *int32   `json:"pad_token_id,omitempty"`
	DoSample          bool     `json:"do_sample,omitempty"`
	Temperature       *float64 `json:"temperature,omitempty"`
	TopK              *int     `json:"top_k,omitempty"`
	TopP              *float64 `json:"top_p,omitempty"`
	MinP              *float64 `json:"min_p,omitempty"`
	RepetitionPenalty *float64 `json:"repetition_penalty,omitempty"`
}

// readGeneration reads what a folder says, else what its configuration says, else what
// its tokenizer says.
func readGeneration(dir string, config []byte, t *tokenizer.Tokenizer) (Generation, error) {
	var file, fallback generationFile
	name := filepath.Join(dir, generationName)
	text, err := readSmall(name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return Generation{}, err
	}
	if err == nil {
		if err := json.Unmarshal(text, &file); err != nil {
			return Generation{}, fmt.Errorf("%s: %w", generationName, err)
		}
	}
	if err := json.Unmarshal(config, &fallback); err != nil {
		return Generation{}, fmt.Errorf("%s: %w", configName, err)
	}
	if file.BOS == nil {
		file.BOS = fallback.BOS
	}
	if len(file.EOS) == 0 {
		file.EOS = fallback.EOS
	}
	g := Generation{BOS: -1, EOS: file.EOS, Sampling: file.sampling()}
	if file.BOS != nil {
		g.BOS = *file.BOS
	}
	if t != nil {
		g.complete(t)
	}
	if err := g.Sampling.Validate(); err != nil {
		return g, fmt.Errorf("%s: %w", generationName, err)
	}
	return g, nil
}

// complete takes from the tokenizer what files leave open.
func (g *Generation) complete(t *tokenizer.Tokenizer) {
	if id, ok := t.BOS(); ok && g.BOS < 0 {
		g.BOS = id
	}
	if id, ok := t.EOS(); ok && len(g.EOS) == 0 {
		g.EOS = []int32{id}
	}
}

// sampling is what the file says of sampling: the likeliest token unless do_sample is
// set, and then a temperature of 1 and the 50 likeliest, where it says nothing else, as in
// transformers.
func (f generationFile) sampling() Sampling {
	var s Sampling
	if f.DoSample {
		s.Temperature, s.TopK = 1, 50
		set(&s.Temperature, f.Temperature)
		set(&s.TopK, f.TopK)
		set(&s.TopP, f.TopP)
		set(&s.MinP, f.MinP)
	}
	set(&s.RepetitionPenalty, f.RepetitionPenalty)
	return s
}

func set[T any](to, from *T) {
	if from != nil {
		*to = *from
	}
}

// json is the file.
func (g Generation) json(t *tokenizer.Tokenizer) ([]byte, error) {
	f := generationFile{EOS: g.EOS}
	if g.BOS >= 0 {
		f.BOS = &g.BOS
	}
	if t != nil {
		if id, ok := t.PAD(); ok {
			f.PAD = &id
		}
	}
	if s := g.Sampling; s.Temperature > 0 {
		f.DoSample, f.Temperature, f.TopK = true, &s.Temperature, &s.TopK
		if s.TopP > 0 {
			f.TopP = &s.TopP
		}
		if s.MinP > 0 {
			f.MinP = &s.MinP
		}
	}
	if p := g.Sampling.RepetitionPenalty; p > 0 && p != 1 {
		f.RepetitionPenalty = &p
	}
	text, err := json.MarshalIndent(f, "", "  ")
	return append(text, '\n'), err
}
