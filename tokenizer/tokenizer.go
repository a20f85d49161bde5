// Package tokenizer turns text and chats into token ids and back. It trains
// byte-level BPE vocabularies, loads those of published models, and is the one place
// that knows a chat template and which tokens a loss counts.
//
//	t, err := tokenizer.Load("model")              // a Hugging Face folder
//	ids := t.Encode("TS 38.211 clause 4.3.1")      // text from outside
//	chat, err := t.Chat(messages, false)           // ids, and which of them are trained
//
// # Text from outside
//
// [Tokenizer.Encode] never gives a special token: a document that says <|im_end|> does
// not end a turn. [Tokenizer.EncodeSpecial] is for text that the program wrote. Neither
// adds anything at the ends; [Tokenizer.Frame] adds what the post-processor would.
//
// # Training
//
// [Train] counts the pieces of all texts on all cores and merges the most frequent pair
// again and again, with the counts of pairs kept up to date and a heap of them. Among
// equals the pair with the lower ids comes first: the merges are those of Hugging Face's
// trainer. Text is cut by the pattern of Qwen 2, every digit by itself. Whatever the
// bytes, Decode gives back what Encode took.
//
// # Loading
//
// tokenizer.json: the models BPE (byte-level, with byte fallback, with suffixes),
// Unigram, WordPiece and WordLevel; the normalizers NFC, NFD, NFKC, NFKD, Lowercase,
// StripAccents, Strip, Replace, Prepend, Nmt, ByteLevel, BertNormalizer and Precompiled;
// the pre-tokenizers ByteLevel, Split, Digits, Punctuation, Metaspace, Whitespace,
// WhitespaceSplit, BertPreTokenizer and CharDelimiterSplit; the decoders ByteLevel,
// ByteFallback, Fuse, Metaspace, Replace, Strip, WordPiece and BPEDecoder; the
// post-processors TemplateProcessing, BertProcessing, RobertaProcessing and ByteLevel;
// sequences of all of them; added tokens with lstrip, rstrip, single_word and
// normalized. Anything else is an error that names it. [ParseSentencePiece] reads
// SentencePiece models, [ParseGGUF] the vocabulary of a GGUF file, [ParseTiktoken] the
// ranks of tiktoken. All of them become what a tokenizer.json says, so that
// [Tokenizer.Files] writes any of them as one.
//
// Ids are those of the tokenizers, sentencepiece and tiktoken libraries: the tests
// compare them over telecom text, code, scripts of the world and hostile text. They
// differ in three places. Bytes that are no UTF-8 stay what they are where the
// vocabulary can say them. What a vocabulary without an unknown token cannot say gives
// no id, as there. And letters that entered Unicode after Go's tables are of no class.
//
// # Time
//
// Encoding takes time in proportion to the text, whatever it is; a piece of n symbols
// takes n log n at most. The published patterns that cut text are scanners written for
// them. Other patterns run on Go's regexp, which has no look-around: those that need it,
// but for the \s+(?!\S) that they all end with, are refused.
//
// # Chat templates
//
// Package jinja renders them, within a budget. Special tokens in a message are spelt
// out. A generation statement says what is trained; see [Tokenizer.Chat].
package tokenizer

import (
	"strings"
	"sync"
)

// A Tokenizer turns text into token ids. It is safe for concurrent use.
type Tokenizer struct {
	spec     spec
	set      settings
	original map[string][]byte // the files it was read from, returned as they are

	tokens []string // by id, as the vocabulary writes them
	ids    map[string]int32
	added  map[int32]*addedToken

	plain, normal *matcher // added tokens found in the text, and in normalised text
	norm          normalizer
	pre           []splitter
	model         model
	decode        decoder
	frame         frame
	template      *chatTemplate
	hash          string

	coders sync.Pool // of *coder
}

// A model turns one piece of text into tokens.
type model interface {
	encode(dst []int32, piece string, c *coder) []int32
}

// A normalizer changes text before it is cut; nil changes nothing. At the start of a
// text, and of what follows an added token, begins is set.
type normalizer func(s string, begins bool) string

// A splitter cuts a piece of text into pieces; first says that the piece starts the
// text.
type splitter interface {
	split(dst []string, s string, first bool) []string
}

// A decoder joins tokens to text.
type decoder func(tokens []string) string

// Size is the number of ids, gaps in them included: one more than the highest.
func (t *Tokenizer) Size() int { return len(t.tokens) }

// ID returns the id of a token as the vocabulary writes it.
func (t *Tokenizer) ID(token string) (int32, bool) {
	id, ok := t.ids[token]
	return id, ok
}

// Token returns a token as the vocabulary writes it, "" for an id that it does not have.
func (t *Tokenizer) Token(id int32) string {
	if id < 0 || int(id) >= len(t.tokens) {
		return ""
	}
	return t.tokens[id]
}

// Special says whether a token is a special one: a mark that is no text.
func (t *Tokenizer) Special(id int32) bool {
	a := t.added[id]
	return a != nil && a.Special
}

// EOS returns the token that ends a document.
func (t *Tokenizer) EOS() (int32, bool) { return t.named(t.set.EOS) }

// BOS returns the token that begins a document.
func (t *Tokenizer) BOS() (int32, bool) { return t.named(t.set.BOS) }

// PAD returns the token that fills a batch.
func (t *Tokenizer) PAD() (int32, bool) { return t.named(t.set.PAD) }

// UNK returns the token that stands for what has none.
func (t *Tokenizer) UNK() (int32, bool) { return t.named(t.set.UNK) }

func (t *Tokenizer) named(token string) (int32, bool) {
	if token == "" {
		return 0, false
	}
	return t.ID(token)
}

