package data

import (
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"

	"github.com/comlam/comlam/internal/setting"
)

// Text is the `data` section of a recipe for text: the documents that a language model
// is pre-trained on.
type Text struct {
	SequenceLength int          `yaml:"sequence_length"` // tokens of a row
	Sources        []TextSource `yaml:"sources"`
	HeldOut        float64      `yaml:"held_out"` // share of the documents of each real source, kept to measure on
	// Duplicate is the share of word 8-grams in earlier documents from which on a real
	// document is left out as a copy: what is held out would otherwise be measured by how
	// well its other versions were remembered. 0 keeps every document.
	Duplicate float64 `yaml:"duplicate"`
	Noise     float64 `yaml:"noise"` // share of the tokens read that are replaced in training
}

// TextSource is one origin of documents: exactly one of Path and Facts.
type TextSource struct {
	Name string `yaml:"name"` // how tables call it; "" = after its path
	// Path is a file (.jsonl, .jsonl.gz, .md, .rst, .txt) or a folder of
	// such, or "docs:" for a snapshot of the documentation of ComLAM, in the program.
	Path string `yaml:"path"`
	// Parse has the documents of the path read as comlam spec reads them: plain text with
	// numbered headings, tables and equations instead of the marks of a format. Word and
	// HTML are read in no other way.
	Parse bool `yaml:"parse"`
	// Facts is how many documents are written about each fact of spec/facts. They are
	// trained on and never measured on.
	Facts int `yaml:"facts"`
	// Tables are those of the facts; all if empty.
	Tables []string `yaml:"tables"`
	Weight float64  `yaml:"weight"` // share of the training tokens, over the sum of weights
	// Held says what this source is for: "" both training and, but for facts, measuring;
	// train; or test, for text that is only measured on.
	Held string `yaml:"held"`
	// Gate is by which share bits a byte of what is held out may rise where training goes
	// on with a model, such as 0.02; more fails the run. 0 is no gate.
	Gate float64 `yaml:"gate"`
}

// DefaultText reads the documents that come with the program.
func DefaultText() Text {
	return Text{SequenceLength: 256, HeldOut: 0.1, Duplicate: 0.5, Sources: []TextSource{{Path: "docs:", Weight: 1}}}
}

// Title is how tables call the source.
func (s TextSource) Title() string {
	switch {
	case s.Name != "":
		return s.Name
	case s.Facts > 0:
		return "facts"
	case s.Path == "docs:":
		return "docs"
	}
	name := filepath.Base(s.Path)
	name, _, _ = strings.Cut(name, ".")
	return name
}

// Trains and Measures say what a source is for.
func (s TextSource) Trains() bool   { return s.Held != "test" }
func (s TextSource) Measures() bool { return s.Held != "train" && s.Facts == 0 }

// TellsFacts says whether a source is documents made of facts.
func (c Text) TellsFacts() bool {
	return slices.ContainsFunc(c.Sources, func(s TextSource) bool { return s.Facts > 0 })
}

// Validate reports the first setting that cannot be used.
func (c Text) Validate() error {
	if c.SequenceLength < 8 || c.SequenceLength > 1<<16 {
		return setting.Bad("sequence_length", "use 8 to 65536", "%d is out of range", c.SequenceLength)
	}
	if !(c.HeldOut >= 0 && c.HeldOut < 1) {
		return setting.Bad("held_out", "use a share such as 0.1", "%g is out of range", c.HeldOut)
	}
	if !(c.Duplicate >= 0 && c.Duplicate <= 1) {
		return setting.Bad("duplicate", "use a share such as 0.5, or 0 to keep copies", "%g is out of range", c.Duplicate)
	}
	if !(c.Noise >= 0 && c.Noise < 1) {
		return setting.Bad("noise", "use a share such as 0.1", "%g is out of range", c.Noise)
	}
	if len(c.Sources) == 0 {
		return setting.Bad("sources", `give at least one, such as [{path: "docs:", weight: 1}]`, "there is no source of documents")
	}
	titles, trains, told := map[string]bool{}, false, false
	for i, s := range c.Sources {
		at := fmt.Sprintf("sources[%d]", i)
		if err := s.validate(); err != nil {
			return setting.Under(at, err)
		}
		if titles[s.Title()] {
			return setting.Bad(at, "give it another name", "two sources are called %q", s.Title())
		}
		if told && s.Facts > 0 {
			return setting.Bad(at, "list all tables in one source", "the facts are told in two sources")
		}
		told = told || s.Facts > 0
		titles[s.Title()] = true
		trains = trains || s.Trains()
	}
	if !trains {
		return setting.Bad("sources", `leave out "held: test" of at least one`, "no source is trained on")
	}
	return nil
}

func (s TextSource) validate() error {
	switch {
	case s.Facts < 0 || s.Facts > 1000:
		return setting.Bad("facts", "use 1 to 1000 documents a fact", "%d is out of range", s.Facts)
	case (s.Path != "") == (s.Facts > 0):
		return setting.Bad("path", "give a path, or facts: 10", "a source has either a path or facts")
	case s.Parse && (s.Path == "" || s.Path == "docs:"):
		return setting.Bad("parse", "leave it out here", "only the documents of a file or folder are parsed")
	case len(s.Tables) > 0 && s.Facts == 0:
		return setting.Bad("tables", "say how often each fact is told, such as facts: 10", "only facts have tables")
	case s.Held != "" && s.Held != "train" && s.Held != "test":
		return setting.Bad("held", "use train or test, or leave it out for both", "%q is no use of a source", s.Held)
	case !(s.Gate >= 0) || s.Gate > 0 && !s.Measures():
		return setting.Bad("gate", "use a share such as 0.02 on a source that is measured on", "%g is no gate here", s.Gate)
	case s.Facts > 0 && s.Held == "test":
		return setting.Bad("held", "measure on real documents", "documents made of facts are never measured on")
	case s.Trains() && (!(s.Weight > 0) || math.IsInf(s.Weight, 0)):
		return setting.Bad("weight", "use a positive number", "%g is no share", s.Weight)
	}
	return nil
}
