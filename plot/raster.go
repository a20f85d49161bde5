package plot

import (
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"math"
	"strconv"

	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/sfnt"
	"golang.org/x/image/math/fixed"
	"golang.org/x/image/vector"
)

type point struct{ x, y float64 }

// matrix maps (x, y) to (a x + c y + e, b x + d y + f).
type matrix struct{ a, b, c, d, e, f float64 }

func (m matrix) apply(p point) point {
	return point{m.a*p.x + m.c*p.y + m.e, m.b*p.x + m.d*p.y + m.f}
}

// times is m after n.
func (m matrix) times(n matrix) matrix {
	return matrix{
		m.a*n.a + m.c*n.b, m.b*n.a + m.d*n.b, m.a*n.c + m.c*n.d, m.b*n.c + m.d*n.d,
		m.a*n.e + m.c*n.f + m.e, m.b*n.e + m.d*n.f + m.f,
	}
}

func (m matrix) shift(x, y float64) matrix { return m.times(matrix{1, 0, 0, 1, x, y}) }

// length is how much m makes things larger.
func (m matrix) length() float64 { return math.Sqrt(math.Abs(m.a*m.d - m.b*m.c)) }

// A line is joined points.
type line struct {
	points []point
	closed bool
}

// readPath reads the commands M, L, A (half circles), h, v and z.
func readPath(d string) ([]line, error) {
	var lines []line
	r := pathReader{d}
	for r.rest != "" {
		command := r.rest[0]
		r.rest = r.rest[1:]
		if command == 'M' {
			lines = append(lines, line{points: []point{{r.number(), r.number()}}})
			continue
		}
		if len(lines) == 0 {
			return nil, fmt.Errorf("path %.40q starts without M", d)
		}
		l := &lines[len(lines)-1]
		last := l.points[len(l.points)-1]
		switch command {
		case 'L':
			l.points = append(l.points, point{r.number(), r.number()})
		case 'h':
			l.points = append(l.points, point{last.x + r.number(), last.y})
		case 'v':
			l.points = append(l.points, point{last.x, last.y + r.number()})
		case 'A':
			for range 5 { // radii, turn and flags: all arcs here are half circles
				r.number()
			}
			l.arc(last, point{r.number(), r.number()})
		case 'z', 'Z':
			l.closed = true
		default:
			return nil, fmt.Errorf("path %.40q has the command %q; only M, L, A, h, v and z are known", d, command)
		}
	}
	return lines, nil
}

// arc adds the half circle from a to b, clockwise on the screen.
func (l *line) arc(a, b point) {
	const steps = 16
	middle, radius := point{(a.x + b.x) / 2, (a.y + b.y) / 2}, math.Hypot(b.x-a.x, b.y-a.y)/2
	from := math.Atan2(a.y-b.y, a.x-b.x)
	for i := 1; i <= steps; i++ {
		sin, cos := math.Sincos(from + math.Pi*float64(i)/steps)
		l.points = append(l.points, point{middle.x + radius*cos, middle.y + radius*sin})
	}
}

type pathReader struct{ rest string }

// number reads the next number; where there is none it is 0.
func (r *pathReader) number() float64 {
	start := 0
	for start < len(r.rest) && (r.rest[start] == ' ' || r.rest[start] == ',') {
		start++
	}
	end := start
	for end < len(r.rest) && (r.rest[end] == '-' && end == start || r.rest[end] == '.' || r.rest[end] >= '0' && r.rest[end] <= '9') {
		end++
	}
	v, _ := strconv.ParseFloat(r.rest[start:end], 64)
	r.rest = r.rest[end:]
	return v
}

// draw fills and strokes lines.
func (p *painter) draw(l look, lines []line) {
	if c, ok := l.fill.of(l); ok {
		c.A = uint8(math.Round(255 * min(max(l.opacity, 0), 1)))
		var shapes [][]point
		for _, one := range lines {
			shapes = append(shapes, l.toPixels(one.points))
		}
		p.fillShapes(l.clip, c, shapes)
	}
	if c, ok := l.stroke.of(l); ok && l.width > 0 {
		var shapes [][]point
		for _, one := range lines {
			if one.closed {
				one.points = append(one.points, one.points[0])
			}
			for _, part := range dashes(one.points, l.dash) {
				shapes = append(shapes, l.outline(l.toPixels(part))...)
			}
		}
		p.fillShapes(l.clip, c, shapes)
	}
}

func (t paint) of(l look) (color.RGBA, bool) {
	if t.current {
		return l.color, true
	}
	return t.color, !t.none
}

