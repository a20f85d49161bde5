package tokenizer

import "unicode/utf8"

// The alphabet of byte-level vocabularies: each byte is written as one printable
// rune, so that a vocabulary file is text (Radford et al. 2019, GPT-2). Bytes that
// print in Latin-1 stand for themselves, the other 68 become U+0100 and up.
var byteRune, runeByte = byteAlphabet()

func byteAlphabet() (to [256]rune, from [324]int16) {
	for i := range from {
		from[i] = -1
	}
	next := rune(256)
	for b := range 256 {
		r := rune(b)
		if !(b >= '!' && b <= '~' || b >= 0xA1 && b <= 0xAC || b >= 0xAE) {
			r = next
			next++
		}
		to[b] = r
		from[r] = int16(b)
	}
	return to, from
}

// toAlphabet writes bytes in the alphabet.
func toAlphabet(raw string) string {
	b := make([]byte, 0, 2*len(raw))
	for i := range len(raw) {
		b = utf8.AppendRune(b, byteRune[raw[i]])
	}
	return string(b)
}

// fromAlphabet reads the bytes that a token stands for; a token with any other rune
// stands for none.
func fromAlphabet(token string) (string, bool) {
	b := make([]byte, 0, len(token))
	for _, r := range token {
		if int(r) >= len(runeByte) || runeByte[r] < 0 {
			return "", false
		}
		b = append(b, byte(runeByte[r]))
	}
	return string(b), true
}

// decodeRune reads a rune; -1 stands for a byte that is no UTF-8.
func decodeRune(s string) (rune, int) {
	r, n := utf8.DecodeRuneInString(s)
	if r == utf8.RuneError && n == 1 {
		return -1, 1
	}
	return r, n
}
