package run

import (
	"fmt"

	"github.com/comlam/comlam/eval"
	"github.com/comlam/comlam/metric"
)

// perDocument is in the keys of the stages that keep readings.
const perDocument = "bits of each document"

// readings is how well methods predict the held-out documents.
type readings struct {
	Rows []eval.Row                      `json:"rows"`
	Bits map[string]map[string][]float64 `json:"bits"` // of each document and its end, by source and method
}

// add takes the bits that a method needs for each held-out document of a source, the end
// of the document included; its row is their sum over the bytes of the documents.
func (r *readings) add(task string, s textSource, method, class string, bits []float64) error {
	t, err := s.tally(bits)
	if err != nil {
		return err
	}
	v, err := t.Value(metric.Bootstrap{})
	if err != nil {
		return err
	}
	r.Rows = append(r.Rows, eval.Row{
		Task: task, Condition: s.Title(), Method: method, Class: class,
		Metric: v.Name, Value: v.Value, CI95: v.CI95, N: v.N,
	})
	if r.Bits == nil {
		r.Bits = map[string]map[string][]float64{}
	}
	if r.Bits[s.Title()] == nil {
		r.Bits[s.Title()] = map[string][]float64{}
	}
	r.Bits[s.Title()][method] = bits
	return nil
}

// tally is bits over bytes, document by document.
func (s textSource) tally(bits []float64) (*metric.Tally, error) {
	if len(bits) != len(s.held) {
		return nil, fmt.Errorf("bits of %d documents, %d are held out of %q", len(bits), len(s.held), s.Title())
	}
	t := metric.NewTally(metricBits)
	for i, b := range bits {
		if err := t.Add(uint64(i), b, float64(len(s.held[i]))); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// duel is the model beside the best classical one on the documents of one source.
type duel struct {
	model, best eval.Row
	less        metric.Value // bits a byte of the model less those of the best: paired bootstrap over documents
}

// duels is one for each source that the model and a classical one have read.
func (t *texts) duels(learned, classical *readings) ([]duel, error) {
	var list []duel
	for _, s := range t.sources {
		model, best := lowest(learned.Rows, s.Title(), namePretrained), lowest(classical.Rows, s.Title(), "")
		if model == nil || best == nil {
			continue
		}
		a, err := s.tally(learned.Bits[s.Title()][model.Method])
		if err != nil {
			return nil, err
		}
		b, err := s.tally(classical.Bits[s.Title()][best.Method])
		if err != nil {
			return nil, err
		}
		less, err := metric.Difference(a, b, metric.Bootstrap{})
		if err != nil {
			return nil, err
		}
		list = append(list, duel{*model, *best, less})
	}
	return list, nil
}

// lowest is the row of the fewest bits a byte, of one method or of all.
func lowest(rows []eval.Row, source, method string) (best *eval.Row) {
	for i, r := range rows {
		if r.Condition == source && (method == "" || r.Method == method) && (best == nil || r.Value < best.Value) {
			best = &rows[i]
		}
	}
	return best
}
