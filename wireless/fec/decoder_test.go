package fec

import (
	"fmt"
	"math"
	"testing"

	"github.com/comlam/comlam/internal/rng"
)

// received are the soft bits of bits sent as +-1 through noise of variance n0/2 = s*s.
func received(s *rng.Stream, bits []byte, sigma float64) []float32 {
	llrs := make([]float32, len(bits))
	for i, b := range bits {
		y := 1 - 2*float64(b) + sigma*s.Normal()
		llrs[i] = float32(2 * y / (sigma * sigma))
	}
	return llrs
}

// A link is a code with one way of matching its rate.
type link struct {
	code *LDPC
	m    Match
}

func newLink(t testing.TB, g Graph, k, e int) link {
	c, err := NewLDPC(g, k)
	if err != nil {
		t.Fatal(err)
	}
	return link{c, Match{E: e}}
}

// send returns bits and what arrives of them.
func (l link) send(t testing.TB, s *rng.Stream, blocks int, sigma float64) (bits []byte, soft []float32) {
	bits = randomBits(s, blocks*l.code.K())
	coded, sent := make([]byte, blocks*l.code.Len()), make([]byte, blocks*l.m.E)
	soft = make([]float32, len(coded))
	err := l.code.Encode(coded, bits)
	if err == nil {
		err = l.code.Match(sent, coded, l.m)
	}
	if err == nil {
		err = l.code.Combine(soft, received(s, sent, sigma), l.m)
	}
	if err != nil {
		t.Fatal(err)
	}
	return bits, soft
}

var algorithms = []Algorithm{NormalizedMinSum, OffsetMinSum, SumProduct}

func TestDecodesNearlyNoiseless(t *testing.T) {
	for _, g := range []Graph{BG1, BG2} {
		for i, z := range LiftingSizes() {
			k := blockOf(g, z) - i%2*(z/3)
			l := newLink(t, g, k, 0)
			l.m.E = min(3*k, l.code.Len()-l.code.Fillers())
			bits, soft := l.send(t, rng.New(8, uint64(z)), 2, 0.4)
			for _, a := range algorithms {
				d, err := l.code.NewDecoder(DecoderConfig{Algorithm: a})
				if err != nil {
					t.Fatal(err)
				}
				got := make([]byte, len(bits))
				results, err := d.Decode(got, soft)
				if err != nil || string(got) != string(bits) || !results[0].Parity || !results[1].Parity {
					t.Errorf("%s, Z = %d, %s: %v, %v, bits equal: %v", g, l.code.z, a, err, results, string(got) == string(bits))
				}
			}
		}
	}
}

// One iteration of flooding is what every check says to the soft bits as they came.
func TestFloodingIsAllAtOnce(t *testing.T) {
	l := newLink(t, BG2, 60, 150)
	bits, soft := l.send(t, rng.New(17), 1, 0.7)
	for _, a := range algorithms {
		d, err := l.code.NewDecoder(DecoderConfig{Algorithm: a, Flooding: true, Iterations: 1})
		if err != nil {
			t.Fatal(err)
		}
		if err := d.load(soft); err != nil {
			t.Fatal(err)
		}
		came := append([]float32{}, d.v...)
		want := append([]float32{}, d.v...)
		for _, i := range d.used {
			one := append([]float32{}, came...)
			clear(d.r)
			d.layer(i, one)
			for k := range want {
				want[k] += one[k] - came[k]
			}
		}
		d.iterate(make([]byte, 60))
		for k, v := range d.v {
			if math.Abs(float64(v-want[k])) > 1e-4*(1+math.Abs(float64(v))) {
				t.Fatalf("%s: value %d is %v, want %v", a, k, v, want[k])
			}
		}
		if d, err = l.code.NewDecoder(DecoderConfig{Algorithm: a, Flooding: true, Iterations: 40}); err != nil {
			t.Fatal(err)
		}
		got := make([]byte, 60)
		if r, err := d.Decode(got, soft); err != nil || string(got) != string(bits) || !r[0].Parity {
			t.Errorf("%s: %v, %+v", a, err, r)
		}
	}
}

