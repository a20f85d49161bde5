package layout

import (
	"fmt"
	"math"

	"github.com/comlam/comlam/internal/rng"
	"github.com/comlam/comlam/wireless/channel"
)

// layoutDomain keeps the draws of places apart from others of the same seed: "lay".
const layoutDomain = 0x6c6179

// Network is a Config with its base stations and users in place. It is immutable.
type Network struct {
	config Config
	seed   uint64
	system *channel.System
	cells  []channel.BS
	users  []channel.UE
	sites  []plane
	shifts []plane // to the network itself and, wrapped around, to its copies
	room   plane   // length and width of a room
}

// Build checks c and places everybody. The seed also names the random environment of
// NewDrop.
func (c Config) Build(seed uint64) (*Network, error) {
	system, err := channel.NewSystem(c.Channel)
	if err != nil {
		return nil, err
	}
	if err := c.validate(); err != nil {
		return nil, err
	}
	c.Channel = system.Config()
	n := &Network{config: c, seed: seed, system: system, shifts: []plane{{}}}
	if c.hexagonal() {
		n.sites = hexagons(ringsOf(c.Sites), c.SpacingM)
	} else if err := n.furnish(); err != nil {
		return nil, err
	}
	if c.WrapAround {
		n.shifts = repetitions(ringsOf(c.Sites), c.SpacingM)
	}
	for site, at := range n.sites {
		for sector := range c.Sectors {
			n.cells = append(n.cells, channel.BS{
				Site: site, At: channel.Point{X: at.x, Y: at.y, Z: c.BSHeightM},
				Turn: channel.Orientation{Bearing: n.bearing(sector)},
			})
		}
	}
	for user := range c.UsersPerCell * len(n.cells) {
		n.users = append(n.users, n.place(user))
	}
	return n, nil
}

// furnish hangs base stations into a room about the origin.
func (n *Network) furnish() error {
	c := n.config
	n.room = plane{c.Channel.Environment.LengthM, c.Channel.Environment.WidthM}
	long, wide := float64(c.Cols-1)*c.SpacingM, float64(c.Rows-1)*c.SpacingM
	if long >= n.room.x || wide >= n.room.y {
		return fmt.Errorf("%d x %d base stations %g m apart do not fit into a room of %g x %g m; use a smaller spacing",
			c.Rows, c.Cols, c.SpacingM, n.room.x, n.room.y)
	}
	for row := range c.Rows {
		for col := range c.Cols {
			n.sites = append(n.sites, plane{float64(col)*c.SpacingM - long/2, float64(row)*c.SpacingM - wide/2})
		}
	}
	return nil
}

// bearing is where a sector looks: 30, 150 and 270 degrees.
func (n *Network) bearing(sector int) float64 {
	if n.config.Sectors == 1 {
		return 0
	}
	return neighbour + float64(sector)*2*math.Pi/3
}

// place draws a user of the cell user/UsersPerCell, of the whole room indoors.
func (n *Network) place(user int) channel.UE {
	c := n.config
	s := rng.New(n.seed, layoutDomain, uint64(user))
	at := n.placeIn(s, user/c.UsersPerCell)
	for n.tooNear(at) {
		at = n.placeIn(s, user/c.UsersPerCell)
	}
	travel, turn, where := s.Uniform(-math.Pi, math.Pi), s.Uniform(-math.Pi, math.Pi), s.Float64()
	way := polar(c.SpeedMPS, travel)
	ue := channel.UE{
		ID: uint64(user), At: channel.Point{X: at.x, Y: at.y, Z: c.UserHeightM},
		Velocity: channel.Point{X: way.x, Y: way.y},
	}
	if c.TurnUsers {
		ue.Turn.Bearing = turn
	}
	switch {
	case where < c.IndoorShare:
		ue.Place = channel.InBuilding
		if c.Channel.Scenario != channel.RMa {
			floors := 4 + s.IntN(5)
			ue.At.Z += 3 * float64(s.IntN(floors))
		}
	case where < c.IndoorShare+c.CarShare:
		ue.Place = channel.InCar
	}
	return ue
}