// Encode returns the ids of text that comes from outside. What looks like a special
// token in it is text like any other; nothing is added at its ends.
func (t *Tokenizer) Encode(text string) []int32 { return t.encode(nil, text, false, true) }

// EncodeSpecial returns the ids of text in which special tokens count as such. Nothing
// is added at its ends; see [Tokenizer.Frame].
func (t *Tokenizer) EncodeSpecial(text string) []int32 { return t.encode(nil, text, true, true) }

// Frame adds what the tokenizer's post-processor puts around one text, such as the
// token that begins a document. Most trained here add nothing.
func (t *Tokenizer) Frame(ids []int32) []int32 { return t.frame.around(ids) }

// encode appends the ids of text; begins says that it starts a text and does not
// continue one.
func (t *Tokenizer) encode(dst []int32, text string, special, begins bool) []int32 {
	c, _ := t.coders.Get().(*coder)
	if c == nil {
		c = newCoder()
	}
	defer t.coders.Put(c)
	return t.encodeWith(dst, text, special, begins, c)
}

func (t *Tokenizer) encodeWith(dst []int32, text string, special, begins bool, c *coder) []int32 {
	if dst == nil {
		dst = make([]int32, 0, len(text)/3+4)
	}
	if t.plain == nil {
		return t.encodeRest(dst, text, special, begins, begins, c)
	}
	for at := 0; at < len(text); {
		m, ok := t.plain.next(text, at, special)
		if !ok {
			m.start, m.end = len(text), len(text)
		}
		if m.start > at {
			dst = t.encodeRest(dst, text[at:m.start], special, begins || at > 0, begins && at == 0, c)
		}
		if ok {
			dst = append(dst, m.token.ID)
		}
		at = m.end
	}
	return dst
}

// encodeRest encodes text without added tokens of the plain kind.
func (t *Tokenizer) encodeRest(dst []int32, text string, special, begins, first bool, c *coder) []int32 {
	if t.norm != nil && text != "" {
		text = t.norm(text, begins)
	}
	if t.normal == nil {
		return t.encodeText(dst, text, first, c)
	}
	for at := 0; at < len(text); {
		m, ok := t.normal.next(text, at, special)
		if !ok {
			m.start, m.end = len(text), len(text)
		}
		if m.start > at {
			dst = t.encodeText(dst, text[at:m.start], first && at == 0, c)
		}
		if ok {
			dst = append(dst, m.token.ID)
		}
		at = m.end
	}
	return dst
}

// encodeText cuts normalised text into pieces and encodes each.
func (t *Tokenizer) encodeText(dst []int32, text string, first bool, c *coder) []int32 {
	if text == "" {
		return dst
	}
	if len(t.pre) == 1 {
		if p, ok := t.pre[0].(*wordPattern); ok { // nearly all large models
			for i := 0; i < len(text); {
				end := p.next(text, i)
				dst = c.piece(dst, text[i:end], t.model)
				i = end
			}
			return dst
		}
	}
	pieces, spare := append(c.pieces[:0], text), c.spare[:0]
	for _, stage := range t.pre {
		spare = spare[:0]
		for i, p := range pieces {
			spare = stage.split(spare, p, first && i == 0)
		}
		pieces, spare = spare, pieces
	}
	for _, p := range pieces {
		if p != "" {
			dst = c.piece(dst, p, t.model)
		}
	}
	c.keep(pieces, spare)
	return dst
}

// A coder is the working memory of one encoding goroutine.
type coder struct {
	bpeState
	pieces, spare []string
	seen          map[string]span // pieces that were encoded before
	arena         []int32
	lattice       lattice
}

type span struct{ start, end int32 }

// maxKept is how many pieces an encoder keeps room for.
const maxKept = 1 << 10

// keep takes the lists of pieces back for the next text, unless they are long: they
// hold on to the text that was encoded.
func (c *coder) keep(pieces, spare []string) {
	c.pieces, c.spare = nil, nil
	if cap(pieces)+cap(spare) <= maxKept {
		clear(pieces[:cap(pieces)])
		clear(spare[:cap(spare)])
		c.pieces, c.spare = pieces[:0], spare[:0]
	}
}

// The cache of pieces: words come again and again. It starts anew when it is full.
const (
	maxSeen      = 1 << 16
	maxSeenBytes = 48
)

func newCoder() *coder { return &coder{seen: map[string]span{}} }

// piece appends the tokens of a piece, from memory if it was there before.
func (c *coder) piece(dst []int32, piece string, m model) []int32 {
	if len(piece) > maxSeenBytes {
		return m.encode(dst, piece, c)
	}
	if at, ok := c.seen[piece]; ok {
		return append(dst, c.arena[at.start:at.end]...)
	}
	n := len(dst)
	dst = m.encode(dst, piece, c)
	if len(c.seen) >= maxSeen {
		clear(c.seen)
		c.arena = c.arena[:0]
	}
	start := int32(len(c.arena))
	c.arena = append(c.arena, dst[n:]...)
	c.seen[strings.Clone(piece)] = span{start, int32(len(c.arena))}
	return dst
}

// Decode returns the text of ids, special tokens as they are written. The bytes are
// those of the tokens: where they are no UTF-8, the reference implementations put
// U+FFFD, ComLAM leaves them, so that any bytes come back. An id that the vocabulary
// does not have gives nothing.
func (t *Tokenizer) Decode(ids []int32) string {
	tokens := make([]string, 0, len(ids))
	for _, id := range ids {
		if s := t.Token(id); s != "" {
			tokens = append(tokens, s)
		}
	}
	return t.decode(tokens)
}
