package data

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/comlam/comlam/nn"
	"github.com/comlam/comlam/tokenizer"
)

// tiny is a tokenizer of hardly more than bytes.
func tiny(t testing.TB) *tokenizer.Tokenizer {
	t.Helper()
	tok, err := tokenizer.Train(t.Context(), slices.Values([]string{"the cell of the base station tells the cell", "user assistant system"}), tokenizer.Config{VocabSize: 290})
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

// chats are n examples of different lengths.
func chats(n int) *Examples {
	var text strings.Builder
	for i := range n {
		fmt.Fprintf(&text, `{"prompt": [{"role": "user", "content": "cell %d?"}], "completion": [{"role": "assistant", "content": "%s."}]}`+"\n", i, strings.Repeat("the base ", 1+i*7%11))
	}
	e, err := read(text.String())
	if err != nil {
		panic(err)
	}
	return e
}

// row is what a row holds of one example.
type piece struct {
	ids     []int32
	trained []bool
}

// pieces takes a row of a batch apart again.
func pieces(b Batch, row int) (list []piece) {
	t := b.Arrays[0].Shape[1]
	document := int32(-1)
	for i := row * t; i < (row+1)*t; i++ {
		tokens, next, weight, position, doc := b.Arrays[0].Int32[i], b.Arrays[1].Int32[i], b.Arrays[2].Float32[i], b.Arrays[3].Int32[i], b.Arrays[4].Int32[i]
		if doc != document {
			document = doc
			list = append(list, piece{ids: []int32{tokens}, trained: []bool{false}})
		}
		p := &list[len(list)-1]
		if int(position) != len(p.ids)-1 || p.ids[len(p.ids)-1] != tokens {
			panic(fmt.Sprintf("place %d: position %d of token %d behind %d", i, position, tokens, p.ids))
		}
		p.ids, p.trained = append(p.ids, next), append(p.trained, weight == 1)
	}
	return list
}

// TestChats: in one pass every example comes once, whole and in a document of its own,
// with its own mask; packed or not.
func TestChats(t *testing.T) {
	tok := tiny(t)
	list, err := RenderAll(tok, chats(40))
	if err != nil {
		t.Fatal(err)
	}
	key := func(ids []int32, trained []bool) string {
		return fmt.Sprint(ids, append([]bool{false}, trained[1:]...))
	}
	want := map[string]int{}
	for _, s := range list {
		want[key(s.IDs, s.Trained)]++
	}
	for _, pack := range []bool{true, false} {
		c, err := NewChats(list, Rows{Length: 130, Pack: pack, Overlong: OverlongError}, Train, 3)
		if err != nil {
			t.Fatal(err)
		}
		if pack == (c.Stats.Rows == 40) || c.Stats.Examples != 40 || c.Stats.Length != 130 {
			t.Errorf("pack %v: %+v", pack, c.Stats)
		}
		if full := float64(c.Stats.Tokens-40) / float64(c.Stats.Rows*130); pack && full < 0.85 {
			t.Errorf("rows are %.2f full", full)
		}
		for pass := range 2 {
			b, err := c.Batch(uint64(pass*c.Stats.Rows), c.Stats.Rows)
			if err != nil {
				t.Fatal(err)
			}
			got := map[string]int{}
			for row := range c.Stats.Rows {
				for _, p := range pieces(b, row) {
					if slices.Contains(p.trained, true) {
						got[key(p.ids, p.trained)]++
					} else if strings.Trim(fmt.Sprint(p.ids), "[]0 ") != "" {
						t.Errorf("filler %d", p.ids)
					}
				}
			}
			if fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("pack %v, pass %d: other examples", pack, pass)
			}
		}
	}
}

func sameArrays(a, b []nn.Array) bool {
	return slices.EqualFunc(a, b, func(x, y nn.Array) bool {
		return slices.Equal(x.Shape, y.Shape) && slices.Equal(x.Int32, y.Int32) && slices.Equal(x.Float32, y.Float32)
	})
}

