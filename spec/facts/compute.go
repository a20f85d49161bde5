package facts

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/comlam/comlam/internal/rng"
	"github.com/comlam/comlam/wireless/nr"
)

// A calculation asks for a number that follows from a fact and shows its working. The
// working is symbols rather than words, so that held-out answers share none with
// training.
type calculation struct {
	name     string
	relation string
	train    []string
	valid    []string
	test     []string
	work     func(c *Collection, s *rng.Stream, f *Fact) (working, bool)
}

// A working is the drawn number for {x}, the worked answer, and the facts it is from.
type working struct {
	x      string
	answer string
	from   []*Fact
}

func (c calculation) templates(p Phrasing) []Template {
	texts := map[Phrasing][]string{Train: c.train, Validation: c.valid, Test: c.test}[p]
	var list []Template
	for i, text := range texts {
		list = append(list, Template{fmt.Sprintf("calculation/%s/%s/%d", c.name, p, i+1), p, text})
	}
	return list
}

// calculate makes one calculation of each kind for about a quarter of its facts.
func (g *Generator) calculate(s *rng.Stream, p Phrasing, e Exposure) []Instruction {
	var list []Instruction
	facts := g.Facts(e)
	for _, calc := range calculations {
		for _, f := range facts {
			if f.Relation != calc.relation || s.IntN(4) != 0 {
				continue
			}
			w, ok := calc.work(g.c, s, f)
			if !ok {
				continue
			}
			t := pick(s, calc.templates(p))
			x := chat("calculation", t.fill(f, "{x}", w.x), w.answer, p, e)
			for _, f := range append([]*Fact{f}, w.from...) {
				x.from(f, t.ID)
			}
			list = append(list, x)
		}
	}
	return list
}

var calculations = []calculation{
	width("band-uplink", "uplink", "sending"), width("band-downlink", "downlink", "receiving"), width("band-range", "frequency range", "both directions"),
	{
		name: "duplex-distance", relation: "band-uplink",
		train: []string{"How far apart do uplink and downlink of {s} begin?", "What is the duplex distance of {s}?", "Compute the duplex spacing of {s}."},
		valid: []string{"Work out how uplink and downlink are separated under {s}."},
		test:  []string{"Subtract both lower edges in {s}, smaller from greater.", "By how many MHz does {s} keep its directions apart?"},
		work: func(c *Collection, _ *rng.Stream, f *Fact) (working, bool) {
			down, ok := c.Find("band-downlink", f.Subject)
			if !ok {
				return working{}, false
			}
			up, _, _ := ends(f)
			low, _, _ := ends(down)
			from, to := min(low, up), max(low, up)
			return working{answer: fmt.Sprintf("%s - %s = %s MHz", number(to), number(from), decimal(to-from)), from: []*Fact{down}}, true
		},
	},
	{
		name: "occupied-bandwidth", relation: "resource-blocks",
		train: []string{"How much spectrum do the resource blocks of {s} occupy?", "Compute the occupied bandwidth with {s}.", "What width do all resource blocks of {s} have together?"},
		valid: []string{"Multiply out the used bandwidth for {s}."},
		test:  []string{"Given {s}, work out how wide the filled part is.", "Add up every subcarrier of {s} in MHz."},
		work: func(_ *Collection, _ *rng.Stream, f *Fact) (working, bool) {
			blocks, _ := f.Number()
			for _, ch := range nr.Channels {
				if subject := fmt.Sprintf("%d MHz at %d kHz in FR%d", ch.BandwidthMHz, ch.SpacingKHz, rangeOf(ch)); subject == f.Subject {
					return working{answer: fmt.Sprintf("%s x %d x %d kHz = %s MHz", number(blocks), nr.SubcarriersPerRB, ch.SpacingKHz, decimal(ch.OccupiedHz()/1e6))}, true
				}
			}
			return working{}, false
		},
	},
	efficiency("mcs-rate", []nr.Table{nr.MCSTable1, nr.MCSTable2, nr.MCSTable3}, subjectMCS),
	efficiency("cqi-rate", []nr.Table{nr.CQITable1, nr.CQITable2, nr.CQITable3}, subjectCQI),
	{
		name: "transport-block-size", relation: "mcs-rate",
		train: []string{"Find the transport block size of {s} on {x} resource blocks, 12 symbols, 12 DM-RS elements each, one layer.", "{s}, {x} resource blocks, 12 symbols, 12 DM-RS elements, one layer: how many bits are sent?"},
		valid: []string{"With one layer, {s} and {x} blocks of 132 elements, what is the TBS?"},
		test:  []string{"Size a transport block: {x} RBs, 132 REs per RB, single layer, {s}.", "Run the TBS procedure for {x} RBs with 132 usable REs at {s}."},
		work:  transportBlock,
	},
	{
		name: "slots-in-time", relation: "slots-per-subframe",
		train: []string{"How many slots pass in {x} ms at {s}?", "Count the slots of {x} ms at {s}.", "At {s}, {x} ms are how many slots?"},
		valid: []string{"Convert {x} ms into slots for {s}."},
		test:  []string{"A timer lasts {x} ms; express that in slots given {s}.", "Turn {x} ms to a slot number under {s}."},
		work: func(_ *Collection, s *rng.Stream, f *Fact) (working, bool) {
			slots, _ := f.Number()
			x := 2 + s.IntN(99)
			return working{x: strconv.Itoa(x), answer: fmt.Sprintf("%d x %s = %s", x, number(slots), number(float64(x)*slots))}, true
		},
	},
	{
		name: "preambles-per-root", relation: "prach-shift",
		train: []string{"How many preambles does one root sequence give under {s}?", "Compute the preambles per root for {s}.", "One root, {s}: how many cyclic shifts are there?"},
		valid: []string{"Divide the sequence by N_CS of {s}."},
		test:  []string{"With {s}, a single Zadoff-Chu root yields which count of preambles?", "Floor L_RA over N_CS, where {s} holds."},
		work: func(_ *Collection, _ *rng.Stream, f *Fact) (working, bool) {
			shift, _ := f.Number()
			length := 839
			if strings.Contains(f.Subject, "short") {
				length = 139
			}
			if shift == 0 {
				return working{}, false
			}
			return working{answer: fmt.Sprintf("floor(%d / %s) = %d", length, number(shift), length/int(shift))}, true
		},
	},
	{
		name: "lost-packets", relation: "qos-error",
		train: []string{"Of {x} packets with {s}, how many may be lost?", "{x} packets are sent with {s}; how many losses are allowed?", "Compute the allowed losses of {x} packets with {s}."},
		valid: []string{"Bound the losses among {x} packets under {s}."},
		test:  []string{"Suppose {x} packets travel under {s}; how large can the missing number be?", "What loss count does {s} tolerate per {x} packets?"},
		work: func(_ *Collection, s *rng.Stream, f *Fact) (working, bool) {
			rate, _ := f.Number()
			x := (1 + float64(s.IntN(9))) * 1e8
			return working{x: number(x), answer: fmt.Sprintf("%s x %s = %s", number(x), f.Value, number(math.Round(x*rate)))}, true
		},
	},
	{
		name: "distinct-values", relation: "size-bits",
		train: []string{"How many different values can {s} take?", "Count the values of {s}.", "Compute how many values {s} has."},
		valid: []string{"Power of two by bits: {s}."},
		test:  []string{"Raise two to the width of {s}.", "How large is the space spanned by {s}?"},
		work: func(_ *Collection, _ *rng.Stream, f *Fact) (working, bool) {
			bits, _ := f.Number()
			if bits > 48 {
				return working{}, false
			}
			return working{answer: fmt.Sprintf("2^%s = %d", f.Value, uint64(1)<<int(bits))}, true
		},
	},
}

