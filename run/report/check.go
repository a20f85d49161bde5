package report

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
)

func (r Report) check() error {
	if err := r.Title.check("title"); err != nil {
		return err
	}
	if err := checkTexts("summary sentence", r.Summary); err != nil {
		return err
	}
	intervals := false
	for i, s := range r.Sections {
		if err := s.check(); err != nil {
			return fmt.Errorf("section %d %q: %w", i+1, s.Heading.EN, err)
		}
		intervals = intervals || s.hasIntervals()
	}
	if intervals && len(r.Definitions) == 0 {
		return errors.New("a table shows intervals but no metric is defined; add a definition, for example with report.Define")
	}
	for _, d := range r.Definitions {
		if err := d.check(); err != nil {
			return fmt.Errorf("definition of %q: %w", d.Name, err)
		}
	}
	for i, p := range r.Provenance {
		if err := p.Name.check("name"); err != nil {
			return fmt.Errorf("provenance %d: %w", i+1, err)
		}
		if p.Value == "" {
			return fmt.Errorf("provenance %q has no value; leave it out or say that it is unknown", p.Name.EN)
		}
	}
	return nil
}

// check refuses a text that only one half of the readers could read.
func (t Text) check(what string) error {
	en, zh := strings.TrimSpace(t.EN), strings.TrimSpace(t.ZH)
	switch {
	case en == "" && zh == "":
		return fmt.Errorf("%s is empty in both languages", what)
	case zh == "":
		return fmt.Errorf("%s %q has no chinese text; translate it, or use report.Same where it reads alike", what, t.EN)
	case en == "":
		return fmt.Errorf("%s %q has no english text; translate it, or use report.Same where it reads alike", what, t.ZH)
	}
	return nil
}

func checkTexts(what string, list []Text) error {
	for i, t := range list {
		if err := t.check(fmt.Sprintf("%s %d", what, i+1)); err != nil {
			return err
		}
	}
	return nil
}

func (s Section) check() error {
	if err := s.Heading.check("heading"); err != nil {
		return err
	}
	if err := checkTexts("paragraph", s.Body); err != nil {
		return err
	}
	for i, t := range s.Tables {
		if err := t.check(); err != nil {
			return fmt.Errorf("table %d %q: %w", i+1, t.Caption.EN, err)
		}
	}
	for i, f := range s.Figures {
		if err := f.check(); err != nil {
			return fmt.Errorf("figure %d %q: %w", i+1, f.Caption.EN, err)
		}
	}
	return nil
}

func (s Section) hasIntervals() bool {
	for _, t := range s.Tables {
		for _, row := range t.Rows {
			for _, c := range row {
				if c.Number != nil && c.Number.CI95 != nil {
					return true
				}
			}
		}
	}
	return false
}

func (t Table) check() error {
	if err := t.Caption.check("caption"); err != nil {
		return err
	}
	if len(t.Columns) == 0 || len(t.Rows) == 0 {
		return fmt.Errorf("it has \"%d\" columns and %d rows; leave an empty table out", len(t.Columns), len(t.Rows))
	}
	if err := checkTexts("column", t.Columns); err != nil {
		return err
	}
	for i, row := range t.Rows {
		if len(row) != len(t.Columns) {
			return fmt.Errorf("row %d has \"%d\" cells for %d columns; use report.Absent for what was not measured",
				i+1, len(row), len(t.Columns))
		}
		for k, c := range row {
			if err := c.check(); err != nil {
				return fmt.Errorf("row %d, column %d: %w", i+1, k+1, err)
			}
		}
	}
	return checkTexts("note", t.Notes)
}

