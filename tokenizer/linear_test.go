package tokenizer

import (
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/comlam/comlam/internal/rng"
	"github.com/comlam/comlam/internal/testdata"
)

// families are texts that have made tokenizers slow: each is repeated up to a size.
var families = map[string]string{
	"one letter":      "a",
	"blanks":          " ",
	"digits":          "1",
	"combining marks": "\u0301",
	"line ends":       "\n",
	"punctuation":     "!",
	"alternating":     "ab",
	"blank and mark":  " \u0301",
	"no UTF-8":        "\xff",
	"emoji joined":    "👩\u200d",
	"upper case":      "A",
	"special tokens":  "<|im_end",
	"ideographs":      "的",
	"contractions":    "'s'S",
	"blank and end":   " \n \n  ",
}

// TestLinearTime encodes each family at two sizes, 16 times apart. The larger may take
// no more than a few times as long a byte: quadratic work would take 16 times.
func TestLinearTime(t *testing.T) {
	const small, large = 16 << 10, 256 << 10
	byteLevel := tiny(t)
	runes, err := ParseSentencePiece(slices.Concat(protoPiece("<unk>", 2, 0), protoPiece("▁", 1, 0xC0000000), protoPiece("a", 1, 0xC0000000), protoPiece("aa", 1, 0xBF800000),
		protoPiece("aaaa", 1, 0xBF000000), protoText(2, []byte{3 << 3, 2})))
	if err != nil {
		t.Fatal(err)
	}
	for _, tok := range []*Tokenizer{byteLevel, runes} {
		for name, unit := range families {
			a, b := perByte(tok, unit, small), perByte(tok, unit, large)
			t.Logf("%s: %.1f ns a byte for %d bytes, %.1f for %d", name, a, small, b, large)
			if b > 6*a+200 {
				t.Errorf("%s: %.1f ns a byte for %d bytes, %.1f for %d", name, a, small, b, large)
			}
		}
	}
}

// perByte is the shortest of two runs: other processes share the machine.
func perByte(tok *Tokenizer, unit string, size int) float64 {
	text := strings.Repeat(unit, size/len(unit))
	best := time.Hour
	for range 2 {
		start, cpu := time.Now(), cpuTime()
		tok.EncodeSpecial(text)
		took := time.Since(start)
		if d := cpuTime() - cpu; d > 0 {
			took = min(took, d)
		}
		best = min(best, took)
	}
	return float64(best.Nanoseconds()) / float64(len(text))
}

