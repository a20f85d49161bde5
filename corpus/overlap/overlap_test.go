package overlap

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/comlam/comlam/internal/rng"
)

func check(t testing.TB, items []Item, c Config, documents ...string) Result {
	t.Helper()
	k, err := New(items, c)
	if err != nil {
		t.Fatal(err)
	}
	for i, d := range documents {
		k.Read(fmt.Sprint("d", i), d)
	}
	return k.Result()
}

const question = "Which field of the downlink control information tells a user equipment how many repetitions of a transport block will follow?" // 20 words

func TestFindsCopies(t *testing.T) {
	items := []Item{
		{"long", []string{question}},
		{"eight", []string{"What is the width of a resource block?"}},
		{"seven", []string{"How long is a slot in milliseconds?"}},
	}
	for _, c := range []struct {
		document string
		want     []Hit
	}{
		{"Something else altogether, with a resource block of some width.", []Hit{}},
		{"Q: " + question + " A: none", []Hit{{"long", 8, 8, "d0"}}},
		{"... " + strings.ToUpper(strings.ReplaceAll(question, " ", "\n -- ")), []Hit{{"long", 8, 8, "d0"}}},
		// Twelve words in a row, one other, and eleven more: no thirteen.
		{strings.Replace(question, "how many", "how very many", 1), []Hit{}},
		// Thirteen in a row.
		{strings.Join(strings.Fields(question)[5:18], " "), []Hit{{"long", 1, 8, "d0"}}},
		{"what is the width of a resource block", []Hit{{"eight", 1, 1, "d0"}}},
		{"what is the width of a resource grid", []Hit{}},
		{"How long is a slot in milliseconds?", []Hit{}}, // too few words to judge
	} {
		r := check(t, items, Config{}, c.document)
		if !slices.Equal(r.Hits, c.want) {
			t.Errorf("%.50q: got %v, want %v", c.document, r.Hits, c.want)
		}
		if r.TooShort != 1 || r.Items != 3 || r.Documents != 1 {
			t.Errorf("%.50q: %+v", c.document, r)
		}
	}
}

func TestDocumentsDoNotJoin(t *testing.T) {
	words := strings.Fields(question)
	r := check(t, []Item{{"long", []string{question}}}, Config{}, strings.Join(words[:10], " "), strings.Join(words[10:], " "))
	if len(r.Hits) != 0 {
		t.Errorf("two halves in two documents: %v", r.Hits)
	}
	r = check(t, []Item{{"long", []string{question}}}, Config{}, "nothing", question, question)
	if len(r.Hits) != 1 || r.Hits[0].Where != "d1" || r.Hits[0].Found != 8 {
		t.Errorf("got %v", r.Hits)
	}
}

// TestAgainstPlainSearch compares with a search through joined words, over a source of
// so few words that overlaps of every length happen.
func TestAgainstPlainSearch(t *testing.T) {
	s := rng.New(4)
	phrase := func(n int) string {
		var words []string
		for range n {
			words = append(words, string(rune('a'+s.IntN(3))))
		}
		return strings.Join(words, " ")
	}
	c := Config{Words: 6, Least: 3}
	var items []Item
	for i := range 300 {
		items = append(items, Item{fmt.Sprint(i), []string{phrase(1 + s.IntN(12)), phrase(s.IntN(5))}})
	}
	var documents []string
	for range 3 {
		documents = append(documents, phrase(100)+" zz "+phrase(40))
	}
	found := map[string]bool{}
	for _, h := range check(t, items, c, documents...).Hits {
		found[h.ID] = true
	}
	hits := 0
	for _, it := range items {
		want := slices.ContainsFunc(it.Texts, func(text string) bool { return plainly(text, documents, c) })
		if want {
			hits++
		}
		if found[it.ID] != want {
			t.Errorf("%q: found = %v, want %v", it.Texts, found[it.ID], want)
		}
	}
	if hits < 20 || hits > 280 {
		t.Errorf("%d of 300 items overlap; the test tries one side only", hits)
	}
}

func plainly(text string, documents []string, c Config) bool {
	words := strings.Fields(text)
	size := min(c.Words, len(words))
	for i := 0; size >= c.Least && i+size <= len(words); i++ {
		part := " " + strings.Join(words[i:i+size], " ") + " "
		if slices.ContainsFunc(documents, func(d string) bool { return strings.Contains(" "+d+" ", part) }) {
			return true
		}
	}
	return false
}

func TestConfig(t *testing.T) {
	for _, c := range []Config{{Words: -1}, {Words: 3, Least: 4}, {Words: 2000}} {
		if _, err := New(nil, c); err == nil {
			t.Errorf("%+v is accepted", c)
		}
	}
}

func BenchmarkRead(b *testing.B) {
	var items []Item
	for i := range 7000 {
		items = append(items, Item{fmt.Sprint(i), []string{fmt.Sprintf("%s in case %d of many", question, i)}})
	}
	k, err := New(items, Config{})
	if err != nil {
		b.Fatal(err)
	}
	text := strings.Repeat("The quick brown fox of the downlink jumps over a lazy transport block. ", 10_000)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		k.Read("d", text)
	}
}
