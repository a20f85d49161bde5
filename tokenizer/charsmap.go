package tokenizer

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A charsmap is the compiled normalisation of a SentencePiece model: a double-array
// trie (Darts) from texts to places in a list of replacements, each ended by a zero.
type charsmap struct {
	units []uint32
	texts []byte
}

// readCharsmap reads a charsmap: the size of the trie in bytes, the trie, the texts.
func readCharsmap(data []byte) (*charsmap, error) {
	if len(data) == 0 {
		return nil, nil
	}
	if len(data) < 4 {
		return nil, errors.New("the character map is cut short")
	}
	size := int64(binary.LittleEndian.Uint32(data))
	if size%4 != 0 || size == 0 || size > int64(len(data)-4) {
		return nil, fmt.Errorf("the character map says that its trie has %d bytes, and has %d in all", size, len(data))
	}
	c := &charsmap{units: make([]uint32, size/4), texts: data[4+size:]}
	for i := range c.units {
		c.units[i] = binary.LittleEndian.Uint32(data[4+4*i:])
	}
	return c, nil
}

// A unit of the trie: bits 0-7 the label, 31 set for a leaf; 8 says that a leaf hangs on
// it; 9 to 30 the offset to its children.
func unitOffset(u uint32) uint32 { return u >> 10 << (u & (1 << 9) >> 6) }

// prefixes calls f with the length and the value of each key that s begins with, the
// shortest first, until f says to stop.
func (c *charsmap) prefixes(s string, f func(n int, value uint32) bool) {
	at := unitOffset(c.units[0])
	for i := range len(s) {
		b := uint32(s[i])
		if b == 0 {
			return
		}
		at ^= b
		if int64(at) >= int64(len(c.units)) {
			return
		}
		u := c.units[at]
		if u&(1<<31|0xFF) != b {
			return
		}
		at ^= unitOffset(u)
		if u>>8&1 == 1 && int64(at) < int64(len(c.units)) {
			if !f(i+1, c.units[at]&(1<<31-1)) {
				return
			}
		}
	}
}

// text is the replacement at a place.
func (c *charsmap) text(at uint32) string {
	if int64(at) >= int64(len(c.texts)) {
		return ""
	}
	t := c.texts[at:]
	if end := bytes.IndexByte(t, 0); end >= 0 {
		t = t[:end]
	}
	return string(t)
}

// first replaces s as a whole by what its shortest known prefix becomes: the reading
// of the tokenizers library.
func (c *charsmap) first(s string) (string, bool) {
	out, found := "", false
	c.prefixes(s, func(_ int, value uint32) bool {
		out, found = c.text(value), true
		return false
	})
	return out, found
}

// longest finds the longest key that s begins with: the reading of SentencePiece.
func (c *charsmap) longest(s string) (out string, n int) {
	var at uint32
	c.prefixes(s, func(m int, value uint32) bool {
		n, at = m, value
		return true
	})
	if n == 0 {
		return "", 0
	}
	return c.text(at), n
}

// clusters normalises as the tokenizers library does: each short cluster of a rune and
// its marks at once if the map knows it, otherwise rune by rune.
func (c *charsmap) clusters(s string) string {
	var b strings.Builder
	b.Grow(len(s))
	for len(s) > 0 {
		n := clusterLength(s)
		cluster := s[:n]
		s = s[n:]
		if n < 6 {
			if out, ok := c.first(cluster); ok {
				b.WriteString(out)
				continue
			}
		}
		eachRune(cluster, func(_ rune, text string) {
			if out, ok := c.first(text); ok {
				b.WriteString(out)
			} else {
				b.WriteString(text)
			}
		})
	}
	return b.String()
}

// clusterLength is the length of a grapheme cluster, as far as short ones go: a rune
// with the marks and joiners behind it, or a carriage return with a line feed.
func clusterLength(s string) int {
	r, n := utf8.DecodeRuneInString(s)
	if strings.HasPrefix(s, "\r\n") {
		return 2
	}
	if unicode.In(r, unicode.Cc, unicode.Zl, unicode.Zp) {
		return n
	}
	for n < len(s) {
		r, m := utf8.DecodeRuneInString(s[n:])
		if r != 0x200C && r != 0x200D && !unicode.Is(unicode.M, r) {
			break
		}
		n += m
	}
	return n
}

func readPrecompiled(raw json.RawMessage) (normalizer, error) {
	var p struct {
		Type     string
		Charsmap *string `json:"precompiled_charsmap"`
	}
	if err := strict(raw, &p); err != nil {
		return nil, fmt.Errorf("step Precompiled: %w", err)
	}
	if p.Charsmap == nil {
		return plainNormalizer(func(s string) string { return s }), nil
	}
	data, err := base64.StdEncoding.DecodeString(*p.Charsmap)
	if err != nil {
		return nil, fmt.Errorf("step Precompiled: %w", err)
	}
	c, err := readCharsmap(data)
	if err != nil {
		return nil, fmt.Errorf("step Precompiled: %w", err)
	}
	if c == nil {
		return plainNormalizer(func(s string) string { return s }), nil
	}
	return plainNormalizer(c.clusters), nil
}
