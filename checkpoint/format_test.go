package checkpoint

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/comlam/comlam/internal/bounded"
)

// file puts a header before n bytes of data.
func file(header string, n int) []byte {
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	b = append(b, header...)
	for i := range n {
		b = append(b, byte(i+1))
	}
	return b
}

// entry is the JSON of one tensor.
func entry(name, dtype, shape string, begin, end int) string {
	return fmt.Sprintf(`%q:{"dtype":%q,"shape":[%s],"data_offsets":[%d,%d]}`, name, dtype, shape, begin, end)
}

var goodFiles = []struct {
	name  string
	data  []byte
	names string
}{
	{"empty", file("{}", 0), "[]"},
	{"padded", file("{}      ", 0), "[]"},
	{"metadata only", file(`{"__metadata__":{"a":"b","":""}}`, 0), "[]"},
	{"one", file("{"+entry("a", "F32", "1,2", 0, 8)+"}", 8), "[a]"},
	{"scalar", file("{"+entry("a", "I64", "", 0, 8)+"}", 8), "[a]"},
	{"no elements", file("{"+entry("a", "F32", "0,5", 0, 0)+","+entry("b", "U8", "1", 0, 1)+"}", 1), "[a b]"},
	{"out of order", file("{"+entry("a", "U8", "2", 1, 3)+","+entry("b", "U8", "1", 0, 1)+"}", 3), "[a b]"},
	{"keys in any order", file(`{"a":{"data_offsets":[0,1],"shape":[1],"dtype":"BOOL"}}`, 1), "[a]"},
	{"white space", file("{ \"a\"\t: { \"dtype\" : \"U8\" ,\n\"shape\":[ 1 ],\r\"data_offsets\":[ 0 , 1 ] } } ", 1), "[a]"},
	{"escapes", file(`{"\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00":{"dtype":"U8","shape":[],"data_offsets":[0,1]}}`, 1), "[\"\\/\b\f\n\r\té😀]"},
	{"empty name", file("{"+entry("", "U8", "", 0, 1)+"}", 1), "[]"},
	{"packed", file("{"+entry("a", "F4", "2,3", 0, 3)+","+entry("b", "F6_E2M3", "4", 3, 6)+"}", 6), "[a b]"},
}

