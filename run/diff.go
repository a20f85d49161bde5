package run

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/comlam/comlam/eval"
	"github.com/comlam/comlam/metric"
)

// Change is a setting, a version or another fact that two runs do not share. What
// only one of them has is empty in the other.
type Change struct {
	Key string `json:"key"`
	A   string `json:"a"`
	B   string `json:"b"`
}

// RowPair is one method, measured by one metric at one condition in both runs.
type RowPair struct {
	Condition  string   `json:"condition"`
	Method     string   `json:"method"`
	Metric     string   `json:"metric"`
	A          eval.Row `json:"a"`
	B          eval.Row `json:"b"`
	Paired     bool     `json:"paired"`     // the same test samples
	Difference *float64 `json:"difference"` // B less A: in dB for an NMSE, else in the metric's unit; null where the two cannot be compared
	Why        string   `json:"why"`        // why not, or why they are not the same samples
}

// Diff is what differs between two runs.
type Diff struct {
	A             string    `json:"a"`
	B             string    `json:"b"`
	Recipe        []Change  `json:"recipe"` // task, model, train, tune
	Data          []Change  `json:"data"`   // what the samples are drawn from: data and seed
	Versions      []Change  `json:"versions"`
	Results       []RowPair `json:"results"`
	NotComparable []string  `json:"not_comparable"` // what only one side has, or the two measure otherwise
}

// DiffRuns compares two runs: settings, data, versions, and results row by row.
// Only what was measured by the same metric on the same number of samples, drawn
// from the same channels, is subtracted; of the rest it says why not.
func DiffRuns(a, b *Past) (*Diff, error) {
	d := &Diff{A: a.Dir, B: b.Dir, Recipe: []Change{}, Data: []Change{}, Results: []RowPair{}, NotComparable: []string{}}
	setA, err := a.settings()
	if err != nil {
		return nil, err
	}
	setB, err := b.settings()
	if err != nil {
		return nil, err
	}
	for _, c := range changes(setA, setB) {
		if isData(c.Key) {
			d.Data = append(d.Data, c)
		} else {
			d.Recipe = append(d.Recipe, c)
		}
	}
	d.Versions = changes(a.facts(), b.facts())
	return d, d.results(a, b, append(slices.Clone(d.Recipe), d.Data...))
}

// settings are the resolved settings of a run by dotted key. The demo has two
// recipes, numbered.
func (p *Past) settings() (map[string]string, error) {
	recipes, err := p.recipes()
	if err != nil {
		return nil, err
	}
	all := map[string]string{}
	for i, r := range recipes {
		prefix := ""
		if len(recipes) > 1 {
			prefix = fmt.Sprintf("recipe-%d.", i+1)
		}
		for _, section := range r.sections() {
			n, err := r.node(section)
			if err != nil {
				return nil, err
			}
			if n != nil {
				flatten(prefix+section, n, all)
			}
		}
	}
	return all, nil
}

// flatten collects the values below a node by their dotted keys.
func flatten(key string, n *yaml.Node, into map[string]string) {
	if n.Kind == yaml.MappingNode {
		for i := 0; i+1 < len(n.Content); i += 2 {
			flatten(key+"."+n.Content[i].Value, n.Content[i+1], into)
		}
		return
	}
	if n.Kind == yaml.SequenceNode {
		var parts []string
		for _, item := range n.Content {
			parts = append(parts, item.Value)
		}
		into[key] = "[" + strings.Join(parts, ", ") + "]"
		return
	}
	into[key] = n.Value
}

// facts are kernel and versions.
func (p *Past) facts() map[string]string {
	all := maps.Clone(p.Versions)
	if all == nil {
		all = map[string]string{}
	}
	all["kernel"] = p.Kernel
	return all
}

// changes lists the keys whose values differ, sorted.
func changes(a, b map[string]string) []Change {
	list := []Change{}
	keys := maps.Clone(a)
	maps.Copy(keys, b)
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		if a[key] != b[key] {
			list = append(list, Change{key, a[key], b[key]})
		}
	}
	return list
}

// plainKey drops the number of the demo's recipe.
func plainKey(key string) string {
	if rest, ok := strings.CutPrefix(key, "recipe-"); ok {
		_, key, _ = strings.Cut(rest, ".")
	}
	return key
}

func isData(key string) bool {
	key = plainKey(key)
	return key == "seed" || strings.HasPrefix(key, "data.")
}

