package csi

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/comlam/comlam/internal/setting"
)

func scenario(name string) Config {
	return with(func(c *Config) {
		*c = small(name)
		c.Tx = Panel{Rows: 2, Cols: 2, DualPolarized: true, Spacing: 0.5, Element: "3gpp", DowntiltDeg: 10}
	})
}

// Scenarios are drawn, with mean power 1 within the error of the factor and of the
// samples, and users where they are configured to be.
func TestScenarios(t *testing.T) {
	n := 200
	if testing.Short() {
		n = 50
	}
	if raced {
		n = 15
	}
	for _, s := range []string{"umi", "rma", "inf-dh"} {
		c := scenario(s)
		g := build(t, c)
		h := make([]complex64, g.Shape().Len())
		power, square2, d := 0.0, 0.0, c.distance()
		for i := range n {
			drop := g.Sample(1, uint64(i), h)
			p := 0.0
			for _, v := range h {
				p += square(v) / float64(len(h))
			}
			power, square2 = power+p/float64(n), square2+p*p/float64(n)
			if drop.DistanceM < d.Min || drop.DistanceM > d.Max || drop.PathGainDB > -20 || drop.DelaySpreadS <= 0 {
				t.Fatalf("%s: sample %d is drawn with %+v", s, i, drop)
			}
		}
		deviation := math.Sqrt((square2 - power*power) / float64(n))
		if math.Abs(power-1) > 4*deviation+0.1 {
			t.Errorf("%s: mean power %.3f, want 1 within %.3f", s, power, 4*deviation+0.1)
		}
	}
}

func TestScenarioSamplesDependOnIndexOnly(t *testing.T) {
	g := build(t, scenario("umi"))
	one := collect(t, g, 5, 20, 1)
	many := collect(t, g, 5, 20, 3)
	for i := range one {
		if !slices.Equal(one[i].h, many[i].h) || one[i].d != many[i].d {
			t.Fatalf("sample %d differs", i)
		}
	}
	if !slices.Equal(sample(g, 9, 12), one[7].h) {
		t.Error("a sample alone differs from that of a stream")
	}
	up := scenario("umi")
	up.Tx, up.Rx, up.Direction = up.Rx, up.Tx, "uplink"
	a, b := sample(g, 9, 12), sample(build(t, up), 9, 12)
	if !slices.Equal(a, b) { // one antenna at the user: a row is its own transpose
		t.Error("the uplink is not the transpose of the downlink")
	}
}

func TestScenarioSightAndPlaces(t *testing.T) {
	near, far := scenario("umi"), scenario("umi")
	near.Distance, far.Distance = setting.DistanceRange{Min: 10, Max: 15}, setting.DistanceRange{Min: 500, Max: 600}
	inside := scenario("uma")
	inside.IndoorShare = 1
	users := 100
	if raced {
		users = 20
	}
	los := func(c Config) int {
		g, n := build(t, c), 0
		h := make([]complex64, g.Shape().Len())
		for i := range users {
			if g.Sample(1, uint64(i), h).LOS {
				n++
			}
		}
		return n
	}
	if a, b, c := los(near), los(far), los(inside); a != users || b > users/5 || c != 0 {
		t.Errorf("of %d users %d near, %d far and %d indoors are in sight, want all, some 4 %%, none", users, a, b, c)
	}
	m := (&Generator{config: near}).Meta(1, 0, 3)
	if m.Places == nil || m.Places.Distance != near.Distance || !strings.Contains(m.Standard, "7.5") {
		t.Errorf("description %+v", m)
	}
	for want, c := range map[string]Config{
		"distance: cdl-c has no places":        with(func(c *Config) { c.Distance.Max = 5 }),
		"indoor_share: tdl-a has no buildings": with(func(c *Config) { c.Channel, c.IndoorShare = "tdl-a", 0.5 }),
		`distance: "0 to 5 m" is out of range`: with(func(c *Config) { c.Channel, c.Distance.Max = "uma", 5 }),
		"indoor_share: 2 is out of range":      with(func(c *Config) { c.Channel, c.IndoorShare = "rma", 2 }),
		"indoor_share: all users of inh-open":  with(func(c *Config) { c.Channel, c.IndoorShare = "inh-open", 0.5 }),
		`carrier: "100 MHz" is out of range`:   with(func(c *Config) { c.Channel, c.Carrier = "umi", 100e6 }),
	} {
		if err := c.Validate(); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("error %v, want %s", err, want)
		}
	}
}
