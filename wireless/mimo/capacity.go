package mimo

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

// E1 is the exponential integral, the integral of exp(-t)/t from x > 0 to infinity
// (Abramowitz and Stegun, 5.1.11 and 5.1.22); 0 is +Inf, negative numbers NaN.
func E1(x float64) float64 {
	switch {
	case x == 0:
		return math.Inf(1)
	case !(x > 0):
		return math.NaN()
	case x > 1:
		return math.Exp(-x) * e1Tail(x)
	}
	const euler = 0.57721566490153286060651209008240243
	sum, term := -euler-math.Log(x), -1.0
	for k := 1.0; k < 40; k++ {
		term *= -x / k
		sum += term / k
	}
	return sum
}

// e1Tail is exp(x) E1(x) for x > 1, a continued fraction by Lentz's method.
func e1Tail(x float64) float64 {
	b := x + 1
	c, d := math.Inf(1), 1/b
	h := d
	for i := 1.0; i < 200; i++ {
		a := -i * i
		b += 2
		d = 1 / (a*d + b)
		c = b + a/c
		h *= c * d
		if math.Abs(c*d-1) < 1e-16 {
			break
		}
	}
	return h
}

// RayleighCapacity is the ergodic capacity of one Rayleigh fading antenna at a mean SNR,
// linear, known to the receiver: exp(1/snr) E1(1/snr) / ln 2.
func RayleighCapacity(snr float64) float64 {
	if x := 1 / snr; x > 1 {
		return e1Tail(x) / math.Ln2
	}
	return math.Exp(1/snr) * E1(1/snr) / math.Ln2
}

// ErgodicCapacity is that of independent Rayleigh fading antennas, the power shared
// equally by the transmit antennas: I. E. Telatar, "Capacity of multi-antenna Gaussian
// channels", 1999, theorem 2. snr is linear, at a receive antenna. It is integrated over
// the logarithm of an eigenvalue by the trapezoidal rule, to ten digits.
func ErgodicCapacity(numTx, numRx int, snr float64) (float64, error) {
	if numTx < 1 || numRx < 1 || numTx > MaxAntennas || numRx > MaxAntennas || !(snr > 0) || math.IsInf(snr, 1) {
		return 0, fmt.Errorf("capacity: %d by %d antennas at an SNR of %v; use 1 to %d, and a positive SNR", numTx, numRx, snr, MaxAntennas)
	}
	m, a := min(numTx, numRx), max(numTx, numRx)-min(numTx, numRx)
	const step = 1. / 256
	sum := 0.0
	for u := -40.0; u < 8; u += step {
		lambda := math.Exp(u)
		sum += math.Log1p(snr*lambda/float64(numTx)) * laguerreDensity(lambda, m, a) * lambda
	}
	return sum * step / math.Ln2, nil
}

// laguerreDensity is m times the density of an unordered eigenvalue of a Wishart matrix:
// the sum of the squares of m functions of Laguerre with their weight, orthonormal.
func laguerreDensity(x float64, m, alpha int) float64 {
	a := float64(alpha)
	lgamma, _ := math.Lgamma(a + 1)
	before, now := 0.0, math.Exp((a*math.Log(x)-x-lgamma)/2)
	sum := now * now
	for k := range m - 1 {
		n := float64(k)
		next := ((2*n+1+a-x)*now - math.Sqrt(n*(n+a))*before) / math.Sqrt((n+1)*(n+1+a))
		before, now = now, next
		sum += now * now
	}
	return sum
}

// Capacity is log2 det(I + snr/T H H^H) of a channel [R T] whose transmitter does not
// know it. It allocates.
func Capacity(h []complex128, numRx, numTx int, snr float64) (float64, error) {
	if numRx < 1 || numTx < 1 || len(h) != numRx*numTx || !(snr >= 0) {
		return 0, fmt.Errorf("capacity: %d numbers of a [%d %d] channel at an SNR of %v", len(h), numRx, numTx, snr)
	}
	a := make([]complex128, numTx*numTx)
	bits, ok := logDet(a, h, numRx, numTx, float64(numTx)/max(snr, 1e-300))
	if !ok {
		return 0, fmt.Errorf("capacity: the channel has no finite numbers")
	}
	return bits, nil
}

// logDet is log2 det(I + h^H h / n0), a [n n] being room for it.
func logDet(a, h []complex128, m, n int, n0 float64) (float64, bool) {
	gram(a, h, m, n, n0)
	if !cholesky(a, n) {
		return 0, false
	}
	sum := 0.0
	for i := range n {
		sum += math.Log2(real(a[i*n+i]))
	}
	return 2*sum - float64(n)*math.Log2(n0), true
}

// WaterFill shares total power over parallel channels of gains g (SNR at power 1) for
// the largest sum of log2(1 + p g): p = max(mu - 1/g, 0). It returns the water level mu.
// Gains of 0 get nothing.
func WaterFill(p, g []float64, total float64) (mu float64, err error) {
	if len(p) != len(g) || len(g) == 0 || !(total > 0) || math.IsInf(total, 1) {
		return 0, fmt.Errorf("water-filling: %d powers, %d gains, power %v; use as many powers as gains, and a positive power", len(p), len(g), total)
	}
	order := make([]int, 0, len(g))
	for i, v := range g {
		if !(v >= 0) || math.IsInf(v, 1) {
			return 0, fmt.Errorf("water-filling: gain %d is %v; use a number that is not negative", i, v)
		}
		if v > 0 {
			order = append(order, i)
		}
	}
	if len(order) == 0 {
		return 0, fmt.Errorf("water-filling: all gains are 0")
	}
	slices.SortFunc(order, func(i, j int) int { return cmp.Compare(g[j], g[i]) })
	sum := 0.0
	for n, i := range order {
		if n > 0 && 1/g[i] >= mu {
			break
		}
		sum += 1 / g[i]
		mu = (total + sum) / float64(n+1)
	}
	for i, v := range g {
		p[i] = 0
		if v > 0 {
			p[i] = max(mu-1/v, 0)
		}
	}
	return mu, nil
}
