// Package overlap finds test items whose words stand in training texts. A model that was
// trained on them has been told the answers, and its score says nothing.
//
//	check, err := overlap.New(items, overlap.Config{})
//	for d, err := range documents {
//		check.Read(d.Where, d.Text)
//	}
//	result := check.Result()
//
// # Definition
//
// Words are runs of letters and digits, in lower case; what stands between them does not
// count. An item is contaminated if a training document contains 13 of its words in a
// row. Of a text of 8 to 12 words all must stand there in a row; shorter ones are common
// phrases and are not judged, only counted. These are the lengths of T. B. Brown et al.,
// "Language models are few-shot learners", arXiv:2005.14165, appendix C, and the first is
// that of lm-evaluation-harness. A copy in other words is not found.
//
// # Cost
//
// The n-grams of the items are hashed; documents stream past with a rolling hash, and
// where hashes meet the words themselves are compared, so nothing is found that is not
// there. Memory follows the items, not the training text.
package overlap

import (
	"slices"
	"unicode"
	"unicode/utf8"

	"github.com/comlam/comlam/internal/setting"
)

// Item is one test item: the texts of which none may stand in training documents.
type Item struct {
	ID    string
	Texts []string
}

// Config says how many words in a row count; zero fields take the defaults.
type Config struct {
	Words int // in a row, of texts at least as long; 13
	Least int // words below which a text is not judged; 8
}

// Hit is an item that stands in training documents.
type Hit struct {
	ID    string `json:"id"`
	Found int    `json:"found"` // of its n-grams
	Of    int    `json:"of"`
	Where string `json:"where"` // the first document with one of them
}

// Result is what a check found.
type Result struct {
	Items     int   `json:"items"`
	TooShort  int   `json:"too_short"` // items of which no text has enough words to be judged
	Documents int   `json:"documents"`
	Words     int64 `json:"words"` // of the documents
	Hits      []Hit `json:"hits"`  // in the order of the items
}

// Check compares items with documents that stream past. It serves one goroutine.
type Check struct {
	ids    map[string]int32 // words of the items
	grams  map[uint64][]gram
	sizes  []window
	items  []progress
	result Result
	words  []int32 // of the document that is read, -1 for words of no item
	buffer []byte
}

// gram is one n-gram of an item.
type gram struct {
	item  int
	words []int32
}

// progress is what has been found of an item.
type progress struct {
	id    string
	of    int
	found int
	where string
}

// window is a length of n-grams with the factor of the word that leaves.
type window struct {
	size int
	out  uint64
}

// New prepares a check.
func New(items []Item, c Config) (*Check, error) {
	if c.Words == 0 {
		c.Words = 13
	}
	if c.Least == 0 {
		c.Least = min(8, c.Words)
	}
	if c.Least < 1 || c.Words < c.Least || c.Words > 1000 {
		return nil, setting.Bad("words", "use 8 to 13", "%d words in a row, at least %d, cannot be looked for", c.Words, c.Least)
	}
	k := &Check{ids: map[string]int32{}, grams: map[uint64][]gram{}, result: Result{Items: len(items)}}
	for i, it := range items {
		k.items = append(k.items, progress{id: it.ID})
		for _, text := range it.Texts {
			k.add(i, text, c)
		}
		if k.items[i].of == 0 {
			k.result.TooShort++
		}
	}
	slices.SortFunc(k.sizes, func(a, b window) int { return a.size - b.size })
	return k, nil
}

// add takes the n-grams of one text of an item.
func (k *Check) add(item int, text string, c Config) {
	var words []int32
	k.eachWord(text, func(word []byte) {
		id, ok := k.ids[string(word)]
		if !ok {
			id = int32(len(k.ids))
			k.ids[string(word)] = id
		}
		words = append(words, id)
	})
	size := min(c.Words, len(words))
	if size < c.Least {
		return
	}
	k.addSize(size)
	for i := 0; i+size <= len(words); i++ {
		g := gram{item, words[i : i+size]}
		h := hash(g.words)
		if k.has(h, g) {
			continue
		}
		k.grams[h] = append(k.grams[h], g)
		k.items[item].of++
	}
}

// has reports whether the item has that n-gram already. Those of the item that is being
// added come last.
func (k *Check) has(h uint64, g gram) bool {
	for _, o := range slices.Backward(k.grams[h]) {
		if o.item != g.item {
			return false
		}
		if slices.Equal(o.words, g.words) {
			return true
		}
	}
	return false
}

func (k *Check) addSize(size int) {
	if slices.ContainsFunc(k.sizes, func(w window) bool { return w.size == size }) {
		return
	}
	out := uint64(1)
	for range size - 1 {
		out *= base
	}
	k.sizes = append(k.sizes, window{size, out})
}

// base is odd, so that its powers do not run to zero.
const base = 0x9e3779b97f4a7c15

// mixed spreads a word's number over 64 bits (the finaliser of SplitMix64).
func mixed(word int32) uint64 {
	x := uint64(uint32(word)) + base
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// hash is that of whole n-grams; Read rolls the same.
func hash(words []int32) uint64 {
	var h uint64
	for _, w := range words {
		h = h*base + mixed(w)
	}
	return h
}

// Read looks for the items in one document.
func (k *Check) Read(where, text string) {
	k.result.Documents++
	k.words = k.words[:0]
	k.eachWord(text, func(word []byte) {
		id, ok := k.ids[string(word)]
		if !ok {
			id = -1
		}
		k.words = append(k.words, id)
	})
	k.result.Words += int64(len(k.words))
	for _, w := range k.sizes {
		k.roll(where, w)
	}
}

// roll looks for n-grams of one length. A word of no item ends what cannot be one.
func (k *Check) roll(where string, w window) {
	var h uint64
	known := 0 // words in a row that some item has
	for i, word := range k.words {
		if word < 0 {
			h, known = 0, 0
			continue
		}
		if known >= w.size {
			h -= mixed(k.words[i-w.size]) * w.out
		}
		h = h*base + mixed(word)
		known++
		if known < w.size {
			continue
		}
		if list := k.grams[h]; len(list) > 0 {
			k.compare(h, list, k.words[i+1-w.size:i+1], where)
		}
	}
}

// compare counts the n-grams that are these very words. What has been found is not
// looked for again.
func (k *Check) compare(h uint64, list []gram, words []int32, where string) {
	left := slices.DeleteFunc(list, func(g gram) bool {
		if !slices.Equal(g.words, words) {
			return false
		}
		p := &k.items[g.item]
		if p.found == 0 {
			p.where = where
		}
		p.found++
		return true
	})
	k.grams[h] = left
	if len(left) == 0 {
		delete(k.grams, h)
	}
}

// Result is what was found in the documents so far.
func (k *Check) Result() Result {
	r := k.result
	r.Hits = []Hit{}
	for _, p := range k.items {
		if p.found > 0 {
			r.Hits = append(r.Hits, Hit{ID: p.id, Found: p.found, Of: p.of, Where: p.where})
		}
	}
	return r
}

// eachWord visits the words of a text, in lower case, in memory that is used again.
func (k *Check) eachWord(text string, visit func(word []byte)) {
	k.buffer = k.buffer[:0]
	for _, r := range text {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			k.buffer = utf8.AppendRune(k.buffer, unicode.ToLower(r))
		} else if len(k.buffer) > 0 {
			visit(k.buffer)
			k.buffer = k.buffer[:0]
		}
	}
	if len(k.buffer) > 0 {
		visit(k.buffer)
		k.buffer = k.buffer[:0]
	}
}
