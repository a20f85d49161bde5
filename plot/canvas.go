package plot

import (
	"bytes"
	"encoding/xml"
	"math"
	"strconv"
	"strings"
)

const (
	fontFamily = "system-ui, -apple-system, 'Segoe UI', 'Helvetica Neue', Arial, 'Noto Sans', " +
		"'PingFang SC', 'Microsoft YaHei', 'Noto Sans CJK SC', sans-serif"
	titleSize, labelSize, tickSize = 15.0, 13.0, 12.0
	lineHeight                     = 1.3

	groundColor = "#ffffff"
	inkColor    = "#1f2730"
	mutedColor  = "#59636e"
	gridColor   = "#e4e7eb"
)

// canvas writes SVG elements. Attributes are given as name, value pairs, and
// everything is escaped here and nowhere else.
type canvas struct{ out bytes.Buffer }

// newCanvas starts a picture of the given size whose meaning is said by label.
func newCanvas(width, height float64, label string) *canvas {
	c := &canvas{}
	w, h := px(width), px(height)
	c.open("svg", "xmlns", "http://www.w3.org/2000/svg", "class", "plot", "width", w, "height", h,
		"viewBox", "0 0 "+w+" "+h, "role", "img", "aria-label", label,
		"font-family", fontFamily, "font-size", px(tickSize))
	c.empty("rect", "class", "plot-ground", "width", w, "height", h, "fill", groundColor)
	return c
}

func (c *canvas) bytes() []byte {
	c.close("svg")
	return c.out.Bytes()
}

func (c *canvas) tag(name string, pairs []string) {
	c.out.WriteByte('<')
	c.out.WriteString(name)
	for i := 0; i+1 < len(pairs); i += 2 {
		c.out.WriteString(" " + pairs[i] + `="`)
		c.escape(pairs[i+1])
		c.out.WriteByte('"')
	}
}

func (c *canvas) open(name string, pairs ...string) {
	c.tag(name, pairs)
	c.out.WriteString(">\n")
}

func (c *canvas) close(name string) { c.out.WriteString("</" + name + ">\n") }

func (c *canvas) empty(name string, pairs ...string) {
	c.tag(name, pairs)
	c.out.WriteString("/>\n")
}

// words writes an element that holds text.
func (c *canvas) words(name, text string, pairs ...string) {
	c.tag(name, pairs)
	c.out.WriteByte('>')
	c.escape(text)
	c.out.WriteString("</" + name + ">\n")
}

// text writes one line of words with its baseline at y.
func (c *canvas) text(x, y float64, text string, pairs ...string) {
	c.words("text", text, append([]string{"x", px(x), "y", px(y)}, pairs...)...)
}

func (c *canvas) line(x1, y1, x2, y2 float64, pairs ...string) {
	c.empty("path", append([]string{"d", "M" + px(x1) + " " + px(y1) + "L" + px(x2) + " " + px(y2)}, pairs...)...)
}

func (c *canvas) escape(text string) {
	// EscapeText fails only when the writer does, and a buffer does not. It
	// replaces what XML cannot hold by U+FFFD.
	_ = xml.EscapeText(&c.out, []byte(text))
}

// px writes a coordinate to a hundredth of a pixel, which hides the last-bit
// differences between machines.
func px(v float64) string {
	s := strconv.FormatFloat(math.Round(v*100)/100, 'f', -1, 64)
	if s == "-0" {
		return "0"
	}
	return s
}

// textWidth estimates the width of text in px. No font is at hand, so
// letters are put into five classes between Helvetica and the wider
// DejaVu Sans; it is used for margins, where a few percent do not matter.
func textWidth(text string, size float64) float64 {
	em := 0.0
	for _, r := range text {
		switch {
		case r >= 0x2e80:
			em++
		case strings.ContainsRune("iljtfrI.,;:'|!()[] ", r):
			em += 0.32
		case strings.ContainsRune("mwMW@%−×", r):
			em += 0.88
		case r >= 'A' && r <= 'Z':
			em += 0.69
		default:
			em += 0.6
		}
	}
	return em * size
}

// wrap breaks text into lines no wider than width, at spaces and between
// Chinese characters.
func wrap(text string, width, size float64) []string {
	var lines []string
	line := ""
	for _, piece := range pieces(text) {
		if line != "" && textWidth(line+strings.TrimRight(piece, " "), size) > width {
			lines = append(lines, strings.TrimRight(line, " "))
			line = ""
		}
		line += piece
	}
	if line = strings.TrimRight(line, " "); line != "" {
		lines = append(lines, line)
	}
	return lines
}

// pieces cuts text after each place where a line may break. Chinese closing
// punctuation stays with the character before it.
func pieces(text string) []string {
	var list []string
	start := 0
	runes := []rune(text)
	for i := 1; i <= len(runes); i++ {
		breaks := i == len(runes) || runes[i-1] == ' ' && runes[i] != ' ' ||
			(runes[i-1] >= 0x2e80 || runes[i] >= 0x2e80) && !strings.ContainsRune("，。；：、！？）」》", runes[i])
		if breaks {
			list = append(list, string(runes[start:i]))
			start = i
		}
	}
	return list
}

// shorten cuts text to a width, marking the cut.
func shorten(text string, width, size float64) string {
	if textWidth(text, size) <= width {
		return text
	}
	runes := []rune(text)
	for len(runes) > 0 && textWidth(string(runes)+"…", size) > width {
		runes = runes[:len(runes)-1]
	}
	return strings.TrimRight(string(runes), " ") + "…"
}
