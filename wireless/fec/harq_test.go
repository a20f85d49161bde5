package fec

import (
	"math"
	"testing"

	"github.com/comlam/comlam/internal/rng"
)

// harq counts which of 60 transport blocks of 1,000 bits at rate 0.8, QPSK, are wrong
// after the transmissions at an SNR, Es/N0, in dB.
func harq(t *testing.T, dB float64, versions ...int) (wrong int) {
	t.Helper()
	const a, blocks = 1000, 60
	tb, err := NewTransport(a, 0.8)
	if err != nil {
		t.Fatal(err)
	}
	s := rng.New(40, math.Float64bits(dB))
	m := TransportMatch{G: 1250, Qm: 2}
	bits, coded, sent := randomBits(s, blocks*a), make([]byte, blocks*tb.Len()), make([]byte, blocks*m.G)
	soft, got := make([]float32, len(coded)), make([]byte, len(bits))
	if err := tb.Encode(coded, bits); err != nil {
		t.Fatal(err)
	}
	for _, m.RV = range versions {
		if err := tb.Match(sent, coded, m); err != nil {
			t.Fatal(err)
		}
		// A bit of QPSK has half the power, in noise of half the variance.
		if err := tb.Combine(soft, received(s, sent, math.Pow(10, -dB/20)), m); err != nil {
			t.Fatal(err)
		}
	}
	d, err := tb.NewDecoder(DecoderConfig{})
	if err != nil {
		t.Fatal(err)
	}
	results, err := d.Decode(got, soft)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range results {
		if !r.OK {
			wrong++
		}
	}
	return wrong
}

// Chase combining is worth 3.01 dB: sent twice at an SNR is sent once at twice that. More
// redundancy is worth more: what fails nearly always with one transmission, and often
// sent twice alike, arrives with the versions 0 and 2.
func TestHARQGain(t *testing.T) {
	const gain = 3.0103
	var once, twice []int
	for _, dB := range []float64{1, 1.5, 2, 2.5, 3} { // of two transmissions: once at 3 dB more
		once, twice = append(once, harq(t, dB+gain, 0)), append(twice, harq(t, dB, 0, 0))
	}
	t.Logf("wrong of 60 by SNR: once at +3.01 dB %v, twice %v", once, twice)
	var n1, n2 int
	for i := range once {
		n1, n2 = n1+once[i], n2+twice[i]
	}
	if n1 < 60 || n1 > 240 {
		t.Errorf("%d of 300 wrong: nothing can be compared", n1)
	}
	if half := 2.5758 * math.Sqrt(2*300*.25); math.Abs(float64(n1-n2)) > half {
		t.Errorf("sent twice %d are wrong, sent once with twice the power %d: more than %v apart", n2, n1, half)
	}
	const dB = 0.75
	one, chase, two, three := harq(t, dB, 0), harq(t, dB, 0, 0), harq(t, dB, 0, 2), harq(t, dB, 0, 3)
	t.Logf("wrong of 60 at %v dB: RV 0 %d, RV 0 and 0 %d, RV 0 and 2 %d, RV 0 and 3 %d", dB, one, chase, two, three)
	if one < 58 || two > 10 || three > chase || two >= chase {
		t.Error("redundancy versions gain nothing")
	}
}
