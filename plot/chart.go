// Package plot draws the figures of reports and papers as SVG and PNG, and small ones
// as text for a terminal.
//
//	chart := plot.Chart{
//		Title: "Prediction error over speed",
//		X:     plot.Axis{Label: "UE speed (km/h)"},
//		Y:     plot.Axis{Label: "NMSE (dB)"},
//		Series: []plot.Series{
//			{Name: "hold", X: speeds, Y: hold},
//			{Name: "WiFo", X: speeds, Y: wifo, YLo: lows, YHi: highs, Band: true},
//		},
//		Lines: []plot.RefLine{{Label: "Bayes bound", At: -18.2}},
//	}
//	svg, err := chart.SVG()
//
// # What a chart promises
//
// Both axes carry a label, which names the unit. The legend stands below the
// data or to the right of them, never on them. Up to [MaxSeries] series can be
// told apart three times over: by colour (chosen for colour-blind readers after
// M. Okabe and K. Ito, "Color Universal Design", 2008, and P. Tol's schemes), by
// dash and by marker, so that a black and white print still reads. Hovering over
// a marker shows its numbers; there is no script.
//
// The same chart gives the same bytes on every run. The file stands alone in a
// paper; inside an HTML page the classes plot-ground, plot-ink, plot-grid and
// plot-1 to plot-10 let a style sheet recolour it for a dark page. It defines no
// id, so any number of figures share one page.
//
// All words are the caller's, so a chart is translated by giving it other
// strings. [PNG] turns what was drawn into pixels. [HeatMap] draws a matrix, [Chart.Text] a chart in characters and
// [Spark] one line of blocks.
package plot

import (
	"errors"
	"fmt"
	"math"
)

// MaxSeries is how many series one chart can show apart.
const MaxSeries = 10

// Kind is how a series is drawn.
type Kind int

// The kinds of series. A chart may mix them.
const (
	Line    Kind = iota // points joined by a line
	Scatter             // points alone
	Bar                 // bars from zero, or from the foot of a logarithmic axis
)

// LegendPlace is where the legend stands. It never covers data.
type LegendPlace int

// The places of a legend. A chart with one unnamed series has none.
const (
	Below LegendPlace = iota
	Right
)

// Axis describes one axis.
type Axis struct {
	Label      string     // what is measured, with its unit: "NMSE (dB)"; required
	Log        bool       // logarithmic; every value must be positive
	Range      [2]float64 // lower and upper end; zero value fits the data
	Ticks      []float64  // where ticks stand; nil chooses round numbers
	Categories []string   // names for positions 0, 1, 2 ...; a Y axis has the first on top
}

// Series is one curve, cloud or row of bars.
type Series struct {
	Name string // legend entry; required when there are several series
	Kind Kind
	X    []float64 // nil counts 0, 1, 2 ..., which suits categories
	Y    []float64
	// Interval ends around Y, as values and not as distances; nil draws none.
	// Band shades between them, otherwise they are error bars.
	YLo, YHi []float64
	Band     bool
	XLo, XHi []float64 // interval ends around X, drawn as error bars
	// Style fixes colour, dash and marker, 1 to MaxSeries, so that a method
	// looks the same in every figure; 0 takes the position in the chart.
	Style int
}

// RefLine is a dashed line across the plot, such as a bound, labelled in the
// margin at its end.
type RefLine struct {
	Label    string
	At       float64 // value on the Y axis, or on the X axis when Vertical
	Vertical bool
}

// Chart is a figure with two axes.
type Chart struct {
	Title  string // may be empty where a caption says it
	Note   string // small line under the title, such as n and the interval
	X, Y   Axis
	Series []Series
	Lines  []RefLine
	Legend LegendPlace
	// Width and Height are those of the picture in px, without a legend below
	// it; 0 means 640 and 380.
	Width, Height int
}

// SVG draws the chart. It fails, naming the series, on data that are empty, of
// unequal length or not finite, on values a logarithmic axis cannot show, and on
// a size that its words leave no room in.
func (c Chart) SVG() ([]byte, error) {
	if err := c.check(); err != nil {
		return nil, fmt.Errorf("chart %q: %w", c.Title, err)
	}
	f := newFrame(c)
	if err := f.checkRoom(); err != nil {
		return nil, fmt.Errorf("chart %q: %w", c.Title, err)
	}
	return f.draw(), nil
}

func (c Chart) check() error {
	if c.X.Label == "" || c.Y.Label == "" {
		return fmt.Errorf("axis labels are %q and %q; both must say what is measured and its unit", c.X.Label, c.Y.Label)
	}
	if err := checkSize(c.Width, c.Height); err != nil {
		return err
	}
	if len(c.Series) == 0 {
		return errors.New("there is no series to draw")
	}
	if len(c.Series) > MaxSeries {
		return fmt.Errorf("\"%d\" series cannot be told apart; draw at most %d and split the rest into a second chart",
			len(c.Series), MaxSeries)
	}
	if err := c.X.check("x"); err != nil {
		return err
	}
	if err := c.Y.check("y"); err != nil {
		return err
	}
	named := map[string]bool{}
	for i, s := range c.Series {
		if len(c.Series) > 1 && (s.Name == "" || named[s.Name]) {
			return fmt.Errorf("series %d is named %q; with several series each needs its own name", i+1, s.Name)
		}
		named[s.Name] = true
		if err := s.check(c.X, c.Y); err != nil {
			return fmt.Errorf("series %q: %w", s.Name, err)
		}
	}
	return c.checkLines()
}

