package layout

import (
	"math"

	"github.com/comlam/comlam/internal/rng"
)

// plane is a place or a way in the horizontal plane, m.
type plane struct{ x, y float64 }

func (a plane) plus(b plane) plane    { return plane{a.x + b.x, a.y + b.y} }
func (a plane) minus(b plane) plane   { return plane{a.x - b.x, a.y - b.y} }
func (a plane) times(f float64) plane { return plane{f * a.x, f * a.y} }
func (a plane) length() float64       { return math.Hypot(a.x, a.y) }
func polar(length, angle float64) plane {
	return plane{length * math.Cos(angle), length * math.Sin(angle)}
}

// The lattice of sites has its neighbours at 30, 90, 150, ... degrees, so that sectors
// that look to 30, 150 and 270 degrees are hexagons too.
const neighbour = math.Pi / 6

// ringsOf returns the number of rings around the first hexagon that num hexagons make,
// -1 if they do not make whole rings.
func ringsOf(num int) int {
	for rings := range 60 {
		if 1+3*rings*(rings+1) == num {
			return rings
		}
	}
	return -1
}

// hexagons returns the centres of whole rings, from the inside out.
func hexagons(rings int, spacing float64) []plane {
	sites := []plane{{}}
	for ring := 1; ring <= rings; ring++ {
		at := polar(float64(ring)*spacing, neighbour)
		for side := range 6 {
			along := polar(spacing, neighbour+float64(side+2)*math.Pi/3)
			for range ring {
				sites = append(sites, at)
				at = at.plus(along)
			}
		}
	}
	return sites
}

// repetitions returns the shift to the network itself and to its six copies that cover
// the plane around it.
func repetitions(rings int, spacing float64) []plane {
	shifts := []plane{{}}
	for side := range 6 {
		turn := neighbour + float64(side)*math.Pi/3
		shifts = append(shifts, polar(float64(rings+1)*spacing, turn).plus(polar(float64(rings)*spacing, turn+math.Pi/3)))
	}
	return shifts
}

// inHexagon draws a point of a hexagon about 0 whose first vertex lies at angle.
func inHexagon(s *rng.Stream, radius, angle float64) plane {
	for {
		p := plane{s.Uniform(-radius, radius), s.Uniform(-radius, radius)}
		inside := true
		for side := range 3 {
			normal := polar(1, angle+math.Pi/6+float64(side)*math.Pi/3)
			inside = inside && math.Abs(p.x*normal.x+p.y*normal.y) <= radius*math.Sqrt(3)/2
		}
		if inside {
			return p
		}
	}
}
