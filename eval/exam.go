package eval

import (
	"fmt"
	"slices"

	"github.com/comlam/comlam/internal/bounded"
	"github.com/comlam/comlam/metric"
)

// Question is one multiple-choice question.
type Question struct {
	ID       string   `json:"id"` // unique among the questions of its set
	Category string   `json:"category"`
	Text     string   `json:"question"`
	Options  []string `json:"options"` // two or more
	Answer   int      `json:"answer"`  // index of the right option
}

// NoAnswer is what a method picked where it gave no answer; it counts as wrong.
const NoAnswer = -1

// Exam is a set of questions and what every method answered to them. All methods
// answer the same questions, so that any two can be compared in pairs.
type Exam struct {
	condition Condition
	questions []Question
	answered  []answered
}

// answered is one method's answers.
type answered struct {
	name, class string
	right       []bool
	chances     []float64 // that a guess is right; nil where answers were given
}

// NewExam starts an exam. The condition's name is that of the set, such as
// "TeleQnA"; rows of a category add the category to it.
func NewExam(c Condition, questions []Question) (*Exam, error) {
	if len(questions) == 0 {
		return nil, bounded.Malformed(c.Name, "there are no questions; give at least one")
	}
	seen := map[string]bool{}
	for _, q := range questions {
		if len(q.Options) < 2 || q.Answer < 0 || q.Answer >= len(q.Options) {
			return nil, bounded.Malformed(c.Name, "question %q has %d options and says that option %d is right; use two or more options and an index among them",
				q.ID, len(q.Options), q.Answer)
		}
		if seen[q.ID] {
			return nil, bounded.Malformed(c.Name, "two questions are called %q; give each its own id", q.ID)
		}
		seen[q.ID] = true
	}
	return &Exam{condition: c, questions: questions}, nil
}

// Questions are the questions of the exam, in order.
func (e *Exam) Questions() []Question { return e.questions }

// Add counts what a method picked: an option's index for each question, or NoAnswer.
func (e *Exam) Add(method, class string, picked []int) error {
	if len(picked) != len(e.questions) {
		return fmt.Errorf("%s, %s: method %q answered %d of %d questions; answer all, if need be with NoAnswer",
			e.condition.Task, e.condition.Name, method, len(picked), len(e.questions))
	}
	right := make([]bool, len(picked))
	for i, p := range picked {
		q := e.questions[i]
		if p < NoAnswer || p >= len(q.Options) {
			return fmt.Errorf("%s, %s: method %q picked option %d of question %q, which has %d",
				e.condition.Task, e.condition.Name, method, p, q.ID, len(q.Options))
		}
		right[i] = p == q.Answer
	}
	return e.add(answered{name: method, class: class, right: right})
}

// AddChance counts the guesser, who picks any option with equal chance. Its row has
// the exact average of all guessers, and the interval in which 95 % of them lie.
func (e *Exam) AddChance(method string) error {
	chances := make([]float64, len(e.questions))
	for i, q := range e.questions {
		chances[i] = 1 / float64(len(q.Options))
	}
	return e.add(answered{name: method, class: Classical, chances: chances})
}

// The three ways in which a language model's answer is read from its log-probabilities,
// as they stand behind its name in tables.
const (
	ByLikelihood = "likeliest answer"      // lm-evaluation-harness's acc
	ByCharacter  = "likeliest a character" // its acc_norm
	ByWriting    = "constrained writing"
)

// AddModel counts what a language model answered, in all three ways. A question that
// did not fit it counts as wrong.
func (e *Exam) AddModel(name string, samples []Sample) error {
	for _, way := range []struct {
		name string
		pick func(Sample) int
	}{
		{ByLikelihood, func(s Sample) int { return s.Likeliest }},
		{ByCharacter, func(s Sample) int { return s.PerChar }},
		{ByWriting, func(s Sample) int { return s.Constrained }},
	} {
		picked := make([]int, len(samples))
		for i, s := range samples {
			picked[i] = way.pick(s)
		}
		if err := e.Add(name+", "+way.name, Learned, picked); err != nil {
			return err
		}
	}
	return nil
}

func (e *Exam) add(a answered) error {
	if !slices.Contains([]string{Classical, Learned, Bound, Genie}, a.class) {
		return fmt.Errorf("%s, %s: method %q has class %q; use one of classical, learned, bound, genie", e.condition.Task, e.condition.Name, a.name, a.class)
	}
	if e.find(a.name) != nil {
		return fmt.Errorf("%s, %s: two methods are called %q; give each its own name", e.condition.Task, e.condition.Name, a.name)
	}
	e.answered = append(e.answered, a)
	return nil
}

// Has reports whether a method of that name answered.
func (e *Exam) Has(method string) bool { return e.find(method) != nil }

func (e *Exam) find(method string) *answered {
	for i := range e.answered {
		if e.answered[i].name == method {
			return &e.answered[i]
		}
	}
	return nil
}

// Categories lists the categories of the questions, sorted.
func (e *Exam) Categories() []string {
	var list []string
	for _, q := range e.questions {
		list = append(list, q.Category)
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// Rows gives the accuracy of every method on all questions, then, where there is more
// than one category, on each.
func (e *Exam) Rows() ([]Row, error) {
	rows, err := e.rows(e.condition.Name, func(Question) bool { return true })
	categories := e.Categories()
	if err != nil || len(categories) < 2 {
		return rows, err
	}
	for _, c := range categories {
		part, err := e.rows(e.condition.Name+", "+c, func(q Question) bool { return q.Category == c })
		if err != nil {
			return nil, err
		}
		rows = append(rows, part...)
	}
	return rows, nil
}

// rows measures every method on the questions that are counted.
func (e *Exam) rows(condition string, counts func(Question) bool) ([]Row, error) {
	var rows []Row
	for _, a := range e.answered {
		v, err := e.value(a, counts)
		if err != nil {
			return nil, fmt.Errorf("%s, %s: method %q: %w", e.condition.Task, condition, a.name, err)
		}
		rows = append(rows, Row{
			Task: e.condition.Task, Condition: condition, Method: a.name, Class: a.class,
			Metric: v.Name, Value: v.Value, CI95: v.CI95, N: v.N,
		})
	}
	return rows, nil
}

func (e *Exam) value(a answered, counts func(Question) bool) (metric.Value, error) {
	var chances []float64
	hits, n := 0, 0
	for i, q := range e.questions {
		switch {
		case !counts(q):
		case a.chances != nil:
			chances = append(chances, a.chances[i])
		default:
			n++
			if a.right[i] {
				hits++
			}
		}
	}
	if a.chances != nil {
		return metric.Guessing(metric.Accuracy, chances)
	}
	return metric.Proportion(metric.Accuracy, hits, n)
}

// Compare pairs two methods by McNemar's exact test.
func (e *Exam) Compare(first, second string) (metric.Paired, error) {
	var right [2][]bool
	for i, name := range []string{first, second} {
		a := e.find(name)
		switch {
		case a == nil:
			return metric.Paired{}, fmt.Errorf("no method %q answered the questions of %s; use a name of its rows", name, e.condition.Name)
		case a.chances != nil:
			return metric.Paired{}, fmt.Errorf("%q answers nothing that could be paired; compare with its interval", name)
		}
		right[i] = a.right
	}
	return metric.McNemar(right[0], right[1])
}
