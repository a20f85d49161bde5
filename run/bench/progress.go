package bench

import (
	"sync"
	"time"
)

// Progress is how far a run is.
type Progress struct {
	What    string  // is being done
	Seconds float64 // so far
	Left    float64 // seconds, as far as it can be told
}

// clock tells progress, and learns from what is done how long the rest takes.
type clock struct {
	tell func(Progress)

	mu      sync.Mutex
	began   time.Time
	what    string
	at      time.Time // the job began
	left    float64   // seconds from then on
	learned map[clockKey]float64
}

// clockKey tells the jobs apart that take differently long.
type clockKey struct {
	leg, group string
	choosing   bool
}

func (j job) key() clockKey { return clockKey{j.leg.name, j.group.name, j.config >= 0} }

// guesses are seconds of a group, before anything is known.
var guesses = map[string]float64{"gpt": 20, "products": 12, "layers": 12, "demo": 25}

// start begins to tell, at once and each second, until stop.
func (c *clock) start() (stop func()) {
	c.began, c.learned = time.Now(), map[clockKey]float64{}
	if c.tell == nil {
		return func() {}
	}
	done := make(chan struct{})
	var wait sync.WaitGroup
	wait.Go(func() {
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				c.show()
			case <-done:
				return
			}
		}
	})
	return func() { close(done); wait.Wait() }
}

// say tells what is being done.
func (c *clock) say(what string) {
	c.mu.Lock()
	c.what = what
	c.mu.Unlock()
	if c.tell != nil {
		c.show()
	}
}

func (c *clock) show() {
	c.mu.Lock()
	defer c.mu.Unlock()
	left := c.left
	if left > 0 {
		left = max(left-time.Since(c.at).Seconds(), 0)
	}
	c.tell(Progress{c.what, time.Since(c.began).Seconds(), left})
}

// expect estimates the jobs that are left; the first of them begins now.
func (c *clock) expect(jobs []job) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at, c.left = time.Now(), 0
	for _, j := range jobs {
		c.left += c.estimate(j.key())
	}
}

func (c *clock) estimate(k clockKey) float64 {
	if s, there := c.learned[k]; there {
		return s
	}
	if s, there := c.learned[clockKey{k.leg, k.group, true}]; there {
		return 2 * s // it was chosen with fewer repeats
	}
	if k.choosing {
		return guesses[k.group] / 2
	}
	return guesses[k.group]
}

func (c *clock) learn(j job, took time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.learned[j.key()] = took.Seconds()
}
