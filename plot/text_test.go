package plot

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestTextGolden(t *testing.T) {
	text, err := speedChart().Text(60, 12)
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "line.txt", []byte(text))
	forest, err := forestChart().Text(50, 7)
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "forest.txt", []byte(forest))
}

func TestTextFits(t *testing.T) {
	for _, columns := range []int{24, 40, 100} {
		c := speedChart()
		text, err := c.Text(columns, 5)
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range strings.Split(text, "\n") {
			plotted := strings.ContainsAny(line, "│┤└")
			if plotted && utf8.RuneCountInString(line) > columns {
				t.Errorf("%d columns: line %q is too long", columns, line)
			}
		}
	}
	for _, size := range [][2]int{{10, 20}, {40, 2}, {40, 1 << 20}, {-1, 10}} {
		if _, err := speedChart().Text(size[0], size[1]); err == nil {
			t.Errorf("size %v was accepted", size)
		}
	}
}

func TestSpark(t *testing.T) {
	cases := []struct {
		values []float64
		width  int
		want   string
	}{
		{[]float64{0, 1, 2, 3, 4, 5, 6, 7}, 20, "▁▂▃▄▅▆▇█"},
		{[]float64{0, 0, 7, 7}, 2, "▁█"},
		{[]float64{1, math.NaN(), 2}, 3, "▁ █"},
		{[]float64{3, 3, 3}, 3, "▅▅▅"},
		{[]float64{math.NaN()}, 3, " "},
		{nil, 5, ""},
		{[]float64{1}, 0, ""},
	}
	for _, test := range cases {
		if got := Spark(test.values, test.width); got != test.want {
			t.Errorf("Spark(%v, %d) = %q, want %q", test.values, test.width, got, test.want)
		}
	}
}

func ExampleSpark() {
	fmt.Println(Spark([]float64{2.1, 1.4, 0.9, 0.7, 0.6, 0.5, 0.5, 0.4}, 8))
	// Output: █▅▃▂▁▁▁▁
}
