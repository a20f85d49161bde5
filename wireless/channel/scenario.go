package channel

import (
	"fmt"
	"slices"
	"strings"
)

// Scenario names one of the environments of TR 38.901 clause 7.2, as in recipes.
type Scenario string

// The scenarios: urban micro (street canyon), urban macro, rural macro, indoor hotspot
// (mixed and open office), indoor factory (sparse or dense clutter, low or high BS).
const (
	UMi      Scenario = "umi"
	UMa      Scenario = "uma"
	RMa      Scenario = "rma"
	InHMixed Scenario = "inh-mixed"
	InHOpen  Scenario = "inh-open"
	InFSL    Scenario = "inf-sl"
	InFDL    Scenario = "inf-dl"
	InFSH    Scenario = "inf-sh"
	InFDH    Scenario = "inf-dh"
)

// Scenarios lists all scenarios.
func Scenarios() []Scenario {
	return []Scenario{UMi, UMa, RMa, InHMixed, InHOpen, InFSL, InFDL, InFSH, InFDH}
}

func (s Scenario) validate() error {
	if slices.Contains(Scenarios(), s) {
		return nil
	}
	names := make([]string, 0, len(Scenarios()))
	for _, known := range Scenarios() {
		names = append(names, string(known))
	}
	return fmt.Errorf("scenario %q is not known; use one of %s", string(s), strings.Join(names, ", "))
}

// family is the name that a scenario has in tables 7.4.1-1 (LOS) and 7.5-6.
func (s Scenario) family() string {
	name, _, _ := strings.Cut(string(s), "-")
	return name
}

// outdoor reports whether the BS stands outside, so that users may be in buildings.
func (s Scenario) outdoor() bool { return s == UMi || s == UMa || s == RMa }

func (s Scenario) factory() bool { return s.family() == "inf" }

// Condition is the column of table 7.5-6 that a link follows.
type Condition int

// With line of sight, without, and from outdoor to indoor (of both kinds outside).
const (
	LOS Condition = iota
	NLOS
	O2I

	numConditions
)

func (c Condition) String() string { return [...]string{"LOS", "NLOS", "O2I"}[c] }

// Environment is what a scenario leaves open. Zero fields take the scenario's
// defaults; fields of other scenarios are ignored.
type Environment struct {
	BuildingHeightM float64 // rma: average height h; default 5
	StreetWidthM    float64 // rma: average width W; default 20

	// inh, inf: the room. Defaults are 120 x 50 x 3 m (inh), 120 x 60 x 10 m (inf-sl,
	// inf-dh) and 300 x 150 x 10 m (inf-dl, inf-sh).
	LengthM, WidthM, HeightM float64

	// inf: typical size of clutter, share of the floor that it covers (0 to 1),
	// effective height (table 7.2-4). Defaults are those of table 7.8-7.
	ClutterSizeM, ClutterDensity, ClutterHeightM float64
}

func (e Environment) filled(s Scenario, r *reading, t *release) Environment {
	fill := func(v *float64, otherwise float64) {
		if *v == 0 {
			*v = otherwise
		}
	}
	fill(&e.BuildingHeightM, 5)
	fill(&e.StreetWidthM, 20)
	fill(&e.LengthM, r.at(t.scenario, string(s), "room_length"))
	fill(&e.WidthM, r.at(t.scenario, string(s), "room_width"))
	fill(&e.HeightM, r.at(t.scenario, string(s), "room_height"))
	fill(&e.ClutterSizeM, r.at(t.scenario, string(s), "clutter_size"))
	fill(&e.ClutterDensity, r.at(t.scenario, string(s), "clutter_density"))
	fill(&e.ClutterHeightM, r.at(t.scenario, string(s), "clutter_height"))
	return e
}

func (e Environment) validate(s Scenario) error {
	for _, c := range []struct {
		what   string
		value  float64
		lo, hi float64
		used   bool
	}{
		{"building height", e.BuildingHeightM, 5, 50, s == RMa},
		{"street width", e.StreetWidthM, 5, 50, s == RMa},
		{"room length", e.LengthM, 1, 1e4, !s.outdoor()},
		{"room width", e.WidthM, 1, 1e4, !s.outdoor()},
		{"room height", e.HeightM, 1, 1e3, !s.outdoor()},
		{"clutter size", e.ClutterSizeM, 0.1, 100, s.factory()},
		{"clutter density", e.ClutterDensity, 0.001, 0.999, s.factory()},
		{"clutter height", e.ClutterHeightM, 0.1, 100, s.factory()},
	} {
		if c.used && !(c.value >= c.lo && c.value <= c.hi) {
			return fmt.Errorf("%s %g of %s is out of range; use %g to %g", c.what, c.value, s, c.lo, c.hi)
		}
	}
	return nil
}

// volumeToSurface is V/S of a hall in m, 0 outdoors.
func (e Environment) volumeToSurface() float64 {
	l, w, h := e.LengthM, e.WidthM, e.HeightM
	if l == 0 {
		return 0
	}
	return l * w * h / (2 * (l*w + l*h + w*h))
}

// longestM is the largest dimension of the room.
func (e Environment) longestM() float64 { return max(e.LengthM, e.WidthM, e.HeightM) }
