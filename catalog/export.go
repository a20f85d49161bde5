package catalog

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
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
			list = append(list, newWork(it.ID, it.Name.EN, Paper{it.Paper, it.Title, it.Authors, it.Year, it.Cited}))
		}
		for _, p := range it.Further {
			key := strings.NewReplacer(":", "-", "/", "-", ".", "-", "_", "-").Replace(string(p.Link))
			list = append(list, newWork(key, string(p.Link), *p))
		}
	}
	return list
}

// newWork makes a work that is called by a name where its title is not recorded.
func newWork(key, name string, p Paper) work {
	return work{key, cmp.Or(p.Title, name), p.Title == "", p.Authors, p.Year, p.Link}
}

// unnamed is what a citation says whose title is not the paper's own.
const unnamed = "named as in the ComLAM catalog; the title of the paper is not recorded there"

func (c *Catalog) bibtex(w io.Writer) error {
	var b strings.Builder
	for _, x := range c.works() {
		fmt.Fprintf(&b, "@misc{%s,\n", x.key)
		for _, f := range x.bibFields() {
			if f[1] != "" {
				fmt.Fprintf(&b, "  %s = {%s},\n", f[0], f[1])
			}
		}
		b.WriteString("}\n\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// bibFields are the fields of a work in BibTeX; those that are not known are empty.
func (x work) bibFields() [][2]string {
	year, archive, note := "", "", ""
	if x.year != 0 {
		year = strconv.Itoa(x.year)
	}
	arxiv, doi := x.link.id("arxiv"), x.link.id("doi")
	if arxiv != "" {
		archive = "arXiv"
	}
	if x.named {
		note = unnamed
	}
	return [][2]string{
		{"title", "{" + bibText(x.title) + "}"}, {"author", bibAuthors(x.authors)}, {"year", year},
		{"eprint", arxiv}, {"archivePrefix", archive}, {"doi", doi}, {"url", x.link.URL()}, {"note", note},
	}
}

// bibAuthors joins names as BibTeX wants them: what stands for a group is kept whole.
func bibAuthors(list []string) string {
	var names []string
	for _, a := range list {
		name, more := strings.CutSuffix(a, " et al.")
		if name = bibText(name); strings.HasSuffix(name, " Team") {
			name = "{" + name + "}"
		}
		names = append(names, name)
		if more {
			names = append(names, "others")
		}
	}
	return strings.Join(names, " and ")
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
	DOI       string    `json:"DOI,omitempty"`
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
		it.DOI = x.link.id("doi")
		if id := x.link.id("arxiv"); id != "" {
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
