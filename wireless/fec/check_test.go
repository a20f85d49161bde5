package fec

import (
	"math"
	"math/rand/v2"
	"testing"
)

// plainMinSum is the layer without layout and lanes, in float64 where it is exact.
func plainMinSum(v [][]float32, r [][]float32, shifts []int, m minSum) {
	lifting := len(v[0])
	for z := range lifting {
		t := make([]float32, len(v))
		for e := range v {
			t[e] = v[e][(z+shifts[e])%lifting] - r[e][z]
		}
		for e := range v {
			least, sign := math.Inf(1), float32(1)
			for o := range v {
				if o != e {
					least = min(least, math.Abs(float64(t[o])))
					if math.Signbit(float64(t[o])) {
						sign = -sign
					}
				}
			}
			r[e][z] = sign * min(max(float32(m.scale*float32(least))-m.offset, 0), m.limit)
			v[e][(z+shifts[e])%lifting] = t[e] + r[e][z]
		}
	}
}

// Every variant gives the bits of the plain layer.
func TestMinSumIsThePlainOne(t *testing.T) {
	best := variant
	defer func() { variant = best }()
	for _, variant = range []string{"portable", "avx2", "avx512"} {
		t.Run(variant, minSumIsThePlainOne)
		if variant == best {
			return
		}
	}
}

func minSumIsThePlainOne(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, lifting := range []int{2, 3, 7, 15, 16, 18, 31, 32, 44, 208, 384} {
		for _, degree := range []int{2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 19} {
			columns, shifts := random.Perm(degree + 3)[:degree], make([]int, degree)
			plainV, plainR := make([][]float32, degree), make([][]float32, degree)
			stride := checkStride(lifting)
			v := make([]float32, (degree+3)*stride)
			for e := range degree {
				shifts[e] = random.IntN(lifting)
				plainV[e], plainR[e] = make([]float32, lifting), make([]float32, lifting)
				for z := range lifting {
					plainV[e][z] = float32(random.IntN(41)-20) / 4 // ties and zeros
				}
				column := v[columns[e]*stride:]
				copy(column, plainV[e])
				checkSpread(column, lifting)
			}
			l := newCheckLayer(lifting, columns, shifts)
			r := make([]float32, l.messages())
			m := minSum{scale: 0.75, offset: 0.25, limit: 3}
			for range 3 {
				plainMinSum(plainV, plainR, shifts, m)
				l.minSum(v, r, m)
			}
			for e := range degree {
				for i := range min(lifting, checkLanes) + lifting {
					got, want := v[columns[e]*stride+i], plainV[e][i%lifting]
					if math.Float32bits(got) != math.Float32bits(want) {
						t.Fatalf("lifting %d, degree %d: value %d of edge %d is %v, want %v", lifting, degree, i, e, got, want)
					}
				}
			}
			checkOdd(t, l, v, plainV, shifts)
		}
	}
}

func checkOdd(t *testing.T, l *checkLayer, v []float32, plain [][]float32, shifts []int) {
	t.Helper()
	odd := func() (odd bool) {
		for z := range l.lifting {
			negative := false
			for e := range plain {
				negative = negative != math.Signbit(float64(plain[e][(z+shifts[e])%l.lifting]))
			}
			odd = odd || negative
		}
		return odd
	}
	if got := l.odd(v); got != odd() {
		t.Fatalf("lifting %d, degree %d: odd is %v", l.lifting, l.degree, got)
	}
	for e := range plain { // all positive, then one negative
		column := v[l.wraps[2*e]:]
		for z := range l.lifting {
			plain[e][z], column[z] = 1, 1
		}
		checkSpread(column, l.lifting)
	}
	if l.odd(v) {
		t.Fatalf("lifting %d, degree %d: no negative value is odd", l.lifting, l.degree)
	}
	v[l.wraps[0]+int32(l.lifting-1)] = -1
	if !l.odd(v) {
		t.Fatalf("lifting %d, degree %d: one negative value is not odd", l.lifting, l.degree)
	}
}

// The sum-product rule against its formula in float64.
func TestSumProductIsTheFormula(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for _, lifting := range []int{2, 7, 16, 20, 384} {
		for _, degree := range []int{2, 3, 5, 10, 19} {
			stride := checkStride(lifting)
			columns, shifts, v := random.Perm(degree), make([]int, degree), make([]float32, degree*stride)
			for e := range columns {
				shifts[e] = random.IntN(lifting)
				for z := range lifting {
					v[e*stride+z] = float32(random.NormFloat64() * 5)
				}
				checkSpread(v[e*stride:], lifting)
			}
			before := append([]float32{}, v...)
			l := newCheckLayer(lifting, columns, shifts)
			r := make([]float32, l.messages())
			l.sumProduct(v, r, newSumProduct(lifting, degree))
			for e, c := range columns {
				for z := range lifting {
					product := 1.0
					for o, d := range columns {
						if o != e {
							product *= math.Tanh(float64(before[d*stride+(z+shifts[o])%lifting]) / 2)
						}
					}
					want := 2 * math.Atanh(product)
					at := c*stride + (z+shifts[e])%lifting
					if got := float64(v[at] - before[at]); math.Abs(got-want) > 2e-5*(1+math.Abs(want)) {
						t.Fatalf("lifting %d, degree %d: message %v, want %v", lifting, degree, got, want)
					}
				}
				for i := range min(lifting, checkLanes) {
					if v[c*stride+lifting+i] != v[c*stride+i] {
						t.Fatalf("lifting %d: the copy behind column %d is old", lifting, c)
					}
				}
			}
		}
	}
}
