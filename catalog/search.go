package catalog

import (
	"slices"
	"strings"
	"unicode"
)

// Hit is an entry that a search found; the best has the highest score.
type Hit struct {
	Item  *Item `json:"item"`
	Score int   `json:"score"`
}

// What a word of the query is worth by where it stands. The page's script counts
// the same way.
const (
	isName     = 12 // it is a whole name or the id
	startsName = 6  // it begins a word of a name
	inName     = 4
	inText     = 1
)

// Search returns the entries in which every word of the query occurs, the best
// first, equals in the outline's order. Case does not matter. A word of Chinese is
// also found by its pairs of letters, when most of them occur.
func (c *Catalog) Search(query string) []Hit {
	words := strings.Fields(strings.ToLower(query))
	var hits []Hit
	for _, it := range c.Items {
		if score := it.score(words); score > 0 {
			hits = append(hits, Hit{it, score})
		}
	}
	slices.SortStableFunc(hits, func(a, b Hit) int { return b.Score - a.Score })
	return hits
}

// names are what an entry is called, in small letters.
func (it *Item) names() []string {
	list := []string{it.ID, it.EN, it.ZH}
	if it.Title != "" {
		list = append(list, it.Title)
	}
	for i := range list {
		list[i] = strings.ToLower(list[i])
	}
	return list
}

// text is everything else that a search looks at, in small letters.
func (it *Item) text() string {
	list := []string{string(it.Kind), KindName(it.Kind).ZH, string(it.Area), AreaName(it.Area).ZH, it.Use, it.UseZH, it.Note, it.NoteZH, it.Licence, it.WeightsLicence}
	for _, f := range it.Links() {
		list = append(list, string(f.Link))
	}
	list = append(list, it.Authors...)
	for _, p := range it.Further {
		list = append(append(list, p.Title), p.Authors...)
	}
	return strings.ToLower(strings.Join(list, "\n"))
}

func (it *Item) score(words []string) int {
	names, text, total := it.names(), it.text(), 0
	for _, word := range words {
		s := wordScore(word, names, text)
		if s == 0 {
			return 0
		}
		total += s
	}
	if it.Leaf && total > 0 {
		total++ // of equals the outline's own entry comes first
	}
	return total
}

func wordScore(word string, names []string, text string) int {
	best := 0
	for _, name := range names {
		switch {
		case name == word:
			best = max(best, isName)
		case startsWord(name, word):
			best = max(best, startsName)
		case strings.Contains(name, word):
			best = max(best, inName)
		}
	}
	if best == 0 && strings.Contains(text, word) {
		best = inText
	}
	if best > 0 || !strings.ContainsFunc(word, isHan) {
		return best
	}
	return pairScore(word, strings.Join(names, "\n")+"\n"+text)
}

// startsWord reports whether the word begins a word of the name.
func startsWord(name, word string) bool {
	for at := 0; ; {
		i := strings.Index(name[at:], word)
		if i < 0 {
			return false
		}
		before := []rune(name[:at+i])
		if len(before) == 0 || !unicode.IsLetter(before[len(before)-1]) && !unicode.IsDigit(before[len(before)-1]) {
			return true
		}
		at += i + len(word)
	}
}

// pairScore is inText when at least two thirds of the pairs of neighbouring letters
// occur.
func pairScore(word, text string) int {
	letters := []rune(word)
	pairs, found := 0, 0
	for i := 0; i+1 < len(letters); i++ {
		pairs++
		if strings.Contains(text, string(letters[i:i+2])) {
			found++
		}
	}
	if pairs == 0 || 3*found < 2*pairs {
		return 0
	}
	return inText
}

// Nearest returns the id of the entry that was probably meant, by its id or its name
// in either language; "" if none is close.
func (c *Catalog) Nearest(wrote string) string {
	var names, ids []string
	for _, it := range c.Items {
		for _, name := range it.names() {
			names, ids = append(names, name), append(ids, it.ID)
		}
	}
	if name := Closest(wrote, names); name != "" {
		return ids[slices.Index(names, name)]
	}
	if hits := c.Search(wrote); len(hits) > 0 {
		return hits[0].Item.ID
	}
	return ""
}

// Closest returns the name with the fewest edits, at most a third of the letters, or
// "" if none is close.
func Closest(wrote string, names []string) string {
	if len(wrote) > 64 {
		return "" // no name is that long
	}
	best, fewest := "", max(1, len([]rune(wrote))/3)+1
	for _, name := range names {
		if d := distance(strings.ToLower(wrote), strings.ToLower(name)); d < fewest {
			best, fewest = name, d
		}
	}
	return best
}

// distance is how many letters to insert, delete, replace or swap with their
// neighbour to turn a into b.
func distance(a, b string) int {
	from, to := []rune(a), []rune(b)
	rows := make([][]int, len(from)+1) // rows[i][j]: from[:i] to to[:j]
	for i := range rows {
		rows[i] = make([]int, len(to)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i, x := range from {
		for j, y := range to {
			d := rows[i][j]
			if x != y {
				d = 1 + min(d, rows[i][j+1], rows[i+1][j])
			}
			if i > 0 && j > 0 && x == to[j-1] && y == from[i-1] {
				d = min(d, rows[i-1][j-1]+1)
			}
			rows[i+1][j+1] = d
		}
	}
	return rows[len(from)][len(to)]
}
