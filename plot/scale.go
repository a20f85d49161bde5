package plot

import (
	"math"
	"strconv"
	"strings"
)

// scale maps values of one axis to pixels.
type scale struct {
	lo, hi   float64 // ends of the axis
	log      bool
	from, to float64 // pixels of lo and hi
}

func (s scale) at(v float64) float64 {
	lo, hi := s.lo, s.hi
	if s.log {
		lo, hi, v = math.Log10(lo), math.Log10(hi), math.Log10(v)
	}
	return s.from + (v-lo)/(hi-lo)*(s.to-s.from)
}

// shows tells whether v lies on the axis, ends included. The slack forgives a
// last-bit difference between a data point and a rounded end.
func (s scale) shows(v float64) bool {
	slack := 1e-9 * (s.hi - s.lo)
	return v >= s.lo-slack && v <= s.hi+slack
}

// tick is a labelled place on an axis; minor ticks have a grid line only.
type tick struct {
	at    float64
	label string
	minor bool
	lines []string // the label broken into lines, where it must be
}

// extent is the smallest interval around some values.
type extent struct{ lo, hi float64 }

func emptyExtent() extent { return extent{math.Inf(1), math.Inf(-1)} }

func (e *extent) add(values ...float64) {
	for _, v := range values {
		e.lo, e.hi = min(e.lo, v), max(e.hi, v)
	}
}

// fit chooses the ends of an axis around data. A snug axis, usual for X, leaves
// a small margin; the other one, usual for Y, ends on round numbers.
func (a Axis) fit(data extent, snug bool, numTicks int) (lo, hi float64) {
	switch {
	case len(a.Categories) > 0:
		return -0.5, float64(len(a.Categories)) - 0.5
	case a.Range != [2]float64{}:
		return a.Range[0], a.Range[1]
	case a.Log:
		return fitLog(data, snug)
	}
	lo, hi = data.lo, data.hi
	if lo == hi {
		// One value still needs an axis around it.
		pad := max(math.Abs(lo)/10, 0.5)
		lo, hi = lo-pad, hi+pad
	}
	if snug {
		pad := 0.03 * (hi - lo)
		return lo - pad, hi + pad
	}
	step := niceStep((hi - lo) / float64(numTicks))
	// The tiny shift keeps 0.3/0.1 = 2.9999... from adding a tick.
	return step * math.Floor(lo/step+1e-9), step * math.Ceil(hi/step-1e-9)
}

func fitLog(data extent, snug bool) (lo, hi float64) {
	lo, hi = data.lo, data.hi
	if lo == hi {
		lo, hi = lo/2, hi*2
	}
	if snug {
		pad := math.Pow(hi/lo, 0.03)
		return lo / pad, hi * pad
	}
	if math.Log10(hi/lo) < 2 {
		return logFloor(lo), logCeil(hi)
	}
	return math.Pow(10, math.Floor(math.Log10(lo)+1e-9)), math.Pow(10, math.Ceil(math.Log10(hi)-1e-9))
}

// logFloor is the largest 1, 2 or 5 times a power of ten not above v.
func logFloor(v float64) float64 {
	decade := math.Pow(10, math.Floor(math.Log10(v)+1e-9))
	for _, m := range []float64{5, 2} {
		if m*decade <= v*(1+1e-9) {
			return m * decade
		}
	}
	return decade
}

// logCeil is the smallest 1, 2 or 5 times a power of ten not below v.
func logCeil(v float64) float64 {
	decade := math.Pow(10, math.Floor(math.Log10(v)+1e-9))
	for _, m := range []float64{1, 2, 5} {
		if m*decade >= v*(1-1e-9) {
			return m * decade
		}
	}
	return 10 * decade
}

// ticks places ticks on the fitted scale, about numTicks of them.
func (a Axis) ticks(s scale, numTicks int) []tick {
	switch {
	case len(a.Categories) > 0:
		list := make([]tick, len(a.Categories))
		for i, name := range a.Categories {
			list[i] = tick{at: float64(i), label: name}
		}
		return list
	case len(a.Ticks) > 0:
		var list []tick
		for _, v := range a.Ticks {
			if s.shows(v) && (!a.Log || v > 0) {
				list = append(list, tick{at: v, label: number(v)})
			}
		}
		return list
	case a.Log:
		return logTicks(s, numTicks)
	}
	return linearTicks(s, numTicks)
}

