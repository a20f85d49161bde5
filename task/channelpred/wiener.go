package channelpred

import (
	"github.com/comlam/comlam/data"
	"github.com/comlam/comlam/internal/dense"
	"github.com/comlam/comlam/internal/setting"
	"github.com/comlam/comlam/wireless/channel"
)

// jakes is the exact second-order model of the jakes channel. It is flat, so the
// subcarriers of an antenna pair are noisy copies of one series and their mean is
// a sufficient statistic, with the noise divided by their number. Antenna pairs
// fade independently at the same speed.
type jakes struct {
	grid
	carrierHz float64
	intervalS float64
	noise     float64 // variance on the mean over the subcarriers
}

func newJakes(g grid, d data.Config) jakes {
	return jakes{
		grid: g, carrierHz: float64(d.Carrier), intervalS: float64(d.Interval),
		noise: noiseVariance(d) / float64(g.numSubcarriers),
	}
}

// correlation is E[h_i h_j*] for slots i-j = lag apart.
func (j jakes) correlation(v setting.Speed, lag int) float64 {
	return channel.JakesCorrelation(channel.DopplerHz(float64(v), j.carrierHz), float64(lag)*j.intervalS)
}

// covariance factors R + noise I of the past, R_ij = J0(2 pi f_D |i-j| Ts).
func (j jakes) covariance(v setting.Speed) (*dense.Factor, error) {
	r := make([]complex128, j.past*j.past)
	for i := range j.past {
		for k := range j.past {
			r[i*j.past+k] = complex(j.correlation(v, i-k), 0)
		}
		r[i*j.past+i] += complex(j.noise, 0)
	}
	return dense.Cholesky(r, j.past)
}

// filter is the Wiener filter of speed v, w [future, past] = r_k^T (R + noise I)^-1
// with r_k(i) = J0(2 pi f_D (past+k-i) Ts), and its error 1 - w_k r_k averaged
// over the future slots: the NMSE that no predictor of a Gaussian channel beats
// (S. Kay, "Fundamentals of Statistical Signal Processing: Estimation Theory",
// 1993, chapter 12).
func (j jakes) filter(v setting.Speed, f *dense.Factor) (w []complex128, nmse float64, err error) {
	w = make([]complex128, j.future*j.past)
	for k := range j.future {
		row := w[k*j.past:][:j.past]
		for i := range row {
			row[i] = complex(j.correlation(v, j.past+k-i), 0)
		}
		if err := f.Solve(row); err != nil {
			return nil, 0, err
		}
		explained := 0.0
		for i, c := range row {
			explained += real(c) * j.correlation(v, j.past+k-i)
		}
		nmse += (1 - explained) / float64(j.future)
	}
	return w, nmse, nil
}

// average writes the mean over the subcarriers of rows [slot][subcarrier, antenna]
// to mean [slot][antenna].
func (j jakes) average(mean, rows [][]complex128) {
	numAnt := j.numRx * j.numTx
	scale := 1 / float64(j.numSubcarriers)
	for t, row := range rows {
		clear(mean[t])
		for s, v := range row {
			mean[t][s%numAnt] += complex(scale*real(v), scale*imag(v))
		}
	}
}

// spread copies one value per antenna to all subcarriers.
func (j jakes) spread(rows, values [][]complex128) {
	for t, row := range rows {
		for s := 0; s < len(row); s += len(values[t]) {
			copy(row[s:], values[t])
		}
	}
}

// WienerNMSE is the error of the predictor that knows the speed, in closed form:
// nmse/ratio-of-sums of an endless test set of the gaussian jakes channel of d at
// speed v. No predictor has a smaller one.
func WienerNMSE(c Config, d data.Config, v setting.Speed) (float64, error) {
	g, err := d.Config.Build()
	if err != nil {
		return 0, setting.Under("data", err)
	}
	if !exactJakes(d) {
		return 0, setting.Bad("data.channel", "use the gaussian process of jakes", "%q (%s) has no closed form", d.Channel, d.Process)
	}
	j := newJakes(newGrid(c, g.Shape()), d)
	f, err := j.covariance(v)
	if err != nil {
		return 0, err
	}
	_, nmse, err := j.filter(v, f)
	return nmse, err
}

// exactJakes tells whether the models of this file are exact for the data.
func exactJakes(d data.Config) bool { return d.Channel == "jakes" && d.Process == "gaussian" }

// wiener applies the filter of one speed.
type wiener struct {
	jakes
	w []complex128 // [future, past]
}

func newWiener(j jakes, v setting.Speed) (wiener, error) {
	f, err := j.covariance(v)
	if err != nil {
		return wiener{}, err
	}
	w, _, err := j.filter(v, f)
	return wiener{j, w}, err
}

func (p wiener) Predict(examples []Example, out [][]complex64) error {
	mean, predicted := matrix(p.past, p.numRx*p.numTx), matrix(p.future, p.numRx*p.numTx)
	return p.each(examples, out, func(past, future [][]complex128) error {
		p.average(mean, past)
		combine(p.w, mean, predicted)
		p.spread(future, predicted)
		return nil
	})
}
