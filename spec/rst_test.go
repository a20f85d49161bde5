package spec

import (
	"regexp"
	"strings"
	"testing"

	"github.com/comlam/comlam/internal/testdata"
)

var words = regexp.MustCompile(`[A-Za-z0-9]{2,}`)

var (
	roleName   = regexp.MustCompile(":[A-Za-z][\\w+.:-]*:`")
	optionLine = regexp.MustCompile(`^\s+:[\w-]+:(?:\s|$)`)
)

// unescapeJSON undoes what would join words.
var unescapeJSON = strings.NewReplacer(`\n`, " ", `\u003c`, "<", `\u003e`, ">", `\u0026`, "&")

// uncommented leaves out of reStructuredText what readers do not see: comments, the
// names of roles, the options of directives.
func uncommented(text string) string {
	var out []string
	inside := -1 // indent of the comment
	for line := range strings.Lines(text) {
		bare := strings.TrimSpace(line)
		deep := len(untab(line)) - len(strings.TrimLeft(untab(line), " "))
		if inside >= 0 && (bare == "" || deep > inside) {
			continue
		}
		inside = -1
		if (bare == ".." || strings.HasPrefix(bare, ".. ")) && !rstDirective.MatchString(bare) && !rstTarget.MatchString(bare) && !rstNote.MatchString(bare) {
			inside = deep
			continue
		}
		if !optionLine.MatchString(line) {
			out = append(out, roleName.ReplaceAllString(line, "`"))
		}
	}
	return strings.Join(out, "")
}

// TestProseWords: all reStructuredText in the prose is read (in short tests every fourth
// record) and keeps at least 999 of 1000 words, comments, names of roles and options of
// directives left aside.
func TestProseWords(t *testing.T) {
	dir := testdata.Dir(t, "prose")
	total, lost, records, seen := 0, 0, 0, 0
	for s, err := range Sources(t.Context(), dir, DefaultLimits) {
		if err != nil {
			t.Fatal(err)
		}
		if ByName(s.ID) != RST {
			continue
		}
		if seen++; testing.Short() && seen%4 != 0 { // all of them take a quarter of a minute
			continue
		}
		d, err := Read(s.ID, s.Data, DefaultLimits)
		if err != nil {
			t.Error(err)
			continue
		}
		records++
		have := map[string]int{}
		for _, w := range words.FindAllString(unescapeJSON.Replace(shown(t, d)), -1) {
			have[w]++
		}
		for _, w := range words.FindAllString(uncommented(string(s.Data)), -1) {
			if total++; have[w] == 0 {
				lost++
			}
			have[w]--
		}
	}
	t.Logf("%d records, %d words, %d lost", records, total, lost)
	if records == 0 || lost*1000 > total {
		t.Errorf("%d of %d words are lost in %d records", lost, total, records)
	}
}

func TestTextForms(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"a.rst", "Title\n=====\n\nText with ``code`` and :math:`x^2`.\n\nSub\n---\n\n- a\n- b::\n\n    lit\n", "Title\n\nText with code and $x^2$.\n\nSub\n\n- a\n- b:\n  lit\n\n"},
		{"b.rst", ".. note:: Take care.\n\n.. strange:: arg\n\n   body\n", "note: Take care.\n\nstrange: arg\n\nbody\n\n"},
		{"c.rst", "== ==\na  b\n== ==\nc  d\n== ==\n\n+---+---+\n| e | f |\n+---+---+\n", "a | b\nc | d\n\ne | f\n\n"},
		{"d.rst", ".. csv-table:: T\n   :header: a, b\n\n   1, 2\n\n.. list-table:: U\n\n   * - x\n     - y\n", "T\na | b\n1 | 2\n\nU\nx | y\n\n"},
		{"e.txt", "one\ntwo\n\nthree\n", "one two\n\nthree\n\n"},
		{"f.txt", "Request for Comments: 1\n\n1.  Intro\n\n   It goes on\n\nPostel                    [Page 1]\n\f\nRFC 1    Host    April 1969\n\n\n   here.\n\n1.1.  More\n\n   a = b / c\n", "Request for Comments: 1\n\n1 Intro\n\nIt goes on here.\n\n1.1 More\n\n   a = b / c\n\n"},
	} {
		d, err := Read(c.name, []byte(c.in), DefaultLimits)
		if err != nil {
			t.Error(err)
			continue
		}
		if got := d.Text(); got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}
