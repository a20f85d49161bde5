package plot

import (
	"fmt"
	"math"
	"slices"
)

const (
	edge         = 14.0 // empty border of the picture
	tickLength   = 5.0
	barShare     = 0.78 // of the room between two groups of bars
	labelRow     = 16.0 // a row of tick or reference labels
	axisLabelRow = 20.0
	slope        = math.Pi / 5 // of category names that do not fit side by side
	nameRow      = 14.0        // a further line of a category name
	maxNameLines = 3
)

// frame is a chart with every measure decided: where the plot area lies, how
// values map to pixels and where ticks stand.
type frame struct {
	Chart
	width, height            float64 // of the picture, with its legend
	left, right, top, bottom float64 // of the plot area
	x, y                     scale
	xTicks, yTicks           []tick
	sloped                   bool // category names under the plot are slanted
	legend                   legend
	titleLines, noteLines    []string
	barRoom                  float64 // distance of two groups of bars, in X units
}

func newFrame(c Chart) *frame {
	f := &frame{Chart: c, width: size(c.Width, defaultWidth), height: size(c.Height, defaultHeight)}
	f.barRoom = f.barSpacing()
	f.left, f.right, f.top = edge, f.width-edge, edge
	f.placeTitle()
	f.legend = newLegend(c, f.width-2*edge)
	if c.Legend == Right {
		f.right -= f.legend.width
	}
	f.placeLineLabels()
	f.placeY()
	f.placeX()
	if c.Legend == Below {
		f.height += f.legend.height
	}
	return f
}

// checkRoom refuses a picture whose words have eaten the plot area.
func (f *frame) checkRoom() error {
	const least = 60
	if w, h := f.right-f.left, f.bottom-f.top; w < least || h < least {
		return fmt.Errorf("title, labels and legend leave the data no room, \"%.0f x %.0f\" px; make the chart larger, "+
			"shorten its words or put the legend below", w, h)
	}
	return nil
}

func size(asked, otherwise int) float64 {
	if asked == 0 {
		asked = otherwise
	}
	return float64(asked)
}

func (f *frame) placeTitle() {
	if f.Title != "" {
		f.titleLines = wrap(f.Title, f.width-2*edge, titleSize)
	}
	if f.Note != "" {
		f.noteLines = wrap(f.Note, f.width-2*edge, tickSize)
	}
	f.top += titleSize*lineHeight*float64(len(f.titleLines)) + tickSize*lineHeight*float64(len(f.noteLines))
	if len(f.titleLines)+len(f.noteLines) > 0 {
		f.top += 8
	}
}

// placeLineLabels keeps room in the right and upper margin for the words of
// reference lines.
func (f *frame) placeLineLabels() {
	widest, above := 0.0, false
	for _, l := range f.Lines {
		if l.Vertical {
			above = above || l.Label != ""
		} else if l.Label != "" {
			widest = max(widest, textWidth(l.Label, tickSize)+12)
		}
	}
	f.right -= min(widest, 0.4*f.width)
	if above {
		f.top += labelRow
	}
}

// placeY fits the Y axis and makes room for its labels on the left.
func (f *frame) placeY() {
	f.bottom = f.height - edge - axisLabelRow - labelRow
	numTicks := max(2, int((f.bottom-f.top)/45))
	lo, hi := f.Y.fit(f.extentY(), false, numTicks)
	f.y = scale{lo: lo, hi: hi, log: f.Y.Log}
	f.yTicks = f.Y.ticks(f.y, numTicks)
	widest := 0.0
	for i, t := range f.yTicks {
		f.yTicks[i].label = shorten(t.label, 0.4*f.width, tickSize)
		widest = max(widest, textWidth(f.yTicks[i].label, tickSize))
	}
	f.left += axisLabelRow + widest + tickLength + 4
}

