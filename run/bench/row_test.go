package bench

import (
	"fmt"
	"testing"
)

// TestRatios: of rates, times, costs and limits, with what they say of the targets.
func TestRatios(t *testing.T) {
	legs := func(ours, theirs Value) map[string]*LegResult {
		ours.Row, theirs.Row = "x", "x"
		peak := theirs
		peak.Row = "peak"
		copied := theirs
		copied.Row = "copy"
		return map[string]*LegResult{
			Ours:    {Name: Ours, State: Measured, Values: []Value{ours, peak, copied}},
			PyTorch: {Name: PyTorch, State: Measured, Values: []Value{theirs}},
			Current: {Name: Current, State: Measured, Values: []Value{theirs}},
		}
	}
	rate := func(v float64) Value { return Value{Value: v, Unit: "tok/s", PeakMiB: v} }
	seconds := func(v float64) Value { return Value{Value: v, Unit: "s"} }
	mib := func(v Value) float64 { return v.PeakMiB }
	for _, c := range []struct {
		spec         spec
		ours, theirs Value
		want         string // ratio, met, then met, current ratio
	}{
		{spec{leg: PyTorch, first: 1, then: 1.2}, rate(110), rate(100), "1.10 true false 1.10"},
		{spec{leg: PyTorch, first: 1, then: 1.2}, seconds(1), seconds(1.5), "1.50 true true 1.50"},
		{spec{leg: PyTorch, first: 1}, seconds(2), seconds(1), "0.50 false - 0.50"},
		{spec{theirs: "peak", then: 0.75}, rate(80), rate(100), "0.80 - true -"},
		{spec{theirs: "peak", first: 0.8, then: 0.88}, rate(137), rate(100), "1.37 - - -"}, // nothing is faster than the limit
		{spec{theirs: "copy", atMost: true, first: 1.3, then: 1.1}, seconds(1.2), seconds(1), "1.20 true false -"},
		{spec{limit: 700, part: mib, unit: "MiB", atMost: true, first: 1}, rate(350), rate(1), "0.50 true - -"},
		{spec{limit: 700, part: mib, unit: "MiB", atMost: true, first: 1}, rate(0), rate(1), "0.00 true - -"},
		{spec{leg: GoMLX, first: 3}, rate(1), rate(1), "- - - -"},
	} {
		c.spec.row = "x"
		all := legs(c.ours, c.theirs)
		all[GoMLX] = &LegResult{Name: GoMLX, State: Absent}
		r := c.spec.compute(all)
		got := fmt.Sprintf("%s %s %s %s", orDash("%.2f", r.Ratio), orDash("%v", r.Met), orDash("%v", r.ThenMet), orDash("%.2f", r.CurrentRatio))
		if got != c.want || (r.Ratio == nil || c.ours.Value == 137) != (r.Why != "") {
			t.Errorf("%+v: %s, %q; want %s", c.spec, got, r.Why, c.want)
		}
	}
}

func orDash[T any](format string, v *T) string {
	if v == nil {
		return "-"
	}
	return fmt.Sprintf(format, *v)
}

// TestTargets are those that were agreed on.
func TestTargets(t *testing.T) {
	got := map[string]string{}
	for _, s := range specs(full()) {
		if s.first > 0 || s.then > 0 {
			got[s.row+" "+s.leg+s.theirs+s.unit] = fmt.Sprint(s.first, s.then, s.limit)
		}
	}
	for row, want := range map[string]string{
		"gpt pytorch": "1 1.2 0", "gpt gomlx": "3.5 4.3 0", "gpt MiB": "1 0 700", "gpt MB": "1 0 1", "gpt %": "1 0 1",
		"sgemm256 peak": "0 0.6 0", "sgemm384 peak": "0 0.8 0", "sgemm512 peak": "0 0.75 0", "sgemm1024 peak": "0.8 0.88 0", "sgemm2048 peak": "0.8 0.88 0",
		"bf16_1024 peak_bf16": "0.6 0.75 0", "bf16_2048 peak_bf16": "0.6 0.75 0", "conv2d pytorch": "0.8 1 0", "chain copy": "1.3 1.1 0",
		"softmax pytorch": "1 1.5 0", "layernorm pytorch": "1 1.5 0", "gelu pytorch": "1 1.5 0", "demo gomlx": "3 0 0",
	} {
		if got[row] != want {
			t.Errorf("%s: %q, want %q", row, got[row], want)
		}
		delete(got, row)
	}
	if len(got) > 0 {
		t.Errorf("and there are %v", got)
	}
}
