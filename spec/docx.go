package spec

import (
	"fmt"
	"path"
	"regexp"
	"strings"
)

// Word documents: the paragraphs and tables of the main part, by their styles.
// Tables of contents are left out, since the headings say the same; deleted text is
// not read, inserted text is.

// A docxReader turns the elements of a body into blocks.
type docxReader struct {
	t         *tree
	file      *docxFile
	styles    docxStyles
	numbers   *docxNumbers
	links     map[string]string
	notes     map[string]*node // footnotes
	footnotes *int             // how many so far
	add       sink
	depth     int // of tables inside each other
	lists     listStack
	code      []string // lines of code so far
	inCode    bool
	caption   Text // of the table that may follow
	lastSeen  Block
	seen      int // paragraphs
}

func readDocx(t *tree, data []byte) error {
	f, err := openDocx(data, t.lim)
	if err != nil {
		return err
	}
	main, err := f.mainPart()
	if err != nil {
		return err
	}
	r := &docxReader{t: t, file: f, add: t.add, footnotes: new(int)}
	if err := r.readSides(path.Dir(main), path.Base(main)); err != nil {
		return err
	}
	part, err := f.open(main)
	if err != nil {
		return err
	}
	defer part.Close()
	x := newXMLReader(main, part, t.lim)
	if err := x.enter("body"); err != nil {
		return err
	}
	for {
		n, err := x.next()
		if err != nil {
			return err
		}
		if n == nil {
			break
		}
		if err := r.element(n); err != nil {
			return at(main, err)
		}
	}
	r.flush()
	r.dropCaption()
	return t.err
}

// readSides reads the parts beside the main one.
func (r *docxReader) readSides(dir, base string) error {
	parts := map[string]*node{}
	for _, name := range []string{"styles.xml", "numbering.xml", "footnotes.xml", "_rels/" + base + ".rels", "../docProps/core.xml"} {
		n, err := r.file.whole(path.Join(dir, name))
		if err != nil {
			return err
		}
		parts[name] = n
	}
	r.styles = readStyles(parts["styles.xml"], r.t.lim.Depth)
	r.numbers = readNumbers(parts["numbering.xml"])
	r.links = readRelations(parts["_rels/"+base+".rels"])
	r.notes = map[string]*node{}
	for _, n := range parts["footnotes.xml"].children {
		r.notes[n.attr("id")] = n
	}
	r.t.doc.Title = Str(parts["../docProps/core.xml"].child("title").text).String()
	return nil
}

// flush ends lists and code that are open.
func (r *docxReader) flush() {
	if list := r.lists.take(); list != nil {
		r.put(list)
	}
	if r.inCode {
		lines := strings.Join(r.code, "\n")
		r.code, r.inCode = nil, false
		r.put(code("", lines, nil)...)
	}
}

func (r *docxReader) put(blocks ...Block) {
	if len(blocks) > 0 {
		r.dropCaption()
	}
	for _, b := range blocks {
		r.lastSeen = b
	}
	r.add(blocks...)
}

func (r *docxReader) element(n *node) error {
	switch n.name {
	case "p":
		r.paragraph(n)
	case "tbl":
		r.flush()
		return r.table(n)
	case "sdt":
		return r.elements(n.child("sdtContent"))
	case "ins", "smartTag", "customXml", "moveTo":
		return r.elements(n)
	case "AlternateContent":
		return r.elements(n.child("Choice"))
	}
	return r.t.err
}

func (r *docxReader) elements(n *node) error {
	for _, c := range n.children {
		if err := r.element(c); err != nil {
			return err
		}
	}
	return nil
}

// styleOf is what the style of a paragraph and its own settings say.
func (r *docxReader) styleOf(n *node) docxStyle {
	ppr := n.child("pPr")
	st := r.styles[ppr.val("pStyle")]
	if num := ppr.child("numPr"); num.name != "" {
		st.num, st.lvl = orElse(num.val("numId"), st.num), orElse(num.val("ilvl"), st.lvl)
	}
	if l := ppr.val("outlineLvl"); l != "" && st.role == body && number(l) < 9 {
		st.role, st.level = headingRole, number(l)+1
	}
	return st
}

