package tokenizer

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The regular expressions of published tokenizers that have a scanner.
const (
	gpt2Regex   = `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`
	gpt2Regex2  = `'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`
	llamaRegex  = `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`
	qwenRegex   = `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`
	cl100kRegex = `'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]|\s+(?!\S)|\s`
	// The same as the tiktoken library reads it: there {1,3}+ takes three digits and gives
	// none back, in Oniguruma it takes one to three again and again.
	cl100kThree = `'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]|\s+(?!\S)|\s`
	o200kRegex  = `[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+`
	tekkenRegex = `[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+`
)

var knownPatterns = map[string]*wordPattern{
	gpt2Regex:   {contractions: lowerContractions},
	gpt2Regex2:  {contractions: lowerContractions},
	llamaRegex:  {contractions: anyContractions, prefix: true, maxDigits: 3, tail: "\r\n", lines: true},
	qwenRegex:   {contractions: anyContractions, prefix: true, maxDigits: 1, tail: "\r\n", lines: true},
	cl100kRegex: {contractions: anyContractions, prefix: true, tail: "\r\n", lines: true, ends: true},
	cl100kThree: {contractions: anyContractions, prefix: true, maxDigits: 3, tail: "\r\n", lines: true, ends: true},
	o200kRegex:  {contractions: anyContractions, prefix: true, maxDigits: 3, tail: "\r\n/", lines: true, cased: true},
	tekkenRegex: {prefix: true, maxDigits: 1, tail: "\r\n/", lines: true, cased: true},
}

func (p *wordPattern) split(dst []string, s string, _ bool) []string {
	for i := 0; i < len(s); {
		end := p.next(s, i)
		dst = append(dst, s[i:end])
		i = end
	}
	return dst
}

// splitFunc makes a splitter of a function that does not ask where the text starts.
type splitFunc func(dst []string, s string) []string

func (f splitFunc) split(dst []string, s string, _ bool) []string { return f(dst, s) }

// readSplitters reads a pre_tokenizer. bytes says that the pieces are raw bytes, which
// the vocabulary writes in the byte alphabet: so it is where a model that can work on
// bytes follows on ByteLevel directly. Elsewhere ByteLevel writes the alphabet itself.
func readSplitters(raw json.RawMessage, onBytes bool) (list []splitter, bytes bool, err error) {
	if isNull(raw) {
		return nil, false, nil
	}
	parts, err := flatten(raw, "pretokenizers", 0)
	if err != nil {
		return nil, false, err
	}
	for i, p := range parts {
		more, isBytes, err := readSplitter(p)
		if err != nil {
			return nil, false, err
		}
		list = append(list, more...)
		if isBytes && i == len(parts)-1 && onBytes {
			bytes = true
		} else if isBytes {
			list = append(list, splitFunc(func(dst []string, s string) []string { return append(dst, toAlphabet(s)) }))
		}
	}
	return list, bytes, nil
}

// maxDepth is how deep sequences may hold sequences.
const maxDepth = 16

// flatten lists the parts of nested sequences.
func flatten(raw json.RawMessage, key string, depth int) ([]json.RawMessage, error) {
	kind, err := typeOf(raw)
	if err != nil || kind != "Sequence" {
		return []json.RawMessage{raw}, err
	}
	if depth == maxDepth {
		return nil, fmt.Errorf("sequences are nested more than %d deep", maxDepth)
	}
	var seq map[string]json.RawMessage
	if err := json.Unmarshal(raw, &seq); err != nil {
		return nil, err
	}
	for k := range seq {
		if k != "type" && k != key {
			return nil, fmt.Errorf("step Sequence has the unknown key %q", k)
		}
	}
	var parts, all []json.RawMessage
	if err := json.Unmarshal(seq[key], &parts); err != nil {
		return nil, fmt.Errorf("%s: %w", key, err)
	}
	for _, p := range parts {
		inner, err := flatten(p, key, depth+1)
		if err != nil {
			return nil, err
		}
		all = append(all, inner...)
	}
	return all, nil
}

