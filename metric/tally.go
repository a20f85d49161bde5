package metric

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
)

// Drop is what one independent drop adds to a quotient of sums.
type Drop struct {
	ID  uint64  `json:"id"`  // the drop's number in its data set
	Num float64 `json:"num"` // its part of the numerator
	Den float64 `json:"den"` // its part of the denominator
	N   int     `json:"n"`   // samples cut from it
}

// Tally gathers a metric that is a quotient of sums, drop by drop. Make one
// with [NewTally]. It is not safe for concurrent use: let workers return their
// numbers and add them in sample order, so that sums round the same way each
// time.
type Tally struct {
	name  string
	drops []Drop // by ID
}

// NewTally starts an empty tally of the metric with the given exact name.
func NewTally(name string) *Tally {
	return &Tally{name: name}
}

// Name is the exact name of the metric.
func (t *Tally) Name() string { return t.name }

// Add counts one sample of a drop: num joins the numerator, den the
// denominator. Both must be finite and den must not be negative.
func (t *Tally) Add(drop uint64, num, den float64) error {
	if !finite(num) || !finite(den) || den < 0 {
		return fmt.Errorf("metric %q: drop %d gives \"%g / %g\", which is not a quotient of finite sums; "+
			"look for NaN or overflow in the prediction", t.name, drop, num, den)
	}
	d := t.drop(drop)
	d.Num += num
	d.Den += den
	d.N++
	return nil
}

// drop finds a drop or makes room for it. Samples are measured in order, so that it
// is nearly always the last one or the next.
func (t *Tally) drop(id uint64) *Drop {
	i := len(t.drops)
	if i > 0 && t.drops[i-1].ID >= id {
		var known bool
		i, known = slices.BinarySearchFunc(t.drops, id, func(d Drop, id uint64) int { return cmp.Compare(d.ID, id) })
		if known {
			return &t.drops[i]
		}
	}
	t.drops = slices.Insert(t.drops, i, Drop{ID: id})
	return &t.drops[i]
}

// Drops returns a copy of what was gathered, in order of drop ID, so that an
// interval does not depend on the order in which drops were measured.
func (t *Tally) Drops() []Drop { return slices.Clone(t.drops) }

// Value is the quotient of the sums with its bootstrap interval. It fails when
// the tally holds fewer than two drops or the denominator is zero.
func (t *Tally) Value(b Bootstrap) (Value, error) {
	drops := t.Drops()
	if len(drops) < 2 {
		return Value{}, fmt.Errorf("metric %q: %d independent drop(s) give no interval; measure at least 2, better 100",
			t.name, len(drops))
	}
	v := Value{Name: t.name, Value: quotient(drops), N: samples(drops), Drops: len(drops)}
	if !finite(v.Value) {
		return Value{}, fmt.Errorf("metric %q: the reference sums to \"%g\", so the quotient is undefined; "+
			"check that the channel is not all zero", t.name, sum(drops).Den)
	}
	var err error
	v.CI95, err = b.interval(len(drops), func(draw []int) float64 { return drawn(drops, draw) })
	if err != nil {
		return Value{}, fmt.Errorf("metric %q: %w", t.name, err)
	}
	return v, nil
}

// Difference is a minus b, both linear, with the interval of the paired
// bootstrap. Both tallies must hold the same drops with the same number of
// samples in each.
func Difference(a, b *Tally, boot Bootstrap) (Value, error) {
	return paired(a, b, boot, " difference", func(qa, qb float64) float64 { return qa - qb })
}

// DifferenceDB is a minus b in dB, 10 log10(a/b), with the interval of the
// paired bootstrap: negative where a has the smaller error. Both tallies must
// hold the same drops, and neither value may be zero.
func DifferenceDB(a, b *Tally, boot Bootstrap) (Value, error) {
	return paired(a, b, boot, " dB difference", func(qa, qb float64) float64 { return DB(qa) - DB(qb) })
}

func paired(a, b *Tally, boot Bootstrap, suffix string, minus func(qa, qb float64) float64) (Value, error) {
	da, db := a.Drops(), b.Drops()
	if err := samePairs(a.name, da, b.name, db); err != nil {
		return Value{}, err
	}
	v := Value{Name: a.name + suffix, Value: minus(quotient(da), quotient(db)), N: samples(da), Drops: len(da)}
	if !finite(v.Value) {
		return Value{}, fmt.Errorf("metric %q: the difference of \"%g\" and \"%g\" is not finite; "+
			"a perfect or empty result has no dB", a.name, quotient(da), quotient(db))
	}
	var err error
	v.CI95, err = boot.interval(len(da), func(draw []int) float64 { return minus(drawn(da, draw), drawn(db, draw)) })
	if err != nil {
		return Value{}, fmt.Errorf("metric %q: %w", v.Name, err)
	}
	return v, nil
}

// samePairs refuses to compare what was not measured on the same samples.
func samePairs(nameA string, a []Drop, nameB string, b []Drop) error {
	if nameA != nameB {
		return fmt.Errorf("metrics %q and %q cannot be subtracted; compare two methods by one metric", nameA, nameB)
	}
	if len(a) < 2 {
		return fmt.Errorf("metric %q: %d independent drop(s) give no paired interval; measure at least 2", nameA, len(a))
	}
	same := slices.EqualFunc(a, b, func(x, y Drop) bool { return x.ID == y.ID && x.N == y.N })
	if !same {
		return fmt.Errorf("metric %q: the two methods were measured on different samples (%d and %d drops); "+
			"a paired difference needs the same ones", nameA, len(a), len(b))
	}
	return nil
}

func sum(drops []Drop) (s Drop) {
	for _, d := range drops {
		s.Num += d.Num
		s.Den += d.Den
		s.N += d.N
	}
	return s
}

func samples(drops []Drop) int { return sum(drops).N }

func quotient(drops []Drop) float64 {
	s := sum(drops)
	return s.Num / s.Den
}

// drawn is the quotient over the drawn positions.
func drawn(drops []Drop, draw []int) float64 {
	var num, den float64
	for _, i := range draw {
		num += drops[i].Num
		den += drops[i].Den
	}
	return num / den
}

func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }

var errUndefinedDraw = errors.New("a bootstrap draw has no finite value, because some drops have no power or no error " +
	"at all; measure more drops or leave the empty ones out")