// Rows whose parity was not received do not change a decision.
func TestUnusedRowsSayNothing(t *testing.T) {
	l := newLink(t, BG2, 500, 900)
	_, soft := l.send(t, rng.New(9), 1, 0.8)
	d, err := l.code.NewDecoder(DecoderConfig{Always: true, Iterations: 5})
	if err != nil {
		t.Fatal(err)
	}
	decide := func(all bool) string {
		if err := d.load(soft); err != nil {
			t.Fatal(err)
		}
		if all {
			d.used = d.used[:0]
			for i := range d.layers {
				d.used = append(d.used, i)
			}
		} else if len(d.used) == len(d.layers) {
			t.Fatal("all rows are used")
		}
		got := make([]byte, 500)
		d.iterate(got)
		return fmt.Sprint(got, d.v[:500])
	}
	if decide(true) != decide(false) {
		t.Error("they do")
	}
}

func TestBatchIsOneByOne(t *testing.T) {
	l := newLink(t, BG1, 1000, 2000)
	bits, soft := l.send(t, rng.New(10), 6, 0.85)
	d, err := l.code.NewDecoder(DecoderConfig{})
	if err != nil {
		t.Fatal(err)
	}
	got := make([]byte, len(bits))
	all, err := d.Decode(got, soft)
	if err != nil {
		t.Fatal(err)
	}
	n := l.code.Len()
	for b := 5; b >= 0; b-- {
		one := make([]byte, 1000)
		r, err := d.Decode(one, soft[b*n:][:n])
		if err != nil || r[0] != all[b] || string(one) != string(got[b*1000:][:1000]) {
			t.Errorf("block %d: %v, %v, in the batch %v", b, err, r[0], all[b])
		}
	}
}

// A CRC that holds stops the decoder, and the result says so.
func TestStopsAtCRC(t *testing.T) {
	c, err := NewLDPC(BG2, 200)
	if err != nil {
		t.Fatal(err)
	}
	s := rng.New(11)
	bits := CRC16.Append(nil, randomBits(s, 184))
	coded := make([]byte, c.Len())
	if err := c.Encode(coded, bits); err != nil {
		t.Fatal(err)
	}
	d, err := c.NewDecoder(DecoderConfig{CRC: CRC16})
	if err != nil {
		t.Fatal(err)
	}
	got := make([]byte, 200)
	results, err := d.Decode(got, received(s, coded, 0.9))
	if err != nil || !results[0].CRC || string(got) != string(bits) {
		t.Errorf("%v, %v", err, results)
	}
}

// Two transmissions of other redundancy versions decode what one does not.
func TestHARQ(t *testing.T) {
	l := newLink(t, BG1, 2000, 2400)
	s := rng.New(12)
	const blocks, sigma = 10, 0.75
	bits := randomBits(s, blocks*2000)
	coded, sent := make([]byte, blocks*l.code.Len()), make([]byte, blocks*2400)
	if err := l.code.Encode(coded, bits); err != nil {
		t.Fatal(err)
	}
	d, err := l.code.NewDecoder(DecoderConfig{})
	if err != nil {
		t.Fatal(err)
	}
	soft, wrong := make([]float32, len(coded)), []int{}
	for _, rv := range []int{0, 2} {
		m := Match{E: 2400, RV: rv, Qm: 4}
		if err := l.code.Match(sent, coded, m); err != nil {
			t.Fatal(err)
		}
		if err := l.code.Combine(soft, received(s, sent, sigma), m); err != nil {
			t.Fatal(err)
		}
		got := make([]byte, len(bits))
		if _, err := d.Decode(got, soft); err != nil {
			t.Fatal(err)
		}
		wrong = append(wrong, blocksWrong(got, bits, 2000))
	}
	if wrong[0] != blocks || wrong[1] != 0 {
		t.Errorf("blocks wrong after each transmission: %v, want all, none", wrong)
	}
}

func blocksWrong(got, want []byte, k int) (n int) {
	for i := 0; i < len(want); i += k {
		if string(got[i:][:k]) != string(want[i:][:k]) {
			n++
		}
	}
	return n
}

