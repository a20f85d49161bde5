package tokenizer

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/comlam/comlam/internal/bounded"
)

// The types of values in a GGUF file.
const (
	ggufUint8 = iota
	ggufInt8
	ggufUint16
	ggufInt16
	ggufUint32
	ggufInt32
	ggufFloat32
	ggufBool
	ggufString
	ggufArray
	ggufUint64
	ggufInt64
	ggufFloat64
)

var ggufSizes = map[uint32]int64{
	ggufUint8: 1, ggufInt8: 1, ggufUint16: 2, ggufInt16: 2, ggufUint32: 4, ggufInt32: 4, ggufFloat32: 4, ggufBool: 1,
	ggufUint64: 8, ggufInt64: 8, ggufFloat64: 8,
}

// A ggufReader reads the metadata of a GGUF file, versions 2 and 3, and keeps what is
// about the tokenizer. Nothing is allocated for a count before its bytes were there.
type ggufReader struct {
	r     *bounded.Reader
	order binary.ByteOrder
	words map[string]string
	ints  map[string]int64
	lists map[string][]string
	nums  map[string][]float64
	whole map[string][]byte
}

// maxMetadata is how much metadata is read, in bytes; the largest vocabularies have
// some 10 MB.
const maxMetadata = 256 << 20

// maxGGUFKeys is how many keys there may be; models have some thirty.
const maxGGUFKeys = 1 << 16

func readGGUF(r io.Reader) (*ggufReader, error) {
	g := &ggufReader{
		r: bounded.NewReader(r, maxMetadata), order: binary.LittleEndian, words: map[string]string{}, ints: map[string]int64{},
		lists: map[string][]string{}, nums: map[string][]float64{}, whole: map[string][]byte{},
	}
	head, err := g.r.Bytes(24)
	if err != nil {
		return nil, err
	}
	version := g.order.Uint32(head[4:])
	switch {
	case string(head[:4]) != "GGUF":
		return nil, fmt.Errorf("it begins with %q and not with \"GGUF\"", head[:4])
	case version != 2 && version != 3:
		return nil, fmt.Errorf("version %d is not supported; 2 and 3 are", version)
	}
	keys := g.order.Uint64(head[16:])
	if keys > maxGGUFKeys {
		return nil, &bounded.LimitError{What: "metadata keys", Size: int64(min(keys, math.MaxInt64)), Limit: maxGGUFKeys}
	}
	for range keys {
		if err := g.pair(); err != nil {
			return nil, err
		}
	}
	return g, nil
}

func (g *ggufReader) uint32() (uint32, error) {
	b, err := g.r.Bytes(4)
	if err != nil {
		return 0, err
	}
	return g.order.Uint32(b), nil
}

func (g *ggufReader) size() (int64, error) {
	b, err := g.r.Bytes(8)
	if err != nil {
		return 0, err
	}
	n := g.order.Uint64(b)
	if n > maxMetadata {
		return 0, &bounded.LimitError{What: "metadata bytes or elements", Size: int64(min(n, math.MaxInt64)), Limit: maxMetadata}
	}
	return int64(n), nil
}

func (g *ggufReader) text() (string, error) {
	n, err := g.size()
	if err != nil {
		return "", err
	}
	b, err := g.r.Bytes(n)
	return string(b), err
}

func (g *ggufReader) pair() error {
	key, err := g.text()
	if err != nil {
		return err
	}
	kind, err := g.uint32()
	if err == nil {
		err = g.value(key, kind)
	}
	if err != nil {
		return fmt.Errorf("key %.100q: %w", key, err)
	}
	return nil
}

func (g *ggufReader) value(key string, kind uint32) error {
	switch kind {
	case ggufString:
		s, err := g.text()
		g.words[key] = s
		return err
	case ggufArray:
		return g.array(key)
	}
	size, ok := ggufSizes[kind]
	if !ok {
		return fmt.Errorf("type %d is not known", kind)
	}
	b, err := g.r.Bytes(size)
	if err != nil {
		return err
	}
	g.ints[key] = int64(g.number(b, kind))
	return nil
}

// number reads a number of any kind.
func (g *ggufReader) number(b []byte, kind uint32) float64 {
	switch kind {
	case ggufInt8:
		return float64(int8(b[0]))
	case ggufInt16:
		return float64(int16(g.order.Uint16(b)))
	case ggufUint16:
		return float64(g.order.Uint16(b))
	case ggufInt32:
		return float64(int32(g.order.Uint32(b)))
	case ggufUint32:
		return float64(g.order.Uint32(b))
	case ggufFloat32:
		return float64(math.Float32frombits(g.order.Uint32(b)))
	case ggufInt64:
		return float64(int64(g.order.Uint64(b)))
	case ggufUint64:
		return float64(g.order.Uint64(b))
	case ggufFloat64:
		return math.Float64frombits(g.order.Uint64(b))
	}
	return float64(b[0])
}

