package plot

import (
	"math"
	"strings"
	"testing"
)

func tickLabels(list []tick) string {
	var labels []string
	for _, t := range list {
		if !t.minor {
			labels = append(labels, t.label)
		}
	}
	return strings.Join(labels, " ")
}

func TestTicks(t *testing.T) {
	cases := []struct {
		axis   Axis
		lo, hi float64
		want   string
	}{
		{Axis{}, 0, 1, "0.0 0.2 0.4 0.6 0.8 1.0"},
		{Axis{}, -17, 4, "−20 −15 −10 −5 0 5"},
		{Axis{}, 0.1, 0.3, "0.10 0.15 0.20 0.25 0.30"},
		{Axis{}, 0, 2.5e6, "0 5×10⁵ 1×10⁶ 1.5×10⁶ 2×10⁶ 2.5×10⁶"},
		{Axis{}, 0, 3e-7, "0 5×10⁻⁸ 1×10⁻⁷ 1.5×10⁻⁷ 2×10⁻⁷ 2.5×10⁻⁷ 3×10⁻⁷"},
		{Axis{}, 5, 5, "4.4 4.6 4.8 5.0 5.2 5.4 5.6"},
		{Axis{Log: true}, 1e-4, 1, "10⁻⁴ 10⁻³ 10⁻² 10⁻¹ 10⁰"},
		{Axis{Log: true}, 2, 30, "2 5 10 20 50"},
		{Axis{Log: true}, 3, 7, "2 5 10"},
		{Axis{Log: true}, 1e-12, 1, "10⁻¹² 10⁻¹⁰ 10⁻⁸ 10⁻⁶ 10⁻⁴ 10⁻² 10⁰"},
		{Axis{Categories: []string{"a", "b"}}, 0, 1, "a b"},
		{Axis{Ticks: []float64{30, 60, 100}}, 30, 100, "30 60 100"},
		{Axis{Range: [2]float64{0, 90}}, 10, 20, "0 20 40 60 80"},
	}
	for _, test := range cases {
		lo, hi := test.axis.fit(extent{test.lo, test.hi}, false, 6)
		got := tickLabels(test.axis.ticks(scale{lo: lo, hi: hi, log: test.axis.Log}, 6))
		if got != test.want {
			t.Errorf("%g to %g: ticks %q, want %q", test.lo, test.hi, got, test.want)
		}
	}
}

func TestScale(t *testing.T) {
	linear := scale{lo: -10, hi: 10, from: 300, to: 100}
	if got := linear.at(5); got != 150 {
		t.Errorf("linear: %v, want 150", got)
	}
	logarithmic := scale{lo: 1, hi: 100, log: true, from: 0, to: 200}
	if got := logarithmic.at(10); math.Abs(got-100) > 1e-9 {
		t.Errorf("logarithmic: %v, want 100", got)
	}
}

func TestNumber(t *testing.T) {
	for v, want := range map[float64]string{
		0: "0", -0.00001: "−1×10⁻⁵", 1234.5678: "1235", 0.0312345: "0.03123", -12.5: "−12.5", 1e6: "1×10⁶", 123456: "1.235×10⁵",
	} {
		if got := number(v); got != want {
			t.Errorf("number(%v) = %q, want %q", v, got, want)
		}
	}
	if got := minus("-0.00"); got != "0.00" {
		t.Errorf("minus zero is %q", got)
	}
}

func TestSpread(t *testing.T) {
	placed := spread([]float64{50, 52, 10}, []float64{16, 16, 16}, 0, 100)
	for i, a := range placed {
		for _, b := range placed[:i] {
			if math.Abs(a-b) < 16-1e-9 {
				t.Errorf("labels at %v overlap", placed)
			}
		}
	}
	if placed[2] != 10 || placed[0] > placed[1] {
		t.Errorf("labels at %v lost their order or moved without need", placed)
	}
	if low := spread([]float64{99, 99}, []float64{16, 16}, 0, 100); low[0] > 76+1e-9 || low[1] > 92+1e-9 {
		t.Errorf("labels at %v leave the picture", low)
	}
}

func TestWrap(t *testing.T) {
	lines := wrap("a title that is far too long for one line", 120, 15)
	if len(lines) < 2 || strings.Join(lines, " ") != "a title that is far too long for one line" {
		t.Errorf("wrapped to %q", lines)
	}
	lines = wrap("信道预测误差随用户速度变化，归一化均方误差。", 90, 15)
	if len(lines) < 3 || strings.Join(lines, "") != "信道预测误差随用户速度变化，归一化均方误差。" {
		t.Errorf("wrapped to %q", lines)
	}
	for _, line := range lines {
		if strings.HasPrefix(line, "，") || strings.HasPrefix(line, "。") {
			t.Errorf("line %q begins with punctuation", line)
		}
	}
	if got := shorten("a very long name", 50, 12); !strings.HasSuffix(got, "…") || textWidth(got, 12) > 50 {
		t.Errorf("shortened to %q", got)
	}
}
