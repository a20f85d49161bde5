package facts

import (
	"fmt"
	"hash/fnv"
	"slices"
	"strings"

	"github.com/comlam/comlam/internal/rng"
)

// Exposure says how much a training set tells about a fact.
type Exposure string

// The exposures.
const (
	Tuned  Exposure = "tuned"  // documents, instructions and training questions
	Read   Exposure = "read"   // documents only
	Unseen Exposure = "unseen" // nothing
)

// Exposures lists them.
var Exposures = []Exposure{Tuned, Read, Unseen}

// Config says what a generator makes.
type Config struct {
	Seed   uint64   `yaml:"seed" json:"seed"`
	Tables []string `yaml:"tables" json:"tables"` // only these; all if empty

	Unseen float64 `yaml:"unseen" json:"unseen"` // share of the subjects that nothing is told about, where there may be some
	Read   float64 `yaml:"read" json:"read"`     // share of the other subjects that only documents tell about

	Tellings  int `yaml:"tellings" json:"tellings"`   // times that documents tell a known fact
	Questions int `yaml:"questions" json:"questions"` // times that instructions ask for a tuned fact
	Rounds    int `yaml:"rounds" json:"rounds"`       // times that multiple-choice questions ask for a fact in a set
	Pairs     int `yaml:"pairs" json:"pairs"`         // preference pairs of a fact in a set
}

// Default returns the settings of a small study: a few million characters.
func Default() Config {
	return Config{Seed: 1, Unseen: 0.25, Read: 0.2, Tellings: 32, Questions: 8, Rounds: 2, Pairs: 2}
}

func (c Config) validate(all []string) error {
	for _, t := range c.Tables {
		if !slices.Contains(all, t) {
			return fmt.Errorf("facts: there is no table %q; there are: %s", t, strings.Join(all, ", "))
		}
	}
	if !(c.Unseen >= 0 && c.Unseen <= 0.9) || !(c.Read >= 0 && c.Read <= 0.9) {
		return fmt.Errorf("facts: unseen is %g and read is %g; give shares from 0 to 0.9", c.Unseen, c.Read)
	}
	for name, n := range map[string]int{"tellings": c.Tellings, "questions": c.Questions, "rounds": c.Rounds, "pairs": c.Pairs} {
		if n < 0 || n > 1e6 {
			return fmt.Errorf("facts: %s is %d; give 0 to 1000000", name, n)
		}
	}
	return nil
}

// A Generator makes examples from a collection.
type Generator struct {
	c        *Collection
	config   Config
	facts    []*Fact             // of the chosen tables
	exposure map[string]Exposure // by entity
	listed   map[Exposure][]*Fact
}

// Generator divides the facts.
func (c *Collection) Generator(config Config) (*Generator, error) {
	if err := config.validate(c.Tables()); err != nil {
		return nil, err
	}
	g := &Generator{c: c, config: config, exposure: map[string]Exposure{}}
	for _, table := range c.Tables() {
		if len(config.Tables) == 0 || slices.Contains(config.Tables, table) {
			g.divide(table)
		}
	}
	g.list()
	return g, nil
}

// minUnseen is the least number of subjects to keep back: fewer make no closed group.
const minUnseen = 4

// divide draws the exposure of a table's entities.
func (g *Generator) divide(table string) {
	var entities, eligible []string
	for _, f := range g.c.Facts {
		if f.Table != table {
			continue
		}
		g.facts = append(g.facts, f)
		e := f.Entity()
		if !slices.Contains(entities, e) {
			entities = append(entities, e)
		}
		if f.rel.Unseen && !slices.Contains(eligible, e) {
			eligible = append(eligible, e)
		}
	}
	s := g.stream("divide", table)
	shuffle(s, eligible)
	n := int(g.config.Unseen*float64(len(eligible)) + 0.5)
	if g.config.Unseen > 0 && len(eligible) >= 2*minUnseen {
		n = max(n, minUnseen)
	}
	if n < minUnseen {
		n = 0
	}
	for _, e := range eligible[:n] {
		g.exposure[e] = Unseen
	}
	shuffle(s, entities)
	left := int(g.config.Read*float64(len(entities)-n) + 0.5)
	for _, e := range entities {
		switch {
		case g.exposure[e] != "":
		case left > 0:
			g.exposure[e] = Read
			left--
		default:
			g.exposure[e] = Tuned
		}
	}
}

// Exposure says what the training set tells about a fact; "" of a fact whose table was
// not chosen.
func (g *Generator) Exposure(f *Fact) Exposure { return g.exposure[f.Entity()] }

// Facts lists the facts of an exposure. Facts about an unseen subject whose relation
// would give them away are in no exposure's list.
func (g *Generator) Facts(e Exposure) []*Fact { return slices.Clone(g.listed[e]) }

func (g *Generator) list() {
	g.listed = map[Exposure][]*Fact{}
	for _, f := range g.facts {
		if e := g.Exposure(f); e != Unseen || f.rel.Unseen {
			g.listed[e] = append(g.listed[e], f)
		}
	}
}

// known lists the facts that documents tell.
func (g *Generator) known() []*Fact {
	var list []*Fact
	for _, f := range g.facts {
		if g.Exposure(f) != Unseen {
			list = append(list, f)
		}
	}
	return list
}

// stream is the random stream of a purpose.
func (g *Generator) stream(words ...any) *rng.Stream {
	var path []uint64
	for _, w := range words {
		h := fnv.New64a()
		fmt.Fprint(h, w)
		path = append(path, h.Sum64())
	}
	return rng.New(g.config.Seed, path...)
}

func shuffle[T any](s *rng.Stream, list []T) {
	for i := len(list) - 1; i > 0; i-- {
		j := s.IntN(i + 1)
		list[i], list[j] = list[j], list[i]
	}
}

func pick[T any](s *rng.Stream, list []T) T { return list[s.IntN(len(list))] }

// Provenance says what an example was made from.
type Provenance struct {
	Facts     []string `json:"facts"`
	Templates []string `json:"templates"`
	Clauses   []string `json:"clauses"`
}

// from notes a fact and the template that it was put into.
func (p *Provenance) from(f *Fact, t string) {
	for _, add := range []struct {
		list *[]string
		item string
	}{{&p.Facts, f.ID}, {&p.Templates, t}, {&p.Clauses, f.Clause}} {
		if !slices.Contains(*add.list, add.item) {
			*add.list = append(*add.list, add.item)
		}
	}
}
