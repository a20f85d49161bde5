package plot

import "strings"

func lineStyle(look style) []string {
	pairs := []string{"fill", "none", "stroke", "currentColor", "stroke-width", "2",
		"stroke-linejoin", "round", "stroke-linecap", "butt"}
	if look.dash != "" {
		pairs = append(pairs, "stroke-dasharray", look.dash)
	}
	return pairs
}

// path joins points given in pixels.
func path(xs, ys []float64) string {
	var b strings.Builder
	for i := range xs {
		command := "L"
		if i == 0 {
			command = "M"
		}
		b.WriteString(command + px(xs[i]) + " " + px(ys[i]))
	}
	return b.String()
}

func (f *frame) pixels(s Series, ys []float64) (x, y []float64) {
	xs := s.xs()
	for i := range ys {
		x = append(x, f.x.at(xs[i]))
		y = append(y, f.y.at(ys[i]))
	}
	return x, y
}

func (f *frame) drawBand(c *canvas, _ int, s Series) {
	if !s.Band || s.YLo == nil {
		return
	}
	x, low := f.pixels(s, s.YLo)
	_, high := f.pixels(s, s.YHi)
	for i := len(x) - 1; i >= 0; i-- {
		x, high = append(x, x[i]), append(high, low[i])
	}
	c.empty("path", "d", path(x, high)+"Z", "fill", "currentColor", "fill-opacity", "0.18")
}

func (f *frame) drawCurve(c *canvas, i int, s Series) {
	if s.Kind != Line || len(s.Y) < 2 {
		return
	}
	x, y := f.pixels(s, s.Y)
	c.empty("path", append([]string{"d", path(x, y)}, lineStyle(palette[s.style(i)])...)...)
}

func (f *frame) drawBars(c *canvas, i int, s Series) {
	if s.Kind != Bar {
		return
	}
	foot := f.bottom
	if !f.Y.Log {
		foot = min(max(f.y.at(0), f.top), f.bottom)
	}
	half := f.barWidth() / 2
	for k, v := range s.Y {
		x, y := f.barX(i, s.xs()[k]), f.y.at(v)
		c.open("rect", "x", px(x-half), "y", px(min(y, foot)), "width", px(2*half), "height", px(max(y, foot)-min(y, foot)),
			"fill", "currentColor", "fill-opacity", "0.85")
		c.words("title", f.note(s, k))
		c.close("rect")
	}
}

// barWidth is the width of one bar in px.
func (f *frame) barWidth() float64 {
	return f.groupWidth() / float64(f.numBars(len(f.Series)))
}

// groupWidth is the width of the bars that share one place, in px. Where a
// logarithmic axis has no even spacing, the plot is shared out instead.
func (f *frame) groupWidth() float64 {
	if f.x.log {
		places := 1
		for _, s := range f.Series {
			places = max(places, len(s.Y))
		}
		return barShare * (f.right - f.left) / float64(places+1)
	}
	return barShare * f.barRoom / (f.x.hi - f.x.lo) * (f.right - f.left)
}

// barX is the middle, in px, of the bar that series i has at value x.
func (f *frame) barX(i int, x float64) float64 {
	return f.x.at(x) - f.groupWidth()/2 + f.barWidth()*(float64(f.numBars(i))+0.5)
}

// numBars counts the bar series before position i.
func (f *frame) numBars(i int) int {
	n := 0
	for _, s := range f.Series[:i] {
		if s.Kind == Bar {
			n++
		}
	}
	return n
}

func (f *frame) drawErrorBars(c *canvas, i int, s Series) {
	look := []string{"fill", "none", "stroke-width", "1.4", "stroke", "currentColor"}
	if s.Kind == Bar {
		// On its own bar the series colour would vanish.
		look = []string{"fill", "none", "stroke-width", "1.4", "stroke", inkColor, "class", "plot-whisker"}
	}
	xs := s.xs()
	for k := range s.Y {
		x, y := f.x.at(xs[k]), f.y.at(s.Y[k])
		if s.Kind == Bar {
			x = f.barX(i, xs[k])
		}
		if s.YLo != nil && !s.Band {
			c.empty("path", append(look, "d", upright(x, f.y.at(s.YLo[k]), f.y.at(s.YHi[k])))...)
		}
		if s.XLo != nil {
			c.empty("path", append(look, "d", level(y, f.x.at(s.XLo[k]), f.x.at(s.XHi[k])))...)
		}
	}
}

// whisker is half the width of the stroke that ends an error bar, in px.
const whisker = 3.5

// upright is an error bar at x from lo to hi.
func upright(x, lo, hi float64) string {
	return path([]float64{x, x}, []float64{lo, hi}) +
		path([]float64{x - whisker, x + whisker}, []float64{lo, lo}) +
		path([]float64{x - whisker, x + whisker}, []float64{hi, hi})
}

// level is an error bar at y from lo to hi.
func level(y, lo, hi float64) string {
	return path([]float64{lo, hi}, []float64{y, y}) +
		path([]float64{lo, lo}, []float64{y - whisker, y + whisker}) +
		path([]float64{hi, hi}, []float64{y - whisker, y + whisker})
}

// drawMarkers stands outside the clipped area, so that a marker on its border
// stays whole.
func (f *frame) drawMarkers(c *canvas, i int, s Series) {
	if s.Kind == Bar || s.Kind == Line && len(s.Y) > maxMarked {
		return
	}
	look, radius := palette[s.style(i)], 3.6
	if len(s.Y) > maxNoted {
		look.marker, radius = marker{circle, true}, 1.8
	}
	for k, x := range s.xs() {
		if !f.x.shows(x) || !f.y.shows(s.Y[k]) {
			continue
		}
		note := ""
		if len(s.Y) <= maxNoted {
			note = f.note(s, k)
		}
		look.marker.draw(c, f.x.at(x), f.y.at(s.Y[k]), radius, note)
	}
}

// note is what hovering over point k shows.
func (f *frame) note(s Series, k int) string {
	text := f.X.say(s.xs()[k], s.XLo, s.XHi, k) + ", " + f.Y.say(s.Y[k], s.YLo, s.YHi, k)
	if s.Name != "" {
		text = s.Name + ": " + text
	}
	return text
}

// say names a value on the axis, with its interval.
func (a Axis) say(v float64, lo, hi []float64, k int) string {
	if i := int(v); len(a.Categories) > 0 && float64(i) == v {
		return a.Categories[i]
	}
	text := number(v)
	if lo != nil {
		text += " [" + number(lo[k]) + ", " + number(hi[k]) + "]"
	}
	return text
}
