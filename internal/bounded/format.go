package bounded

import "fmt"

// FormatError says that data from outside is not of the form that it should have.
type FormatError struct {
	Where string // file, file:line or the name of a record; may be empty
	Why   string // what is wrong, with what would do
}

func (e *FormatError) Error() string {
	if e.Where == "" {
		return e.Why
	}
	return e.Where + ": " + e.Why
}

// Malformed makes a FormatError.
func Malformed(where, format string, args ...any) error {
	return &FormatError{Where: where, Why: fmt.Sprintf(format, args...)}
}
