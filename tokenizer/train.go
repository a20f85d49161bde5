package tokenizer

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"maps"
	"runtime"
	"slices"
	"sync"

	"github.com/comlam/comlam/internal/setting"
)

// Config says what [Train] makes.
type Config struct {
	// VocabSize is the number of tokens in all: special ones, 256 bytes, merges. Training
	// ends earlier where no pair of symbols is left that occurs often enough.
	VocabSize int `yaml:"vocab_size"`
	// MinFrequency is how often a pair must occur to become a token; 0 means 2.
	MinFrequency int `yaml:"min_frequency"`
	// Special tokens get the first ids, in this order; nil means [DefaultSpecial]. With
	// tokens of one's own, Chat needs a template that knows them.
	Special []string `yaml:"-"`
	// Template is the chat template; "" means [DefaultTemplate].
	Template string `yaml:"-"`
}

// DefaultVocabSize is enough for a few megabytes of text.
const DefaultVocabSize = 8192

// DefaultSpecial are the special tokens of a tokenizer trained here: the end of a
// document, filler in a batch, and the two marks around a turn of a chat.
var DefaultSpecial = []string{EndOfText, Pad, StartOfTurn, EndOfTurn}

// The special tokens by their use, with the names of ChatML.
const (
	EndOfText   = "<|endoftext|>"
	Pad         = "<|pad|>"
	StartOfTurn = "<|im_start|>"
	EndOfTurn   = "<|im_end|>"
)

// Validate reports the first setting that makes no tokenizer.
func (c Config) Validate() error {
	c = c.withDefaults()
	least := 256 + len(c.Special)
	switch {
	case c.VocabSize < least:
		return setting.Bad("vocab_size", fmt.Sprintf("give at least %d, the bytes and the special tokens", least), "%d is too small", c.VocabSize)
	case c.VocabSize > maxTokens:
		return setting.Bad("vocab_size", fmt.Sprintf("give at most %d", maxTokens), "%d is too large", c.VocabSize)
	case c.MinFrequency < 1:
		return setting.Bad("min_frequency", "give 1 or more", "%d is no count", c.MinFrequency)
	}
	seen := map[string]bool{}
	for _, s := range c.Special {
		if s == "" || seen[s] {
			return setting.Bad("special", "give each special token once, and no empty one", "%q", s)
		}
		seen[s] = true
	}
	return nil
}

func (c Config) withDefaults() Config {
	c.VocabSize = cmp.Or(c.VocabSize, DefaultVocabSize)
	c.MinFrequency = cmp.Or(c.MinFrequency, 2)
	if c.Special == nil {
		c.Special = DefaultSpecial
	}
	c.Template = cmp.Or(c.Template, DefaultTemplate)
	return c
}

// Train makes a byte-level BPE tokenizer from texts, which it reads once. The result
// depends on the texts and c alone: not on the number of cores, and not on the order
// of the texts. Among pairs that occur equally often the one with the lower ids is
// merged first, so that the merges are those of Hugging Face's trainer.
//
// It stops early with the error of ctx when that is done.
func Train(ctx context.Context, texts iter.Seq[string], c Config) (*Tokenizer, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	c = c.withDefaults()
	words, err := countWords(ctx, texts)
	if err != nil {
		return nil, err
	}
	tr := newTrainer(words)
	if err := tr.run(ctx, c.VocabSize-len(c.Special), int64(c.MinFrequency)); err != nil {
		return nil, err
	}
	return build(trainedSpec(tr, c), trainedSettings(c))
}

// countWords counts the pieces of all texts, several texts at a time.
func countWords(ctx context.Context, texts iter.Seq[string]) (map[string]int64, error) {
	work := make(chan string, 64)
	counts := make([]map[string]int64, runtime.GOMAXPROCS(0))
	var done sync.WaitGroup
	for i := range counts {
		counts[i] = map[string]int64{}
		done.Go(func() {
			for text := range work {
				countPieces(counts[i], text)
			}
		})
	}
	var err error
	for text := range texts {
		if err = ctx.Err(); err != nil {
			break
		}
		work <- text
	}
	close(work)
	done.Wait()
	if err != nil {
		return nil, fmt.Errorf("count words: %w", err)
	}
	total := counts[0]
	for _, m := range counts[1:] {
		for w, n := range m {
			total[w] += n
		}
	}
	return total, nil
}

func countPieces(counts map[string]int64, text string) {
	p := trainPattern()
	for i := 0; i < len(text); {
		end := p.next(text, i)
		counts[text[i:end]]++
		i = end
	}
}

// A trainer merges the most frequent pair again and again. It knows of each pair how
// often it occurs and in which words; a merge touches only those.
type trainer struct {
	words  [][]int32
	counts []int64
	pairs  map[uint64]int64
	where  map[uint64][]int32 // words in which a pair may occur, each once for a pair's birth
	queue  []frequent
	tokens []string // by symbol: its bytes
	ids    map[string]int32
	merges [][2]int32
	merged map[uint64]bool
}

