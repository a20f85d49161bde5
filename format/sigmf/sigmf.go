// Package sigmf reads and writes recordings of the Signal Metadata Format (SigMF
// 1.x): NAME.sigmf-data holds samples and nothing else, NAME.sigmf-meta says in JSON
// what they are. Collections (NAME.sigmf-collection) name several recordings.
//
//	rec, err := sigmf.Open(durable.OS, "capture")     // or either file's name
//	r, err := rec.Samples()
//	n, err := r.Scalars(values)                        // any type, as float64
//
// The core namespace is understood; whatever else stands in the metadata is kept as it
// is and written back. Not read, and said so: archives (.sigmf, which tar unpacks),
// and data sets with headers between the samples (core:header_bytes).
//
// Files come from anywhere. Metadata are at most 16 MiB and 100 levels deep; sizes in
// them allocate nothing; a data set outside of the recording's folder is refused.
package sigmf

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/comlam/comlam/internal/bounded"
)

// Version is that of the specification that Meta follows when written.
const Version = "1.2.0"

const (
	maxMeta     = 16 << 20
	maxDepth    = 100
	maxChannels = 1 << 20
)

// Fields are the keys of an object that this package does not interpret.
type Fields map[string]json.RawMessage

// Meta is what a .sigmf-meta file says.
type Meta struct {
	Global      Global
	Captures    []Segment // sorted by SampleStart
	Annotations []Segment // sorted by SampleStart
	Rest        Fields    // other keys beside the three
}

// Global holds what is true of the whole recording.
type Global struct {
	Datatype      Datatype
	Version       string
	NumChannels   int     // interleaved, sample by sample; at least 1
	SampleRateHz  float64 // 0 where it is not said
	SHA512        string  // of the data set, lower-case hexadecimal; may be empty
	Dataset       string  // file name of a data set with a name of its own
	Description   string
	Author        string
	Recorder      string
	License       string
	TrailingBytes int64 // after the last sample
	MetadataOnly  bool  // there is no data set
	Rest          Fields
}

// Segment is a capture or an annotation: what holds from a sample on. SampleCount is
// -1 where it is not said.
type Segment struct {
	SampleStart int64
	SampleCount int64
	Rest        Fields
}

// Parse reads metadata. It fails where they are not JSON, lack what the specification
// requires, or contradict themselves.
func Parse(r io.Reader) (*Meta, error) {
	text, err := bounded.NewReader(r, maxMeta).All()
	if err != nil {
		return nil, fmt.Errorf("sigmf metadata: %w", err)
	}
	m, err := parse(text)
	if err != nil {
		return nil, fmt.Errorf("sigmf metadata: %w", err)
	}
	return m, nil
}

func parse(text []byte) (*Meta, error) {
	if err := checkDepth(text); err != nil {
		return nil, err
	}
	f, err := fieldsOf(text, "the file")
	if err != nil {
		return nil, err
	}
	m := &Meta{Rest: f}
	global, err := f.object("global")
	if err != nil {
		return nil, err
	}
	if m.Global, err = parseGlobal(global); err != nil {
		return nil, fmt.Errorf("global: %w", err)
	}
	if m.Captures, err = parseSegments(f, "captures"); err != nil {
		return nil, err
	}
	if m.Annotations, err = parseSegments(f, "annotations"); err != nil {
		return nil, err
	}
	for _, c := range m.Captures {
		var header int64
		if err := c.Rest.peek("core:header_bytes", &header); err != nil || header != 0 {
			return nil, bounded.Malformed("captures", "core:header_bytes: headers between samples are not read; cut them out first")
		}
	}
	return m, nil
}

func parseGlobal(f Fields) (Global, error) {
	g := Global{NumChannels: 1, Rest: f}
	var datatype string
	err := errors.Join(
		f.take("core:datatype", &datatype, true), f.take("core:version", &g.Version, true),
		f.take("core:num_channels", &g.NumChannels, false), f.take("core:sample_rate", &g.SampleRateHz, false),
		f.take("core:sha512", &g.SHA512, false), f.take("core:dataset", &g.Dataset, false),
		f.take("core:description", &g.Description, false), f.take("core:author", &g.Author, false),
		f.take("core:recorder", &g.Recorder, false), f.take("core:license", &g.License, false),
		f.take("core:trailing_bytes", &g.TrailingBytes, false), f.take("core:metadata_only", &g.MetadataOnly, false))
	if err != nil {
		return g, firstOf(err)
	}
	if g.Datatype, err = ParseDatatype(datatype); err != nil {
		return g, err
	}
	return g, g.check()
}

// firstOf keeps an error to one line.
func firstOf(err error) error {
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		return many.Unwrap()[0]
	}
	return err
}

func (g *Global) check() error {
	g.SHA512 = strings.ToLower(g.SHA512)
	switch {
	case !strings.HasPrefix(g.Version, "1.") && !strings.HasPrefix(g.Version, "0.0."):
		return bounded.Malformed("", "core:version %q: only versions 1.x and 0.0.x are read", clip(g.Version))
	case g.NumChannels < 1 || g.NumChannels > maxChannels:
		return bounded.Malformed("", "core:num_channels %d is out of range; 1 to %d are read", g.NumChannels, maxChannels)
	case !(g.SampleRateHz >= 0 && g.SampleRateHz <= 1e12):
		return bounded.Malformed("", "core:sample_rate %g is out of range; the format knows 1 to 1e12 Hz", g.SampleRateHz)
	case g.TrailingBytes < 0:
		return bounded.Malformed("", "core:trailing_bytes %d is negative", g.TrailingBytes)
	case g.SHA512 != "" && (len(g.SHA512) != 128 || strings.Trim(g.SHA512, "0123456789abcdef") != ""):
		return bounded.Malformed("", "core:sha512 is not 128 hexadecimal digits")
	case g.Dataset != "" && !plainName(g.Dataset):
		return bounded.Malformed("", "core:dataset %q: only the name of a file in the same folder is read", clip(g.Dataset))
	}
	return nil
}