func (g *ggufReader) array(key string) error {
	kind, err := g.uint32()
	if err != nil {
		return err
	}
	n, err := g.size()
	if err != nil {
		return err
	}
	if kind == ggufString {
		var list []string
		for range n {
			s, err := g.text()
			if err != nil {
				return err
			}
			list = append(list, s)
		}
		g.lists[key] = list
		return nil
	}
	size, ok := ggufSizes[kind]
	if !ok {
		return fmt.Errorf("an array of type %d is not supported", kind)
	}
	total, err := bounded.Mul(n, size)
	if err != nil {
		return err
	}
	b, err := g.r.Bytes(total)
	if err != nil || !strings.HasPrefix(key, "tokenizer.") {
		return err
	}
	if size == 1 {
		g.whole[key] = b
		return nil
	}
	for i := int64(0); i < total; i += size {
		g.nums[key] = append(g.nums[key], g.number(b[i:], kind))
	}
	return nil
}

// ParseGGUF reads the vocabulary of a GGUF file: of GPT-2's kind, SentencePiece's two,
// or BERT's. The chat template comes with it. The tensors are not looked at.
func ParseGGUF(r io.Reader) (*Tokenizer, error) {
	g, err := readGGUF(r)
	if err != nil {
		return nil, malformed("gguf", err)
	}
	t, err := g.tokenizer()
	if err != nil {
		return nil, malformed("gguf", err)
	}
	return t, nil
}

const ggml = "tokenizer.ggml."

func (g *ggufReader) tokenizer() (*Tokenizer, error) {
	tokens := g.lists[ggml+"tokens"]
	if len(tokens) == 0 {
		return nil, errors.New("it has no tokenizer.ggml.tokens")
	}
	if len(tokens) > maxTokens {
		return nil, &bounded.LimitError{What: "tokens", Size: int64(len(tokens)), Limit: maxTokens}
	}
	kinds := make([]pieceKind, len(tokens))
	for i := range kinds {
		kinds[i] = normalPiece
		if k := g.nums[ggml+"token_type"]; i < len(k) && k[i] >= 1 && k[i] <= 6 {
			kinds[i] = pieceKind(k[i])
		}
	}
	var s spec
	var err error
	switch model := g.words[ggml+"model"]; model {
	case "gpt2":
		s, err = g.byteLevel(tokens)
	case "llama", "t5":
		s, err = g.sentencePiece(tokens, kinds, model == "t5")
	case "bert":
		s, err = g.bert(tokens, kinds)
	default:
		err = fmt.Errorf("the tokenizer model %q is not supported; gpt2, llama, t5 and bert are", model)
	}
	if err != nil {
		return nil, err
	}
	if s.AddedTokens == nil {
		s.AddedTokens = addedOf(tokens, kinds)
	}
	return build(s, g.settings(tokens))
}

// addedOf lists the tokens that are found in text as a whole.
func addedOf(tokens []string, kinds []pieceKind) []addedToken {
	list := []addedToken{}
	for id, k := range kinds {
		if (k == controlPiece || k == unknownPiece || k == userPiece) && tokens[id] != "" {
			list = append(list, addedToken{ID: int32(id), Content: tokens[id], Special: k != userPiece})
		}
	}
	return list
}

func (g *ggufReader) settings(tokens []string) settings {
	set := settings{Template: g.words["tokenizer.chat_template"]}
	for key, to := range map[string]*string{"bos": &set.BOS, "eos": &set.EOS, "unknown": &set.UNK, "padding": &set.PAD} {
		if id, ok := g.ints[ggml+key+"_token_id"]; ok && id >= 0 && id < int64(len(tokens)) {
			*to = tokens[id]
		}
	}
	return set
}

// ggufPatterns are the pre-tokenizers by the name that GGUF files give them.
var ggufPatterns = map[string]string{
	"gpt-2": gpt2Regex, "llama-bpe": llamaRegex, "llama3": llamaRegex, "llama-v3": llamaRegex, "qwen2": qwenRegex, "smaug-bpe": llamaRegex,
	"gpt-4o": o200kRegex, "llama4": o200kRegex, "tekken": tekkenRegex,
}