var badFiles = []struct {
	name string
	data []byte
	want string // in the error
}{
	{"no length", []byte{1, 2, 3}, "3 bytes"},
	{"header past the end", append(binary.LittleEndian.AppendUint64(nil, 3), "{}"...), "header of 3 bytes, at most 2"},
	{"header of 2^64-1", bytes.Repeat([]byte{0xff}, 16), "header of 18446744073709551615 bytes"},
	{"empty header", file("", 0), "does not start with"},
	{"space first", file(" {}", 0), "does not start with"},
	{"array", file("[]", 0), "does not start with"},
	{"not UTF-8", file("{\"\xff\":0}", 0), "not UTF-8"},
	{"not closed", file("{", 0), "header ends"},
	{"in a string", file(`{"a`, 0), "inside a string"},
	{"in an escape", file(`{"a\`, 0), "escape"},
	{"trailing comma", file("{"+entry("a", "U8", "1", 0, 1)+",}", 1), `'}' where '"' is expected`},
	{"two objects", file("{}{}", 0), "after the end"},
	{"NUL after it", file("{}\x00", 0), "after the end"},
	{"bad escape", file(`{"\x":0}`, 0), "escape"},
	{"half a pair", file(`{"\ud83d":0}`, 0), "escape"},
	{"newline in a string", file("{\"a\nb\":0}", 0), "control character"},
	{"duplicate tensor", file("{"+entry("a", "U8", "1", 0, 1)+","+entry("a", "U8", "1", 0, 1)+"}", 1), `duplicate key "a"`},
	{"duplicate by escape", file("{"+entry("a", "U8", "1", 0, 1)+`,"\u0061":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}`, 2), `duplicate key "a"`},
	{"duplicate metadata", file(`{"__metadata__":{},"__metadata__":{}}`, 0), "duplicate key"},
	{"duplicate in metadata", file(`{"__metadata__":{"a":"b","a":"b"}}`, 0), "duplicate key"},
	{"duplicate field", file(`{"a":{"dtype":"U8","dtype":"U8","shape":[1],"data_offsets":[0,1]}}`, 1), "duplicate key"},
	{"metadata of numbers", file(`{"__metadata__":{"a":1}}`, 0), "expected"},
	{"metadata nested", file(`{"__metadata__":{"a":{}}}`, 0), "expected"},
	{"unknown field", file(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1],"x":1}}`, 1), `unknown key "x"`},
	{"missing field", file(`{"a":{"dtype":"U8","shape":[1]}}`, 1), "must all be there"},
	{"unknown type", file("{"+entry("a", "F31", "1", 0, 4)+"}", 4), `type "F31"`},
	{"negative dimension", file("{"+entry("a", "U8", "-1", 0, 1)+"}", 1), "whole number"},
	{"fraction", file("{"+entry("a", "U8", "1.0", 0, 1)+"}", 1), "fraction"},
	{"exponent", file("{"+entry("a", "U8", "1e0", 0, 1)+"}", 1), "fraction or exponent"},
	{"leading zero", file("{"+entry("a", "U8", "01", 0, 1)+"}", 1), "leading zero"},
	{"dimension of 2^64", file("{"+entry("a", "U8", "18446744073709551616", 0, 1)+"}", 1), "too large"},
	{"product overflows", file("{"+entry("a", "U8", "4294967296,4294967296", 0, 0)+"}", 0), "overflow"},
	{"bytes overflow", file("{"+entry("a", "F64", "2305843009213693952", 0, 0)+"}", 0), "overflow"},
	{"overflow before a zero", file("{"+entry("a", "U8", "4294967296,4294967296,0", 0, 0)+"}", 0), "overflow"},
	{"half a byte", file("{"+entry("a", "F4", "3", 0, 1)+"}", 1), "whole bytes"},
	{"too short for its shape", file("{"+entry("a", "F32", "2", 0, 4)+"}", 4), "do not hold the 8 bytes"},
	{"too long for its shape", file("{"+entry("a", "F32", "1", 0, 8)+"}", 8), "do not hold the 4 bytes"},
	{"end before begin", file("{"+entry("a", "U8", "1", 1, 0)+"}", 1), "do not hold"},
	{"past the end", file("{"+entry("a", "U8", "9", 0, 9)+"}", 8), "past the 8 bytes"},
	{"three offsets", file(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1,2]}}`, 1), "expected"},
	{"overlap", file("{"+entry("a", "U8", "2", 0, 2)+","+entry("b", "U8", "2", 1, 3)+"}", 3), "overlap"},
	{"same bytes twice", file("{"+entry("a", "U8", "2", 0, 2)+","+entry("b", "U8", "2", 0, 2)+"}", 2), "overlap"},
	{"hole at the start", file("{"+entry("a", "U8", "1", 1, 2)+"}", 2), "hole"},
	{"hole between", file("{"+entry("a", "U8", "1", 0, 1)+","+entry("b", "U8", "1", 2, 3)+"}", 3), "hole"},
	{"bytes after the last", file("{"+entry("a", "U8", "1", 0, 1)+"}", 2), "1 bytes of data after"},
	{"data without a tensor", file("{}", 4), "4 bytes of data after"},
	{"65 dimensions", file("{"+entry("a", "U8", strings.TrimSuffix(strings.Repeat("1,", 65), ","), 0, 1)+"}", 1), "dimensions: 65, at most 64"},
	{"deep arrays", file(`{"a":`+strings.Repeat("[", 100000), 0), "expected"},
	{"deep objects", file(strings.Repeat(`{"a":`, 100000), 0), "unknown key"},
	{"deep shape", file(`{"a":{"shape":`+strings.Repeat("[", 100000), 0), "whole number"},
}

func TestGoodFiles(t *testing.T) {
	for _, c := range goodFiles {
		f, err := Open(bytes.NewReader(c.data), int64(len(c.data)))
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if got := fmt.Sprint(f.Names()); got != c.names {
			t.Errorf("%s: names %q, want %q", c.name, got, c.names)
		}
		checkFile(t, f, c.data)
	}
}

func TestBadFiles(t *testing.T) {
	for _, c := range badFiles {
		_, err := Open(bytes.NewReader(c.data), int64(len(c.data)))
		var fe *FormatError
		if !errors.As(err, &fe) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one that says %q", c.name, err, c.want)
		}
		if err != nil && len(err.Error()) > 1000 {
			t.Errorf("%s: an error of %d bytes", c.name, len(err.Error()))
		}
	}
}

func TestErrorSaysWhere(t *testing.T) {
	data := file("{"+entry("layer.0", "U8", "1", 0, 1)+","+entry("layer.1", "F99", "1", 1, 2)+"}", 2)
	_, err := Open(bytes.NewReader(data), int64(len(data)))
	var fe *FormatError
	if !errors.As(err, &fe) || fe.Tensor != "layer.1" || !bytes.HasPrefix(data[fe.Offset-5:], []byte(`"F99"`)) {
		t.Errorf("error %+v", fe)
	}
}

// TestShorterThanSaid: the caller's size is not believed either.
func TestShorterThanSaid(t *testing.T) {
	data := goodFiles[3].data
	for n := range data {
		f, err := Open(bytes.NewReader(data[:n]), int64(len(data)))
		if err == nil {
			_, err = f.Tensor("a")
		}
		var fe *FormatError
		if !errors.As(err, &fe) || !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%d bytes of %d: %v", n, len(data), err)
		}
	}
}

type brokenDisk struct{ io.ReaderAt }

var errBroken = errors.New("the disk is broken")

func (brokenDisk) ReadAt([]byte, int64) (int, error) { return 0, errBroken }

func TestDiskErrorIsNotAFormatError(t *testing.T) {
	_, err := Open(brokenDisk{}, 1000)
	var fe *FormatError
	if !errors.Is(err, errBroken) || errors.As(err, &fe) {
		t.Errorf("error %v", err)
	}
}

func TestUnknownTensor(t *testing.T) {
	f := open(t, file("{"+entry("model.norm.weight", "U8", "1", 0, 1)+"}", 1))
	_, err := f.Tensor("norm.weight")
	if err == nil || !strings.Contains(err.Error(), `there is "model.norm.weight"`) {
		t.Errorf("error %v", err)
	}
	if _, ok := f.Head("x"); ok {
		t.Error("a head of no tensor")
	}
	if _, _, ok := f.Range("x"); ok {
		t.Error("a range of no tensor")
	}
}

// bombs are headers that would take much more memory or time than they have
// bytes.
func bombs() map[string][]byte {
	repeat := func(open, item, shut string, n int) []byte {
		var b strings.Builder
		b.WriteString(open)
		for i := range n {
			if i > 0 {
				b.WriteByte(',')
			}
			fmt.Fprintf(&b, item, i)
		}
		b.WriteString(shut)
		return file(b.String(), 0)
	}
	return map[string][]byte{
		"keys":       repeat("{", `"%d":0`, "}", 3_000_000),
		"tensors":    repeat("{", `"%d":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}`, "}", 1_000_000),
		"metadata":   repeat(`{"__metadata__":{`, `"%d":""`, "}}", 3_000_000),
		"dimensions": repeat(`{"a":{"dtype":"U8","shape":[`, `1%d`, "]}}", 5_000_000),
		"duplicates": file("{"+strings.Repeat(`"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},`, 1_000_000)+"}", 0),
		"depth":      file("{"+strings.Repeat(`"a":{`, 5_000_000), 0),
		"long name":  file(`{"`+strings.Repeat("x", 30_000_000)+`":0}`, 0),
		"escapes":    file(`{"`+strings.Repeat(`\u0000`, 5_000_000)+`":0}`, 0),
		"spaces":     file("{"+strings.Repeat(" ", 50_000_000)+"}", 0),
		"large":      binary.LittleEndian.AppendUint64(nil, 99_000_000),
	}
}

// TestBombs: memory stays below 64 MiB + 4 times the bytes read, and time
// below a second for each.
func TestBombs(t *testing.T) {
	if testing.Short() {
		t.Skip("reads headers of up to 50 MB")
	}
	for name, data := range bombs() {
		runtime.GC()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		start := time.Now()
		_, err := Open(bytes.NewReader(data), max(int64(len(data)), 100<<20))
		took := time.Since(start)
		runtime.ReadMemStats(&after)
		used := after.TotalAlloc - before.TotalAlloc // all, freed or not: at least the peak
		if limit := uint64(64<<20 + 4*len(data)); used > limit {
			t.Errorf("%s: %d bytes allocated for %d read, at most %d", name, used, len(data), limit)
		}
		if took > 5*time.Second { // the promise is one, on a machine with nothing else to do
			t.Errorf("%s: took %v", name, took)
		}
		if err == nil {
			t.Errorf("%s: no error", name)
		}
		t.Logf("%-10s %9d bytes, %9d allocated, %v: %.80v", name, len(data), used, took.Round(time.Millisecond), err)
	}
}

// TestLargestHeader: as many tensors as are allowed still fit the promise.
func TestLargestHeader(t *testing.T) {
	if testing.Short() {
		t.Skip("a header of 24 MB")
	}
	heads := make([]Head, maxTensors)
	for i := range heads {
		heads[i] = Head{Name: fmt.Sprintf("model.layers.%d.weight", i), DType: U8, Shape: []int{0, i}}
	}
	var b bytes.Buffer
	if err := WriteEach(&b, heads, nil, func(Head) ([]byte, error) { return nil, nil }); err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	f := open(t, b.Bytes())
	runtime.GC()
	runtime.ReadMemStats(&after)
	if held, limit := int64(after.HeapAlloc)-int64(before.HeapAlloc), int64(64<<20+4*b.Len()); held > limit {
		t.Errorf("%d bytes held for a header of %d, at most %d", held, b.Len(), limit)
	}
	if _, ok := f.Head("model.layers.262143.weight"); !ok {
		t.Error("the last tensor is not there")
	}
	var le *bounded.LimitError
	if err := WriteEach(io.Discard, append(heads, Head{Name: "x", DType: U8}), nil, nil); !errors.As(err, &le) {
		t.Errorf("one more: %v", err)
	}
}
