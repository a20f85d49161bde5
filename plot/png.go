package plot

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
)

// maxPixels of a picture.
const maxPixels = 1 << 26

// ErrLetter says that the fonts of PNG lack a letter.
var ErrLetter = errors.New("a letter that PNG figures lack; write .svg, or use other words")

// CheckPNG reports with ErrLetter a text that PNG could not show, before there is a
// picture.
func CheckPNG(text string) error {
	var f fonts
	_, _, err := f.layOut(text, false)
	return err
}

// PNG paints a picture that this package drew as SVG, at scale pixels a px: 2 suits
// slides, 4 print. It knows the part of SVG that is used here, nothing more. Letters
// are those of the Go fonts: Latin, Greek and Cyrillic. Others are refused with
// ErrLetter: a figure with Chinese words has to stay SVG.
func PNG(svg []byte, scale float64) ([]byte, error) {
	if !(scale > 0 && scale <= 64) {
		return nil, fmt.Errorf("a scale of %g pixels a px is out of range; use more than 0, at most 64", scale)
	}
	p := &painter{scale: scale}
	if err := p.paint(svg); err != nil {
		return nil, fmt.Errorf("paint a figure: %w", err)
	}
	var out bytes.Buffer
	if err := png.Encode(&out, p.img); err != nil {
		return nil, fmt.Errorf("paint a figure: %w", err)
	}
	return out.Bytes(), nil
}

// A look is what elements inherit.
type look struct {
	m            matrix
	clip         image.Rectangle
	color        color.RGBA // currentColor
	fill, stroke paint
	width        float64 // of the stroke, in px
	dash         []float64
	opacity      float64 // of the fill
	round        bool    // ends of strokes
	crisp        bool    // edges on whole pixels
	size         float64 // of letters, in px
	bold         bool
	anchor       string
}

// A paint is a colour, currentColor, or none.
type paint struct {
	color   color.RGBA
	current bool
	none    bool
}

// painter walks the elements of a picture.
type painter struct {
	scale float64
	img   *image.RGBA
	looks []look
	fonts fonts
}

func (p *painter) paint(svg []byte) error {
	d := xml.NewDecoder(bytes.NewReader(svg))
	depthOfText, words := 0, ""
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			if p.img == nil {
				return errors.New("there is no picture in it")
			}
			return nil
		}
		if err != nil {
			return err
		}
		switch t := token.(type) {
		case xml.StartElement:
			if err := p.open(t); err != nil {
				return fmt.Errorf("element %s: %w", t.Name.Local, err)
			}
			if t.Name.Local == "text" {
				depthOfText, words = len(p.looks), ""
			}
		case xml.CharData:
			if depthOfText > 0 && depthOfText == len(p.looks) {
				words += string(t)
			}
		case xml.EndElement:
			if t.Name.Local == "text" {
				if err := p.write(p.looks[len(p.looks)-1], words); err != nil {
					return err
				}
				depthOfText = 0
			}
			p.looks = p.looks[:len(p.looks)-1]
		}
	}
}

// attributes of an element by name.
func attributes(e xml.StartElement) map[string]string {
	m := map[string]string{}
	for _, a := range e.Attr {
		m[a.Name.Local] = a.Value
	}
	return m
}

// open enters an element: its look is that around it, changed.
func (p *painter) open(e xml.StartElement) error {
	at := attributes(e)
	if p.img == nil {
		if e.Name.Local != "svg" {
			return errors.New("a picture starts with svg")
		}
		w, h := math.Ceil(number64(at["width"])*p.scale), math.Ceil(number64(at["height"])*p.scale)
		if !(w >= 1 && h >= 1 && w*h <= maxPixels) {
			return fmt.Errorf("%g x %g pixels are out of range; use a smaller scale", w, h)
		}
		p.img = image.NewRGBA(image.Rect(0, 0, int(w), int(h)))
		p.looks = []look{{m: matrix{p.scale, 0, 0, p.scale, 0, 0}, clip: p.img.Rect, width: 1, opacity: 1, size: tickSize, stroke: paint{none: true}}}
	}
	l := p.looks[len(p.looks)-1]
	if err := l.change(at); err != nil {
		return err
	}
	var err error
	switch e.Name.Local {
	case "svg":
		l.enter(at)
	case "rect":
		x, y, w, h := number64(at["x"]), number64(at["y"]), number64(at["width"]), number64(at["height"])
		p.draw(l, []line{{points: []point{{x, y}, {x + w, y}, {x + w, y + h}, {x, y + h}}, closed: true}})
	case "path":
		var lines []line
		if lines, err = readPath(at["d"]); err == nil {
			p.draw(l, lines)
		}
	case "text":
		l.m = l.m.shift(number64(at["x"]), number64(at["y"]))
	}
	p.looks = append(p.looks, l)
	return err
}

