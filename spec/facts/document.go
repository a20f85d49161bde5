package facts

import (
	"fmt"
	"iter"
	"strings"

	"github.com/comlam/comlam/internal/rng"
)

// A Document is text to pre-train on.
type Document struct {
	Text string `json:"text"`
	Provenance
}

// Sizes of a document in facts.
const (
	minTold = 4
	maxTold = 10
)

// Documents yields texts that tell every known fact [Config.Tellings] times: notes of
// sentences in any order, sheets about one subject, tables, and questions with answers
// in the training phrasing.
func (g *Generator) Documents() iter.Seq[Document] {
	return func(yield func(Document) bool) {
		for round := range g.config.Tellings {
			s := g.stream("documents", round)
			for _, told := range g.chunks(s, round) {
				if !yield(tell(s, told)) {
					return
				}
			}
		}
	}
}

// chunks divides the known facts into documents. In one round of three the facts of an
// entity stay together, in one those of a relation, in one those of a table; the
// documents of all tables are mixed.
func (g *Generator) chunks(s *rng.Stream, round int) [][]*Fact {
	key := []func(*Fact) string{
		func(f *Fact) string { return f.Entity() }, func(f *Fact) string { return f.Relation }, func(f *Fact) string { return f.Table },
	}[round%3]
	var order []string
	groups := map[string][]*Fact{}
	for _, f := range g.known() {
		k := f.Table + "\n" + key(f)
		if groups[k] == nil {
			order = append(order, k)
		}
		groups[k] = append(groups[k], f)
	}
	shuffle(s, order)
	var chunks [][]*Fact
	var small []*Fact // entities with few facts share a document
	for _, k := range order {
		facts := groups[k]
		shuffle(s, facts)
		if len(facts) < minTold {
			if small = append(small, facts...); len(small) >= minTold {
				chunks, small = append(chunks, small), nil
			}
			continue
		}
		for len(facts) > 0 {
			n := min(len(facts), minTold+s.IntN(maxTold-minTold+1))
			chunks, facts = append(chunks, facts[:n]), facts[n:]
		}
	}
	if len(small) > 0 {
		chunks = append(chunks, small)
	}
	shuffle(s, chunks)
	return chunks
}

// tell writes a document about facts.
func tell(s *rng.Stream, told []*Fact) Document {
	var d Document
	var b strings.Builder
	single := true
	for _, f := range told {
		single = single && f.rel == told[0].rel
	}
	switch style := s.IntN(6); {
	case style == 0 && single:
		writeTable(s, &b, &d.Provenance, told)
	case style <= 1:
		writeAnswers(s, &b, &d.Provenance, told)
	default:
		writeNotes(s, &b, &d.Provenance, told)
	}
	d.Text = strings.TrimSpace(b.String())
	return d
}

func writeNotes(s *rng.Stream, b *strings.Builder, p *Provenance, told []*Fact) {
	for _, f := range told {
		t := pick(s, f.rel.statements())
		if s.IntN(3) == 0 { // what only this relation says is the best of it
			t = pick(s, f.rel.own())
		}
		p.from(f, t.ID)
		fmt.Fprintf(b, "%s ", t.fill(f))
	}
}

func writeAnswers(s *rng.Stream, b *strings.Builder, p *Provenance, told []*Fact) {
	for _, f := range told {
		t := pick(s, f.rel.questions(Train))
		p.from(f, t.ID)
		fmt.Fprintf(b, "%s %s\n", t.fill(f), f.Text())
	}
}

// headings are the first lines of tables.
func (r *Relation) headings() []Template {
	return []Template{
		{r.Name + "/train/heading/by", Train, r.Noun + " ({c})"},
		{r.Name + "/train/heading/from", Train, "From {c}: " + r.Noun},
	}
}

func writeTable(s *rng.Stream, b *strings.Builder, p *Provenance, told []*Fact) {
	t := pick(s, told[0].rel.headings())
	fmt.Fprintf(b, "%s\n", t.fill(told[0]))
	swapped := s.IntN(2) == 0
	for _, f := range told {
		p.from(f, t.ID)
		if swapped {
			fmt.Fprintf(b, "%s | %s\n", f.Text(), f.Name())
			continue
		}
		fmt.Fprintf(b, "%s | %s\n", f.Name(), f.Text())
	}
}
