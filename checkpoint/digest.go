package checkpoint

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"io"
	"slices"
)

// Digest is the SHA-256 of names, types, shapes and bytes of the tensors, in
// hex. It does not depend on their order. Two sets of weights have the same
// digest exactly when they are the same to the last bit.
func Digest(tensors []Tensor) string {
	h := sha256.New()
	byName := func(a, b Tensor) int { return cmp.Compare(a.Name, b.Name) }
	for _, t := range slices.SortedFunc(slices.Values(tensors), byName) {
		digestTensor(h, t)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// Digest is that of the tensors in the file, read one at a time.
func (f *File) Digest() (string, error) {
	h := sha256.New()
	for _, name := range f.Names() {
		t, err := f.Tensor(name)
		if err != nil {
			return "", err
		}
		digestTensor(h, t)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// digestTensor puts its length before each part, so that no two sets of
// tensors run together to the same bytes.
func digestTensor(h hash.Hash, t Tensor) {
	number := func(n int) { h.Write(binary.LittleEndian.AppendUint64(nil, uint64(n))) }
	number(len(t.Name))
	io.WriteString(h, t.Name)
	number(len(t.DType))
	io.WriteString(h, string(t.DType))
	number(len(t.Shape))
	for _, d := range t.Shape {
		number(d)
	}
	number(len(t.Data))
	h.Write(t.Data)
}
