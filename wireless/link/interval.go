package link

import (
	"fmt"
	"math"
)

// A Rate is a share of errors with its interval.
type Rate struct {
	Value float64 `json:"value"`
	Lo    float64 `json:"lo"`
	Hi    float64 `json:"hi"`
}

// The intervals of a curve hold with these probabilities: each by itself, or all of them
// together.
const (
	Confidence      = 0.95
	JointConfidence = 0.99
)

// confidence of one interval of num. Where all of num hold together, each misses with
// its share of the probability that any does (Bonferroni).
func confidence(joint bool, num int) float64 {
	if joint {
		return 1 - (1-JointConfidence)/float64(num)
	}
	return Confidence
}

// Intervals says in words what the intervals of the curve are.
func (c Curve) Intervals() string {
	if c.Joint {
		return fmt.Sprintf("intervals hold together with %.0f %%", 100*JointConfidence)
	}
	return fmt.Sprintf("%.0f %% intervals", 100*Confidence)
}

// wilson is the score interval of p out of n trials (E. B. Wilson, JASA 22, 1927).
// n need not be whole.
func wilson(p, n, confidence float64) (lo, hi float64) {
	z := math.Sqrt2 * math.Erfinv(confidence)
	centre := (p + z*z/(2*n)) / (1 + z*z/n)
	half := z / (1 + z*z/n) * math.Sqrt(p*(1-p)/n+z*z/(4*n*n))
	lo, hi = max(0, centre-half), min(1, centre+half)
	if p == 0 {
		lo = 0 // exact; rounding would miss it
	}
	if p == 1 {
		hi = 1
	}
	return lo, hi
}

// BLER is the block error rate with its interval.
func (t Tally) BLER(confidence float64) Rate {
	r := Rate{Value: float64(t.BlockErrors) / float64(t.Blocks)}
	r.Lo, r.Hi = wilson(r.Value, float64(t.Blocks), confidence)
	return r
}

// BER is the bit error rate with its interval.
func (t Tally) BER(confidence float64) Rate {
	r := Rate{Value: float64(t.BitErrors) / float64(t.Bits)}
	r.Lo, r.Hi = wilson(r.Value, float64(t.Bits)/t.designEffect(), confidence)
	return r
}

// designEffect is the variance of the bit error rate over that of as many independent
// bits: 1 where bits fail independently, up to the bits of a block where they fail
// together. It is estimated from the scatter of the blocks.
func (t Tally) designEffect() float64 {
	blocks, p := float64(t.Blocks), float64(t.BitErrors)/float64(t.Bits)
	perBlock := float64(t.Bits) / blocks
	if t.Blocks < 2 || t.BitErrors == 0 || t.BitErrors == t.Bits {
		return 1
	}
	mean := float64(t.BitErrors) / blocks
	variance := (float64(t.SquaredErrors) - blocks*mean*mean) / (blocks - 1)
	return min(max(1, variance/(perBlock*p*(1-p))), perBlock)
}
