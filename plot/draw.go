package plot

import (
	"math"
	"strings"
)

const (
	maxMarked = 60  // a longer line is drawn without markers
	maxNoted  = 200 // a larger cloud is drawn without hover notes
)

// draw writes the chart from back to front.
func (f *frame) draw() []byte {
	c := newCanvas(f.width, f.height, f.summary())
	f.drawTitle(c)
	f.drawGrid(c)
	w, h := px(f.right-f.left), px(f.bottom-f.top)
	// An inner svg cuts off what lies outside a fixed range, without the id
	// that a clip path would need.
	c.open("svg", "x", px(f.left), "y", px(f.top), "width", w, "height", h,
		"viewBox", px(f.left)+" "+px(f.top)+" "+w+" "+h)
	f.eachSeries(c, f.drawBand)
	f.eachSeries(c, f.drawBars)
	f.drawLines(c)
	f.eachSeries(c, f.drawCurve)
	f.eachSeries(c, f.drawErrorBars)
	c.close("svg")
	f.eachSeries(c, f.drawMarkers)
	f.drawAxes(c)
	f.drawLineLabels(c)
	f.drawLegend(c)
	return c.bytes()
}

// summary is what a screen reader says of the picture.
func (f *frame) summary() string {
	words := []string{f.Title, f.Y.Label + " / " + f.X.Label}
	for _, s := range f.Series {
		words = append(words, s.Name)
	}
	var said []string
	for _, w := range words {
		if w != "" {
			said = append(said, w)
		}
	}
	return strings.Join(said, "; ")
}

func (f *frame) eachSeries(c *canvas, draw func(c *canvas, i int, s Series)) {
	for i, s := range f.Series {
		index := s.style(i)
		c.open("g", "class", class(index), "color", palette[index].color)
		draw(c, i, s)
		c.close("g")
	}
}

func (f *frame) drawTitle(c *canvas) {
	y := edge
	for _, line := range f.titleLines {
		y += titleSize * lineHeight
		c.text(edge, y-4, line, "class", "plot-ink", "fill", inkColor, "font-size", px(titleSize), "font-weight", "600")
	}
	for _, line := range f.noteLines {
		y += tickSize * lineHeight
		c.text(edge, y-3, line, "class", "plot-muted", "fill", mutedColor)
	}
}

func (f *frame) drawGrid(c *canvas) {
	c.open("g", "class", "plot-grid", "stroke", gridColor, "stroke-width", "1")
	for _, t := range f.yTicks {
		c.line(f.left, f.y.at(t.at), f.right, f.y.at(t.at), minorStyle(t)...)
	}
	for _, t := range f.xTicks {
		if len(f.X.Categories) == 0 {
			c.line(f.x.at(t.at), f.top, f.x.at(t.at), f.bottom, minorStyle(t)...)
		}
	}
	c.close("g")
}

func minorStyle(t tick) []string {
	if t.minor {
		return []string{"stroke-opacity", "0.5"}
	}
	return nil
}

// drawAxes writes the two axis lines, ticks, their labels and the axis labels.
func (f *frame) drawAxes(c *canvas) {
	c.open("g", "class", "plot-axis", "stroke", mutedColor, "stroke-width", "1", "fill", "none")
	c.line(f.left, f.top, f.left, f.bottom)
	c.line(f.left, f.bottom, f.right, f.bottom)
	if zero := f.y.at(0); !f.Y.Log && f.hasBars() && zero > f.top && zero < f.bottom {
		c.line(f.left, zero, f.right, zero)
	}
	for _, t := range f.yTicks {
		if !t.minor {
			c.line(f.left-tickLength, f.y.at(t.at), f.left, f.y.at(t.at))
		}
	}
	for _, t := range f.xTicks {
		if !t.minor {
			c.line(f.x.at(t.at), f.bottom, f.x.at(t.at), f.bottom+tickLength)
		}
	}
	c.close("g")
	c.open("g", "class", "plot-ink", "fill", inkColor)
	for _, t := range f.yTicks {
		c.text(f.left-tickLength-4, f.y.at(t.at)+4, t.label, "text-anchor", "end")
	}
	f.drawXTickLabels(c)
	f.drawAxisLabels(c)
	c.close("g")
}

func (f *frame) drawXTickLabels(c *canvas) {
	for _, t := range f.xTicks {
		if t.label == "" {
			continue
		}
		x, y := f.x.at(t.at), f.bottom+tickLength+12
		if f.sloped {
			turn := "rotate(" + px(-slope*180/math.Pi) + " " + px(x+4) + " " + px(y-2) + ")"
			c.text(x+4, y-2, t.label, "text-anchor", "end", "transform", turn)
			continue
		}
		if t.lines == nil {
			t.lines = []string{t.label}
		}
		for i, line := range t.lines {
			c.text(x, y+float64(i)*nameRow, line, "text-anchor", "middle")
		}
	}
}

func (f *frame) drawAxisLabels(c *canvas) {
	below := f.height - edge/2
	if f.Legend == Below {
		below -= f.legend.height
	}
	middle := (f.left + f.right) / 2
	c.text(middle, below-4, f.X.Label, "text-anchor", "middle", "font-size", px(labelSize))
	x, y := edge+labelSize-4, (f.top+f.bottom)/2
	c.text(x, y, f.Y.Label, "text-anchor", "middle", "font-size", px(labelSize),
		"transform", "rotate(-90 "+px(x)+" "+px(y)+")")
}

func (f *frame) hasBars() bool {
	for _, s := range f.Series {
		if s.Kind == Bar {
			return true
		}
	}
	return false
}

// drawLines draws the dashed reference lines.
func (f *frame) drawLines(c *canvas) {
	c.open("g", "class", "plot-axis", "stroke", mutedColor, "stroke-width", "1.3", "stroke-dasharray", "5 4")
	for _, l := range f.Lines {
		if l.Vertical {
			c.line(f.x.at(l.At), f.top, f.x.at(l.At), f.bottom)
		} else {
			c.line(f.left, f.y.at(l.At), f.right, f.y.at(l.At))
		}
	}
	c.close("g")
}

// drawLineLabels writes the words of reference lines into the margins, moved
// apart where lines lie close together.
func (f *frame) drawLineLabels(c *canvas) {
	var side, above []RefLine
	var sideAt, aboveAt, sideSizes, aboveSizes []float64
	for _, l := range f.Lines {
		switch {
		case l.Label == "":
		case l.Vertical && f.x.shows(l.At):
			above, aboveAt = append(above, l), append(aboveAt, f.x.at(l.At))
			aboveSizes = append(aboveSizes, textWidth(l.Label, tickSize)+10)
		case !l.Vertical && f.y.shows(l.At):
			side, sideAt = append(side, l), append(sideAt, f.y.at(l.At))
			sideSizes = append(sideSizes, labelRow)
		}
	}
	c.open("g", "class", "plot-muted", "fill", mutedColor)
	for i, y := range spread(sideAt, sideSizes, f.top-labelRow/2, f.bottom+labelRow/2) {
		c.line(f.right, sideAt[i], f.right+8, y, "class", "plot-axis", "stroke", mutedColor)
		c.text(f.right+11, y+4, shorten(side[i].Label, 0.4*f.width-12, tickSize))
	}
	for i, x := range spread(aboveAt, aboveSizes, f.left, f.width-edge) {
		c.text(x, f.top-5, above[i].Label, "text-anchor", "middle")
	}
	c.close("g")
}
