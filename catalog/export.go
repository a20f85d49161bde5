package catalog

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

// Formats lists what [Catalog.Write] writes.
var Formats = []string{"markdown", "bibtex", "json", "csl", "html"}

// Write writes the whole catalog in one of the Formats. The bytes depend on the data
// only.
func (c *Catalog) Write(w io.Writer, format string) error {
	switch format {
	case "markdown":
		return c.markdown(w)
	case "bibtex":
		return c.bibtex(w)
	case "json":
		return writeJSON(w, map[string]any{"outline": c.Parts, "items": c.Items})
	case "csl":
		return writeJSON(w, c.csl())
	case "html":
		return c.html(w)
	}
	return fmt.Errorf("format %q is not one of %s", format, strings.Join(Formats, ", "))
}

func writeJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", " ")
	return enc.Encode(v)
}

// A work is what a bibliography cites.
type work struct {
	key     string
	title   string
	named   bool // the title is the catalog's name, not the paper's
	authors []string
	year    int
	link    Link
}

// works lists every paper of the catalog once.
func (c *Catalog) works() []work {
	var list []work
	for _, it := range c.Items {
		if it.Paper != "" {
			w := work{it.ID, it.Title, false, it.Authors, it.Year, it.Paper}
			if w.title == "" {
				w.title, w.named = it.Name.EN, true
			}
			list = append(list, w)
		}
		for _, l := range it.Further {
			key := strings.NewReplacer(":", "-", ".", "-", "_", "-").Replace(string(l))
			list = append(list, work{key, string(l), true, nil, l.year(), l})
		}
	}
	return list
}

// unnamed is what a citation says whose title is not the paper's own.
const unnamed = "named as in the ComLAM catalog; the title of the paper is not recorded there"

func (c *Catalog) bibtex(w io.Writer) error {
	var b strings.Builder
	for _, x := range c.works() {
		fmt.Fprintf(&b, "@misc{%s,\n  title = {{%s}},\n", x.key, bibText(x.title))
		if len(x.authors) > 0 {
			var names []string
			for _, a := range x.authors {
				name, more := strings.CutSuffix(a, " et al.")
				names = append(names, bibText(name))
				if more {
					names = append(names, "others")
				}
			}
			fmt.Fprintf(&b, "  author = {%s},\n", strings.Join(names, " and "))
		}
		if x.year != 0 {
			fmt.Fprintf(&b, "  year = {%d},\n", x.year)
		}
		if id, ok := strings.CutPrefix(string(x.link), "arxiv:"); ok {
			fmt.Fprintf(&b, "  eprint = {%s},\n  archivePrefix = {arXiv},\n", id)
		}
		fmt.Fprintf(&b, "  url = {%s},\n", x.link.URL())
		if x.named {
			fmt.Fprintf(&b, "  note = {%s},\n", unnamed)
		}
		b.WriteString("}\n\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// bibText escapes what TeX would take for a command.
func bibText(s string) string {
	return strings.NewReplacer(`\`, `\textbackslash{}`, "{", `\{`, "}", `\}`, "&", `\&`, "%", `\%`, "$", `\$`,
		"#", `\#`, "_", `\_`, "~", `\textasciitilde{}`, "^", `\textasciicircum{}`).Replace(s)
}

// cslItem is an item of CSL-JSON, which reference managers read.
type cslItem struct {
	ID        string    `json:"id"`
	Type      string    `json:"type"`
	Title     string    `json:"title"`
	Author    []cslName `json:"author,omitempty"`
	Issued    *cslDate  `json:"issued,omitempty"`
	Publisher string    `json:"publisher,omitempty"`
	Number    string    `json:"number,omitempty"`
	URL       string    `json:"URL"`
	Note      string    `json:"note,omitempty"`
}

type cslName struct {
	Literal string `json:"literal"`
}

type cslDate struct {
	Parts [][]int `json:"date-parts"`
}

func (c *Catalog) csl() []cslItem {
	var list []cslItem
	for _, x := range c.works() {
		it := cslItem{ID: x.key, Type: "article", Title: x.title, URL: x.link.URL()}
		if id, ok := strings.CutPrefix(string(x.link), "arxiv:"); ok {
			it.Publisher, it.Number = "arXiv", id
		}
		for _, a := range x.authors {
			it.Author = append(it.Author, cslName{a})
		}
		if x.year != 0 {
			it.Issued = &cslDate{[][]int{{x.year}}}
		}
		if x.named {
			it.Note = unnamed
		}
		list = append(list, it)
	}
	return list
}