// plainName keeps a file inside of the recording's folder, on every system.
func plainName(name string) bool {
	return len(name) <= 255 && name != "." && name != ".." && !strings.ContainsAny(name, "/\\:\x00")
}

func parseSegments(f Fields, key string) ([]Segment, error) {
	var list []json.RawMessage
	if err := f.take(key, &list, true); err != nil {
		return nil, err
	}
	segments := make([]Segment, 0, len(list))
	for i, text := range list {
		where := fmt.Sprintf("%s[%d]", key, i)
		rest, err := fieldsOf(text, where)
		if err != nil {
			return nil, err
		}
		s := Segment{SampleCount: -1, Rest: rest}
		if err := errors.Join(rest.take("core:sample_start", &s.SampleStart, true), rest.take("core:sample_count", &s.SampleCount, false)); err != nil {
			return nil, fmt.Errorf("%s: %w", where, firstOf(err))
		}
		if s.SampleStart < 0 || s.SampleCount < -1 || s.SampleCount > math.MaxInt64-s.SampleStart {
			return nil, bounded.Malformed(where, "samples %d and %d after them are out of range", s.SampleStart, s.SampleCount)
		}
		if i > 0 && s.SampleStart < segments[i-1].SampleStart {
			return nil, bounded.Malformed(where, "core:sample_start %d is before that of the one above; the format wants them sorted", s.SampleStart)
		}
		segments = append(segments, s)
	}
	return segments, nil
}

// Encode writes m as a .sigmf-meta file, keys sorted, so that the same metadata are
// the same bytes.
func (m *Meta) Encode() ([]byte, error) {
	top := Fields{}
	for k, v := range m.Rest {
		top[k] = v
	}
	g := m.Global.fields()
	if err := errors.Join(top.put("global", g), top.put("captures", encodeSegments(m.Captures)), top.put("annotations", encodeSegments(m.Annotations))); err != nil {
		return nil, fmt.Errorf("sigmf metadata: %w", err)
	}
	text, err := json.MarshalIndent(top, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("sigmf metadata: %w", err)
	}
	return append(text, '\n'), nil
}

func (g Global) fields() map[string]any {
	m := map[string]any{"core:datatype": g.Datatype.String(), "core:version": g.Version}
	for k, v := range g.Rest {
		m[k] = v
	}
	optional := func(key string, v any, there bool) {
		if there {
			m[key] = v
		}
	}
	optional("core:num_channels", g.NumChannels, g.NumChannels > 1)
	optional("core:sample_rate", g.SampleRateHz, g.SampleRateHz > 0)
	optional("core:trailing_bytes", g.TrailingBytes, g.TrailingBytes > 0)
	optional("core:metadata_only", true, g.MetadataOnly)
	for key, v := range map[string]string{
		"core:sha512": g.SHA512, "core:dataset": g.Dataset, "core:description": g.Description,
		"core:author": g.Author, "core:recorder": g.Recorder, "core:license": g.License,
	} {
		optional(key, v, v != "")
	}
	return m
}

func encodeSegments(segments []Segment) []map[string]any {
	list := make([]map[string]any, 0, len(segments))
	for _, s := range segments {
		m := map[string]any{"core:sample_start": s.SampleStart}
		for k, v := range s.Rest {
			m[k] = v
		}
		if s.SampleCount >= 0 {
			m["core:sample_count"] = s.SampleCount
		}
		list = append(list, m)
	}
	return list
}

// checkDepth refuses what is nested too deep to be walked by recursion.
func checkDepth(text []byte) error {
	depth, quoted := 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			if depth++; depth > maxDepth {
				return &bounded.LimitError{What: "levels of JSON", Size: int64(depth), Limit: maxDepth}
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return nil
}

func fieldsOf(text []byte, where string) (Fields, error) {
	f := Fields{}
	if t := bytes.TrimLeft(text, " \t\r\n"); len(t) == 0 || t[0] != '{' {
		return nil, bounded.Malformed(where, "not a JSON object")
	}
	if err := json.Unmarshal(text, &f); err != nil {
		return nil, bounded.Malformed(where, "%v", err)
	}
	return f, nil
}

// take moves the value of key into v.
func (f Fields) take(key string, v any, required bool) error {
	if _, there := f[key]; !there && required {
		return bounded.Malformed("", "no key %q", key)
	}
	if err := f.peek(key, v); err != nil {
		return err
	}
	delete(f, key)
	return nil
}

func (f Fields) peek(key string, v any) error {
	text, there := f[key]
	if !there {
		return nil
	}
	if string(text) == "null" {
		return bounded.Malformed("", "%s is null; leave it out", key)
	}
	if err := json.Unmarshal(text, v); err != nil {
		return bounded.Malformed("", "%s: %v", key, err)
	}
	return nil
}

func (f Fields) object(key string) (Fields, error) {
	var text json.RawMessage
	if err := f.take(key, &text, true); err != nil {
		return nil, err
	}
	return fieldsOf(text, key)
}

func (f Fields) put(key string, v any) error {
	text, err := json.Marshal(v)
	f[key] = text
	return err
}

// Names lists the keys in order.
func (f Fields) Names() []string {
	names := make([]string, 0, len(f))
	for k := range f {
		names = append(names, k)
	}
	slices.Sort(names)
	return names
}

func clip(text string) string { return text[:min(len(text), 40)] }
