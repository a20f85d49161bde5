package report

import (
	"bytes"
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/comlam/comlam/metric"
	"github.com/comlam/comlam/plot"
)

var (
	update = flag.Bool("update", false, "write the golden files anew")
	folder = flag.String("write", "", "folder to write the example page into, to look at it in a browser")
)

const picture = `<svg xmlns="http://www.w3.org/2000/svg" class="plot" viewBox="0 0 10 10"><path d="M0 0L10 10" stroke="currentColor"/></svg>`

// small is a report with one of everything.
func small() Report {
	ci := [2]float64{-12.61, -11.94}
	return Report{
		Title:   Text{"Channel <prediction>", "信道预测"},
		Summary: []Text{{"It works & is measured.", "方法有效，且经过测量。"}},
		Sections: []Section{{
			Heading: Text{"Results", "结果"},
			Body:    []Text{{"One paragraph.", "一段文字。"}},
			Tables: []Table{{
				Caption: Text{"NMSE in dB", "NMSE（dB）"},
				Columns: []Text{{"method", "方法"}, Same("30 km/h"), {"seconds", "秒"}},
				Rows: [][]Cell{
					{Words(Text{"Bayes bound", "贝叶斯界"}, Bound), Measured(-12.3, ci, 2), Absent()},
					{Words(Same("AR(4)"), Classical), Measured(-0.004, [2]float64{-0.1, 0.1}, 2), Plain(3, 0)},
				},
				Notes: []Text{{"Noiseless targets.", "目标无噪声。"}},
			}},
			Figures: []Figure{{Caption: Text{"A line", "一条线"}, SVG: []byte(picture)}},
		}},
		Definitions: []Definition{{Name: "nmse/ratio-of-sums", Meaning: Text{"Error over signal.", "误差比信号。"},
			Samples: 40, Drops: 20, Interval: Text{"bootstrap", "自助法"}}},
		Provenance: []Pair{{Text{"seed", "种子"}, "1"}},
	}
}

func render(t *testing.T, r Report) string {
	t.Helper()
	var out bytes.Buffer
	if err := Write(&out, r); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestGolden(t *testing.T) {
	got := render(t, small())
	// The style sheet is its own file; repeating it here would make every
	// change of a colour a change of the golden file.
	got = strings.Replace(got, styleSource, "(style.css)\n", 1)
	file := filepath.Join("testdata", "small.html")
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s changed; run with -update and look at the page before committing it", file)
	}
}

// TestWellFormed reads the pages tag by tag: each element that is opened must
// be closed in order.
func TestWellFormed(t *testing.T) {
	for _, r := range []Report{small(), example(t)} {
		decoder := xml.NewDecoder(strings.NewReader(render(t, r)))
		decoder.Strict = false
		decoder.AutoClose = []string{"meta", "input", "br"}
		decoder.Entity = xml.HTMLEntity
		depth := 0
		for {
			token, err := decoder.Token()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatalf("report %q: %v", r.Title.EN, err)
			}
			switch token.(type) {
			case xml.StartElement:
				depth++
			case xml.EndElement:
				depth--
			}
		}
		if depth != 0 {
			t.Errorf("report %q leaves %d elements open", r.Title.EN, depth)
		}
	}
}

// TestSelfContained looks for anything that could load or run.
func TestSelfContained(t *testing.T) {
	html := render(t, example(t))
	html = strings.ReplaceAll(html, `xmlns="http://www.w3.org/2000/svg"`, "")
	for _, bad := range []string{"http:", "https:", "//", "<script", "<link", "<img", "<iframe", "@import", "url(", "javascript:", " src=", " href=", " onclick"} {
		if strings.Contains(html, bad) {
			t.Errorf("the page contains %q", bad)
		}
	}
	if !strings.Contains(html, `content="default-src 'none'; style-src 'unsafe-inline'"`) {
		t.Error("the page does not forbid itself to load anything")
	}
}

