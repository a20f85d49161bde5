package facts

import (
	"slices"
	"strings"
	"unicode"
)

// letterOf joins the letter and the abbreviation in the subject of a derived fact: "D in
// DRX".
const letterOf = " in "

// letterPool is how many different words an initial must have to be asked about.
const letterPool = 6

// addLetters derives, from each abbreviation whose letters are the initials of its words
// one by one, a fact about one of them: the D in DRX stands for discontinuous. Asked so,
// with other words on D to choose from, the letters do not give the answer away.
func (c *Collection) addLetters(r *Relation) error {
	if r == nil {
		return nil
	}
	words := map[rune][]string{} // by initial
	var asked []*Fact
	for _, f := range c.Facts {
		if f.Relation != "expansion" {
			continue
		}
		asked = append(asked, f)
		for letter, word := range initials(f) {
			if !slices.Contains(words[letter], word) {
				words[letter] = append(words[letter], word)
			}
		}
	}
	for _, f := range asked {
		best := rune(0)
		for letter := range initials(f) {
			// Letters with more words first, then by the alphabet.
			more := len(words[letter]) - len(words[best])
			if len(words[letter]) >= letterPool && (more > 0 || more == 0 && letter < best) {
				best = letter
			}
		}
		if best == 0 {
			continue
		}
		d := &Fact{Table: f.Table, Relation: r.Name, Subject: string(best) + letterOf + f.Subject, Value: initials(f)[best],
			Clause: f.Clause, Release: f.Release, From: f.ID}
		if err := c.add(d, map[string]*Relation{r.Name: r}); err != nil {
			return err
		}
	}
	return nil
}

// initials maps the letters of an abbreviation to its words, but for letters that occur
// twice; nil if they do not correspond one by one.
func initials(f *Fact) map[rune]string {
	var letters []rune
	for _, r := range f.Subject {
		if r != '-' {
			letters = append(letters, unicode.ToUpper(r))
		}
	}
	split := func(r rune) bool { return r == ' ' || r == '-' }
	var words []string
	for _, w := range strings.FieldsFunc(f.Value, split) {
		if !slices.Contains([]string{"and", "of", "for", "the", "to"}, w) {
			words = append(words, w)
		}
	}
	if len(words) != len(letters) {
		return nil
	}
	found := map[rune]string{}
	for i, l := range letters {
		if unicode.ToUpper([]rune(words[i])[0]) != l {
			return nil
		}
		if _, twice := found[l]; twice {
			found[l] = ""
			continue
		}
		found[l] = words[i]
	}
	for l, w := range found {
		if w == "" || len(w) < 3 {
			delete(found, l)
		}
	}
	return found
}