// enter a nested picture: its place, its own units and its border.
func (l *look) enter(at map[string]string) {
	x, y, w, h := number64(at["x"]), number64(at["y"]), number64(at["width"]), number64(at["height"])
	a, b := l.m.apply(point{x, y}), l.m.apply(point{x + w, y + h})
	l.clip = l.clip.Intersect(image.Rect(int(math.Round(a.x)), int(math.Round(a.y)), int(math.Round(b.x)), int(math.Round(b.y))))
	l.m = l.m.shift(x, y)
	if box := strings.Fields(at["viewBox"]); len(box) == 4 {
		sx, sy := w/number64(box[2]), h/number64(box[3])
		l.m = l.m.times(matrix{sx, 0, 0, sy, 0, 0}).shift(-number64(box[0]), -number64(box[1]))
	}
}

// change applies the attributes that are inherited.
func (l *look) change(at map[string]string) error {
	var err error
	if v, ok := at["color"]; ok {
		if l.color, err = readColor(v); err != nil {
			return err
		}
	}
	for name, to := range map[string]*paint{"fill": &l.fill, "stroke": &l.stroke} {
		v, ok := at[name]
		switch {
		case !ok:
		case v == "none":
			*to = paint{none: true}
		case v == "currentColor":
			*to = paint{current: true}
		default:
			*to = paint{}
			if to.color, err = readColor(v); err != nil {
				return err
			}
		}
	}
	for name, to := range map[string]*float64{"stroke-width": &l.width, "fill-opacity": &l.opacity, "font-size": &l.size} {
		if v, ok := at[name]; ok {
			*to = number64(v)
		}
	}
	if v, ok := at["stroke-dasharray"]; ok {
		l.dash = nil
		for _, part := range strings.Fields(v) {
			l.dash = append(l.dash, number64(part))
		}
		if slices.Max(append([]float64{0}, l.dash...)) <= 0 {
			l.dash = nil
		}
	}
	if v, ok := at["text-anchor"]; ok {
		l.anchor = v
	}
	if v, ok := at["font-weight"]; ok {
		l.bold = v >= "600"
	}
	if v, ok := at["stroke-linecap"]; ok {
		l.round = v == "round"
	}
	if v, ok := at["shape-rendering"]; ok {
		l.crisp = v == "crispEdges"
	}
	return l.turn(at["transform"])
}

// turn applies rotate(degrees x y), the only transform that is used.
func (l *look) turn(transform string) error {
	if transform == "" {
		return nil
	}
	inside, ok := strings.CutPrefix(transform, "rotate(")
	parts := strings.Fields(strings.TrimSuffix(inside, ")"))
	if !ok || len(parts) != 3 {
		return fmt.Errorf("transform %q; only rotate(degrees x y) is known", transform)
	}
	sin, cos := math.Sincos(number64(parts[0]) * math.Pi / 180)
	x, y := number64(parts[1]), number64(parts[2])
	l.m = l.m.shift(x, y).times(matrix{cos, sin, -sin, cos, 0, 0}).shift(-x, -y)
	return nil
}

// number64 is a number of the picture; what is none is 0, as is what is absent.
func number64(s string) float64 {
	v, err := strconv.ParseFloat(s, 64)
	if err != nil || !finite(v) {
		return 0
	}
	return v
}

func readColor(s string) (color.RGBA, error) {
	v, err := strconv.ParseUint(strings.TrimPrefix(s, "#"), 16, 32)
	if err != nil || len(s) != 7 || s[0] != '#' {
		return color.RGBA{}, fmt.Errorf("colour %q; write it like #1f2730", s)
	}
	return color.RGBA{uint8(v >> 16), uint8(v >> 8), uint8(v), 255}, nil
}