// readSplitter reads one step; bytes says that it is ByteLevel, whose alphabet comes
// after the splitters that are returned.
func readSplitter(raw json.RawMessage) (list []splitter, bytes bool, err error) {
	kind, err := typeOf(raw)
	if err != nil {
		return nil, false, err
	}
	var s splitter
	switch kind {
	case "ByteLevel":
		list, err = readByteLevel(raw)
		return list, true, err
	case "Split":
		s, err = readSplit(raw)
	case "Digits":
		s, err = readDigits(raw)
	case "Punctuation":
		s, err = readPunctuation(raw)
	case "Metaspace":
		m, err := readMetaspace(raw)
		return []splitter{m}, false, err
	case "CharDelimiterSplit":
		s, err = readDelimiter(raw)
	case "Whitespace":
		find := func(s string) [][2]int { return findRuns(s, wordOrNot) }
		return []splitter{pieces{find, removed, true}}, false, onlyType(kind, raw)
	case "WhitespaceSplit":
		return []splitter{pieces{each(isWhite), removed, false}}, false, onlyType(kind, raw)
	case "BertPreTokenizer":
		return []splitter{pieces{each(isWhite), removed, false}, pieces{each(isPunctuation), isolated, false}}, false, onlyType(kind, raw)
	default:
		return nil, false, fmt.Errorf("type %q is not known", kind)
	}
	return []splitter{s}, false, err
}

func readByteLevel(raw json.RawMessage) (list []splitter, err error) {
	var p struct {
		Type           string
		AddPrefixSpace bool  `json:"add_prefix_space"`
		TrimOffsets    bool  `json:"trim_offsets"`
		UseRegex       *bool `json:"use_regex"`
	}
	if err := strict(raw, &p); err != nil {
		return nil, fmt.Errorf("step ByteLevel: %w", err)
	}
	if p.AddPrefixSpace {
		list = append(list, splitFunc(func(dst []string, s string) []string {
			if !strings.HasPrefix(s, " ") {
				s = " " + s
			}
			return append(dst, s)
		}))
	}
	if p.UseRegex == nil || *p.UseRegex {
		list = append(list, knownPatterns[gpt2Regex])
	}
	return list, nil
}

// A behavior says what becomes of the matches that a text is split at.
type behavior string

const (
	removed    behavior = "Removed"
	isolated   behavior = "Isolated"
	contiguous behavior = "Contiguous"
	toPrevious behavior = "MergedWithPrevious"
	toNext     behavior = "MergedWithNext"
)

func (b behavior) check() error {
	switch b {
	case removed, isolated, contiguous, toPrevious, toNext:
		return nil
	}
	return fmt.Errorf("behavior %q is not known", string(b))
}

// pieces splits at matches; with invert, at what lies between them.
type pieces struct {
	find   finder
	what   behavior
	invert bool
}

type cut struct {
	start, end int
	match      bool
}

func (p pieces) split(dst []string, s string, _ bool) []string {
	var cuts []cut
	at := 0
	for _, m := range p.find(s) {
		if m[0] > at {
			cuts = append(cuts, cut{at, m[0], p.invert})
		}
		cuts = append(cuts, cut{m[0], m[1], !p.invert})
		at = m[1]
	}
	if at < len(s) {
		cuts = append(cuts, cut{at, len(s), p.invert})
	}
	for _, c := range p.what.apply(cuts) {
		if c.end > c.start {
			dst = append(dst, s[c.start:c.end])
		}
	}
	return dst
}

// apply merges or removes the parts of a text.
func (b behavior) apply(cuts []cut) []cut {
	out := cuts[:0:0]
	switch b {
	case removed:
		for _, c := range cuts {
			if !c.match {
				out = append(out, c)
			}
		}
	case contiguous:
		for i, c := range cuts {
			if i > 0 && c.match == cuts[i-1].match {
				out[len(out)-1].end = c.end
			} else {
				out = append(out, c)
			}
		}
	case toPrevious:
		for i, c := range cuts {
			if c.match && len(out) > 0 && !cuts[i-1].match {
				out[len(out)-1].end = c.end
			} else {
				out = append(out, c)
			}
		}
	case toNext:
		for i, c := range cuts {
			if i > 0 && cuts[i-1].match && !c.match {
				out[len(out)-1].end = c.end
			} else {
				out = append(out, c)
			}
		}
	default:
		return cuts
	}
	return out
}