// reachesTest says whether a setting changes what the test samples are: not how
// training hides or repeats them, nor the speeds it learns from, since a test
// condition has a speed of its own.
func reachesTest(key string) bool {
	key = plainKey(key)
	switch {
	case key == "data.speed", key == "data.num_examples", strings.HasPrefix(key, "data.mask."):
		return false
	}
	return strings.HasPrefix(key, "data.") || key == "task.past" || key == "task.future" || key == "task.name"
}

// results pairs the rows of two runs.
func (d *Diff) results(a, b *Past, settings []Change) error {
	rowsA, err := d.rowsOf(a)
	if err != nil {
		return err
	}
	rowsB, err := d.rowsOf(b)
	if err != nil || len(rowsA) == 0 || len(rowsB) == 0 {
		return err
	}
	paired := Change{}
	for _, c := range append(settings, d.Versions...) {
		switch {
		case reachesTest(c.Key):
			d.NotComparable = append(d.NotComparable, fmt.Sprintf("all results: %s is %q in a and %q in b, so that they were measured on different channels", c.Key, c.A, c.B))
		case plainKey(c.Key) == "seed", c.Key == "stage version", c.Key == "platform":
			paired = c
		}
	}
	d.pair(rowsA, rowsB, len(d.NotComparable) == 0, paired)
	return nil
}

func (d *Diff) rowsOf(p *Past) ([]eval.Row, error) {
	o, err := p.Outcome()
	if errors.Is(err, fs.ErrNotExist) {
		d.NotComparable = append(d.NotComparable, fmt.Sprintf("all results: run %q is %s and has none", p.Dir, p.Status))
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return o.Rows, nil
}

// pair puts rows of the same condition, method and metric beside each other and
// lists those that have no partner.
func (d *Diff) pair(rowsA, rowsB []eval.Row, sameChannels bool, unpaired Change) {
	for _, a := range rowsA {
		i := slices.IndexFunc(rowsB, func(b eval.Row) bool { return key(a) == key(b) })
		if i < 0 {
			d.alone(a, "a", rowsB)
			continue
		}
		p := RowPair{Condition: a.Condition, Method: a.Method, Metric: a.Metric, A: a, B: rowsB[i]}
		switch {
		case !sameChannels:
			p.Why = "other channels"
		case a.N != p.B.N:
			p.Why = fmt.Sprintf("%d samples in a, %d in b", a.N, p.B.N)
			d.NotComparable = append(d.NotComparable, fmt.Sprintf("%s, %s, %s: %s; measure both on as many", a.Condition, a.Method, a.Metric, p.Why))
		default:
			v := difference(a, p.B)
			p.Difference, p.Paired = &v, unpaired.Key == ""
			if !p.Paired {
				p.Why = "other samples: " + unpaired.Key + " differs"
			}
		}
		d.Results = append(d.Results, p)
	}
	for _, b := range rowsB {
		if !slices.ContainsFunc(rowsA, func(a eval.Row) bool { return key(a) == key(b) }) {
			d.alone(b, "b", rowsA)
		}
	}
}

func key(r eval.Row) [4]string { return [4]string{r.Task, r.Condition, r.Method, r.Metric} }

// alone says why a row of one side has no partner on the other.
func (d *Diff) alone(r eval.Row, side string, others []eval.Row) {
	has := func(same func(o eval.Row) bool) bool { return slices.ContainsFunc(others, same) }
	what := fmt.Sprintf("%s, %s, %s: only in %s", r.Condition, r.Method, r.Metric, side)
	switch {
	case !has(func(o eval.Row) bool { return o.Metric == r.Metric }):
		what = fmt.Sprintf("metric %s: only in %s; metrics of other names have other definitions", r.Metric, side)
	case !has(func(o eval.Row) bool { return o.Condition == r.Condition }):
		what = fmt.Sprintf("condition %q: only in %s", r.Condition, side)
	case !has(func(o eval.Row) bool { return o.Method == r.Method }):
		what = fmt.Sprintf("method %q: only in %s", r.Method, side)
	}
	if !slices.Contains(d.NotComparable, what) {
		d.NotComparable = append(d.NotComparable, what)
	}
}

// difference is B less A.
func difference(a, b eval.Row) float64 {
	if strings.HasPrefix(a.Metric, "nmse/") {
		return metric.DB(b.Value) - metric.DB(a.Value)
	}
	return b.Value - a.Value
}
