package plot

import (
	"cmp"
	"math"
	"slices"
)

const (
	sampleWidth = 28.0 // the piece of line or bar before a name
	legendRow   = 19.0
	legendGap   = 18.0 // between two columns
	legendHead  = 10.0 // above the first row
)

// legend is the table of series names, as wide and high as it needs.
type legend struct {
	names         []string
	columns       int
	column        float64 // width of one
	width, height float64 // 0 where there is no legend
}

func newLegend(c Chart, room float64) legend {
	var l legend
	if len(c.Series) == 1 && c.Series[0].Name == "" {
		return l
	}
	limit := room - sampleWidth
	if c.Legend == Right {
		limit = 0.4 * room
	}
	for _, s := range c.Series {
		name := shorten(s.Name, limit, tickSize)
		l.names = append(l.names, name)
		l.column = max(l.column, sampleWidth+8+textWidth(name, tickSize)+legendGap)
	}
	l.columns = 1
	if c.Legend == Below {
		l.columns = min(len(l.names), max(1, int((room+legendGap)/l.column)))
		// Even rows: six names are three and three, not five and one.
		rows := (len(l.names) + l.columns - 1) / l.columns
		l.columns = (len(l.names) + rows - 1) / rows
	}
	rows := math.Ceil(float64(len(l.names)) / float64(l.columns))
	l.width, l.height = float64(l.columns)*l.column, rows*legendRow+legendHead
	return l
}

// drawLegend writes the legend at its place outside the plot area.
func (f *frame) drawLegend(c *canvas) {
	l := f.legend
	if len(l.names) == 0 {
		return
	}
	x0, y0 := f.width-edge-l.width+legendGap, f.top+legendRow/2
	if f.Legend == Below {
		// Centred under the plot area, or as far left as it must begin.
		x0 = max(edge, min((f.left+f.right-l.width+legendGap)/2, f.width-edge-l.width+legendGap))
		y0 = f.height - edge/2 - l.height + legendHead + legendRow/2 - 4
	}
	for i, name := range l.names {
		x, y := x0+float64(i%l.columns)*l.column, y0+float64(i/l.columns)*legendRow
		f.drawSample(c, i, x, y)
		c.text(x+sampleWidth+6, y+4, name, "class", "plot-ink", "fill", inkColor)
	}
}

// drawSample draws what a series looks like, 28 px wide around height y.
func (f *frame) drawSample(c *canvas, i int, x, y float64) {
	s := f.Series[i]
	index := s.style(i)
	look := palette[index]
	c.open("g", "class", class(index), "color", look.color)
	if s.Kind == Bar {
		c.empty("rect", "x", px(x+8), "y", px(y-6), "width", "12", "height", "12", "fill", "currentColor")
		c.close("g")
		return
	}
	if s.Band {
		c.empty("rect", "x", px(x), "y", px(y-6), "width", px(sampleWidth), "height", "12",
			"fill", "currentColor", "fill-opacity", "0.18")
	}
	if s.Kind == Line {
		c.line(x, y, x+sampleWidth, y, lineStyle(look)...)
	}
	if s.Kind == Scatter || len(s.Y) <= maxMarked {
		look.marker.draw(c, x+sampleWidth/2, y, 3.6, "")
	}
	c.close("g")
}

// ascending lists the positions of values from the smallest to the largest.
func ascending(values []float64) []int {
	order := make([]int, len(values))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(values[a], values[b]) })
	return order
}
