package tokenizer

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"unicode/utf8"
)

// A pieceKind is what a piece of a SentencePiece model is.
type pieceKind uint8

const (
	normalPiece  pieceKind = 1
	unknownPiece pieceKind = 2
	controlPiece pieceKind = 3
	userPiece    pieceKind = 4
	unusedPiece  pieceKind = 5
	bytePiece    pieceKind = 6
)

// blankMark stands for a blank in pieces.
const blankMark = "▁"

// A modelProto is a SentencePiece model (sentencepiece_model.proto).
type modelProto struct {
	pieces []string
	scores []float64
	kinds  []pieceKind

	bpe                bool
	fallback           bool
	suffixBlank        bool // treat_whitespace_as_suffix
	bos, eos, pad, unk int64
	norm               modelNorm
}

// modelNorm is its normalizer_spec.
type modelNorm struct {
	charsmap    []byte
	prefix      bool // add_dummy_prefix
	squeeze     bool // remove_extra_whitespaces
	escapeBlank bool
}

func readModelProto(data []byte) (*modelProto, error) {
	m := &modelProto{bos: 1, eos: 2, pad: -1, norm: modelNorm{prefix: true, squeeze: true, escapeBlank: true}}
	err := protoFields(data, func(f protoField) error {
		switch f.id {
		case 1:
			return m.addPiece(f.data)
		case 2:
			return m.readTrainer(f.data)
		case 3:
			return m.norm.read(f.data)
		}
		return nil
	})
	switch {
	case err != nil:
		return nil, err
	case len(m.pieces) == 0:
		return nil, errors.New("there are no pieces in it")
	case !m.norm.escapeBlank || m.suffixBlank:
		return nil, errors.New("blanks at the end of pieces, or not escaped, are not supported")
	}
	return m, nil
}

func (m *modelProto) addPiece(data []byte) error {
	piece, score, kind := "", 0.0, normalPiece
	err := protoFields(data, func(f protoField) error {
		switch f.id {
		case 1:
			piece = string(f.data)
		case 2:
			score = f.float()
		case 3:
			if f.number < 1 || f.number > 6 {
				return fmt.Errorf("it has the unknown type %d", f.number)
			}
			kind = pieceKind(f.number)
		}
		return nil
	})
	n := len(m.pieces)
	switch {
	case err != nil:
		return fmt.Errorf("piece %d: %w", n, err)
	case piece == "":
		return fmt.Errorf("piece %d is empty", n)
	case n >= maxTokens:
		return fmt.Errorf("there are more than %d pieces", maxTokens)
	case math.IsNaN(score) || math.IsInf(score, 0):
		return fmt.Errorf("piece %d, %q, has the score %g", n, piece, score)
	}
	m.pieces, m.scores, m.kinds = append(m.pieces, piece), append(m.scores, score), append(m.kinds, kind)
	return nil
}

func (m *modelProto) readTrainer(data []byte) error {
	return protoFields(data, func(f protoField) error {
		switch f.id {
		case 3:
			if f.number != 1 && f.number != 2 {
				return fmt.Errorf("the model type %d is not supported; 1, unigram, and 2, bpe, are", f.number)
			}
			m.bpe = f.number == 2
		case 24:
			m.suffixBlank = f.bool()
		case 35:
			m.fallback = f.bool()
		case 40:
			m.unk = int64(f.number)
		case 41:
			m.bos = int64(f.number)
		case 42:
			m.eos = int64(f.number)
		case 43:
			m.pad = int64(f.number)
		}
		return nil
	})
}

func (n *modelNorm) read(data []byte) error {
	return protoFields(data, func(f protoField) error {
		switch f.id {
		case 2:
			n.charsmap = f.data
		case 3:
			n.prefix = f.bool()
		case 4:
			n.squeeze = f.bool()
		case 5:
			n.escapeBlank = f.bool()
		}
		return nil
	})
}

// ParseSentencePiece reads a SentencePiece model, unigram or BPE. Its tokens are exactly
// those of the sentencepiece library, but for bytes that are no UTF-8: a model with
// byte fallback keeps them, where the library puts U+FFFD. A tokenizer.json cannot say
// all of it: what [Tokenizer.Files] writes of a model with a character map is read by
// the tokenizers library, and by [Parse], as that library reads such maps, cluster by
// cluster.
func ParseSentencePiece(model []byte) (*Tokenizer, error) {
	t, err := parseSentencePiece(model)
	if err != nil {
		return nil, malformed("sentencepiece model", err)
	}
	return t, nil
}

func parseSentencePiece(model []byte) (*Tokenizer, error) {
	m, err := readModelProto(model)
	if err != nil {
		return nil, err
	}
	s, set, err := m.spec()
	if err != nil {
		return nil, err
	}
	return build(s, set)
}

// spec writes the model as a tokenizer.json would. What that cannot say exactly, it
// keeps beside: the normalizer, for one.
func (m *modelProto) spec() (spec, settings, error) {
	if err := m.check(); err != nil {
		return spec{}, settings{}, err
	}
	s := spec{Version: "1.0", PreTokenizer: json.RawMessage("null"), PostProcessor: json.RawMessage("null"), AddedTokens: []addedToken{}}
	s.Model = modelSpec{Vocab: vocabulary{tokens: m.pieces}, ByteFallback: m.fallback, kinds: m.kinds}
	set := settings{}
	for id, kind := range m.kinds {
		piece := m.pieces[id]
		if kind == controlPiece || kind == unknownPiece || kind == userPiece && m.bpe {
			s.AddedTokens = append(s.AddedTokens, addedToken{ID: int32(id), Content: piece, Special: kind != userPiece, Normalized: kind == userPiece})
		}
		if kind == unknownPiece {
			unk := int32(id)
			s.Model.UnkID, s.Model.UnkToken, set.UNK = &unk, &piece, piece
		}
		for _, x := range []struct {
			id int64
			to *string
		}{{m.bos, &set.BOS}, {m.eos, &set.EOS}, {m.pad, &set.PAD}} {
			if int64(id) == x.id && kind == controlPiece {
				*x.to = piece
			}
		}
	}
	if m.bpe {
		s.Model.Type, s.Model.FuseUnk, s.Model.UnkID = "BPE", true, nil
		s.Model.Merges, s.Model.ranks = m.merges()
	} else {
		s.Model.Type, s.Model.Vocab.scores, s.Model.UnkToken = "Unigram", m.scores, nil
	}
	s.Normalizer = m.normalizer()
	s.native = m.exact()
	s.Decoder = m.decoder()
	return s, set, nil
}

// check refuses models whose segmentation would not be that of the library.
func (m *modelProto) check() error {
	seen := make(map[string]bool, len(m.pieces))
	for id, p := range m.pieces {
		switch {
		case seen[p]:
			return fmt.Errorf("piece %d, %q, comes twice", id, p)
		case m.bpe && m.kinds[id] == unusedPiece:
			return fmt.Errorf("piece %d, %q, is marked as unused, which is not supported in a BPE model", id, p)
		case m.bpe && m.kinds[id] == normalPiece && len(p) > maxSplitToken:
			return fmt.Errorf("piece %d has %d bytes; at most %d are supported", id, len(p), maxSplitToken)
		}
		seen[p] = true
	}
	_, err := readCharsmap(m.norm.charsmap)
	return err
}