func (c Cell) check() error {
	if _, known := className(c.Class); !known {
		return fmt.Errorf("class %q is not one of bound, genie, classical, learned", c.Class)
	}
	n := c.Number
	if n == nil {
		return c.Text.check("cell")
	}
	if n.Decimals < 0 || n.Decimals > 9 {
		return fmt.Errorf("\"%d\" decimals are not 0 to 9", n.Decimals)
	}
	if !finite(n.Value) || n.CI95 != nil && (!finite(n.CI95[0]) || !finite(n.CI95[1])) {
		return fmt.Errorf("number \"%g\" or its interval is not finite; use report.Absent for what was not measured", n.Value)
	}
	if n.CI95 != nil && n.CI95[0] > n.CI95[1] {
		return fmt.Errorf("interval \"%g to %g\" runs downwards; write the smaller end first", n.CI95[0], n.CI95[1])
	}
	return nil
}

func (f Figure) check() error {
	if err := f.Caption.check("caption"); err != nil {
		return err
	}
	if err := checkSVG(f.SVG); err != nil {
		return fmt.Errorf("picture: %w", err)
	}
	if f.NarrowZH != nil && f.Narrow == nil {
		return errors.New("it has a narrow chinese picture but no narrow english one; give both or neither")
	}
	variants := []struct {
		name string
		svg  []byte
	}{{"chinese picture", f.SVGZH}, {"narrow picture", f.Narrow}, {"narrow chinese picture", f.NarrowZH}}
	for _, v := range variants {
		if v.svg == nil {
			continue
		}
		if err := checkSVG(v.svg); err != nil {
			return fmt.Errorf("%s: %w", v.name, err)
		}
	}
	return nil
}

// drawing is all that a picture may consist of.
var drawing = []string{"svg", "g", "path", "rect", "circle", "ellipse", "line", "polyline", "polygon", "text", "tspan", "title", "desc"}

// checkSVG allows one well-formed svg element that can only draw. Pictures are
// put into the page as they stand, so this is what keeps script, links and
// styles that would spill over out of it.
func checkSVG(svg []byte) error {
	if bytes.Contains(svg, []byte("<!")) || bytes.Contains(svg, []byte("<?")) {
		return errors.New("comments, declarations and instructions are not allowed; start with the svg element")
	}
	decoder := xml.NewDecoder(bytes.NewReader(svg))
	depth, roots := 0, 0
	for {
		token, err := decoder.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			return fmt.Errorf("not well-formed: %w", err)
		}
		switch t := token.(type) {
		case xml.StartElement:
			if depth++; depth == 1 {
				roots++
			}
			if depth == 1 && t.Name.Local != "svg" {
				return fmt.Errorf("the outermost element is %q; it must be svg", t.Name.Local)
			}
			if err := checkElement(t); err != nil {
				return err
			}
		case xml.EndElement:
			depth--
		case xml.CharData:
			if depth == 0 && len(bytes.TrimSpace(t)) > 0 {
				return fmt.Errorf("text %q stands outside the svg element", bytes.TrimSpace(t))
			}
		}
	}
	if roots != 1 {
		return fmt.Errorf("it holds \"%d\" svg elements side by side; give one", roots)
	}
	return nil
}

func checkElement(e xml.StartElement) error {
	if !slices.Contains(drawing, e.Name.Local) {
		return fmt.Errorf("element %q is not allowed; a picture may only draw, with %s", e.Name.Local, strings.Join(drawing, ", "))
	}
	for _, a := range e.Attr {
		name := strings.ToLower(a.Name.Local)
		value := strings.ToLower(a.Value)
		switch {
		case name == "aria-label" || name == "xmlns" && a.Value == "http://www.w3.org/2000/svg":
		case a.Name.Space != "" || strings.HasPrefix(name, "on") || slices.Contains([]string{"href", "style", "id", "src"}, name),
			strings.Contains(value, "url(") || strings.Contains(value, "//") || strings.Contains(value, "script:"):
			return fmt.Errorf("attribute %s=%q of %q is not allowed; a picture carries no script, link, style or id",
				a.Name.Local, a.Value, e.Name.Local)
		}
	}
	return nil
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }
