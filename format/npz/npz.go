// Package npz reads and writes NumPy's .npz files: zip archives with one .npy file an
// array, stored (numpy.savez) or deflated (numpy.savez_compressed), with or without
// the 64-bit sizes of Zip64.
//
//	f, err := npz.Open(file, size)
//	for _, a := range f.Arrays { ... a.Name, a.Bytes ... }
//	r, err := f.Array("h")            // an npy.Reader; values stream
//	err = npy.Read(r.Reader, values)
//	err = r.Close()                   // all read, and the checksum fits?
//
// Archives come from anywhere. Open refuses what is not plain: encrypted members,
// other compressions, members that overlap or reach beyond the file, two of a name,
// members that are no arrays. Nothing is unpacked before it is read, a member that
// swells more than 200 times is given up as a bomb, and one that is longer or shorter
// than the archive says is an error. Memory does not grow with what sizes claim.
package npz

import (
	"archive/zip"
	"compress/flate"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/comlam/comlam/format/npy"
	"github.com/comlam/comlam/internal/bounded"
)

const (
	suffix    = ".npy"
	maxArrays = 1 << 12
	maxName   = 1 << 10
	// maxSwelling is how many times longer than packed a member may be; the first
	// freeBytes do not count, so that short arrays of zeros are read.
	maxSwelling = 200
	freeBytes   = 1 << 20
	// maxDirectory bounds the list of members, in bytes.
	maxDirectory = 8 << 20
)

// File is an open archive. Its arrays may be read at the same time.
type File struct {
	Arrays []Array // in the order of the archive
}

// Array is a member of an archive that was not read yet.
type Array struct {
	Name       string // without .npy, as numpy.load names it
	Compressed bool
	Bytes      int64 // of the .npy file, as the archive says
	Packed     int64 // bytes in the archive

	member *zip.File
}

// Open reads the list of arrays of an archive of size bytes.
func Open(r io.ReaderAt, size int64) (*File, error) {
	if err := checkDirectory(r, size); err != nil {
		return nil, fmt.Errorf("npz: %w", err)
	}
	z, err := zip.NewReader(r, size)
	if err != nil {
		return nil, fmt.Errorf("npz: %w", notZip(err))
	}
	if err := bounded.Check("arrays in the archive", int64(len(z.File)), maxArrays); err != nil {
		return nil, fmt.Errorf("npz: %w", err)
	}
	z.RegisterDecompressor(zip.Deflate, func(r io.Reader) io.ReadCloser { return flate.NewReader(r) })
	f := &File{}
	var spans []span
	names := map[string]bool{}
	for _, m := range z.File {
		a, s, err := newArray(m, size)
		if err != nil {
			return nil, fmt.Errorf("npz: member %q: %w", clip(m.Name), err)
		}
		if names[a.Name] {
			return nil, fmt.Errorf("npz: member %q is there twice", clip(m.Name))
		}
		names[a.Name] = true
		f.Arrays, spans = append(f.Arrays, a), append(spans, s)
	}
	return f, checkOverlap(spans)
}

func notZip(err error) error {
	if errors.Is(err, zip.ErrFormat) {
		return bounded.Malformed("", "not a zip archive, or one that was cut short; an .npz file is what numpy.savez writes")
	}
	return bounded.Malformed("", "%v", err)
}

// span is where a member's bytes lie.
type span struct {
	from, to int64
	name     string
}

func newArray(m *zip.File, size int64) (Array, span, error) {
	name, isArray := strings.CutSuffix(m.Name, suffix)
	switch {
	case !isArray:
		return Array{}, span{}, bounded.Malformed("", "not an array; an .npz file holds .npy files only")
	case len(name) > maxName || !utf8.ValidString(name) || strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return Array{}, span{}, bounded.Malformed("", "a name that cannot be printed, or longer than %d bytes", maxName)
	case m.Flags&1 != 0:
		return Array{}, span{}, bounded.Malformed("", "encrypted; unpack it first")
	case m.Method != zip.Store && m.Method != zip.Deflate:
		return Array{}, span{}, bounded.Malformed("", "packed by method %d; only stored and deflated members are read", m.Method)
	}
	packed, err := sizeOf(m.CompressedSize64)
	if err != nil {
		return Array{}, span{}, err
	}
	full, err := sizeOf(m.UncompressedSize64)
	if err != nil {
		return Array{}, span{}, err
	}
	start, err := m.DataOffset()
	if err != nil {
		return Array{}, span{}, bounded.Malformed("", "no local header where the directory points: %v", err)
	}
	end, err := bounded.Add(start, packed)
	if err != nil || end > size {
		return Array{}, span{}, bounded.Malformed("", "its %d bytes from byte %d on reach beyond the file of %d bytes", packed, start, size)
	}
	if m.Method == zip.Store && packed != full {
		return Array{}, span{}, bounded.Malformed("", "stored, but %d bytes in the archive and %d outside", packed, full)
	}
	return Array{Name: name, Compressed: m.Method == zip.Deflate, Bytes: full, Packed: packed, member: m}, span{start, end, m.Name}, nil
}