func (g *ggufReader) byteLevel(tokens []string) (spec, error) {
	pre := g.words[ggml+"pre"]
	regex, ok := ggufPatterns[pre]
	if !ok {
		return spec{}, fmt.Errorf("the pre-tokenizer %q is not supported", pre)
	}
	s := byteLevelSpec(regex)
	s.Model = modelSpec{Type: "BPE", Vocab: vocabulary{tokens: tokens}, IgnoreMerges: regex == llamaRegex}
	for i, line := range g.lists[ggml+"merges"] {
		m, ok := cutMerge(line)
		if !ok {
			return spec{}, fmt.Errorf("merge %d is %q; it must be two tokens with one space between", i, line)
		}
		s.Model.Merges = append(s.Model.Merges, m)
	}
	return s, nil
}

// byteLevelSpec is a spec without a model, for text that a pattern cuts.
func byteLevelSpec(regex string) spec {
	const rest = `,"add_prefix_space":false,"trim_offsets":false,"use_regex":false}`
	return spec{
		Version: "1.0", Normalizer: json.RawMessage("null"), PostProcessor: json.RawMessage("null"),
		PreTokenizer: json.RawMessage(`{"type":"Sequence","pretokenizers":[{"type":"Split","pattern":{"Regex":` + string(quote(regex)) +
			`},"behavior":"Isolated","invert":false},{"type":"ByteLevel"` + rest + `]}`),
		Decoder: json.RawMessage(`{"type":"ByteLevel"` + rest),
	}
}

func (g *ggufReader) sentencePiece(tokens []string, kinds []pieceKind, isUnigram bool) (spec, error) {
	scores := g.nums[ggml+"scores"]
	if len(scores) != len(tokens) {
		return spec{}, fmt.Errorf("there are %d tokens and %d scores", len(tokens), len(scores))
	}
	m := &modelProto{bpe: !isUnigram, bos: -1, eos: -1, pad: -1, norm: modelNorm{prefix: true, escapeBlank: true}}
	for i, t := range tokens {
		if t == "" {
			return spec{}, fmt.Errorf("token %d is empty", i)
		}
		m.fallback = m.fallback || kinds[i] == bytePiece
		if math.IsNaN(scores[i]) || math.IsInf(scores[i], 0) {
			return spec{}, fmt.Errorf("token %d, %q, has the score %g", i, t, scores[i])
		}
	}
	if v, ok := g.ints[ggml+"add_space_prefix"]; ok {
		m.norm.prefix = v != 0
	}
	m.norm.squeeze = g.ints[ggml+"remove_extra_whitespaces"] != 0
	m.norm.charsmap = g.whole[ggml+"precompiled_charsmap"]
	m.pieces, m.scores, m.kinds = tokens, scores, kinds
	s, _, err := m.spec()
	return s, err
}

// bert reads a WordPiece vocabulary, in which the file marks what begins a word rather
// than what does not.
func (g *ggufReader) bert(tokens []string, kinds []pieceKind) (spec, error) {
	words := make([]string, len(tokens))
	for i, t := range tokens {
		switch rest, begins := strings.CutPrefix(t, blankMark); {
		case begins:
			words[i] = rest
		case kinds[i] == normalPiece && !(strings.HasPrefix(t, "[") && strings.HasSuffix(t, "]")):
			words[i] = "##" + t
		default:
			words[i] = t
		}
	}
	unk := "[UNK]"
	if id, ok := g.ints[ggml+"unknown_token_id"]; ok && id >= 0 && id < int64(len(words)) {
		unk = words[id]
	}
	s := spec{
		Version:      "1.0",
		Normalizer:   json.RawMessage(`{"type":"BertNormalizer","clean_text":true,"handle_chinese_chars":true,"strip_accents":null,"lowercase":true}`),
		PreTokenizer: json.RawMessage(`{"type":"BertPreTokenizer"}`), PostProcessor: json.RawMessage("null"),
		Decoder: json.RawMessage(`{"type":"WordPiece","prefix":"##","cleanup":true}`),
		Model:   wordPieceSpec(words, unk),
	}
	cls, ok1 := g.ints[ggml+"cls_token_id"]
	sep, ok2 := g.ints[ggml+"seperator_token_id"] // sic
	if ok1 && ok2 && cls >= 0 && sep >= 0 && cls < int64(len(words)) && sep < int64(len(words)) {
		var b bytes.Buffer
		fmt.Fprintf(&b, `{"type":"BertProcessing","sep":[%s,%d],"cls":[%s,%d]}`, quote(words[sep]), sep, quote(words[cls]), cls)
		s.PostProcessor = b.Bytes()
	}
	s.AddedTokens = addedOf(words, kinds)
	return s, nil
}
