package facts

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/comlam/comlam/internal/durable"
)

// texts are all texts that a model is trained on.
func texts(g *Generator) []string {
	var list []string
	for d := range g.Documents() {
		list = append(list, d.Text)
	}
	for x := range g.Instructions(Train, Tuned) {
		list = append(list, x.Messages[0].Content+"\n"+x.Messages[1].Content)
	}
	for q := range g.Choices(Train, Tuned) {
		list = append(list, q.Prompt(Letters))
	}
	for x := range g.Preferences(Train, Tuned) {
		list = append(list, x.Prompt+"\n"+x.Chosen+"\n"+x.Rejected)
	}
	return list
}

// TestUnseenIsUnseen: what a training set has tells nothing about an unseen subject: it is
// in no provenance, and no text has its name together with its value.
func TestUnseenIsUnseen(t *testing.T) {
	g := generator(t, nil)
	hidden := map[string]bool{}
	for _, f := range g.facts {
		if g.Exposure(f) == Unseen {
			hidden[f.ID] = true
		}
	}
	if n := len(g.Facts(Unseen)); n < 40 || len(hidden) < n {
		t.Fatalf("%d unseen facts, %d kept back", n, len(hidden))
	}
	check := func(p Provenance) {
		for _, id := range p.Facts {
			if hidden[id] {
				t.Fatalf("%s is told of", id)
			}
		}
	}
	for d := range g.Documents() {
		check(d.Provenance)
	}
	for x := range g.Instructions(Train, Tuned) {
		check(x.Provenance)
	}
	for x := range g.Preferences(Train, Tuned) {
		check(x.Provenance)
	}
	all := texts(g)
	for _, f := range g.Facts(Unseen) {
		for _, text := range all {
			if strings.Contains(text, f.Text()) && mentions(text, f.Name()) && mentions(text, f.Text()) {
				t.Errorf("%s: %q", f.ID, text)
				break
			}
		}
	}
}

// TestReadIsOnlyRead: read facts are in documents, and in nothing else.
func TestReadIsOnlyRead(t *testing.T) {
	g := generator(t, func(c *Config) { c.Tellings, c.Questions = 6, 4 })
	told := map[string]int{}
	for d := range g.Documents() {
		if d.Text == "" || strings.Contains(d.Text, "{s}") || strings.Contains(d.Text, "{v}") || strings.Contains(d.Text, "{n}") || strings.Contains(d.Text, "{c}") {
			t.Errorf("%q", d.Text)
		}
		for _, id := range d.Facts {
			told[id]++
		}
	}
	asked := map[string]bool{}
	for x := range g.Instructions(Train, Tuned) {
		for _, id := range x.Facts {
			asked[id] = true
		}
	}
	for _, f := range g.facts {
		switch e := g.Exposure(f); {
		case e == Unseen && told[f.ID] > 0, e != Unseen && told[f.ID] != 6, e != Tuned && asked[f.ID], e == Tuned && !asked[f.ID]:
			t.Errorf("%s is %s: told %d times, asked: %v", f.ID, e, told[f.ID], asked[f.ID])
		}
	}
	if n := float64(len(g.Facts(Read))) / float64(len(g.known())); n < 0.15 || n > 0.25 {
		t.Errorf("%.2f of the known facts are only read", n)
	}
}

// TestPreferences: the table says who wins, the forms are the same, and over a set each value
// wins as often as it loses.
func TestPreferences(t *testing.T) {
	g := generator(t, nil)
	for _, s := range []struct {
		p Phrasing
		e Exposure
	}{{Train, Tuned}, {Test, Tuned}, {Test, Unseen}} {
		balance := map[string]int{}
		n := 0
		for x := range g.Preferences(s.p, s.e) {
			n++
			f, _ := g.c.ByID(x.Facts[0])
			if !g.c.Right(f, x.Chosen) || g.c.Right(f, x.Rejected) {
				t.Errorf("%s: chosen %q, rejected %q", f.ID, x.Chosen, x.Rejected)
			}
			if x.Templates[1] == valueOnly.ID {
				balance[x.Relation+x.Chosen]++
				balance[x.Relation+x.Rejected]--
			}
		}
		for value, b := range balance {
			if b != 0 {
				t.Errorf("%q wins %+d times more than it loses", value, b)
			}
		}
		if n < 100 {
			t.Errorf("%s %s: %d pairs", s.p, s.e, n)
		}
	}
}