func (c Chart) checkLines() error {
	for _, l := range c.Lines {
		axis := c.Y
		if l.Vertical {
			axis = c.X
		}
		if err := axis.checkValue(l.At); err != nil {
			return fmt.Errorf("reference line %q: %w", l.Label, err)
		}
	}
	return nil
}

func (a Axis) check(name string) error {
	if a.Log && len(a.Categories) > 0 {
		return fmt.Errorf("%s axis %q has categories and a logarithmic scale; choose one", name, a.Label)
	}
	for _, v := range append(a.Range[:], a.Ticks...) {
		if !finite(v) {
			return fmt.Errorf("%s axis %q: range or tick \"%g\" is not finite", name, a.Label, v)
		}
	}
	if a.Range == [2]float64{} {
		return nil
	}
	if a.Range[0] >= a.Range[1] || a.Log && a.Range[0] <= 0 {
		return fmt.Errorf("%s axis %q: range \"%g to %g\" must run upwards, and from above 0 on a logarithmic axis",
			name, a.Label, a.Range[0], a.Range[1])
	}
	return nil
}

// checkValue says why the axis cannot show v.
func (a Axis) checkValue(v float64) error {
	switch {
	case !finite(v):
		return fmt.Errorf("value \"%g\" is not finite; leave the point out or find where it came from", v)
	case math.Abs(v) > 1e150:
		return fmt.Errorf("value \"%g\" is too large to draw", v)
	case a.Log && v <= 0:
		return fmt.Errorf("value \"%g\" is not positive; axis %q is logarithmic", v, a.Label)
	case len(a.Categories) > 0 && (v < 0 || v > float64(len(a.Categories)-1)):
		return fmt.Errorf("position \"%g\" has no category; axis %q has %d, counted from 0", v, a.Label, len(a.Categories))
	}
	return nil
}

func (s Series) check(x, y Axis) error {
	if len(s.Y) == 0 {
		return errors.New("it is empty; leave it out or give it points")
	}
	if s.Style < 0 || s.Style > MaxSeries {
		return fmt.Errorf("style \"%d\" is not one of 1 to %d, or 0 for the next", s.Style, MaxSeries)
	}
	if s.Kind < Line || s.Kind > Bar {
		return fmt.Errorf("kind \"%d\" is not one of Line, Scatter, Bar", s.Kind)
	}
	if s.Kind == Bar && len(y.Categories) > 0 {
		return errors.New("bars stand on the x axis; give the categories to that axis")
	}
	columns := []struct {
		name   string
		values []float64
		axis   Axis
	}{{"x", s.xs(), x}, {"y", s.Y, y}, {"xlo", s.XLo, x}, {"xhi", s.XHi, x}, {"ylo", s.YLo, y}, {"yhi", s.YHi, y}}
	for _, column := range columns {
		if column.values == nil {
			continue
		}
		if len(column.values) != len(s.Y) {
			return fmt.Errorf("it has \"%d\" %s values for %d y values; both must have the same number",
				len(column.values), column.name, len(s.Y))
		}
		for i, v := range column.values {
			if err := column.axis.checkValue(v); err != nil {
				return fmt.Errorf("%s[%d]: %w", column.name, i, err)
			}
		}
	}
	if err := checkInterval("y", s.YLo, s.YHi); err != nil {
		return err
	}
	return checkInterval("x", s.XLo, s.XHi)
}

func checkInterval(name string, lo, hi []float64) error {
	if (lo == nil) != (hi == nil) {
		return fmt.Errorf("its %s interval has one end; give both or neither", name)
	}
	for i := range lo {
		if lo[i] > hi[i] {
			return fmt.Errorf("%s interval %d runs downwards, \"%g to %g\"; write the smaller end first", name, i, lo[i], hi[i])
		}
	}
	return nil
}

// xs is where the points stand along the X axis.
func (s Series) xs() []float64 {
	if s.X != nil {
		return s.X
	}
	x := make([]float64, len(s.Y))
	for i := range x {
		x[i] = float64(i)
	}
	return x
}

// style is the palette entry of the series at a position, counted from 0.
func (s Series) style(position int) int {
	if s.Style > 0 {
		return s.Style - 1
	}
	return position
}

const (
	defaultWidth, defaultHeight = 640, 380
	minSize, maxSize            = 160, 8192
)

// checkSize accepts 0 for the default.
func checkSize(width, height int) error {
	for _, size := range []int{width, height} {
		if size != 0 && (size < minSize || size > maxSize) {
			return fmt.Errorf("size \"%d x %d\" px is out of range; each side must be %d to %d, or 0 for the default",
				width, height, minSize, maxSize)
		}
	}
	return nil
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }
