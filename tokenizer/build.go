package tokenizer

import (
	"errors"
	"fmt"
	"strings"
)

// build makes the tokenizer that a spec describes. What it does not know is an error
// that names it.
func build(s spec, set settings) (*Tokenizer, error) {
	t := &Tokenizer{spec: s, set: set, ids: map[string]int32{}, added: map[int32]*addedToken{}}
	if err := t.fillTokens(); err != nil {
		return nil, err
	}
	var err error
	if t.norm, err = readNormalizer(s.Normalizer); err != nil {
		return nil, fmt.Errorf("normalizer: %w", err)
	}
	if s.native != nil {
		t.norm = s.native
	}
	bytes := false
	if t.pre, bytes, err = readSplitters(s.PreTokenizer, s.Model.onBytes()); err != nil {
		return nil, fmt.Errorf("pre_tokenizer: %w", err)
	}
	if t.model, err = readModel(&s.Model, bytes); err != nil {
		return nil, fmt.Errorf("model: %w", err)
	}
	if b, ok := t.model.(*bpe); ok && b.wordwise(&s.Model) {
		t.pre = append(t.pre, splitFunc(cutBlanks))
	}
	if t.decode, err = readDecoder(s.Decoder); err != nil {
		return nil, fmt.Errorf("decoder: %w", err)
	}
	if t.frame, err = readFrame(s.PostProcessor); err != nil {
		return nil, fmt.Errorf("post_processor: %w", err)
	}
	if set.Template != "" {
		if t.template, err = parseTemplate(set.Template); err != nil {
			return nil, fmt.Errorf("chat_template: %w", err)
		}
	}
	t.buildMatchers()
	if t.hash, err = hashOf(s, set); err != nil {
		return nil, err
	}
	return t, nil
}

// fillTokens lists the tokens of the model and the added ones.
func (t *Tokenizer) fillTokens() error {
	v := t.spec.Model.Vocab
	t.tokens = append([]string(nil), v.tokens...)
	for id, token := range v.tokens {
		if v.have == nil || v.have[id] {
			t.ids[token] = int32(id)
		}
	}
	for i := range t.spec.AddedTokens {
		a := &t.spec.AddedTokens[i]
		switch {
		case a.Content == "":
			return fmt.Errorf("added_tokens: number %d, id %d, is empty", i, a.ID)
		case a.ID < 0 || int(a.ID) > 2*(len(v.tokens)+len(t.spec.AddedTokens))+1<<16 || a.ID >= maxTokens:
			return fmt.Errorf("added_tokens: %q has the id %d, too high for a vocabulary of %d", a.Content, a.ID, len(v.tokens))
		}
		for int(a.ID) >= len(t.tokens) {
			t.tokens = append(t.tokens, "")
		}
		t.tokens[a.ID] = a.Content
		t.ids[a.Content] = a.ID
		t.added[a.ID] = a
	}
	return nil
}

// buildMatchers sorts the added tokens into those found in the text as it is and those
// found in normalised text.
func (t *Tokenizer) buildMatchers() {
	var plain, normal []addedToken
	for _, a := range sortTokens(t.spec.AddedTokens) {
		if !a.Normalized {
			plain = append(plain, a)
			continue
		}
		if t.norm != nil {
			a.Content = t.norm(a.Content, false)
		}
		if a.Content != "" {
			normal = append(normal, a)
		}
	}
	t.plain, t.normal = newMatcher(plain), newMatcher(normal)
}

// readModel makes the model of a spec; bytes says that pieces are raw bytes and the
// vocabulary writes them in the byte alphabet.
func readModel(m *modelSpec, bytes bool) (model, error) {
	if m.Vocab.len() == 0 {
		return nil, errors.New("the vocabulary is empty")
	}
	switch m.Type {
	case "BPE", "": // the oldest files do not say it
		return newBPE(m, bytes)
	case "WordPiece":
		return newWordPiece(m)
	case "Unigram":
		return newUnigram(m)
	case "WordLevel":
		return newWordLevel(m)
	}
	return nil, fmt.Errorf("type %q is not known; there are BPE, WordPiece, Unigram and WordLevel", m.Type)
}

// onBytes says that the model can work on raw bytes.
func (m *modelSpec) onBytes() bool {
	return (m.Type == "BPE" || m.Type == "") && orEmpty(m.ContinuingSubwordPrefix) == "" && orEmpty(m.EndOfWordSuffix) == ""
}

