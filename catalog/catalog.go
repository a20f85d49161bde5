// Package catalog is the map of the field as data: every stage, data set, method,
// model, paper and application of the outline of large AI models for
// communications, with its links, and whether and how it runs in ComLAM.
//
// The data are the YAML files in data, one a chapter, in the outline's order. An
// outline has parts; a part has leaves; a leaf has works, which are the papers,
// models and data sets that it rests on:
//
//	c, err := catalog.Load()
//	...
//	for _, hit := range c.Search("信道预测") {
//		fmt.Println(hit.Item.ID, hit.Item.Name)
//	}
//
// # What an entry says, and what it does not
//
// Nothing is guessed. Year, authors, paper, code, weights, data and both licences have a
// value or an [Absence] that says why there is none: in the data a word stands where the
// link would, such as "code: none" or "weights: unknown". Evidence says
// how well an entry's links are known: read (the source itself was opened), id (the
// identifier was), known (well-known, not opened again), third-party, unverified, or
// nothing (as the outline has it). Cited says where title and authors are from: a page
// of the paper, its code's citation, the outline's bibliography, a list of others, or
// known. A year that is not given is that of the arXiv
// number. An entry that has no paper of its own refers to others by See; a link
// stands in one place only. A licence is that of the code, by its SPDX identifier or its
// name; where there is no code, that of the data or the weights. The weights have a
// licence of their own, which is often another. [NoLicence] says that the repository was
// looked at and has no licence file, [UnknownLicence] that the terms could not be found.
//
// # Status
//
// An entry runs, runs partly, or does not run yet; a stage of history has nothing to
// run. What runs names the commands that
// run it, and a test of the root package tries them against the registries and the
// recipes, so that a status cannot lie. [Catalog.Check] refuses wrong links that are
// in circulation; they are listed in data/wrong.yaml.
package catalog

import (
	"iter"
	"slices"
	"strings"
)

// A Name is in both languages.
type Name struct {
	EN string `json:"en"`
	ZH string `json:"zh"`
}

// Kind says what an entry is.
type Kind string

// Kinds lists the kinds.
var Kinds = []Kind{"stage", "dataset", "method", "model", "paper", "application"}

// Area is a field of work. The applications' areas are those of package task.
type Area string

// Areas lists the areas in the outline's order.
var Areas = []Area{
	"foundations", "data", "training", "evaluation", "architecture", "model", "optimisation", "physical layer",
	"MAC", "resources", "network", "edge", "semantic", "security", "emerging",
}

// State says whether an entry runs in ComLAM.
type State string

// The states.
const (
	Runs   State = "runs"
	Partly State = "partly"
	NotYet State = "not yet"
	Nought State = "nothing to run" // a stage of history, a survey, a position
)

// States lists the states.
var States = []State{Runs, Partly, NotYet, Nought}

// Evidences lists what Evidence can be, the best first.
var Evidences = []string{"read", "id", "known", "third-party", "unverified", ""}

// Sources lists what Cited can be, the best first.
var Sources = []string{"page", "code", "outline", "list", "known"}

// Status is what of an entry runs in ComLAM, and how.
type Status struct {
	State     State    `yaml:"state" json:"state"`
	As        string   `yaml:"as" json:"as,omitempty"`   // the folder that does it, such as model/wifo
	Run       []string `yaml:"run" json:"run,omitempty"` // commands
	Key       string   `yaml:"key" json:"key,omitempty"` // the recipe's key that switches it on
	Missing   string   `yaml:"missing" json:"missing,omitempty"`
	MissingZH string   `yaml:"missing_zh" json:"missing_zh,omitempty"` // what of it does not run yet
}

// Item is one entry.
type Item struct {
	ID      string   `yaml:"id" json:"id"`
	Kind    Kind     `yaml:"kind" json:"kind"`
	Name    Name     `yaml:"-" json:"name"`
	Title   string   `yaml:"title" json:"title,omitempty"` // of the paper
	Area    Area     `yaml:"area" json:"area"`             // the part's, unless given
	Year    int      `yaml:"year" json:"year,omitempty"`   // the arXiv number's, unless given
	Authors []string `yaml:"authors" json:"authors,omitempty"`
	Cited   string   `yaml:"cited" json:"cited,omitempty"` // where title and authors are from
	Paper   Link     `yaml:"paper" json:"paper,omitempty"`
	Further []*Paper `yaml:"further" json:"further,omitempty"`
	Code    Link     `yaml:"code" json:"code,omitempty"`
	Weights Link     `yaml:"weights" json:"weights,omitempty"`
	Data    Link     `yaml:"data" json:"data,omitempty"`
	Licence string   `yaml:"licence" json:"licence,omitempty"`

	WeightsLicence string             `yaml:"weights_licence" json:"weights_licence,omitempty"`
	Absent         map[string]Absence `yaml:"-" json:"absent"` // why fields are empty

	Use      string   `yaml:"use" json:"use"` // in communications; the part's, unless given
	UseZH    string   `yaml:"use_zh" json:"use_zh"`
	Note     string   `yaml:"note" json:"note,omitempty"`
	NoteZH   string   `yaml:"note_zh" json:"note_zh,omitempty"`
	See      []string `yaml:"see" json:"see,omitempty"` // entries to look at
	Evidence string   `yaml:"evidence" json:"evidence,omitempty"`
	Status   Status   `yaml:"status" json:"status"`
	Path     []string `yaml:"-" json:"path"` // from the outermost part to the entry
	Leaf     bool     `yaml:"-" json:"leaf"` // of the outline
	Works    []*Item  `yaml:"works" json:"-"`

	EN string `yaml:"en" json:"-"`
	ZH string `yaml:"zh" json:"-"`
}