// width asks for the width of a band.
func width(relation, noun, use string) calculation {
	return calculation{
		name: relation + "-width", relation: relation,
		train: []string{"How wide is the " + noun + " of {s}?", "Compute the width of the " + noun + " of {s}.", "The " + noun + " of {s} has what width?"},
		valid: []string{"Measure {s} for " + use + " in MHz."},
		test:  []string{"Take upper minus lower edge of {s} for " + use + ".", "How many MHz has {s} for " + use + "?"},
		work: func(_ *Collection, _ *rng.Stream, f *Fact) (working, bool) {
			low, high, ok := ends(f)
			return working{answer: fmt.Sprintf("%s - %s = %s MHz", number(high), number(low), decimal(high-low))}, ok
		},
	}
}

// efficiency asks for modulation order times code rate.
func efficiency(relation string, tables []nr.Table, subject func(nr.Table, nr.MCS) string) calculation {
	return calculation{
		name: relation + "-efficiency", relation: relation,
		train: []string{"What is the spectral efficiency of {s}?", "Compute bits per resource element at {s}.", "How efficient is {s}?"},
		valid: []string{"Multiply rate and modulation order for {s}."},
		test:  []string{"Information bits per RE: work them out under {s}.", "Q_m times R equals how much at {s}?"},
		work: func(_ *Collection, _ *rng.Stream, f *Fact) (working, bool) {
			for _, t := range tables {
				for _, row := range t.Rows {
					if subject(t, row) == f.Subject {
						return working{answer: fmt.Sprintf("%d x %s/1024 = %.4f", row.Modulation, f.Value, row.SpectralEfficiency())}, true
					}
				}
			}
			return working{}, false
		},
	}
}

func transportBlock(_ *Collection, s *rng.Stream, f *Fact) (working, bool) {
	for _, t := range []nr.Table{nr.MCSTable1, nr.MCSTable2, nr.MCSTable3} {
		for _, row := range t.Rows {
			if subjectMCS(t, row) != f.Subject {
				continue
			}
			a := nr.Allocation{NumPRB: 1 + s.IntN(275), NumSymbols: 12, NumDMRS: 12, MCS: row, NumLayers: 1}
			size, err := nr.TransportBlockSize(a)
			info := float64(a.NumRE()) * row.SpectralEfficiency()
			answer := fmt.Sprintf("N_RE = 132 x %d = %d; N_info = %d x %d x %s/1024 = %s; TBS = %d bits", a.NumPRB, a.NumRE(), a.NumRE(), row.Modulation, f.Value, decimal(info), size)
			return working{x: strconv.Itoa(a.NumPRB), answer: answer}, err == nil
		}
	}
	return working{}, false
}

// ends reads a range such as 1920-1980.
func ends(f *Fact) (low, high float64, ok bool) {
	a, b, found := strings.Cut(f.Value, "-")
	low, err1 := strconv.ParseFloat(a, 64)
	high, err2 := strconv.ParseFloat(b, 64)
	return low, high, found && err1 == nil && err2 == nil
}

// decimal writes a number with at most three decimals.
func decimal(x float64) string { return number(math.Round(x*1000) / 1000) }