// TestBothLanguages counts the marked pieces of text: each English one has its
// Chinese one, and every text of the example is on the page in both.
func TestBothLanguages(t *testing.T) {
	r := example(t)
	html := render(t, r)
	en, zh := strings.Count(html, `<span lang="en">`), strings.Count(html, `<span lang="zh-CN">`)
	if en != zh || en < 40 {
		t.Errorf("%d english and %d chinese texts", en, zh)
	}
	for _, text := range []Text{r.Title, r.Summary[0], r.Sections[0].Heading, r.Sections[0].Figures[0].Caption,
		r.Sections[1].Tables[0].Columns[0], r.Definitions[0].Meaning, r.Provenance[0].Name} {
		for _, half := range []string{text.EN, text.ZH} {
			if !strings.Contains(html, half) {
				t.Errorf("the page lacks %q", half)
			}
		}
	}
	// The switch is two radio buttons, and English is what shows without one.
	if !regexp.MustCompile(`id="en"[^>]* checked`).MatchString(html) || regexp.MustCompile(`id="zh"[^>]* checked`).MatchString(html) {
		t.Error("english is not the language that shows first")
	}
	for _, rule := range []string{`#en:checked ~ * [lang|="zh"]`, `#zh:checked ~ * [lang="en"]`, "prefers-color-scheme: dark", "@media print"} {
		if !strings.Contains(html, rule) {
			t.Errorf("the style lacks %q", rule)
		}
	}
}

func TestEscaping(t *testing.T) {
	r := small()
	attack := `</style><script>alert(1)</script>"'&`
	r.Title, r.Summary[0] = Text{attack, attack + "中"}, Same(attack)
	r.Sections[0].Tables[0].Caption = Text{attack, attack + "中"} // also an attribute
	r.Sections[0].Figures[0].Caption = Text{attack, attack + "中"}
	r.Definitions[0].Name, r.Provenance[0].Value = attack, attack
	html := render(t, r)
	if strings.Contains(html, "<script") || strings.Count(html, "</style>") != 1 {
		t.Error("markup in words reached the page")
	}
	if !strings.Contains(html, "&lt;script&gt;alert(1)") {
		t.Error("the words themselves are lost")
	}
}

