package ngram

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/comlam/comlam/internal/bounded"
	"github.com/comlam/comlam/internal/rng"
	"github.com/comlam/comlam/internal/testdata"
)

func each(texts [][]int32) iter.Seq2[[]int32, error] {
	return func(yield func([]int32, error) bool) {
		for _, t := range texts {
			if !yield(t, nil) {
				return
			}
		}
	}
}

func train(t testing.TB, texts [][]int32, c Config) *Model {
	t.Helper()
	m, err := Train(context.Background(), each(texts), c)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func score(t testing.TB, m *Model, texts [][]int32) Score {
	t.Helper()
	var total Score
	for _, text := range texts {
		s, err := m.Score(text)
		if err != nil {
			t.Fatal(err)
		}
		total.Add(s, len(text))
	}
	return total
}

// golden is one row of testdata/golden.json.
type golden struct {
	Name      string
	Order     int
	Size      int
	Texts     int
	Symbols   int
	Bits      float64
	EndBits   float64 `json:"end_bits"`
	KenLM     float64 `json:"kenlm_bits"`
	KenLMEnd  float64 `json:"kenlm_end_bits"`
	Discounts [][3]float64
	NGrams    []int
}

// goldenTexts are the training and held-out texts of a row, as record.py cuts them.
func goldenTexts(t *testing.T, name string) (train, held []string) {
	t.Helper()
	read := func(dir string, names ...string) (list []string) {
		for _, n := range names {
			text, err := os.ReadFile(filepath.Join(dir, n))
			if err != nil {
				t.Fatal(err)
			}
			list = append(list, string(text))
		}
		return list
	}
	if strings.HasPrefix(name, "rfc") {
		dir := testdata.Dir(t, "rfc_quic")
		return read(dir, "rfc8999.md", "rfc9000.md", "rfc9002.md"), read(dir, "rfc9001.md")
	}
	parts := strings.Split(read("../..", "LICENSE")[0], "\n\n")
	parts = slices.DeleteFunc(parts, func(p string) bool { return strings.TrimSpace(p) == "" })
	cut := len(parts) * 3 / 4
	return parts[:cut], parts[cut:]
}

// symbolsOf turns texts into bytes, or into words numbered as they come.
func symbolsOf(texts []string, words bool, ids map[string]int32) [][]int32 {
	var list [][]int32
	for _, t := range texts {
		if !words {
			list = append(list, Bytes(t))
			continue
		}
		symbols := []int32{}
		for _, w := range strings.Fields(t) {
			if _, ok := ids[w]; !ok {
				ids[w] = int32(len(ids))
			}
			symbols = append(symbols, ids[w])
		}
		list = append(list, symbols)
	}
	return list
}

// TestAgainstTwoOthers compares with what testdata/record.py measured: the published
// formulas over dictionaries, and KenLM.
func TestAgainstTwoOthers(t *testing.T) {
	text, err := os.ReadFile("testdata/golden.json")
	if err != nil {
		t.Fatal(err)
	}
	var rows []golden
	if err := json.Unmarshal(text, &rows); err != nil {
		t.Fatal(err)
	}
	for _, g := range rows {
		t.Run(g.Name, func(t *testing.T) {
			if testing.Short() && strings.HasPrefix(g.Name, "rfc") {
				t.Skip("the larger texts take a second each")
			}
			trainTexts, heldTexts := goldenTexts(t, g.Name)
			words, ids := strings.HasSuffix(g.Name, "words"), map[string]int32{}
			m := train(t, symbolsOf(trainTexts, words, ids), Config{g.Order, g.Size})
			s := score(t, m, symbolsOf(heldTexts, words, ids))
			if s.Symbols != g.Symbols || s.Texts != g.Texts {
				t.Fatalf("%d symbols in %d texts, recorded were %d in %d", s.Symbols, s.Texts, g.Symbols, g.Texts)
			}
			if !slices.Equal(m.NGrams(), g.NGrams) {
				t.Errorf("n-grams %d, recorded %d", m.NGrams(), g.NGrams)
			}
			for k, d := range m.Discounts() {
				for i := range d {
					if math.Abs(d[i]-g.Discounts[k][i]) > 1e-12 {
						t.Errorf("discounts of length %d: %v, recorded %v", k+1, d, g.Discounts[k])
					}
				}
			}
			near(t, "bits, by the formulas", s.Bits, g.Bits, 1e-6)
			near(t, "bits of ends, by the formulas", s.EndBits, g.EndBits, 1e-6)
			near(t, "bits, by KenLM", s.Bits, g.KenLM, 1e-5)
			near(t, "bits of ends, by KenLM", s.EndBits, g.KenLMEnd, 1e-5)
		})
	}
}

func near(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tolerance*math.Abs(want)) {
		t.Errorf("%s: %v, recorded %v", what, got, want)
	}
}

// some makes texts of a skewed source over few symbols.
func some(seed uint64, texts, length, size int) [][]int32 {
	s := rng.New(seed)
	list := make([][]int32, texts)
	for i := range list {
		for range s.IntN(length) {
			v := s.Float64()
			list[i] = append(list[i], int32(float64(size)*v*v*v))
		}
	}
	return list
}

// TestSumsToOne: in any context the probabilities of all symbols and the end add up.
func TestSumsToOne(t *testing.T) {
	for order := 1; order <= 5; order++ {
		const size = 20
		m := train(t, some(1, 60, 40, size-3), Config{order, size})
		for _, text := range append(some(2, 10, 8, size), nil, []int32{19, 19, 19, 0}) {
			r := m.reader()
			for _, symbol := range text {
				r.next(symbol)
			}
			sum := 0.0
			for w := range m.end() + 1 {
				after := *r
				p := after.next(w)
				if !(p > 0) {
					t.Errorf("order %d, after %d: symbol %d has probability %v", order, text, w, p)
				}
				sum += p
			}
			if math.Abs(sum-1) > 1e-6 {
				t.Errorf("order %d, after %d: the probabilities add up to %v", order, text, sum)
			}
		}
	}
}

