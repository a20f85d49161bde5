package tokenizer

// A binary heap, the least element first. container/heap calls through an interface,
// which doubles the time of encoding a long piece.
type ordered[T any] interface{ compare(T) int }

func heapify[T ordered[T]](q []T) {
	for i := len(q)/2 - 1; i >= 0; i-- {
		sink(q, i)
	}
}

func push[T ordered[T]](q []T, x T) []T {
	q = append(q, x)
	i := len(q) - 1
	for i > 0 {
		up := (i - 1) / 2
		if x.compare(q[up]) >= 0 {
			break
		}
		q[i] = q[up]
		i = up
	}
	q[i] = x
	return q
}

func pop[T ordered[T]](q []T) (T, []T) {
	least := q[0]
	last := len(q) - 1
	q[0] = q[last]
	q = q[:last]
	if last > 1 {
		sink(q, 0)
	}
	return least, q
}

func sink[T ordered[T]](q []T, i int) {
	x := q[i]
	for {
		down := 2*i + 1
		if down >= len(q) {
			break
		}
		if r := down + 1; r < len(q) && q[r].compare(q[down]) < 0 {
			down = r
		}
		if x.compare(q[down]) <= 0 {
			break
		}
		q[i] = q[down]
		i = down
	}
	q[i] = x
}
