package csi

import (
	"math"

	"github.com/comlam/comlam/internal/bounded"
	"github.com/comlam/comlam/plot"
)

// angleFader averages the covariance of the antennas along the columns and along the
// rows of both panels.
type angleFader struct {
	shape Shape
	lines []*antennaLine
}

// antennaLine is one direction of one panel.
type antennaLine struct {
	name    string
	tx      bool
	panel   MetaPanel
	rows    bool // along the rows, which stand above each other; else along the columns
	n       int
	spacing float64      // wavelengths
	cov     []complex128 // [n, n]
}

func newAngleFader(a *Array, s Shape) (fader, error) {
	if !(Config{Channel: a.Meta.Channel}).hasAngles() {
		return nil, bounded.Malformed(a.File, "the antennas of %s fade independently: there are no angles to see; use a cdl or a scenario", a.Meta.Channel)
	}
	f := &angleFader{shape: s}
	for _, end := range []struct {
		name  string
		panel MetaPanel
		tx    bool
	}{{"tx", a.Meta.Tx, true}, {"rx", a.Meta.Rx, false}} {
		for _, rows := range []bool{false, true} {
			l := &antennaLine{name: "azimuth at " + end.name, tx: end.tx, panel: end.panel, rows: rows, n: end.panel.Cols, spacing: end.panel.Spacing}
			if rows {
				l.name, l.n = "elevation at "+end.name, end.panel.Rows
			}
			if l.n > 1 {
				l.cov = make([]complex128, l.n*l.n)
				f.lines = append(f.lines, l)
			}
		}
	}
	if len(f.lines) == 0 {
		return nil, bounded.Malformed(a.File, "one antenna at each end sees no angles; use panels with more columns or rows")
	}
	return f, nil
}

// port is where an antenna of the line stands, beside others that it is averaged over
// (TS 38.214 clause 5.2.2.2: polarisation, then columns, then rows).
func (l *antennaLine) port(other, i int) int {
	if l.rows {
		return other*l.panel.Rows + i
	}
	row, polarisation := other%l.panel.Rows, other/l.panel.Rows
	return (polarisation*l.panel.Cols+i)*l.panel.Rows + row
}

func (f *angleFader) add(h []complex128) {
	s := f.shape
	for _, l := range f.lines {
		ports, others, step, stepOther := s.NumRxAnt, s.NumTxAnt, s.NumTxAnt, 1
		if l.tx {
			ports, others, step, stepOther = s.NumTxAnt, s.NumRxAnt, 1, s.NumTxAnt
		}
		v := make([]complex128, l.n)
		for at := range s.NumSlots * s.NumSubcarriers {
			matrix := h[at*s.NumRxAnt*s.NumTxAnt:]
			for other := range others {
				for beside := range ports / l.n {
					for i := range v {
						v[i] = matrix[other*stepOther+l.port(beside, i)*step]
					}
					l.addOuter(v)
				}
			}
		}
	}
}

func (l *antennaLine) addOuter(v []complex128) {
	for i, a := range v {
		for j, b := range v {
			l.cov[i*l.n+j] += a * complex(real(b), -imag(b))
		}
	}
}

// power is that of a beam towards an angle from broadside (Bartlett).
func (l *antennaLine) power(angle float64) float64 {
	turn := 2 * math.Pi * l.spacing * math.Sin(angle)
	sum := 0.0
	for i := range l.n {
		for j := range l.n {
			sin, cos := math.Sincos(-turn * float64(i-j))
			sum += real(l.cov[i*l.n+j])*cos - imag(l.cov[i*l.n+j])*sin
		}
	}
	return sum
}

func (f *angleFader) draw(note string) (Drawing, error) {
	c := plot.Chart{
		Title: "Angle spectrum", Note: note + "; Bartlett beams, angles from the panel's broadside",
		X: plot.Axis{Label: "angle (deg)", Range: [2]float64{-90, 90}, Ticks: []float64{-90, -60, -30, 0, 30, 60, 90}},
		Y: plot.Axis{Label: "power (dB, largest 0)"},
	}
	for _, l := range f.lines {
		var x, p []float64
		for deg := -90; deg <= 90; deg++ {
			x = append(x, float64(deg))
			p = append(p, l.power(float64(deg)*math.Pi/180))
		}
		c.Series = append(c.Series, plot.Series{Name: l.name, X: x, Y: toDecibels(p, floorDB)})
	}
	return c, nil
}
