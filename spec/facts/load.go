package facts

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

//go:embed data/*.tsv data/*.yaml
var files embed.FS

// header is the first line of each table.
const header = "relation\tsubject\tvalue\tunit\tclause\trelease"

var (
	clauseForm  = regexp.MustCompile(`^(T[SR] \d\d\.\d{3}(-\d)? (clause|Table|Annex) [A-Z]?[0-9.]*[0-9](-\d+)?|O-RAN [A-Za-z ]+)$`)
	annexForm   = regexp.MustCompile(`^TS \d\d\.\d{3} Annex [A-Z](\.\d+)*$`)
	releaseForm = regexp.MustCompile(`^(1[0-9]|-)$`)
	nameForm    = regexp.MustCompile(`^[a-z][a-z0-9-]*$`)
)

// Load reads the facts that come with the program, those of wireless/nr included.
func Load() (*Collection, error) {
	sub, err := fs.Sub(files, "data")
	if err != nil {
		return nil, err
	}
	return Parse(sub, radio())
}

// Parse reads a folder of tables, x.tsv, and of how to speak of their relations, x.yaml;
// more are the facts of tables that have no .tsv. It is strict: a line out of form, a
// relation without phrases or a subject twice in one relation is an error that names
// file and line.
func Parse(fsys fs.FS, more []Fact) (*Collection, error) {
	c := &Collection{byID: map[string]*Fact{}}
	names, err := fs.Glob(fsys, "*.yaml")
	if err != nil {
		return nil, err
	}
	slices.Sort(names)
	relations := map[string]*Relation{}
	for _, name := range names {
		list, err := readRelations(fsys, name)
		if err != nil {
			return nil, fmt.Errorf("facts: %s: %w", name, err)
		}
		for _, r := range list {
			if relations[r.Name] != nil {
				return nil, fmt.Errorf("facts: %s: relation %q is in %s.yaml too", name, r.Name, relations[r.Name].Table)
			}
			relations[r.Name] = r
			c.Relations = append(c.Relations, r)
		}
	}
	if names, err = fs.Glob(fsys, "*.tsv"); err != nil {
		return nil, err
	}
	slices.Sort(names)
	for _, name := range names {
		if err := c.readTable(fsys, name, relations); err != nil {
			return nil, err
		}
	}
	for i, f := range more {
		if err := c.add(&f, relations); err != nil {
			return nil, fmt.Errorf("facts: fact %d of %s: %w", i, f.Table, err)
		}
	}
	if err := c.addLetters(relations["letter"]); err != nil {
		return nil, err
	}
	return c, c.complete()
}

// complete checks that every relation has facts, and sorts the facts by relation.
func (c *Collection) complete() error {
	place := map[*Relation]int{}
	for i, r := range c.Relations {
		place[r] = i
	}
	slices.SortStableFunc(c.Facts, func(a, b *Fact) int { return place[a.rel] - place[b.rel] })
	used := map[*Relation]bool{}
	for _, f := range c.Facts {
		used[f.rel] = true
	}
	for _, r := range c.Relations {
		if !used[r] {
			return fmt.Errorf("facts: %s.yaml: relation %q has no fact", r.Table, r.Name)
		}
	}
	return nil
}

func readRelations(fsys fs.FS, name string) ([]*Relation, error) {
	text, err := fs.ReadFile(fsys, name)
	if err != nil {
		return nil, err
	}
	var order yaml.Node
	if err := yaml.Unmarshal(text, &order); err != nil {
		return nil, err
	}
	d := yaml.NewDecoder(bytes.NewReader(text))
	d.KnownFields(true)
	byName := map[string]*Relation{}
	if err := d.Decode(&byName); err != nil {
		return nil, err
	}
	if err := d.Decode(new(any)); err != io.EOF {
		return nil, errors.New("there is more than one document; keep one")
	}
	if len(order.Content) == 0 || order.Content[0].Kind != yaml.MappingNode {
		return nil, errors.New("it is not a mapping of relations")
	}
	var list []*Relation
	keys := order.Content[0].Content
	for i := 0; i < len(keys); i += 2 {
		r := byName[keys[i].Value]
		if r == nil {
			return nil, fmt.Errorf("line %d: relation %q is empty or merged", keys[i].Line, keys[i].Value)
		}
		r.Name, r.Table = keys[i].Value, strings.TrimSuffix(name, ".yaml")
		if r.Category == "" {
			r.Category = "Standards specifications"
		}
		if err := r.check(); err != nil {
			return nil, fmt.Errorf("line %d: relation %q: %w", keys[i].Line, r.Name, err)
		}
		r.compile()
		list = append(list, r)
	}
	return list, nil
}