// TestByHand: "ab" and "ac", order 2. The numbers of left neighbours are a:1, b:1, c:1,
// end:2; there is no third or fourth class, so the fixed discounts serve.
func TestByHand(t *testing.T) {
	m := train(t, [][]int32{{0, 1}, {0, 2}}, Config{Order: 2, Size: 3})
	if got := m.Fallback(); !slices.Equal(got, []int{1, 2}) {
		t.Errorf("fixed discounts serve lengths %v, want 1 and 2", got)
	}
	// One symbol: sum 5, discounts 3 x 0.5 + 1 = 2.5, uniform 1/4.
	lower := map[int32]float64{0: 0.5/5 + 2.5/5/4, 1: 0.5/5 + 2.5/5/4, 2: 0.5/5 + 2.5/5/4, 3: 1.0/5 + 2.5/5/4}
	r := m.reader()
	// After the start: a twice, discount 1, sum 2.
	if p, want := r.next(0), 1.0/2+1.0/2*lower[0]; math.Abs(p-want) > 1e-7 {
		t.Errorf("p(a | start) = %v, want %v", p, want)
	}
	// After a: b and c once each, discount 0.5, sum 2.
	if p, want := r.next(1), 0.5/2+1.0/2*lower[1]; math.Abs(p-want) > 1e-7 {
		t.Errorf("p(b | a) = %v, want %v", p, want)
	}
	// After b: the end once.
	if p, want := r.next(m.end()), 0.5/1+0.5*lower[3]; math.Abs(p-want) > 1e-7 {
		t.Errorf("p(end | b) = %v, want %v", p, want)
	}
}

func TestLongerContextsHelp(t *testing.T) {
	text := strings.Repeat("the slot is half a millisecond long. the frame is ten milliseconds long. ", 20)
	trainTexts, held := [][]int32{Bytes(text[:1000])}, [][]int32{Bytes(text[1000:])}
	before := math.Inf(1)
	for _, order := range []int{1, 2, 4, 8} {
		b := score(t, train(t, trainTexts, Config{order, NumBytes}), held).BitsPerByte()
		if !(b < before) {
			t.Errorf("order %d costs %.3f bits a byte, the shorter one %.3f", order, b, before)
		}
		before = b
	}
}

func TestRefusals(t *testing.T) {
	ctx := context.Background()
	for what, c := range map[string]Config{"order": {0, 5}, "17": {17, 5}, "size": {2, 0}} {
		if _, err := Train(ctx, each(nil), c); err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("%+v: got %v", c, err)
		}
	}
	var format *bounded.FormatError
	if _, err := Train(ctx, each(nil), Config{2, 5}); !errors.As(err, &format) {
		t.Errorf("no text: %v", err)
	}
	if _, err := Train(ctx, each([][]int32{{0}, {5}}), Config{2, 5}); err == nil || !strings.Contains(err.Error(), "text 2") {
		t.Errorf("a symbol out of range: %v", err)
	}
	failing := func(yield func([]int32, error) bool) { yield(nil, os.ErrClosed) }
	if _, err := Train(ctx, failing, Config{2, 5}); !errors.Is(err, os.ErrClosed) {
		t.Errorf("a failing source: %v", err)
	}
	stopped, stop := context.WithCancel(ctx)
	stop()
	if _, err := Train(stopped, each([][]int32{{0}}), Config{2, 5}); !errors.Is(err, context.Canceled) {
		t.Errorf("a stopped context: %v", err)
	}
	m := train(t, [][]int32{{}, {1}}, Config{3, 5})
	if _, err := m.Score([]int32{1, -1}); err == nil {
		t.Error("a symbol out of range is scored")
	}
	if s, err := m.Score(nil); err != nil || s.Bits != 0 || s.EndBits <= 0 {
		t.Errorf("an empty text: %+v, %v", s, err)
	}
	if !math.IsNaN(Score{}.BitsPerByte()) {
		t.Error("no bytes have bits")
	}
}

// FuzzTrain: whatever the texts, every probability is positive and at most one.
func FuzzTrain(f *testing.F) {
	f.Add([]byte("abracadabra\x00abra"), uint8(3))
	f.Add([]byte{}, uint8(1))
	f.Add([]byte{0, 0, 0}, uint8(8))
	f.Fuzz(func(t *testing.T, data []byte, order uint8) {
		var texts [][]int32
		for part := range strings.SplitSeq(string(data), "\x00") {
			texts = append(texts, Bytes(part))
		}
		m := train(t, texts, Config{Order: int(order)%maxOrder + 1, Size: NumBytes})
		s := score(t, m, append(texts, Bytes("other text")))
		if !(s.Bits >= 0) || !(s.EndBits > 0) || math.IsInf(s.Bits+s.EndBits, 0) {
			t.Fatalf("%+v", s)
		}
	})
}

func BenchmarkTrainBytes(b *testing.B) {
	var text strings.Builder
	s := rng.New(3)
	for text.Len() < 1<<20 {
		fmt.Fprintf(&text, "slot %d of frame %d ", s.IntN(10), s.IntN(1024))
	}
	texts := [][]int32{Bytes(text.String())}
	b.SetBytes(int64(text.Len()))
	for b.Loop() {
		train(b, texts, Config{8, NumBytes})
	}
}
