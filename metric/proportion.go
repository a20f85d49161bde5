package metric

import (
	"fmt"
	"math"
)

// z975 is the 97.5 % point of the standard normal distribution.
const z975 = 1.959963984540054

// Accuracy is the exact name of the share of questions that were answered rightly.
const Accuracy = "accuracy"

// Proportion is hits out of n independent trials with its 95 % interval, which is
// Wilson's (E. B. Wilson, "Probable inference, the law of succession, and statistical
// inference", JASA 22, 1927): the set of true proportions that a score test does not
// refuse. Unlike the estimate plus or minus two standard errors it stays within 0
// and 1, and has a length at 0 and n hits too.
func Proportion(name string, hits, n int) (Value, error) {
	if n < 1 || hits < 0 || hits > n {
		return Value{}, fmt.Errorf("%s: %d hits out of %d trials is no proportion; count 0 to n hits in at least one trial", name, hits, n)
	}
	p, num := float64(hits)/float64(n), float64(n)
	const z2 = z975 * z975
	centre := (p + z2/(2*num)) / (1 + z2/num)
	half := z975 / (1 + z2/num) * math.Sqrt(p*(1-p)/num+z2/(4*num*num))
	// At 0 and n hits the end is exact; rounding would miss it by an ulp.
	lo, hi := math.Max(0, centre-half), math.Min(1, centre+half)
	if hits == 0 {
		lo = 0
	}
	if hits == n {
		hi = 1
	}
	return Value{Name: name, Value: p, CI95: [2]float64{lo, hi}, N: n, Drops: n}, nil
}

// Guessing is what independent guesses score on average, where guess i is right with
// probability chances[i], and the interval in which 95 % of guessers lie (normal
// approximation of the sum). The average is exact; the interval says how far from it
// a method must be to have shown more than luck.
func Guessing(name string, chances []float64) (Value, error) {
	if len(chances) == 0 {
		return Value{}, fmt.Errorf("%s: there is nothing to guess; give at least one chance", name)
	}
	var sum, variance float64
	for i, p := range chances {
		if !(p >= 0 && p <= 1) {
			return Value{}, fmt.Errorf("%s: chance %d is %v; a chance lies between 0 and 1", name, i, p)
		}
		sum += p
		variance += p * (1 - p)
	}
	n := float64(len(chances))
	mean, half := sum/n, z975*math.Sqrt(variance)/n
	ends := [2]float64{math.Max(0, mean-half), math.Min(1, mean+half)}
	return Value{Name: name, Value: mean, CI95: ends, N: len(chances), Drops: len(chances)}, nil
}

// Paired compares two methods that answered the same questions.
type Paired struct {
	OnlyFirst  int     `json:"only_first"`  // questions that only the first answered rightly
	OnlySecond int     `json:"only_second"` // questions that only the second answered rightly
	N          int     `json:"n"`           // questions
	Difference float64 `json:"difference"`  // accuracy of the first minus that of the second
	P          float64 `json:"p"`           // two-sided, that such a difference is luck
}

// McNemar is the exact form of the paired test (Q. McNemar, "Note on the sampling
// error of the difference between correlated proportions or percentages",
// Psychometrika 12, 1947). Questions that both methods answered alike say nothing
// about which is better; if neither is, each of the others falls to either side like
// a fair coin. P is twice the binomial tail, at most 1; there is no normal
// approximation, so it holds for small counts too.
func McNemar(first, second []bool) (Paired, error) {
	if len(first) != len(second) || len(first) == 0 {
		return Paired{}, fmt.Errorf("%d and %d answers cannot be paired; give both methods the same questions, at least one", len(first), len(second))
	}
	p := Paired{N: len(first)}
	for i := range first {
		switch {
		case first[i] && !second[i]:
			p.OnlyFirst++
		case second[i] && !first[i]:
			p.OnlySecond++
		}
	}
	p.Difference = float64(p.OnlyFirst-p.OnlySecond) / float64(p.N)
	p.P = coinTails(min(p.OnlyFirst, p.OnlySecond), p.OnlyFirst+p.OnlySecond)
	return p, nil
}

// coinTails is the probability that n tosses of a fair coin are split at least as
// unevenly as k to n-k, for k of at most n/2.
func coinTails(k, n int) float64 {
	// Terms in logarithms: 2^-n underflows above a thousand tosses. The largest
	// term is the last, so the sum is scaled by it.
	logTerm := func(i int) float64 { return lnChoose(n, i) - float64(n)*math.Ln2 }
	top := logTerm(k)
	var sum float64
	for i := k; i >= 0; i-- {
		term := math.Exp(logTerm(i) - top)
		sum += term
		if term < 1e-20*sum {
			break
		}
	}
	return math.Min(1, 2*math.Exp(top)*sum)
}

// lnChoose is ln(n over k).
func lnChoose(n, k int) float64 {
	ln := func(x int) float64 { v, _ := math.Lgamma(float64(x + 1)); return v }
	return ln(n) - ln(k) - ln(n-k)
}
