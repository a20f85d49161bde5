package link

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/comlam/comlam/plot"
)

// measures of a chart.
const (
	bitErrors   = "bit error rate"
	blockErrors = "block error rate"
)

// measure is what curves are drawn by: blocks where all of them have a code, since
// without one the rate of blocks says little.
func measure(curves []Curve) string {
	if slices.ContainsFunc(curves, func(c Curve) bool { return c.Config.Code == "none" }) {
		return bitErrors
	}
	return blockErrors
}

// ErrNoErrors says that no curve has an error to draw: a logarithmic axis has no zero.
var ErrNoErrors = errors.New("no error was counted, and a logarithmic axis has no zero; use lower SNRs or more blocks")

// Chart draws curves with what theory says. Where there is a closed form it is the
// line and the simulation its markers. Points without errors are left out, and so is
// theory that the count could not have seen. Where that leaves nothing, it fails with
// ErrNoErrors.
func Chart(title string, curves []Curve) (plot.Chart, error) {
	if len(curves) == 0 {
		return plot.Chart{}, fmt.Errorf("link: there are no curves to draw")
	}
	c := plot.Chart{Title: title, X: plot.Axis{Label: snrLabel(curves)}, Y: plot.Axis{Label: measure(curves), Log: true}}
	common, own := splitNames(curves)
	for i, curve := range curves {
		s := plot.Series{Name: own[i], Style: i%plot.MaxSeries + 1}
		for _, p := range curve.Points {
			r := p.BLER
			if c.Y.Label == bitErrors {
				r = p.BER
			}
			if r.Value > 0 {
				s.X, s.Y, s.YLo, s.YHi = append(s.X, p.SNRdB), append(s.Y, r.Value), append(s.YLo, r.Lo), append(s.YHi, r.Hi)
			}
		}
		theory := curve.Theory
		if c.Y.Label != bitErrors {
			theory = nil
		}
		s.Band = len(theory) == 0
		if !s.Band {
			s.Kind = plot.Scatter
		}
		if len(s.Y) > 0 {
			c.Series = append(c.Series, s)
		}
		for _, t := range theory {
			if t = t.above(leastSeen(curves)); len(t.BER) > 0 {
				c.Series = append(c.Series, plot.Series{Name: own[i] + ", theory", X: t.SNRdB, Y: t.BER, Style: s.Style})
			}
		}
	}
	if len(c.Series) == 0 {
		return c, ErrNoErrors
	}
	c.Note = strings.TrimPrefix(fmt.Sprintf("%s; %s; seed %d", common, curves[0].Intervals(), curves[0].Seed), "; ")
	return c, nil
}

// leastSeen is a tenth of the least error rate that the curves could have shown: one
// wrong bit in their longest count.
func leastSeen(curves []Curve) float64 {
	var most uint64 = 1
	for _, c := range curves {
		for _, p := range c.Points {
			most = max(most, p.Bits)
		}
	}
	return 0.1 / float64(most)
}

// above is the part of t that is not below least.
func (t Theory) above(least float64) (part Theory) {
	for i, v := range t.BER {
		if v >= least {
			part.SNRdB, part.BER = append(part.SNRdB, t.SNRdB[i]), append(part.BER, v)
		}
	}
	return part
}

// splitNames takes out of the names what all curves have in common. Equal names are
// numbered.
func splitNames(curves []Curve) (common string, own []string) {
	const comma = ", "
	var shared []string
	for _, word := range strings.Split(curves[0].Name, comma) {
		if len(curves) > 1 && !slices.ContainsFunc(curves, func(c Curve) bool { return !slices.Contains(strings.Split(c.Name, comma), word) }) {
			shared = append(shared, word)
		}
	}
	for i, c := range curves {
		words := slices.DeleteFunc(strings.Split(c.Name, comma), func(w string) bool { return slices.Contains(shared, w) })
		name := strings.Join(words, comma)
		if name == "" { // it has only what all have
			name = c.Name
		}
		if slices.Contains(own, name) {
			name = fmt.Sprintf("%s (%d)", name, i+1)
		}
		own = append(own, name)
	}
	return strings.Join(shared, comma), own
}

func snrLabel(curves []Curve) string {
	is := curves[0].Config.SNRIs
	for _, c := range curves {
		if c.Config.SNRIs != is {
			return "SNR as each curve says (dB)"
		}
	}
	if is == "eb_n0" {
		return "Eb/N0 (dB)"
	}
	return "Es/N0 (dB)"
}
