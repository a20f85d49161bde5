package spec

import "github.com/comlam/comlam/internal/bounded"

// Grid is the table with every merged cell repeated in each place that it covers:
// [row][column], all rows equally long. Places that no cell covers are empty.
func (t *Table) Grid() [][]Text {
	width := t.places(func(int, int, *Cell) bool { return true })
	grid := make([][]Text, len(t.Rows))
	for i := range grid {
		grid[i] = make([]Text, width)
	}
	t.places(func(i, j int, c *Cell) bool {
		for di := range min(max(c.Rows, 1), len(grid)-i) {
			for dj := range max(c.Columns, 1) {
				grid[i+di][j+dj] = c.Text
			}
		}
		return true
	})
	return grid
}

// places visits each cell with the row and column where it begins, and returns how
// many columns there are so far when visit says no, or in all. As in HTML, a cell
// takes the first column that no cell above reaches into.
func (t *Table) places(visit func(i, j int, c *Cell) bool) int {
	var busy []int // column -> the first row that no cell so far covers there
	for i, row := range t.Rows {
		j := 0
		for k := range row {
			c := &row[k]
			for j < len(busy) && busy[j] > i {
				j++
			}
			if !visit(i, j, c) {
				return len(busy)
			}
			for range max(c.Columns, 1) {
				if j == len(busy) {
					busy = append(busy, 0)
				}
				busy[j] = i + max(c.Rows, 1)
				j++
			}
		}
	}
	return len(busy)
}

// maxColumns is how many columns a cell may cover, as in HTML.
const maxColumns = 1000

// settle puts spans into their range and checks the size of the grid.
func (t *Table) settle(lim Limits) error {
	t.Head = min(t.Head, len(t.Rows))
	for i, row := range t.Rows {
		for k := range row {
			row[k].Columns = settled(row[k].Columns, maxColumns)
			row[k].Rows = settled(row[k].Rows, len(t.Rows)-i)
		}
	}
	area := int64(0)
	width := int64(t.places(func(_, j int, c *Cell) bool {
		reach := int64(j + max(c.Columns, 1))
		area = max(area, reach*int64(len(t.Rows)))
		return area <= lim.Cells
	}))
	return bounded.Check("cells of the table", max(area, width*int64(len(t.Rows))), lim.Cells)
}

// settled is a span up to a limit; one is written as zero.
func settled(n, most int) int {
	if n = min(n, most); n <= 1 {
		return 0
	}
	return n
}
