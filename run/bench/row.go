package bench

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
)

// Row is one comparison. What was not measured is null, and Why says the reason.
type Row struct {
	Row       string   `json:"row"`
	What      string   `json:"what"`
	Unit      string   `json:"unit"`
	Ours      *float64 `json:"ours"`
	Against   string   `json:"against"` // what the reference is
	Reference *float64 `json:"reference"`
	Ratio     *float64 `json:"ratio"`
	Target    *float64 `json:"target"` // of the ratio, null where there is none
	Then      *float64 `json:"then"`   // what is wanted after that
	AtMost    bool     `json:"at_most"`
	Met       *bool    `json:"met"`
	ThenMet   *bool    `json:"then_met"`
	Why       string   `json:"why,omitempty"`

	// The same against a current release of PyTorch.
	Current      *float64 `json:"current,omitempty"`
	CurrentRatio *float64 `json:"current_ratio,omitempty"`
}

// spec says how a row is made of what legs have measured.
type spec struct {
	what, row   string
	leg, theirs string  // of the reference: its leg and row; leg "" is ours
	limit       float64 // the reference where leg and theirs are ""
	part        func(Value) float64
	unit        string // of the part
	atMost      bool   // the ratio is of costs, and small is good
	first, then float64
}

// specs are the targets of the engine, as ratios.
func specs(z Sizes) []spec {
	peak := func(v Value) float64 { return v.PeakMiB }
	list := []spec{
		{what: "GPT training step", row: "gpt", leg: PyTorch, first: 1, then: 1.2},
		{what: "GPT training step", row: "gpt", leg: GoMLX, first: 3.5, then: 4.3},
		{what: "GPT step: memory", row: "gpt", limit: 700, part: peak, unit: "MiB", atMost: true, first: 1},
		{what: "GPT step: memory", row: "gpt", leg: GoMLX, part: peak, unit: "MiB", atMost: true},
		{what: "GPT step: allocations", row: "gpt", limit: 1, part: func(v Value) float64 { return v.AllocsPerStep / 1e6 }, unit: "MB", atMost: true, first: 1},
		{what: "GPT step: collector's share", row: "gpt", limit: 1, part: func(v Value) float64 { return 100 * v.GCShare }, unit: "%", atMost: true, first: 1},
	}
	list = append(list, productSpecs(z)...)
	list = append(list,
		spec{what: "conv2d 3x3, forward + backward", row: "conv2d", leg: PyTorch, first: 0.8, then: 1},
		spec{what: "chain of 8 operations", row: "chain", theirs: "copy", atMost: true, first: 1.3, then: 1.1},
		spec{what: "chain of 8 operations", row: "chain", leg: PyTorch},
		spec{what: "softmax, forward + backward", row: "softmax", leg: PyTorch, first: 1, then: 1.5},
		spec{what: "layer norm, forward + backward", row: "layernorm", leg: PyTorch, first: 1, then: 1.5},
		spec{what: "gelu, forward + backward", row: "gelu", leg: PyTorch, first: 1, then: 1.5},
	)
	if len(z.Demo) > 0 {
		list = append(list, spec{what: "demo: training stages", row: "demo", leg: GoMLX, first: 3})
	}
	return list
}

// productSpecs are those of matrix products. GoMLX's leg shows its largest one, so
// that nobody can run it crippled unseen.
func productSpecs(z Sizes) []spec {
	var list []spec
	then := map[int]float64{256: 0.60, 384: 0.80, 512: 0.75}
	for _, n := range z.SGEMM {
		s := spec{what: fmt.Sprintf("SGEMM %d", n), row: fmt.Sprintf("sgemm%d", n), theirs: "peak", then: then[n]}
		if n >= 1024 {
			s.first, s.then = 0.80, 0.88
		}
		list = append(list, s)
	}
	for _, n := range z.SGEMM {
		list = append(list, spec{what: fmt.Sprintf("SGEMM %d", n), row: fmt.Sprintf("sgemm%d", n), leg: PyTorch})
	}
	largest := list[len(list)-1]
	largest.leg = GoMLX
	list = append(list, largest)
	for _, n := range z.BF16 {
		s := spec{what: fmt.Sprintf("bf16 product %d", n), row: fmt.Sprintf("bf16_%d", n), theirs: "peak_bf16", first: 0.60, then: 0.75}
		list = append(list, s, spec{what: s.what, row: s.row, leg: PyTorch})
	}
	return list
}

// family is what rows of several sizes have in common: sgemm of sgemm1024.
func (s spec) family() string {
	name, _, _ := strings.Cut(s.row, "_") // bf16 of bf16_1024
	if name != s.row {
		return name
	}
	return strings.TrimRight(s.row, "0123456789")
}

