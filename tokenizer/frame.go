package tokenizer

import (
	"encoding/json"
	"fmt"
	"slices"
)

// A frame is what stands before and behind one text.
type frame struct{ before, behind []int32 }

func (f frame) around(ids []int32) []int32 { return slices.Concat(f.before, ids, f.behind) }

// readFrame reads a post_processor, as far as single texts go.
func readFrame(raw json.RawMessage) (frame, error) {
	var f frame
	if isNull(raw) {
		return f, nil
	}
	parts, err := flatten(raw, "processors", 0)
	if err != nil {
		return f, err
	}
	for _, p := range parts {
		g, err := readOneFrame(p)
		if err != nil {
			return f, err
		}
		f = frame{slices.Concat(g.before, f.before), slices.Concat(f.behind, g.behind)}
	}
	return f, nil
}

func readOneFrame(raw json.RawMessage) (frame, error) {
	kind, err := typeOf(raw)
	if err != nil {
		return frame{}, err
	}
	switch kind {
	case "ByteLevel": // moves offsets only
		_, err := readByteLevel(raw)
		return frame{}, err
	case "TemplateProcessing":
		return readTemplateFrame(raw)
	case "BertProcessing", "RobertaProcessing":
		return readPairFrame(kind, raw)
	}
	return frame{}, fmt.Errorf("type %q is not known", kind)
}

// A tokenAndID is ["[SEP]", 102].
type tokenAndID struct {
	token string
	id    int32
}

func (t *tokenAndID) UnmarshalJSON(data []byte) error {
	return json.Unmarshal(data, &[]any{&t.token, &t.id})
}

func readPairFrame(kind string, raw json.RawMessage) (frame, error) {
	var p struct {
		Type           string
		Sep, Cls       tokenAndID
		TrimOffsets    bool `json:"trim_offsets"`
		AddPrefixSpace bool `json:"add_prefix_space"`
	}
	if err := strict(raw, &p); err != nil {
		return frame{}, fmt.Errorf("%s: %w", kind, err)
	}
	return frame{[]int32{p.Cls.id}, []int32{p.Sep.id}}, nil
}

type templatePiece struct {
	SpecialToken *struct {
		ID     string `json:"id"`
		TypeID int    `json:"type_id"`
	}
	Sequence *struct {
		ID     string `json:"id"`
		TypeID int    `json:"type_id"`
	}
}

// readTemplateFrame reads the template for single texts: special tokens around the
// sequence A.
func readTemplateFrame(raw json.RawMessage) (frame, error) {
	var p struct {
		Type          string
		Single        []templatePiece
		Pair          json.RawMessage
		SpecialTokens map[string]struct {
			ID     string
			IDs    []int32
			Tokens []string
		} `json:"special_tokens"`
	}
	var f frame
	if err := strict(raw, &p); err != nil {
		return f, fmt.Errorf("TemplateProcessing: %w", err)
	}
	seen := false
	for _, piece := range p.Single {
		if piece.SpecialToken == nil {
			if piece.Sequence == nil || piece.Sequence.ID != "A" || seen {
				return f, fmt.Errorf("TemplateProcessing: the template for single texts must have the sequence A once")
			}
			seen = true
			continue
		}
		t, ok := p.SpecialTokens[piece.SpecialToken.ID]
		if !ok {
			return f, fmt.Errorf("TemplateProcessing: special_tokens does not have %q", piece.SpecialToken.ID)
		}
		if seen {
			f.behind = append(f.behind, t.IDs...)
		} else {
			f.before = append(f.before, t.IDs...)
		}
	}
	return f, nil
}