// check looks at names and slots.
func (r *Relation) check() error {
	switch {
	case !nameForm.MatchString(r.Name):
		return errors.New("its name is not lower-case words joined by hyphens")
	case strings.Count(r.Subject, "{}") != 1:
		return fmt.Errorf("subject %q has not one {}", r.Subject)
	case !slices.Contains(kinds, r.Kind):
		return fmt.Errorf("kind %q is none of %v", r.Kind, kinds)
	case r.Noun == "":
		return errors.New("it has no noun")
	case len(r.Train) < 3 || len(r.Valid) < 1 || len(r.Test) < 2 || len(r.Say) < 2:
		return errors.New("give 3 or more phrases for train, 1 for valid, 2 for test, 2 for say")
	}
	for _, n := range slices.Concat(r.Train, r.Valid, r.Test) {
		if strings.Count(n, "{") != 1 || !strings.Contains(n, "{s}") || !strings.HasPrefix(n, "the ") {
			return fmt.Errorf("phrase %q is not of the form \"the ... {s}\"", n)
		}
	}
	for _, n := range r.Say {
		if strings.Count(n, "{") != 2 || !strings.Contains(n, "{s}") || !strings.Contains(n, "{v}") {
			return fmt.Errorf("statement %q has not {s} and {v} once each", n)
		}
	}
	return nil
}

func (c *Collection) readTable(fsys fs.FS, name string, relations map[string]*Relation) error {
	text, err := fs.ReadFile(fsys, name)
	if err != nil {
		return fmt.Errorf("facts: %w", err)
	}
	table := strings.TrimSuffix(name, ".tsv")
	for i, line := range strings.Split(strings.TrimSuffix(string(text), "\n"), "\n") {
		if i == 0 {
			if line != header {
				return fmt.Errorf("facts: %s:1: the first line is %q; make it %q", name, line, header)
			}
			continue
		}
		cells := strings.Split(line, "\t")
		if len(cells) != 6 {
			return fmt.Errorf("facts: %s:%d: %d cells, want 6 separated by tabs", name, i+1, len(cells))
		}
		f := &Fact{Table: table, Relation: cells[0], Subject: cells[1], Value: cells[2], Unit: cells[3], Clause: cells[4], Release: cells[5]}
		if err := c.add(f, relations); err != nil {
			return fmt.Errorf("facts: %s:%d: %w", name, i+1, err)
		}
	}
	return nil
}

// add checks a fact and takes it in.
func (c *Collection) add(f *Fact, relations map[string]*Relation) error {
	r := relations[f.Relation]
	switch {
	case r == nil:
		return fmt.Errorf("there is no relation %q; describe it in %s.yaml", f.Relation, f.Table)
	case r.Table != f.Table:
		return fmt.Errorf("relation %q belongs to table %s", f.Relation, r.Table)
	}
	f.rel, f.ID = r, f.Relation+"/"+f.Subject
	for _, cell := range []string{f.Subject, f.Value, f.Unit} {
		if strings.TrimSpace(cell) != cell || strings.ContainsAny(cell, "\t\n{}") && r.Kind != Code {
			return fmt.Errorf("%q has space around it, a brace or a line break", cell)
		}
	}
	_, isNumber := f.Number()
	switch {
	case f.Subject == "" || f.Value == "":
		return errors.New("subject or value is empty")
	case c.byID[f.ID] != nil:
		return fmt.Errorf("%q is said twice; a question must have one right answer", f.ID)
	case !clauseForm.MatchString(f.Clause) && !annexForm.MatchString(f.Clause):
		return fmt.Errorf("clause %q is not like \"TS 38.211 Table 4.2-1\" or \"TS 38.211 clause 4.2\"", f.Clause)
	case !releaseForm.MatchString(f.Release) || (f.Release == "-") != strings.HasPrefix(f.Clause, "O-RAN"):
		return fmt.Errorf("release %q is not the number of one", f.Release)
	case r.Kind == Number && !isNumber:
		return fmt.Errorf("value %q is no number", f.Value)
	}
	c.byID[f.ID] = f
	c.Facts = append(c.Facts, f)
	return nil
}