// Names lists the rows that can be asked for.
func Names() []string { return families(specs(full())) }

func families(list []spec) []string {
	var names []string
	for _, s := range list {
		if !slices.Contains(names, s.family()) {
			names = append(names, s.family())
		}
	}
	return names
}

// pick keeps the rows of the given names: a family or one row.
func pick(list []spec, only []string) ([]spec, error) {
	for _, name := range only {
		if !slices.ContainsFunc(list, func(s spec) bool { return s.named(name) }) {
			return nil, fmt.Errorf("there is no row %q of these sizes; use %s, or one size such as sgemm1024", name, strings.Join(families(list), ", "))
		}
	}
	return slices.DeleteFunc(list, func(s spec) bool { return len(only) > 0 && !slices.ContainsFunc(only, s.named) }), nil
}

func (s spec) named(name string) bool { return name == s.row || name == s.family() }

// rowsOf are the rows that a leg has to measure.
func rowsOf(list []spec, leg string) []string {
	var rows []string
	add := func(row string) {
		if row != "" && !slices.Contains(rows, row) {
			rows = append(rows, row)
		}
	}
	for _, s := range list {
		if leg == Ours {
			add(s.theirsHere())
			add(s.row)
		}
		if leg == s.leg || leg == Current && s.leg == PyTorch {
			add(s.row)
		}
	}
	return rows
}

// theirsHere is the row of the reference that our own leg measures.
func (s spec) theirsHere() string {
	if s.leg != "" {
		return ""
	}
	return s.theirs
}

// compute makes the row of what ours and the reference legs have measured.
func (s spec) compute(legs map[string]*LegResult) Row {
	r := Row{Row: s.row, What: s.what, Unit: s.unit, AtMost: s.atMost, Target: orNull(s.first), Then: orNull(s.then)}
	ours, there := legs[Ours].value(s.row)
	if there {
		r.Ours, r.Unit = s.of(ours), cmp.Or(s.unit, ours.Unit)
	} else {
		r.Why = legs[Ours].why(s.row)
	}
	if v, there := s.reference(&r, legs); there {
		r.Reference, r.Unit = s.of(v), cmp.Or(s.unit, v.Unit)
	}
	r.Ratio = s.ratio(r.Ours, r.Reference, r.Unit)
	r.Met, r.ThenMet = s.met(r.Ratio, s.first), s.met(r.Ratio, s.then)
	if strings.HasPrefix(s.theirs, "peak") && r.Ratio != nil && *r.Ratio > 1 {
		r.Met, r.ThenMet, r.Why = nil, nil, "not possible: the limit was measured while others ran"
	}
	if s.leg == PyTorch {
		if v, there := legs[Current].value(s.row); there {
			r.Current = s.of(v)
			r.CurrentRatio = s.ratio(r.Ours, r.Current, r.Unit)
		}
	}
	return r
}

// reference looks up what ours is compared with, and names it in the row.
func (s spec) reference(r *Row, legs map[string]*LegResult) (Value, bool) {
	switch {
	case s.leg == "" && s.theirs == "":
		r.Against, r.Reference = "limit", &s.limit
		return Value{}, false
	case s.leg == "":
		v, there := legs[Ours].value(s.theirs)
		r.Against = cmp.Or(v.Note, machine[s.theirs])
		if !there {
			r.Why = cmp.Or(r.Why, legs[Ours].why(s.theirs))
		}
		return Value{Value: v.Value, Unit: v.Unit, PeakMiB: v.PeakMiB}, there
	}
	r.Against = Titles[s.leg]
	v, there := legs[s.leg].value(s.row)
	if !there {
		r.Why = cmp.Or(r.Why, legs[s.leg].why(s.row))
	}
	return v, there
}

// machine names what the machine can do.
var machine = map[string]string{"peak": "FMA peak", "peak_bf16": "bf16 peak", "copy": "one read + one write"}

func (s spec) of(v Value) *float64 {
	x := v.Value
	if s.part != nil {
		x = s.part(v)
	}
	return &x
}

// ratio is how many times better ours is, or of costs how many times as large.
func (s spec) ratio(ours, theirs *float64, unit string) *float64 {
	if ours == nil || theirs == nil {
		return nil
	}
	r := *ours / *theirs
	if unit == "s" && !s.atMost {
		r = 1 / r
	}
	if math.IsInf(r, 0) || math.IsNaN(r) {
		return nil
	}
	return &r
}

// met compares a ratio with a target, if there are both.
func (s spec) met(ratio *float64, target float64) *bool {
	if ratio == nil || target == 0 {
		return nil
	}
	met := *ratio >= target
	if s.atMost {
		met = *ratio <= target
	}
	return &met
}

func orNull(v float64) *float64 {
	if v == 0 {
		return nil
	}
	return &v
}
