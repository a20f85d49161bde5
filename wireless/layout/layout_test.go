package layout

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/comlam/comlam/internal/rng"
	"github.com/comlam/comlam/wireless/channel"
)

func build(t testing.TB, c Config) *Network {
	t.Helper()
	n, err := c.Build(3)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func small(s channel.Scenario) Config {
	c := Default(s)
	if c.hexagonal() {
		c.Sites = 7
	}
	c.UsersPerCell = 2
	return c
}

func TestHexagons(t *testing.T) {
	for rings, num := range []int{1, 7, 19, 37} {
		sites := hexagons(rings, 500)
		if len(sites) != num || ringsOf(num) != rings {
			t.Fatalf("%d rings make %d sites, want %d", rings, len(sites), num)
		}
		for i, a := range sites {
			for _, b := range sites[:i] {
				if d := a.minus(b).length(); d < 499.999 {
					t.Fatalf("two sites are %g m apart", d)
				}
			}
		}
	}
	if ringsOf(12) != -1 || ringsOf(0) != -1 {
		t.Error("12 or 0 sites make rings")
	}
}

// Wrapped around, every site sees the same network: as many others in the same
// distances and directions.
func TestWrapAroundIsSymmetric(t *testing.T) {
	for _, num := range []int{1, 7, 19} {
		c := small(channel.UMa)
		c.Sites = num
		n := build(t, c)
		view := func(from int) []float64 {
			var all []float64
			for site := range n.sites {
				away := n.nearest(site, n.sites[from]).minus(n.sites[from])
				all = append(all, math.Round(1e6*away.length()))
			}
			slices.Sort(all)
			return all
		}
		for site := range n.sites {
			if !slices.Equal(view(site), view(0)) {
				t.Errorf("%d sites: site %d does not see what the first sees", num, site)
			}
		}
		// The copies tile the plane: a shift is a lattice point of num sites.
		for _, shift := range n.shifts[1:] {
			if got, want := shift.length(), c.SpacingM*math.Sqrt(float64(num)); math.Abs(got-want) > 1e-6 {
				t.Errorf("%d sites repeat after %g m, want %g", num, got, want)
			}
		}
	}
}

// Users live in their cell: the sector's hexagon, which lies around its boresight.
func TestUsersAreInTheirCells(t *testing.T) {
	for _, sectors := range []int{1, 3} {
		c := small(channel.UMi)
		c.Sectors, c.UsersPerCell = sectors, 200
		n := build(t, c)
		var mean plane
		for i := range n.NumUsers() {
			ue, bs := n.User(i, 0), n.Cell(i/c.UsersPerCell)
			at := plane{ue.At.X, ue.At.Y} // maybe on the other side of the network
			away := at.minus(n.nearest(bs.Site, at))
			if d := away.length(); d < c.MinDistanceM || d > 2*c.SpacingM/3+1e-9 {
				t.Fatalf("user %d is %g m from its site", i, d)
			}
			turned := math.Remainder(math.Atan2(away.y, away.x)-bs.Turn.Bearing, 2*math.Pi)
			if sectors == 3 && math.Abs(turned) > math.Pi/3+1e-9 {
				t.Fatalf("user %d is %g rad beside the boresight", i, turned)
			}
			if i < c.UsersPerCell {
				mean = mean.plus(away.times(1 / float64(c.UsersPerCell)))
			}
		}
		want := plane{}
		if sectors == 3 {
			want = polar(c.SpacingM/3, n.bearing(0))
		}
		if miss := mean.minus(want).length(); miss > 0.08*c.SpacingM {
			t.Errorf("%d sectors: users' centre is %g m off", sectors, miss)
		}
	}
}

func TestUsersLiveInBuildings(t *testing.T) {
	c := small(channel.UMa)
	c.UsersPerCell = 300
	n := build(t, c)
	inside, heights := 0.0, map[float64]int{}
	for i := range n.NumUsers() {
		ue := n.User(i, 0)
		if ue.Place == channel.InBuilding {
			inside++
			heights[ue.At.Z]++
		} else if ue.At.Z != 1.5 {
			t.Fatalf("a user outside is %g m high", ue.At.Z)
		}
	}
	if share := inside / float64(n.NumUsers()); math.Abs(share-0.8) > 0.02 {
		t.Errorf("%.3f of users live inside, want 0.8", share)
	}
	if len(heights) != 8 || heights[1.5] < heights[22.5] {
		t.Errorf("floors %v", heights)
	}
	// The ground floor: mean of 1/N over N from 4 to 8 floors.
	want := (1.0/4 + 1.0/5 + 1.0/6 + 1.0/7 + 1.0/8) / 5
	if share := float64(heights[1.5]) / inside; math.Abs(share-want) > 0.02 {
		t.Errorf("%.3f of them on the ground floor, want %.3f", share, want)
	}
}

func TestUsersMove(t *testing.T) {
	for _, s := range []channel.Scenario{channel.UMi, channel.InHOpen} {
		c := small(s)
		c.SpeedMPS = 20
		n := build(t, c)
		for i := range n.NumUsers() {
			last := n.User(i, 0)
			for step := 1; step < 400; step++ {
				now := n.User(i, 0.1*float64(step))
				if c.WrapAround {
					at := plane{now.At.X, now.At.Y}
					if n.wrapped(at) != at || at.length() > 2*c.SpacingM {
						t.Fatalf("user %d has left the network: %v", i, now.At)
					}
				} else if math.Abs(now.At.X) > n.room.x/2 || math.Abs(now.At.Y) > n.room.y/2 {
					t.Fatalf("user %d has left the room: %v", i, now.At)
				}
				way := math.Hypot(now.At.X-last.At.X, now.At.Y-last.At.Y)
				if speed := math.Hypot(now.Velocity.X, now.Velocity.Y); math.Abs(speed-20) > 1e-9 || !c.WrapAround && way > 2.0001 {
					t.Fatalf("user %d goes at %g m/s, %g m a step", i, speed, way)
				}
				last = now
			}
		}
	}
}

func TestReflected(t *testing.T) {
	for _, c := range []struct{ x, want, turned float64 }{
		{0, 0, 1}, {9, 9, 1}, {11, 9, -1}, {29, -9, -1}, {31, -9, 1}, {-11, -9, -1}, {41, 1, 1},
	} {
		if x, v := reflected(c.x, 10, 1); math.Abs(x-c.want) > 1e-12 || v != c.turned {
			t.Errorf("%g is reflected to %g at %g, want %g at %g", c.x, x, v, c.want, c.turned)
		}
	}
}

// The same bits for any number of workers, and what links say.
func TestGeometry(t *testing.T) {
	c := small(channel.UMa)
	n := build(t, c)
	g, err := n.Geometry(0.5, 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, workers := range []int{2, 5} {
		other, err := n.Geometry(0.5, workers)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(g.GainDB, other.GainDB) || !slices.Equal(g.SINRdB, other.SINRdB) || !slices.Equal(g.Serving, other.Serving) {
			t.Errorf("%d workers hear something else", workers)
		}
	}
	drop := n.NewDrop()
	noise := math.Pow(10, (-174+10*math.Log10(20e6)+9-49)/10)
	for user := range g.NumUsers {
		sum, best := noise, math.Inf(-1)
		for cell := range g.NumCells {
			link, err := n.Link(drop, cell, n.User(user, 0.5))
			if err != nil {
				t.Fatal(err)
			}
			gain := drop.MeanGainDB(&link)
			if gain != g.GainDB[user*g.NumCells+cell] {
				t.Fatalf("gain of user %d in cell %d is %g, a link says %g", user, cell, g.GainDB[user*g.NumCells+cell], gain)
			}
			best = max(best, gain)
			sum += math.Pow(10, gain/10)
		}
		own := math.Pow(10, best/10)
		if want := 10 * math.Log10(own/(sum-own)); math.Abs(want-g.SINRdB[user]) > 1e-9 {
			t.Errorf("user %d: SINR %g, want %g", user, g.SINRdB[user], want)
		}
		if g.GeometryDB[user] < g.SINRdB[user] || g.ServingGainDB()[user] != best {
			t.Errorf("user %d: geometry %g below SINR %g", user, g.GeometryDB[user], g.SINRdB[user])
		}
	}
}

// A user seen from the far side of a wrapped network is as near as on this side.
func TestLinkTakesTheNearestCopy(t *testing.T) {
	n := build(t, small(channel.UMi))
	drop := n.NewDrop()
	s := rng.New(1)
	for range 200 {
		ue := channel.UE{At: channel.Point{X: s.Uniform(-250, 250), Y: s.Uniform(-250, 250), Z: 1.5}}
		for cell := range n.NumCells() {
			link, err := n.Link(drop, cell, ue)
			if err != nil {
				continue // nearer than 1 m
			}
			if link.Distance2DM > 200*math.Sqrt(7)/math.Sqrt(3)+1e-9 {
				t.Fatalf("a site is %g m away", link.Distance2DM)
			}
		}
	}
	if _, err := n.Link(drop, 21, channel.UE{}); err == nil || !strings.Contains(err.Error(), "cell 21") {
		t.Errorf("cell 21: %v", err)
	}
}

func TestEveryScenarioHasANetwork(t *testing.T) {
	for _, s := range channel.Scenarios() {
		c := small(s)
		c.UsersPerCell = 1
		g, err := build(t, c).Geometry(0, 2)
		if err != nil {
			t.Errorf("%s: %v", s, err)
			continue
		}
		if median := Quantile(g.SINRdB, 0.5); !(median > -12 && median < 25) {
			t.Errorf("%s: median SINR %g dB", s, median)
		}
	}
}

func TestQuantile(t *testing.T) {
	v := []float64{3, 1, 2, 4}
	for _, c := range [][2]float64{{0, 1}, {1, 4}, {0.5, 2.5}, {-1, 1}, {2, 4}, {1.0 / 3, 2}} {
		if got := Quantile(v, c[0]); math.Abs(got-c[1]) > 1e-12 {
			t.Errorf("quantile %g is %g, want %g", c[0], got, c[1])
		}
	}
	if !math.IsNaN(Quantile(nil, 0.5)) {
		t.Error("nothing has a median")
	}
	x, y := Curve(v, 3)
	if !slices.Equal(x, []float64{1, 2.5, 4}) || !slices.Equal(y, []float64{0, 0.5, 1}) {
		t.Errorf("curve %v, %v", x, y)
	}
}

func TestConfigErrors(t *testing.T) {
	for want, change := range map[string]func(*Config){
		"whole rings":            func(c *Config) { c.Sites = 8 },
		"sectors a site":         func(c *Config) { c.Sectors = 2 },
		"does not wrap":          func(c *Config) { c.Rows, c.Cols = 2, 2 },
		"a grid of":              func(c *Config) { c.Rows, c.Cols, c.WrapAround = 0, 2, false },
		"too many":               func(c *Config) { c.Sites = 1 + 3*59*60 },
		"users a cell":           func(c *Config) { c.UsersPerCell = -1 },
		"spacing":                func(c *Config) { c.SpacingM = math.NaN() },
		"shares of users":        func(c *Config) { c.IndoorShare = 1.5 },
		"smallest distance":      func(c *Config) { c.MinDistanceM = 200 },
		"speed":                  func(c *Config) { c.SpeedMPS = -1 },
		"bandwidth":              func(c *Config) { c.BandwidthHz = 0 },
		`scenario "moon"`:        func(c *Config) { c.Channel.Scenario = "moon" },
		"no buildings or cars":   func(c *Config) { c.Channel.Scenario, c.CarShare = channel.InHOpen, 0.1 },
		"do not fit into a room": func(c *Config) { *c = Default(channel.InHOpen); c.SpacingM = 60 },
		`blockage model "a"`:     func(c *Config) { c.Channel.Blockage = "a" },
		"release 18":             func(c *Config) { c.Channel.Release = 18 },
	} {
		c := Default(channel.UMa)
		change(&c)
		if _, err := c.Build(1); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}