func (l look) toPixels(points []point) []point {
	list := make([]point, len(points))
	for i, q := range points {
		list[i] = l.m.apply(q)
		if l.crisp {
			list[i] = point{math.Round(list[i].x), math.Round(list[i].y)}
		}
	}
	return list
}

// dashes cuts a line into its dashes.
func dashes(points []point, pattern []float64) [][]point {
	if len(pattern) == 0 {
		return [][]point{points}
	}
	var parts [][]point
	at, left := 0, pattern[0]
	part := []point{points[0]}
	for i := 1; i < len(points); i++ {
		from, to := points[i-1], points[i]
		length := math.Hypot(to.x-from.x, to.y-from.y)
		for done := 0.0; done < length; {
			step := min(left, length-done)
			done, left = done+step, left-step
			q := point{from.x + (to.x-from.x)*done/length, from.y + (to.y-from.y)*done/length}
			part = append(part, q)
			if left <= 1e-9 {
				if at%2 == 0 {
					parts = append(parts, part)
				}
				at++
				left, part = max(pattern[at%len(pattern)], 1e-3), []point{q}
			}
		}
	}
	if at%2 == 0 && len(part) > 1 {
		parts = append(parts, part)
	}
	return parts
}

// outline is a line as shapes to fill, all in one direction so that they unite: a
// rectangle a segment and a disc a joint.
func (l look) outline(points []point) (shapes [][]point) {
	half := l.width * l.m.length() / 2
	for i := 1; i < len(points); i++ {
		a, b := points[i-1], points[i]
		length := math.Hypot(b.x-a.x, b.y-a.y)
		if length == 0 {
			continue
		}
		dx, dy := (b.x-a.x)/length*half, (b.y-a.y)/length*half
		shapes = append(shapes, []point{{a.x + dy, a.y - dx}, {b.x + dy, b.y - dx}, {b.x - dy, b.y + dx}, {a.x - dy, a.y + dx}})
		if half > 0.6 && (i < len(points)-1 || l.round) {
			var disc line
			disc.arc(point{b.x - half, b.y}, point{b.x + half, b.y})
			disc.arc(point{b.x + half, b.y}, point{b.x - half, b.y})
			shapes = append(shapes, disc.points)
		}
	}
	return shapes
}

// fillShapes paints the union of shapes that turn the same way.
func (p *painter) fillShapes(clip image.Rectangle, c color.RGBA, shapes [][]point) {
	bounds := emptyBounds()
	for _, s := range shapes {
		for _, q := range s {
			bounds.add(q)
		}
	}
	box := bounds.pixels().Intersect(p.img.Rect)
	if box.Empty() || box.Intersect(clip).Empty() {
		return
	}
	r := vector.NewRasterizer(box.Dx(), box.Dy())
	r.DrawOp = draw.Src
	for _, s := range shapes {
		for i, q := range s {
			x, y := float32(q.x-float64(box.Min.X)), float32(q.y-float64(box.Min.Y))
			if i == 0 {
				r.MoveTo(x, y)
			} else {
				r.LineTo(x, y)
			}
		}
		r.ClosePath()
	}
	p.blend(r, box, clip, c)
}

// blend puts a colour where the rasterizer covers, within the clip.
func (p *painter) blend(r *vector.Rasterizer, box, clip image.Rectangle, c color.RGBA) {
	mask := image.NewAlpha(image.Rect(0, 0, box.Dx(), box.Dy()))
	r.Draw(mask, mask.Rect, image.Opaque, image.Point{})
	to := box.Intersect(clip)
	ink := image.NewUniform(color.NRGBA(c))
	draw.DrawMask(p.img, to, ink, image.Point{}, mask, to.Min.Sub(box.Min), draw.Over)
}

type bounds struct{ lo, hi point }

func emptyBounds() bounds {
	inf := math.Inf(1)
	return bounds{point{inf, inf}, point{-inf, -inf}}
}

func (b *bounds) add(q point) {
	b.lo, b.hi = point{min(b.lo.x, q.x), min(b.lo.y, q.y)}, point{max(b.hi.x, q.x), max(b.hi.y, q.y)}
}

func (b bounds) pixels() image.Rectangle {
	if !(b.lo.x <= b.hi.x) || math.Abs(b.lo.x)+math.Abs(b.lo.y)+math.Abs(b.hi.x)+math.Abs(b.hi.y) > 1e8 {
		return image.Rectangle{}
	}
	return image.Rect(int(math.Floor(b.lo.x)), int(math.Floor(b.lo.y)), int(math.Ceil(b.hi.x))+1, int(math.Ceil(b.hi.y))+1)
}