func (n *Network) placeIn(s *rng.Stream, cell int) plane {
	c := n.config
	switch site := n.sites[cell/c.Sectors]; {
	case !c.hexagonal():
		return plane{s.Uniform(-n.room.x/2, n.room.x/2), s.Uniform(-n.room.y/2, n.room.y/2)}
	case c.Sectors == 1:
		return site.plus(inHexagon(s, c.SpacingM/math.Sqrt(3), 0))
	default:
		bearing := n.bearing(cell % c.Sectors)
		return site.plus(polar(c.SpacingM/3, bearing)).plus(inHexagon(s, c.SpacingM/3, bearing))
	}
}

// tooNear reports whether a place is too near to a site or to a copy of one.
func (n *Network) tooNear(at plane) bool {
	for site := range n.sites {
		if at.minus(n.nearest(site, at)).length() < n.config.MinDistanceM {
			return true
		}
	}
	return false
}

// nearest is the place of a site or of that copy of it that is nearest to a place.
func (n *Network) nearest(site int, to plane) plane {
	best, shortest := plane{}, math.Inf(1)
	for _, shift := range n.shifts {
		at := n.sites[site].plus(shift)
		if d := to.minus(at).length(); d < shortest {
			best, shortest = at, d
		}
	}
	return best
}

// Config returns what n was built from, with defaults filled in.
func (n *Network) Config() Config { return n.config }

// System returns the channel model of all links.
func (n *Network) System() *channel.System { return n.system }

// NewDrop returns the random environment of the network, for one goroutine.
func (n *Network) NewDrop() *channel.Drop { return n.system.NewDrop(n.seed) }

// NumCells is the number of cells: sites times sectors.
func (n *Network) NumCells() int { return len(n.cells) }

// NumUsers is the number of users.
func (n *Network) NumUsers() int { return len(n.users) }

// Cell returns the base station of a cell.
func (n *Network) Cell(cell int) channel.BS { return n.cells[cell] }

// User returns a user at a time in s. Users go straight on: with wrap-around they come
// back on the other side, in a room walls reflect them.
func (n *Network) User(user int, timeS float64) channel.UE {
	ue := n.users[user]
	at := plane{ue.At.X + timeS*ue.Velocity.X, ue.At.Y + timeS*ue.Velocity.Y}
	switch {
	case n.config.WrapAround:
		at = n.wrapped(at)
	case n.room.x > 0:
		at.x, ue.Velocity.X = reflected(at.x, n.room.x/2, ue.Velocity.X)
		at.y, ue.Velocity.Y = reflected(at.y, n.room.y/2, ue.Velocity.Y)
	}
	ue.At.X, ue.At.Y = at.x, at.y
	return ue
}

// wrapped takes a place back into the network: the copy of it that is nearest to its
// centre.
func (n *Network) wrapped(at plane) plane {
	for {
		best := at
		for _, shift := range n.shifts {
			if moved := at.minus(shift); moved.length() < best.length()-1e-9 {
				best = moved
			}
		}
		if best == at {
			return at
		}
		at = best
	}
}

// reflected folds a coordinate into -wall to wall, and turns the velocity with it.
func reflected(x, wall, velocity float64) (float64, float64) {
	round := math.Mod(x+wall, 4*wall)
	if round < 0 {
		round += 4 * wall
	}
	if round > 2*wall {
		return 3*wall - round, -velocity
	}
	return round - wall, velocity
}

// Link draws the large-scale parameters between a cell and a user, for whom the site is
// that copy of it that is nearest.
func (n *Network) Link(d *channel.Drop, cell int, ue channel.UE) (channel.LargeScale, error) {
	if cell < 0 || cell >= len(n.cells) {
		return channel.LargeScale{}, fmt.Errorf("cell %d is not one of the network's; use 0 to %d", cell, len(n.cells)-1)
	}
	bs := n.cells[cell]
	at := n.nearest(bs.Site, plane{ue.At.X, ue.At.Y})
	bs.At.X, bs.At.Y = at.x, at.y
	return d.LargeScale(bs, ue)
}
