package eval

import (
	"math"
	"strings"
	"testing"

	"github.com/comlam/comlam/metric"
)

func threeQuestions() []Question {
	return []Question{
		{ID: "a", Category: "x", Text: "one?", Options: []string{"p", "q"}, Answer: 0},
		{ID: "b", Category: "x", Text: "two?", Options: []string{"p", "q", "r", "s"}, Answer: 3},
		{ID: "c", Category: "y", Text: "three?", Options: []string{"p", "q", "r", "s"}, Answer: 1},
	}
}

func newExam(t *testing.T) *Exam {
	t.Helper()
	e, err := NewExam(Condition{Task: "telecomqa", Name: "small"}, threeQuestions())
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestExamRows(t *testing.T) {
	e := newExam(t)
	if err := e.AddChance("chance"); err != nil {
		t.Fatal(err)
	}
	if err := e.Add("first option", Classical, []int{0, 0, 0}); err != nil {
		t.Fatal(err)
	}
	if err := e.Add("model", Learned, []int{0, 3, NoAnswer}); err != nil {
		t.Fatal(err)
	}
	rows, err := e.Rows()
	if err != nil {
		t.Fatal(err)
	}
	want := []struct {
		condition, method string
		value             float64
		n                 int
	}{
		{"small", "chance", 1.0 / 3, 3}, {"small", "first option", 1.0 / 3, 3}, {"small", "model", 2.0 / 3, 3},
		{"small, x", "chance", 0.375, 2}, {"small, x", "first option", 0.5, 2}, {"small, x", "model", 1, 2},
		{"small, y", "chance", 0.25, 1}, {"small, y", "first option", 0, 1}, {"small, y", "model", 0, 1},
	}
	if len(rows) != len(want) {
		t.Fatalf("%d rows, want %d", len(rows), len(want))
	}
	for i, w := range want {
		r := rows[i]
		if r.Condition != w.condition || r.Method != w.method || math.Abs(r.Value-w.value) > 1e-15 || r.N != w.n || r.Metric != metric.Accuracy {
			t.Errorf("row %d: got %+v, want %+v", i, r, w)
		}
		if r.CI95[0] > r.Value || r.CI95[1] < r.Value || r.CI95[0] == r.CI95[1] {
			t.Errorf("row %d: interval %v about %v", i, r.CI95, r.Value)
		}
	}
	p, err := e.Compare("model", "first option")
	if err != nil || p.OnlyFirst != 1 || p.OnlySecond != 0 || p.P != 1 {
		t.Errorf("got %+v, %v", p, err)
	}
}

func TestExamRefusals(t *testing.T) {
	e := newExam(t)
	if err := e.Add("model", Learned, []int{0, 0, 0}); err != nil {
		t.Fatal(err)
	}
	for what, err := range map[string]error{
		"answered 2 of 3":       e.Add("short", Learned, []int{0, 0}),
		"picked option 2":       e.Add("far", Learned, []int{2, 0, 0}),
		"two methods":           e.Add("model", Learned, []int{0, 0, 0}),
		"has class":             e.Add("odd", "magic", []int{0, 0, 0}),
		"no method":             second(e.Compare("model", "other")),
		"no questions":          second(NewExam(Condition{}, nil)),
		"two questions":         second(NewExam(Condition{}, append(threeQuestions(), threeQuestions()...))),
		"option 4 is right":     second(NewExam(Condition{}, []Question{{ID: "a", Options: []string{"p", "q"}, Answer: 4}})),
		"has 1 options":         second(NewExam(Condition{}, []Question{{ID: "a", Options: []string{"p"}}})),
		"nothing that could be": chanceCompared(e),
	} {
		if err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("got %v, want an error with %q", err, what)
		}
	}
}

func second[T any](_ T, err error) error { return err }

func chanceCompared(e *Exam) error {
	if err := e.AddChance("chance"); err != nil {
		return err
	}
	return second(e.Compare("chance", "model"))
}
