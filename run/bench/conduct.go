package bench

import (
	"cmp"
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"time"
)

// group is a set of rows that one process measures.
type group struct {
	name string
	rows []string
}

// groupOf names the group of a row. The GPT step is alone for the sake of its memory.
func groupOf(row string) string {
	switch {
	case row == "gpt", row == "demo":
		return row
	case strings.HasPrefix(row, "sgemm"), strings.HasPrefix(row, "bf16"), strings.HasPrefix(row, "peak"):
		return "products"
	}
	return "layers"
}

// groupNames in the order in which they are measured.
var groupNames = []string{"gpt", "products", "layers", "demo"}

// config is one way to run a leg.
type config struct {
	program
	name string // empty where there is no choice
	of   string // which of several installations; the first that works is taken
	only string // the one group that it is for
	why  string // it does not count

	trials map[string]trial // by group, where there was a choice
}

// contender is a leg while it is measured.
type contender struct {
	name    string
	rows    []string
	configs []config
	find    func(context.Context) ([]config, error) // where finding takes long
	bring   string                                  // what brings it, if it is absent
	check   func(l *contender, h Head) string       // says why a program is not this leg

	absent, note string
	chosen       map[string]int // configuration by group
	best         measured
}

func newContender(name, bring string, configs ...config) *contender {
	return &contender{name: name, bring: bring, configs: configs, chosen: map[string]int{}, best: newMeasured()}
}

func (l *contender) groups() []group {
	var list []group
	for _, name := range groupNames {
		g := group{name: name}
		for _, row := range l.rows {
			if groupOf(row) == name {
				g.rows = append(g.rows, row)
			}
		}
		if len(g.rows) > 0 {
			list = append(list, g)
		}
	}
	return list
}

// conductor has the legs measured in turn.
type conductor struct {
	sizes  Sizes
	legs   []*contender
	limit  time.Duration // for a process
	rounds int

	finished int // of the rounds
	clock
}

// conduct measures everything.
func (c *conductor) conduct(ctx context.Context) error {
	defer c.start()()
	for _, l := range c.legs {
		c.say("looking for " + Titles[l.name])
		c.look(ctx, l)
	}
	jobs := c.plan()
	for i, j := range jobs {
		if ctx.Err() != nil {
			break
		}
		c.expect(jobs[i:])
		if c.do(ctx, j); j.last && ctx.Err() == nil {
			c.finished++
		}
	}
	return context.Cause(ctx)
}

// look finds out which configurations of a leg begin and compute rightly.
func (c *conductor) look(ctx context.Context, l *contender) {
	if l.find != nil {
		list, err := l.find(ctx)
		if err != nil {
			l.absent = err.Error() + "; " + l.bring
			return
		}
		l.configs = list
	}
	for i := range l.configs {
		l.configs[i].trials = map[string]trial{}
	}
	taken, err := "", errors.New("nothing of it was found")
	for i := range l.configs {
		k := &l.configs[i]
		if taken != "" && k.of != taken {
			continue
		}
		head, failed := c.begins(ctx, l, k.program)
		if failed != nil {
			k.why, err = failed.Error(), failed
			continue
		}
		if l.best.head.Version == "" {
			l.best.head = head
		}
		taken = k.of
	}
	if taken != "" {
		l.configs = slices.DeleteFunc(l.configs, func(k config) bool { return k.of != taken })
	}
	if !slices.ContainsFunc(l.configs, func(k config) bool { return k.why == "" }) {
		l.absent = strings.TrimSuffix(err.Error()+"; "+l.bring, "; ")
	}
}

// begins runs a program on no rows: it says what it is and checks itself.
func (c *conductor) begins(ctx context.Context, l *contender, p program) (Head, error) {
	z := c.sizes
	z.Rows = []string{}
	m, err := p.once(ctx, z, c.limit)
	switch {
	case err != nil:
		return m.head, err
	case m.head.Wrong != "":
		return m.head, errors.New("it computes wrongly: " + m.head.Wrong)
	}
	if why := l.check(l, m.head); why != "" {
		return m.head, errors.New(why)
	}
	return m.head, nil
}

// job is one process: a configuration of a leg does a group of rows.
type job struct {
	leg    *contender
	group  group
	config int  // -1 is the chosen one
	last   bool // of its round
}

