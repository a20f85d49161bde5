package fec

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/comlam/comlam/internal/rng"
	"github.com/comlam/comlam/internal/testdata"
)

// array reads a vector of the reference: version 1, C order, any number type.
func array(t *testing.T, path string) (shape []int, values []float64) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	n := int(binary.LittleEndian.Uint16(b[8:]))
	head, data := string(b[10:10+n]), b[10+n:]
	descr := regexp.MustCompile(`'descr': '(...)'`).FindStringSubmatch(head)
	axes := regexp.MustCompile(`'shape': \(([^)]*)\)`).FindStringSubmatch(head)
	if descr == nil || axes == nil || strings.Contains(head, "True") {
		t.Fatalf("%s: header %q", path, head)
	}
	for _, f := range strings.Split(axes[1], ",") {
		if f = strings.TrimSpace(f); f != "" {
			axis, err := strconv.Atoi(f)
			if err != nil {
				t.Fatal(err)
			}
			shape = append(shape, axis)
		}
	}
	size := int(descr[1][2] - '0')
	for ; len(data) >= size; data = data[size:] {
		values = append(values, number(t, descr[1], data))
	}
	return shape, values
}

func number(t *testing.T, descr string, b []byte) float64 {
	switch descr {
	case "|u1":
		return float64(b[0])
	case "<u2":
		return float64(binary.LittleEndian.Uint16(b))
	case "<i4":
		return float64(int32(binary.LittleEndian.Uint32(b)))
	case "<f4":
		return float64(math.Float32frombits(binary.LittleEndian.Uint32(b)))
	case "<f8":
		return math.Float64frombits(binary.LittleEndian.Uint64(b))
	case "<i8":
		return float64(int64(binary.LittleEndian.Uint64(b)))
	}
	t.Fatalf("number type %q", descr)
	return 0
}

func bitsOf(values []float64) []byte {
	bits := make([]byte, len(values))
	for i, v := range values {
		bits[i] = byte(v)
	}
	return bits
}

func randomBits(s *rng.Stream, n int) []byte {
	bits := make([]byte, n)
	for i := range bits {
		bits[i] = byte(s.Uint64() & 1)
	}
	return bits
}

func codes(t *testing.T, sub string) string {
	return filepath.Join(testdata.Dir(t, "sionna_vectors"), "test/codes", sub)
}

func TestCRCVectors(t *testing.T) {
	dir := codes(t, "crc")
	for _, c := range CRCs {
		_, u := array(t, filepath.Join(dir, "crc_u_"+c.String()+".npy"))
		_, x := array(t, filepath.Join(dir, "crc_x_ref_np_"+c.String()+".npy"))
		bits := c.Append(nil, bitsOf(u))
		if got, want := fmt.Sprint(bits[len(u):]), fmt.Sprint(bitsOf(x)); got != want {
			t.Errorf("%s of %v: %s, want %s", c, u, got, want)
		}
	}
}

// The vectors are generator matrices of rate-matched codes: the places of their ones.
func TestLDPCVectors(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(codes(t, "ldpc"), "k*_G.npy"))
	if err != nil || len(files) != 19 {
		t.Fatalf("%d vectors, %v; want 19", len(files), err)
	}
	for _, file := range files {
		var k, n int
		if _, err := fmt.Sscanf(filepath.Base(file), "k%d_n%d_G.npy", &k, &n); err != nil {
			t.Fatal(err)
		}
		shape, ones := array(t, file)
		code, err := NewLDPC(GraphFor(k, float64(k)/float64(n)), k)
		if err != nil {
			t.Fatal(err)
		}
		const words = 20
		bits := randomBits(rng.New(1, uint64(k), uint64(n)), words*k)
		coded, sent := make([]byte, words*code.Len()), make([]byte, words*n)
		if err := code.Encode(coded, bits); err != nil {
			t.Fatal(err)
		}
		if err := code.Match(sent, coded, Match{E: n}); err != nil {
			t.Fatal(err)
		}
		want := make([]byte, words*n)
		for i := range shape[1] {
			row, col := int(ones[i])-1, int(ones[shape[1]+i])-1 // they count from 1
			for w := range words {
				want[w*n+col] ^= bits[w*k+row]
			}
		}
		if string(sent) != string(want) {
			t.Errorf("%s: %s, Z = %d: codewords differ from the generator matrix", filepath.Base(file), code.Graph(), code.LiftingSize())
		}
	}
}

// The tables were compared with two sources; they do not change by accident.
func TestTablesAreFrozen(t *testing.T) {
	for want, text := range map[string]string{
		"68ec6f8768e0071e": textBG1, "461b9a5b98e950fe": textBG2,
		"e241fbc71ef59ca9": textSequence, "b92d6afbd2121735": textInterleaver,
	} {
		if got := fmt.Sprintf("%x", sha256.Sum256([]byte(text)))[:16]; got != want {
			t.Errorf("%q is %s, not %s", strings.SplitN(text, "\n", 2)[0], got, want)
		}
	}
	for g, want := range map[Graph][3]int{BG1: {316, 46, 68}, BG2: {197, 42, 52}} {
		var rows, cols int
		for _, e := range entries[g]() {
			rows, cols = max(rows, e.row+1), max(cols, e.col+1)
		}
		if got := [3]int{len(entries[g]()), rows, cols}; got != want {
			t.Errorf("%s: entries, rows, columns are %v, want %v", g, got, want)
		}
	}
}