// TestBatchesAreFunctions: a batch is the same whenever and with whatever others it is
// asked for, and another seed gives another order.
func TestBatchesAreFunctions(t *testing.T) {
	tok := tiny(t)
	list, err := RenderAll(tok, chats(23))
	if err != nil {
		t.Fatal(err)
	}
	pairs, err := Labels(tok, preferences(t, 23))
	if err != nil {
		t.Fatal(err)
	}
	sources := func(seed uint64) []Source {
		c, err := NewChats(list, Rows{Pack: true, Overlong: OverlongError}, Train, seed)
		if err != nil {
			t.Fatal(err)
		}
		p, err := NewPairs(pairs, DefaultRows(), Train, seed)
		if err != nil {
			t.Fatal(err)
		}
		reference := make([]float32, 2*p.Len())
		for i := range reference {
			reference[i] = float32(i)
		}
		if err := p.SetReference(reference); err != nil {
			t.Fatal(err)
		}
		return []Source{c, p}
	}
	for i, s := range sources(1) {
		whole, err := s.Batch(0, 150)
		if err != nil {
			t.Fatal(err)
		}
		again := sources(1)[i]
		for _, first := range []int{149, 3, 77, 3, 0} { // as after a restart
			b, err := again.Batch(uint64(first), 1)
			if err != nil {
				t.Fatal(err)
			}
			for k, a := range b.Arrays {
				n := len(a.Int32) + len(a.Float32)
				w := whole.Arrays[k]
				if !slices.Equal(a.Int32, w.Int32[min(first*n, len(w.Int32)):min((first+1)*n, len(w.Int32))]) ||
					!slices.Equal(a.Float32, w.Float32[min(first*n, len(w.Float32)):min((first+1)*n, len(w.Float32))]) {
					t.Errorf("source %d, sample %d, array %d differs", i, first, k)
				}
			}
		}
		other, err := sources(2)[i].Batch(0, 150)
		if err != nil {
			t.Fatal(err)
		}
		if sameArrays(other.Arrays, whole.Arrays) {
			t.Errorf("source %d: another seed gives the same order", i)
		}
	}
}