// placeX fits the X axis; long category names under it cost height.
func (f *frame) placeX() {
	numTicks := max(2, int((f.right-f.left)/75))
	lo, hi := f.X.fit(f.extentX(), true, numTicks)
	f.x = scale{lo: lo, hi: hi, log: f.X.Log, from: f.left, to: f.right}
	f.xTicks = f.X.ticks(f.x, numTicks)
	if len(f.X.Categories) > 0 {
		f.placeNames()
	}
	f.y.from, f.y.to = f.bottom, f.top
	if len(f.Y.Categories) > 0 {
		f.y.from, f.y.to = f.top, f.bottom // the first name stands on top, as in a table
	}
}

// placeNames breaks category names under the plot into lines, or slants them
// where a word is wider than its room.
func (f *frame) placeNames() {
	room := (f.right-f.left)/float64(len(f.xTicks)) - 8
	mostLines, widest := 1, 0.0
	for i, t := range f.xTicks {
		lines := wrap(t.label, room, tickSize)
		mostLines = max(mostLines, len(lines))
		for _, line := range lines {
			f.sloped = f.sloped || textWidth(line, tickSize) > room
		}
		f.xTicks[i].label = shorten(t.label, 0.35*f.height/math.Sin(slope), tickSize)
		widest = max(widest, textWidth(f.xTicks[i].label, tickSize))
	}
	if f.sloped = f.sloped || mostLines > maxNameLines; f.sloped {
		f.bottom -= widest * math.Sin(slope)
		return
	}
	f.bottom -= float64(mostLines-1) * nameRow
	for i := range f.xTicks {
		f.xTicks[i].lines = wrap(f.X.Categories[i], room, tickSize)
	}
}

func (f *frame) extentX() extent {
	e := emptyExtent()
	for _, s := range f.Series {
		e.add(s.XLo...)
		e.add(s.XHi...)
		for _, x := range s.xs() {
			e.add(x)
			if s.Kind == Bar && !f.X.Log {
				e.add(x-f.barRoom/2, x+f.barRoom/2)
			}
		}
	}
	f.addLines(&e, true)
	return e
}

func (f *frame) extentY() extent {
	e := emptyExtent()
	for _, s := range f.Series {
		e.add(s.Y...)
		e.add(s.YLo...)
		e.add(s.YHi...)
		if s.Kind == Bar && !f.Y.Log {
			e.add(0)
		}
	}
	f.addLines(&e, false)
	return e
}

func (f *frame) addLines(e *extent, vertical bool) {
	for _, l := range f.Lines {
		if l.Vertical == vertical {
			e.add(l.At)
		}
	}
}

// barSpacing is the smallest distance between two places where bars stand.
func (f *frame) barSpacing() float64 {
	if len(f.X.Categories) > 0 {
		return 1
	}
	var places []float64
	for _, s := range f.Series {
		if s.Kind == Bar {
			places = append(places, s.xs()...)
		}
	}
	slices.Sort(places)
	spacing := math.Inf(1)
	for i := 1; i < len(places); i++ {
		if gap := places[i] - places[i-1]; gap > 0 {
			spacing = min(spacing, gap)
		}
	}
	if !finite(spacing) {
		return 1
	}
	return spacing
}

// spread moves labels of the given sizes apart until none overlap, keeping them
// in order and near to where they want to be, within lo and hi where they fit.
func spread(wanted, sizes []float64, lo, hi float64) []float64 {
	placed := slices.Clone(wanted)
	order := ascending(wanted)
	for i, at := range order {
		limit := lo + sizes[at]/2
		if i > 0 {
			before := order[i-1]
			limit = placed[before] + (sizes[before]+sizes[at])/2
		}
		placed[at] = max(placed[at], limit)
	}
	for i := len(order) - 1; i >= 0; i-- {
		at := order[i]
		limit := hi - sizes[at]/2
		if i+1 < len(order) {
			after := order[i+1]
			limit = placed[after] - (sizes[after]+sizes[at])/2
		}
		placed[at] = min(placed[at], limit)
	}
	return placed
}
