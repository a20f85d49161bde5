package spec

import (
	"encoding/csv"
	"errors"
	"fmt"
	"strings"
)

func (r *rstReader) table(t *Table, add sink) error {
	if err := t.settle(r.t.lim); err != nil {
		return err
	}
	for _, row := range t.Rows {
		r.t.room(int64(len(row)))
	}
	if len(t.Rows) > 0 {
		add(t)
	}
	return r.t.err
}

// gridTable reads a table drawn with lines; where cells cover several columns or
// rows, which the drawing shows in too many ways, it stays a drawing.
func (r *rstReader) gridTable(lines []string, add sink) error {
	t := &Table{}
	var cells [][]string // of the row so far: the lines of each
	for _, l := range lines {
		if strings.HasPrefix(l, "+") && strings.Trim(l, "+-=") == "" {
			if l[:2] == "+=" {
				t.Head = len(t.Rows) + 1
			}
			if cells != nil {
				t.Rows = append(t.Rows, rstRow(cells))
			}
			cells = nil
			continue
		}
		parts := strings.Split(strings.Trim(l, "|"), "|")
		if cells == nil {
			cells = make([][]string, len(parts))
		}
		if len(parts) != strings.Count(lines[0], "+")-1 || len(parts) != len(cells) || l[0] != '|' {
			add(code("", strings.Join(lines, "\n"), nil)...)
			return nil
		}
		for k, p := range parts {
			cells[k] = append(cells[k], strings.TrimSpace(p))
		}
	}
	return r.table(t, add)
}

// rstRow makes a row of the lines of its cells.
func rstRow(cells [][]string) (row []Cell) {
	for _, lines := range cells {
		row = append(row, Cell{Text: rstInline(strings.TrimSpace(strings.Join(lines, "\n")))})
	}
	return row
}

func rstCells(cells []string) (row []Cell) {
	for _, c := range cells {
		row = append(row, Cell{Text: rstInline(strings.TrimSpace(c))})
	}
	return row
}

// simpleTable reads columns under lines of equals signs.
func (r *rstReader) simpleTable(lines []string, add sink) (int, error) {
	starts := []int{}
	for k := range lines[0] {
		if lines[0][k] == '=' && (k == 0 || lines[0][k-1] == ' ') {
			starts = append(starts, k)
		}
	}
	t, n := &Table{}, 1
	var cells [][]string // of the row so far: the lines of each
	end := func() {
		if cells != nil {
			t.Rows = append(t.Rows, rstRow(cells))
		}
		cells = nil
	}
	for ; n < len(lines); n++ {
		l := lines[n]
		switch {
		case rstSimple.MatchString(l):
			if end(); n+1 == len(lines) || lines[n+1] == "" {
				return n + 1, r.table(t, add)
			}
			t.Head = len(t.Rows)
			continue
		case l == "" || strings.Trim(l, "- ") == "":
			continue
		}
		parts := columnsOf(l, starts)
		if parts[0] != "" || cells == nil {
			end()
			cells = make([][]string, len(parts))
		}
		for k, p := range parts {
			cells[k] = append(cells[k], p)
		}
	}
	end()
	return n, r.table(t, add)
}

// columnsOf cuts a line where columns begin, but for words that reach over.
func columnsOf(l string, starts []int) []string {
	cells, from, in := make([]string, len(starts)), 0, 0
	for k := 1; k < len(starts); k++ {
		if s := starts[k]; s < len(l) && l[s-1] == ' ' {
			cells[in], from, in = strings.TrimSpace(l[from:s]), s, k
		}
	}
	cells[in] = strings.TrimSpace(l[from:])
	return cells
}

func (r *rstReader) csvTable(title string, opts map[string]string, content []string, add sink) error {
	in := csv.NewReader(strings.NewReader(strings.Join(content, "\n")))
	in.FieldsPerRecord, in.LazyQuotes, in.TrimLeadingSpace = -1, true, true
	rows, err := in.ReadAll()
	if err != nil {
		return fmt.Errorf("csv-table %q: %w", title, err)
	}
	t := &Table{Caption: rstInline(title)}
	if h := opts["header"]; h != "" {
		head := csv.NewReader(strings.NewReader(h))
		head.LazyQuotes, head.TrimLeadingSpace = true, true
		row, err := head.Read()
		if err != nil {
			return errors.Join(fmt.Errorf("csv-table %q: header", title), err)
		}
		rows, t.Head = append([][]string{row}, rows...), 1
	} else {
		fmt.Sscanf(opts["header-rows"], "%d", &t.Head)
	}
	for _, row := range rows {
		t.Rows = append(t.Rows, rstCells(row))
	}
	t.Head = max(t.Head, 0)
	return r.table(t, add)
}

// listTable reads a list of lists; where it is another thing, that stays.
func (r *rstReader) listTable(title string, opts map[string]string, content []string, depth int, add sink) error {
	b, err := r.inside(content, depth)
	if err != nil {
		return err
	}
	t := &Table{Caption: rstInline(title)}
	fmt.Sscanf(opts["header-rows"], "%d", &t.Head)
	t.Head = max(t.Head, 0)
	for _, rows := range b {
		list, ok := rows.(*List)
		for k := 0; ok && k < len(list.Items); k++ {
			inner := list.Items[k].Blocks
			var cells *List
			if ok = len(inner) == 1; ok {
				cells, ok = inner[0].(*List)
			}
			if !ok {
				break
			}
			var row []Cell
			for _, it := range cells.Items {
				row = append(row, Cell{Text: Str(PlainText(it.Blocks))})
			}
			t.Rows = append(t.Rows, row)
		}
		if !ok {
			add(paragraph(t.Caption)...)
			add(b...)
			return nil
		}
	}
	return r.table(t, add)
}
