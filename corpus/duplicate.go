package corpus

import (
	"hash/maphash"
	"strings"
	"unicode"
)

// Shingle is how many words in a row are compared.
const Shingle = 8

// Duplicates tells documents that nearly came before: versions of one page, copies with
// another head, quoted threads. It remembers a hash of every Shingle words in a row of
// the documents that were kept, 8 bytes each and the map around them.
//
// The zero value has seen nothing.
type Duplicates struct {
	seen map[uint64]struct{}
}

// fixed makes the hashes, and with them nothing but memory's layout, the same each time.
var fixed = maphash.MakeSeed()

// Share is the part of a document's shingles that stand in documents added before, from
// 0 to 1. One of fewer than Shingle words is one shingle.
func (d *Duplicates) Share(text string) float64 {
	known, all := 0, 0
	for h := range shingles(text) {
		all++
		if _, ok := d.seen[h]; ok {
			known++
		}
	}
	if all == 0 {
		return 0
	}
	return float64(known) / float64(all)
}

// Add remembers a document.
func (d *Duplicates) Add(text string) {
	if d.seen == nil {
		d.seen = map[uint64]struct{}{}
	}
	for h := range shingles(text) {
		d.seen[h] = struct{}{}
	}
}

// shingles yields a hash of every Shingle words in a row, in lower case and without what
// is neither letter nor digit.
func shingles(text string) func(yield func(uint64) bool) {
	return func(yield func(uint64) bool) {
		words := strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
		for i := 0; i+Shingle <= len(words) || i == 0 && len(words) > 0; i++ {
			if !yield(maphash.String(fixed, strings.Join(words[i:min(i+Shingle, len(words))], " "))) {
				return
			}
		}
	}
}
