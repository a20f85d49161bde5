// Package report writes what a run has found as one HTML page, in English and
// Chinese.
//
// The page is a single file without script, without any outside resource and
// forbidden by its own security policy to load one, so it can be mailed, kept
// beside the numbers and read in ten years. Two radio buttons and a style rule
// switch the language; without a choice it is English. It follows the reader's
// light or dark setting, fits a telephone and prints on paper in the language
// that is shown.
//
//	r := report.Report{
//		Title:   report.Text{EN: "Channel prediction", ZH: "信道预测"},
//		Summary: []report.Text{{EN: "LoRA is 0.4 dB from the bound.", ZH: "LoRA 距理论界 0.4 dB。"}},
//		...
//	}
//	err := report.Write(file, r)
//
// # What Write insists on
//
// Every [Text] has both languages; [Same] is for names and numbers that read
// alike in both. A table that shows an interval comes with a [Definition] of
// its metric: exact name, meaning, sample count and method of the interval;
// [Define] knows the words for the metrics of package metric. A method's row
// says whether it is a bound, uses genie knowledge, is classical or learned, in
// words and not in colour alone. Pictures must be well-formed SVG without
// script, style, link or id, as package plot draws them. Whatever breaks one of
// these rules is an error that names the place; nothing is written then.
package report

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"io"
)

// Text is a piece of plain text in both languages of the page.
type Text struct{ EN, ZH string }

// Same is text that reads alike in both languages: a name, a number, a path.
func Same(s string) Text { return Text{EN: s, ZH: s} }

// Report is the content of one page.
type Report struct {
	Title       Text
	Summary     []Text // short honest sentences: what was found and what was not
	Sections    []Section
	Definitions []Definition
	Provenance  []Pair // versions, kernel variant, seed, machine, recipe hash, seconds, peak MiB
}

// Section is a heading with paragraphs, then figures, then tables.
type Section struct {
	Heading Text
	Body    []Text // paragraphs
	Tables  []Table
	Figures []Figure
}

// Table is a table with a caption; its number is counted by the page.
type Table struct {
	Caption Text // says the metric and its unit
	Columns []Text
	Rows    [][]Cell // each as long as Columns; the first cell heads its row
	Notes   []Text   // small print below
}

// Class says what kind of method a row belongs to.
type Class string

// The classes of methods. The empty class is for cells that are no method.
const (
	Bound     Class = "bound"     // optimal on average over what it is not told
	Genie     Class = "genie"     // uses knowledge that a receiver does not have
	Classical Class = "classical" // signal processing without learned weights
	Learned   Class = "learned"   // a trained network
)

// Cell is one cell of a table: a number, or else words.
type Cell struct {
	Text   Text
	Number *Number
	Class  Class // of the method that this cell names
}

// Number is a measured number as the table shows it.
type Number struct {
	Value    float64     // finite
	CI95     *[2]float64 // both ends of the 95 % interval; nil where there is none
	Decimals int         // 0 to 9; the same down a column keeps it aligned
}

// Words is a cell of text.
func Words(t Text, c Class) Cell { return Cell{Text: t, Class: c} }

// Measured is a cell with a number and its 95 % interval.
func Measured(value float64, ci95 [2]float64, decimals int) Cell {
	return Cell{Number: &Number{Value: value, CI95: &ci95, Decimals: decimals}}
}

// Plain is a cell with a number that has no interval, such as a count.
func Plain(value float64, decimals int) Cell {
	return Cell{Number: &Number{Value: value, Decimals: decimals}}
}

// Absent is a cell for what was not measured.
func Absent() Cell { return Cell{Text: Same("–")} }

// Figure is a picture with a caption; its number is counted by the page.
// [ChartFigure] and [HeatMapFigure] fill one.
type Figure struct {
	Caption Text
	SVG     []byte // the English picture
	SVGZH   []byte // the Chinese one; nil shows SVG in both languages
	// Narrow and NarrowZH stand in on screens under about 640 px; nil lets the
	// reader scroll the wide picture there.
	Narrow, NarrowZH []byte
}

// Pair is one line of the provenance.
type Pair struct {
	Name  Text
	Value string
}

//go:embed page.html
var pageSource string

//go:embed style.css
var styleSource string

var page = template.Must(template.New("page").Funcs(template.FuncMap{
	"both": func(en, zh string) Text { return Text{EN: en, ZH: zh} },
	"same": func(t Text) bool { return t.EN == t.ZH },
}).Parse(pageSource))

// Write checks the report and writes the page. It fails, writing nothing, when
// a text lacks a language, a table is ragged, a number is not finite, a metric
// is undefined or a picture is not a plain SVG; and with the writer's error.
func Write(w io.Writer, r Report) error {
	if err := r.check(); err != nil {
		return fmt.Errorf("report %q: %w", r.Title.EN, err)
	}
	var out bytes.Buffer
	if err := page.Execute(&out, newView(r)); err != nil {
		return fmt.Errorf("report %q: %w", r.Title.EN, err)
	}
	_, err := w.Write(out.Bytes())
	return err
}
