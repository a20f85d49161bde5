package catalog

import (
	"fmt"
	"io"
	"strings"
	"unicode"
)

// paper is a Markdown document being written: first the headings, then the text.
type paper struct {
	contents, body strings.Builder
	taken          map[string]int // anchors
}

// markdown writes a document with a table of contents: parts and leaves are
// headings, the works of a leaf a list.
func (c *Catalog) markdown(w io.Writer) error {
	d := &paper{taken: map[string]int{}}
	d.heading(1, "Large AI models for communications 通信大模型")
	for _, p := range c.Parts {
		d.part(c, p, 2)
	}
	_, err := fmt.Fprintf(w, "# Large AI models for communications 通信大模型\n\n"+
		"%d entries, %d of them leaves of the outline. In ComLAM: %d running, %d partly, %d not yet.\n\n%s\n%s",
		len(c.Items), c.Leaves(), c.Count(Runs), c.Count(Partly), c.Count(NotYet), d.contents.String(), d.body.String())
	return err
}

// heading reserves the anchor of a heading, as GitHub numbers them, and returns it.
func (d *paper) heading(level int, text string) string {
	a := anchor(text)
	n := d.taken[a]
	d.taken[a]++
	if n > 0 {
		a = fmt.Sprintf("%s-%d", a, n)
	}
	if level > 1 {
		fmt.Fprintf(&d.contents, "%s- [%s](#%s)\n", strings.Repeat("  ", level-2), mdText(text), a)
		fmt.Fprintf(&d.body, "%s %s\n\n", strings.Repeat("#", level), mdText(text))
	}
	return a
}

// anchor is the name that a heading gets on a rendered page.
func anchor(heading string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == ' ':
			return '-'
		case unicode.IsLetter(r), unicode.IsDigit(r), r == '-', r == '_':
			return unicode.ToLower(r)
		}
		return -1
	}, strings.TrimSpace(heading))
}

func (d *paper) part(c *Catalog, p *Part, level int) {
	d.heading(level, p.Name.both())
	for _, sub := range p.Parts {
		d.part(c, sub, level+1)
	}
	for _, leaf := range p.Leaves {
		d.heading(level+1, leaf.Name.both())
		d.item(c, leaf)
		for _, x := range leaf.Works {
			fmt.Fprintf(&d.body, "**%s**\n\n", mdText(x.Name.both()))
			d.item(c, x)
		}
	}
}

// both is a name in both languages, or once where they are alike.
func (n Name) both() string {
	if n.EN == n.ZH || strings.Contains(n.ZH, n.EN) {
		return n.ZH
	}
	return n.EN + " " + n.ZH
}

func (d *paper) item(c *Catalog, it *Item) {
	line := func(format string, args ...any) { fmt.Fprintf(&d.body, "- "+format+"\n", args...) }
	head := KindName(it.Kind).EN
	if it.Year != 0 {
		head += fmt.Sprintf(", %d", it.Year)
	}
	line("%s", mdText(head))
	if cite := citation(it.Title, it.Authors); cite != "" {
		line("%s", mdText(cite))
	}
	if it.Use != "" {
		line("%s %s", mdText(it.Use), mdText(it.UseZH))
	}
	if it.Note != "" {
		line("%s %s", mdText(it.Note), mdText(it.NoteZH))
	}
	var facts []string
	for _, f := range it.Telling() {
		text := mdText(f.Label.EN + ": " + f.Value.EN)
		if f.URL != "" {
			text = fmt.Sprintf("[%s](%s)", mdText(f.Label.EN+" "+f.Value.EN), f.URL)
		}
		facts = append(facts, text)
	}
	if len(facts) > 0 {
		line("%s", strings.Join(facts, ", "))
	}
	if len(it.Links()) > 0 {
		line("links: %s", EvidenceName(it.Evidence).EN)
	}
	for _, p := range it.Further {
		line("%s", strings.TrimSpace(fmt.Sprintf("[%s](%s) %s", mdText(string(p.Link)), p.Link.URL(), mdText(citation(p.Title, p.Authors)))))
	}
	if len(it.See) > 0 {
		var names []string
		for _, id := range it.See {
			if x := c.Item(id); x != nil {
				names = append(names, x.Name.EN)
			}
		}
		line("see %s", mdText(strings.Join(names, ", ")))
	}
	line("ComLAM: %s", mdStatus(it.Status))
	d.body.WriteString("\n")
}

// citation is a title with its authors.
func citation(title string, authors []string) string {
	by := strings.Join(authors, ", ")
	if title == "" || by == "" {
		return title + by
	}
	return title + ". " + by
}

func mdStatus(s Status) string {
	text := string(s.State)
	for i, command := range s.Run {
		text += map[bool]string{true: ": ", false: ", "}[i == 0] + "`" + command + "`"
	}
	if s.Missing != "" {
		text += ". " + mdText(s.Missing)
	}
	return text
}

// mdText escapes what Markdown would take for markup.
func mdText(s string) string {
	return strings.NewReplacer(`\`, `\\`, "`", "\\`", "*", `\*`, "_", `\_`, "[", `\[`, "]", `\]`, "<", `\<`, "|", `\|`, "#", `\#`).Replace(s)
}
