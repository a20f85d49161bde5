package link

import (
	"math"

	"github.com/comlam/comlam/wireless/mapping"
)

// Theory is a closed form, at its own SNRs.
type Theory struct {
	SNRdB []float64 `json:"snr_db"`
	BER   []float64 `json:"ber"`
}

// distances is the bit error rate of a scheme as a sum over distances from a decision
// threshold: sum weight Q(sqrt(2 Es/N0) distance).
type distances []struct{ weight, distance float64 }

// distancesOf adds up, over all amplitudes of an axis and all bits, the probabilities of
// the amplitudes whose bit differs. For square QAM that is the closed form of K. Cho
// and D. Yoon, "On the general BER expression of one- and two-dimensional amplitude
// modulations", IEEE Trans. Commun. 50, 2002.
func distancesOf(s mapping.Scheme) (distances, error) {
	if s.Qm() == 1 {
		return distances{{1, 1}}, nil
	}
	levels, labels, err := axisOf(s)
	if err != nil {
		return nil, err
	}
	step, bits := levels[1]-levels[0], s.Qm()/2
	weights := map[int]float64{} // by the distance in half steps
	each := 1 / float64(bits*len(levels))
	for sent := range levels {
		for got := range levels {
			wrong := float64(popCount(labels[sent] ^ labels[got]))
			// Thresholds lie half a step from each amplitude.
			near, far := 2*max(sent-got, got-sent)-1, 2*max(sent-got, got-sent)+1
			if wrong == 0 {
				continue
			}
			weights[near] += wrong * each
			if got > 0 && got < len(levels)-1 { // the outermost reach to infinity
				weights[far] -= wrong * each
			}
		}
	}
	var d distances
	for half := 1; half < 2*len(levels); half += 2 {
		if w := weights[half]; w != 0 {
			d = append(d, struct{ weight, distance float64 }{w, step / 2 * float64(half)})
		}
	}
	return d, nil
}

// axisOf is the amplitudes of the real part, the least first, and their bits.
func axisOf(s mapping.Scheme) (levels []float64, labels []int, err error) {
	half := s.Qm() / 2
	levels, labels = make([]float64, 1<<half), make([]int, 1<<half)
	x, bits := make([]complex64, 1<<half), make([]byte, s.Qm()<<half)
	for label := range x {
		for b := range half {
			bits[label*s.Qm()+2*b] = byte(label >> (half - 1 - b) & 1)
		}
	}
	if err := s.Map(x, bits); err != nil {
		return nil, nil, err
	}
	for label, v := range x {
		at := 0
		for _, other := range x {
			if real(other) < real(v) {
				at++
			}
		}
		levels[at], labels[at] = float64(real(v)), label
	}
	return levels, labels, nil
}

func popCount(v int) (n int) {
	for ; v != 0; v &= v - 1 {
		n++
	}
	return n
}

// awgn is the bit error rate at Es/N0.
func (d distances) awgn(esN0 float64) (p float64) {
	for _, t := range d {
		p += t.weight * 0.5 * math.Erfc(math.Sqrt(esN0)*t.distance)
	}
	return p
}

// rayleigh is the bit error rate with maximum ratio combining of num antennas that
// fade independently, each with the mean Es/N0 (J. Proakis, "Digital Communications",
// 4th ed., equation 14.4-15, term by term).
func (d distances) rayleigh(esN0 float64, num int) (p float64) {
	for _, t := range d {
		g := esN0 * t.distance * t.distance
		mu := math.Sqrt(g / (1 + g))
		// (1-mu)/2 without cancellation.
		low, high := 1/(2*(1+g)*(1+mu)), (1+mu)/2
		sum, term := 0.0, 1.0
		for l := range num {
			sum += term
			term *= high * float64(num+l) / float64(l+1)
		}
		p += t.weight * math.Pow(low, float64(num)) * sum
	}
	return p
}

// TheoryBER is the bit error rate without a code at an SNR in dB, and whether there is
// a closed form for the link. It is that of deciding for the nearest symbol, as max-log
// soft bits do. Exact ones decide for the likelier bit, which errs less at very low SNR:
// by 2 % for 16QAM at an Eb/N0 of -10 dB, by 0.5 % for 256QAM and by 0.02 % for 16QAM at
// 0 dB, and not at all for BPSK and QPSK.
func (l *Link) TheoryBER(snrDB float64) (float64, bool) {
	layers := l.config.NumLayers
	if l.coded() || l.config.slotted() && !l.rayleighSlots() || layers > 1 && l.config.Detector != "zf" {
		return 0, false
	}
	d, err := distancesOf(l.scheme)
	if err != nil {
		return 0, false
	}
	if l.config.Channel != "awgn" {
		// Zero forcing spends an antenna on each other layer (J. Winters, J. Salz,
		// R. Gitlin, IEEE Trans. Commun. 42, 1994).
		return d.rayleigh(l.esN0(snrDB)/float64(layers), l.config.NumRx-layers+1), true
	}
	return d.awgn(l.esN0(snrDB) * float64(l.config.NumRx)), true
}

// theoryPoints of a curve.
const theoryPoints = 101

// theories lists the closed forms over the sweep.
func (l *Link) theories() []Theory {
	if _, ok := l.TheoryBER(l.config.SNR.From); !ok {
		return nil
	}
	var t Theory
	from, to := l.config.SNR.From, l.config.SNR.To
	for i := range theoryPoints {
		snr := from + (to-from)*float64(i)/(theoryPoints-1)
		ber, _ := l.TheoryBER(snr)
		t.SNRdB, t.BER = append(t.SNRdB, snr), append(t.BER, ber)
		if from == to {
			break
		}
	}
	return []Theory{t}
}

func decibel(x float64) float64 { return 10 * math.Log10(x) }