func TestNumbers(t *testing.T) {
	html := render(t, small())
	for _, want := range []string{"−12.30", "[−12.61, −11.94]", `>0.00<`, `<span class="value">3</span>`} {
		if !strings.Contains(html, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
}

func TestDecimal(t *testing.T) {
	cases := []struct {
		value    float64
		decimals int
		want     string
	}{
		{0, 0, "0"}, {-0.004, 2, "0.00"}, {-12.345, 1, "−12.3"}, {9999, 0, "9999"}, {21512832, 0, "21,512,832"}, {-366784.25, 1, "−366,784.2"},
	}
	for _, test := range cases {
		if got := decimal(test.value, test.decimals); got != test.want {
			t.Errorf("decimal(%v, %d) = %q, want %q", test.value, test.decimals, got, test.want)
		}
	}
}

func TestRefusals(t *testing.T) {
	cases := []struct {
		want   []string
		change func(r *Report)
	}{
		{[]string{"title", "no chinese"}, func(r *Report) { r.Title.ZH = " " }},
		{[]string{"summary sentence 1", "方法有效", "no english"}, func(r *Report) { r.Summary[0].EN = "" }},
		{[]string{"heading", "both"}, func(r *Report) { r.Sections[0].Heading = Text{} }},
		{[]string{`"Results"`, "paragraph 1"}, func(r *Report) { r.Sections[0].Body[0].ZH = "" }},
		{[]string{`"NMSE in dB"`, "column 1", `"method"`}, func(r *Report) { r.Sections[0].Tables[0].Columns[0].ZH = "" }},
		{[]string{"row 1, column 1", `"Bayes bound"`}, func(r *Report) { r.Sections[0].Tables[0].Rows[0][0].Text.ZH = "" }},
		{[]string{"row 2", `"1" cells`}, func(r *Report) { r.Sections[0].Tables[0].Rows[1] = r.Sections[0].Tables[0].Rows[1][:1] }},
		{[]string{"NaN", "Absent"}, func(r *Report) { r.Sections[0].Tables[0].Rows[0][1] = Plain(math.NaN(), 1) }},
		{[]string{"not finite"}, func(r *Report) {
			r.Sections[0].Tables[0].Rows[0][1] = Measured(1, [2]float64{math.Inf(-1), 2}, 1)
		}},
		{[]string{"downwards"}, func(r *Report) { r.Sections[0].Tables[0].Rows[0][1] = Measured(1, [2]float64{2, 0}, 1) }},
		{[]string{"decimals"}, func(r *Report) { r.Sections[0].Tables[0].Rows[0][1] = Plain(1, 10) }},
		{[]string{`"magic"`}, func(r *Report) { r.Sections[0].Tables[0].Rows[0][0].Class = "magic" }},
		{[]string{"empty table"}, func(r *Report) { r.Sections[0].Tables[0].Rows = nil }},
		{[]string{"note 1"}, func(r *Report) { r.Sections[0].Tables[0].Notes[0].EN = "" }},
		{[]string{"no metric is defined"}, func(r *Report) { r.Definitions = nil }},
		{[]string{"nmse/ratio-of-sums", "interval"}, func(r *Report) { r.Definitions[0].Interval.ZH = "" }},
		{[]string{"samples"}, func(r *Report) { r.Definitions[0].Samples = 0 }},
		{[]string{"no name"}, func(r *Report) { r.Definitions[0].Name = "" }},
		{[]string{`"seed" has no value`}, func(r *Report) { r.Provenance[0].Value = "" }},
		{[]string{"provenance 1"}, func(r *Report) { r.Provenance[0].Name.ZH = "" }},
		{[]string{`figure 1 "A line"`, "picture"}, func(r *Report) { r.Sections[0].Figures[0].SVG = nil }},
		{[]string{`figure 1 "A line"`, "chinese picture"}, func(r *Report) { r.Sections[0].Figures[0].SVGZH = []byte("<b/>") }},
		{[]string{"narrow picture"}, func(r *Report) { r.Sections[0].Figures[0].Narrow = []byte("<b/>") }},
		{[]string{"both or neither"}, func(r *Report) { r.Sections[0].Figures[0].NarrowZH = []byte(picture) }},
		{[]string{"caption"}, func(r *Report) { r.Sections[0].Figures[0].Caption.ZH = "" }},
	}
	for _, test := range cases {
		r := small()
		test.change(&r)
		var out bytes.Buffer
		err := Write(&out, r)
		for _, want := range test.want {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("error %v does not say %q", err, want)
			}
		}
		if out.Len() > 0 {
			t.Errorf("%q: a refused report was written", test.want)
		}
	}
}

func TestCheckSVG(t *testing.T) {
	if err := checkSVG([]byte(picture)); err != nil {
		t.Error(err)
	}
	bad := map[string]string{
		"not well-formed":  `<svg><g></svg>`,
		"script":           `<svg><script>1</script></svg>`,
		"style element":    `<svg><style>a{}</style></svg>`,
		"foreign object":   `<svg><foreignObject/></svg>`,
		"handler":          `<svg onload="x()"/>`,
		"link":             `<svg><a href="x"/></svg>`,
		"namespaced link":  `<svg xmlns:xlink="http://www.w3.org/1999/xlink"><path xlink:href="#a"/></svg>`,
		"url":              `<svg><path fill="url(#a)"/></svg>`,
		"id":               `<svg><path id="a"/></svg>`,
		"comment":          `<svg><!-- a --></svg>`,
		"instruction":      `<?xml version="1.0"?><svg/>`,
		"doctype":          `<!DOCTYPE svg><svg/>`,
		"two roots":        `<svg/><svg/>`,
		"text outside":     `<svg/>words`,
		"other root":       `<g/>`,
		"nothing":          ``,
		"unclosed":         `<svg>`,
		"unknown entities": `<svg><text>&nbsp;</text></svg>`,
	}
	for name, svg := range bad {
		if checkSVG([]byte(svg)) == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}

func TestDefine(t *testing.T) {
	for _, name := range []string{metric.RatioOfSums, metric.SampleMean, metric.SEMRT, metric.SEMRTRelative} {
		d, err := Define(metric.Value{Name: name, N: 30, Drops: 10})
		if err != nil {
			t.Fatal(err)
		}
		if err := d.check(); err != nil || d.Name != name || d.Samples != 30 || d.Drops != 10 {
			t.Errorf("%+v, %v", d, err)
		}
	}
	if _, err := Define(metric.Value{Name: "nmse"}); err == nil || !strings.Contains(err.Error(), `"nmse"`) {
		t.Errorf("error %v does not name the metric", err)
	}
}

func TestFigureErrors(t *testing.T) {
	caption := Text{"A curve", "一条曲线"}
	if _, err := ChartFigure(caption, exampleLoss(english), plot.Chart{}); err == nil || !strings.Contains(err.Error(), `"A curve"`) {
		t.Errorf("error %v does not name the figure", err)
	}
	if _, err := HeatMapFigure(caption, plot.HeatMap{}, exampleChannel(chinese)); err == nil {
		t.Error("an empty heat map was accepted")
	}
}

type brokenWriter struct{}

var errFull = errors.New("disk full")

func (brokenWriter) Write([]byte) (int, error) { return 0, errFull }

func TestWriterError(t *testing.T) {
	if err := Write(brokenWriter{}, small()); !errors.Is(err, errFull) {
		t.Errorf("error %v, want %v", err, errFull)
	}
}
