package plot

import (
	"fmt"
	"math"
	"strings"
	"unicode/utf8"
)

const (
	defaultColumns, defaultRows = 72, 16
	minColumns, minRows         = 24, 5
)

// textMarks tell series apart in a terminal, by position or Style.
var textMarks = [MaxSeries]rune{'●', '□', '▲', '◇', '▽', '○', '×', '■', '+', '◆'}

// Text draws the chart in characters for a terminal, with every line at most
// columns wide and rows lines of plot area; 0 means 72 and 16. Intervals are
// left out. It fails on the same data as [Chart.SVG], and on fewer than 24
// columns or 5 rows.
func (c Chart) Text(columns, rows int) (string, error) {
	if columns == 0 {
		columns = defaultColumns
	}
	if rows == 0 {
		rows = defaultRows
	}
	if err := c.check(); err != nil {
		return "", fmt.Errorf("chart %q: %w", c.Title, err)
	}
	if columns < minColumns || rows < minRows || columns > maxSize || rows > maxSize {
		return "", fmt.Errorf("chart %q: \"%d x %d\" characters; give at least %d columns and %d rows, or 0 for the default",
			c.Title, columns, rows, minColumns, minRows)
	}
	return newGrid(c, columns, rows).String(), nil
}

// grid is a chart in characters. Cell (0, 0) is the upper left one.
type grid struct {
	frame  *frame
	cells  [][]rune
	margin int // characters left of the plot area, for tick labels
}

func newGrid(c Chart, columns, rows int) *grid {
	f := &frame{Chart: c}
	f.barRoom = f.barSpacing()
	numTicks := max(2, rows/4)
	lo, hi := c.Y.fit(f.extentY(), false, numTicks)
	f.y = scale{lo: lo, hi: hi, log: c.Y.Log, from: float64(rows - 1), to: 0}
	if len(c.Y.Categories) > 0 {
		f.y.from, f.y.to = 0, float64(rows-1)
	}
	f.yTicks = c.Y.ticks(f.y, numTicks)
	g := &grid{frame: f}
	for i, t := range f.yTicks {
		f.yTicks[i].label = cut(t.label, columns/3)
		g.margin = max(g.margin, utf8.RuneCountInString(f.yTicks[i].label))
	}
	width := columns - g.margin - 2
	lo, hi = c.X.fit(f.extentX(), true, max(2, width/12))
	f.x = scale{lo: lo, hi: hi, log: c.X.Log, from: 0, to: float64(width - 1)}
	f.xTicks = c.X.ticks(f.x, max(2, width/12))
	g.cells = make([][]rune, rows)
	for i := range g.cells {
		g.cells[i] = []rune(strings.Repeat(" ", width))
	}
	for _, l := range c.Lines {
		g.drawLine(l)
	}
	for i, s := range c.Series {
		g.drawSeries(i, s)
	}
	return g
}

func (g *grid) drawLine(l RefLine) {
	f := g.frame
	if l.Vertical {
		for row := range g.cells {
			g.set(f.x.at(l.At), float64(row), '┊')
		}
		return
	}
	for column := range g.cells[0] {
		g.set(float64(column), f.y.at(l.At), '╌')
	}
}

func (g *grid) drawSeries(i int, s Series) {
	x, y := g.frame.pixels(s, s.Y)
	for k := range x {
		if s.Kind == Line && k > 0 {
			g.join(x[k-1], y[k-1], x[k], y[k])
		}
	}
	for k := range x {
		g.set(x[k], y[k], textMarks[s.style(i)])
	}
}

// join dots the way from one point to the next, leaving marks of others alone.
func (g *grid) join(x0, y0, x1, y1 float64) {
	steps := min(max(math.Abs(x1-x0), math.Abs(y1-y0)), 2*maxSize)
	for k := 1.0; k < steps; k++ {
		part := k / steps
		x, y := x0+part*(x1-x0), y0+part*(y1-y0)
		if g.at(x, y) == ' ' {
			g.set(x, y, '·')
		}
	}
}

