package checkpoint

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// checkFile is what must hold for every file that opens, whoever made it.
func checkFile(t *testing.T, f *File, data []byte) {
	t.Helper()
	at := f.start
	for _, h := range f.Heads() {
		begin, end, _ := f.Range(h.Name)
		size, err := h.Size()
		if begin != at || end-begin != size || err != nil {
			t.Fatalf("tensor %q lies at [%d,%d), the one before ends at %d; its size is %d, %v", h.Name, begin, end, at, size, err)
		}
		at = end
		tensor, err := f.Tensor(h.Name)
		if err != nil || !bytes.Equal(tensor.Data, data[begin:end]) {
			t.Fatalf("tensor %q is not the bytes [%d,%d) of the file: %v", h.Name, begin, end, err)
		}
	}
	if at != int64(len(data)) {
		t.Fatalf("the last tensor ends at %d, the file at %d", at, len(data))
	}
	checkHeader(t, f, data[8:f.start])
	checkRewrite(t, f)
}

// checkHeader reads the header with another JSON parser.
func checkHeader(t *testing.T, f *File, header []byte) {
	t.Helper()
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(header, &raw); err != nil {
		t.Fatalf("a header opens that is not JSON: %v", err)
	}
	delete(raw, metadataKey)
	if len(raw) != len(f.Names()) {
		t.Fatalf("%d tensors, encoding/json sees %d", len(f.Names()), len(raw))
	}
	for name, text := range raw {
		var info struct {
			DType   DType    `json:"dtype"`
			Shape   []int    `json:"shape"`
			Offsets [2]int64 `json:"data_offsets"`
		}
		if err := json.Unmarshal(text, &info); err != nil {
			t.Fatalf("tensor %q: %v", name, err)
		}
		h, ok := f.Head(name)
		begin, end, _ := f.Range(name)
		same := h.DType == info.DType && slices.Equal(h.Shape, info.Shape) &&
			begin == f.start+info.Offsets[0] && end == f.start+info.Offsets[1]
		if !ok || !same {
			t.Fatalf("tensor %q is %v at [%d,%d), encoding/json reads %s", name, h, begin, end, text)
		}
	}
}

// checkRewrite writes the tensors again, which must read back as the same.
func checkRewrite(t *testing.T, f *File) {
	t.Helper()
	var again bytes.Buffer
	if err := Write(&again, all(t, f), f.Metadata()); err != nil {
		t.Fatalf("what was read cannot be written: %v", err)
	}
	g := open(t, again.Bytes())
	a, errA := f.Digest()
	b, errB := g.Digest()
	if a != b || errA != nil || errB != nil {
		t.Fatalf("written again, the digest is %s, not %s (%v, %v)", b, a, errB, errA)
	}
	if size, err := Size(f.Heads(), f.Metadata()); err != nil || size != int64(again.Len()) {
		t.Fatalf("size %d, %v; %d bytes were written", size, err, again.Len())
	}
}

// tryOpen opens hostile bytes: a sound file or a FormatError.
func tryOpen(t *testing.T, data []byte) {
	t.Helper()
	f, err := Open(bytes.NewReader(data), int64(len(data)))
	if err == nil {
		checkFile(t, f, data)
		return
	}
	var fe *FormatError
	if !errors.As(err, &fe) {
		t.Fatalf("error of type %T: %v", err, err)
	}
	if fe.Offset > int64(len(data)) {
		t.Fatalf("error at byte %d of %d", fe.Offset, len(data))
	}
}

// FuzzOpen feeds raw bytes.
func FuzzOpen(f *testing.F) {
	for _, c := range goodFiles {
		f.Add(c.data)
	}
	for _, c := range badFiles {
		if len(c.data) < 1000 {
			f.Add(c.data)
		}
	}
	f.Fuzz(tryOpen)
}

// FuzzHeader builds a sound file from the seed and spoils it in the ways that
// the other numbers choose: changes that random bytes do not find.
func FuzzHeader(f *testing.F) {
	for i := range uint64(2 * len(spoilers)) {
		f.Add(i, byte(i), byte(i/3))
	}
	f.Fuzz(func(t *testing.T, seed uint64, first, second byte) {
		r := rand.New(rand.NewPCG(seed, 5))
		d := randomDraft(r)
		tryOpen(t, d.bytes()) // sound
		for _, s := range []byte{first, second} {
			spoilers[int(s)%len(spoilers)](r, d)
		}
		tryOpen(t, d.bytes())
	})
}

// TestSoundDraftsOpen guards the fuzz target against testing nothing.
func TestSoundDraftsOpen(t *testing.T) {
	for seed := range uint64(200) {
		data := randomDraft(rand.New(rand.NewPCG(seed, 5))).bytes()
		checkFile(t, open(t, data), data)
	}
}

