package nr

import (
	_ "embed"
	"fmt"
	"math"
	"slices"
	"strings"
)

// betas of EESM by MCS index of tables 1 and 2, as the system simulator of Sionna 1.2.1
// has them (sys/esm_params/eesm_beta_table.json). 3GPP leaves them to the simulator.
var betas = map[int][]float64{
	1: {1.6, 1.61, 1.63, 1.65, 1.67, 1.7, 1.73, 1.76, 1.79, 1.82, 3.97, 4.27, 4.71, 5.16, 5.66, 6.16, 6.5, 9.95, 10.97,
		12.92, 14.96, 17.06, 19.33, 21.85, 24.51, 27.14, 29.94, 32.05, 34.28},
	2: {1.6, 1.63, 1.67, 1.73, 1.79, 4.27, 4.71, 5.16, 5.66, 6.16, 6.5, 10.97, 12.92, 14.96, 17.06, 19.33, 21.85, 24.51,
		27.14, 29.94, 56.48, 65, 78.58, 92.48, 106.27, 118.74, 126.36, 132.54},
}

// Beta is the parameter of EESM for a row of MCS table 1 or 2. A CQI has that of the MCS
// with the same modulation and the nearest rate.
func Beta(m MCS) float64 {
	var beta float64
	nearest := math.Inf(1)
	for _, t := range []Table{MCSTable1, MCSTable2} {
		for i, row := range t.Rows {
			if d := math.Abs(row.RateX1024 - m.RateX1024); row.Modulation == m.Modulation && d < nearest {
				beta, nearest = betas[t.Number][i], d
			}
		}
	}
	return beta
}

// EESM is the effective SINR, linear, of resource elements or layers with these SINRs:
// that of white noise under which a block would fail as often, -beta ln mean
// exp(-sinr/beta) (WiMAX Forum; R1-060298). It lies between the least and the mean.
func EESM(sinr []float64, beta float64) (float64, error) {
	if len(sinr) == 0 || !(beta > 0) {
		return 0, fmt.Errorf("eesm: %d SINRs, beta %v; give at least one, and a positive beta", len(sinr), beta)
	}
	least := slices.Min(sinr)
	if !(least >= 0) || math.IsInf(least, 1) {
		return 0, fmt.Errorf("eesm: an SINR is %v; SINRs are linear and finite", least)
	}
	sum := 0.0
	for _, v := range sinr { // relative to the least, so that none vanishes
		sum += math.Exp((least - v) / beta)
	}
	return least - beta*math.Log(sum/float64(len(sinr))), nil
}

//go:embed tables/awgn.txt
var awgnText string

type modulationRate struct {
	modulation Modulation
	rateX1024  float64
}

// awgn is the SNR in dB at which blocks fail at a rate of 0.1.
var awgn = func() map[modulationRate]float64 {
	m := map[modulationRate]float64{}
	for line := range strings.Lines(awgnText) {
		var k modulationRate
		var dB float64
		if _, err := fmt.Sscan(line, &k.modulation, &k.rateX1024, &dB); err == nil {
			m[k] = dB
		}
	}
	return m
}()

// RequiredSNRdB is Es/N0 over white noise at which a transport block of 1,024 bits fails
// at a rate of 0.1, measured with our own coder (tables/awgn.txt says how); the program
// that did is testdata/awgn.go. It is NaN for what is in no table.
func RequiredSNRdB(m MCS) float64 {
	dB, ok := awgn[modulationRate{m.Modulation, m.RateX1024}]
	if !ok {
		return math.NaN()
	}
	return dB
}

// Select is inner-loop link adaptation: the row of t with the largest efficiency whose
// blocks fail at a rate of at most 0.1 under the SINRs, linear, of resource elements and
// layers, each row judged by its own effective SINR plus offsetDB. It says false where
// not even the first row does: CQI 0, or the first MCS for want of a better one. CQI
// table 3 is for a rate of 1e-5, which needs an offset of its own.
func (t Table) Select(sinr []float64, offsetDB float64) (MCS, bool, error) {
	best, found := t.Rows[0], false
	for _, row := range t.Rows {
		effective, err := EESM(sinr, Beta(row))
		if err != nil {
			return MCS{}, false, err
		}
		if 10*math.Log10(effective)+offsetDB >= RequiredSNRdB(row) && (!found || row.SpectralEfficiency() >= best.SpectralEfficiency()) {
			best, found = row, true
		}
	}
	return best, found, nil
}

// OLLA is outer-loop link adaptation (K. I. Pedersen et al., VTC Fall 2007): an offset
// to SINRs that makes blocks fail at a target rate, whatever estimates are wrong by.
type OLLA struct {
	Target   float64 // block error rate
	StepDB   float64 // taken off after an error
	LimitDB  float64 // of the offset, both ways
	OffsetDB float64 // to add to SINRs; starts as 0
}

// NewOLLA returns a loop with a limit of 20 dB. Each block that arrives adds step times
// target/(1-target): both balance at the target.
func NewOLLA(target, stepDB float64) (*OLLA, error) {
	if !(target > 0 && target < 1) || !(stepDB > 0) || math.IsInf(stepDB, 1) {
		return nil, fmt.Errorf("olla: target %v, step %v dB; use a target between 0 and 1, and a positive step", target, stepDB)
	}
	return &OLLA{Target: target, StepDB: stepDB, LimitDB: 20}, nil
}

// Feedback tells what became of a first transmission.
func (o *OLLA) Feedback(arrived bool) {
	step := -o.StepDB
	if arrived {
		step = o.StepDB * o.Target / (1 - o.Target)
	}
	o.OffsetDB = min(max(o.OffsetDB+step, -o.LimitDB), o.LimitDB)
}