func (r *docxReader) paragraph(n *node) {
	in := &docxInline{r: r}
	in.children(n)
	st := r.styleOf(n)
	r.seen++
	text := in.out.clean()
	if st.role == codeRole && len(in.equations) == 0 {
		r.inCode = true
		if list := r.lists.take(); list != nil {
			r.put(list)
		}
		r.code = append(r.code, in.raw.String())
		return
	}
	switch {
	case st.role == contentsRole:
	case len(text) > 0:
		r.text(st, text, in)
	case r.inCode && len(in.equations) == 0:
		r.code = append(r.code, "")
		return
	}
	for _, latex := range in.equations {
		r.flush()
		r.put(equation(latex, in.number(text))...)
	}
	if len(in.figures)+len(in.boxes) > 0 {
		r.flush()
	}
	r.put(in.figures...)
	for _, box := range in.boxes {
		if r.depth < r.t.lim.Depth {
			r.depth++
			r.elements(box)
			r.depth--
		}
	}
	for _, id := range in.footnotes {
		r.footnote(id)
	}
}

// text puts a paragraph where its style wants it.
func (r *docxReader) text(st docxStyle, text Text, in *docxInline) {
	if r.seen < 60 {
		r.firstPage(text.String())
	}
	if len(in.equations) > 0 && in.number(text) != "" {
		return // the number of the equation
	}
	if st.role == headingRole && r.depth == 0 {
		r.flush()
		r.heading(st, text)
		return
	}
	if r.listed(st, text, in.tabbed) {
		return
	}
	r.flush()
	if eq := soleEquation(text); eq != nil {
		r.put(eq...)
		return
	}
	switch st.role {
	case captionRole:
		r.captioned(text)
	case titleRole:
		if r.t.doc.Title == "" {
			r.t.doc.Title = oneLine(text).clean().String()
		}
		r.put(paragraph(text)...)
	case noteRole:
		if label, rest, ok := splitNote(text); ok {
			r.put(labelled(label, []Block{&Paragraph{rest}})...)
			return
		}
		r.put(labelled("NOTE", []Block{&Paragraph{text}})...)
	case quoteRole:
		r.put(&Quote{paragraph(text)})
	default:
		r.put(paragraph(text)...)
	}
}

func (r *docxReader) heading(st docxStyle, text Text) {
	if label, ordered, _, ok := r.numbers.next(st.num, number(st.lvl)); ok && ordered && st.num != "0" {
		if m := annexNumber.FindStringSubmatch(label + " "); m != nil {
			label = m[1]
		}
		if clauseNumber.MatchString(label+" ") || isAnnex(label) {
			r.t.clause(st.level, label, oneLine(text).clean(), "")
			return
		}
	}
	r.t.heading(st.level, text, "")
}

var listMark = regexp.MustCompile(`^(?:[-–•·o]|[0-9]{1,2}[.)]|[a-z]{1,2}[.)]|\([a-z0-9]{1,4}\))$`)

// listed adds the paragraph to the open list where it is an item: by its numbering,
// or by a style of 3GPP (B1) with the mark before a tab.
func (r *docxReader) listed(st docxStyle, text Text, tabbed string) bool {
	if label, ordered, value, ok := r.numbers.next(st.num, number(st.lvl)); ok && st.num != "0" {
		if ordered && len(label) > 0 && label[len(label)-1] > '9' {
			text = append(Text{{Text: label + " "}}, text...).clean() // a) or iv
			ordered = false
		}
		r.endCode()
		if r.lists.differs(number(st.lvl)+1, ordered) {
			r.flush()
		}
		r.lists.item(number(st.lvl)+1, ordered, value, paragraph(text))
		return true
	}
	if st.role != listRole {
		return false
	}
	r.endCode()
	mark := strings.TrimSpace(tabbed)
	if !listMark.MatchString(mark) {
		return r.lists.more(st.level, paragraph(text)) // a second paragraph of the item
	}
	if strings.ContainsAny(mark, "-–•·o") && len([]rune(mark)) == 1 {
		text[0].Text = strings.TrimSpace(strings.TrimPrefix(text[0].Text, mark))
		text = text.clean()
	}
	r.lists.item(st.level, false, 0, paragraph(text))
	return true
}

func (r *docxReader) endCode() {
	if r.inCode {
		r.flush()
	}
}

var tableCaption = regexp.MustCompile(`^Table[  ]`)

// captioned keeps a caption for the table that follows, gives it to the table or
// figure before, or makes a paragraph of it.
func (r *docxReader) captioned(text Text) {
	text = oneLine(text).clean()
	switch last := r.lastSeen.(type) {
	case *Table:
		if len(last.Caption) == 0 && tableCaption.MatchString(text.String()) {
			last.Caption, r.lastSeen = text, nil
			return
		}
	case *Figure:
		if len(last.Caption) == 0 || !tableCaption.MatchString(text.String()) {
			last.Caption, r.lastSeen = text, nil
			return
		}
	case *Code:
		if len(last.Caption) == 0 && strings.HasPrefix(text.String(), "Figure") {
			last.Caption, r.lastSeen = text, nil
			return
		}
	}
	r.dropCaption()
	r.caption = text
}

