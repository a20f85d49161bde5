package data

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"
	"unicode/utf8"

	"github.com/comlam/comlam/internal/bounded"
)

// Limits on files of examples. A line is one example; an array is read whole.
const (
	maxLine  = 16 << 20
	maxArray = 256 << 20
)

// FormatError says where a file of examples cannot be read, and why.
type FormatError struct {
	File string
	Line int // counted from 1; 0 where it is the file as a whole
	Err  error
}

func (e *FormatError) Error() string {
	if e.Line == 0 {
		return fmt.Sprintf("%s: %v", e.File, e.Err)
	}
	return fmt.Sprintf("%s:%d: %v", e.File, e.Line, e.Err)
}

func (e *FormatError) Unwrap() error { return e.Err }

// record is one JSON object and the line on which it begins.
type record struct {
	line   int
	keys   []string // in the order of the file
	fields map[string]json.RawMessage
}

// records reads the objects of a file: JSON Lines, or one array of objects; either may
// be compressed with gzip. After an error it ends.
func records(name string, r io.Reader) iter.Seq2[record, error] {
	return func(yield func(record, error) bool) {
		fail := func(line int, err error) { yield(record{}, &FormatError{File: name, Line: line, Err: err}) }
		in, err := plain(r)
		if err != nil {
			fail(0, err)
			return
		}
		line := 1
		for { // to the first byte that says what the file is
			b, err := in.ReadByte()
			switch {
			case errors.Is(err, io.EOF):
				return
			case err != nil:
				fail(line, err)
				return
			case b == '\n':
				line++
			case b == '[':
				array(in, line, yield, fail)
				return
			case b != ' ' && b != '\t' && b != '\r':
				in.UnreadByte()
				lines(in, line, yield, fail)
				return
			}
		}
	}
}

// plain takes compression and a byte order mark away.
func plain(r io.Reader) (*bufio.Reader, error) {
	in := bufio.NewReader(r)
	if head, _ := in.Peek(2); bytes.Equal(head, []byte{0x1f, 0x8b}) {
		z, err := gzip.NewReader(in)
		if err != nil {
			return nil, err
		}
		in = bufio.NewReader(z)
	}
	if head, _ := in.Peek(3); string(head) == "\ufeff" {
		in.Discard(3)
	}
	return in, nil
}

// lines reads one object a line; empty lines are passed over.
func lines(in io.Reader, line int, yield func(record, error) bool, fail func(int, error)) {
	s := bufio.NewScanner(in)
	s.Buffer(nil, maxLine)
	for ; s.Scan(); line++ {
		if len(bytes.TrimSpace(s.Bytes())) == 0 {
			continue
		}
		rec, err := object(s.Bytes())
		if err != nil {
			fail(line, err)
			return
		}
		rec.line = line
		if !yield(rec, nil) {
			return
		}
	}
	if err := s.Err(); errors.Is(err, bufio.ErrTooLong) {
		fail(line, fmt.Errorf("a line of more than %d MiB; one line is one example", maxLine>>20))
	} else if err != nil {
		fail(line, err)
	}
}

// array reads the elements of an array whose bracket has been read.
func array(in io.Reader, line int, yield func(record, error) bool, fail func(int, error)) {
	text, err := bounded.NewReader(in, maxArray).All()
	if err != nil {
		fail(line, fmt.Errorf("read the array: %w; write large files as JSON Lines, one object a line", err))
		return
	}
	d := json.NewDecoder(io.MultiReader(strings.NewReader("["), bytes.NewReader(text)))
	d.Token()
	counted := 0 // bytes of text whose lines were counted
	for d.More() {
		for at := int(d.InputOffset()) - 1; counted < len(text) && (counted < at || strings.IndexByte(" \t\r\n,", text[counted]) >= 0); counted++ {
			if text[counted] == '\n' {
				line++
			}
		}
		var raw json.RawMessage
		if err := d.Decode(&raw); err != nil {
			fail(line, err)
			return
		}
		rec, err := object(raw)
		if err != nil {
			fail(line, err)
			return
		}
		rec.line = line
		if !yield(rec, nil) {
			return
		}
	}
	if _, err := d.Token(); err != nil {
		fail(line, fmt.Errorf("the array does not end: %w", err))
		return
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		fail(line, errors.New("there is something behind the array"))
	}
}

// object reads one JSON object and refuses what a plain reader would pass over in
// silence: a key that comes twice, and bytes that are no UTF-8.
func object(text []byte) (record, error) {
	rec := record{fields: map[string]json.RawMessage{}}
	if !utf8.Valid(text) {
		return rec, errors.New("bytes that are not UTF-8")
	}
	d := json.NewDecoder(bytes.NewReader(text))
	open, err := d.Token()
	if err != nil {
		return rec, err
	}
	if open != json.Delim('{') {
		return rec, fmt.Errorf("%s where an object {...} should be", shortened(string(text)))
	}
	for d.More() {
		token, err := d.Token()
		if err != nil {
			return rec, err
		}
		key := token.(string) // what stands before a colon is nothing else
		if _, twice := rec.fields[key]; twice {
			return rec, fmt.Errorf("the key %.100q comes twice", key)
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return rec, fmt.Errorf("%.100q: %w", key, err)
		}
		rec.keys, rec.fields[key] = append(rec.keys, key), value
	}
	if _, err := d.Token(); err != nil {
		return rec, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return rec, errors.New("there is something behind the object")
	}
	return rec, nil
}

// shortened is the beginning of a text, for an error.
func shortened(s string) string {
	if len(s) > 40 {
		s = strings.ToValidUTF8(s[:40], "") + "..."
	}
	return fmt.Sprintf("%q", s)
}

// has says whether a key is there and not null.
func (r record) has(key string) bool {
	value, ok := r.fields[key]
	return ok && string(value) != "null"
}

// text is the value of a key that must be a string.
func (r record) text(key string) (string, error) {
	s, err := text(r.fields[key])
	if err != nil {
		return "", fmt.Errorf("%q: %w", key, err)
	}
	return s, nil
}

// optional is text, or "" where the key is not there.
func (r record) optional(key string) (string, error) {
	if !r.has(key) {
		return "", nil
	}
	return r.text(key)
}

// text reads a JSON string. Half a surrogate pair, which stands for no character, is
// an error; a plain reader would put U+FFFD there.
func text(raw json.RawMessage) (string, error) {
	var s string
	if err := json.Unmarshal(raw, &s); err != nil {
		return "", fmt.Errorf("%s is not a text", shortened(string(raw)))
	}
	if strings.ContainsRune(s, utf8.RuneError) && !bytes.ContainsRune(raw, utf8.RuneError) &&
		!bytes.Contains(bytes.ToLower(raw), []byte(`\ufffd`)) {
		return "", errors.New(`an escape \uD800 to \uDFFF without its other half`)
	}
	return s, nil
}
