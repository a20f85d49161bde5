package fec

import (
	"testing"

	"github.com/comlam/comlam/internal/rng"
)

// Sizes of wireless.md and their numbers of code blocks.
func TestTransportBlocks(t *testing.T) {
	for _, c := range []struct {
		a      int
		rate   float64
		blocks int
		crc    *CRC
		graph  Graph
	}{
		{24, 0.12, 1, CRC16, BG2}, {808, 0.3, 1, CRC16, BG2}, {3824, 0.67, 1, CRC16, BG2}, {3824, 0.68, 1, CRC16, BG1},
		{12552, 0.48, 2, CRC24A, BG1}, {54296, 0.65, 7, CRC24A, BG1}, {1081512, 0.93, 129, CRC24A, BG1}, {3976, 0.2, 2, CRC24A, BG2},
	} {
		tb, err := NewTransport(c.a, c.rate)
		if err != nil {
			t.Errorf("%d bits: %v", c.a, err)
			continue
		}
		if tb.NumBlocks() != c.blocks || tb.crc != c.crc || tb.Code().Graph() != c.graph {
			t.Errorf("%d bits at rate %v: %d blocks, %s, %s", c.a, c.rate, tb.NumBlocks(), tb.crc, tb.Code().Graph())
		}
	}
}

func TestTransportRoundTrip(t *testing.T) {
	s := rng.New(30)
	for _, c := range []struct {
		a      int
		rate   float64
		layers int
	}{{24, 0.1, 1}, {808, 0.3, 2}, {12552, 0.48, 1}, {3976, 0.2, 1}} {
		tb, err := NewTransport(c.a, c.rate)
		if err != nil {
			t.Fatal(err)
		}
		m := TransportMatch{Qm: 4, Layers: c.layers}
		m.G = 4*c.layers*(int(float64(c.a)/c.rate)/(4*c.layers)+1) + 4*c.layers
		bits, coded, sent := randomBits(s, 2*c.a), make([]byte, 2*tb.Len()), make([]byte, 2*m.G)
		if err := tb.Encode(coded, bits); err != nil {
			t.Fatal(err)
		}
		d, err := tb.NewDecoder(DecoderConfig{})
		if err != nil {
			t.Fatal(err)
		}
		soft, got := make([]float32, 2*tb.Len()), make([]byte, len(bits))
		for _, m.RV = range []int{0, 2} {
			if err := tb.Match(sent, coded, m); err != nil {
				t.Fatal(err)
			}
			if err := tb.Combine(soft, received(s, sent, 0.6), m); err != nil {
				t.Fatal(err)
			}
			results, err := d.Decode(got, soft)
			if err != nil || !results[0].OK || !results[1].OK || results[0].BlocksOK != tb.NumBlocks() || string(got) != string(bits) {
				t.Errorf("%+v: %v, %+v", c, err, results)
			}
		}
		clear(soft)
		if results, err := d.Decode(got, soft); err != nil || results[0] != (TransportResult{}) {
			t.Errorf("nothing received: %v, %+v", err, results)
		}
	}
}

// Code blocks share the bits as clause 5.4.2.1 says: the shorter ones come first.
func TestTransportSizes(t *testing.T) {
	tb, err := NewTransport(54296, 0.65)
	if err != nil {
		t.Fatal(err)
	}
	var sizes []int
	m := TransportMatch{G: 8 * 10005, Qm: 4, Layers: 2}
	err = tb.each(m, func(_, from int, one Match) error {
		sizes = append(sizes, one.E)
		return nil
	})
	if err != nil || len(sizes) != 7 {
		t.Fatal(err, sizes)
	}
	sum := 0
	for r, e := range sizes {
		want := 8 * 1429
		if r >= 5 {
			want += 8
		}
		if e != want {
			t.Errorf("code block %d: %d bits, want %d", r, e, want)
		}
		sum += e
	}
	if sum != m.G {
		t.Errorf("%d bits in all, want %d", sum, m.G)
	}
}

func TestTransportRefusals(t *testing.T) {
	if second(NewTransport(0, 0.5)) == nil || second(NewTransport(100, 0)) == nil || second(NewTransport(100, 1.5)) == nil || second(NewTransport(8449, 0.5)) == nil {
		t.Error("a bad size is taken")
	}
	tb, err := NewTransport(12552, 0.48)
	if err != nil {
		t.Fatal(err)
	}
	d, err := tb.NewDecoder(DecoderConfig{})
	if err != nil {
		t.Fatal(err)
	}
	n := tb.Len()
	for name, err := range map[string]error{
		"bits":  tb.Encode(make([]byte, n), make([]byte, 12551)),
		"room":  tb.Encode(make([]byte, n-1), make([]byte, 12552)),
		"match": tb.Match(make([]byte, 99), make([]byte, n), TransportMatch{G: 99, Qm: 2}),
		"few":   tb.Match(make([]byte, 2), make([]byte, n), TransportMatch{G: 2, Qm: 2}),
		"sent":  tb.Match(make([]byte, 98), make([]byte, n), TransportMatch{G: 100, Qm: 2}),
		"kept":  tb.Combine(make([]float32, n-1), make([]float32, 100), TransportMatch{G: 100, Qm: 2}),
		"soft":  second(d.Decode(make([]byte, 12552), make([]float32, n-1))),
		"got":   second(d.Decode(make([]byte, 12551), make([]float32, n))),
	} {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
