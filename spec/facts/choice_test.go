package facts

import (
	"maps"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/comlam/comlam/internal/rng"
)

func generator(t testing.TB, change func(*Config)) *Generator {
	t.Helper()
	config := Default()
	if change != nil {
		change(&config)
	}
	g, err := load(t).Generator(config)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// sets are the sets of questions that Make writes.
func sets(g *Generator) map[string][]Choice {
	return map[string][]Choice{
		"train":      slices.Collect(g.Choices(Train, Tuned)),
		"validation": slices.Collect(g.Choices(Validation, Tuned)),
		"test":       slices.Collect(g.Choices(Test, Tuned)),
		"read":       slices.Collect(g.Choices(Test, Read)),
		"unseen":     slices.Collect(g.Choices(Test, Unseen)),
	}
}

// TestChoicesAreClosed: the questions of a group have the same options and each is right
// once, wrong options are wrong, options differ, and the group is of like lengths.
func TestChoicesAreClosed(t *testing.T) {
	g := generator(t, nil)
	for name, set := range sets(g) {
		byGroup := map[int][]Choice{}
		spread, spreads := 0.0, 0
		texts := map[string]bool{}
		for _, q := range set {
			byGroup[q.Group] = append(byGroup[q.Group], q)
			texts[q.Question] = true
			f, ok := g.c.ByID(q.Facts[0])
			if !ok || q.Options[q.Answer] != f.Text() || g.Exposure(f) != q.Exposure {
				t.Fatalf("%s: %+v is not about %+v", name, q, f)
			}
			if !strings.Contains(strings.ToLower(q.Question), strings.ToLower(f.Name())) || strings.Contains(q.Question, "{") {
				t.Errorf("%q does not name %q", q.Question, f.Name())
			}
		}
		for _, group := range byGroup {
			options := slices.Sorted(slices.Values(group[0].Options))
			right := map[string]int{}
			for _, q := range group {
				right[q.Options[q.Answer]]++
				if !slices.Equal(slices.Sorted(slices.Values(q.Options)), options) || q.Relation != group[0].Relation {
					t.Fatalf("%s: one group has %q and %q", name, options, q.Options)
				}
			}
			if len(right) != len(options) || len(group) != len(options) || len(options) < minOptions || len(slices.Compact(options)) != len(right) {
				t.Fatalf("%s: a group of %d questions with %q, of which %d are right", name, len(group), options, len(right))
			}
			lengths := []float64{}
			for _, o := range options {
				lengths = append(lengths, float64(len(o)))
			}
			spread += slices.Max(lengths) / slices.Min(lengths)
			spreads++
		}
		if n := len(set) - len(texts); n > len(set)/10 {
			t.Errorf("%s: %d of %d questions are asked again in the same words", name, n, len(set))
		}
		if mean := spread / float64(spreads); mean > 2 {
			t.Errorf("%s: the longest option is %.2f times as long as the shortest on average", name, mean)
		}
	}
}

// within checks an accuracy against chance: 3.5 standard deviations of guessing, for there
// are some thirty comparisons here.
func within(t *testing.T, what string, set []Choice, right int) {
	t.Helper()
	mean, variance := 0.0, 0.0
	for _, q := range set {
		p := 1 / float64(len(q.Options))
		mean, variance = mean+p, variance+p*(1-p)
	}
	if math.Abs(float64(right)-mean) > 3.5*math.Sqrt(variance) {
		t.Errorf("%s: %d of %d right, chance is %.1f", what, right, len(set), mean)
	}
}

// best counts how often the option with the highest score is right.
func best(set []Choice, score func(q Choice, i int) float64) int {
	right := 0
	for _, q := range set {
		top := 0
		for i := range q.Options {
			if score(q, i) > score(q, top) {
				top = i
			}
		}
		if top == q.Answer {
			right++
		}
	}
	return right
}

// TestNoGiveaway: rules that know nothing are at chance: positions, lengths, how often a value
// was right or offered in training, and a classifier of surface features that was
// trained on the training questions.
func TestNoGiveaway(t *testing.T) {
	g := generator(t, nil)
	all := sets(g)
	was, offered := map[string]float64{}, map[string]float64{}
	for _, q := range all["train"] {
		was[q.Relation+q.Options[q.Answer]]++
		for _, o := range q.Options {
			offered[q.Relation+o]++
		}
	}
	rules := map[string]func(q Choice, i int) float64{
		"first":                  func(_ Choice, i int) float64 { return -float64(i) },
		"last":                   func(_ Choice, i int) float64 { return float64(i) },
		"longest":                func(q Choice, i int) float64 { return float64(len(q.Options[i])) },
		"shortest":               func(q Choice, i int) float64 { return -float64(len(q.Options[i])) },
		"most often right":       func(q Choice, i int) float64 { return was[q.Relation+q.Options[i]] },
		"most often offered":     func(q Choice, i int) float64 { return offered[q.Relation+q.Options[i]] },
		"words of the question":  func(q Choice, i int) float64 { return overlap(q.Question, q.Options[i]) },
		"initials of the letter": func(q Choice, i int) float64 { return initial(q.Question, q.Options[i]) },
	}
	for name, set := range all {
		for rule, score := range rules {
			within(t, name+", "+rule, set, best(set, score))
		}
	}
	weights := fit(all["train"])
	for _, name := range []string{"validation", "test", "read", "unseen"} {
		within(t, name+", surface features", all[name], best(all[name], func(q Choice, i int) float64 { return dot(weights, features(q, i)) }))
	}
}

// overlap is the share of an option's words that the question has.
func overlap(question, option string) float64 {
	in, n := 0.0, 0.0
	for _, w := range words(option) {
		if n++; slices.Contains(words(question), w) {
			in++
		}
	}
	return in / max(n, 1)
}

// initial says whether the option begins with a single letter of the question.
func initial(question, option string) float64 {
	for _, w := range words(question) {
		if len(w) == 1 && w != "a" && strings.HasPrefix(strings.ToLower(option), w) {
			return 1
		}
	}
	return 0
}

func features(q Choice, i int) []float64 {
	o := q.Options[i]
	longer, digits, capitals := 0.0, 0.0, 0.0
	for _, other := range q.Options {
		if len(other) > len(o) {
			longer++
		}
	}
	for _, r := range o {
		switch {
		case r >= '0' && r <= '9':
			digits++
		case r >= 'A' && r <= 'Z':
			capitals++
		}
	}
	n := float64(len(o))
	return []float64{n / 20, longer, digits / n, capitals / n, float64(len(words(o))) / 4, overlap(q.Question, o), initial(q.Question, o),
		float64(i) / 3, float64(strings.Count(o, "-"))}
}

func dot(a, b []float64) float64 {
	sum := 0.0
	for i := range a {
		sum += a[i] * b[i]
	}
	return sum
}

// fit trains a softmax over options by stochastic gradient.
func fit(set []Choice) []float64 {
	weights := make([]float64, len(features(set[0], 0)))
	rows := make([][][]float64, len(set))
	for k, q := range set {
		for i := range q.Options {
			rows[k] = append(rows[k], features(q, i))
		}
	}
	s := rng.New(1)
	for step := range 20 * len(set) {
		k := s.IntN(len(set))
		rate := 0.1 / (1 + float64(step)/float64(5*len(set)))
		p, total := make([]float64, len(rows[k])), 0.0
		for i, x := range rows[k] {
			p[i] = math.Exp(dot(weights, x))
			total += p[i]
		}
		for i, x := range rows[k] {
			g := -p[i] / total
			if i == set[k].Answer {
				g++
			}
			for j := range weights {
				weights[j] += rate * g * x[j]
			}
		}
	}
	return weights
}

// TestGiveawayIsFound: the classifier and the rules find what there is to find.
func TestGiveawayIsFound(t *testing.T) {
	set := sets(generator(t, nil))["train"]
	for i := range set {
		q := &set[i]
		q.Options = slices.Clone(q.Options)
		if i%10 < 6 {
			q.Options[q.Answer] += " as the standard says"
		}
	}
	weights := fit(set)
	if right := best(set, func(q Choice, i int) float64 { return dot(weights, features(q, i)) }); float64(right) < 0.55*float64(len(set)) {
		t.Errorf("%d of %d found", right, len(set))
	}
}

// TestEveryFactIsAsked: of each relation with three values every tuned fact has a question,
// in several phrasings over the rounds.
func TestEveryFactIsAsked(t *testing.T) {
	g := generator(t, func(c *Config) { c.Rounds = 12 })
	asked, phrasings := map[string]bool{}, map[string]map[string]bool{}
	relations := map[string]bool{}
	for _, p := range []Phrasing{Train, Test} {
		for q := range g.Choices(p, Tuned) {
			asked[q.Facts[0]] = true
			relations[q.Relation] = true
			k := q.Relation + " " + string(p)
			if phrasings[k] == nil {
				phrasings[k] = map[string]bool{}
			}
			phrasings[k][q.Templates[0]] = true
		}
	}
	for _, f := range g.Facts(Tuned) {
		if relations[f.Relation] && f.rel.Kind != Word && !asked[f.ID] {
			t.Errorf("%s is never asked", f.ID)
		}
	}
	for k, used := range phrasings {
		if least := map[bool]int{true: 6, false: 2}[strings.HasSuffix(k, "train")]; len(used) < least {
			t.Errorf("%s: %d phrasings: %q", k, len(used), slices.Collect(maps.Keys(used)))
		}
	}
	var without []string
	for _, r := range g.c.Relations {
		if !relations[r.Name] {
			without = append(without, r.Name)
		}
	}
	t.Logf("%d relations have questions; without: %q", len(relations), without)
	if len(without) > 20 {
		t.Errorf("%d relations have no questions: %q", len(without), without)
	}
}
