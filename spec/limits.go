package spec

import (
	"fmt"

	"github.com/comlam/comlam/internal/bounded"
)

// Limits are what one document may be. A reader stops with a *bounded.LimitError at
// the first that is passed.
type Limits struct {
	Bytes    int64 // of the file
	Expanded int64 // of what is unpacked from it
	Ratio    int64 // unpacked bytes for each packed one, beyond the first MiB
	Depth    int   // of lists, quotes, notes, tables and elements inside each other
	Cells    int64 // of one table, merged ones counted in full
	Blocks   int64 // of the document, cells counted too
}

// DefaultLimits fit every specification of 3GPP and IETF: the longest 3GPP document,
// TS 38.331, is 10 MB packed and some 120 MB unpacked.
var DefaultLimits = Limits{
	Bytes: 256 << 20, Expanded: 1 << 30, Ratio: 200, Depth: 100, Cells: 1 << 20, Blocks: 4 << 20,
}

// FormatError says what is wrong with a document, or why it is refused.
type FormatError struct {
	ID    string // the document
	Where string // "line 12", "word/document.xml, byte 3094"; "" for the whole
	Err   error
}

func (e *FormatError) Error() string {
	if e.Where == "" {
		return fmt.Sprintf("%s: %v", e.ID, e.Err)
	}
	return fmt.Sprintf("%s, %s: %v", e.ID, e.Where, e.Err)
}

// Unwrap gives the cause.
func (e *FormatError) Unwrap() error { return e.Err }

// at makes a FormatError without the document's name, which Read fills in.
func at(where string, err error) error { return &FormatError{Where: where, Err: err} }

// depth checks how deep things stand inside each other.
func (l Limits) depth(what string, n int) error {
	if n <= l.Depth {
		return nil
	}
	return bounded.Check("depth of "+what, int64(n), int64(l.Depth))
}