// TestRight tries the judge on answers that are right and wrong.
func TestRight(t *testing.T) {
	c := load(t)
	for _, x := range []struct {
		id, answer string
		want       bool
	}{
		{"qos-delay/82", "10 ms", true}, {"qos-delay/82", "It is 10 ms.", true}, {"qos-delay/82", "100 ms", false}, {"qos-delay/82", "10 ms or 100 ms", false},
		{"qos-delay/82", "5QI 82 has 10 ms", true}, {"qos-delay/1", "It is 10 ms.", false}, {"qos-priority/5", "10", true}, {"qos-priority/5", "1", false},
		{"interface-ends/N4", "N4 lies between SMF and UPF.", true}, {"interface-ends/N4", "SMF and PCF", false},
		{"lcid-down/60", "DRX command", true}, {"lcid-down/60", "long DRX command", false}, {"lcid-down/59", "long DRX command", true}, {"lcid-down/59", "Long DRX command has it.", true},
		{"dci-usage/1_0", "Scheduling of PDSCH", true}, {"expansion/DRX", "discontinuous reception", true},
	} {
		f, ok := c.ByID(x.id)
		if !ok || c.Right(f, x.answer) != x.want {
			t.Errorf("%s: %q right: %v, want %v", x.id, x.answer, !x.want, x.want)
		}
	}
}

// TestInstructions: every kind there is, in every phrasing; answers to questions are right by the
// table; held-out answers are values alone.
func TestInstructions(t *testing.T) {
	g := generator(t, nil)
	for _, p := range Phrasings {
		kinds := map[string]int{}
		for x := range g.Instructions(p, Tuned) {
			kinds[x.Kind]++
			f, _ := g.c.ByID(x.Facts[0])
			answer := x.Messages[1].Content
			if x.Messages[0].Role != "user" || x.Messages[1].Role != "assistant" || strings.ContainsAny(x.Messages[0].Content+answer, "\t") || len(x.Templates) == 0 || len(x.Clauses) == 0 {
				t.Fatalf("%+v", x)
			}
			switch x.Kind {
			case "question", "lookup", "classification", "choice":
				if p != Train && answer != f.Text() {
					t.Errorf("%s, %s: %q", x.Kind, f.ID, answer)
				}
				if !mentions(answer, f.Text()) {
					t.Errorf("%s, %s: %q", x.Kind, f.ID, answer)
				}
			case "comparison":
				checkComparison(t, g.c, x)
			case "calculation":
				checkArithmetic(t, x)
			}
		}
		for _, k := range Kinds {
			if kinds[k] < 100 {
				t.Errorf("%s: %d of kind %s: %v", p, kinds[k], k, kinds)
			}
		}
	}
}

func checkComparison(t *testing.T, c *Collection, x Instruction) {
	t.Helper()
	a, _ := c.ByID(x.Facts[0])
	b, _ := c.ByID(x.Facts[1])
	va, _ := a.Number()
	vb, _ := b.Number()
	larger := a
	if vb > va {
		larger = b
	}
	if !strings.HasPrefix(strings.ToLower(x.Messages[1].Content), strings.ToLower(larger.Name()+": "+larger.Text()+" > ")) {
		t.Errorf("%q: %q", x.Messages[0].Content, x.Messages[1].Content)
	}
}

var simple = regexp.MustCompile(`^(?:floor\()?([\d.e-]+) ([-x/]) ([\d.e-]+)(?: (x) ([\d.]+) kHz|(/1024)|\))? = ([\d.]+)(?: MHz)?$`)

// checkArithmetic does the sum again that an answer shows.
func checkArithmetic(t *testing.T, x Instruction) {
	t.Helper()
	answer := x.Messages[1].Content
	if strings.HasPrefix(answer, "2^") || strings.HasPrefix(answer, "N_RE") {
		return // whose numbers wireless/nr and the compiler compute
	}
	m := simple.FindStringSubmatch(answer)
	if m == nil {
		t.Errorf("%q", answer)
		return
	}
	number := func(s string) float64 { v, _ := strconv.ParseFloat(s, 64); return v }
	var want float64
	switch a, b := number(m[1]), number(m[3]); m[2] {
	case "-":
		want = a - b
	case "/":
		want = float64(int(a / b))
	default:
		want = a * b
	}
	if m[4] != "" {
		want *= number(m[5]) / 1e3
	}
	if m[6] != "" {
		want /= 1024
	}
	if got := number(m[7]); got-want > 1e-3 || want-got > 1e-3 {
		t.Errorf("%q: it is %v", answer, want)
	}
}

