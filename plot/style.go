package plot

import "strconv"

// style is how one series looks: three independent ways of telling it apart.
type style struct {
	color  string
	dash   string // SVG stroke-dasharray; empty is a solid line
	marker marker
}

// The colours are those of Okabe and Ito without their yellow, which is too
// pale on white, followed by four of Tol's muted scheme.
var palette = [MaxSeries]style{
	{"#0072b2", "", marker{circle, true}},
	{"#d55e00", "7 3", marker{square, true}},
	{"#009e73", "", marker{triangle, true}},
	{"#b4508f", "2 2.5", marker{diamond, true}},
	{"#e69f00", "9 3 2 3", marker{downTriangle, true}},
	{"#3fa3dc", "5 2", marker{circle, false}},
	{"#4b5563", "", marker{cross, false}},
	{"#882255", "12 3", marker{square, false}},
	{"#7f7f1f", "3 2 1 2", marker{plus, false}},
	{"#4332a8", "9 2 2 2 2 2", marker{diamond, false}},
}

// class lets a style sheet recolour the series; the numbers count from 1.
func class(index int) string { return "plot-" + strconv.Itoa(index+1) }

type shape int

const (
	circle shape = iota
	square
	triangle
	diamond
	downTriangle
	cross
	plus
)

type marker struct {
	shape  shape
	filled bool
}

// outline is the marker as path data around (x, y), where r is the radius of
// the circle; the other shapes are sized to look as heavy.
func (m marker) outline(x, y, r float64) string {
	to := func(command string, dx, dy float64) string { return command + px(x+dx*r) + " " + px(y+dy*r) }
	switch m.shape {
	case square:
		return to("M", -.9, -.9) + to("L", .9, -.9) + to("L", .9, .9) + to("L", -.9, .9) + "Z"
	case triangle:
		return to("M", 0, -1.2) + to("L", 1.15, .85) + to("L", -1.15, .85) + "Z"
	case diamond:
		return to("M", 0, -1.35) + to("L", 1.2, 0) + to("L", 0, 1.35) + to("L", -1.2, 0) + "Z"
	case downTriangle:
		return to("M", 0, 1.2) + to("L", 1.15, -.85) + to("L", -1.15, -.85) + "Z"
	case cross:
		return to("M", -.95, -.95) + to("L", .95, .95) + to("M", -.95, .95) + to("L", .95, -.95)
	case plus:
		return to("M", -1.2, 0) + to("L", 1.2, 0) + to("M", 0, -1.2) + to("L", 0, 1.2)
	}
	radius := px(r)
	arc := "A" + radius + " " + radius + " 0 1 1 "
	return to("M", -1, 0) + arc + px(x+r) + " " + px(y) + arc + px(x-r) + " " + px(y) + "Z"
}

// draw puts the marker at (x, y) in the current colour; note is shown on hover
// and may be empty.
func (m marker) draw(c *canvas, x, y, r float64, note string) {
	pairs := []string{"d", m.outline(x, y, r)}
	switch {
	case m.filled:
		pairs = append(pairs, "fill", "currentColor")
	case m.shape == cross || m.shape == plus:
		pairs = append(pairs, "fill", "none", "stroke", "currentColor", "stroke-width", "1.8")
	default:
		pairs = append(pairs, "class", "plot-ground", "fill", groundColor, "stroke", "currentColor", "stroke-width", "1.6")
	}
	if note == "" {
		c.empty("path", pairs...)
		return
	}
	c.open("path", pairs...)
	c.words("title", note)
	c.close("path")
}