// newBPE makes the merges of a spec ready for look-up.
func newBPE(m *modelSpec, bytes bool) (*bpe, error) {
	if m.Dropout != nil && *m.Dropout != 0 {
		return nil, fmt.Errorf("dropout %g makes tokens random; remove it", *m.Dropout)
	}
	b := &bpe{merges: make(map[uint64]merge, len(m.Merges)), unk: unknown{id: -1, fuse: m.FuseUnk}, size: int32(m.Vocab.len())}
	ids := m.ids()
	for id, kind := range m.kinds {
		if kind != normalPiece && kind != bytePiece && kind != unknownPiece {
			delete(ids, m.Vocab.tokens[id])
		}
	}
	b.prefix, b.suffix = orEmpty(m.ContinuingSubwordPrefix), orEmpty(m.EndOfWordSuffix)
	if err := b.readMerges(m, ids); err != nil {
		return nil, err
	}
	if u := orEmpty(m.UnkToken); u != "" {
		id, ok := ids[u]
		if !ok {
			return nil, fmt.Errorf("the vocabulary does not have unk_token %q", u)
		}
		b.unk.id = id
	}
	if m.ByteFallback {
		b.unk.fallback = byteTokens(ids)
	}
	for id, kind := range m.kinds {
		if kind != normalPiece {
			delete(ids, m.Vocab.tokens[id])
		}
	}
	if bytes {
		ids = b.useBytes(ids)
	} else {
		b.runes = ids
	}
	if m.IgnoreMerges {
		b.whole = ids
	}
	return b, nil
}

func orEmpty(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func (b *bpe) readMerges(m *modelSpec, ids map[string]int32) error {
	for rank, pair := range m.Merges {
		if m.kinds != nil {
			b.virtual(ids, pair[0])
			b.virtual(ids, pair[1])
		}
		left, ok1 := ids[pair[0]]
		right, ok2 := ids[pair[1]]
		if !ok1 || !ok2 {
			return fmt.Errorf("merge %d: the vocabulary does not have both of %q and %q", rank, pair[0], pair[1])
		}
		tail := pair[1]
		if len(b.prefix) > 0 && len(tail) >= len(b.prefix) {
			tail = tail[len(b.prefix):]
		}
		id, ok := ids[pair[0]+tail]
		if !ok {
			return fmt.Errorf("merge %d: the vocabulary does not have %q, what %q and %q become", rank, pair[0]+tail, pair[0], pair[1])
		}
		if m.ranks != nil {
			rank = int(m.ranks[rank])
		}
		b.merges[pairKey(left, right)] = merge{int32(rank), id}
	}
	return nil
}

// virtual makes a symbol of a rune that is no piece, but part of one: SentencePiece
// merges texts, whether they are pieces or not.
func (b *bpe) virtual(ids map[string]int32, text string) {
	if _, ok := ids[text]; !ok {
		ids[text] = b.size + int32(len(b.texts))
		b.texts = append(b.texts, text)
	}
}

// wordwise says that blanks begin words: no merge joins a blank to what is before it, so
// that a text can be cut there, and pieces that come again need not be merged again.
func (b *bpe) wordwise(m *modelSpec) bool {
	if b.bytes != nil || b.whole != nil || b.prefix != "" || b.suffix != "" {
		return false
	}
	if _, ok := b.runes[blankMark]; !ok {
		return false
	}
	for _, pair := range m.Merges {
		if strings.Contains(pair[1], blankMark) && !strings.HasSuffix(pair[0], blankMark) {
			return false
		}
		if strings.Contains(strings.TrimLeft(pair[0], blankMark), blankMark) {
			return false
		}
	}
	return true
}

// cutBlanks cuts before each run of blanks.
func cutBlanks(dst []string, s string) []string {
	start := 0
	for at := 0; ; {
		i := strings.Index(s[at:], blankMark)
		if i < 0 {
			return append(dst, s[start:])
		}
		if i > 0 && at+i > start {
			dst = append(dst, s[start:at+i])
			start = at + i
		}
		at += i + len(blankMark)
	}
}

// byteTokens finds the tokens <0x00> to <0xFF>; -1 where one is missing.
func byteTokens(ids map[string]int32) *[256]int32 {
	t := new([256]int32)
	for i := range t {
		t[i] = -1
		if id, ok := ids[fmt.Sprintf("<0x%02X>", i)]; ok {
			t[i] = id
		}
	}
	return t
}

// useBytes makes bytes the symbols and returns the tokens by their bytes.
func (b *bpe) useBytes(ids map[string]int32) map[string]int32 {
	raw := make(map[string]int32, len(ids))
	for token, id := range ids {
		if s, ok := fromAlphabet(token); ok {
			raw[s] = id
		}
	}
	b.bytes = new([256]int32)
	for i := range b.bytes {
		b.bytes[i] = -1
		if id, ok := raw[string([]byte{byte(i)})]; ok {
			b.bytes[i] = id
		}
	}
	return raw
}
