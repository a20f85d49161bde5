package spec

import "strings"

// Key is how [Document.Find] finds the clause: its number, anchor or title. It is ""
// for text before the first heading.
func (c *Clause) Key() string {
	return orElse(c.Number, orElse(c.Anchor, c.Title.String()))
}

// Find finds a clause by its number ("7.4.1", "A.2"), its anchor or its title, in
// this order; without regard to case in the last two. "" is the text before the
// first heading. It returns nil where there is none.
func (d *Document) Find(key string) *Clause {
	key = strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(key), "§"))
	same := []func(*Clause) bool{
		func(c *Clause) bool { return c.Number == key && (key != "" || len(c.Title) == 0) },
		func(c *Clause) bool { return key != "" && strings.EqualFold(c.Number, key) },
		func(c *Clause) bool { return key != "" && strings.EqualFold(c.Anchor, strings.TrimPrefix(key, "#")) },
		func(c *Clause) bool { return key != "" && strings.EqualFold(c.Title.String(), key) },
		func(c *Clause) bool { return key != "" && strings.EqualFold(c.Name(), key) },
	}
	for _, is := range same {
		for c := range d.All() {
			if is(c) {
				return c
			}
		}
	}
	return nil
}