// TestTrainingIsReproducible: neither the number of cores nor the order of the texts
// changes a bit.
func TestTrainingIsReproducible(t *testing.T) {
	var texts []string
	for i := range 300 {
		texts = append(texts, strings.Repeat(fmt.Sprintf("cell %d tells gNB-%d about band n%d; ", i, i*7%13, i*31%79), 3))
	}
	train := func(procs int, texts []string) string {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(procs))
		tok, err := Train(t.Context(), slices.Values(texts), Config{VocabSize: 420})
		if err != nil {
			t.Fatal(err)
		}
		return tok.Hash()
	}
	want := train(1, texts)
	slices.Reverse(texts)
	for _, procs := range []int{1, 2, 7} {
		if got := train(procs, texts); got != want {
			t.Errorf("with %d cores the hash is %s, with 1 %s", procs, got, want)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Train(ctx, slices.Values(texts), Config{}); err == nil {
		t.Error("training goes on though its context is done")
	}
}

// TestConcurrentEncoding: encoders in many goroutines give what one gives.
func TestConcurrentEncoding(t *testing.T) {
	tok := tiny(t)
	texts := goldenTexts(t)
	var want [][]int32
	for _, s := range texts {
		want = append(want, tok.Encode(s))
	}
	var done sync.WaitGroup
	for range 8 {
		done.Go(func() {
			for i, s := range texts {
				if !slices.Equal(tok.Encode(s), want[i]) {
					t.Errorf("%q differs", s)
				}
			}
		})
	}
	done.Wait()
}

// TestLongPieces: the heap and the plain way merge alike.
func TestLongPieces(t *testing.T) {
	tok, err := Train(t.Context(), slices.Values([]string{strings.Repeat("abracadabra barbara cababa ", 9)}), Config{VocabSize: 290})
	if err != nil {
		t.Fatal(err)
	}
	m, ok := tok.model.(*bpe)
	if !ok {
		t.Fatal("no BPE")
	}
	r := rng.New(7)
	for range 2000 {
		word := make([]byte, 1+r.Uint64()%shortPiece)
		for i := range word {
			word[i] = "abcdr"[r.Uint64()%5]
		}
		short := m.encode(nil, string(word), newCoder())
		c := newCoder()
		c.symbols = m.split(nil, string(word))
		m.mergeLong(&c.bpeState)
		var long []int32
		for i := int32(0); i >= 0; i = c.symbols[i].next {
			long = append(long, c.symbols[i].id)
		}
		if !slices.Equal(short, long) {
			t.Fatalf("%s: %d the plain way, %d with a heap", word, short, long)
		}
	}
}

// TestTrainAsReference compares the merges with those of Hugging Face's trainer on the
// same texts, and a chat with what transformers makes of it.
func TestTrainAsReference(t *testing.T) {
	var want struct {
		Merges  string
		Tokens  int
		Chat    []Message
		Text    string
		IDs     []int32
		Trained []bool
	}
	readGolden(t, "trained.json", &want)
	tok, err := Train(t.Context(), slices.Values(rfcs(t)), Config{VocabSize: 4096})
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, s := range rfcs(t) {
		n += len(tok.Encode(s))
	}
	var lines []string
	for _, m := range tok.spec.Model.Merges {
		lines = append(lines, m[0]+" "+m[1])
	}
	if got := digestText(strings.Join(lines, "\n")); got != want.Merges || n != want.Tokens {
		t.Errorf("merges %s, %d tokens; want %s, %d", got, n, want.Merges, want.Tokens)
	}
	c, err := tok.Chat(want.Chat, false)
	if err != nil || c.Text != want.Text || !slices.Equal(c.IDs, want.IDs) || !slices.Equal(c.Trained, want.Trained) {
		t.Errorf("chat %q, %v\n got %d, %v\nwant %d, %v", c.Text, err, c.IDs, c.Trained, want.IDs, want.Trained)
	}
}

// BenchmarkEncode encodes prose that the vocabulary was not trained on.
func BenchmarkEncode(b *testing.B) {
	tok, err := Train(b.Context(), slices.Values(rfcs(b)), Config{VocabSize: 8192})
	if err != nil {
		b.Fatal(err)
	}
	text := prose(b, 4<<20)
	encodeTimed(b, tok, text)
}

// encodeTimed also reports megabytes a second of CPU time.
func encodeTimed(b *testing.B, tok *Tokenizer, text string) {
	b.SetBytes(int64(len(text)))
	start := cpuTime()
	for b.Loop() {
		tok.Encode(text)
	}
	if d := cpuTime() - start; d > 0 {
		b.ReportMetric(float64(len(text))*float64(b.N)/1e6/d.Seconds(), "MB/cpu-s")
	}
}

// prose is the beginning of the documents about networks, up to a size in bytes.
func prose(b *testing.B, size int) string {
	f, err := os.Open(filepath.Join(testdata.Dir(b, "prose"), "network.jsonl.gz"))
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		b.Fatal(err)
	}
	var text strings.Builder
	for lines := json.NewDecoder(z); text.Len() < size; {
		var d struct{ Text string }
		if err := lines.Decode(&d); err == io.EOF {
			break
		} else if err != nil {
			b.Fatal(err)
		}
		text.WriteString(d.Text)
	}
	return text.String()
}

func BenchmarkEncodeFamilies(b *testing.B) {
	tok := tiny(b)
	for name, unit := range families {
		b.Run(name, func(b *testing.B) {
			encodeTimed(b, tok, strings.Repeat(unit, (4<<20)/len(unit)))
		})
	}
}
