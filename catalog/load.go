package catalog

import (
	"bytes"
	"cmp"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"

	"go.yaml.in/yaml/v3"
)

//go:embed data/*.yaml
var files embed.FS

// wrongFile lists what is wrong in circulation; every other file is a chapter.
const wrongFile = "wrong.yaml"

// Load reads the catalog that comes with the program.
func Load() (*Catalog, error) {
	sub, err := fs.Sub(files, "data")
	if err != nil {
		return nil, err
	}
	return Read(sub)
}

// Read reads a catalog: each .yaml file is a chapter, in the order of their names.
// It is strict: an unknown key, an entry twice or a second document is an error.
// What the entries say is judged by [Catalog.Check].
func Read(fsys fs.FS) (*Catalog, error) {
	names, err := fs.Glob(fsys, "*.yaml")
	if err != nil {
		return nil, err
	}
	slices.Sort(names)
	c := &Catalog{byID: map[string]*Item{}}
	for _, name := range names {
		if name == wrongFile {
			if err := decode(fsys, name, &c.wrong); err != nil {
				return nil, err
			}
			continue
		}
		p := new(Part)
		if err := decode(fsys, name, p); err != nil {
			return nil, err
		}
		if err := c.addPart(p, &Part{}, nil); err != nil {
			return nil, fmt.Errorf("catalog: %s: %w", name, err)
		}
		c.Parts = append(c.Parts, p)
	}
	if len(c.Parts) == 0 {
		return nil, errors.New("catalog: there is no chapter; give .yaml files")
	}
	return c, nil
}

// decode reads one file strictly.
func decode(fsys fs.FS, name string, into any) error {
	text, err := fs.ReadFile(fsys, name)
	if err != nil {
		return fmt.Errorf("catalog: %w", err)
	}
	d := yaml.NewDecoder(bytes.NewReader(text))
	d.KnownFields(true)
	if err := d.Decode(into); err != nil {
		return fmt.Errorf("catalog: %s: %w", path.Base(name), err)
	}
	if err := d.Decode(new(any)); err != io.EOF {
		return fmt.Errorf("catalog: %s: there is more than one document; keep one", path.Base(name))
	}
	return nil
}

// addPart fills in what a part hands down, and registers its entries.
func (c *Catalog) addPart(p, above *Part, at []string) error {
	p.Name = Name{p.EN, p.ZH}
	p.Area = cmp.Or(p.Area, above.Area)
	if p.Use == "" {
		p.Use, p.UseZH = above.Use, above.UseZH
	}
	at = append(slices.Clone(at), p.ID)
	for _, sub := range p.Parts {
		if err := c.addPart(sub, p, at); err != nil {
			return err
		}
	}
	for _, leaf := range p.Leaves {
		leaf.Leaf = true
		if err := c.addItem(leaf, p, at); err != nil {
			return err
		}
	}
	return nil
}

func (c *Catalog) addItem(it *Item, p *Part, at []string) error {
	if c.byID[it.ID] != nil {
		return fmt.Errorf("the id %q is taken by %s; an id names one entry", it.ID, c.byID[it.ID].Place())
	}
	it.Name = Name{it.EN, it.ZH}
	it.Path = append(slices.Clone(at), it.ID)
	it.Area = cmp.Or(it.Area, p.Area)
	it.Year = cmp.Or(it.Year, it.Paper.year())
	for _, p := range it.Further {
		p.Year = cmp.Or(p.Year, p.Link.year())
	}
	it.Status.State = cmp.Or(it.Status.State, NotYet)
	if it.Use == "" {
		it.Use, it.UseZH = p.Use, p.UseZH
	}
	it.explain()
	c.byID[it.ID] = it
	c.Items = append(c.Items, it)
	for _, work := range it.Works {
		if err := c.addItem(work, p, it.Path); err != nil {
			return err
		}
	}
	return nil
}
