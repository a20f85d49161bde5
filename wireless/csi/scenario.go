package csi

import (
	"math"
	"slices"
	"strings"

	"github.com/comlam/comlam/internal/rng"
	"github.com/comlam/comlam/internal/setting"
	"github.com/comlam/comlam/wireless/channel"
)

// farthestM is the largest distance of TR 38.901 table 7.4.1-1.
const farthestM = 10e3

func (c Config) isScenario() bool {
	return slices.Contains(channel.Scenarios(), channel.Scenario(c.Channel))
}

// ScenarioDistance is the range of distances of users in a scenario where none is
// configured: from the least distance of its evaluation in TR 38.901 clause 7.2 to
// half of the distance between its sites, or to the length of its hall.
func ScenarioDistance(name string) setting.DistanceRange {
	switch name {
	case "umi":
		return setting.DistanceRange{Min: 10, Max: 100}
	case "uma":
		return setting.DistanceRange{Min: 35, Max: 250}
	case "rma":
		return setting.DistanceRange{Min: 35, Max: 866}
	}
	if strings.HasPrefix(name, "inh") {
		return setting.DistanceRange{Min: 3, Max: 50}
	}
	return setting.DistanceRange{Min: 3, Max: 100}
}

func (c Config) distance() setting.DistanceRange {
	if c.Distance == (setting.DistanceRange{}) {
		return ScenarioDistance(c.Channel)
	}
	return c.Distance
}

func (c Config) checkPlaces() *setting.Error {
	if !c.isScenario() {
		if c.Distance != (setting.DistanceRange{}) {
			return setting.Bad("distance", "use umi, uma, rma or another scenario, or leave it out", "%s has no places", c.Channel)
		}
		if c.IndoorShare != 0 {
			return setting.Bad("indoor_share", "use umi, uma or rma, or leave it out", "%s has no buildings", c.Channel)
		}
		return nil
	}
	if f := float64(c.Carrier); !(f >= 0.5e9 && f <= 100e9) {
		return setting.Bad("carrier", "use 0.5 to 100 GHz with a scenario", "%q is out of range", c.Carrier)
	}
	if d := c.distance(); !(d.Min >= 1 && d.Min <= d.Max && d.Max <= farthestM) {
		return setting.Bad("distance", `use a range within 1 m to 10 km, for example "10 to 150 m"`, "%q is out of range", d)
	}
	if !(c.IndoorShare >= 0 && c.IndoorShare <= 1) {
		return setting.Bad("indoor_share", "use 0 to 1", "%g is out of range", c.IndoorShare)
	}
	if c.IndoorShare > 0 && (strings.HasPrefix(c.Channel, "inh") || strings.HasPrefix(c.Channel, "inf")) {
		return setting.Bad("indoor_share", "leave it out", "all users of %s are indoors with their base station", c.Channel)
	}
	return nil
}

// system builds the channel model of a scenario with the given panels.
func (c Config) system(bs, ue Panel, slots channel.Slots) (*channel.System, error) {
	return channel.NewSystem(channel.SystemConfig{
		Scenario: channel.Scenario(c.Channel), CarrierHz: float64(c.Carrier),
		BS: bs.panel(), UE: ue.panel(), Slots: slots, LowLossShare: 0.5,
	})
}

// drawSystem draws a place and then what the waves do on the way. Every sample is an
// environment of its own. Path loss, shadowing and penetration are not in the taps.
func (c *Config) drawSystem(m *channel.System, drop *channel.Drop, link channel.Link, s *rng.Stream, t *channel.Taps) (*channel.LargeScale, error) {
	drop.Reset(s.Uint64())
	hBS, hUE := m.DefaultHeightM()
	d := c.distance()
	r := math.Sqrt(s.Uniform(d.Min*d.Min, d.Max*d.Max))
	azimuth := s.Uniform(-math.Pi, math.Pi)
	indoors := s.Float64() < c.IndoorShare
	ue := channel.UE{Turn: channel.Orientation{Bearing: link.UEBearing}}
	if !c.RandomRotation {
		azimuth /= 3
	}
	if indoors {
		ue.Place = channel.InBuilding
	}
	sin, cos := math.Sincos(azimuth)
	ue.At = channel.Point{X: r * cos, Y: r * sin, Z: hUE}
	sin, cos = math.Sincos(link.TravelAzimuth)
	ue.Velocity = channel.Point{X: link.SpeedMPS * cos, Y: link.SpeedMPS * sin}
	l, err := drop.LargeScale(channel.BS{At: channel.Point{Z: hBS}, Turn: channel.Orientation{Bearing: link.BSBearing}}, ue)
	if err != nil {
		return nil, err
	}
	return &l, drop.Draw(&l, t)
}

// A scenario has no mean power in closed form: it is measured on this many draws of
// one position of each panel, which depend on the configuration only.
const (
	powerDraws  = 2000
	powerDomain = 0x706f776572 // the letters "power"
)

func (c Config) measuredPower() (float64, error) {
	bs, ue, direction := c.ends()
	for _, p := range []*Panel{&bs, &ue} {
		p.Rows, p.Cols = 1, 1
	}
	m, err := c.system(bs, ue, channel.Slots{Num: 1})
	if err != nil {
		return 0, err
	}
	drop, t := m.NewDrop(0), m.NewTaps()
	h := make([]complex128, bs.numPorts()*ue.numPorts())
	g := &Generator{config: c}
	sum := 0.0
	var s rng.Stream
	for i := range uint64(powerDraws) {
		s.Reset(0, powerDomain, i)
		link := g.drawLink(&s)
		if _, err := c.drawSystem(m, drop, link, &s, t); err != nil {
			return 0, err
		}
		if err := t.CFR(channel.Subcarriers{Num: 1}, direction, h); err != nil {
			return 0, err
		}
		for _, v := range h {
			sum += real(v)*real(v) + imag(v)*imag(v)
		}
	}
	return sum / float64(powerDraws*len(h)), nil
}
