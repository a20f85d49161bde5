package data

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/comlam/comlam/internal/setting"
	"github.com/comlam/comlam/nn"
	"github.com/comlam/comlam/tokenizer"
)

// Axes: B rows, T tokens.

// Overlong says what becomes of an example that does not fit into a row.
type Overlong string

// What can become of it.
const (
	OverlongError Overlong = "error" // it is an error
	OverlongDrop  Overlong = "drop"  // it is left out, and counted
	OverlongCut   Overlong = "cut"   // its end is cut off, and it is counted
)

// Rows says how examples become rows of a fixed length.
type Rows struct {
	Length   int      `yaml:"length"`   // tokens of a row; 0 = what the longest example takes
	Pack     bool     `yaml:"pack"`     // several examples a row; they do not see each other
	Overlong Overlong `yaml:"overlong"` // error, drop or cut
}

// DefaultRows packs, and refuses what does not fit.
func DefaultRows() Rows { return Rows{Pack: true, Overlong: OverlongError} }

// Validate reports the first setting that cannot be used.
func (r Rows) Validate() error {
	switch {
	case r.Length < 0 || r.Length > 1<<20:
		return setting.Bad("length", "use 0 for that of the longest example, or a number of tokens", "%d is out of range", r.Length)
	case !slices.Contains([]Overlong{OverlongError, OverlongDrop, OverlongCut}, r.Overlong):
		return setting.Bad("overlong", "use error, drop or cut", "there is no %q", r.Overlong)
	}
	return nil
}

// Chats is a Source of examples for language models. Its arrays, each [B T], are those
// of train.TokenLoss: tokens, the one that follows each, its weight in the loss (1 where
// that is trained, 0 elsewhere), its place in its example, and the number of its example
// in the row. The loss of a row is the mean over its trained tokens, so that a row with
// few of them counts as much as one with many.
//
// What stands in which row is settled once; the rows come again and again, each time in
// another order. Row i follows from the seed and i alone.
type Chats struct {
	Stats  Stats
	list   []Sequence
	rows   [][]int // of the numbers of sequences
	length int
	order  order
}

// Stats tell what became of the examples.
type Stats struct {
	Examples int `json:"examples"` // that are trained on
	Rows     int `json:"rows"`
	Length   int `json:"length"`  // tokens of a row
	Tokens   int `json:"tokens"`  // of examples, filler left out
	Trained  int `json:"trained"` // of them
	Dropped  int `json:"dropped"` // examples left out, too long
	Cut      int `json:"cut"`     // examples whose end was cut off
}

// RenderAll renders the examples of a file for Chats. An error names file and line.
func RenderAll(t *tokenizer.Tokenizer, e *Examples) ([]Sequence, error) {
	list := make([]Sequence, len(e.List))
	for i, x := range e.List {
		var err error
		if list[i], err = Render(t, x); err != nil {
			return nil, &FormatError{File: e.File, Line: x.Line, Err: err}
		}
		list[i].Where = fmt.Sprintf("%s:%d", e.File, x.Line)
		if list[i].NumTrained() == 0 {
			return nil, &FormatError{File: e.File, Line: x.Line, Err: errors.New("nothing in it is trained; see comlam tokens")}
		}
	}
	return list, nil
}

// NewChats makes rows of sequences. split keeps the order of training apart from that of
// other uses of the seed.
func NewChats(list []Sequence, r Rows, split Split, seed uint64) (*Chats, error) {
	if err := r.Validate(); err != nil {
		return nil, err
	}
	list, length, s, err := fit(list, r)
	if err != nil {
		return nil, err
	}
	c := &Chats{Stats: s, list: list, length: length}
	if r.Pack {
		c.rows = packed(list, length)
	} else {
		for i := range list {
			c.rows = append(c.rows, []int{i})
		}
	}
	c.Stats.Rows = len(c.rows)
	c.order = order{n: len(c.rows), seed: seed, split: split}
	return c, nil
}

// places is how many places of a row a sequence takes: its last token is only predicted.
func (s Sequence) places() int { return len(s.IDs) - 1 }

