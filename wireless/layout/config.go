package layout

import (
	"fmt"
	"math"

	"github.com/comlam/comlam/wireless/channel"
)

// Config describes a network.
type Config struct {
	Channel channel.SystemConfig // scenario, carrier, panels, slots

	// Sites is the number of hexagons: 1, 7, 19, 37, 61, ... in rings. Indoors it is
	// Rows x Cols base stations on a grid instead.
	Sites      int
	Rows, Cols int
	Sectors    int     // of a site: 1 or 3
	SpacingM   float64 // between sites
	WrapAround bool    // hexagons only: the network repeats itself all around
	BSHeightM  float64

	UsersPerCell  int
	IndoorShare   float64 // of users of outdoor scenarios; they live on floors 1 to 8
	CarShare      float64 // of users of outdoor scenarios
	UserHeightM   float64 // on the ground
	SpeedMPS      float64 // of every user, in a random direction
	MinDistanceM  float64 // in the plane, from the own site
	TurnUsers     bool    // turns users' panels by random bearings
	TxPowerDBm    float64 // of a cell, over the bandwidth
	BandwidthHz   float64
	NoiseFigureDB float64 // of a user
}

// Default returns the usual network of a scenario: distances, heights and shares of
// users of TR 38.901 tables 7.2-1 to 7.2-4, powers of its calibration (table 7.8-1). It
// has one vertical antenna of table 7.3-1 a cell, tilted down by 12 degrees outside, and
// one isotropic antenna a user.
func Default(s channel.Scenario) Config {
	one := channel.Panel{Rows: 1, Cols: 1}
	element := channel.Panel{Rows: 1, Cols: 1, Element: channel.ThreeGPP, Downtilt: 12 * math.Pi / 180}
	c := Config{
		Channel: channel.SystemConfig{
			Scenario: s, CarrierHz: 6e9, BS: element, UE: one, LowLossShare: 0.5,
			Slots: channel.Slots{Num: 1},
		},
		Sites: 19, Sectors: 3, WrapAround: true, UsersPerCell: 10,
		UserHeightM: 1.5, SpeedMPS: 3 / 3.6, BandwidthHz: 20e6, NoiseFigureDB: 9,
	}
	switch s {
	case channel.UMi:
		c.SpacingM, c.BSHeightM, c.MinDistanceM, c.IndoorShare, c.TxPowerDBm = 200, 10, 10, 0.8, 44
	case channel.UMa:
		c.SpacingM, c.BSHeightM, c.MinDistanceM, c.IndoorShare, c.TxPowerDBm = 500, 25, 35, 0.8, 49
		c.Channel.LowLossShare = 0.5
	case channel.RMa:
		c.SpacingM, c.BSHeightM, c.MinDistanceM, c.TxPowerDBm = 1732, 35, 35, 49
		c.IndoorShare, c.CarShare = 0.5, 0.5
	default:
		c.room(s)
	}
	return c
}

// room changes c to an office or a hall: base stations under the ceiling look down, or
// stand between the machines.
func (c *Config) room(s channel.Scenario) {
	c.Sites, c.Sectors, c.WrapAround, c.MinDistanceM = 0, 1, false, 1
	c.Channel.BS = channel.Panel{Rows: 1, Cols: 1}
	switch s {
	case channel.InFSL:
		c.Rows, c.Cols, c.SpacingM, c.BSHeightM, c.TxPowerDBm = 3, 6, 20, 1.5, 30
	case channel.InFDL:
		c.Rows, c.Cols, c.SpacingM, c.BSHeightM, c.TxPowerDBm = 3, 6, 50, 1.5, 30
	case channel.InFSH:
		c.Rows, c.Cols, c.SpacingM, c.BSHeightM, c.TxPowerDBm = 3, 6, 50, 8, 30
	case channel.InFDH:
		c.Rows, c.Cols, c.SpacingM, c.BSHeightM, c.TxPowerDBm = 3, 6, 20, 8, 30
	default:
		c.Rows, c.Cols, c.SpacingM, c.BSHeightM, c.TxPowerDBm = 2, 6, 20, 3, 24
		c.UserHeightM = 1
	}
}

const (
	maxCells = 10000
	maxUsers = 1 << 20
)

func (c Config) hexagonal() bool { return c.Rows == 0 && c.Cols == 0 }

// numSites is the number of base station sites.
func (c Config) numSites() int {
	if c.hexagonal() {
		return c.Sites
	}
	return c.Rows * c.Cols
}

func (c Config) validate() error {
	outdoor := c.Channel.Scenario == channel.UMi || c.Channel.Scenario == channel.UMa || c.Channel.Scenario == channel.RMa
	switch {
	case c.hexagonal() && ringsOf(c.Sites) < 0:
		return fmt.Errorf("%d sites do not make whole rings of hexagons; use 1, 7, 19, 37 or 61", c.Sites)
	case !c.hexagonal() && (c.Rows < 1 || c.Cols < 1 || c.Rows > 100 || c.Cols > 100):
		return fmt.Errorf("a grid of %d x %d base stations is out of range; use 1 to 100 a side", c.Rows, c.Cols)
	case !c.hexagonal() && c.WrapAround:
		return fmt.Errorf("a grid of base stations does not wrap around; use hexagons, or set WrapAround to false")
	case c.Sectors != 1 && c.Sectors != 3:
		return fmt.Errorf("%d sectors a site are not known; use 1 or 3", c.Sectors)
	case c.numSites()*c.Sectors > maxCells:
		return fmt.Errorf("%d cells are too many; use at most %d", c.numSites()*c.Sectors, maxCells)
	case c.UsersPerCell < 0 || c.UsersPerCell*c.numSites()*c.Sectors > maxUsers:
		return fmt.Errorf("%d users a cell are out of range; use 0 or more, at most %d in all", c.UsersPerCell, maxUsers)
	case !(c.SpacingM >= 3 && c.SpacingM <= 1e5):
		return fmt.Errorf("a spacing of %g m is out of range; use 3 to 100000 m", c.SpacingM)
	case !(c.IndoorShare >= 0 && c.CarShare >= 0 && c.IndoorShare+c.CarShare <= 1):
		return fmt.Errorf("shares of users %g indoors and %g in cars are out of range; use 0 to 1 together", c.IndoorShare, c.CarShare)
	case !outdoor && c.IndoorShare+c.CarShare > 0:
		return fmt.Errorf("scenario %s has no buildings or cars; set IndoorShare and CarShare to 0", c.Channel.Scenario)
	case !(c.MinDistanceM >= 1 && c.MinDistanceM <= c.SpacingM/4):
		return fmt.Errorf("a smallest distance of %g m is out of range; use 1 m to a quarter of the spacing", c.MinDistanceM)
	case !(c.SpeedMPS >= 0 && c.SpeedMPS < 1e4):
		return fmt.Errorf("speed %g m/s is out of range; use 0 or more m/s", c.SpeedMPS)
	case !(c.BandwidthHz > 0) || math.IsInf(c.BandwidthHz, 0) || !(math.Abs(c.NoiseFigureDB) < 100) || !(math.Abs(c.TxPowerDBm) < 200):
		return fmt.Errorf("bandwidth %g Hz, noise figure %g dB and power %g dBm do not make sense together", c.BandwidthHz, c.NoiseFigureDB, c.TxPowerDBm)
	}
	return nil
}

// NoiseDBm is the power of thermal noise at 290 K in the bandwidth, with the receiver's
// noise figure.
func (c Config) NoiseDBm() float64 { return -174 + 10*math.Log10(c.BandwidthHz) + c.NoiseFigureDB }