func sizeOf(n uint64) (int64, error) {
	if n > 1<<62 {
		return 0, &bounded.LimitError{What: "bytes of the member", Size: -1, Limit: 1 << 62}
	}
	return int64(n), nil
}

// checkOverlap refuses members that share bytes: with them a small file could claim
// any amount of data.
func checkOverlap(spans []span) error {
	slices.SortFunc(spans, func(a, b span) int {
		if a.from != b.from {
			return int(min(max(a.from-b.from, -1), 1))
		}
		return int(min(max(a.to-b.to, -1), 1))
	})
	for i := 1; i < len(spans); i++ {
		if spans[i].from < spans[i-1].to {
			return bounded.Malformed("", "npz: members %q and %q share bytes; the archive is damaged or made to do damage",
				clip(spans[i-1].name), clip(spans[i].name))
		}
	}
	return nil
}

// Reader reads one array from start to end.
type Reader struct {
	*npy.Reader
	body io.ReadCloser
}

// Array opens the array called name; the name may end in .npy.
func (f *File) Array(name string) (*Reader, error) {
	var names []string
	for i := range f.Arrays {
		if a := &f.Arrays[i]; a.Name == name || a.Name+suffix == name {
			return a.Open()
		}
		names = append(names, clip(f.Arrays[i].Name))
	}
	if len(names) > 20 {
		names = append(names[:20], "...")
	}
	return nil, fmt.Errorf("npz: no array %q; there are: %s", name, strings.Join(names, ", "))
}

// Open starts to read the array. It fails on a member whose header is not that of
// an array of numbers, or does not fit the size in the archive.
func (a *Array) Open() (*Reader, error) {
	body, err := a.member.Open()
	if err != nil {
		return nil, fmt.Errorf("npz: array %q: %w", a.Name, notZip(err))
	}
	c := &counter{r: body, limit: a.limit()}
	r, err := npy.NewReader(c)
	if err != nil {
		body.Close()
		return nil, fmt.Errorf("npz: array %q: %w", a.Name, err)
	}
	h := r.Header()
	if c.read+h.Bytes() != a.Bytes {
		body.Close()
		return nil, fmt.Errorf("npz: array %q: %w", a.Name, bounded.Malformed("",
			"shape %v of %s takes %d bytes with its header, the archive says %d", h.Shape, h.Descr, c.read+h.Bytes(), a.Bytes))
	}
	return &Reader{Reader: r, body: body}, nil
}

// limit is how many bytes the member may become.
func (a *Array) limit() int64 {
	if most, err := bounded.Mul(a.Packed, maxSwelling); err == nil {
		return max(most, freeBytes)
	}
	return a.Bytes
}

// Close checks that all values were read, that nothing follows them, and that their
// checksum is the archive's.
func (r *Reader) Close() error {
	return errors.Join(r.Reader.Close(), r.body.Close())
}

// Abort ends the reading of an array before its end.
func (r *Reader) Abort() { r.body.Close() }

// counter counts what a member becomes, and gives up on a bomb.
type counter struct {
	r           io.Reader
	read, limit int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	if c.read += int64(n); c.read > c.limit {
		return 0, &bounded.LimitError{What: fmt.Sprintf("bytes that a member becomes, at most %d times what it is packed", maxSwelling), Size: c.read, Limit: c.limit}
	}
	return n, err
}

func clip(name string) string { return name[:min(len(name), 40)] }
