package channel

import "math"

// DopplerHz is the largest Doppler shift v f / c.
func DopplerHz(speedMPS, carrierHz float64) float64 {
	return speedMPS * carrierHz / SpeedOfLightMPS
}

// JakesCorrelation is E[h(t+lag) h(t)*] = J0(2 pi f_D lag) of a Rayleigh tap of
// unit power under isotropic scattering (Clarke 1968; Jakes 1974).
func JakesCorrelation(dopplerHz, lagS float64) float64 {
	return math.J0(2 * math.Pi * dopplerHz * lagS)
}

// jakesFactor holds L with L L^T = R, R_ij = J0(turn |i-j|), for the last turn
// asked for.
type jakesFactor struct {
	num, rank int
	turn      float64   // Doppler phase per slot, rad
	l         []float64 // [slot, num], of which rank columns are used

	correlation, residual []float64
}

// leftOver is the power of a slot that the factor may leave out. R is singular to
// rounding at walking speed (rank 5 of 20 at 3 km/h): a plain Cholesky factor
// would fail there, or amplify noise.
const leftOver = 1e-13

// prepare factors R by Cholesky with diagonal pivoting, which stops when what is
// left of each slot is below leftOver; no entry of R is missed by more than that.
func (f *jakesFactor) prepare(num int, turn float64) {
	if f.num == num && f.turn == turn {
		return
	}
	if f.num != num {
		f.l = make([]float64, num*num)
		f.correlation, f.residual = make([]float64, num), make([]float64, num)
	}
	f.num, f.turn, f.rank = num, turn, 0
	for i := range num {
		f.correlation[i] = math.J0(turn * float64(i))
		f.residual[i] = 1
	}
	for f.rank < num {
		pivot := largest(f.residual)
		if f.residual[pivot] <= leftOver {
			return
		}
		f.eliminate(pivot)
	}
}

// eliminate adds the column of L that explains the rest of slot pivot.
func (f *jakesFactor) eliminate(pivot int) {
	k := f.rank
	root := math.Sqrt(f.residual[pivot])
	known := f.l[pivot*f.num:][:k]
	for i := range f.num {
		row := f.l[i*f.num:][:k+1]
		rest := f.correlation[max(i-pivot, pivot-i)]
		for j, v := range known {
			rest -= row[j] * v
		}
		row[k] = rest / root
		f.residual[i] -= row[k] * row[k]
	}
	f.l[pivot*f.num+k] = root
	f.residual[pivot] = 0
	f.rank++
}

func largest(v []float64) int {
	best := 0
	for i, x := range v {
		if x > v[best] {
			best = i
		}
	}
	return best
}
