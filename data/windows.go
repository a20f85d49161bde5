package data

// Windows cuts documents into rows for measuring a language model on them: every token,
// and the end of every document, is predicted exactly once, and but for a document's
// first row with at least half a row of what stands before it.
type Windows struct {
	docs       [][]int32
	length     int
	begin, end int32
	rows       []window
}

// window is one row: places from to until of a document, of which those from scored on
// count.
type window struct{ doc, from, scored, until int }

// NewWindows cuts documents for rows of length tokens; begin and end are those of
// training.
func NewWindows(docs [][]int32, length int, begin, end int32) *Windows {
	w := &Windows{docs: docs, length: length, begin: begin, end: end}
	for d, doc := range docs {
		places := len(doc) + 1
		w.rows = append(w.rows, window{d, 0, 0, min(length, places)})
		for scored := length; scored < places; {
			until := min(scored+length/2, places)
			w.rows = append(w.rows, window{d, until - length, scored, until})
			scored = until
		}
	}
	return w
}

// NumRows is how many rows there are.
func (w *Windows) NumRows() int { return len(w.rows) }

// Rows returns n rows from first on as the arrays of train.TokenLoss, with the document
// of each and how many of its places count. Rows beyond the last are empty.
func (w *Windows) Rows(first, n int) (b Batch, docs, counts []int) {
	r := newRows(n, w.length)
	docs, counts = make([]int, n), make([]int, n)
	for i := range n {
		b.Samples = append(b.Samples, uint64(first+i))
		if first+i < len(w.rows) {
			at := w.rows[first+i]
			docs[i], counts[i] = at.doc, at.until-at.scored
			w.fill(at, r, i)
		}
	}
	b.Arrays = r.arrays()
	return b, docs, counts
}

func (w *Windows) fill(at window, r *rows, i int) {
	doc := w.docs[at.doc]
	for t := at.from; t < at.until; t++ {
		j := i*w.length + t - at.from
		r.tokens[j], r.next[j], r.positions[j] = w.begin, w.end, int32(t-at.from)
		if t > 0 {
			r.tokens[j] = doc[t-1]
		}
		if t < len(doc) {
			r.next[j] = doc[t]
		}
		if t >= at.scored {
			r.weight[j] = 1
		}
	}
	// What is behind the end belongs to no document: nothing may see it.
	for j := i*w.length + at.until - at.from; j < (i+1)*w.length; j++ {
		r.documents[j] = 1
	}
}