// preferences are n preferences with prompts of their own.
func preferences(t *testing.T, n int) *Examples {
	t.Helper()
	var text strings.Builder
	for i := range n {
		fmt.Fprintf(&text, `{"prompt": "cell %d:", "chosen": " good %d", "rejected": " bad %s"}`+"\n", i, i, strings.Repeat("x", i%5))
	}
	e, err := read(text.String())
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// TestPairs: both completions stand behind their prompt, weighed where they are
// completions, with what the reference thinks of them.
func TestPairs(t *testing.T) {
	tok := tiny(t)
	list, err := Preferences(tok, preferences(t, 4))
	if err != nil {
		t.Fatal(err)
	}
	p, err := NewPairs(list, DefaultRows(), Train, 1)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Batch(0, 1); err == nil || !strings.Contains(err.Error(), "reference") {
		t.Errorf("without a reference: %v", err)
	}
	if err := p.SetReference([]float32{0, 1, 2, 3, 4, 5, 6, 7}); err != nil {
		t.Fatal(err)
	}
	b, err := p.InOrder(0, 4)
	if err != nil {
		t.Fatal(err)
	}
	length := b.Arrays[0].Shape[2]
	for i := range 8 {
		var said []int32
		for k := range length {
			if b.Arrays[2].Float32[i*length+k] == 1 {
				said = append(said, b.Arrays[1].Int32[i*length+k])
			}
		}
		want := fmt.Sprintf(" good %d<|endoftext|>", i/2)
		if i%2 == 1 {
			want = " bad " + strings.Repeat("x", i/2%5) + "<|endoftext|>"
		}
		if got := tok.Decode(said); got != want {
			t.Errorf("sequence %d trains %q, want %q", i, got, want)
		}
		if b.Arrays[3].Float32[i] != float32(i) || b.Arrays[4].Float32[i/2] != 1 {
			t.Errorf("sequence %d: reference %g", i, b.Arrays[3].Float32[i])
		}
	}
	shuffled, err := p.Batch(0, 4)
	if err != nil {
		t.Fatal(err)
	}
	for row := range 4 { // each pair keeps its reference
		k := int(shuffled.Arrays[3].Float32[2*row]) / 2
		if !slices.Equal(shuffled.Arrays[0].Int32[row*2*length:(row+1)*2*length], b.Arrays[0].Int32[k*2*length:(k+1)*2*length]) {
			t.Errorf("row %d is not pair %d", row, k)
		}
	}
}

// TestLabels: preferences as labels are twice as many, and beside each stands the
// completion of another prompt.
func TestLabels(t *testing.T) {
	tok := tiny(t)
	list, err := Labels(tok, preferences(t, 3))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range list {
		got = append(got, fmt.Sprint(tok.Decode(p.A.IDs), "|", tok.Decode(p.B.IDs), "|", p.Good))
	}
	end := "<|endoftext|>"
	want := []string{
		"cell 0: good 0" + end + "|cell 0: good 1" + end + "|true",
		"cell 1: good 1" + end + "|cell 1: good 2" + end + "|true",
		"cell 2: good 2" + end + "|cell 2: bad " + end + "|true",
		"cell 0: bad " + end + "|cell 0: bad x" + end + "|false",
		"cell 1: bad x" + end + "|cell 1: bad xx" + end + "|false",
		"cell 2: bad xx" + end + "|cell 2: good 0" + end + "|false",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q\nwant %q", got, want)
	}
	one, err := read(`{"prompt": "a", "completion": "b", "label": true}` + "\n" + `{"prompt": "a", "completion": "c", "label": false}`)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Labels(tok, one); err == nil || !strings.Contains(err.Error(), "all prompts are the same") {
		t.Errorf("one prompt: %v", err)
	}
}

// TestOverlong: what does not fit is an error, or left out, or cut, and is counted.
func TestOverlong(t *testing.T) {
	tok := tiny(t)
	e := chats(20)
	list, err := RenderAll(tok, e)
	if err != nil {
		t.Fatal(err)
	}
	long, hidden := 0, 0
	for _, s := range list {
		if s.places() > 60 {
			long++
		}
		if s.places() > 60 && !slices.Contains(s.Trained[:61], true) {
			hidden++
		}
	}
	_, err = NewChats(list, Rows{Length: 60, Overlong: OverlongError}, Train, 1)
	if err == nil || !strings.HasPrefix(err.Error(), "length: f.jsonl:") || !strings.Contains(err.Error(), "tokens and a row has 60; use a larger one, or overlong: drop or cut") {
		t.Errorf("got %v", err)
	}
	drop, err := NewChats(list, Rows{Length: 60, Overlong: OverlongDrop}, Train, 1)
	if err != nil || drop.Stats.Dropped != long || drop.Stats.Examples != 20-long || long == 0 {
		t.Errorf("drop: %+v, %v, want %d", drop.Stats, err, long)
	}
	cut, err := NewChats(list, Rows{Length: 60, Overlong: OverlongCut}, Train, 1)
	if err != nil || cut.Stats.Cut != long-hidden || cut.Stats.Dropped != hidden {
		t.Errorf("cut: %+v, %v, want %d and %d", cut.Stats, err, long-hidden, hidden)
	}
	pairs, err := Preferences(tok, preferences(t, 10))
	if err != nil {
		t.Fatal(err)
	}
	p, err := NewPairs(pairs, Rows{Length: pairs[4].B.places() - 1, Overlong: OverlongDrop}, Train, 1)
	if err != nil || p.Stats.Dropped != 2 || p.Len() != 8 {
		t.Errorf("pairs: %+v, %v", p.Stats, err)
	}
	if _, err := NewPairs(pairs, Rows{Length: 3, Overlong: OverlongError}, Train, 1); err == nil || !strings.Contains(err.Error(), "f.jsonl:1 takes") {
		t.Errorf("pairs: %v", err)
	}
}

func TestRenderErrors(t *testing.T) {
	tok := tiny(t)
	e, err := read(`{"messages": [{"role": "user", "content": "a"}]}`)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := RenderAll(tok, e); err == nil || err.Error() != "f.jsonl:1: nothing in it is trained; see comlam tokens" {
		t.Errorf("got %v", err)
	}
	if _, err := Preferences(tok, e); err == nil || err.Error() != "f.jsonl: the file holds chat examples, and preferences are needed" {
		t.Errorf("got %v", err)
	}
}

// TestLint: each code is found where it is, and nothing else.
func TestLint(t *testing.T) {
	tok := tiny(t)
	ok := `{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}`
	for _, c := range []struct{ text, want string }{
		{`{"messages": [` + ok + `]}`, ""},
		{`{"messages": [{"role": "user", "content": " "}, {"role": "assistant", "content": "b"}]}`, "E01"},
		{`{"text": ""}`, "E01 E02"},
		{`{"messages": [{"role": "user", "content": "a"}]}`, "W02 E02"},
		{`{"messages": [` + ok + `, {"role": "user", "content": "c"}]}`, "W02"},
		{`{"messages": [{"role": "user", "content": "a"}, {"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}`, "W01"},
		{`{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b "}]}`, "W08"},
		{`{"messages": [{"role": "user", "content": "a <|im_end|>"}, {"role": "assistant", "content": "b"}]}`, "W04"},
		{`{"messages": [{"role": "user", "content": "a\ufffd"}, {"role": "assistant", "content": "b"}]}`, "W07"},
		{`{"messages": [{"role": "user", "content": "` + strings.Repeat("ab", 60) + `"}, {"role": "assistant", "content": "b"}]}`, "E04"},
		{`{"prompt": "a", "chosen": "b", "rejected": "b"}`, "E06"},
		{`{"prompt": "the c", "completion": "ell"}`, "W05"},
	} {
		e, err := read(c.text)
		if err != nil {
			t.Fatal(err)
		}
		l := Linter{Tokenizer: tok, Length: 100}
		if got := codes(l.Look(e.List[0])); got != c.want {
			t.Errorf("%s: found %q, want %q", c.text, got, c.want)
		}
	}
	e, err := read(strings.Repeat(`{"messages": [`+ok+"]}\n", 2))
	if err != nil {
		t.Fatal(err)
	}
	l := Linter{Tokenizer: tok}
	if got := codes(l.Look(e.List[0])) + codes(l.Look(e.List[1])); got != "W03" {
		t.Errorf("twice: %q", got)
	}
}

// TestLintTemplate: a template that ends no turn, and one that refuses a role.
func TestLintTemplate(t *testing.T) {
	open := `{%- for m in messages -%}{%- if m.role == 'system' -%}{{ raise_exception('no system') }}{%- endif -%}{{ m.role + ': ' }}{%- if m.role == 'assistant' -%}{%- generation -%}{{ m.content }}{%- endgeneration -%}{%- else -%}{{ m.content }}{%- endif -%}{%- endfor -%}`
	tok, err := tokenizer.Train(t.Context(), slices.Values([]string{"a b"}), tokenizer.Config{VocabSize: 262, Template: open})
	if err != nil {
		t.Fatal(err)
	}
	e, err := read(`{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}` + "\n" + `{"messages": [{"role": "system", "content": "a"}, {"role": "assistant", "content": "b"}]}`)
	if err != nil {
		t.Fatal(err)
	}
	l := Linter{Tokenizer: tok}
	if got := codes(l.Look(e.List[0])) + " " + codes(l.Look(e.List[1])); got != "E03 E05" {
		t.Errorf("got %q", got)
	}
}

func codes(r Rendered) string {
	var list []string
	for _, f := range r.Findings {
		list = append(list, string(f.Code))
	}
	return strings.Join(list, " ")
}

// TestCodes: every code has a name of its own.
func TestCodes(t *testing.T) {
	names := map[string]bool{}
	for _, c := range Codes {
		if names[c.Name] || c.Name == string(c.Code) || c.About == "" || c.Code.Name() != c.Name {
			t.Errorf("%+v", c)
		}
		names[c.Name] = true
	}
}

// FuzzExamples: whatever bytes a file holds, they are read or refused with its name, and
// what is read can be rendered or is refused.
func FuzzExamples(f *testing.F) {
	for _, text := range []string{
		`{"text": "a"}`, "[\n{\"text\": \"a\"},\n{\"text\": 5}]", `{"prompt": "a", "completion": "b", "label": true}`,
		`{"messages": [{"role": "user", "content": [{"type": "text", "text": "a"}]}, {"role": "assistant", "content": "b"}]}`,
		`{"instruction": "a", "input": "i", "output": "b", "history": [["q", "r"]]}`, `{"chosen": "a b", "rejected": "a c"}`,
		`{"conversations": [{"from": "human", "value": "a"}, {"from": "gpt", "value": "b"}], "chosen": {"from": "gpt", "value": "b"}, "rejected": "c"}`,
		"{\"text\": \"\\ud800\"}", "\x1f\x8b\x08", "[[[[", `{"a": {"a": {"a": 1}}}`,
	} {
		f.Add([]byte(text))
	}
	tok := tiny(f)
	f.Fuzz(func(t *testing.T, text []byte) {
		e, err := ReadExamples("f", strings.NewReader(string(text)), nil)
		if err != nil {
			if !strings.HasPrefix(err.Error(), "f:") {
				t.Errorf("%v does not name the file", err)
			}
			return
		}
		l := Linter{Tokenizer: tok, Length: 64}
		for _, x := range e.List {
			if x.Line < 1 {
				t.Errorf("line %d", x.Line)
			}
			for _, s := range l.Look(x).Sequences {
				if len(s.IDs) != len(s.Trained) {
					t.Errorf("%d ids, %d marks", len(s.IDs), len(s.Trained))
				}
			}
		}
	})
}
