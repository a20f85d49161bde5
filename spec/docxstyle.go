package spec

import (
	"fmt"
	"path"
	"strconv"
	"strings"
)

// What styles and numbering say of a paragraph.

// role is what a paragraph is for.
type role int

const (
	body role = iota
	headingRole
	listRole
	codeRole
	captionRole
	noteRole
	contentsRole
	titleRole
	cellHeadRole
	quoteRole
)

// docxStyle is a style, its ancestors taken into account.
type docxStyle struct {
	role     role
	level    int // of a heading or list
	num, lvl string
}

// docxStyles maps the id of a style.
type docxStyles map[string]docxStyle

func readStyles(root *node, depth int) docxStyles {
	byID := map[string]*node{}
	for _, s := range root.children {
		if s.name == "style" {
			byID[s.attr("styleId")] = s
		}
	}
	out := docxStyles{}
	for id, s := range byID {
		var st docxStyle
		for range depth { // ends where styles are based on each other
			own := styleByName(s)
			if st.role == body {
				st.role, st.level = own.role, own.level
			}
			st.num, st.lvl = orElse(st.num, own.num), orElse(st.lvl, own.lvl)
			if s = byID[s.val("basedOn")]; s == nil {
				break
			}
		}
		out[id] = st
	}
	return out
}

// styleByName judges a style by its name: those of Word, of 3GPP (B1, TH, PL, NO),
// of LibreOffice and of pandoc.
func styleByName(s *node) docxStyle {
	name := strings.ToLower(s.val("name"))
	ppr := s.child("pPr")
	num := ppr.child("numPr")
	st := docxStyle{num: num.val("numId"), lvl: num.val("ilvl")}
	if rest, ok := strings.CutPrefix(name, "heading "); ok {
		st.role, st.level = headingRole, min(max(number(rest), 1), 9)
		return st
	}
	if n, err := strconv.Atoi(strings.TrimPrefix(name, "b")); err == nil && len(name) == 2 && name[0] == 'b' {
		st.role, st.level = listRole, min(max(n, 1), 9)
		return st
	}
	switch name {
	case "th", "tf", "caption", "table caption", "image caption", "table", "figure", "illustration":
		st.role = captionRole
	case "pl", "source code", "html preformatted", "preformatted text", "verbatim", "code", "plain text", "macro":
		st.role = codeRole
	case "no", "nw", "nf", "tan", "en", "editor's note", "editorsnote":
		st.role = noteRole
	case "tah":
		st.role = cellHeadRole
	case "title", "zt":
		st.role = titleRole
	case "quote", "intense quote", "block text", "quotations":
		st.role = quoteRole
	case "tt":
		st.role, st.level = headingRole, 1
	}
	if strings.HasPrefix(name, "toc ") || name == "toc heading" || strings.HasPrefix(name, "contents ") {
		st.role = contentsRole
	}
	if l := ppr.val("outlineLvl"); l != "" && st.role == body && number(l) < 9 {
		st.role, st.level = headingRole, number(l)+1
	}
	return st
}

// docxLevel is a level of a numbering.
type docxLevel struct {
	format, text string
	start        int
}

// docxNumbers are the numberings and how far each is.
type docxNumbers struct {
	abstract map[string]string            // number id -> abstract id
	levels   map[string]map[int]docxLevel // abstract id -> level
	counts   map[string]*[9]int
}

func readNumbers(root *node) *docxNumbers {
	n := &docxNumbers{map[string]string{}, map[string]map[int]docxLevel{}, map[string]*[9]int{}}
	for _, c := range root.children {
		switch c.name {
		case "num":
			n.abstract[c.attr("numId")] = c.val("abstractNumId")
		case "abstractNum":
			levels := map[int]docxLevel{}
			for _, l := range c.children {
				if l.name == "lvl" {
					start := 1
					if s := l.val("start"); s != "" {
						start = listStart(number(s))
					}
					levels[number(l.attr("ilvl"))] = docxLevel{l.val("numFmt"), l.val("lvlText"), start}
				}
			}
			n.levels[c.attr("abstractNumId")] = levels
		}
	}
	return n
}

// next counts a paragraph of a numbering. label is its number as text, ordered tells
// numbers from bullets, value is the count itself. ok is false where there is no
// such numbering.
func (n *docxNumbers) next(num string, level int) (label string, ordered bool, value int, ok bool) {
	abstract, known := n.abstract[num]
	l, has := n.levels[abstract][level]
	if !known || !has || level < 0 || level > 8 {
		return "", false, 0, false
	}
	counts := n.counts[abstract]
	if counts == nil {
		counts = &[9]int{}
		n.counts[abstract] = counts
	}
	if counts[level] == 0 {
		counts[level] = l.start
	} else {
		counts[level]++
	}
	for i := level + 1; i < 9; i++ {
		counts[i] = 0
	}
	label = l.text
	for i := 0; i <= level; i++ {
		at := n.levels[abstract][i]
		label = strings.ReplaceAll(label, fmt.Sprintf("%%%d", i+1), counted(max(counts[i], at.start), at.format))
	}
	return strings.TrimRight(label, ". "), l.format != "bullet" && l.format != "none", counts[level], true
}

func counted(n int, format string) string {
	switch format {
	case "upperLetter":
		return letters(n)
	case "lowerLetter":
		return strings.ToLower(letters(n))
	case "upperRoman":
		return roman(n)
	case "lowerRoman":
		return strings.ToLower(roman(n))
	}
	return fmt.Sprint(n)
}

func roman(n int) string {
	if n < 1 || n > 3999 {
		return fmt.Sprint(n)
	}
	var w strings.Builder
	values := []int{1000, 900, 500, 400, 100, 90, 50, 40, 10, 9, 5, 4, 1}
	for i, s := range []string{"M", "CM", "D", "CD", "C", "XC", "L", "XL", "X", "IX", "V", "IV", "I"} {
		for ; n >= values[i]; n -= values[i] {
			w.WriteString(s)
		}
	}
	return w.String()
}

// readRelations maps the ids of a part's relations to their targets.
func readRelations(root *node) map[string]string {
	out := map[string]string{}
	for _, r := range root.children {
		out[r.attr("Id")] = r.attr("Target")
	}
	return out
}

// mainPart is the name of the part that holds the text.
func (f *docxFile) mainPart() (string, error) {
	rels, err := f.whole("_rels/.rels")
	if err != nil {
		return "", err
	}
	for _, r := range rels.children {
		if strings.HasSuffix(r.attr("Type"), "/officeDocument") {
			if name := strings.TrimPrefix(path.Clean("/"+r.attr("Target")), "/"); f.parts[name] != nil {
				return name, nil
			}
		}
	}
	if f.parts["word/document.xml"] == nil {
		return "", fmt.Errorf("%w: it has no part with text", ErrDocx)
	}
	return "word/document.xml", nil
}
