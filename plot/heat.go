package plot

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// maxCells keeps the file of a heat map under about a megabyte.
const maxCells = 1 << 16

// heatLevels is how many colours a heat map is drawn in: finer steps cannot be
// seen and coarser ones make bands.
const heatLevels = 64

// HeatMap is a matrix in colours, for example |H| over time and subcarrier.
type HeatMap struct {
	Title, Note string
	X, Y        Axis // Range gives the outer edges; zero value counts cells from 0
	// Values are the cells, [y][x], with row 0 at the bottom; all rows have
	// the same length.
	Values [][]float64
	// Color labels the colour bar with unit; its Range fixes the two ends of
	// the colours, values beyond them take the end colour. Logarithmic scales
	// are not supported: give dB.
	Color         Axis
	Width, Height int // px; 0 means 640 and 380
}

// SVG draws the map. It fails on an empty or ragged matrix, one over 65,536
// cells, and values that are not finite.
func (h HeatMap) SVG() ([]byte, error) {
	data, err := h.check()
	if err != nil {
		return nil, fmt.Errorf("heat map %q: %w", h.Title, err)
	}
	if h.X.Range == [2]float64{} {
		h.X.Range[1] = float64(len(h.Values[0]))
	}
	if h.Y.Range == [2]float64{} {
		h.Y.Range[1] = float64(len(h.Values))
	}
	lo, hi := h.Color.fit(data, true, 6)
	bar := scale{lo: lo, hi: hi}
	barTicks := h.Color.ticks(bar, 6)
	widest := 0.0
	for _, t := range barTicks {
		widest = max(widest, textWidth(t.label, tickSize))
	}
	f := &frame{
		Chart: Chart{Title: h.Title, Note: h.Note, X: h.X, Y: h.Y},
		width: size(h.Width, defaultWidth), height: size(h.Height, defaultHeight),
	}
	f.left, f.right, f.top = edge, f.width-edge-widest-axisLabelRow-colorBarWidth-2*colorBarGap, edge
	f.placeTitle()
	f.placeY()
	f.placeX()
	if err := f.checkRoom(); err != nil {
		return nil, fmt.Errorf("heat map %q: %w", h.Title, err)
	}

	c := newCanvas(f.width, f.height, f.summary()+"; "+h.Color.Label)
	f.drawTitle(c)
	f.drawCells(c, h.Values, bar)
	f.drawAxes(c)
	bar.from, bar.to = f.bottom, f.top
	f.drawColorBar(c, h.Color.Label, bar, barTicks, widest)
	return c.bytes(), nil
}

func (h HeatMap) check() (extent, error) {
	data := emptyExtent()
	if h.X.Label == "" || h.Y.Label == "" || h.Color.Label == "" {
		return data, fmt.Errorf("labels are %q, %q and %q for colour; each must say what is measured and its unit",
			h.X.Label, h.Y.Label, h.Color.Label)
	}
	if h.X.Log || h.Y.Log || h.Color.Log || len(h.X.Categories)+len(h.Y.Categories)+len(h.Color.Categories) > 0 {
		return data, errors.New("axes must be linear and without categories; give logarithmic values in dB")
	}
	if len(h.Values) == 0 || len(h.Values[0]) == 0 {
		return data, errors.New("there are no values to draw")
	}
	if cells := len(h.Values) * len(h.Values[0]); cells > maxCells {
		return data, fmt.Errorf("\"%d\" cells are too many to see; average neighbours down to %d", cells, maxCells)
	}
	for y, row := range h.Values {
		if len(row) != len(h.Values[0]) {
			return data, fmt.Errorf("row %d has \"%d\" cells and row 0 has %d; all rows must be as long", y, len(row), len(h.Values[0]))
		}
		for x, v := range row {
			if err := h.Color.checkValue(v); err != nil {
				return data, fmt.Errorf("row %d, column %d: %w", y, x, err)
			}
		}
		data.add(row...)
	}
	err := errors.Join(h.X.check("x"), h.Y.check("y"), h.Color.check("colour"), checkSize(h.Width, h.Height))
	return data, err
}

const colorBarWidth, colorBarGap = 14.0, 14.0

// drawCells writes one path per colour, in units of cells: far smaller than one
// rectangle per cell. Runs of one colour in a row are joined.
func (f *frame) drawCells(c *canvas, values [][]float64, bar scale) {
	paths := make([]strings.Builder, heatLevels)
	for y, row := range values {
		top := len(values) - 1 - y
		for x := 0; x < len(row); {
			level, end := heatLevel(bar, row[x]), x+1
			for end < len(row) && heatLevel(bar, row[end]) == level {
				end++
			}
			fmt.Fprintf(&paths[level], "M%d %dh%dv1h-%dz", x, top, end-x, end-x)
			x = end
		}
	}
	width, height := strconv.Itoa(len(values[0])), strconv.Itoa(len(values))
	c.open("svg", "x", px(f.left), "y", px(f.top), "width", px(f.right-f.left), "height", px(f.bottom-f.top),
		"viewBox", "0 0 "+width+" "+height,
		"preserveAspectRatio", "none", "shape-rendering", "crispEdges")
	// Printers leave hairlines between cells; a middle colour behind hides them.
	c.empty("rect", "width", width, "height", height, "fill", heatColor(heatLevels/2))
	for level := range paths {
		if paths[level].Len() > 0 {
			c.empty("path", "fill", heatColor(level), "d", paths[level].String())
		}
	}
	c.close("svg")
}

func (f *frame) drawColorBar(c *canvas, label string, bar scale, ticks []tick, widest float64) {
	x, step := f.right+colorBarGap, (f.bottom-f.top)/heatLevels
	c.open("g", "shape-rendering", "crispEdges")
	for level := range heatLevels {
		c.empty("rect", "x", px(x), "y", px(f.bottom-float64(level+1)*step), "width", px(colorBarWidth), "height", px(step+0.5),
			"fill", heatColor(level))
	}
	c.close("g")
	c.open("g", "class", "plot-ink", "fill", inkColor)
	for _, t := range ticks {
		y := bar.at(t.at)
		c.line(x+colorBarWidth, y, x+colorBarWidth+4, y, "class", "plot-axis", "stroke", mutedColor)
		c.text(x+colorBarWidth+7, y+4, t.label)
	}
	labelX, labelY := x+colorBarWidth+widest+axisLabelRow+4, (f.top+f.bottom)/2
	c.text(labelX, labelY, label, "text-anchor", "middle", "font-size", px(labelSize),
		"transform", "rotate(-90 "+px(labelX)+" "+px(labelY)+")")
	c.close("g")
}

func heatLevel(bar scale, v float64) int {
	level := int((v - bar.lo) / (bar.hi - bar.lo) * heatLevels)
	return min(max(level, 0), heatLevels-1)
}

// viridis are nine even steps of the viridis map of S. van der Walt and N.
// Smith (2015), even in lightness for all kinds of colour vision.
var viridis = [...][3]float64{
	{68, 1, 84}, {71, 44, 122}, {59, 81, 139}, {44, 113, 142}, {33, 144, 141},
	{39, 173, 129}, {92, 200, 99}, {170, 220, 50}, {253, 231, 37},
}

func heatColor(level int) string {
	at := float64(level) / (heatLevels - 1) * float64(len(viridis)-1)
	i := min(int(at), len(viridis)-2)
	var rgb [3]int
	for k := range rgb {
		rgb[k] = int(viridis[i][k] + (at-float64(i))*(viridis[i+1][k]-viridis[i][k]) + 0.5)
	}
	return fmt.Sprintf("#%02x%02x%02x", rgb[0], rgb[1], rgb[2])
}
