package telecomqa

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/comlam/comlam/eval"
	"github.com/comlam/comlam/format/aeszip"
	"github.com/comlam/comlam/internal/bounded"
	"github.com/comlam/comlam/internal/rng"
	"github.com/comlam/comlam/internal/testdata"
)

func load(t *testing.T, o Options, files ...string) *Set {
	t.Helper()
	s, err := Load(files, o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// write puts text into a file of the test.
func write(t *testing.T, name, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	return file
}

// found is the findings as "code place".
func found(s *Set) []string {
	var list []string
	for _, f := range s.Findings {
		list = append(list, f.Code+" "+f.Where)
	}
	return list
}

func wantFound(t *testing.T, s *Set, want ...string) {
	t.Helper()
	if got := found(s); !slices.Equal(got, want) {
		t.Errorf("findings %q, want %q", got, want)
	}
}

// checkSmall checks what testdata/teleqna.json holds.
func checkSmall(t *testing.T, s *Set) {
	t.Helper()
	if s.Name != "TeleQnA" || s.Format != TeleQnA || len(s.Questions) != 4 {
		t.Fatalf("%s in format %s with %d questions", s.Name, s.Format, len(s.Questions))
	}
	first := s.Questions[0]
	if first.ID != "question 7" || first.Category != "Lexicon" || first.Answer != 2 || !slices.Equal(first.Options, []string{"10", "100", "1000"}) {
		t.Errorf("first question: %+v", first)
	}
	wantFound(t, s, "answer-text question 2", "repeated-option question 11", "malformed question 12", "malformed question 13",
		"malformed question 14", "malformed question 15", "malformed question 7", "repeated-question question 9")
}

func TestTeleQnA(t *testing.T) {
	checkSmall(t, load(t, Options{}, "testdata/teleqna.json"))
}

func TestTeleQnAArchive(t *testing.T) {
	asked := 0
	checkSmall(t, load(t, Options{Password: func() (string, error) { asked++; return "a password for tests", nil }}, "testdata/teleqna.zip"))
	if asked != 1 {
		t.Errorf("the password was asked for %d times", asked)
	}
	const wrong = "a secret that must not be shown"
	for _, o := range []Options{{}, {Password: func() (string, error) { return wrong, nil }}} {
		_, err := Load([]string{"testdata/teleqna.zip"}, o)
		if !errors.Is(err, aeszip.ErrPassword) || strings.Contains(err.Error(), wrong) {
			t.Errorf("got %v, want ErrPassword without the password", err)
		}
	}
}

const oranRows = `["Which tier?", ["1. RU", "2. DU", "3. CU", "4. RIC"], "4"]
["No options?", [], "1"]
["Five?", ["1. a", "2. b", "3. c", "4. d", "5. e"], "5"]

["", ["1. a", "2. b", "3. c", "4. d"], "1"]
["Fifth of four?", ["1. a", "2. b", "3. c", "4. d"], "5"]
["Number as a number?", ["1. a", "2. b", "3. c", "4. d"], 1]
["Two of three?", "2"]
["Unnumbered?", ["1. a", "b", "3. c", "4. d"], "2"]
`

func TestORANBench(t *testing.T) {
	s := load(t, Options{}, write(t, "fin_H.jsonl", oranRows))
	if len(s.Questions) != 2 || s.Format != ORANBench {
		t.Fatalf("%s: %d questions", s.Format, len(s.Questions))
	}
	q := s.Questions[0]
	if q.Category != "difficult" || q.Answer != 3 || !slices.Equal(q.Options, []string{"RU", "DU", "CU", "RIC"}) {
		t.Errorf("%+v", q)
	}
	if o := s.Questions[1].Options; o[0] != "1. a" || o[1] != "b" {
		t.Errorf("options that are not all numbered are changed: %q", o)
	}
	wantFound(t, s, "malformed fin_H.jsonl:2", "malformed fin_H.jsonl:3", "malformed fin_H.jsonl:5", "malformed fin_H.jsonl:6",
		"malformed fin_H.jsonl:7", "malformed fin_H.jsonl:8")
}

const rows = `{"id": "f1", "question": "How many?", "options": ["one", "two"], "answer": 1, "category": "counts", "clause": "38.211 4.2"}
{"id": 17, "question": "Which?", "choices": ["this", "that", "other"], "answer": 0, "subject": "kinds"}
{"question": "No answer?", "options": ["this", "that"]}
{"question": "Answer as text?", "options": ["this", "that"], "answer": "this"}
{"question": "One option?", "options": ["this"], "answer": 0}
`

func TestQuestions(t *testing.T) {
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	z.Write([]byte(rows))
	z.Close()
	for _, file := range []string{write(t, "facts.jsonl", rows), write(t, "facts.jsonl.gz", packed.String())} {
		s := load(t, Options{}, file)
		if s.Name != "facts" || len(s.Questions) != 2 {
			t.Fatalf("%s: %d questions", s.Name, len(s.Questions))
		}
		if q := s.Questions[0]; q.ID != "f1" || q.Answer != 1 || q.Category != "counts" {
			t.Errorf("%+v", q)
		}
		if q := s.Questions[1]; q.ID != "17" || q.Answer != 0 || q.Category != "kinds" || len(q.Options) != 3 {
			t.Errorf("%+v", q)
		}
		if s.Count(Malformed) != 3 {
			t.Errorf("findings %q", found(s))
		}
	}
}

func TestRefusals(t *testing.T) {
	for _, c := range []struct{ text, says string }{
		{"", "no questions in a known format"},
		{"plain text", "no questions in a known format"},
		{`{"question 1": {"question": "cut`, "question 1"},
		{`{"question 1": {}}{}`, "follows the object"},
		{`{"question 1": {"question": "a"}`, "does not end"},
		{`{"question": "q", "options": ["a", "b"], "answer": 0}` + "\nnonsense", "x.json:2"},
		{`["q", ["a"], "1"]`, "no question can be asked; 1 rows"},
		{"[broken", "x.json:1"},
		{"\x1f\x8b broken", "gzip"},
		{"PK broken", "zip"},
	} {
		_, err := Load([]string{write(t, "x.json", c.text)}, Options{})
		var format *bounded.FormatError
		if !errors.As(err, &format) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%.30q: got %v, want a FormatError with %q", c.text, err, c.says)
		}
	}
	if _, err := Load([]string{write(t, "x.json", oranRows), write(t, "y.jsonl", rows)}, Options{}); err == nil || !strings.Contains(err.Error(), "one format") {
		t.Errorf("two formats: %v", err)
	}
	if _, err := Load([]string{t.TempDir()}, Options{}); err == nil || !strings.Contains(err.Error(), "no file") {
		t.Errorf("an empty folder: %v", err)
	}
	if _, err := Load(nil, Options{Format: "squad"}); err == nil || !strings.Contains(err.Error(), "teleqna") {
		t.Errorf("an unknown format: %v", err)
	}
}

func TestBarsByHand(t *testing.T) {
	questions := []eval.Question{
		{ID: "a", Options: []string{"ab", "abcd", "wxyz"}},
		{ID: "b", Options: []string{"long enough to win", "All of the above"}},
		{ID: "c", Options: []string{"one and two", "Both A and B", "the longest of them all"}},
		{ID: "d", Options: []string{"All users of the network are served", "no"}},
		{ID: "e", Options: []string{"日本", "abc"}}, // characters count, not bytes
	}
	if got := Longest(questions); !slices.Equal(got, []int{1, 0, 2, 0, 1}) {
		t.Errorf("longest: %v", got)
	}
	if got := AllElseLongest(questions); !slices.Equal(got, []int{1, 1, 1, 0, 1}) {
		t.Errorf("all, else longest: %v", got)
	}
}

// madeUp makes questions with four options. The right one is longer where tell is set.
func madeUp(n int, tell bool) []eval.Question {
	s := rng.New(7)
	list := make([]eval.Question, n)
	for i := range list {
		q := eval.Question{ID: fmt.Sprint(i), Text: fmt.Sprintf("question %d", i), Answer: s.IntN(4)}
		for o := range 4 {
			size := 5 + s.IntN(10)
			if tell && o == q.Answer {
				size += 12
			}
			q.Options = append(q.Options, fmt.Sprintf("%0*d", size, s.IntN(1000)))
		}
		list[i] = q
	}
	return list
}

func accuracy(questions []eval.Question, picked []int) float64 {
	hits := 0
	for i, q := range questions {
		hits += int(one(picked[i] == q.Answer))
	}
	return float64(hits) / float64(len(questions))
}

// TestSurfaceFindsWhatThereIs: a telling length is learnt, and where nothing tells,
// the cross-validated score is chance.
func TestSurfaceFindsWhatThereIs(t *testing.T) {
	for _, c := range []struct {
		tell     bool
		low, top float64
	}{{true, 0.97, 1}, {false, 0.21, 0.29}} {
		questions := madeUp(2000, c.tell)
		picked, err := Surface(questions, 5)
		if err != nil {
			t.Fatal(err)
		}
		if got := accuracy(questions, picked); got < c.low || got > c.top {
			t.Errorf("length tells = %v: accuracy %.3f, want %.2f to %.2f", c.tell, got, c.low, c.top)
		}
	}
}

// TestLogitIsAtItsOptimum checks the fit against the gradient by differences.
func TestLogitIsAtItsOptimum(t *testing.T) {
	var train []chosen
	for _, q := range madeUp(300, true) {
		train = append(train, chosen{surface(q), q.Answer})
	}
	w, err := fitLogit(train)
	if err != nil {
		t.Fatal(err)
	}
	objective := func(w features) float64 {
		var sum float64
		for _, c := range train {
			p, _ := w.softmax(c.options)
			sum += math.Log(p[c.right])
		}
		return sum/float64(len(train)) - ridge*w.dot(w)/2
	}
	const h = 1e-4
	for k := range w {
		up, down := w, w
		up[k] += h
		down[k] -= h
		if slope := (objective(up) - objective(down)) / (2 * h); math.Abs(slope) > 1e-6 {
			t.Errorf("feature %d: the objective still rises by %v", k, slope)
		}
	}
}

// TestPublishedSets holds what the survey measured on all of TeleQnA (chance 21.9 %,
// longest 32.6 %, all else longest 39.3 %, surface 41.3 %) against the part that is
// here, and the quirks that are known of both sets.
func TestPublishedSets(t *testing.T) {
	for _, c := range []struct {
		folder    string
		questions int
		count     map[string]int
		accuracy  []float64 // of the bars in the order of the table
	}{
		{"teleqna", 7075, map[string]int{Malformed: 0, AnswerText: 4, RepeatedOption: 12, RepeatedQuestion: 2}, []float64{0.219, 0.326, 0.393, 0.413}},
		{"oran_bench", 9629, map[string]int{Malformed: 120, AnswerText: 0, RepeatedOption: 5, RepeatedQuestion: 45}, []float64{0.25, 0.42, 0.45, 0.50}},
	} {
		t.Run(c.folder, func(t *testing.T) {
			s := load(t, Options{}, testdata.Dir(t, c.folder))
			if len(s.Questions) != c.questions {
				t.Errorf("%d questions, want %d", len(s.Questions), c.questions)
			}
			for code, n := range c.count {
				if s.Count(code) != n {
					t.Errorf("%d findings %s, want %d", s.Count(code), code, n)
				}
			}
			exam, err := NewExam(s, Default())
			if err != nil {
				t.Fatal(err)
			}
			rows, err := exam.Rows()
			if err != nil {
				t.Fatal(err)
			}
			for i, want := range c.accuracy {
				if math.Abs(rows[i].Value-want) > 0.006 {
					t.Errorf("%s: %.4f, want about %.3f", rows[i].Method, rows[i].Value, want)
				}
			}
		})
	}
}

func TestContradictionsAreNamed(t *testing.T) {
	s := load(t, Options{}, testdata.Dir(t, "teleqna"))
	for _, id := range []string{"question 3780", "question 6783"} {
		if !slices.Contains(found(s), AnswerText+" "+id) {
			t.Errorf("%s is not reported", id)
		}
	}
}

func TestConfig(t *testing.T) {
	c := Entry.New()
	if err := c.Validate(); err != nil {
		t.Error(err)
	}
	if err := (Config{Folds: 1}).Validate(); err == nil {
		t.Error("one fold is accepted")
	}
}

// FuzzLoad reads any bytes as any of the formats.
func FuzzLoad(f *testing.F) {
	small, err := os.ReadFile("testdata/teleqna.json")
	if err != nil {
		f.Fatal(err)
	}
	for _, text := range []string{string(small[:700]), oranRows, rows, "{}", "[", `{"question 1": 3}`} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		for _, read := range []func(*Set) error{
			func(s *Set) error { return s.readTeleQnA("f", text) },
			func(s *Set) error { return s.readORANBench("f", text) },
			func(s *Set) error { return s.readQuestions("f", text) },
		} {
			s := &Set{}
			if read(s) != nil {
				continue
			}
			s.findRepeated()
			for _, q := range s.Questions {
				if len(q.Options) < 2 || q.Answer < 0 || q.Answer >= len(q.Options) {
					t.Fatalf("%+v cannot be asked", q)
				}
				surface(q)
			}
		}
	})
}
