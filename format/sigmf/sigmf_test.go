package sigmf

import (
	"bytes"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/comlam/comlam/internal/bounded"
	"github.com/comlam/comlam/internal/durable"
	"github.com/comlam/comlam/internal/testdata"
)

func scalars(t testing.TB, r *Recording) []float64 {
	t.Helper()
	s, err := r.Samples()
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var all []float64
	part := make([]float64, 3)
	for {
		n, err := s.Scalars(part)
		all = append(all, part[:n]...)
		if err == io.EOF {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// What the reference package wrote is read as what it wrote.
func TestReadsWhatWasRecorded(t *testing.T) {
	base := []float64{0, 1, 2, 100, -128, 127, -3, 5}
	times := func(f func(float64) float64) []float64 {
		v := slices.Clone(base)
		for i := range v {
			v[i] = f(v[i])
		}
		return v
	}
	by200 := times(func(x float64) float64 { return 200 * x })
	for name, want := range map[string][]float64{
		"cf32_le": base, "ci16_le": by200, "ci16_be": by200, "ri8": base,
		"ru32_be": times(func(x float64) float64 { return math.Mod(x+4294967000, 1<<32) }),
	} {
		r, err := Open(durable.OS, filepath.Join("testdata", name+MetaSuffix))
		if err != nil {
			t.Fatal(err)
		}
		g := r.Meta.Global
		wantChannels := 1
		if name == "ri8" {
			wantChannels = 2
		}
		if g.Datatype.String() != name || g.SampleRateHz != 1e6 || g.NumChannels != wantChannels || g.Author != "recorded" {
			t.Errorf("%s: global %+v", name, g)
		}
		if err := r.Verify(); err != nil {
			t.Error(err)
		}
		if got := scalars(t, r); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
		if a := r.Meta.Annotations; len(a) != 1 || a[0].SampleStart != 1 || a[0].SampleCount != 1 || string(a[0].Rest["core:label"]) != `"burst"` {
			t.Errorf("%s: annotations %+v", name, a)
		}
		if c := r.Meta.Captures; len(c) != 1 || c[0].SampleCount != -1 || string(c[0].Rest["core:frequency"]) != "3500000000.0" {
			t.Errorf("%s: captures %+v", name, c)
		}
	}
	text, err := os.ReadFile("testdata/both.sigmf-collection")
	if err != nil {
		t.Fatal(err)
	}
	c, err := ParseCollection(bytes.NewReader(text))
	if err != nil || len(c.Streams) != 2 || c.Streams[1].Name != "ri8" || len(c.Streams[0].Hash) != 128 {
		t.Errorf("collection %+v, %v", c, err)
	}
	meta, err := os.ReadFile("testdata/cf32_le.sigmf-meta")
	if err != nil {
		t.Fatal(err)
	}
	if sum := sha512.Sum512(meta); hex.EncodeToString(sum[:]) != c.Streams[0].Hash {
		t.Error("the collection's hash is not that of the metadata file")
	}
}

// The published logo: two channels of audio, three annotations.
func TestPublishedRecording(t *testing.T) {
	r, err := Open(durable.OS, filepath.Join(testdata.Dir(t, "sigmf"), "sigmf_logo"))
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Verify(); err != nil {
		t.Error(err)
	}
	if r.NumSamples != 288000 || r.Meta.Global.SampleRateHz != 48000 || len(r.Meta.Annotations) != 3 {
		t.Errorf("%d samples, %+v", r.NumSamples, r.Meta)
	}
	v := scalars(t, r)
	if len(v) != 576000 || slices.Max(v) > 32767 || slices.Min(v) < -32768 || slices.Max(v) < 10000 {
		t.Errorf("%d scalars from %g to %g", len(v), slices.Min(v), slices.Max(v))
	}
	again, err := r.Meta.Encode()
	if err != nil {
		t.Fatal(err)
	}
	m, err := Parse(bytes.NewReader(again))
	if err != nil || m.Annotations[2].SampleCount != 96000 || m.Global.Author != "Kyle Logue, K6OF" {
		t.Errorf("written back: %+v, %v", m, err)
	}
}

func TestDatatypes(t *testing.T) {
	for _, text := range []string{"cf32_le", "rf64_be", "ci16_be", "ru32_le", "cu8", "ri8"} {
		if d, err := ParseDatatype(text); err != nil || d.String() != text {
			t.Errorf("%s is read as %s, %v", text, d, err)
		}
	}
	for _, text := range []string{"", "c", "xf32_le", "cf32", "cf16_le", "ci64_le", "ci8_le", "cf032_le", "cf32_me", "cf32_le_le", "cf+32_le"} {
		if d, err := ParseDatatype(text); err == nil || !strings.Contains(err.Error(), "none of the format") {
			t.Errorf("%q is read as %v, %v", text, d, err)
		}
	}
	var v [2]float64
	Datatype{Kind: Float, Bits: 64, BigEndian: true}.Decode(v[:1], []byte{0x40, 9, 0x21, 0xfb, 0x54, 0x44, 0x2d, 0x18})
	Datatype{Kind: Unsigned, Bits: 16}.Decode(v[1:], []byte{0xff, 0xfe})
	if v != [2]float64{math.Pi, 0xfeff} {
		t.Errorf("decoded %v", v)
	}
}

const least = `{"global": {"core:datatype": "ci16_le", "core:version": "1.2.0"%s}, "captures": [%s], "annotations": []}`

func meta(global, captures string) string {
	return strings.Replace(strings.Replace(least, "%s", global, 1), "%s", captures, 1)
}

func TestRefusesWithTheReason(t *testing.T) {
	for want, text := range map[string]string{
		"not a JSON object":            "[]",
		"sigmf metadata: the file: ":   "{",
		`no key "global"`:              "{}",
		`no key "core:datatype"`:       `{"global": {}}`,
		`no key "captures"`:            `{"global": {"core:datatype": "ri8", "core:version": "1.0.0"}}`,
		"core:version \"2.0.0\"":       strings.Replace(meta("", ""), "1.2.0", "2.0.0", 1),
		"core:num_channels 0":          meta(`, "core:num_channels": 0`, ""),
		"core:num_channels: ":          meta(`, "core:num_channels": "two"`, ""),
		"core:sample_rate -1":          meta(`, "core:sample_rate": -1`, ""),
		"core:sha512 is not":           meta(`, "core:sha512": "abc"`, ""),
		"core:trailing_bytes -1":       meta(`, "core:trailing_bytes": -1`, ""),
		`core:dataset "../secret"`:     meta(`, "core:dataset": "../secret"`, ""),
		`core:dataset "C:x"`:           meta(`, "core:dataset": "C:x"`, ""),
		"core:author is null":          meta(`, "core:author": null`, ""),
		`captures[0]: no key`:          meta("", "{}"),
		"captures[0]: samples -1":      meta("", `{"core:sample_start": -1}`),
		"captures[1]: core:sample_sta": meta("", `{"core:sample_start": 5}, {"core:sample_start": 4}`),
		"core:header_bytes":            meta("", `{"core:sample_start": 0, "core:header_bytes": 4}`),
		"levels of JSON":               strings.Repeat("[", 101),
		"at most 16777216":             meta("", "") + strings.Repeat(" ", maxMeta),
	} {
		_, err := Parse(strings.NewReader(text))
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
	if _, err := ParseCollection(strings.NewReader(`{"collection": {"core:version": "1.0.0", "core:streams": [{"name": "../x"}]}}`)); err == nil {
		t.Error("a collection reached out of its folder")
	}
	if _, err := Open(durable.OS, "x.sigmf"); err == nil || !strings.Contains(err.Error(), "tar -xf") {
		t.Errorf("an archive: %v", err)
	}
	if _, err := Open(durable.OS, "missing"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
}

func recordingOf(t testing.TB, text string, data []byte) (*Recording, error) {
	t.Helper()
	fsys := durable.NewMemFS(1)
	if err := errors.Join(durable.WriteFile(fsys, "x"+MetaSuffix, []byte(text)), durable.WriteFile(fsys, "x"+DataSuffix, data)); err != nil {
		t.Fatal(err)
	}
	return Open(fsys, "x"+DataSuffix)
}

func TestDataSetMustFit(t *testing.T) {
	for want, c := range map[string]struct {
		text string
		data string
	}{
		"not a whole number of samples": {meta("", ""), "12345"},
		"3 channels":                    {meta(`, "core:num_channels": 3`, ""), "12345678"},
		"captures[0]: it reaches":       {meta("", `{"core:sample_start": 3}`), "12345678"},
		"0 bytes are not":               {meta(`, "core:trailing_bytes": 9`, ""), ""},
	} {
		if _, err := recordingOf(t, c.text, []byte(c.data)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
	r, err := recordingOf(t, meta(`, "core:trailing_bytes": 1, "core:sha512": "`+strings.Repeat("0", 128)+`"`, ""), []byte("\x01\x00\xff\xffx"))
	if err != nil {
		t.Fatal(err)
	}
	if got := scalars(t, r); !slices.Equal(got, []float64{1, -1}) {
		t.Errorf("before trailing bytes: %v", got)
	}
	if err := r.Verify(); err == nil || !strings.Contains(err.Error(), "damaged or another") {
		t.Errorf("a wrong checksum: %v", err)
	}
	if r, err = recordingOf(t, meta(`, "core:metadata_only": true`, ""), nil); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Samples(); err == nil || r.Verify() != ErrNoChecksum {
		t.Errorf("samples of metadata alone: %v", err)
	}
}

// Whatever the bytes: no panic, bounded memory, and metadata that are accepted are
// the same after they were written and read once more.
func FuzzOpen(f *testing.F) {
	for _, name := range []string{"cf32_le", "ri8", "ru32_be"} {
		m, err := os.ReadFile(filepath.Join("testdata", name+MetaSuffix))
		d, err2 := os.ReadFile(filepath.Join("testdata", name+DataSuffix))
		if err := errors.Join(err, err2); err != nil {
			f.Fatal(err)
		}
		f.Add(m, d)
	}
	f.Add([]byte(meta(`, "core:trailing_bytes": 1, "core:metadata_only": false, "x": {"y": []}`, `{"core:sample_start": 0, "core:sample_count": 1}`)), []byte("12345"))
	f.Add([]byte(`{"collection": {"core:version": "1.2.0", "core:streams": [{"name": "a", "hash": "b"}]}}`), []byte{})
	f.Fuzz(func(t *testing.T, text, data []byte) {
		if _, err := ParseCollection(bytes.NewReader(text)); err == nil && len(text) < 30 {
			t.Fatalf("%q is a collection", text)
		}
		m, err := Parse(bytes.NewReader(text))
		if err != nil {
			return
		}
		once, err := m.Encode()
		if err != nil {
			t.Fatal(err)
		}
		again, err := Parse(bytes.NewReader(once))
		var tooLong *bounded.LimitError
		if errors.As(err, &tooLong) {
			return
		}
		if err != nil {
			t.Fatalf("written back: %v\n%s", err, once)
		}
		if twice, err := again.Encode(); err != nil || !bytes.Equal(once, twice) {
			t.Fatalf("not the same the second time, %v:\n%s\n%s", err, once, twice)
		}
		if m.Global.Dataset != "" {
			return
		}
		r, err := recordingOf(t, string(text), data)
		if err != nil || r.Path == "" {
			return
		}
		if got := scalars(t, r); int64(len(got)) != r.NumSamples*int64(m.Global.NumChannels*m.Global.Datatype.NumScalars()) {
			t.Fatalf("%d scalars of %d samples", len(got), r.NumSamples)
		}
		r.Verify()
	})
}
