package infer

import (
	"context"
	"strings"
	"unicode/utf8"
)

// Decoder turns tokens into text; a tokenizer.Tokenizer is one.
type Decoder interface{ Decode(ids []int32) string }

// Completed is what Complete wrote.
type Completed struct {
	Text   string // UTF-8
	Tokens int    // that were drawn, those of a stop string included
	Reason string // stop: a stop token or string; length: MaxTokens or the end of the context
}

// Complete continues one prompt as text. It ends where one of the stop strings would
// begin; they are not part of the text. write, which may be nil, is given the text piece
// by piece, whole characters only, as soon as it cannot be the beginning of a stop string.
//
// When ctx ends, what was written so far comes with its error.
func (m *Model) Complete(ctx context.Context, d Decoder, prompt []int32, s Sampling, stop []string, write func(text string)) (Completed, error) {
	w := &speech{d: d, ids: append([]int32{}, prompt...), read: len(prompt), stop: stop, write: write}
	w.from = max(0, w.read-lead)
	tokens := 0
	_, err := m.Generate(ctx, [][]int32{prompt}, s, func(_ int, id int32) bool {
		tokens++
		return w.hear(id)
	})
	w.end()
	c := Completed{Text: w.said.String(), Tokens: tokens, Reason: "stop"}
	if most := m.Context() - len(prompt); !w.stopped && (tokens == s.MaxTokens && tokens > 0 || tokens == most) {
		c.Reason = "length"
	}
	return c, err
}

// lead is how many tokens are decoded again with those that follow: some tokenizers
// write a token otherwise where a text begins.
const lead = 6

// speech turns tokens into text as they come.
type speech struct {
	d          Decoder
	ids        []int32
	from, read int    // decoded text ends before ids[read]; what follows is decoded with ids[from:read]
	held       string // decoded, and may be the beginning of a stop string
	stop       []string
	stopped    bool
	said       strings.Builder
	write      func(string)
}

// hear takes a token; false where a stop string was met.
func (w *speech) hear(id int32) bool {
	w.ids = append(w.ids, id)
	w.decode(false)
	if at, found := w.stopAt(); found {
		w.held, w.stopped = w.held[:at], true
	}
	n := len(w.held)
	if !w.stopped {
		n -= w.mayStop()
	}
	w.say(n)
	return !w.stopped
}

// decode moves what the new tokens say to held, unless it ends in a part of a character
// and is not the last. Bytes that are no UTF-8 become U+FFFD.
func (w *speech) decode(last bool) {
	before, all := w.d.Decode(w.ids[w.from:w.read]), w.d.Decode(w.ids[w.from:])
	if len(all) <= len(before) || !last && partial(all) {
		return
	}
	w.held += strings.ToValidUTF8(all[len(before):], "\uFFFD")
	w.from, w.read = max(w.from, w.read-lead), len(w.ids)
}

// partial says whether text may end within a character. Some tokenizers write U+FFFD
// there, others the bytes.
func partial(text string) bool {
	if strings.HasSuffix(text, "\uFFFD") {
		return true
	}
	for n := 1; n < utf8.UTFMax && n <= len(text); n++ {
		tail := text[len(text)-n:]
		if utf8.RuneStart(tail[0]) {
			return !utf8.FullRuneInString(tail)
		}
	}
	return false
}

// stopAt is where the first stop string begins.
func (w *speech) stopAt() (at int, found bool) {
	at = len(w.held)
	for _, s := range w.stop {
		if i := strings.Index(w.held, s); s != "" && i >= 0 && i < at {
			at, found = i, true
		}
	}
	return at, found
}

// mayStop is the length of the longest end of held that a stop string begins with.
func (w *speech) mayStop() int {
	for n := len(w.held); n > 0; n-- {
		for _, s := range w.stop {
			if len(s) > n && strings.HasPrefix(s, w.held[len(w.held)-n:]) {
				return n
			}
		}
	}
	return 0
}

func (w *speech) say(n int) {
	if n == 0 {
		return
	}
	w.said.WriteString(w.held[:n])
	if w.write != nil {
		w.write(w.held[:n])
	}
	w.held = w.held[n:]
}

// end says what was held back.
func (w *speech) end() {
	if w.stopped {
		return
	}
	w.decode(true)
	if at, found := w.stopAt(); found {
		w.held, w.stopped = w.held[:at], true
	}
	w.say(len(w.held))
}
