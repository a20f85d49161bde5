package plot

import (
	"bytes"
	"encoding/xml"
	"flag"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares with testdata/name; after a deliberate change run
// go test ./plot -update and look at the pictures.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s changed; run with -update and look at the picture before committing it", file)
	}
}

var speeds = []float64{30, 60, 100}

func method(name string, values ...float64) Series {
	s := Series{Name: name, X: speeds, Y: values}
	for _, v := range values {
		s.YLo, s.YHi = append(s.YLo, v-0.4), append(s.YHi, v+0.5)
	}
	return s
}

func speedChart() Chart {
	return Chart{
		Title: "Prediction error over UE speed",
		Note:  "500 drops, 95 % percentile bootstrap",
		X:     Axis{Label: "UE speed (km/h)", Ticks: speeds},
		Y:     Axis{Label: "NMSE (dB)"},
		Series: []Series{
			method("hold", -7.5, -1.1, 2.9), method("AR(4)", -13, -8.7, -4.6),
			method("zero-shot", -12, -8, -3), method("LoRA, rank 8", -13.8, -9.2, -5.2),
		},
		Lines: []RefLine{
			{Label: "Bayes bound", At: -15.1}, {Label: "genie", At: -14.9},
			{Label: "trained up to", At: 80, Vertical: true},
		},
	}
}

func barChart() Chart {
	return Chart{
		X: Axis{Label: "method", Categories: []string{"hold", "AR(4)", "Wiener filter with genie statistics", "full fine-tuning of all layers"}},
		Y: Axis{Label: "NMSE (dB)"},
		Series: []Series{
			{Name: "30 km/h", Kind: Bar, Y: []float64{-7, -13, -14.8, -14}, YLo: []float64{-8, -14, -15.5, -15}, YHi: []float64{-6, -12, -14, -13}},
			{Name: "100 km/h", Kind: Bar, Y: []float64{2.9, -4, -6, -5}},
		},
	}
}

// slantedChart has names whose words are wider than their room.
func slantedChart() Chart {
	c := barChart()
	c.X.Categories = []string{"multi-antenna", "extrapolation", "reconfigurable", "representation"}
	c.Width, c.Series[1].YLo, c.Series[1].YHi = 300, nil, nil
	return c
}

func forestChart() Chart {
	return Chart{
		Title: "100 km/h", X: Axis{Label: "NMSE (dB)"}, Y: Axis{Label: "method", Categories: []string{"hold", "AR(4)", "LoRA"}},
		Series: []Series{{Kind: Scatter, X: []float64{2.9, -4, -5}, Y: []float64{0, 1, 2}, XLo: []float64{2, -5, -6}, XHi: []float64{4, -3, -4}}},
		Lines:  []RefLine{{Label: "Bayes bound", At: -6.2, Vertical: true}},
	}
}

func lossChart() Chart {
	var train, valid Series
	train.Name, valid.Name, valid.Band = "train", "validation", true
	for i := range 150 {
		x, y := float64(i*20), math.Exp(-float64(i)/30)+0.02
		train.X, train.Y = append(train.X, x), append(train.Y, y)
		if i%15 == 0 {
			valid.X, valid.Y = append(valid.X, x), append(valid.Y, 1.1*y)
			valid.YLo, valid.YHi = append(valid.YLo, 0.9*y), append(valid.YHi, 1.4*y)
		}
	}
	return Chart{X: Axis{Label: "step"}, Y: Axis{Label: "loss", Log: true}, Series: []Series{train, valid}, Legend: Right}
}

func channelMap() HeatMap {
	values := make([][]float64, 12)
	for y := range values {
		for x := range 16 {
			values[y] = append(values[y], 20*math.Log10(math.Abs(math.Sin(float64(y)/3+float64(x)/4))+0.05))
		}
	}
	return HeatMap{Title: "One drop", X: Axis{Label: "time (ms)", Range: [2]float64{0, 8}}, Y: Axis{Label: "subcarrier"},
		Color: Axis{Label: "|H| (dB)"}, Values: values}
}

// pictures are the charts that golden files hold.
func pictures(t *testing.T) map[string][]byte {
	t.Helper()
	list := map[string][]byte{}
	for name, draw := range map[string]func() ([]byte, error){
		"line.svg": speedChart().SVG, "bar.svg": barChart().SVG, "slanted.svg": slantedChart().SVG,
		"forest.svg": forestChart().SVG,
		"log.svg":    lossChart().SVG, "heat.svg": channelMap().SVG,
	} {
		svg, err := draw()
		if err != nil {
			t.Fatal(err)
		}
		list[name] = svg
	}
	return list
}

func TestGolden(t *testing.T) {
	for name, svg := range pictures(t) {
		golden(t, name, svg)
	}
}

