package fec

import (
	"math"

	"github.com/comlam/comlam/backend/kernel"
)

//go:generate go -C ../../backend/kernel/gen run ./check -out ../../../wireless/fec/check_amd64.s -stubs ../../../wireless/fec/check_stub_amd64.go -pkg fec

// variant names the loops that run, those of the engine; tests try the lower ones, too.
var variant = kernel.Variant()

// checkLanes is how many checks a step of a layer handles.
const checkLanes = 16

// A checkLayer is a row of circulants of a quasi-cyclic parity-check matrix: check z
// joins, for each edge, value (z + shift) mod lifting of a column. It is immutable.
//
// Columns lie in one slice, checkStride apart, each followed by a copy of its first
// 16 values: so the values of 16 checks in a row are 16 values in a row.
type checkLayer struct {
	lifting, degree, blocks int
	places                  []int32 // [blocks degree] first value of a step
	wraps                   []int32 // [degree 2] first value of the column; how many are newer in the copy
	need                    int     // values that a slice must have
}

// minSum says how the least magnitude that the others have becomes a message:
// min(max(scale*least - offset, 0), limit).
type minSum struct{ scale, offset, limit float32 }

// checkStride is the distance of columns.
func checkStride(lifting int) int { return (lifting + 2*checkLanes - 1) / checkLanes * checkLanes }

// checkSpread makes the copy behind a column of lifting values.
func checkSpread(column []float32, lifting int) {
	n := min(checkLanes, lifting)
	copy(column[lifting:][:n], column[:n])
}

// newCheckLayer is the layer of the edges with these columns and shifts, at least
// two; columns of a layer differ.
func newCheckLayer(lifting int, columns, shifts []int) *checkLayer {
	l := &checkLayer{lifting: lifting, degree: len(columns), blocks: (lifting + checkLanes - 1) / checkLanes}
	for b := range l.blocks {
		for e, c := range columns {
			l.places = append(l.places, int32(c*checkStride(lifting)+(b*checkLanes+shifts[e])%lifting))
		}
	}
	for e, c := range columns {
		l.need = max(l.need, (c+1)*checkStride(lifting))
		l.wraps = append(l.wraps, int32(c*checkStride(lifting)), int32(l.wrapped(shifts[e])))
	}
	return l
}

// wrapped is how many values of the step that runs over the end of the column lie
// behind it.
func (l *checkLayer) wrapped(shift int) (n int) {
	for b := range l.blocks {
		from := (b*checkLanes + shift) % l.lifting
		n = max(n, from+min(checkLanes, l.lifting-b*checkLanes)-l.lifting)
	}
	return n
}

// messages is the number of messages of the layer.
func (l *checkLayer) messages() int { return l.blocks * l.degree * checkLanes }

// minSum updates the values v and the messages r of the layer: r is what each value
// got from this layer last time, and becomes what it gets now. The bits of the result
// are the same for all variants.
func (l *checkLayer) minSum(v, r []float32, m minSum) {
	_, _ = v[l.need-1], r[l.messages()-1]
	if asmMinSum(l, v, r, m) {
		return
	}
	l.steps(v, r, m, 0)
}

// steps does the blocks from one on, and what is to be done after the last.
func (l *checkLayer) steps(v, r []float32, m minSum, from int) {
	for b := from; b < l.blocks; b++ {
		places, r := l.places[b*l.degree:][:l.degree], r[b*l.degree*checkLanes:]
		for z := range min(checkLanes, l.lifting-b*checkLanes) {
			l.step(v, r, m, places, z)
		}
	}
	l.wrap(v)
}

// wrap makes the copies behind the columns right again.
func (l *checkLayer) wrap(v []float32) {
	for e := 0; e < len(l.wraps); e += 2 {
		column, w := v[l.wraps[e]:], int(l.wraps[e+1])
		copy(column[:w], column[l.lifting:])
		copy(column[l.lifting+w:][:max(0, min(checkLanes, l.lifting)-w)], column[w:])
	}
}

const topBit = 1 << 31

func (l *checkLayer) step(v, r []float32, m minSum, places []int32, z int) {
	least, second, signs := float32(math.Inf(1)), float32(math.Inf(1)), uint32(0)
	for e, p := range places {
		t := v[int(p)+z] - r[e*checkLanes+z]
		r[e*checkLanes+z] = t
		bits := math.Float32bits(t)
		signs ^= bits
		a := math.Float32frombits(bits &^ topBit)
		second = min(second, max(least, a))
		least = min(least, a)
	}
	first, other := m.message(least), m.message(second)
	for e, p := range places {
		t := r[e*checkLanes+z]
		bits := math.Float32bits(t)
		out := first
		if math.Float32frombits(bits&^topBit) == least {
			out = other
		}
		out = math.Float32frombits(math.Float32bits(out) ^ (bits^signs)&topBit)
		r[e*checkLanes+z] = out
		v[int(p)+z] = t + out
	}
}

// message rounds the product before it subtracts, on every processor.
func (m minSum) message(least float32) float32 {
	return min(max(float32(m.scale*least)-m.offset, 0), m.limit)
}

// odd reports whether any check of the layer joins an odd number of negative values.
func (l *checkLayer) odd(v []float32) bool {
	_ = v[l.need-1]
	if odd, ok := asmOdd(l, v); ok {
		return odd
	}
	for b := range l.blocks {
		places := l.places[b*l.degree:][:l.degree]
		for z := range min(checkLanes, l.lifting-b*checkLanes) {
			var signs uint32
			for _, p := range places {
				signs ^= math.Float32bits(v[int(p)+z])
			}
			if signs&topBit != 0 {
				return true
			}
		}
	}
	return false
}