// plan lists the jobs: first the choice of a configuration where there is one, with two
// tries each, for what else happens on the machine; then the rounds, in which every leg
// does a group before any does the next.
func (c *conductor) plan() []job {
	var jobs []job
	each := func(add func(l *contender, g group)) {
		for _, name := range groupNames {
			for _, l := range c.legs {
				for _, g := range l.groups() {
					if g.name == name && l.absent == "" {
						add(l, g)
					}
				}
			}
		}
	}
	each(func(l *contender, g group) {
		able := l.able(g)
		l.chosen[g.name] = -1
		if len(able) == 1 {
			l.chosen[g.name] = able[0]
			return
		}
		for _, i := range append(able, able...) {
			jobs = append(jobs, job{leg: l, group: g, config: i})
		}
	})
	for range c.rounds {
		each(func(l *contender, g group) { jobs = append(jobs, job{leg: l, group: g, config: -1}) })
		if n := len(jobs); n > 0 {
			jobs[n-1].last = true
		}
	}
	return jobs
}

// able lists the configurations that can do a group.
func (l *contender) able(g group) []int {
	var list []int
	for i, k := range l.configs {
		if k.why == "" && (k.only == "" || k.only == g.name) {
			list = append(list, i)
		}
	}
	return list
}

func (c *conductor) do(ctx context.Context, j job) {
	began := time.Now()
	if j.config < 0 {
		c.measure(ctx, j)
	} else {
		c.try(ctx, j)
	}
	c.learn(j, time.Since(began))
}

// measure does a group in the chosen configuration.
func (c *conductor) measure(ctx context.Context, j job) {
	l, chosen := j.leg, j.leg.chosen[j.group.name]
	if chosen < 0 {
		return // none of them finished; the reason is there
	}
	k := l.configs[chosen]
	c.say(strings.TrimSuffix(j.group.name+" on "+Titles[l.name]+", "+k.name, ", "))
	z := c.sizes
	z.Rows = j.group.rows
	m, err := k.measure(ctx, z, c.limit)
	l.keep(m, k.name, j.group, err)
}

// keep takes over what a configuration has measured.
func (l *contender) keep(m measured, name string, g group, err error) {
	for row, v := range m.values {
		v.Config = name
		m.values[row] = v
	}
	for _, row := range g.rows {
		if err != nil && m.errs[row] == nil {
			m.errs[row] = err
		}
	}
	l.best.merge(m)
}

// try does a group briefly in one configuration, and chooses it if it is the fastest
// so far. One that takes three times as long as another is not waited for, and one that
// was far behind is not tried again.
func (c *conductor) try(ctx context.Context, j job) {
	l, k, group := j.leg, &j.leg.configs[j.config], j.group.name
	limit, best := c.limit, trial{}
	for _, other := range l.configs {
		if t := other.trials[group]; t.rows > 0 {
			limit = min(limit, time.Duration((3*t.seconds+20)*float64(time.Second)))
			if best.rows == 0 || t.beats(best) {
				best = t
			}
		}
	}
	had, again := k.trials[group]
	if again && (had.rows < best.rows || had.rows == 0 || had.speed < best.speed-closeBehind) {
		return
	}
	c.say("choosing: " + group + " on " + Titles[l.name] + ", " + k.name)
	z := c.sizes
	z.Rows, z.Repeats, z.Least, z.Most = j.group.rows, min(z.Repeats, 2), min(z.Least, 0.1), min(z.Most, 2)
	began := time.Now()
	m, err := k.measure(ctx, z, limit)
	t := m.judge(j.group, err)
	t.seconds = time.Since(began).Seconds()
	if again && !t.beats(had) {
		return
	}
	k.trials[group] = t
	if t.rows == 0 {
		l.keep(measured{errs: m.errs}, k.name, j.group, err)
		return
	}
	if i := l.chosen[group]; i < 0 || t.beats(l.configs[i].trials[group]) {
		l.chosen[group], l.best.head = j.config, m.head
	}
}

// closeBehind is the logarithm of how much slower a configuration may be to be tried
// again.
const closeBehind = 0.3

// trial is what became of a group in one configuration.
type trial struct {
	rows    int     // that came out
	speed   float64 // their mean logarithm
	seconds float64 // that it took
	why     string  // rows are missing
}

func (t trial) beats(o trial) bool { return t.rows > o.rows || t.rows == o.rows && t.speed > o.speed }

// judge says how fast the rows of a group are.
func (m measured) judge(g group, err error) trial {
	var t trial
	for _, row := range g.rows {
		v, there := m.values[row]
		if !there {
			if e := cmp.Or(m.errs[row], err); e != nil {
				t.why = row + ": " + e.Error()
			}
			continue
		}
		if v.Unit == "s" {
			v.Value = 1 / v.Value
		}
		t.rows++
		t.speed += math.Log(v.Value)
	}
	t.speed /= float64(max(t.rows, 1))
	return t
}