// dropCaption makes a paragraph of a caption that no table followed.
func (r *docxReader) dropCaption() {
	if len(r.caption) > 0 {
		r.add(paragraph(r.caption)...)
		r.caption = nil
	}
}

var equationTail = regexp.MustCompile(`^[,.;]?\s*\(?([A-Z0-9][A-Za-z0-9.-]*)\)?$`)

// soleEquation is the equation of a paragraph that holds nothing else, or its number
// besides.
func soleEquation(text Text) []Block {
	if len(text) == 0 || text[0].Kind != Math || len(text) > 2 {
		return nil
	}
	if len(text) == 1 {
		return equation(text[0].Text, "")
	}
	m := equationTail.FindStringSubmatch(strings.TrimSpace(text[1].Text))
	if m == nil || text[1].Kind != Plain || !strings.ContainsAny(m[1], "0123456789") {
		return nil
	}
	return equation(text[0].Text, m[1])
}

var firstPage = regexp.MustCompile(`3GPP (T[SR]) (\d\d\.\d{3}(?:-\d+)?) +(V\d+\.\d+\.\d+) +\((\d{4}-\d{2})\)`)

// firstPage reads what the cover of a 3GPP document says.
func (r *docxReader) firstPage(s string) {
	if m := firstPage.FindStringSubmatch(s); m != nil && r.t.doc.Number == "" {
		r.t.doc.Number, r.t.doc.Release, r.t.doc.Date = m[1]+" "+m[2], m[3], m[4]
	}
}

func (r *docxReader) footnote(id string) {
	n := r.notes[id]
	if n == nil || r.depth >= r.t.lim.Depth {
		return
	}
	delete(r.notes, id) // each once, also where one refers to itself
	r.flush()
	blocks := r.inside(n)
	*r.footnotes++
	r.put(labelled(fmt.Sprintf("Footnote %d", *r.footnotes), blocks)...)
}

// inside reads the blocks below a node apart.
func (r *docxReader) inside(n *node) []Block {
	var out []Block
	in := *r
	in.lists, in.code, in.inCode, in.caption, in.lastSeen = listStack{}, nil, false, nil, nil
	in.depth++
	in.add = func(b ...Block) { out = append(out, b...) }
	if err := r.t.lim.depth("tables", in.depth); err != nil {
		r.t.err = first(r.t.err, err)
		return nil
	}
	r.t.err = first(r.t.err, in.elements(n))
	in.flush()
	in.dropCaption()
	return out
}

// A listStack builds lists of lists from items with levels.
type listStack struct{ open []openList }

type openList struct {
	list  *List
	level int
}

func (s *listStack) item(level int, ordered bool, value int, blocks []Block) {
	for len(s.open) > 0 && s.open[len(s.open)-1].level > level {
		s.open = s.open[:len(s.open)-1]
	}
	last := len(s.open) - 1
	if last >= 0 && s.open[last].level == level && s.open[last].list.Ordered == ordered || last == 0 && s.open[0].level > level {
		l := s.open[last].list
		l.Items = append(l.Items, Item{Blocks: blocks})
		return
	}
	l := &List{Ordered: ordered, Items: []Item{{Blocks: blocks}}}
	if ordered {
		l.Start = max(value, 1)
	}
	if last > 0 && s.open[last].level == level {
		s.open = s.open[:last]
		last--
	}
	if last >= 0 { // of another kind on the outermost level: inside the last item

		above := s.open[last].list
		it := &above.Items[len(above.Items)-1]
		it.Blocks = append(it.Blocks, l)
	}
	s.open = append(s.open, openList{l, level})
}

// differs reports whether an item begins another list beside the open one.
func (s *listStack) differs(level int, ordered bool) bool {
	return len(s.open) > 0 && s.open[0].level >= level && s.open[0].list.Ordered != ordered
}

// more adds blocks to the last item of that level.
func (s *listStack) more(level int, blocks []Block) bool {
	for i := len(s.open) - 1; i >= 0; i-- {
		if s.open[i].level <= level {
			l := s.open[i].list
			it := &l.Items[len(l.Items)-1]
			it.Blocks = append(it.Blocks, blocks...)
			return true
		}
	}
	return false
}

// take returns the list that is open, and closes it.
func (s *listStack) take() Block {
	if len(s.open) == 0 {
		return nil
	}
	l := s.open[0].list
	s.open = nil
	return l
}
