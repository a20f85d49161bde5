package corpus

import (
	"crypto/sha256"
	"encoding/binary"
	"iter"
)

// Place is where a text falls between 0 and 1 by the hash of its bytes (the first 53
// bits of SHA-256). Texts that are equal fall on the same place.
func Place(text string) float64 {
	sum := sha256.Sum256([]byte(text))
	return float64(binary.BigEndian.Uint64(sum[:])>>11) * 0x1p-53
}

// Part yields the documents whose place is at least from and below to. Errors pass.
func Part(docs iter.Seq2[Document, error], from, to float64) iter.Seq2[Document, error] {
	return func(yield func(Document, error) bool) {
		for d, err := range docs {
			if err == nil {
				if p := Place(d.Text); p < from || p >= to {
					continue
				}
			}
			if !yield(d, err) {
				return
			}
		}
	}
}
