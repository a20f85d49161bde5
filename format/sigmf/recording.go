package sigmf

import (
	"crypto/sha512"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/comlam/comlam/internal/bounded"
	"github.com/comlam/comlam/internal/durable"
)

// The names of the files of a recording.
const (
	MetaSuffix       = ".sigmf-meta"
	DataSuffix       = ".sigmf-data"
	CollectionSuffix = ".sigmf-collection"
	archiveSuffix    = ".sigmf"
)

// Recording is a recording on disk.
type Recording struct {
	Meta       *Meta
	Path       string // of the data set; empty where there is none
	NumSamples int64  // of each channel

	fsys durable.FS
}

// Base removes what path has of a recording's suffixes.
func Base(path string) string {
	for _, s := range []string{MetaSuffix, DataSuffix} {
		if base, ok := strings.CutSuffix(path, s); ok {
			return base
		}
	}
	return path
}

// Open reads the metadata of the recording at path, the name of either file or what
// both have in common, and checks the size of the data set.
func Open(fsys durable.FS, path string) (*Recording, error) {
	if strings.HasSuffix(path, archiveSuffix) {
		return nil, bounded.Malformed(path, "archives are not read; unpack it with: tar -xf")
	}
	base := Base(path)
	h, err := open(fsys, base+MetaSuffix)
	if err != nil {
		return nil, err
	}
	defer h.Close()
	m, err := Parse(h)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", base+MetaSuffix, err)
	}
	r := &Recording{Meta: m, Path: base + DataSuffix, fsys: fsys}
	if m.Global.MetadataOnly {
		r.Path = ""
		return r, nil
	}
	if m.Global.Dataset != "" {
		r.Path = filepath.Join(filepath.Dir(base), m.Global.Dataset)
	}
	return r, r.measure()
}

func open(fsys durable.FS, name string) (durable.Handle, error) {
	h, err := fsys.OpenFile(name, os.O_RDONLY)
	if err != nil {
		var pe *fs.PathError
		if errors.As(err, &pe) {
			err = pe.Err
		}
		return nil, fmt.Errorf("open %q: %w", name, err)
	}
	return h, nil
}

// measure counts the samples of the data set.
func (r *Recording) measure() error {
	info, err := r.fsys.Stat(r.Path)
	if err != nil {
		return fmt.Errorf("data set of the recording: %w", err)
	}
	g := r.Meta.Global
	each, left := int64(g.Datatype.Size()*g.NumChannels), info.Size()-g.TrailingBytes
	if left < 0 || left%each != 0 {
		return bounded.Malformed(r.Path, "%d bytes are not a whole number of samples of %d bytes (%s, %d channels); was it cut short?",
			info.Size(), each, g.Datatype, g.NumChannels)
	}
	r.NumSamples = left / each
	for what, list := range map[string][]Segment{"captures": r.Meta.Captures, "annotations": r.Meta.Annotations} {
		for i, s := range list {
			if s.SampleStart > r.NumSamples || s.SampleCount > r.NumSamples-s.SampleStart {
				return bounded.Malformed(fmt.Sprintf("%s: %s[%d]", r.Path, what, i), "it reaches beyond the %d samples of the data set", r.NumSamples)
			}
		}
	}
	return nil
}

// ErrNoChecksum says that the metadata name no checksum.
var ErrNoChecksum = errors.New("the metadata have no core:sha512")

// Verify reads the data set and compares its SHA-512 with core:sha512.
func (r *Recording) Verify() error {
	if r.Meta.Global.SHA512 == "" {
		return ErrNoChecksum
	}
	if r.Path == "" {
		return bounded.Malformed("", "core:metadata_only: there is no data set to verify")
	}
	h, err := open(r.fsys, r.Path)
	if err != nil {
		return err
	}
	defer h.Close()
	sum := sha512.New()
	if _, err := io.Copy(sum, h); err != nil {
		return fmt.Errorf("read %q: %w", r.Path, err)
	}
	if got := hex.EncodeToString(sum.Sum(nil)); got != r.Meta.Global.SHA512 {
		return bounded.Malformed(r.Path, "SHA-512 %s..., the metadata say %s...; the data set is damaged or another", got[:16], r.Meta.Global.SHA512[:16])
	}
	return nil
}