func readSplit(raw json.RawMessage) (splitter, error) {
	var p struct {
		Type     string
		Pattern  patternSpec
		Behavior behavior
		Invert   bool
	}
	if err := strict(raw, &p); err != nil {
		return nil, fmt.Errorf("step Split: %w", err)
	}
	if err := p.Behavior.check(); err != nil {
		return nil, fmt.Errorf("step Split: %w", err)
	}
	if p.Pattern.Regex != nil && (p.Behavior == isolated || p.Behavior == removed && p.Invert) {
		if w := knownPatterns[*p.Pattern.Regex]; w != nil {
			return w, nil // matches cover the whole text
		}
	}
	find, err := p.Pattern.finder()
	if err != nil {
		return nil, fmt.Errorf("step Split: %w", err)
	}
	return pieces{find, p.Behavior, p.Invert}, nil
}

func readDigits(raw json.RawMessage) (splitter, error) {
	var p struct {
		Type       string
		Individual bool `json:"individual_digits"`
	}
	if err := strict(raw, &p); err != nil {
		return nil, fmt.Errorf("step Digits: %w", err)
	}
	isNumeric := func(r rune) bool { return classOf(r)&isNumber != 0 }
	if p.Individual {
		return pieces{each(isNumeric), isolated, false}, nil
	}
	return pieces{each(isNumeric), contiguous, false}, nil
}

func readPunctuation(raw json.RawMessage) (splitter, error) {
	p := struct {
		Type     string
		Behavior behavior
	}{Behavior: isolated}
	if err := strict(raw, &p); err != nil {
		return nil, fmt.Errorf("step Punctuation: %w", err)
	}
	return pieces{each(isPunctuation), p.Behavior, false}, p.Behavior.check()
}

func isPunctuation(r rune) bool { return classOf(r)&isPunct != 0 }

func readDelimiter(raw json.RawMessage) (splitter, error) {
	var p struct{ Type, Delimiter string }
	if err := strict(raw, &p); err != nil {
		return nil, fmt.Errorf("step CharDelimiterSplit: %w", err)
	}
	if utf8.RuneCountInString(p.Delimiter) != 1 {
		return nil, fmt.Errorf("step CharDelimiterSplit: the delimiter %q is not one character", p.Delimiter)
	}
	return pieces{func(s string) [][2]int { return findText(s, p.Delimiter) }, removed, false}, nil
}

// each finds every rune that is of a kind.
func each(is func(rune) bool) finder {
	return func(s string) [][2]int {
		var list [][2]int
		for i := 0; i < len(s); {
			r, n := decodeRune(s[i:])
			if r >= 0 && is(r) {
				list = append(list, [2]int{i, i + n})
			}
			i += n
		}
		return list
	}
}

// isRustWord is \w as Rust's regex crate has it: letters, marks, decimal digits,
// connectors, joiners, and what else Unicode calls alphabetic.
func isRustWord(r rune) bool { return isAlphanumeric(r) || r == 0x200C || r == 0x200D }

func isAlphanumeric(r rune) bool {
	return r == '_' || classOf(r)&(isLetter|isDigit|isMark) != 0 || r >= 128 && unicode.In(r, unicode.Pc, unicode.Nl, circled)
}

// circled are symbols that Unicode calls alphabetic: letters in circles and squares.
var circled = &unicode.RangeTable{
	R16: []unicode.Range16{{Lo: 0x24B6, Hi: 0x24E9, Stride: 1}},
	R32: []unicode.Range32{{Lo: 0x1F130, Hi: 0x1F149, Stride: 1}, {Lo: 0x1F150, Hi: 0x1F169, Stride: 1}, {Lo: 0x1F170, Hi: 0x1F189, Stride: 1}},
}

// wordOrNot sorts runes for \w+|[^\w\s]+: 1 letters, digits and the like, 2 the rest,
// 0 white space.
func wordOrNot(r rune) int {
	switch {
	case r >= 0 && isRustWord(r):
		return 1
	case r >= 0 && isWhite(r):
		return 0
	}
	return 2
}

// findRuns finds runs of runes of one sort that is not 0.
func findRuns(s string, sort func(rune) int) [][2]int {
	var list [][2]int
	last := 0
	for i := 0; i < len(s); {
		r, n := decodeRune(s[i:])
		k := sort(r)
		switch {
		case k != 0 && k == last:
			list[len(list)-1][1] = i + n
		case k != 0:
			list = append(list, [2]int{i, i + n})
		}
		last = k
		i += n
	}
	return list
}