func TestDeterministic(t *testing.T) {
	first, second := pictures(t), pictures(t)
	for name := range first {
		if !bytes.Equal(first[name], second[name]) {
			t.Errorf("%s differs from one run to the next", name)
		}
	}
}

// TestWellFormed reads every picture as XML and looks for what must not be in
// a picture that is put into a page.
func TestWellFormed(t *testing.T) {
	for name, svg := range pictures(t) {
		decoder := xml.NewDecoder(bytes.NewReader(svg))
		for {
			token, err := decoder.Token()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			element, ok := token.(xml.StartElement)
			if !ok {
				continue
			}
			if element.Name.Local == "script" || element.Name.Local == "style" {
				t.Errorf("%s holds <%s>", name, element.Name.Local)
			}
			for _, a := range element.Attr {
				if a.Name.Local == "id" || strings.HasPrefix(a.Name.Local, "on") || strings.Contains(a.Value, "NaN") || strings.Contains(a.Value, "Inf") {
					t.Errorf("%s: <%s %s=%q>", name, element.Name.Local, a.Name.Local, a.Value)
				}
			}
		}
	}
}

func TestEscaping(t *testing.T) {
	c := speedChart()
	c.Title = `<script>alert("x")</script> & more`
	c.Series[0].Name = `a"b<c>&d` + "\x00"
	c.Lines[0].Label = "x < y"
	svg, err := c.SVG()
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(svg, []byte("<script")) || bytes.ContainsRune(svg, 0) {
		t.Error("markup in words reached the picture")
	}
	if err := xml.Unmarshal(svg, new(struct{})); err != nil {
		t.Error(err)
	}
}

// TestLegendNeverCoversData looks at the geometry: the legend must lie wholly
// below or beside the plot area, and inside the picture.
func TestLegendNeverCoversData(t *testing.T) {
	for _, place := range []LegendPlace{Below, Right} {
		for _, width := range []int{200, 420, 640, 900} {
			c := speedChart()
			c.Legend, c.Width = place, width
			for len(c.Series) < MaxSeries {
				c.Series = append(c.Series, method("another method "+string(rune('a'+len(c.Series))), 1, 2, 3))
			}
			f := newFrame(c)
			if _, err := c.SVG(); err != nil {
				if width > 200 || !strings.Contains(err.Error(), "room") {
					t.Errorf("width %d: %v", width, err)
				}
				continue
			}
			switch {
			case place == Right && f.width-edge-f.legend.width < f.right:
				t.Errorf("width %d: legend beside begins left of %v", width, f.right)
			case place == Below && f.height-f.legend.height-edge/2 < f.bottom+labelRow:
				t.Errorf("width %d: legend below begins above %v", width, f.bottom)
			case f.legend.width > f.width:
				t.Errorf("width %d: legend is %v wide", width, f.legend.width)
			}
		}
	}
}

func TestErrorsNameTheSeries(t *testing.T) {
	cases := []struct {
		want   []string
		change func(c *Chart)
	}{
		{[]string{`"AR(4)"`, "y[1]", "NaN"}, func(c *Chart) { c.Series[1].Y[1] = math.NaN() }},
		{[]string{`"hold"`, "yhi[2]", "+Inf"}, func(c *Chart) { c.Series[0].YHi[2] = math.Inf(1) }},
		{[]string{`"hold"`, "empty"}, func(c *Chart) { c.Series[0].Y = nil }},
		{[]string{`"hold"`, `"2" x`}, func(c *Chart) { c.Series[0].X = []float64{1, 2} }},
		{[]string{`"hold"`, "one end"}, func(c *Chart) { c.Series[0].YLo = nil }},
		{[]string{`"hold"`, "downwards"}, func(c *Chart) { c.Series[0].YLo, c.Series[0].YHi = c.Series[0].YHi, c.Series[0].YLo }},
		{[]string{`"hold"`, "not positive"}, func(c *Chart) { c.Y.Log = true }},
		{[]string{`"hold"`, "too large"}, func(c *Chart) { c.Series[0].Y[0] = 1e300 }},
		{[]string{`"hold"`, "style"}, func(c *Chart) { c.Series[0].Style = 11 }},
		{[]string{`"hold"`, "kind"}, func(c *Chart) { c.Series[0].Kind = 9 }},
		{[]string{`"hold"`, "no category"}, func(c *Chart) { c.X.Categories = []string{"a"} }},
		{[]string{`"hold"`, "bars"}, func(c *Chart) { c.Series[0].Kind, c.Y.Categories = Bar, []string{"a"} }},
		{[]string{`"AR(4)"`, "own name"}, func(c *Chart) { c.Series[2].Name = "AR(4)" }},
		{[]string{"no series"}, func(c *Chart) { c.Series = nil }},
		{[]string{`"11"`}, func(c *Chart) { c.Series = make([]Series, 11) }},
		{[]string{"labels", "unit"}, func(c *Chart) { c.Y.Label = "" }},
		{[]string{`"Bayes bound"`, "NaN"}, func(c *Chart) { c.Lines[0].At = math.NaN() }},
		{[]string{"upwards"}, func(c *Chart) { c.X.Range = [2]float64{2, 1} }},
		{[]string{"not finite"}, func(c *Chart) { c.X.Ticks = []float64{math.NaN()} }},
		{[]string{"choose one"}, func(c *Chart) { c.X.Log, c.X.Categories = true, []string{"a"} }},
		{[]string{`"10 x 0"`}, func(c *Chart) { c.Width = 10 }},
	}
	for _, test := range cases {
		c := speedChart()
		test.change(&c)
		_, err := c.SVG()
		for _, want := range append(test.want, "Prediction error") {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("error %v does not say %q", err, want)
			}
		}
		if _, err := c.Text(0, 0); err == nil && test.want[0] != `"10 x 0"` {
			t.Errorf("Text accepted what SVG refuses: %q", test.want)
		}
	}
}