// fonts are read when they are first needed.
type fonts struct {
	regular, bold *sfnt.Font
	buffer        sfnt.Buffer
}

func (f *fonts) of(bold bool) (*sfnt.Font, error) {
	to, data := &f.regular, goregular.TTF
	if bold {
		to, data = &f.bold, gobold.TTF
	}
	if *to == nil {
		var err error
		if *to, err = sfnt.Parse(data); err != nil {
			return nil, err
		}
	}
	return *to, nil
}

// raised are letters that the fonts lack, as small ones above the line.
var raised = map[rune]rune{'⁰': '0', '¹': '1', '²': '2', '³': '3', '⁴': '4', '⁵': '5', '⁶': '6', '⁷': '7', '⁸': '8', '⁹': '9', '⁻': '−', 'ⁿ': 'n'}

// A glyph is a letter at its place, in em.
type glyph struct {
	segments sfnt.Segments
	x, y     float64
	size     float64
	perEm    float64
}

// layOut places letters one after the other and returns the width in em.
func (f *fonts) layOut(text string, bold bool) (glyphs []glyph, width float64, err error) {
	font, err := f.of(bold)
	if err != nil {
		return nil, 0, err
	}
	perEm := float64(font.UnitsPerEm())
	for _, letter := range text {
		g := glyph{x: width, size: 1, perEm: perEm}
		if low, ok := raised[letter]; ok {
			letter, g.size, g.y = low, 0.68, 0.36
		}
		index, err := font.GlyphIndex(&f.buffer, letter)
		if err != nil {
			return nil, 0, err
		}
		if index == 0 {
			return nil, 0, fmt.Errorf("%w: %q in %q", ErrLetter, letter, text)
		}
		segments, err := font.LoadGlyph(&f.buffer, index, fixed.I(int(font.UnitsPerEm())), nil)
		if err != nil {
			return nil, 0, err
		}
		g.segments = append(sfnt.Segments(nil), segments...)
		advance, err := font.GlyphAdvance(&f.buffer, index, fixed.I(int(font.UnitsPerEm())), 0)
		if err != nil {
			return nil, 0, err
		}
		glyphs, width = append(glyphs, g), width+float64(advance)/64/perEm*g.size
	}
	return glyphs, width, nil
}

// write paints one line of words at the origin of the look.
func (p *painter) write(l look, text string) error {
	glyphs, width, err := p.fonts.layOut(text, l.bold)
	if err != nil {
		return err
	}
	start := map[string]float64{"middle": -width / 2, "end": -width}[l.anchor]
	c, ok := l.fill.of(l)
	if !ok {
		return nil
	}
	for _, g := range glyphs {
		to := func(q fixed.Point26_6) point {
			x, y := float64(q.X)/64/g.perEm*g.size, float64(q.Y)/64/g.perEm*g.size
			return l.m.apply(point{(start + g.x + x) * l.size, (y - g.y) * l.size})
		}
		p.fillGlyph(l.clip, c, g.segments, to)
	}
	return nil
}

func (p *painter) fillGlyph(clip image.Rectangle, c color.RGBA, segments sfnt.Segments, to func(fixed.Point26_6) point) {
	bounds := emptyBounds()
	for _, s := range segments {
		for _, q := range s.Args[:argsOf(s.Op)] {
			bounds.add(to(q))
		}
	}
	box := bounds.pixels().Intersect(p.img.Rect)
	if box.Empty() {
		return
	}
	r := vector.NewRasterizer(box.Dx(), box.Dy())
	r.DrawOp = draw.Src
	at := func(q fixed.Point26_6) (x, y float32) {
		v := to(q)
		return float32(v.x - float64(box.Min.X)), float32(v.y - float64(box.Min.Y))
	}
	for _, s := range segments {
		x, y := at(s.Args[0])
		switch s.Op {
		case sfnt.SegmentOpMoveTo:
			r.ClosePath()
			r.MoveTo(x, y)
		case sfnt.SegmentOpLineTo:
			r.LineTo(x, y)
		case sfnt.SegmentOpQuadTo:
			x2, y2 := at(s.Args[1])
			r.QuadTo(x, y, x2, y2)
		case sfnt.SegmentOpCubeTo:
			x2, y2 := at(s.Args[1])
			x3, y3 := at(s.Args[2])
			r.CubeTo(x, y, x2, y2, x3, y3)
		}
	}
	r.ClosePath()
	p.blend(r, box, clip, c)
}

func argsOf(op sfnt.SegmentOp) int {
	switch op {
	case sfnt.SegmentOpQuadTo:
		return 2
	case sfnt.SegmentOpCubeTo:
		return 3
	}
	return 1
}