// Paper is one that has no entry of its own.
type Paper struct {
	Link    Link     `yaml:"link" json:"link"`
	Title   string   `yaml:"title" json:"title,omitempty"`
	Authors []string `yaml:"authors" json:"authors,omitempty"`
	Year    int      `yaml:"year" json:"year,omitempty"` // the arXiv number's, unless given
	Cited   string   `yaml:"cited" json:"cited,omitempty"`
}

// Part is a heading of the outline.
type Part struct {
	ID     string  `yaml:"id" json:"id"`
	Name   Name    `yaml:"-" json:"name"`
	Area   Area    `yaml:"area" json:"area"`
	Use    string  `yaml:"use" json:"use,omitempty"`
	UseZH  string  `yaml:"use_zh" json:"use_zh,omitempty"`
	Parts  []*Part `yaml:"parts" json:"parts,omitempty"`
	Leaves []*Item `yaml:"leaves" json:"leaves,omitempty"`

	EN string `yaml:"en" json:"-"`
	ZH string `yaml:"zh" json:"-"`
}

// Catalog is the whole map. It is not changed once loaded.
type Catalog struct {
	Parts []*Part
	Items []*Item // in the outline's order, the works of a leaf behind it
	byID  map[string]*Item
	wrong wrong
}

// Item returns the entry of an id, or nil.
func (c *Catalog) Item(id string) *Item { return c.byID[id] }

// Leaves counts the leaves of the outline.
func (c *Catalog) Leaves() int {
	n := 0
	for _, it := range c.Items {
		if it.Leaf {
			n++
		}
	}
	return n
}

// Count says how many entries are in a state.
func (c *Catalog) Count(s State) int {
	n := 0
	for _, it := range c.Items {
		if it.Status.State == s {
			n++
		}
	}
	return n
}

// A Field is one link of an entry with the name of its field.
type Field struct {
	Name string
	Link Link
}

// Links lists the links of an entry in a fixed order.
func (it *Item) Links() []Field {
	var list []Field
	for _, f := range []Field{{"paper", it.Paper}, {"code", it.Code}, {"weights", it.Weights}, {"data", it.Data}} {
		if f.Link != "" {
			list = append(list, f)
		}
	}
	for _, p := range it.Further {
		list = append(list, Field{"further", p.Link})
	}
	return list
}

// Filter chooses entries; a zero field chooses all.
type Filter struct {
	Kind     Kind
	Area     Area
	State    State
	From, To int // years
}

// Match reports whether the filter lets an entry through. An entry without a year
// passes no filter on years.
func (f Filter) Match(it *Item) bool {
	return (f.Kind == "" || it.Kind == f.Kind) && (f.Area == "" || it.Area == f.Area) &&
		(f.State == "" || it.Status.State == f.State) &&
		(f.From == 0 && f.To == 0 || it.Year != 0 && it.Year >= f.From && it.Year <= f.To)
}

// List returns the entries that a filter lets through, in the outline's order.
func (c *Catalog) List(f Filter) []*Item {
	return slices.DeleteFunc(slices.Clone(c.Items), func(it *Item) bool { return !f.Match(it) })
}

// Place is the path of an entry as text.
func (it *Item) Place() string { return strings.Join(it.Path, "/") }

// Part returns the part of an id, or nil.
func (c *Catalog) Part(id string) *Part {
	for p := range c.parts() {
		if p.ID == id {
			return p
		}
	}
	return nil
}

// PartIDs lists the parts in the outline's order.
func (c *Catalog) PartIDs() []string {
	var ids []string
	for p := range c.parts() {
		ids = append(ids, p.ID)
	}
	return ids
}

// parts walks the parts, each before those below it.
func (c *Catalog) parts() iter.Seq[*Part] {
	return func(yield func(*Part) bool) {
		var walk func(list []*Part) bool
		walk = func(list []*Part) bool {
			for _, p := range list {
				if !yield(p) || !walk(p.Parts) {
					return false
				}
			}
			return true
		}
		walk(c.Parts)
	}
}
