// Package aeszip reads zip archives whose members are encrypted with the AES
// extension of WinZip, the form in which data sets are published that their authors
// keep out of crawls. Plain members are read as well.
//
//	a, err := aeszip.Open(file, size)
//	text, err := a.Read(a.Members()[0], password, 64<<20)
//
// # Format
//
// Members have compression method 99 and an extra field 0x9901, which names the key
// length (128, 192 or 256 bits) and the true method. The data is salt, two bytes that
// check the password, ciphertext, and ten bytes of an HMAC. Keys come from
// PBKDF2-HMAC-SHA1 with 1,000 rounds; the cipher is AES in counter mode with a
// little-endian counter from 1; the code is HMAC-SHA1 over the ciphertext, compared
// before anything is decompressed. Versions AE-1 (with a CRC-32) and AE-2 (without)
// are read. Source: WinZip, "AES Encryption Information: Encryption Specification
// AE-1 and AE-2", version 1.04.
//
// # Limits
//
// The caller says how long a member may be. The compressed form may be as long, and
// a member that turns out longer than it declares is refused. Passwords appear in no
// error.
package aeszip

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"slices"

	"github.com/comlam/comlam/internal/bounded"
)

// ErrPassword says that the password is missing or not the right one.
var ErrPassword = errors.New("wrong password")

// maxMembers is far above any data set, and small enough to list.
const maxMembers = 10_000

const (
	methodAES     = 99
	flagEncrypted = 1
)

// Archive is an open zip archive.
type Archive struct {
	members []*zip.File
}

// Open reads the directory of the archive of size bytes in r.
func Open(r io.ReaderAt, size int64) (*Archive, error) {
	z, err := zip.NewReader(r, size)
	if err != nil {
		return nil, bounded.Malformed("", "not a zip archive: %v", err)
	}
	if err := bounded.Check("members of a zip archive", int64(len(z.File)), maxMembers); err != nil {
		return nil, err
	}
	return &Archive{members: z.File}, nil
}

// Members lists the names of the files in the archive, as they stand there.
func (a *Archive) Members() []string {
	var names []string
	for _, f := range a.members {
		if !f.FileInfo().IsDir() {
			names = append(names, f.Name)
		}
	}
	return names
}

// Read decrypts and decompresses the member called name, which may be at most limit
// bytes long. An error is [ErrPassword], a *bounded.LimitError, or a
// *bounded.FormatError that says what is wrong with the archive.
func (a *Archive) Read(name, password string, limit int64) ([]byte, error) {
	i := slices.IndexFunc(a.members, func(f *zip.File) bool { return f.Name == name })
	if i < 0 {
		return nil, bounded.Malformed("", "the archive has no member %q; it has %q", name, a.Members())
	}
	text, err := read(a.members[i], password, limit)
	var format *bounded.FormatError
	switch {
	case err == nil:
		return text, nil
	case errors.As(err, &format):
		return nil, &bounded.FormatError{Where: fmt.Sprintf("member %q", name), Why: format.Why}
	}
	return nil, fmt.Errorf("member %q: %w", name, err)
}

func read(f *zip.File, password string, limit int64) ([]byte, error) {
	if f.UncompressedSize64 > uint64(limit) || f.CompressedSize64 > uint64(limit) {
		return nil, &bounded.LimitError{What: "bytes of a zip member", Size: max(-1, int64(max(f.UncompressedSize64, f.CompressedSize64))), Limit: limit}
	}
	raw, err := f.OpenRaw()
	if err != nil {
		return nil, bounded.Malformed("", "its data is not where the directory says: %v", err)
	}
	packed, err := bounded.NewReader(raw, limit).Bytes(int64(f.CompressedSize64))
	if err != nil {
		return nil, bounded.Malformed("", "its data is cut short: %v", err)
	}
	method, sum := f.Method, true
	switch encrypted := f.Flags&flagEncrypted != 0; {
	case encrypted && f.Method != methodAES:
		return nil, bounded.Malformed("", "it is encrypted with the old zip cipher, which is broken and not read; unpack it with unzip")
	case encrypted:
		how, err := parseExtra(f.Extra)
		if err != nil {
			return nil, err
		}
		if packed, err = how.decrypt(packed, password); err != nil {
			return nil, err
		}
		method, sum = how.method, how.version == 1
	}
	text, err := unpack(packed, method, int64(f.UncompressedSize64))
	if err != nil {
		return nil, err
	}
	if sum && crc32.ChecksumIEEE(text) != f.CRC32 {
		return nil, bounded.Malformed("", "its checksum is wrong: the archive is damaged; fetch it again")
	}
	return text, nil
}

// unpack undoes the compression of a member that declares size bytes.
func unpack(packed []byte, method uint16, size int64) ([]byte, error) {
	var r io.Reader = bytes.NewReader(packed)
	switch method {
	case zip.Store:
	case zip.Deflate:
		r = flate.NewReader(r)
	default:
		return nil, bounded.Malformed("", "compression method %d is not read; pack it with deflate", method)
	}
	text, err := bounded.NewReader(r, size).All()
	if err != nil {
		return nil, bounded.Malformed("", "it does not unpack to the %d bytes that it declares: %v", size, err)
	}
	if int64(len(text)) != size {
		return nil, bounded.Malformed("", "it unpacks to %d bytes and declares %d", len(text), size)
	}
	return text, nil
}
