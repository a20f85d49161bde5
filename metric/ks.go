package metric

import (
	"errors"
	"fmt"
	"math"
	"slices"
)

// KS is the one-sample Kolmogorov-Smirnov distance, the largest gap between the
// empirical distribution of the samples and the distribution cdf claims for
// them, 0 to 1. Samples must be finite and cdf must stay within [0, 1].
func KS(samples []float64, cdf func(float64) float64) (float64, error) {
	if len(samples) == 0 {
		return 0, errors.New("kolmogorov-smirnov distance: no samples")
	}
	sorted := slices.Clone(samples)
	slices.Sort(sorted)
	n := float64(len(sorted))
	var largest float64
	for i, x := range sorted {
		p := cdf(x)
		if !finite(x) || !(p >= 0 && p <= 1) {
			return 0, fmt.Errorf("kolmogorov-smirnov distance: sample \"%g\" has probability \"%g\"; "+
				"samples must be finite and a distribution function must stay within 0 to 1", x, p)
		}
		// The empirical distribution jumps from i/n to (i+1)/n at x.
		largest = max(largest, p-float64(i)/n, float64(i+1)/n-p)
	}
	return largest, nil
}

// KSThreshold is the distance that n samples of the claimed distribution exceed
// with probability alpha, 0 < alpha < 1: a larger distance rejects the claim at
// that level. It is the asymptotic law with the finite-n correction of M.
// Stephens (Journal of the Royal Statistical Society B 32, 1970), good to one
// percent from n = 5.
func KSThreshold(n int, alpha float64) (float64, error) {
	if n < 1 || !(alpha > 0 && alpha < 1) {
		return 0, fmt.Errorf("kolmogorov-smirnov threshold: n \"%d\" must be at least 1 and alpha \"%g\" within 0 to 1", n, alpha)
	}
	root := math.Sqrt(float64(n))
	return math.Sqrt(-math.Log(alpha/2)/2) / (root + 0.12 + 0.11/root), nil
}
