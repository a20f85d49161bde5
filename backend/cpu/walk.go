package cpu

// axis is one along which two arrays are walked through at once: n elements, which are x
// apart in the one and y in the other.
type axis struct{ n, x, y int }

// elements is the number of them on axes.
func elements(axes []axis) int {
	n := 1
	for _, a := range axes {
		n *= a.n
	}
	return n
}

// merged drops axes of one element and joins neighbours that are one run in both arrays.
func merged(axes []axis) (all []axis) {
	for _, a := range axes {
		if k := len(all) - 1; a.n == 1 {
			continue
		} else if k >= 0 && all[k].x == a.n*a.x && all[k].y == a.n*a.y {
			all[k] = axis{all[k].n * a.n, a.x, a.y}
		} else {
			all = append(all, a)
		}
	}
	return all
}

// maxRank is the greatest number of axes of an array.
const maxRank = 16

// walk goes through the elements of axes in row-major order.
type walk struct {
	axes []axis
	at   [maxRank]int // indices
	x, y int          // where the element lies
}

// walkFrom begins at element i.
func walkFrom(axes []axis, i int) (w walk) {
	w.axes = axes
	for k := len(axes) - 1; k >= 0; k-- {
		a := &axes[k]
		w.at[k] = i % a.n
		w.x, w.y = w.x+w.at[k]*a.x, w.y+w.at[k]*a.y
		i /= a.n
	}
	return w
}

// run is how many elements follow each other on the last axis from here on, at most
// limit.
func (w *walk) run(limit int) int {
	k := len(w.axes) - 1
	return min(w.axes[k].n-w.at[k], limit)
}

// on goes n elements on, no further than to the end of the run.
func (w *walk) on(n int) {
	for k := len(w.axes) - 1; k >= 0; k-- {
		a := &w.axes[k]
		w.x, w.y = w.x+n*a.x, w.y+n*a.y
		if w.at[k] += n; w.at[k] < a.n {
			return
		}
		w.x, w.y = w.x-a.n*a.x, w.y-a.n*a.y
		w.at[k], n = 0, 1
	}
}
