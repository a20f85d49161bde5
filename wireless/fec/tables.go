package fec

import (
	_ "embed"
	"strconv"
	"strings"
	"sync"
)

//go:embed tables/ldpc_bg1.txt
var textBG1 string

//go:embed tables/ldpc_bg2.txt
var textBG2 string

//go:embed tables/polar_sequence.txt
var textSequence string

//go:embed tables/polar_interleaver.txt
var textInterleaver string

// rowsOf reads the numbers of a table, line by line, without lines of comment. The
// tables are part of the program: the tests read them all.
func rowsOf(text string) (rows [][]int) {
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		var row []int
		for _, field := range strings.Fields(line) {
			n, err := strconv.Atoi(field)
			if err != nil {
				return nil
			}
			row = append(row, n)
		}
		rows = append(rows, row)
	}
	return rows
}

func flat(rows [][]int) (list []int) {
	for _, row := range rows {
		list = append(list, row...)
	}
	return list
}

// An entry is one circulant of a base graph, with its shift for each set index.
type entry struct {
	row, col int
	shift    [8]int
}

var entries = [3]func() []entry{
	BG1: sync.OnceValue(func() []entry { return entriesOf(textBG1) }),
	BG2: sync.OnceValue(func() []entry { return entriesOf(textBG2) }),
}

func entriesOf(text string) (es []entry) {
	for _, row := range rowsOf(text) {
		e := entry{row: row[0], col: row[1]}
		copy(e.shift[:], row[2:])
		es = append(es, e)
	}
	return es
}

// polarSequence lists the 1,024 indices, the least reliable first (table 5.3.1.2-1).
var polarSequence = sync.OnceValue(func() []int { return flat(rowsOf(textSequence)) })

// polarInterleaver is the pattern of table 5.3.1.1-1.
var polarInterleaver = sync.OnceValue(func() []int { return flat(rowsOf(textInterleaver)) })

// liftingSets holds the first size of each set of table 5.3.2-1; a set goes on with
// its doubles up to 384.
var liftingSets = [8]int{2, 3, 5, 7, 9, 11, 13, 15}

const maxLifting = 384

// LiftingSizes lists the 51 sizes of table 5.3.2-1 in order.
func LiftingSizes() (sizes []int) {
	for z := 2; z <= maxLifting; z++ {
		if liftingSet(z) >= 0 {
			sizes = append(sizes, z)
		}
	}
	return sizes
}

// liftingSet is the set index of a lifting size, -1 if z is none.
func liftingSet(z int) int {
	for i, a := range liftingSets {
		for s := a; s <= maxLifting; s *= 2 {
			if s == z {
				return i
			}
		}
	}
	return -1
}
