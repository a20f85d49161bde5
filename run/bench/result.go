package bench

import (
	"cmp"
	"math"
	"slices"
	"strings"
)

// The legs.
const (
	Ours    = "ours"
	PyTorch = "pytorch"
	Current = "current"
	GoMLX   = "gomlx"
)

// LegNames lists the legs.
var LegNames = []string{Ours, PyTorch, Current, GoMLX}

// Titles are what people call the legs.
var Titles = map[string]string{Ours: "ComLAM", PyTorch: "PyTorch", Current: "PyTorch, current", GoMLX: "GoMLX go+SIMD"}

// States of a leg.
const (
	Measured = "measured" // some rows at least
	Absent   = "absent"   // not on this machine, or not asked for
	Failed   = "failed"   // there, but nothing came of it
)

const notAsked = "not asked for"

// LegResult is what a leg is and what it has measured.
type LegResult struct {
	Name  string `json:"leg"`
	State string `json:"state"`
	Why   string `json:"why,omitempty"`  // it is absent or has failed
	Note  string `json:"note,omitempty"` // it is not what it ought to be
	Head

	Configs []Trial           `json:"configs,omitempty"` // where there was a choice
	Values  []Value           `json:"values"`
	Errors  map[string]string `json:"errors,omitempty"` // by row, of those without a value
}

// Trial is a configuration of a leg and what became of it.
type Trial struct {
	Name  string             `json:"name"`
	Speed map[string]float64 `json:"speed,omitempty"` // by group of rows; 1 is the fastest, which was chosen
	Why   []string           `json:"why,omitempty"`   // it does not count, or rows are missing
}

func (l *LegResult) value(row string) (Value, bool) {
	i := slices.IndexFunc(l.Values, func(v Value) bool { return v.Row == row })
	if i < 0 {
		return Value{}, false
	}
	return l.Values[i], true
}

// why says why there is no value of a row.
func (l *LegResult) why(row string) string {
	title := Titles[l.Name]
	switch {
	case l.State == Measured:
		return title + ": " + cmp.Or(l.Errors[row], "not measured")
	case l.Why == notAsked:
		return title + " was " + notAsked
	}
	return title + " is " + l.State
}

// result is what has become of a leg.
func (l *contender) result() LegResult {
	r := LegResult{Name: l.name, State: Measured, Head: l.best.head, Note: l.note, Values: []Value{}, Errors: map[string]string{}}
	for _, row := range l.rows {
		if v, there := l.best.values[row]; there {
			r.Values = append(r.Values, v)
		} else if err := l.best.errs[row]; err != nil {
			r.Errors[row] = err.Error()
		}
	}
	if len(l.configs) > 1 {
		r.Configs = l.tried()
	}
	switch {
	case l.absent != "":
		r.State, r.Why = Absent, l.absent
	case len(r.Values) == 0:
		r.State, r.Why = Failed, l.failure()
	}
	return r
}

// tried is what became of each configuration.
func (l *contender) tried() []Trial {
	var list []Trial
	for _, k := range l.configs {
		t := Trial{Name: k.name, Speed: map[string]float64{}}
		if k.why != "" {
			t.Why = append(t.Why, k.why)
		}
		for _, g := range l.groups() {
			got, tried := k.trials[g.name]
			if !tried {
				continue
			}
			if got.why != "" {
				t.Why = append(t.Why, got.why)
			}
			if i := l.chosen[g.name]; i >= 0 && got.rows == l.configs[i].trials[g.name].rows {
				t.Speed[g.name] = math.Exp(got.speed - l.configs[i].trials[g.name].speed)
			}
		}
		list = append(list, t)
	}
	return list
}

// failure is the first thing that went wrong.
func (l *contender) failure() string {
	for _, row := range l.rows {
		if err := l.best.errs[row]; err != nil {
			return row + ": " + err.Error()
		}
	}
	var all []string
	for _, c := range l.configs {
		all = append(all, strings.TrimPrefix(c.name+": ", ": ")+c.why)
	}
	return strings.Join(slices.Compact(all), "; ")
}
