package corpus

import (
	"fmt"
	"strings"
	"testing"
)

func TestDuplicates(t *testing.T) {
	page := func(from, n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, "word%d ", from+i)
		}
		return b.String()
	}
	var d Duplicates
	if d.Share(page(0, 50)) != 0 || d.Share("") != 0 {
		t.Error("something is known before anything was added")
	}
	d.Add(page(0, 1000))
	for _, c := range []struct {
		text   string
		lo, hi float64
	}{
		{page(0, 1000), 1, 1},
		{strings.ToUpper(page(0, 1000)) + "!", 1, 1},
		{page(500, 1000), 0.48, 0.52},
		{page(2000, 100), 0, 0},
		{"word1 word2", 0, 0}, // too short for a shingle of the page
	} {
		if got := d.Share(c.text); got < c.lo || got > c.hi {
			t.Errorf("%.20q...: %g, want %g to %g", c.text, got, c.lo, c.hi)
		}
	}
	d.Add("word1 word2")
	if d.Share("Word1, word2.") != 1 {
		t.Error("a short document is not known again")
	}
}