func linearTicks(s scale, numTicks int) []tick {
	step := niceStep((s.hi - s.lo) / float64(max(numTicks, 1)))
	decimals := max(0, -int(math.Floor(math.Log10(step)+1e-9)))
	largest := max(math.Abs(s.lo), math.Abs(s.hi))
	var list []tick
	for k := math.Ceil(s.lo/step - 1e-9); k <= math.Floor(s.hi/step+1e-9); k++ {
		v := k * step
		label := minus(strconv.FormatFloat(v, 'f', decimals, 64))
		if largest >= 1e6 || decimals > 4 {
			label = scientific(v, int(math.Floor(math.Log10(step)+1e-9)))
		}
		list = append(list, tick{at: v, label: label})
	}
	return list
}

func logTicks(s scale, numTicks int) []tick {
	first := int(math.Floor(math.Log10(s.lo) + 1e-9))
	last := int(math.Ceil(math.Log10(s.hi) - 1e-9))
	decades := math.Log10(s.hi / s.lo)
	// A short axis has room for the 2 and 5 of each decade, in plain numbers.
	fine := 3*decades <= float64(numTicks)+1
	stride := max(1, int(math.Ceil(decades/float64(max(numTicks, 1)))))
	var list []tick
	for e := first; e <= last; e++ {
		for m := 1; m <= 9; m++ {
			v := float64(m) * math.Pow(10, float64(e))
			if !s.shows(v) {
				continue
			}
			labelled := m == 1 && (e-first)%stride == 0 || fine && (m == 2 || m == 5)
			switch {
			case labelled && fine:
				list = append(list, tick{at: v, label: number(v)})
			case labelled:
				list = append(list, tick{at: v, label: "10" + superscript(e)})
			case decades <= 6:
				list = append(list, tick{at: v, minor: true})
			}
		}
	}
	return list
}

// niceStep is the 1, 2 or 5 times a power of ten nearest above rough.
func niceStep(rough float64) float64 {
	if !(rough > 0) {
		return 1
	}
	decade := math.Pow(10, math.Floor(math.Log10(rough)))
	for _, m := range []float64{1, 2, 5} {
		if rough <= m*decade*(1+1e-9) {
			return m * decade
		}
	}
	return 10 * decade
}

// number writes a value in at most four significant digits.
func number(v float64) string {
	if size := math.Abs(v); v != 0 && (size >= 1e5 || size < 1e-3) {
		return scientific(v, int(math.Floor(math.Log10(size)+1e-9))-3)
	}
	return minus(strconv.FormatFloat(round(v, 4), 'f', -1, 64))
}

// scientific writes v as 2.5×10⁶, its last digit at the decimal exponent unit.
func scientific(v float64, unit int) string {
	if v == 0 {
		return "0"
	}
	exponent := int(math.Floor(math.Log10(math.Abs(v)) + 1e-9))
	mantissa := strconv.FormatFloat(v/math.Pow(10, float64(exponent)), 'f', max(0, exponent-unit), 64)
	if strings.Contains(mantissa, ".") {
		mantissa = strings.TrimRight(strings.TrimRight(mantissa, "0"), ".")
	}
	return minus(mantissa) + "×10" + superscript(exponent)
}

// round keeps the given number of significant digits.
func round(v float64, digits int) float64 {
	r, err := strconv.ParseFloat(strconv.FormatFloat(v, 'e', digits-1, 64), 64)
	if err != nil {
		return v
	}
	return r
}

// minus gives numbers a true minus sign and drops the sign of zero.
func minus(s string) string {
	if rest, negative := strings.CutPrefix(s, "-"); negative {
		if strings.Trim(rest, "0.") == "" {
			return rest
		}
		return "−" + rest
	}
	return s
}

func superscript(n int) string {
	return strings.NewReplacer("-", "⁻", "0", "⁰", "1", "¹", "2", "²", "3", "³", "4", "⁴",
		"5", "⁵", "6", "⁶", "7", "⁷", "8", "⁸", "9", "⁹").Replace(strconv.Itoa(n))
}