// A frequent pair; count is what it was when it entered the queue.
type frequent struct {
	count int64
	pair  uint64
}

func (f frequent) compare(g frequent) int {
	if f.count != g.count {
		return cmp.Compare(g.count, f.count)
	}
	return cmp.Compare(f.pair, g.pair)
}

func newTrainer(words map[string]int64) *trainer {
	tr := &trainer{pairs: map[uint64]int64{}, where: map[uint64][]int32{}, ids: map[string]int32{}, merged: map[uint64]bool{}}
	order := alphabetOrder()
	var symbolOf [256]int32
	for _, b := range order {
		symbolOf[b] = tr.symbol(string([]byte{b}))
	}
	for i, w := range slices.Sorted(maps.Keys(words)) {
		ids := make([]int32, len(w))
		for j := range len(w) {
			ids[j] = symbolOf[w[j]]
		}
		tr.words = append(tr.words, ids)
		tr.counts = append(tr.counts, words[w])
		for j := range len(ids) - 1 {
			tr.add(pairKey(ids[j], ids[j+1]), words[w], int32(i))
		}
	}
	for pair, n := range tr.pairs {
		tr.queue = append(tr.queue, frequent{n, pair})
	}
	heapify(tr.queue)
	return tr
}

// alphabetOrder is the bytes in the order of the runes that stand for them.
func alphabetOrder() []byte {
	order := make([]byte, 256)
	for i := range order {
		order[i] = byte(i)
	}
	slices.SortFunc(order, func(a, b byte) int { return cmp.Compare(byteRune[a], byteRune[b]) })
	return order
}

// add counts n more of a pair in a word.
func (tr *trainer) add(pair uint64, n int64, word int32) {
	tr.pairs[pair] += n
	if list := tr.where[pair]; len(list) == 0 || list[len(list)-1] != word {
		tr.where[pair] = append(list, word)
	}
}

// run merges until there are size symbols or no pair occurs least times.
func (tr *trainer) run(ctx context.Context, size int, least int64) error {
	for len(tr.tokens) < size && len(tr.queue) > 0 {
		if len(tr.tokens)%64 == 0 && ctx.Err() != nil {
			return fmt.Errorf("train: %w after %d tokens", ctx.Err(), len(tr.tokens))
		}
		var top frequent
		top, tr.queue = pop(tr.queue)
		switch n := tr.pairs[top.pair]; {
		case n != top.count && n > 0:
			tr.queue = push(tr.queue, frequent{n, top.pair}) // it has fallen since
			continue
		case n == 0:
			continue
		case n < least:
			return nil
		}
		tr.merge(top.pair)
	}
	return nil
}

// merge makes a pair a symbol, in every word in which it occurs.
func (tr *trainer) merge(pair uint64) {
	a, b := int32(pair>>32), int32(uint32(pair))
	id := tr.symbol(tr.tokens[a] + tr.tokens[b])
	if !tr.merged[pair] {
		tr.merged[pair] = true
		tr.merges = append(tr.merges, [2]int32{a, b})
	}
	born := map[uint64]bool{}
	for _, w := range tr.where[pair] {
		tr.mergeIn(w, a, b, id, born)
	}
	delete(tr.where, pair)
	delete(tr.pairs, pair)
	for _, p := range slices.Sorted(maps.Keys(born)) {
		if n := tr.pairs[p]; n > 0 {
			tr.queue = push(tr.queue, frequent{n, p})
		}
	}
}

// symbol finds or makes the symbol of a token: ab+c and a+bc are one.
func (tr *trainer) symbol(token string) int32 {
	id, ok := tr.ids[token]
	if !ok {
		id = int32(len(tr.tokens))
		tr.ids[token] = id
		tr.tokens = append(tr.tokens, token)
	}
	return id
}

// mergeIn replaces a b by id in one word and moves the counts of the neighbours.
func (tr *trainer) mergeIn(w, a, b, id int32, born map[uint64]bool) {
	ids, n := tr.words[w], tr.counts[w]
	out := ids[:0]
	change := func(x, y int32, by int64) {
		p := pairKey(x, y)
		if by > 0 {
			tr.add(p, by, w)
			born[p] = true
		} else if p != pairKey(a, b) {
			tr.pairs[p] += by
		}
	}
	again := false // the symbol before was merged just now
	for i := 0; i < len(ids); i++ {
		if i+1 >= len(ids) || ids[i] != a || ids[i+1] != b {
			out, again = append(out, ids[i]), false
			continue
		}
		switch {
		case again: // b a between the two is gone
			change(b, a, -n)
			change(id, id, n)
		case len(out) > 0:
			left := out[len(out)-1]
			change(left, a, -n)
			change(left, id, n)
		}
		if i+2 < len(ids) && !(i+3 < len(ids) && ids[i+2] == a && ids[i+3] == b) {
			change(b, ids[i+2], -n)
			change(id, ids[i+2], n)
		}
		out, again = append(out, id), true
		i++
	}
	tr.words[w] = out
}