// digest is a hash over all examples.
func digest(t *testing.T, g *Generator) string {
	t.Helper()
	sum := sha256.New()
	for _, f := range g.files() {
		f.lines(func(x any) bool {
			text, err := json.Marshal(x)
			if err != nil {
				t.Fatal(err)
			}
			sum.Write(text)
			return true
		})
	}
	return fmt.Sprintf("%x", sum.Sum(nil))
}

func TestReproducible(t *testing.T) {
	small := func(c *Config) { c.Tellings, c.Questions = 3, 2 }
	first := digest(t, generator(t, small))
	before := runtime.GOMAXPROCS(1)
	second := digest(t, generator(t, small))
	runtime.GOMAXPROCS(before)
	if first != second {
		t.Error("one processor makes other examples")
	}
	if digest(t, generator(t, func(c *Config) { small(c); c.Seed = 2 })) == first {
		t.Error("another seed makes the same examples")
	}
	// Iterators can be read twice and left early.
	g := generator(t, small)
	for range g.Documents() {
		break
	}
	if digest(t, g) != first {
		t.Error("what was read before changes what comes")
	}
}

func TestGeneratorMistakes(t *testing.T) {
	c := load(t)
	for _, spoil := range []func(*Config){
		func(c *Config) { c.Tables = []string{"tea"} }, func(c *Config) { c.Unseen = 1 }, func(c *Config) { c.Read = -1 }, func(c *Config) { c.Rounds = -1 },
	} {
		config := Default()
		spoil(&config)
		if _, err := c.Generator(config); err == nil || !strings.HasPrefix(err.Error(), "facts: ") {
			t.Errorf("%+v: %v", config, err)
		}
	}
	// Nothing at all is not a mistake.
	g, err := c.Generator(Config{Tables: []string{"bands"}})
	if err != nil {
		t.Fatal(err)
	}
	if n := len(slices.Collect(g.Instructions(Train, Tuned))) + len(slices.Collect(g.Documents())); n != 0 {
		t.Errorf("%d examples of nothing", n)
	}
}

func TestMake(t *testing.T) {
	fsys := durable.NewMemFS(1)
	g := generator(t, func(c *Config) { c.Tables, c.Tellings = []string{"bands", "core"}, 2 })
	seen := 0
	m, err := g.Make(context.Background(), fsys, "out", false, func(File) { seen++ })
	if err != nil || seen != len(m.Files) || len(m.Files) != 14 {
		t.Fatalf("%d of %d files, %v", seen, len(m.Files), err)
	}
	for _, f := range m.Files {
		text, err := durable.ReadFile(fsys, "out/"+f.Name)
		if err != nil {
			t.Fatal(err)
		}
		if n := bytes.Count(text, []byte("\n")); n != f.Examples || n == 0 || int64(len(text)) != f.Bytes || fmt.Sprintf("%x", sha256.Sum256(text)) != f.SHA256 {
			t.Errorf("%+v has %d lines", f, n)
		}
		for line := range bytes.Lines(text) {
			checkLine(t, f.Name, line)
		}
	}
	if _, err := g.Make(context.Background(), fsys, "out", false, nil); !errors.Is(err, ErrExists) {
		t.Errorf("a second time: %v", err)
	}
	again, err := g.Make(context.Background(), fsys, "out", true, nil)
	if err != nil || !slices.Equal(again.Files, m.Files) {
		t.Errorf("replaced: %v, %v", again, err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := g.Make(ctx, fsys, "new", false, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
}

// checkLine holds the keys that users of each file expect.
func checkLine(t *testing.T, name string, line []byte) {
	t.Helper()
	var x map[string]any
	if err := json.Unmarshal(line, &x); err != nil {
		t.Fatal(err)
	}
	kind, _, _ := strings.Cut(name, "-")
	for _, key := range map[string][]string{
		"documents.jsonl": {"text"}, "instructions": {"messages"}, "choices": {"question", "options", "answer", "category"},
		"preferences": {"prompt", "chosen", "rejected"}, "facts.jsonl": {"id", "value", "clause", "exposure"},
	}[kind] {
		if x[key] == nil {
			t.Fatalf("%s: no %q in %s", name, key, line)
		}
	}
	if kind != "facts.jsonl" && (x["facts"] == nil || x["templates"] == nil || x["clauses"] == nil) {
		t.Fatalf("%s: no provenance in %s", name, line)
	}
}
