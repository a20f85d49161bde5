package metric

import (
	"fmt"
	"math"
)

// seSNRdB is the signal-to-noise ratio in the name se/mrt-10dB.
const seSNRdB = 10

// SE gathers the spectral efficiency of maximum ratio transmission at 10 dB:
// the BS points its beam at the predicted channel and the true channel decides
// what arrives (LLM4CP, arXiv:2406.14440).
type SE struct {
	Mean     *Tally // se/mrt-10dB, bit/s/Hz
	Relative *Tally // se/mrt-10dB-relative: divided by what a perfect prediction reaches
	noise    float64
}

// NewSE starts an empty measurement. meanPower is mean |h|^2 per coefficient
// over the whole test set, 1 where the set is normalised; the noise variance is
// a tenth of it. All methods of one table must be given the same number.
func NewSE(meanPower float64) (*SE, error) {
	if !finite(meanPower) || meanPower <= 0 {
		return nil, fmt.Errorf("spectral efficiency: mean channel power \"%g\" must be positive and finite", meanPower)
	}
	return &SE{
		Mean:     NewTally(SEMRT),
		Relative: NewTally(SEMRTRelative),
		noise:    meanPower * FromDB(-seSNRdB),
	}, nil
}

// Add counts one sample of a drop. hHat and h hold vectors over the transmit
// antennas, [... numTxAnt]; each vector is one time step, subcarrier and
// receive antenna. A prediction of exactly zero sends nothing and counts as 0
// bit/s/Hz.
func (s *SE) Add(drop uint64, hHat, h []complex128, numTxAnt int) error {
	if err := sameLength(len(hHat), len(h)); err != nil {
		return fmt.Errorf("spectral efficiency: drop %d: %w", drop, err)
	}
	if numTxAnt < 1 || len(h)%numTxAnt != 0 {
		return fmt.Errorf("spectral efficiency: drop %d: %d coefficients do not divide into vectors over \"%d\" transmit antennas",
			drop, len(h), numTxAnt)
	}
	var reached, best float64
	for at := 0; at < len(h); at += numTxAnt {
		hHatVector, hVector := hHat[at:at+numTxAnt], h[at:at+numTxAnt]
		reached += math.Log2(1 + beamGain(hHatVector, hVector)/s.noise)
		best += math.Log2(1 + beamGain(hVector, hVector)/s.noise)
	}
	vectors := float64(len(h) / numTxAnt)
	// The quotient refuses every number that the mean would, so it goes first
	// and a refused sample enters neither.
	if err := s.Relative.Add(drop, reached/vectors, best/vectors); err != nil {
		return err
	}
	return s.Mean.Add(drop, reached/vectors, 1)
}

// beamGain is |h_hat^H h|^2 / |h_hat|^2.
func beamGain(hHat, h []complex128) float64 {
	var inner complex128
	var norm float64
	for i, p := range hHat {
		inner += complex(real(p), -imag(p)) * h[i]
		norm += power(p)
	}
	if norm == 0 {
		return 0
	}
	return power(inner) / norm
}