// Reader reads the samples of a data set from start to end.
type Reader struct {
	h        durable.Handle
	datatype Datatype
	left     int64 // bytes
	buffer   []byte
}

// Samples opens the data set.
func (r *Recording) Samples() (*Reader, error) {
	if r.Path == "" {
		return nil, bounded.Malformed("", "core:metadata_only: the recording has no samples")
	}
	h, err := open(r.fsys, r.Path)
	if err != nil {
		return nil, err
	}
	g := r.Meta.Global
	return &Reader{h: h, datatype: g.Datatype, left: r.NumSamples * int64(g.Datatype.Size()*g.NumChannels)}, nil
}

// Read reads bytes of the samples as they are in the file.
func (r *Reader) Read(p []byte) (int, error) {
	if r.left == 0 {
		return 0, io.EOF
	}
	n, err := r.h.Read(p[:min(int64(len(p)), r.left)])
	r.left -= int64(n)
	switch {
	case r.left == 0:
		return n, nil
	case err == io.EOF:
		return n, fmt.Errorf("samples: %w: the data set shrank while it was read", io.ErrUnexpectedEOF)
	}
	return n, err
}

// Scalars reads up to len(values) scalars, channels interleaved and of a complex
// sample the real part first. It returns io.EOF after the last one.
func (r *Reader) Scalars(values []float64) (int, error) {
	const chunk = 1 << 16
	width := r.datatype.Bits / 8
	if r.buffer == nil {
		r.buffer = make([]byte, chunk)
	}
	done := 0
	for done < len(values) && r.left > 0 {
		n := int(min(int64(len(values)-done), int64(chunk/width), r.left/int64(width)))
		if _, err := io.ReadFull(r, r.buffer[:n*width]); err != nil {
			return done, err
		}
		r.datatype.Decode(values[done:done+n], r.buffer)
		done += n
	}
	if done == 0 && len(values) > 0 {
		return 0, io.EOF
	}
	return done, nil
}

// Close closes the data set.
func (r *Reader) Close() error { return r.h.Close() }

// Collection names recordings that belong together.
type Collection struct {
	Version string
	Streams []Stream
	Rest    Fields
}

// Stream is a recording of a collection, by its base name in the same folder.
type Stream struct {
	Name string `json:"name"`
	Hash string `json:"hash"` // SHA-512 of its metadata file
}

// ParseCollection reads a .sigmf-collection file.
func ParseCollection(r io.Reader) (*Collection, error) {
	text, err := bounded.NewReader(r, maxMeta).All()
	if err != nil {
		return nil, fmt.Errorf("sigmf collection: %w", err)
	}
	c, err := parseCollection(text)
	if err != nil {
		return nil, fmt.Errorf("sigmf collection: %w", err)
	}
	return c, nil
}

func parseCollection(text []byte) (*Collection, error) {
	if err := checkDepth(text); err != nil {
		return nil, err
	}
	top, err := fieldsOf(text, "the file")
	if err != nil {
		return nil, err
	}
	f, err := top.object("collection")
	if err != nil {
		return nil, err
	}
	c := &Collection{Rest: f}
	var streams []json.RawMessage
	if err := errors.Join(f.take("core:version", &c.Version, true), f.take("core:streams", &streams, true)); err != nil {
		return nil, firstOf(err)
	}
	for i, text := range streams {
		var s Stream
		if err := json.Unmarshal(text, &s); err != nil || !plainName(s.Name) || s.Name == "" {
			return nil, bounded.Malformed(fmt.Sprintf("core:streams[%d]", i), "not the name of a recording in the same folder")
		}
		c.Streams = append(c.Streams, s)
	}
	return c, nil
}
