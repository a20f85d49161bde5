package catalog

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// Problem is something that an entry must not say.
type Problem struct {
	Item string `json:"item"`
	Text string `json:"text"`
}

func (p Problem) String() string { return p.Item + ": " + p.Text }

// wrong is data/wrong.yaml.
type wrong struct {
	Links []struct {
		Item, Link, Unless, Is, Right string
	}
	Places []struct{ Item, Under, Because string }
	Years  []struct {
		Item        string
		Year, Right int
	}
	Unpublished []struct{ Item, Because string }
	Spellings   []struct{ Wrong, Unless, Right string }
}

var idForm = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)

// checker collects problems.
type checker struct {
	c     *Catalog
	found []Problem
	links map[Link]string // where a link stands
}

func (k *checker) say(id, format string, args ...any) {
	k.found = append(k.found, Problem{id, fmt.Sprintf(format, args...)})
}

// Check returns everything that is wrong with the data, without a network.
func (c *Catalog) Check() []Problem {
	k := &checker{c: c, links: map[Link]string{}}
	seen := map[string]bool{}
	for _, p := range c.Parts {
		k.part(p, seen)
	}
	for _, it := range c.Items {
		k.words(it)
		k.linksOf(it)
		k.explained(it)
		k.circulation(it)
		k.status(it)
	}
	k.places()
	return k.found
}

func (k *checker) part(p *Part, seen map[string]bool) {
	if !idForm.MatchString(p.ID) || seen[p.ID] || k.c.byID[p.ID] != nil {
		k.say(p.ID, "the part's id is taken or not like two-words")
	}
	seen[p.ID] = true
	k.names(p.ID, p.Name)
	k.spelling(p.ID, p.EN, p.ZH, p.Use, p.UseZH)
	if !slices.Contains(Areas, p.Area) {
		k.say(p.ID, "area %q is not one of %q", p.Area, Areas)
	}
	if len(p.Parts)+len(p.Leaves) == 0 {
		k.say(p.ID, "the part is empty; leave it out")
	}
	for _, sub := range p.Parts {
		k.part(sub, seen)
	}
}

func (k *checker) names(id string, n Name) {
	if strings.TrimSpace(n.EN) == "" || strings.TrimSpace(n.ZH) == "" {
		k.say(id, "a name is missing; give en and zh")
	}
	if strings.ContainsFunc(n.EN, isHan) {
		k.say(id, "the English name %q has Chinese letters", n.EN)
	}
}

func isHan(r rune) bool { return unicode.Is(unicode.Han, r) }

// words checks what is said about an entry.
func (k *checker) words(it *Item) {
	if !idForm.MatchString(it.ID) {
		k.say(it.ID, "the id is not like two-words")
	}
	k.names(it.ID, it.Name)
	k.spelling(it.ID, it.EN, it.ZH, it.Use, it.UseZH, it.Note, it.NoteZH)
	switch {
	case !slices.Contains(Kinds, it.Kind):
		k.say(it.ID, "kind %q is not one of %q", it.Kind, Kinds)
	case !slices.Contains(Areas, it.Area):
		k.say(it.ID, "area %q is not one of %q", it.Area, Areas)
	case !slices.Contains(Evidences, it.Evidence):
		k.say(it.ID, "evidence %q is not one of %q", it.Evidence, Evidences)
	case (it.Use == "") != (it.UseZH == ""), (it.Note == "") != (it.NoteZH == ""):
		k.say(it.ID, "a text is in one language only; give both")
	case it.Year != 0 && (it.Year < 1900 || it.Year > 2100):
		k.say(it.ID, "year %d is none", it.Year)
	}
	for _, id := range it.See {
		if k.c.byID[id] == nil || id == it.ID {
			k.say(it.ID, "it refers to %q, which is no other entry", id)
		}
	}
	for _, p := range append([]*Paper{{it.Paper, it.Title, it.Authors, it.Year, it.Cited}}, it.Further...) {
		k.citation(it.ID, p)
	}
}

// citation checks what is said about one paper.
func (k *checker) citation(id string, p *Paper) {
	k.spelling(id, append([]string{p.Title}, p.Authors...)...)
	switch {
	case slices.Contains(p.Authors, ""):
		k.say(id, "an author has no name")
	case (p.Title != "" || len(p.Authors) > 0) != (p.Cited != ""):
		k.say(id, "%q: cited says where title and authors are from; give it with them, and only then", p.Title)
	case p.Cited != "" && !slices.Contains(Sources, p.Cited):
		k.say(id, "cited %q is not one of %q", p.Cited, Sources)
	case p.Link.year() != 0 && p.Year != p.Link.year():
		k.say(id, "year %d is not that of %s", p.Year, p.Link)
	}
}

