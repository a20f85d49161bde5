package catalog

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"slices"
	"strings"
)

var (
	//go:embed page.html
	pageText string
	//go:embed page.css
	styleText string
	//go:embed page.js
	scriptText string

	page = template.Must(template.New("page").Parse(pageText))
)

// A choice is one option of a filter.
type choice struct {
	Value string
	Name  Name
}

// row is an entry, or with Level > 0 a heading, of the page.
type row struct {
	Level int
	ID    string
	Name  Name
	*Item
	Refs                  []choice // of See
	KindIs, AreaIs, State Name
	EvidenceIs            Name
	Names, Text           string // what the search looks at
}

// html writes one page that loads nothing: style and script are inside, allowed by
// their hashes only.
func (c *Catalog) html(w io.Writer) error {
	var rows []row
	for _, p := range c.Parts {
		rows = c.rows(rows, p, 2)
	}
	return page.Execute(w, map[string]any{
		"Policy": fmt.Sprintf("default-src 'none'; style-src '%s'; script-src '%s'; base-uri 'none'; form-action 'none'",
			digest(styleText), digest(scriptText)),
		"Style": template.CSS(styleText), "Script": template.JS(scriptText), "Rows": rows,
		"Kinds": kindChoices(), "Areas": areaChoices(), "States": stateChoices(), "Years": c.years(),
		"Entries": len(c.Items), "Leaves": c.Leaves(), "Runs": c.Count(Runs), "Partly": c.Count(Partly), "NotYet": c.Count(NotYet),
	})
}

// digest names a text in a security policy.
func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}

func (c *Catalog) rows(rows []row, p *Part, level int) []row {
	rows = append(rows, row{Level: level, ID: p.ID, Name: p.Name, Item: &Item{}})
	for _, sub := range p.Parts {
		rows = c.rows(rows, sub, level+1)
	}
	for _, leaf := range p.Leaves {
		rows = append(rows, c.row(leaf))
		for _, x := range leaf.Works {
			rows = append(rows, c.row(x))
		}
	}
	return rows
}

func (c *Catalog) row(it *Item) row {
	r := row{
		ID: it.ID, Name: it.Name, Item: it, KindIs: KindName(it.Kind), AreaIs: AreaName(it.Area),
		State: StateName(it.Status.State), EvidenceIs: EvidenceName(it.Evidence),
		Names: strings.Join(it.names(), "\n"), Text: it.text(),
	}
	for _, id := range it.See {
		if x := c.Item(id); x != nil {
			r.Refs = append(r.Refs, choice{id, x.Name})
		}
	}
	return r
}

func kindChoices() (list []choice) {
	for _, k := range Kinds {
		list = append(list, choice{string(k), KindName(k)})
	}
	return list
}

func areaChoices() (list []choice) {
	for _, a := range Areas {
		list = append(list, choice{string(a), AreaName(a)})
	}
	return list
}

func stateChoices() (list []choice) {
	for _, s := range States {
		list = append(list, choice{string(s), StateName(s)})
	}
	return list
}

// years lists the years that occur, newest first.
func (c *Catalog) years() []int {
	var list []int
	for _, it := range c.Items {
		if it.Year != 0 && !slices.Contains(list, it.Year) {
			list = append(list, it.Year)
		}
	}
	slices.Sort(list)
	slices.Reverse(list)
	return list
}
