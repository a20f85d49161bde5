package durable

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// Log is an append-only file of records, one JSON value a line, such as the
// metrics of a run. A reader of the file needs nothing but JSON. A Log is not
// safe for concurrent use.
//
// To resume exactly, save [Log.Len] in the checkpoint after [Log.Sync], and
// [Log.Truncate] to it when the checkpoint is loaded.
type Log struct {
	fsys    FS
	h       Handle
	path    string
	ends    []int64 // ends[i] is the offset after record i
	dropped int64
	torn    bool  // a failed append left bytes behind the last record
	failed  error // a failed flush: nothing is known about the disk any more
}

// OpenLog opens the log at path, or makes it. The folder must be there. A last
// record that was cut off, by a kill or a power cut, is dropped; so is what
// follows a line that is not JSON, because after a power cut the newest pages
// are not always the lost ones.
func OpenLog(fsys FS, path string) (*Log, error) {
	h, err := fsys.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND)
	if err != nil {
		return nil, explain(fsys, "open log", path, -1, err)
	}
	l := &Log{fsys: fsys, h: h, path: path}
	if err := l.recover(); err != nil {
		h.Close()
		return nil, err
	}
	return l, nil
}

func (l *Log) recover() error {
	// Also for a file that was there: who made it may have been killed before
	// this.
	dir := filepath.Dir(l.path)
	if err := l.fsys.SyncDir(dir); err != nil {
		return explain(l.fsys, "flush folder", dir, -1, err)
	}
	size, err := readRecords(l.h, func(record []byte) error {
		l.ends = append(l.ends, l.size()+int64(len(record))+1)
		return nil
	})
	if err != nil {
		return explain(l.fsys, "read log", l.path, -1, err)
	}
	if l.dropped = size - l.size(); l.dropped > 0 {
		return l.cut()
	}
	return l.flush() // what is counted must not be less after a power cut
}

// readRecords calls each for every whole record up to the first that is not,
// and returns the size of the file.
func readRecords(r io.Reader, each func(record []byte) error) (size int64, err error) {
	br := bufio.NewReaderSize(r, 64<<10)
	for {
		line, err := br.ReadBytes('\n')
		size += int64(len(line))
		whole := err == nil && json.Valid(line)
		if whole {
			if err := each(line[:len(line)-1]); err != nil {
				return size, err
			}
			continue
		}
		if err != nil && err != io.EOF {
			return size, err
		}
		rest, err := io.Copy(io.Discard, br)
		return size + rest, err
	}
}

// ReadLog reads the records of a log without changing it, up to the first that
// is cut off; it may be read while another process appends.
func ReadLog(fsys FS, path string) ([]json.RawMessage, error) {
	h, err := fsys.OpenFile(path, os.O_RDONLY)
	if err != nil {
		return nil, explain(fsys, "open log", path, -1, err)
	}
	defer h.Close()
	var records []json.RawMessage
	_, err = readRecords(h, func(record []byte) error {
		records = append(records, bytes.Clone(record))
		return nil
	})
	if err != nil {
		return nil, explain(fsys, "read log", path, -1, err)
	}
	return records, nil
}

// Len is the number of records.
func (l *Log) Len() int { return len(l.ends) }

// Dropped is the number of bytes that were cut off when the log was opened.
func (l *Log) Dropped() int64 { return l.dropped }

func (l *Log) size() int64 {
	if len(l.ends) == 0 {
		return 0
	}
	return l.ends[len(l.ends)-1]
}

// Append writes a record at the end, as JSON in one line. It is on disk only
// after Sync. After an error the log is as it was before, and Append may be
// called again.
func (l *Log) Append(record any) error {
	if err := l.ready(); err != nil {
		return err
	}
	line, err := json.Marshal(record)
	if err != nil {
		return fmt.Errorf("log %q: %w", l.path, err)
	}
	line = append(line, '\n')
	n, err := writeAll(l.h, line)
	if err != nil {
		l.torn = true
		l.ready() // if that fails too, the next call tries again
		return explain(l.fsys, "append to log", l.path, int64(len(line)-n), err)
	}
	l.ends = append(l.ends, l.size()+int64(len(line)))
	return nil
}

// ready cuts off what a failed append left, so that it never lies between
// records.
func (l *Log) ready() error {
	if l.failed != nil {
		return l.failed
	}
	if l.torn {
		return l.cut()
	}
	return nil
}

// cut makes the file end after the last record.
func (l *Log) cut() error {
	if err := l.h.Truncate(l.size()); err != nil {
		return explain(l.fsys, "truncate log", l.path, -1, err)
	}
	l.torn = false
	return l.flush()
}

// Truncate drops all records after the first n.
func (l *Log) Truncate(n int) error {
	if n < 0 || n > l.Len() {
		return fmt.Errorf("truncate log %q to %d records: it has %d", l.path, n, l.Len())
	}
	if l.failed != nil {
		return l.failed
	}
	if n == l.Len() && !l.torn {
		return nil
	}
	before := l.ends
	l.ends = l.ends[:n]
	if err := l.cut(); err != nil {
		l.ends = before
		return err
	}
	return nil
}

// Sync flushes the records to disk. When it fails the log has to be opened
// again: what the system lost cannot be known from here.
func (l *Log) Sync() error {
	if err := l.ready(); err != nil {
		return err
	}
	return l.flush()
}

func (l *Log) flush() error {
	if err := l.h.Sync(); err != nil {
		l.failed = fmt.Errorf("%w; open the log again", explain(l.fsys, "flush log", l.path, -1, err))
	}
	return l.failed
}

// Close closes the file without flushing it.
func (l *Log) Close() error { return l.h.Close() }