// normalApproximation is the block error rate that the best code has on the binary
// input Gaussian channel, about (Y. Polyanskiy, H. V. Poor, S. Verdu, "Channel coding
// rate in the finite blocklength regime", 2010): Q(sqrt(n/V)(C - k/n) + log2(n)/(2 sqrt(nV))).
func normalApproximation(n, k int, sigma float64) float64 {
	var c, square, weight float64
	for y := -12.0; y <= 12; y += 1e-3 {
		p := math.Exp(-y * y / 2)
		i := 1 - math.Log1p(math.Exp(-2*(1+sigma*y)/(sigma*sigma)))/math.Ln2
		c, square, weight = c+p*i, square+p*i*i, weight+p
	}
	c, square = c/weight, square/weight
	v, length := square-c*c, float64(n)
	x := math.Sqrt(length/v)*(c-float64(k)/length) + math.Log2(length)/(2*math.Sqrt(length*v))
	return math.Erfc(x/math.Sqrt2) / 2
}

// The waterfall lies above what any code can do and not far from it.
func TestBLERAgainstFiniteLength(t *testing.T) {
	const k, n = 1000, 2000
	blocks := 200
	if raced {
		blocks = 40
	}
	l := newLink(t, BG1, k, n)
	for _, a := range algorithms {
		d, err := l.code.NewDecoder(DecoderConfig{Algorithm: a, Iterations: 30})
		if err != nil {
			t.Fatal(err)
		}
		var wrong [3]int
		for i, snrDB := range []float64{-0.5, 1.0, 2.2} { // Eb/N0, which is 1/sigma^2 at rate 1/2
			sigma := math.Sqrt(math.Pow(10, -snrDB/10))
			bits, soft := l.send(t, rng.New(13, uint64(i)), blocks, sigma)
			got := make([]byte, len(bits))
			if _, err := d.Decode(got, soft); err != nil {
				t.Fatal(err)
			}
			wrong[i] = blocksWrong(got, bits, k)
			bound := normalApproximation(n, k, sigma)
			t.Logf("%s at %.1f dB: BLER %.3f, normal approximation %.2g", a, snrDB, float64(wrong[i])/float64(blocks), bound)
			if spread := 4 * math.Sqrt(bound*(1-bound)/float64(blocks)); float64(wrong[i])/float64(blocks) < bound-spread {
				t.Errorf("%s at %.1f dB is better than the best code: %d of %d", a, snrDB, wrong[i], blocks)
			}
		}
		if wrong[0] < blocks*95/100 || wrong[2] > 2 {
			t.Errorf("%s: %v of %d blocks wrong at -0.5, 1 and 2.2 dB", a, wrong, blocks)
		}
	}
}

func TestBoxplus(t *testing.T) {
	s := rng.New(14)
	for range 100000 {
		a, b := s.Uniform(-18, 18), s.Uniform(-18, 18)
		want := 2 * math.Atanh(math.Tanh(float64(float32(a))/2)*math.Tanh(float64(float32(b))/2))
		if got := boxplus(float32(a), float32(b)); math.Abs(float64(got)-want) > 6e-6 {
			t.Fatalf("%v and %v: %v, want %v", a, b, got, want)
		}
	}
	if got := boxplus(1e6, -3); got != -3 {
		t.Errorf("a certain bit changes the other: %v", got)
	}
}

func TestDecoderRefusals(t *testing.T) {
	c, err := NewLDPC(BG2, 100)
	if err != nil {
		t.Fatal(err)
	}
	for _, config := range []DecoderConfig{{Algorithm: 3}, {Iterations: -1}, {Scale: 2}, {Scale: -1}, {Offset: -1}, {Offset: float32(math.NaN())}} {
		if _, err := c.NewDecoder(config); err == nil {
			t.Errorf("%+v is taken", config)
		}
	}
	d, err := c.NewDecoder(DecoderConfig{})
	if err != nil {
		t.Fatal(err)
	}
	soft := make([]float32, c.Len())
	if second(d.Decode(make([]byte, 99), soft)) == nil || second(d.Decode(make([]byte, 100), soft[1:])) == nil {
		t.Error("wrong sizes are taken")
	}
	soft[7] = float32(math.NaN())
	if second(d.Decode(make([]byte, 100), soft)) == nil {
		t.Error("a soft bit that is no number is taken")
	}
	soft[7] = float32(math.Inf(-1))
	if err := second(d.Decode(make([]byte, 100), soft)); err != nil {
		t.Error(err)
	}
}