// draft is a file in parts, before they are put together.
type draft struct {
	lengthOff int // added to the true header length
	before    string
	entries   []draftEntry
	after     string
	data      []byte
}

type draftEntry struct {
	key    string // as JSON
	fields []string
	shape  []int
	begin  int
	end    int
	dtype  string
}

func randomDraft(r *rand.Rand) *draft {
	d := &draft{}
	if r.IntN(2) == 0 {
		d.entries = append(d.entries, draftEntry{key: `"__metadata__"`, fields: []string{`"format":"pt"`}})
	}
	for i := range r.IntN(6) {
		e := draftEntry{key: fmt.Sprintf(`"t.%d"`, i), begin: len(d.data)}
		t := dtypes[r.IntN(len(dtypes))]
		e.dtype = string(t.name)
		bits := int(t.bits)
		for range r.IntN(4) {
			n := r.IntN(4)
			e.shape = append(e.shape, n)
			bits *= n
		}
		if bits%8 != 0 {
			e.shape = append(e.shape, 4) // four of the packed numbers fill whole bytes
			bits *= 4
		}
		for range bits / 8 {
			d.data = append(d.data, byte(r.Uint32()))
		}
		e.end = len(d.data)
		d.entries = append(d.entries, e)
	}
	r.Shuffle(len(d.entries), func(i, j int) { d.entries[i], d.entries[j] = d.entries[j], d.entries[i] })
	return d
}

func (d *draft) bytes() []byte {
	var parts []string
	for _, e := range d.entries {
		fields := e.fields
		if e.dtype != "" {
			shape, _ := json.Marshal(append([]int{}, e.shape...))
			fields = append([]string{`"dtype":"` + e.dtype + `"`, `"shape":` + string(shape),
				fmt.Sprintf(`"data_offsets":[%d,%d]`, e.begin, e.end)}, e.fields...)
		}
		parts = append(parts, e.key+":{"+strings.Join(fields, ",")+"}")
	}
	out := file(d.before+"{"+strings.Join(parts, ",")+"}"+d.after, 0)
	out[0] += byte(d.lengthOff)
	return append(out, d.data...)
}

// pick is a random entry; a spare one if there is none.
func (d *draft) pick(r *rand.Rand) *draftEntry {
	if len(d.entries) == 0 {
		return &draftEntry{}
	}
	return &d.entries[r.IntN(len(d.entries))]
}

var hugeNumbers = []int{-1, 0, 1, 1 << 31, 1<<32 - 1, 1 << 32, 1 << 62, 1<<63 - 1}

var spoilers = []func(r *rand.Rand, d *draft){
	func(r *rand.Rand, d *draft) {},
	func(r *rand.Rand, d *draft) { d.lengthOff = r.IntN(256) },
	func(r *rand.Rand, d *draft) { d.entries = append(d.entries, *d.pick(r)) },
	func(r *rand.Rand, d *draft) { d.pick(r).begin += r.IntN(5) - 2 },
	func(r *rand.Rand, d *draft) { d.pick(r).end += r.IntN(5) - 2 },
	func(r *rand.Rand, d *draft) { d.pick(r).end = hugeNumbers[r.IntN(len(hugeNumbers))] },
	func(r *rand.Rand, d *draft) { a, b := d.pick(r), d.pick(r); a.begin, a.end = b.begin, b.end },
	func(r *rand.Rand, d *draft) { d.pick(r).dtype = string(dtypes[r.IntN(len(dtypes))].name) },
	func(r *rand.Rand, d *draft) { d.pick(r).dtype = "f32" },
	func(r *rand.Rand, d *draft) { e := d.pick(r); e.shape = append(e.shape, r.IntN(3)) },
	func(r *rand.Rand, d *draft) {
		e := d.pick(r)
		e.shape = append(slices.Clone(e.shape), hugeNumbers[r.IntN(len(hugeNumbers))], hugeNumbers[r.IntN(len(hugeNumbers))])
	},
	func(r *rand.Rand, d *draft) { e := d.pick(r); e.fields = append(slices.Clone(e.fields), `"shape":[]`) },
	func(r *rand.Rand, d *draft) {
		e := d.pick(r)
		e.fields = append(slices.Clone(e.fields), `"x":{"y":[1]}`)
	},
	func(r *rand.Rand, d *draft) { d.pick(r).key = `"\u0074.1"` },
	func(r *rand.Rand, d *draft) { d.pick(r).key = `"__metadata__"` },
	func(r *rand.Rand, d *draft) { d.before = " " },
	func(r *rand.Rand, d *draft) { d.after = []string{" ", "\x00", "{}", ",", "\n\t  "}[r.IntN(5)] },
	func(r *rand.Rand, d *draft) { d.data = append(d.data, 0xAA) },
	func(r *rand.Rand, d *draft) { d.data = d.data[:len(d.data)/2] },
}