func (g *grid) at(x, y float64) rune {
	column, row := int(math.Round(x)), int(math.Round(y))
	if row < 0 || row >= len(g.cells) || column < 0 || column >= len(g.cells[0]) {
		return 0
	}
	return g.cells[row][column]
}

func (g *grid) set(x, y float64, r rune) {
	if g.at(x, y) != 0 {
		g.cells[int(math.Round(y))][int(math.Round(x))] = r
	}
}

// String puts titles, axes and the key around the cells.
func (g *grid) String() string {
	f := g.frame
	var b strings.Builder
	for _, line := range []string{f.Title, f.Note, f.Y.Label} {
		if line != "" {
			b.WriteString(line + "\n")
		}
	}
	labels := make(map[int]string)
	for _, t := range f.yTicks {
		if !t.minor {
			labels[int(math.Round(f.y.at(t.at)))] = t.label
		}
	}
	for row, cells := range g.cells {
		axis := "│"
		if labels[row] != "" {
			axis = "┤"
		}
		line := pad(labels[row], g.margin) + " " + axis + string(cells)
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	g.writeXAxis(&b)
	b.WriteString(strings.Repeat(" ", g.margin+2) + f.X.Label + "\n")
	for i, s := range f.Series {
		if s.Name != "" {
			fmt.Fprintf(&b, "  %c %s\n", textMarks[s.style(i)], s.Name)
		}
	}
	for _, l := range f.Lines {
		if mark := "╌"; l.Label != "" {
			if l.Vertical {
				mark = "┊"
			}
			fmt.Fprintf(&b, "  %s %s (%s)\n", mark, l.Label, number(l.At))
		}
	}
	return b.String()
}

// writeXAxis writes the axis line with its ticks and as many labels as fit.
func (g *grid) writeXAxis(b *strings.Builder) {
	width := len(g.cells[0])
	axis, labels := []rune(strings.Repeat("─", width)), []rune(strings.Repeat(" ", width))
	free := 0
	for _, t := range g.frame.xTicks {
		at := int(math.Round(g.frame.x.at(t.at)))
		if t.minor || at < 0 || at >= width {
			continue
		}
		axis[at] = '┬'
		label := []rune(t.label)
		start := min(max(at-len(label)/2, 0), width-len(label))
		if start < free {
			continue
		}
		copy(labels[start:], label)
		free = start + len(label) + 1
	}
	margin := strings.Repeat(" ", g.margin+1)
	b.WriteString(margin + "└" + string(axis) + "\n")
	b.WriteString(strings.TrimRight(margin+" "+string(labels), " ") + "\n")
}

func pad(s string, width int) string {
	return strings.Repeat(" ", max(0, width-utf8.RuneCountInString(s))) + s
}

func cut(s string, width int) string {
	if runes := []rune(s); len(runes) > width {
		return string(runes[:max(0, width-1)]) + "…"
	}
	return s
}

// Spark draws values as one line of blocks, the smallest as the lowest, at most
// width characters long: more values are averaged in equal shares. Values that
// are not finite are shown as a gap. A width below 1 gives an empty line.
func Spark(values []float64, width int) string {
	blocks := []rune("▁▂▃▄▅▆▇█")
	if width < 1 {
		return ""
	}
	shares := average(values, min(width, len(values)))
	data := emptyExtent()
	for _, v := range shares {
		if finite(v) {
			data.add(v)
		}
	}
	line := make([]rune, len(shares))
	for i, v := range shares {
		switch {
		case !finite(v):
			line[i] = ' '
		case data.lo == data.hi:
			line[i] = blocks[len(blocks)/2]
		default:
			level := int((v - data.lo) / (data.hi - data.lo) * float64(len(blocks)))
			line[i] = blocks[min(max(level, 0), len(blocks)-1)]
		}
	}
	return string(line)
}

// average cuts values into n runs of nearly equal length and averages what is
// finite in each; a run with nothing finite is NaN.
func average(values []float64, n int) []float64 {
	shares := make([]float64, n)
	for i := range shares {
		sum, count := 0.0, 0.0
		for _, v := range values[i*len(values)/n : (i+1)*len(values)/n] {
			if finite(v) {
				sum += v
				count++
			}
		}
		shares[i] = sum / count
	}
	return shares
}
