package tokenizer

import (
	"encoding/json"
	"strings"
)

// trainRegex cuts text for training: the pattern of Qwen 2, in which every digit is a
// piece of its own. With a small vocabulary numbers of a standard, such as n78 or
// 38.211, are then spelt the same way wherever they occur.
const trainRegex = qwenRegex

func trainPattern() *wordPattern { return knownPatterns[trainRegex] }

// trainedSpec is the spec of a trained vocabulary.
func trainedSpec(tr *trainer, c Config) spec {
	s := spec{
		Version:      "1.0",
		Normalizer:   json.RawMessage("null"),
		PreTokenizer: json.RawMessage(`{"type":"Sequence","pretokenizers":[{"type":"Split","pattern":{"Regex":` + string(quote(trainRegex)) + `},"behavior":"Isolated","invert":false},{"type":"ByteLevel","add_prefix_space":false,"trim_offsets":false,"use_regex":false}]}`),
		Decoder:      json.RawMessage(`{"type":"ByteLevel","add_prefix_space":false,"trim_offsets":false,"use_regex":false}`),
	}
	s.PostProcessor = json.RawMessage("null")
	for i, token := range c.Special {
		s.AddedTokens = append(s.AddedTokens, addedToken{ID: int32(i), Content: token, Special: true})
	}
	vocab := append([]string(nil), c.Special...)
	for _, token := range tr.tokens {
		vocab = append(vocab, toAlphabet(token))
	}
	s.Model = modelSpec{Type: "BPE", Vocab: vocabulary{tokens: vocab}, Merges: mergeList{}}
	for _, m := range tr.merges {
		s.Model.Merges = append(s.Model.Merges, [2]string{toAlphabet(tr.tokens[m[0]]), toAlphabet(tr.tokens[m[1]])})
	}
	return s
}

// trainedSettings name the special tokens by their use, as far as c has them.
func trainedSettings(c Config) settings {
	set := settings{Template: c.Template}
	for _, s := range c.Special {
		switch {
		case s == EndOfText:
			set.EOS = s
		case s == Pad:
			set.PAD = s
		}
	}
	if !strings.Contains(strings.Join(c.Special, "\n"), StartOfTurn) && c.Template == DefaultTemplate {
		set.Template = "" // it would spell its marks letter by letter
	}
	return set
}
