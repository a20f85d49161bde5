package bench

import (
	"fmt"
	"math"
	"slices"
)

// Row is one comparison. What was not measured is null.
type Row struct {
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

// Targets of the engine, as ratios.
func specs(z Sizes) []spec {
	list := []spec{
		{what: "GPT training step", row: "gpt", leg: legPyTorch, first: 1, then: 1.2},
		{what: "GPT training step", row: "gpt", leg: legGoMLX, first: 3.5, then: 4.3},
		{what: "GPT step: memory", row: "gpt", limit: 700, part: func(v Value) float64 { return v.PeakMiB }, unit: "MiB", atMost: true, first: 1},
		{what: "GPT step: memory", row: "gpt", leg: legGoMLX, part: func(v Value) float64 { return v.PeakMiB }, unit: "MiB", atMost: true},
		{what: "GPT step: allocations", row: "gpt", limit: 1, part: func(v Value) float64 { return v.AllocsPerStep / 1e6 }, unit: "MB", atMost: true, first: 1},
		{what: "GPT step: garbage collection", row: "gpt", limit: 1, part: func(v Value) float64 { return 100 * v.GCShare }, unit: "%", atMost: true, first: 1},
	}
	small := map[int]float64{256: 0.60, 384: 0.80, 512: 0.75}
	for _, n := range z.SGEMM {
		s := spec{what: fmt.Sprintf("SGEMM %d", n), row: fmt.Sprintf("sgemm%d", n), theirs: "peak", then: small[n]}
		if n >= 1024 {
			s.first, s.then = 0.80, 0.88
		}
		list = append(list, s)
	}
	for _, n := range z.SGEMM {
		list = append(list, spec{what: fmt.Sprintf("SGEMM %d", n), row: fmt.Sprintf("sgemm%d", n), leg: legPyTorch})
	}
	if n := len(z.SGEMM); n > 0 {
		list = append(list, spec{what: fmt.Sprintf("SGEMM %d", z.SGEMM[n-1]), row: fmt.Sprintf("sgemm%d", z.SGEMM[n-1]), leg: legGoMLX})
	}
	for _, n := range z.BF16 {
		s := spec{what: fmt.Sprintf("bf16 product %d", n), row: fmt.Sprintf("bf16_%d", n), theirs: "peak_bf16", first: 0.60, then: 0.75}
		torch := spec{what: s.what, row: s.row, leg: legPyTorch}
		list = append(list, s, torch)
	}
	list = append(list,
		spec{what: "conv2d 3x3, forward + backward", row: "conv2d", leg: legPyTorch, first: 0.8, then: 1},
		spec{what: "chain of 8 operations", row: "chain", theirs: "copy", atMost: true, first: 1.3, then: 1.1},
		spec{what: "chain of 8 operations", row: "chain", leg: legPyTorch},
	)
	for row, name := range rowwise {
		list = append(list, spec{what: name + ", forward + backward", row: row, leg: legPyTorch, first: 1, then: 1.5})
	}
	slices.SortStableFunc(list[len(list)-len(rowwise):], func(a, b spec) int { return compareNames(a.what, b.what) })
	if len(z.Demo) > 0 {
		list = append(list, spec{what: "demo: training stages", row: "demo", leg: legGoMLX, first: 3})
	}
	return list
}

// compute makes the row of what ours and the reference legs have measured.
func (s spec) compute(legs map[string]*LegResult) Row {
	r := Row{What: s.what, Unit: s.unit, AtMost: s.atMost, Target: orNull(s.first), Then: orNull(s.then)}
	ours, there := legs[legOurs].value(s.row)
	if there {
		r.Ours, r.Unit = s.of(ours), orUnit(s.unit, ours.Unit)
	}
	switch {
	case s.leg == "" && s.theirs == "":
		r.Against, r.Reference = "limit", &s.limit
	case s.leg == "":
		r.Against = limits[s.theirs]
		if v, there := legs[legOurs].value(s.theirs); there {
			r.Reference = &v.Value
		}
	default:
		r.Against = s.leg
		if v, there := legs[s.leg].value(s.row); there {
			r.Reference = s.of(v)
			r.Unit = orUnit(s.unit, v.Unit)
		}
	}
	r.Ratio = s.ratio(r.Ours, r.Reference, r.Unit)
	if r.Ratio != nil && r.Target != nil {
		met := *r.Ratio >= s.first
		if s.atMost {
			met = *r.Ratio <= s.first
		}
		r.Met = &met
	}
	if s.leg == legPyTorch {
		if v, there := legs[legCurrent].value(s.row); there {
			r.Current = s.of(v)
			r.CurrentRatio = s.ratio(r.Ours, r.Current, r.Unit)
		}
	}
	return r
}

// limits name what the machine can do.
var limits = map[string]string{"peak": "FMA peak", "peak_bf16": "bf16 peak", "copy": "one read + one write"}

func (s spec) of(v Value) *float64 {
	x := v.Value
	if s.part != nil {
		x = s.part(v)
	}
	return &x
}

// ratio is how many times better ours is, or of costs how many times as large.
func (s spec) ratio(ours, theirs *float64, unit string) *float64 {
	if ours == nil || theirs == nil || *theirs == 0 || (*ours == 0 && !s.atMost) {
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

func orNull(v float64) *float64 {
	if v == 0 {
		return nil
	}
	return &v
}

func orUnit(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

func compareNames(a, b string) int {
	if a < b {
		return -1
	}
	if a > b {
		return 1
	}
	return 0
}