// fit applies the length of rows to sequences.
func fit(list []Sequence, r Rows) (kept []Sequence, length int, s Stats, err error) {
	length = r.Length
	if length == 0 {
		for _, x := range list {
			length = max(length, x.places())
		}
	}
	for i, x := range list {
		switch {
		case x.places() <= length:
		case r.Overlong == OverlongError:
			return nil, 0, s, setting.Bad("length", "use a larger one, or overlong: drop or cut", "%s takes %d tokens and a row has %d", x.name(i), x.places(), length)
		case r.Overlong == OverlongDrop:
			s.Dropped++
			continue
		default:
			s.Cut++
			x.IDs, x.Trained = x.IDs[:length+1], x.Trained[:length+1]
		}
		if x.NumTrained() == 0 {
			if r.Overlong == OverlongCut && len(x.IDs) == length+1 { // only what was cut off was trained
				s.Cut, s.Dropped = s.Cut-1, s.Dropped+1
				continue
			}
			return nil, 0, s, fmt.Errorf("%s: nothing in it is trained", x.name(i))
		}
		kept = append(kept, x)
		s.Tokens, s.Trained = s.Tokens+len(x.IDs), s.Trained+x.NumTrained()
	}
	if len(kept) == 0 {
		return nil, 0, s, errors.New("there is no example that fits into a row")
	}
	s.Examples, s.Length = len(kept), length
	return kept, length, s, nil
}

// packed puts sequences into rows, the longest first, each into the fullest row that
// still takes it.
func packed(list []Sequence, length int) [][]int {
	byLength := make([]int, len(list))
	for i := range list {
		byLength[i] = i
	}
	slices.SortStableFunc(byLength, func(a, b int) int { return cmp.Compare(list[b].places(), list[a].places()) })
	var rows [][]int
	free := make([][]int, length+1) // rows by the places that are left
	for _, i := range byLength {
		n := list[i].places()
		left := n
		for left <= length && len(free[left]) == 0 {
			left++
		}
		row := len(rows)
		if left <= length {
			last := len(free[left]) - 1
			row, free[left] = free[left][last], free[left][:last]
		} else {
			rows, left = append(rows, nil), length
		}
		rows[row] = append(rows[row], i)
		free[left-n] = append(free[left-n], row)
	}
	return rows
}

// Batch implements Source; sample i is row i.
func (c *Chats) Batch(first uint64, n int) (Batch, error) {
	if n < 1 {
		return Batch{}, fmt.Errorf("a batch of %d rows was asked for; use 1 or more", n)
	}
	f := newFrame(n, c.length)
	samples := make([]uint64, n)
	for b := range n {
		samples[b] = first + uint64(b)
		at, document := b*c.length, int32(0)
		for _, k := range c.rows[c.order.at(samples[b])] {
			at = f.put(at, c.list[k], document)
			document++
		}
		f.fill(at, (b+1)*c.length, document)
	}
	return Batch{Arrays: f.arrays(n, c.length), Samples: samples}, nil
}

// A frame is the arrays of a token loss while they are filled.
type frame struct {
	tokens, next, positions, documents []int32
	weight                             []float32
}

func newFrame(rows, length int) *frame {
	ints := func() []int32 { return make([]int32, rows*length) }
	return &frame{ints(), ints(), ints(), ints(), make([]float32, rows*length)}
}

// put writes a sequence to the places from at on and returns the place behind it.
func (f *frame) put(at int, s Sequence, document int32) int {
	for i := range s.places() {
		f.tokens[at+i], f.next[at+i] = s.IDs[i], s.IDs[i+1]
		f.positions[at+i], f.documents[at+i] = int32(i), document
		if s.Trained[i+1] {
			f.weight[at+i] = 1
		}
	}
	return at + s.places()
}

// fill makes what is left of a row a document that nobody looks at: token 0 without
// weight.
func (f *frame) fill(from, to int, document int32) {
	for i := from; i < to; i++ {
		f.positions[i], f.documents[i] = int32(i-from), document
	}
}

// arrays are tokens, next, weight, positions and documents.
func (f *frame) arrays(shape ...int) []nn.Array {
	ints := func(v []int32) nn.Array { return nn.Array{Shape: shape, Int32: v} }
	return []nn.Array{ints(f.tokens), ints(f.next), {Shape: shape, Float32: f.weight}, ints(f.positions), ints(f.documents)}
}
