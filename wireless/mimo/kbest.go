package mimo

import (
	"fmt"

	"github.com/comlam/comlam/wireless/mapping"
)

// A KBest detector keeps the k nearest paths of each stream but the last, for which all
// symbols are looked at (Z. Guo and P. Nilsson, IEEE JSAC 24, 2006, with sorted QR
// decomposition). Where k is the number of all paths it is ML. A bit of which all paths
// have the same value has a soft bit of 20.
//
// A stream costs k M squared distances and the search for the least k of them.
type KBest struct {
	*tree
	k          int
	paths      []float64 // squared distances; rest and labels lie at the same place
	next       []float64
	rest, made []complex128 // [k S] of paths and of next
	labels     []int        // [k S] of paths
	named      []int        // of next
	heap       []child
}

// A child is a path with one symbol more.
type child struct {
	distance float64
	at       int // parent * M + label
}

// worse orders children: what is farther, then what comes later, goes first.
func (c child) worse(o child) bool {
	return c.distance > o.distance || c.distance == o.distance && c.at > o.at
}

// NewKBest returns a workspace: one a goroutine.
func NewKBest(k int, c Config) (*KBest, error) {
	if k < 1 || k > maxPaths {
		return nil, fmt.Errorf("detector: kbest with %d paths; use 1 to %d", k, maxPaths)
	}
	t, err := newTree(c, true)
	if err != nil {
		return nil, err
	}
	most := 1
	for range c.NumStreams - 1 {
		if most *= len(t.points); most >= k {
			most = k
			break
		}
	}
	s := c.NumStreams
	return &KBest{tree: t, k: most, rest: make([]complex128, most*s), made: make([]complex128, most*s),
		labels: make([]int, most*s), named: make([]int, most*s), heap: make([]child, 0, most),
		paths: make([]float64, 0, most), next: make([]float64, 0, most)}, nil
}

// Detect implements Detector.
func (d *KBest) Detect(llrs []float32, h, y []complex128, n0 []float64) error {
	count, err := d.batch(llrs, h, y, n0)
	if err != nil {
		return err
	}
	r, s := d.NumRx, d.NumStreams
	for b := range count {
		d.begin(h[b*r*s:][:r*s], y[b*r:][:r], variance(n0, b))
		d.paths = append(d.paths[:0], 0)
		for i := range s {
			d.rest[i] = d.received(i)
		}
		for i := s - 1; i > 0; i-- {
			d.choose(i)
			d.extend(i)
		}
		d.leaves()
		d.finish(llrs[b*s*d.qm:][:s*d.qm])
	}
	return nil
}

// choose puts the nearest k children of all paths by a symbol of stream i on the heap.
func (d *KBest) choose(i int) {
	d.heap = d.heap[:0]
	m := len(d.points)
	for p, parent := range d.paths {
		rest, gain := d.rest[p*d.NumStreams+i], d.r(i, i)
		for label, point := range d.points {
			c := child{parent + square(rest-gain*point), p*m + label}
			if len(d.heap) < d.k {
				d.heap = append(d.heap, c)
				d.up(len(d.heap) - 1)
			} else if d.heap[0].worse(c) {
				d.heap[0] = c
				d.down(0)
			}
		}
	}
}

func (d *KBest) up(i int) {
	for i > 0 && d.heap[i].worse(d.heap[(i-1)/2]) {
		d.heap[i], d.heap[(i-1)/2] = d.heap[(i-1)/2], d.heap[i]
		i = (i - 1) / 2
	}
}

func (d *KBest) down(i int) {
	for {
		c := 2*i + 1
		if c >= len(d.heap) {
			return
		}
		if c+1 < len(d.heap) && d.heap[c+1].worse(d.heap[c]) {
			c++
		}
		if !d.heap[c].worse(d.heap[i]) {
			return
		}
		d.heap[i], d.heap[c] = d.heap[c], d.heap[i]
		i = c
	}
}

// extend makes the children the paths.
func (d *KBest) extend(i int) {
	s, m := d.NumStreams, len(d.points)
	d.next = d.next[:0]
	for n, c := range d.heap {
		parent, label := c.at/m, c.at%m
		d.next = append(d.next, c.distance)
		copy(d.named[n*s:][:s], d.labels[parent*s:][:s])
		d.named[n*s+i] = label
		for j := range i {
			d.made[n*s+j] = d.rest[parent*s+j] - d.r(j, i)*d.points[label]
		}
	}
	d.paths, d.next = d.next, d.paths
	d.rest, d.made = d.made, d.rest
	d.labels, d.named = d.named, d.labels
}

// leaves looks at all symbols of the last stream.
func (d *KBest) leaves() {
	s := d.NumStreams
	for p, one := range d.paths {
		least := d.leaf(one, d.rest[p*s])
		for i := 1; i < s; i++ {
			d.seen(i, d.labels[p*s+i], least)
		}
	}
	if d.Rule != mapping.Exact {
		return
	}
	for p, one := range d.paths {
		sum := d.leafSum(one, d.rest[p*s])
		for i := 1; i < s; i++ {
			d.summed(i, d.labels[p*s+i], sum)
		}
	}
}
