package run

import (
	"fmt"
	"strings"
)

// choices says what could have been written: the nearest name, if one is near,
// and all of them.
func choices(what, wrote string, names []string) string {
	list := fmt.Sprintf("%s: %s", what, strings.Join(names, ", "))
	if name := nearest(wrote, names); name != "" {
		return fmt.Sprintf("did you mean %q? %s", name, list)
	}
	return list
}

// nearest returns the name that was probably meant, or "" if none is close: the
// one with the fewest edits, at most a third of the letters, or else one that
// begins or ends with what was written.
func nearest(wrote string, names []string) string {
	if len(wrote) > 64 {
		return "" // no name is that long
	}
	best, fewest := "", max(1, len([]rune(wrote))/3)+1
	for _, name := range names {
		if d := edits(wrote, name); d < fewest {
			best, fewest = name, d
		}
	}
	if best != "" || len(wrote) < 3 {
		return best
	}
	for _, name := range names {
		if strings.HasPrefix(name, wrote) || strings.HasSuffix(name, "/"+wrote) {
			return name
		}
	}
	return ""
}

// edits is how many letters to insert, delete, replace or swap with their
// neighbour to turn a into b (the optimal string alignment distance).
func edits(a, b string) int {
	from, to := []rune(strings.ToLower(a)), []rune(strings.ToLower(b))
	rows := make([][]int, len(from)+1) // rows[i][j]: from[:i] to to[:j]
	for i := range rows {
		rows[i] = make([]int, len(to)+1)
		rows[i][0] = i
	}
	for j := range to {
		rows[0][j+1] = j + 1
	}
	for i, x := range from {
		for j, y := range to {
			d := min(rows[i][j+1], rows[i+1][j]) + 1
			if x == y {
				d = rows[i][j]
			}
			d = min(d, rows[i][j]+1)
			if i > 0 && j > 0 && x == to[j-1] && y == from[i-1] {
				d = min(d, rows[i-1][j-1]+1)
			}
			rows[i+1][j+1] = d
		}
	}
	return rows[len(from)][len(to)]
}
