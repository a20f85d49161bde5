package report

import (
	"html/template"
	"math"
	"strconv"
	"strings"
)

// view is the report as the template walks it: numbered, formatted, with
// pictures marked as checked.
type view struct {
	Report
	Style    template.CSS
	Sections []sectionView
	Classes  []classView // those that occur, in order of meaning
}

type sectionView struct {
	Heading Text
	Body    []Text
	Figures []figureView
	Tables  []tableView
}

type figureView struct {
	Number  int
	Caption Text
	Wide    pictureView
	Narrow  pictureView // empty where there is none
}

type pictureView struct {
	EN, ZH template.HTML // ZH is empty where EN serves both
}

type tableView struct {
	Number  int
	Caption Text
	Columns []columnView
	Rows    [][]cellView
	Notes   []Text
}

type columnView struct {
	Text
	Numeric bool
}

type cellView struct {
	Text          Text
	Class         Class
	ClassName     Text
	Numeric       bool
	Value, Lo, Hi string // formatted; Lo is empty where there is no interval
}

type classView struct {
	Class         Class
	Name, Meaning Text
}

// classes are the words for each class, in the order in which the page explains
// them.
var classes = []classView{
	{Bound, Text{"bound", "理论界"}, Text{"optimal on average over what it is not told, such as the speed; at a single condition a method made for it may do better", "对未被告知的量（如速度）取平均意义下最优；在单一条件下，专为该条件设计的方法可能更好"}},
	{Genie, Text{"genie", "理想信息"}, Text{"uses knowledge that a receiver does not have", "使用了接收机无法获得的信息"}},
	{Classical, Text{"classical", "经典方法"}, Text{"signal processing without learned weights", "不含学习参数的信号处理方法"}},
	{Learned, Text{"learned", "学习方法"}, Text{"a trained network", "训练得到的网络"}},
}

func className(c Class) (Text, bool) {
	for _, known := range classes {
		if known.Class == c {
			return known.Name, true
		}
	}
	return Text{}, c == ""
}

func newView(r Report) view {
	v := view{Report: r, Style: template.CSS(styleSource)}
	figures, tables := 0, 0
	used := map[Class]bool{}
	for _, s := range r.Sections {
		section := sectionView{Heading: s.Heading, Body: s.Body}
		for _, f := range s.Figures {
			figures++
			// The pictures passed checkSVG, so they hold nothing but drawing.
			section.Figures = append(section.Figures, figureView{
				Number: figures, Caption: f.Caption,
				Wide:   pictureView{template.HTML(f.SVG), template.HTML(f.SVGZH)},
				Narrow: pictureView{template.HTML(f.Narrow), template.HTML(f.NarrowZH)},
			})
		}
		for _, t := range s.Tables {
			tables++
			section.Tables = append(section.Tables, newTable(t, tables, used))
		}
		v.Sections = append(v.Sections, section)
	}
	for _, c := range classes {
		if used[c.Class] {
			v.Classes = append(v.Classes, c)
		}
	}
	return v
}

// newTable formats a table and marks the classes it uses.
func newTable(t Table, number int, used map[Class]bool) tableView {
	v := tableView{Number: number, Caption: t.Caption, Notes: t.Notes}
	for _, c := range t.Columns {
		v.Columns = append(v.Columns, columnView{Text: c})
	}
	for _, row := range t.Rows {
		cells := make([]cellView, len(row))
		for i, c := range row {
			used[c.Class] = true
			cells[i] = newCell(c)
			v.Columns[i].Numeric = v.Columns[i].Numeric || c.Number != nil
		}
		v.Rows = append(v.Rows, cells)
	}
	for _, row := range v.Rows {
		for i := range row {
			// Words in a column of numbers, such as a dash, align with them.
			row[i].Numeric = v.Columns[i].Numeric
		}
	}
	return v
}

func newCell(c Cell) cellView {
	name, _ := className(c.Class)
	v := cellView{Text: c.Text, Class: c.Class, ClassName: name}
	if n := c.Number; n != nil {
		v.Value = decimal(n.Value, n.Decimals)
		if n.CI95 != nil {
			v.Lo, v.Hi = decimal(n.CI95[0], n.Decimals), decimal(n.CI95[1], n.Decimals)
		}
	}
	return v
}

// decimal writes a number with a true minus sign, which is as wide as a plus
// sign, and with commas between the thousands of long ones.
func decimal(v float64, decimals int) string {
	s := strconv.FormatFloat(math.Abs(v), 'f', decimals, 64)
	whole, fraction, _ := strings.Cut(s, ".")
	if len(whole) > 4 {
		for at := len(whole) - 3; at > 0; at -= 3 {
			whole = whole[:at] + "," + whole[at:]
		}
	}
	if fraction != "" {
		whole += "." + fraction
	}
	if v < 0 && strings.Trim(s, "0.") != "" {
		return "−" + whole
	}
	return whole
}
