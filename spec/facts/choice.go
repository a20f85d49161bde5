package facts

import (
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/comlam/comlam/internal/rng"
)

// A Choice is a multiple-choice question. Its options are the values of a closed group
// of facts: see the package comment.
type Choice struct {
	ID       string   `json:"id"`
	Question string   `json:"question"`
	Options  []string `json:"options"`
	Answer   int      `json:"answer"` // index of the right option, from 0
	Category string   `json:"category"`
	Relation string   `json:"relation"`
	Exposure Exposure `json:"exposure"`
	Phrasing Phrasing `json:"phrasing"`
	Group    int      `json:"group"` // questions of one group have the same options, in other orders
	Provenance
}

// The number of options: that of TeleQnA's most frequent form, and the least.
const (
	maxOptions = 4
	minOptions = 3
)

// Choices yields the questions about the facts of an exposure, in a phrasing. Each fact
// is asked about [Config.Rounds] times or, where its value is rarer than others of its
// relation, more often. Relations with fewer than three different values have none.
func (g *Generator) Choices(p Phrasing, e Exposure) iter.Seq[Choice] {
	return func(yield func(Choice) bool) {
		number, asked := 0, map[*Fact]int{}
		for round := range g.config.Rounds {
			for i, group := range g.groups("choices", p, e, round) {
				s := g.stream("choice", p, e, round, i)
				for _, f := range group {
					if !yield(g.choice(s, f, group, g.phrase(f, p, e, asked[f]), number)) {
						return
					}
					asked[f]++
				}
				number++
			}
		}
	}
}

// phrase is the template to ask about a fact with for the n-th time: all of a phrasing
// come before one comes again.
func (g *Generator) phrase(f *Fact, p Phrasing, e Exposure, n int) Template {
	list := f.rel.questions(p)
	s := g.stream("phrase", p, e, f.ID, n/len(list))
	return list[s.Perm(len(list))[n%len(list)]]
}

func (g *Generator) choice(s *rng.Stream, f *Fact, group []*Fact, t Template, number int) Choice {
	p, e := t.Phrasing, g.Exposure(f)
	id := fmt.Sprintf("%s/%s/%d", f.ID, p, number)
	q := Choice{ID: id, Question: t.fill(f), Category: f.rel.Category, Relation: f.Relation, Exposure: e, Phrasing: p, Group: number}
	order := slices.Clone(group)
	shuffle(s, order)
	for i, other := range order {
		q.Options = append(q.Options, other.Text())
		if other == f {
			q.Answer = i
		}
	}
	q.from(f, t.ID)
	return q
}

// groups divides the facts of an exposure into closed groups.
func (g *Generator) groups(purpose string, p Phrasing, e Exposure, round int) [][]*Fact {
	pools := map[string][]*Fact{}
	var order []string
	for _, f := range g.Facts(e) {
		k := f.Relation
		if f.From != "" { // words with the same initial
			k += f.Subject[:1]
		}
		if pools[k] == nil {
			order = append(order, k)
		}
		pools[k] = append(pools[k], f)
	}
	var all [][]*Fact
	for _, k := range order {
		if f := pools[k][0]; f.Relation == "expansion" {
			continue // the letters would give the answer away; see addLetters
		}
		all = append(all, closed(g.stream(purpose, p, e, round, k), pools[k])...)
	}
	shuffle(g.stream(purpose, p, e, round), all)
	return all
}

// lengthJitter mixes facts whose values differ by fewer characters than this.
const lengthJitter = 6

// closed divides facts of one relation into groups with different values, near in
// length. What is left over is filled up with facts that have been used, so that every
// fact is in a group.
func closed(s *rng.Stream, pool []*Fact) [][]*Fact {
	values := map[string]bool{}
	for _, f := range pool {
		values[f.Text()] = true
	}
	size := min(maxOptions, len(values))
	if size < minOptions {
		return nil
	}
	pool = slices.Clone(pool)
	shuffle(s, pool)
	length := map[*Fact]int{}
	for _, f := range pool {
		length[f] = len(f.Text()) + s.IntN(lengthJitter)
	}
	slices.SortStableFunc(pool, func(a, b *Fact) int { return length[a] - length[b] })
	used := map[*Fact]bool{}
	var groups [][]*Fact
	for i, first := range pool {
		if used[first] {
			continue
		}
		group := []*Fact{first}
		has := map[string]bool{first.Text(): true}
		take := func(f *Fact) {
			if len(group) < size && !has[f.Text()] {
				group, has[f.Text()] = append(group, f), true
			}
		}
		for _, f := range pool[i+1:] {
			if !used[f] {
				take(f)
			}
		}
		for d := 1; d < len(pool); d++ { // the nearest in length
			if i >= d {
				take(pool[i-d])
			}
			if i+d < len(pool) {
				take(pool[i+d])
			}
		}
		for _, f := range group {
			used[f] = true
		}
		groups = append(groups, group)
	}
	return groups
}

// A Style is how the options of a question are written below it.
type Style string

// The styles.
const (
	Letters Style = "letters" // A. ...
	Numbers Style = "numbers" // 1. ...
	Dashes  Style = "dashes"  // - ...
	Bare    Style = "bare"    // no options: each is scored as an answer to the question
)

// Styles lists them.
var Styles = []Style{Letters, Numbers, Dashes, Bare}

// Prompt writes the question with its options. The answer to it is the right option's
// text, without a letter or number.
func (q Choice) Prompt(style Style) string {
	var b strings.Builder
	b.WriteString(q.Question)
	for i, o := range q.Options {
		switch style {
		case Letters:
			fmt.Fprintf(&b, "\n%c. %s", 'A'+i, o)
		case Numbers:
			fmt.Fprintf(&b, "\n%d. %s", i+1, o)
		case Dashes:
			fmt.Fprintf(&b, "\n- %s", o)
		}
	}
	return b.String()
}
