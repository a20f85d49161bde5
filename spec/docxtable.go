package spec

import "strings"

// table reads a table. Cells that continue one above (vMerge) become its rows.
func (r *docxReader) table(n *node) error {
	if err := r.t.lim.depth("tables", r.depth+1); err != nil {
		return err
	}
	t := &Table{Caption: r.caption}
	r.caption = nil
	g := docxGrid{above: map[int]place{}}
	var heads []bool
	for _, tr := range docxRows(n) {
		heads = append(heads, r.row(t, tr, &g))
	}
	for _, isHead := range heads {
		if !isHead {
			break
		}
		t.Head++
	}
	if t.Head == 0 && n.child("tblPr").child("tblLook").attr("firstRow") == "1" && len(t.Rows) > 1 {
		t.Head = 1
	}
	t.takeNotes()
	if err := t.settle(r.t.lim); err != nil {
		return err
	}
	if r.t.room(int64(len(t.Rows))); len(t.Rows) > 0 {
		r.put(t)
	}
	return r.t.err
}

type place struct{ row, cell int }

// docxGrid knows which cell begins above each column.
type docxGrid struct{ above map[int]place }

// docxRows are the rows of a table, also those inside content controls.
func docxRows(n *node) []*node {
	var rows []*node
	for _, c := range n.children {
		switch c.name {
		case "tr":
			rows = append(rows, c)
		case "sdt":
			rows = append(rows, docxRows(c.child("sdtContent"))...)
		case "ins", "customXml":
			rows = append(rows, docxRows(c)...)
		}
	}
	return rows
}

func docxCells(n *node) []*node {
	var cells []*node
	for _, c := range n.children {
		switch c.name {
		case "tc":
			cells = append(cells, c)
		case "sdt":
			cells = append(cells, docxCells(c.child("sdtContent"))...)
		case "customXml":
			cells = append(cells, docxCells(c)...)
		}
	}
	return cells
}

// row adds a row and reports whether it is a heading.
func (r *docxReader) row(t *Table, tr *node, g *docxGrid) bool {
	pr := tr.child("trPr")
	column := min(max(number(pr.val("gridBefore")), 0), maxColumns)
	var row []Cell
	if column > 0 {
		row = append(row, Cell{Columns: column})
	}
	styled := true
	i := len(t.Rows)
	for _, tc := range docxCells(tr) {
		cell := tc.child("tcPr")
		span := min(max(number(cell.val("gridSpan")), 1), maxColumns)
		merge := cell.child("vMerge")
		if from, ok := g.above[column]; ok && merge.name != "" && merge.attr("val") != "restart" {
			if from.row < i {
				t.Rows[from.row][from.cell].Rows = i - from.row + 1
			}
			column += span
			continue
		}
		delete(g.above, column)
		if merge.name != "" {
			g.above[column] = place{i, len(row)}
		}
		styled = styled && r.isHeadCell(tc)
		row = append(row, Cell{Text: flattenAll(r.inside(tc)).clean(), Columns: span})
		column += span
	}
	t.Rows = append(t.Rows, row)
	return pr.has("tblHeader") && pr.val("tblHeader") != "0" || styled && len(row) > 0
}

func (r *docxReader) isHeadCell(tc *node) bool {
	for _, p := range tc.children {
		if p.name == "p" && r.styleOf(p).role != cellHeadRole {
			return false
		}
	}
	return tc.has("p")
}

// takeNotes makes notes of a last row that holds one cell of notes and nothing else,
// as 3GPP tables end.
func (t *Table) takeNotes() {
	if len(t.Rows) < 2 {
		return
	}
	last := t.Rows[len(t.Rows)-1]
	if len(last) != 1 {
		return
	}
	if notes, ok := notesOf(last[0].Text); ok {
		t.Notes, t.Rows = notes, t.Rows[:len(t.Rows)-1]
		t.Head = min(t.Head, len(t.Rows))
	}
}

// notesOf splits text with a note on each line.
func notesOf(text Text) ([]Note, bool) {
	var notes []Note
	var line Text
	end := func() bool {
		one := line.clean()
		line = nil
		if len(one) == 0 {
			return true
		}
		if label, rest, ok := splitNote(one); ok {
			notes = append(notes, Note{label, []Block{&Paragraph{rest}}})
			return true
		}
		if len(notes) == 0 {
			return false
		}
		p := notes[len(notes)-1].Blocks[0].(*Paragraph)
		p.Text = append(append(p.Text, Span{Text: " "}), one...).clean()
		return true
	}
	for _, s := range text {
		if s.Kind != Break {
			line = append(line, s)
		} else if !end() {
			return nil, false
		}
	}
	return notes, end() && len(notes) > 0
}

// notesText is the inverse of notesOf.
func notesText(notes []Note) Text {
	var out Text
	for i, n := range notes {
		if i > 0 {
			out = append(out, Span{Kind: Break})
		}
		out = append(append(out, Span{Text: strings.TrimSpace(n.Label) + ": "}), oneLine(flattenAll(n.Blocks))...)
	}
	return out.clean()
}
