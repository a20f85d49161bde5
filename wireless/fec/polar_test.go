package fec

import (
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"testing"

	"github.com/comlam/comlam/internal/rng"
)

func newPolar(t testing.TB, c PolarConfig) *Polar {
	t.Helper()
	p, err := NewPolar(c)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestPolarVectors(t *testing.T) {
	dir := codes(t, "polar")
	files, err := filepath.Glob(filepath.Join(dir, "E*_c.npy"))
	if err != nil || len(files) != 5 {
		t.Fatalf("%d vectors, %v; want 5", len(files), err)
	}
	for _, file := range files {
		var e, k, withCRC int
		if _, err := fmt.Sscanf(filepath.Base(file), "E%d_k%d_K%d_c.npy", &e, &k, &withCRC); err != nil {
			t.Fatal(err)
		}
		_, want := array(t, file)
		_, u := array(t, file[:len(file)-len("c.npy")]+"u.npy")
		p := newPolar(t, PolarConfig{Kind: UCI, A: k, E: e})
		if p.K() != withCRC {
			t.Errorf("%s: K = %d", filepath.Base(file), p.K())
		}
		got := make([]byte, len(want))
		if err := p.Encode(got, bitsOf(u)); err != nil {
			t.Fatal(err)
		}
		if string(got) != string(bitsOf(want)) {
			t.Errorf("%s: codewords differ", filepath.Base(file))
		}
	}
}

// Words that another decoder of successive cancellation found.
func TestSuccessiveCancellationVectors(t *testing.T) {
	dir := codes(t, "polar")
	for _, name := range []string{"P_128_37", "P_128_110", "P_256_128"} {
		_, open := array(t, filepath.Join(dir, name+"_Avec.npy"))
		_, llrs := array(t, filepath.Join(dir, name+"_Lch.npy"))
		shape, want := array(t, filepath.Join(dir, name+"_uhat.npy"))
		c := core{n: len(open)}
		for _, a := range open {
			c.frozen = append(c.frozen, a == 0)
		}
		tr := newTree(c, PolarDecoderConfig{List: 1, Exact: true})
		for w := range shape[0] {
			soft := make([]float32, c.n)
			for i := range soft {
				soft[i] = float32(llrs[w*c.n+i])
			}
			if got := fmt.Sprint(dataOf(tr, tr.decode(soft)[0])); got != fmt.Sprint(bitsOf(want[w*shape[1]:][:shape[1]])) {
				t.Errorf("%s, word %d: %s", name, w, got)
			}
		}
	}
}

func dataOf(t *tree, path int) (data []byte) {
	word := slices.Clone(t.word(path))
	transform(word)
	for i, b := range word {
		if !t.frozen[i] {
			data = append(data, b)
		}
	}
	return data
}

// With a list that holds all words, the decoder finds the most likely one, and the
// metric is the discrepancy of the word.
func TestFullListIsMaximumLikelihood(t *testing.T) {
	for _, exact := range []bool{false, true} {
		fullList(t, exact)
	}
}

func fullList(t *testing.T, exact bool) {
	s := rng.New(20)
	for _, size := range [][2]int{{8, 4}, {16, 5}, {16, 8}, {32, 6}, {32, 9}} {
		n, k := size[0], size[1]
		c := newCore(n, k, 0, 0, make([]bool, n))
		tr := newTree(c, PolarDecoderConfig{List: 1 << k, Exact: exact})
		for range 50 {
			soft := received(s, make([]byte, n), 1.2)
			best, least := []byte(nil), math.Inf(1)
			word := make([]byte, n)
			for u := range 1 << k {
				c.encode(word, appendBits(nil, uint32(u), k))
				if d := discrepancy(tr, soft, word); d < least {
					best, least = slices.Clone(word), d
				}
			}
			order := tr.decode(soft)
			if len(order) != 1<<k || string(tr.word(order[0])) != string(best) {
				t.Fatalf("(%d, %d): %d paths, the best is not the most likely word", n, k, len(order))
			}
			for _, path := range order {
				if want := discrepancy(tr, soft, tr.word(path)); math.Abs(float64(tr.metric[path])-want) > 1e-4*(1+want) {
					t.Fatalf("(%d, %d): metric %v, discrepancy %v", n, k, tr.metric[path], want)
				}
			}
		}
	}
}

func discrepancy(t *tree, soft []float32, word []byte) (sum float64) {
	for i, x := range soft {
		sum += float64(t.against(x, word[i]))
	}
	return sum
}

// On the erasure channel the bit channels are erasure channels again; all 256 patterns
// of N = 8 give their probabilities exactly.
func TestErasureBitChannels(t *testing.T) {
	want := []float64{.99609375, .87890625, .80859375, .31640625, .68359375, .19140625, .12109375, .00390625}
	var erased [8]int
	var walk func(soft []float32, place int)
	walk = func(soft []float32, place int) {
		if len(soft) == 1 {
			if soft[0] == 0 {
				erased[place]++
			}
			return
		}
		half := len(soft) / 2
		to := make([]float32, half)
		new(tree).lessCertain(to, soft[:half], soft[half:])
		walk(to, place)
		moreCertain(to, soft[:half], soft[half:], make([]byte, half))
		walk(to, place+half)
	}
	for pattern := range 256 {
		soft := make([]float32, 8)
		for i := range soft {
			soft[i] = float32(pattern >> i & 1)
		}
		walk(soft, 0)
	}
	for i, n := range erased {
		if float64(n)/256 != want[i] {
			t.Errorf("bit %d: erased in %d of 256, want %v", i, n, want[i])
		}
	}
}

func TestPolarTables(t *testing.T) {
	for name, list := range map[string][]int{"sequence": polarSequence(), "interleaver": polarInterleaver(), "sub-blocks": subBlocks[:]} {
		sorted := slices.Sorted(slices.Values(list))
		for i, v := range sorted {
			if i != v {
				t.Fatalf("%s is no permutation: %d of %d is %d", name, i, len(sorted), v)
			}
		}
	}
	// A bit is at least as reliable as one whose ones its index covers.
	rank := make([]int, 1024)
	for i, v := range polarSequence() {
		rank[v] = i
	}
	for a := range rank {
		for b := range rank {
			if a != b && a&b == a && rank[a] > rank[b] {
				t.Fatalf("%d is more reliable than %d", a, b)
			}
		}
	}
	word := randomBits(rng.New(21), 64)
	twice := slices.Clone(word)
	transform(twice)
	if string(twice) == string(word) {
		t.Error("the transform does nothing")
	}
	if transform(twice); string(twice) != string(word) {
		t.Error("the transform is not its own inverse")
	}
}

// Every kind, by puncturing, shortening and repetition.
func TestPolarDecodesNearlyNoiseless(t *testing.T) {
	s := rng.New(22)
	for _, kind := range []Kind{UCI, DCI, PBCH} {
		for range 120 {
			c := PolarConfig{Kind: kind, A: 12 + s.IntN(129), RNTI: uint16(s.Uint64())}
			if kind == UCI && s.IntN(3) == 0 {
				c.A = 12 + s.IntN(8) // parity checks
			}
			c.E = c.A + 27 + s.IntN([]int{20, 200, 900}[s.IntN(3)])
			p := newPolar(t, c)
			bits, sent := randomBits(s, 2*c.A), make([]byte, 2*c.E)
			if err := p.Encode(sent, bits); err != nil {
				t.Fatal(err)
			}
			for _, list := range []int{1, 4} {
				d, err := p.NewDecoder(PolarDecoderConfig{List: list})
				if err != nil {
					t.Fatal(err)
				}
				got := make([]byte, len(bits))
				held, err := d.Decode(got, received(s, sent, 0.2))
				if err != nil || !held[0] || !held[1] || string(got) != string(bits) {
					t.Fatalf("%+v, N = %d, list %d: %v, %v", c, p.N(), list, err, held)
				}
			}
		}
	}
}

// The parity checks of short UCI are bits of the code: 3 of them, and a word that
// breaks one is not decided for.
func TestParityCheckBits(t *testing.T) {
	for _, e := range []int{30, 100, 400} {
		p := newPolar(t, PolarConfig{Kind: UCI, A: 15, E: e})
		checks := 0
		for i, check := range p.core.check {
			if check {
				checks++
				if p.core.frozen[i] {
					t.Error("a parity check is frozen")
				}
			}
		}
		if checks != 3 {
			t.Errorf("E = %d: %d parity checks", e, checks)
		}
	}
	p := newPolar(t, PolarConfig{Kind: UCI, A: 15, E: 64})
	tr, data := newTree(p.core, PolarDecoderConfig{List: 4}), randomBits(rng.New(23), p.K())
	word := make([]byte, p.N())
	p.core.encode(word, data)
	soft := received(rng.New(24), word, 0.5)
	for _, path := range tr.decode(soft) {
		again, u := make([]byte, p.N()), slices.Clone(tr.word(path))
		transform(u)
		var payload []byte
		for i, b := range u {
			if !p.core.frozen[i] && !p.core.check[i] {
				payload = append(payload, b)
			}
		}
		if p.core.encode(again, payload); string(again) != string(tr.word(path)) {
			t.Error("a path is no codeword")
		}
	}
}

func TestRNTIBelongsToTheCode(t *testing.T) {
	s := rng.New(25)
	a, b := newPolar(t, PolarConfig{Kind: DCI, A: 40, E: 108, RNTI: 0x1234}), newPolar(t, PolarConfig{Kind: DCI, A: 40, E: 108, RNTI: 0x1235})
	bits, sent := randomBits(s, 40), make([]byte, 108)
	if err := a.Encode(sent, bits); err != nil {
		t.Fatal(err)
	}
	for p, want := range map[*Polar]bool{a: true, b: false} {
		d, err := p.NewDecoder(PolarDecoderConfig{})
		if err != nil {
			t.Fatal(err)
		}
		held, err := d.Decode(make([]byte, 40), received(s, sent, 0.1))
		if err != nil || held[0] != want {
			t.Errorf("%v, held %v, want %v", err, held, want)
		}
	}
}

// A longer list is better, no list is better than the best code.
func TestPolarBLER(t *testing.T) {
	const blocks = 1000
	p := newPolar(t, PolarConfig{Kind: UCI, A: 53, E: 128})
	s := rng.New(26)
	sigma := math.Sqrt(math.Pow(10, -0.1))
	bits, sent := randomBits(s, blocks*53), make([]byte, blocks*128)
	if err := p.Encode(sent, bits); err != nil {
		t.Fatal(err)
	}
	llrs := received(s, sent, sigma)
	var wrong []int
	for _, list := range []int{1, 2, 8} {
		d, err := p.NewDecoder(PolarDecoderConfig{List: list})
		if err != nil {
			t.Fatal(err)
		}
		got := make([]byte, len(bits))
		if _, err := d.Decode(got, llrs); err != nil {
			t.Fatal(err)
		}
		wrong = append(wrong, blocksWrong(got, bits, 53))
	}
	bound := normalApproximation(128, 53, sigma)
	t.Logf("lists of 1, 2, 8: %v of %d blocks wrong; normal approximation %.2g", wrong, blocks, bound)
	if !(wrong[0] > wrong[1] && wrong[1] > wrong[2]) {
		t.Errorf("lists of 1, 2, 8: %v blocks wrong", wrong)
	}
	if spread := 4 * math.Sqrt(bound*(1-bound)/blocks); float64(wrong[2])/blocks < bound-spread {
		t.Errorf("%d of %d is better than the best code: %.2g", wrong[2], blocks, bound)
	}
}

func TestPolarRefusals(t *testing.T) {
	for _, c := range []PolarConfig{
		{UCI, 11, 100, 0}, {UCI, 1013, 2000, 0}, {UCI, 360, 1088, 0}, {UCI, 20, 30, 0}, {UCI, 20, 9000, 0}, {UCI, 15, 23, 0},
		{DCI, 11, 100, 0}, {DCI, 141, 400, 0}, {PBCH, 0, 100, 0}, {DCI, 40, 63, 0}, {3, 40, 100, 0},
	} {
		if _, err := NewPolar(c); err == nil {
			t.Errorf("%+v is taken", c)
		}
	}
	p := newPolar(t, PolarConfig{Kind: PBCH, A: 32, E: 864})
	if second(p.NewDecoder(PolarDecoderConfig{List: -1})) == nil || second(p.NewDecoder(PolarDecoderConfig{List: 1025})) == nil {
		t.Error("a bad list is taken")
	}
	d, err := p.NewDecoder(PolarDecoderConfig{List: 2})
	if err != nil {
		t.Fatal(err)
	}
	llrs := make([]float32, 864)
	if p.Encode(make([]byte, 864), make([]byte, 31)) == nil || p.Encode(make([]byte, 863), make([]byte, 32)) == nil ||
		second(d.Decode(make([]byte, 31), llrs)) == nil || second(d.Decode(make([]byte, 32), llrs[1:])) == nil {
		t.Error("bad sizes are taken")
	}
	llrs[5] = float32(math.NaN())
	if second(d.Decode(make([]byte, 32), llrs)) == nil {
		t.Error("a soft bit that is no number is taken")
	}
}
