package eval

import (
	"fmt"
	"slices"
	"sync"

	"github.com/comlam/comlam/metric"
)

// meanPower is E|h|^2 of every set, by the convention of package csi.
const meanPower = 1

// Result is what one condition gave. It keeps the sums of every drop, so that
// methods can be compared in pairs.
type Result struct {
	condition Condition
	measured  []measured
}

// measured is one method's metrics.
type measured struct {
	name, class string
	nmse        *metric.NMSE
	se          *metric.SE
}

func newResult[E any](c Condition, methods []Method[E]) (*Result, error) {
	r := &Result{condition: c}
	for _, m := range methods {
		if r.find(m.Name) != nil {
			return nil, fmt.Errorf("%s, %s: two methods are called %q; give each its own name", c.Task, c.Name, m.Name)
		}
		if !slices.Contains([]string{Classical, Learned, Bound, Genie}, m.Class) {
			return nil, fmt.Errorf("%s, %s: method %q has class %q; use one of classical, learned, bound, genie",
				c.Task, c.Name, m.Name, m.Class)
		}
		se, err := metric.NewSE(meanPower)
		if err != nil {
			return nil, err
		}
		r.measured = append(r.measured, measured{m.Name, m.Class, metric.NewNMSE(), se})
	}
	return r, nil
}

func (r *Result) find(method string) *measured {
	for i := range r.measured {
		if r.measured[i].name == method {
			return &r.measured[i]
		}
	}
	return nil
}

// add counts a chunk, method by method and in the order of the examples.
func (r *Result) add(p *predicted) error {
	truth := make([][]complex128, len(p.truth))
	for i, t := range p.truth {
		truth[i] = widen(t.H)
	}
	for m := range r.measured {
		for i, t := range p.truth {
			if err := r.measured[m].add(t, widen(p.out[m][i]), truth[i]); err != nil {
				return fmt.Errorf("method %q, example %d: %w", r.measured[m].name, p.first+i, err)
			}
		}
	}
	return nil
}

func (m *measured) add(t Truth, hHat, h []complex128) error {
	energy, err := metric.Measure(hHat, h)
	if err != nil {
		return err
	}
	if err := m.nmse.Add(t.Drop, energy); err != nil {
		return err
	}
	return m.se.Add(t.Drop, hHat, h, t.NumTxAnt)
}

func widen(h []complex64) []complex128 {
	wide := make([]complex128, len(h))
	for i, v := range h {
		wide[i] = complex128(v)
	}
	return wide
}

// tallies lists the metrics that rows carry, in the order of the table.
func (m *measured) tallies() []*metric.Tally {
	return []*metric.Tally{m.nmse.RatioOfSums, m.nmse.SampleMean, m.se.Mean}
}

// Rows measures every method by every metric, method by method in the order they
// were given to Run.
func (r *Result) Rows() ([]Row, error) {
	values, err := r.values()
	if err != nil {
		return nil, err
	}
	bound := r.bound(values)
	var rows []Row
	for i, m := range r.measured {
		for _, v := range values[i] {
			row := Row{
				Task: r.condition.Task, Condition: r.condition.Name, Method: m.name, Class: m.class,
				Metric: v.Name, Value: v.Value, CI95: v.CI95, N: v.N,
			}
			if v.Name == metric.RatioOfSums && bound != nil {
				row.Bound = new(*bound)
			}
			rows = append(rows, row)
		}
	}
	return rows, nil
}

// values draws the intervals, [method][metric]. Each comes from its own fixed
// seed, so the two workers cannot change them.
func (r *Result) values() ([][]metric.Value, error) {
	values := make([][]metric.Value, len(r.measured))
	errs := make([]error, len(r.measured))
	var workers sync.WaitGroup
	for w := range numWorkers {
		workers.Go(func() {
			for i := w; i < len(r.measured); i += numWorkers {
				values[i], errs[i] = r.measured[i].values()
			}
		})
	}
	workers.Wait()
	for i, err := range errs {
		if err != nil {
			return nil, fmt.Errorf("%s, %s: method %q: %w", r.condition.Task, r.condition.Name, r.measured[i].name, err)
		}
	}
	return values, nil
}

func (m *measured) values() ([]metric.Value, error) {
	var values []metric.Value
	for _, t := range m.tallies() {
		v, err := t.Value(metric.Bootstrap{})
		if err != nil {
			return nil, err
		}
		values = append(values, v)
	}
	return values, nil
}

// bound is nmse/ratio-of-sums of the genie, or of the bound where there is no
// genie; nil without either.
func (r *Result) bound(values [][]metric.Value) *float64 {
	for _, class := range []string{Genie, Bound} {
		for i, m := range r.measured {
			if m.class == class {
				return new(values[i][0].Value)
			}
		}
	}
	return nil
}

// DifferenceDB is the method's value minus the reference's in dB, by the named
// metric, with the interval of the paired bootstrap: negative where the method
// has the smaller error. Positive means more for a spectral efficiency, whose
// dB are 10 log10 of a ratio of rates.
func (r *Result) DifferenceDB(method, reference, metricName string) (metric.Value, error) {
	a, err := r.tally(method, metricName)
	if err != nil {
		return metric.Value{}, err
	}
	b, err := r.tally(reference, metricName)
	if err != nil {
		return metric.Value{}, err
	}
	v, err := metric.DifferenceDB(a, b, metric.Bootstrap{})
	if err != nil {
		return metric.Value{}, fmt.Errorf("%q against %q: %w", method, reference, err)
	}
	return v, nil
}

func (r *Result) tally(method, metricName string) (*metric.Tally, error) {
	m := r.find(method)
	if m == nil {
		return nil, fmt.Errorf("no method %q was measured at %s; use a name of its rows", method, r.condition.Name)
	}
	for _, t := range m.tallies() {
		if t.Name() == metricName {
			return t, nil
		}
	}
	return nil, fmt.Errorf("no metric %q; use one of %q, %q, %q", metricName, metric.RatioOfSums, metric.SampleMean, metric.SEMRT)
}
