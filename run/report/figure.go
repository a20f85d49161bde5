package report

import (
	"fmt"

	"github.com/comlam/comlam/plot"
)

// narrowWidth is how wide a picture for a telephone is drawn, in px, so that
// its words keep their size on a screen 400 px wide.
const narrowWidth = 400

// ChartFigure draws a chart in both languages and in two widths: as wide as
// the chart says, and for a telephone. en and zh differ in their words only.
func ChartFigure(caption Text, en, zh plot.Chart) (Figure, error) {
	narrow := func(c plot.Chart) plot.Chart {
		// Names beside the data would leave a telephone no room for them.
		c.Width, c.Legend = narrowWidth, plot.Below
		return c
	}
	return drawFigure(caption, en, zh, narrow(en), narrow(zh))
}

// HeatMapFigure draws a heat map in both languages and in two widths.
func HeatMapFigure(caption Text, en, zh plot.HeatMap) (Figure, error) {
	narrow := func(h plot.HeatMap) plot.HeatMap {
		h.Width, h.Height = narrowWidth, narrowWidth*3/4
		return h
	}
	return drawFigure(caption, en, zh, narrow(en), narrow(zh))
}

// drawFigure takes the pictures in the order of Figure's fields.
func drawFigure(caption Text, pictures ...interface{ SVG() ([]byte, error) }) (Figure, error) {
	f := Figure{Caption: caption}
	for i, into := range []*[]byte{&f.SVG, &f.SVGZH, &f.Narrow, &f.NarrowZH} {
		svg, err := pictures[i].SVG()
		if err != nil {
			return Figure{}, fmt.Errorf("figure %q: %w", caption.EN, err)
		}
		*into = svg
	}
	return f, nil
}