// merges lists every pair of texts that together are a piece, the best piece first:
// SentencePiece looks at what a pair is together, not at how it came about. Pairs with
// one score have one rank.
func (m *modelProto) merges() (mergeList, []int32) {
	have := map[string]bool{}
	for id, p := range m.pieces {
		if m.kinds[id] == normalPiece {
			have[p] = true
		}
	}
	var order []int
	for id := range m.pieces {
		if m.kinds[id] == normalPiece {
			order = append(order, id)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int {
		switch {
		case m.scores[a] > m.scores[b]:
			return -1
		case m.scores[a] < m.scores[b]:
			return 1
		}
		return 0
	})
	var list mergeList
	var ranks []int32
	rank := int32(-1)
	last := math.Inf(1)
	for _, id := range order {
		if m.scores[id] != last {
			last = m.scores[id]
			rank++
		}
		for at := range m.pieces[id] {
			left, right := m.pieces[id][:at], m.pieces[id][at:]
			if at > 0 && (have[left] || utf8.RuneCountInString(left) == 1) && (have[right] || utf8.RuneCountInString(right) == 1) {
				list, ranks = append(list, [2]string{left, right}), append(ranks, rank)
			}
		}
	}
	return list, ranks
}

// normalizer is the closest that a tokenizer.json can say, as the converter of
// transformers writes it.
func (m *modelProto) normalizer() json.RawMessage {
	var steps []any
	if len(m.norm.charsmap) > 0 {
		steps = append(steps, map[string]any{"type": "Precompiled", "precompiled_charsmap": base64.StdEncoding.EncodeToString(m.norm.charsmap)})
	}
	if m.norm.squeeze {
		steps = append(steps, map[string]any{"type": "Strip", "strip_left": true, "strip_right": true},
			map[string]any{"type": "Replace", "pattern": map[string]any{"Regex": " {2,}"}, "content": " "})
	}
	if m.norm.prefix {
		steps = append(steps, map[string]any{"type": "Prepend", "prepend": blankMark})
	}
	steps = append(steps, map[string]any{"type": "Replace", "pattern": map[string]any{"String": " "}, "content": blankMark})
	raw, err := json.Marshal(map[string]any{"type": "Sequence", "normalizers": steps})
	if err != nil {
		raw = []byte("null") // strings and booleans always encode
	}
	return raw
}

// exact is the normalizer of the sentencepiece library.
func (m *modelProto) exact() normalizer {
	c, _ := readCharsmap(m.norm.charsmap)
	users := newTokenTrie()
	for id, p := range m.pieces {
		if m.kinds[id] == userPiece {
			users.add(p, int32(id))
		}
	}
	n := m.norm
	return func(s string, begins bool) string {
		blank := n.squeeze && begins // the last thing written was a blank, and more are dropped
		for blank && s != "" {
			text, size := normalPrefix(s, c, users)
			if text != " " {
				break
			}
			s = s[size:]
		}
		if s == "" {
			return ""
		}
		var b strings.Builder
		b.Grow(len(s) + len(s)/4)
		if n.prefix && begins {
			b.WriteString(blankMark)
		}
		for len(s) > 0 {
			text, size := normalPrefix(s, c, users)
			s = s[size:]
			if blank {
				text = strings.TrimLeft(text, " ")
			}
			if text != "" {
				b.WriteString(strings.ReplaceAll(text, " ", blankMark))
				blank = n.squeeze && strings.HasSuffix(text, " ")
			}
		}
		out := b.String()
		for n.squeeze && strings.HasSuffix(out, blankMark) {
			out = out[:len(out)-len(blankMark)]
		}
		return out
	}
}

// normalPrefix normalises the beginning of s: a user's piece stays as it is.
func normalPrefix(s string, c *charsmap, users *tokenTrie) (text string, size int) {
	if _, n := users.longest(s); n > 0 {
		return s[:n], n
	}
	if c != nil {
		if text, n := c.longest(s); n > 0 {
			return text, n
		}
	}
	_, n := utf8.DecodeRuneInString(s)
	return s[:n], n
}

func (m *modelProto) decoder() json.RawMessage {
	parts := [][]byte{[]byte(`{"type":"Replace","pattern":{"String":"` + blankMark + `"},"content":" "}`)}
	if m.fallback {
		parts = append(parts, []byte(`{"type":"ByteFallback"}`))
	}
	parts = append(parts, []byte(`{"type":"Fuse"}`))
	switch {
	case m.norm.squeeze: // nothing that was encoded began with a blank
		parts = append(parts, []byte(`{"type":"Strip","content":" ","start":1000,"stop":0}`))
	case m.norm.prefix:
		parts = append(parts, []byte(`{"type":"Strip","content":" ","start":1,"stop":0}`))
	}
	return slices.Concat([]byte(`{"type":"Sequence","decoders":[`), bytes.Join(parts, []byte(",")), []byte("]}"))
}
