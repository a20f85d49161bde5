package plot

import (
	"bytes"
	"errors"
	"image"
	"image/color"
	"image/png"
	"strings"
	"testing"
)

// painted is a chart as pixels.
func painted(t *testing.T, svg []byte, scale float64) image.Image {
	t.Helper()
	b, err := PNG(svg, scale)
	if err != nil {
		t.Fatal(err)
	}
	img, err := png.Decode(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	return img
}

func colorAt(img image.Image, x, y float64) color.RGBA {
	return color.RGBAModel.Convert(img.At(int(x), int(y))).(color.RGBA)
}

// count is how many pixels of a part are close to a colour.
func count(img image.Image, part image.Rectangle, like color.RGBA) (n int) {
	for y := part.Min.Y; y < part.Max.Y; y++ {
		for x := part.Min.X; x < part.Max.X; x++ {
			c := colorAt(img, float64(x), float64(y))
			far := func(a, b uint8) int { return max(int(a)-int(b), int(b)-int(a)) }
			if far(c.R, like.R)+far(c.G, like.G)+far(c.B, like.B) < 60 {
				n++
			}
		}
	}
	return n
}

// The picture shows what the drawing says: markers and lines in their colours where
// their values are, ground elsewhere, words at their places, all of it larger with the
// scale.
func TestPNGShowsTheChart(t *testing.T) {
	c := Chart{Title: "T", X: Axis{Label: "x (dB)"}, Y: Axis{Label: "error rate", Log: true}, Series: []Series{
		{Name: "a", X: []float64{0, 10}, Y: []float64{1e-1, 1e-3}, YLo: []float64{5e-2, 1e-4}, YHi: []float64{2e-1, 2e-3}, Band: true},
		{Name: "b", Kind: Scatter, X: []float64{5}, Y: []float64{3e-4}},
	}, Lines: []RefLine{{Label: "bound", At: 1e-2}}}
	svg, err := c.SVG()
	if err != nil {
		t.Fatal(err)
	}
	f := newFrame(c)
	ink, blue, orange := color.RGBA{0x1f, 0x27, 0x30, 255}, color.RGBA{0, 0x72, 0xb2, 255}, color.RGBA{0xd5, 0x5e, 0, 255}
	for _, scale := range []float64{1, 2.5} {
		img := painted(t, svg, scale)
		if w := float64(img.Bounds().Dx()); w != 640*scale {
			t.Errorf("%g pixels wide at scale %g", w, scale)
		}
		at := func(x, y float64) color.RGBA { return colorAt(img, f.x.at(x)*scale, f.y.at(y)*scale) }
		if got := at(0, 1e-1); got != blue {
			t.Errorf("marker of a is %v", got)
		}
		if got := at(5, 3e-4); got != orange {
			t.Errorf("marker of b is %v", got)
		}
		if got := at(2.5, 3.16e-2); got != blue {
			t.Errorf("line of a is %v", got)
		}
		if got := colorAt(img, 2, 2); got != (color.RGBA{255, 255, 255, 255}) {
			t.Errorf("ground is %v", got)
		}
		if got := at(9.7, 3.1e-4); got == (color.RGBA{255, 255, 255, 255}) || got == blue {
			t.Errorf("band is %v", got)
		}
		box := func(x0, y0, x1, y1 float64) image.Rectangle {
			return image.Rect(int(x0*scale), int(y0*scale), int(x1*scale), int(y1*scale))
		}
		middle := (f.top + f.bottom) / 2
		for name, part := range map[string]image.Rectangle{
			"title": box(edge, edge, edge+30, edge+titleSize), "label of y": box(edge, middle-60, edge+labelSize+2, middle+60),
			"ticks of y": box(f.left-45, f.top, f.left-8, f.bottom), "legend": box(200, f.height-40, 440, f.height),
		} {
			if n := count(img, part, ink); n < 10 {
				t.Errorf("scale %g: %d pixels of ink in the %s", scale, n, name)
			}
		}
	}
}

func TestPNGOfAHeatMap(t *testing.T) {
	h := HeatMap{X: Axis{Label: "x"}, Y: Axis{Label: "y"}, Color: Axis{Label: "dB"}, Values: [][]float64{{0, 10}, {10, 0}}}
	svg, err := h.SVG()
	if err != nil {
		t.Fatal(err)
	}
	img := painted(t, svg, 1)
	w, height := float64(img.Bounds().Dx()), float64(img.Bounds().Dy())
	lowLeft, lowRight, highLeft := colorAt(img, w*.3, height*.65), colorAt(img, w*.65, height*.65), colorAt(img, w*.3, height*.3)
	if lowLeft == lowRight || lowRight != highLeft {
		t.Errorf("corners %v %v %v", lowLeft, lowRight, highLeft)
	}
}

func TestPNGRefuses(t *testing.T) {
	for _, c := range []struct {
		svg   string
		scale float64
	}{
		{"<svg width=\"10\" height=\"10\"/>", 0}, {"", 1}, {"<p/>", 1}, {"<svg width=\"9\"", 1}, {"<svg width=\"1e9\" height=\"1e9\"/>", 1},
		{`<svg width="9" height="9"><path d="L1 1"/></svg>`, 1}, {`<svg width="9" height="9"><path d="M1 1Q2 2 3 3"/></svg>`, 1},
		{`<svg width="9" height="9"><g fill="red"/></svg>`, 1}, {`<svg width="9" height="9"><g transform="scale(2)"/></svg>`, 1},
	} {
		if out, err := PNG([]byte(c.svg), c.scale); err == nil || out != nil || !strings.Contains(err.Error(), " ") {
			t.Errorf("%q at %g: %v", c.svg, c.scale, err)
		}
	}
}

// TestPNGLacksLetters: a letter that the fonts do not have is an error that names it.
func TestPNGLacksLetters(t *testing.T) {
	c := Chart{Title: "误码率", X: Axis{Label: "x"}, Y: Axis{Label: "y"}, Series: []Series{{Name: "a", X: []float64{1, 2}, Y: []float64{1, 2}}}}
	svg, err := c.SVG()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := PNG(svg, 1); !errors.Is(err, ErrLetter) || !strings.Contains(err.Error(), "误") {
		t.Error(err)
	}
	if err := CheckPNG("α ≥ 10⁻³, Größe"); err != nil {
		t.Error(err)
	}
}