func TestHeatMapErrors(t *testing.T) {
	cases := []struct {
		want   string
		change func(h *HeatMap)
	}{
		{"row 2, column 1", func(h *HeatMap) { h.Values[2][1] = math.NaN() }},
		{"as long", func(h *HeatMap) { h.Values[3] = h.Values[3][:5] }},
		{"no values", func(h *HeatMap) { h.Values = nil }},
		{"measured", func(h *HeatMap) { h.Color.Label = "" }},
		{"in dB", func(h *HeatMap) { h.Color.Log = true }},
		{"too many", func(h *HeatMap) { h.Values = [][]float64{make([]float64, maxCells+1)} }},
		{"upwards", func(h *HeatMap) { h.Color.Range = [2]float64{1, 0} }},
		{"size", func(h *HeatMap) { h.Height = 1e6 }},
	}
	for _, test := range cases {
		h := channelMap()
		test.change(&h)
		if _, err := h.SVG(); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("error %v does not say %q", err, test.want)
		}
	}
}

// TestOddData draws what has no extent of its own or lies beyond its axis.
func TestOddData(t *testing.T) {
	axis := Axis{Label: "x (1)"}
	charts := map[string]Chart{
		"one point":     {X: axis, Y: axis, Series: []Series{{Y: []float64{5}}}},
		"constant":      {X: axis, Y: axis, Series: []Series{{Y: []float64{0, 0, 0}}}},
		"constant log":  {X: axis, Y: Axis{Label: "y", Log: true}, Series: []Series{{Y: []float64{3, 3}}}},
		"tiny spread":   {X: axis, Y: axis, Series: []Series{{Y: []float64{1, 1 + 1e-12}}}},
		"huge":          {X: axis, Y: axis, Series: []Series{{Y: []float64{-1e149, 1e149}}}},
		"beyond range":  {X: axis, Y: Axis{Label: "y", Range: [2]float64{0, 1}}, Series: []Series{{Y: []float64{-5, 0.5, 7}}}},
		"log bars":      {X: Axis{Label: "x", Log: true}, Y: Axis{Label: "y", Log: true}, Series: []Series{{Kind: Bar, X: []float64{1, 10}, Y: []float64{1, 100}}}},
		"fractions":     {X: axis, Y: axis, Series: []Series{{Kind: Scatter, X: []float64{0.1, 0.3}, Y: []float64{1e-7, 3e-7}}}},
		"line off axis": {X: axis, Y: Axis{Label: "y", Range: [2]float64{0, 1}}, Series: []Series{{Y: []float64{0, 1}}}, Lines: []RefLine{{Label: "far", At: 9}}},
	}
	for name, c := range charts {
		svg, err := c.SVG()
		if err != nil || bytes.Contains(svg, []byte("NaN")) || bytes.Contains(svg, []byte("Inf")) {
			t.Errorf("%s: error %v, or a coordinate is not a number", name, err)
		}
		if text, err := c.Text(0, 0); err != nil || text == "" {
			t.Errorf("%s as text: %v", name, err)
		}
	}
	clouds := Chart{X: axis, Y: axis, Series: []Series{{Kind: Scatter}}}
	for i := range 1000 {
		clouds.Series[0].Y = append(clouds.Series[0].Y, float64(i%37))
	}
	svg, err := clouds.SVG()
	if err != nil || bytes.Contains(svg, []byte("<title>")) {
		t.Errorf("a large cloud has hover notes, or error %v", err)
	}
}