// linksOf checks the links of an entry by themselves.
func (k *checker) linksOf(it *Item) {
	for _, f := range it.Links() {
		_, address, err := f.Link.parse()
		if err != nil {
			k.say(it.ID, "%s: %v", f.Name, err)
			continue
		}
		if short := shortForm(address); short != "" {
			k.say(it.ID, "%s: write %s as %s", f.Name, address, short)
		}
		if there := k.links[f.Link]; there != "" {
			k.say(it.ID, "%s: %s stands at %s already; refer to that entry", f.Name, f.Link, there)
		}
		k.links[f.Link] = it.ID
		switch isPaper := f.Link.paper(); {
		case isPaper != (f.Name == "paper" || f.Name == "further") && f.Name != "data":
			k.say(it.ID, "%s: %s is of the wrong sort for it: papers are no code and no weights", f.Name, f.Link)
		}
	}
	if it.Paper == "" && len(it.Further) == 0 && it.Code == "" && it.Data == "" && it.Evidence == "read" && len(it.See) == 0 && it.Note == "" && it.Use == "" {
		k.say(it.ID, "it says nothing")
	}
}

// circulation refuses what is known to be wrong elsewhere.
func (k *checker) circulation(it *Item) {
	for _, w := range k.c.wrong.Links {
		if w.Item != "" && w.Item != it.ID {
			continue
		}
		for _, f := range it.Links() {
			here := string(f.Link) + " " + f.Link.URL()
			if strings.Contains(strings.ToLower(here), strings.ToLower(w.Link)) && (w.Unless == "" || !strings.Contains(here, w.Unless)) {
				k.say(it.ID, "%s: %s is %s; the right one is %s", f.Name, f.Link, w.Is, w.Right)
			}
		}
	}
	for _, w := range k.c.wrong.Unpublished {
		if w.Item == it.ID && it.Weights != "" {
			k.say(it.ID, "weights: %s cannot be them: %s", it.Weights, w.Because)
		}
	}
	for _, w := range k.c.wrong.Years {
		if w.Item == it.ID && w.Year == it.Year {
			k.say(it.ID, "year %d is wrong; it is %d", w.Year, w.Right)
		}
	}
}

func (k *checker) spelling(id string, texts ...string) {
	for _, w := range k.c.wrong.Spellings {
		for _, text := range texts {
			if w.Unless != "" {
				text = strings.ReplaceAll(text, w.Unless, "")
			}
			if strings.Contains(text, w.Wrong) {
				k.say(id, "%q is written %q", w.Wrong, w.Right)
			}
		}
	}
}

// places checks that what is often filed wrongly stands where it belongs.
func (k *checker) places() {
	for _, w := range k.c.wrong.Places {
		it := k.c.byID[w.Item]
		if it != nil && !strings.HasPrefix(it.Place()+"/", w.Under+"/") {
			k.say(w.Item, "it belongs under %s: %s", w.Under, w.Because)
		}
	}
}

// status checks that what runs says how, and what does not claims nothing.
func (k *checker) status(it *Item) {
	s := it.Status
	claims := cmp.Or(s.As, s.Key, strings.Join(s.Run, "")) != ""
	switch {
	case !slices.Contains(States, s.State):
		k.say(it.ID, "state %q is not one of %q", s.State, States)
	case (s.State == NotYet || s.State == Nought) && claims:
		k.say(it.ID, "it does not run but names a command, key or folder")
	case s.State == Nought && it.Kind != "stage" && it.Kind != "paper":
		k.say(it.ID, "only a stage or a paper has nothing to run; a %s does not run yet", it.Kind)
	case (s.State == Runs || s.State == Partly) && (s.As == "" || len(s.Run) == 0):
		k.say(it.ID, "it runs; say by which folder and which command")
	case (s.State == Partly) != (s.Missing != "") || (s.Missing == "") != (s.MissingZH == ""):
		k.say(it.ID, "what runs partly, and only that, says in both languages what is missing")
	}
	for _, command := range s.Run {
		if !strings.HasPrefix(command, "comlam ") {
			k.say(it.ID, "%q is no command of comlam", command)
		}
	}
}
