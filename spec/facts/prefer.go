package facts

import (
	"iter"
)

// A Preference is a prompt with a right and a wrong answer. Both have the same form; the
// wrong value is the right one for another fact of the same closed group.
type Preference struct {
	Prompt   string   `json:"prompt"`
	Chosen   string   `json:"chosen"`
	Rejected string   `json:"rejected"`
	Relation string   `json:"relation"`
	Exposure Exposure `json:"exposure"`
	Phrasing Phrasing `json:"phrasing"`
	Provenance
}

// Preferences yields pairs about the facts of an exposure, in a phrasing. In each group
// of facts every value is chosen once and rejected once.
func (g *Generator) Preferences(p Phrasing, e Exposure) iter.Seq[Preference] {
	return func(yield func(Preference) bool) {
		for round := range g.config.Pairs {
			for i, group := range g.groups("preferences", p, e, round) {
				s := g.stream("preference", p, e, round, i)
				form := valueOnly
				if p == Train && s.IntN(3) == 0 { // statements are training templates
					form = pick(s, group[0].rel.own())
				}
				shift := 1 + s.IntN(len(group)-1)
				for k, f := range group {
					t := pick(s, f.rel.questions(p))
					wrong := *f
					other := group[(k+shift)%len(group)]
					wrong.Value, wrong.Unit = other.Value, other.Unit
					x := Preference{Prompt: t.fill(f), Chosen: form.answer(f), Rejected: form.answer(&wrong), Relation: f.Relation, Exposure: e, Phrasing: p}
					x.from(f, t.ID)
					x.from(f, form.ID)
					if !yield(x) {
						return
					}
				}
			}
		}
	}
}
