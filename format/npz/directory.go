package npz

import (
	"bytes"
	"encoding/binary"
	"io"

	"github.com/comlam/comlam/internal/bounded"
)

// The records at the end of an archive (APPNOTE 4.3.14 to 4.3.16).
const (
	endRecord      = 22
	endLocator     = 20
	endRecord64    = 56
	maxComment     = 1 << 16
	endSignature   = "PK\x05\x06"
	locSignature   = "PK\x06\x07"
	end64Signature = "PK\x06\x06"
)

// checkDirectory bounds the list of members before it is read into memory: its
// length is the archive's word.
func checkDirectory(r io.ReaderAt, size int64) error {
	tail := min(size, endRecord+maxComment)
	b, err := bounded.ReadAt(r, size-tail, tail)
	if err != nil {
		return err
	}
	at := bytes.LastIndex(b, []byte(endSignature))
	if at < 0 || len(b)-at < endRecord {
		return bounded.Malformed("", "not a zip archive, or one that was cut short; an .npz file is what numpy.savez writes")
	}
	end := b[at:]
	count, length := uint64(binary.LittleEndian.Uint16(end[10:])), uint64(binary.LittleEndian.Uint32(end[12:]))
	if large, err := readEnd64(r, size-tail+int64(at)); err != nil {
		return err
	} else if large != nil {
		count, length = max(count, binary.LittleEndian.Uint64(large[32:])), binary.LittleEndian.Uint64(large[40:])
	}
	if count > maxArrays && count != 0xffff {
		return &bounded.LimitError{What: "arrays in the archive", Size: int64(min(count, 1<<62)), Limit: maxArrays}
	}
	if length > maxDirectory {
		return &bounded.LimitError{What: "bytes of the list of arrays", Size: int64(min(length, 1<<62)), Limit: maxDirectory}
	}
	return nil
}

// readEnd64 returns the Zip64 record whose locator stands before the end record, nil
// where there is none.
func readEnd64(r io.ReaderAt, end int64) ([]byte, error) {
	if end < endLocator {
		return nil, nil
	}
	locator, err := bounded.ReadAt(r, end-endLocator, endLocator)
	if err != nil || string(locator[:4]) != locSignature {
		return nil, err
	}
	at := binary.LittleEndian.Uint64(locator[8:])
	if at > uint64(end) {
		return nil, bounded.Malformed("", "the Zip64 record would stand at byte %d, behind the end", at)
	}
	record, err := bounded.ReadAt(r, int64(at), endRecord64)
	if err != nil {
		return nil, err
	}
	if string(record[:4]) != end64Signature {
		return nil, bounded.Malformed("", "no Zip64 record at byte %d, where it should be", at)
	}
	return record, nil
}
