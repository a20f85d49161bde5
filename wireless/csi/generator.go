package csi

import (
	"math"
	"sync"

	"github.com/comlam/comlam/internal/rng"
	"github.com/comlam/comlam/internal/setting"
	"github.com/comlam/comlam/wireless/channel"
)

// Version names the way samples are drawn. It changes whenever the bits of a
// sample would: a stored data set says by which version it was made.
const Version = "csi/1"

// streamDomain keeps the draws of this package apart from those of others that
// use the same seed: the letters "csi".
const streamDomain = 0x637369

// The streams of one sample: what is drawn about the link, and the channel.
const (
	linkStream = iota
	channelStream
)

// Shape is the size of a sample along its axes [time, subcarrier, rx, tx].
type Shape struct {
	NumSlots       int
	NumSubcarriers int
	NumRxAnt       int
	NumTxAnt       int
}

// Len is the number of values in a sample.
func (s Shape) Len() int { return s.NumSlots * s.NumSubcarriers * s.NumRxAnt * s.NumTxAnt }

// Drop is what was drawn for a sample beside its fading.
type Drop struct {
	SpeedMPS     float64
	DelaySpreadS float64 // desired RMS delay spread; that of the table where it is fixed, 0 for jakes

	TravelAzimuth        float64 // rad; cdl and scenarios
	TxBearing, RxBearing float64 // rad, added to the panels' own; cdl and scenarios

	// Scenarios only.
	DistanceM  float64 // from the base station, in the plane
	PathGainDB float64 // path loss, shadowing and penetration, which are not in the sample
	LOS        bool    // users outside of buildings see the base station
}

// model is what channel.CDL and channel.TDL have in common.
type model interface {
	NewTaps() *channel.Taps
	Draw(s *rng.Stream, link channel.Link, t *channel.Taps) error
}

// Generator draws the samples of one configuration. Any number of goroutines may
// use it at once.
type Generator struct {
	config     Config
	shape      Shape
	model      model
	system     *channel.System // of a scenario, else nil
	direction  channel.Direction
	scale      float64 // makes the mean power 1
	fixedDelay float64 // s; delay spread of a profile with absolute delays, else NaN
	workspaces sync.Pool
}

// workspace is what one sample needs; it is reused.
type workspace struct {
	stream rng.Stream
	taps   *channel.Taps
	drop   *channel.Drop // of a scenario
}

// Build validates c and prepares its channel model.
func (c Config) Build() (*Generator, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	g := &Generator{
		config: c, fixedDelay: math.NaN(),
		shape: Shape{c.NumSlots, c.NumSubcarriers, c.Rx.numPorts(), c.Tx.numPorts()},
	}
	power, err := g.buildModel()
	if err != nil {
		return nil, setting.Bad("channel", "", "%v", err)
	}
	_, _, g.direction = c.ends()
	g.scale = 1 / math.Sqrt(power)
	g.workspaces.New = func() any { return g.newWorkspace() }
	return g, nil
}

// buildModel returns the mean power of a draw.
func (g *Generator) buildModel() (power float64, err error) {
	c := g.config
	if c.isScenario() {
		bs, ue, _ := c.ends()
		if g.system, err = c.system(bs, ue, c.slots()); err != nil {
			return 0, err
		}
		return c.measuredPower()
	}
	profile, err := c.profile()
	if err != nil {
		return 0, err
	}
	if profile.Fixed {
		g.fixedDelay = profile.PDP(0).RMSDelaySpreadS()
	}
	if c.clustered() {
		g.model, power, err = c.buildCDL(profile)
		return power, err
	}
	g.model, err = c.buildTDL(profile)
	return 1, err
}

// buildCDL also returns the mean power of a draw, in closed form.
func (c Config) buildCDL(profile *channel.Profile) (*channel.CDL, float64, error) {
	bs, ue, _ := c.ends()
	m, err := channel.NewCDL(channel.CDLConfig{
		Profile: profile, CarrierHz: float64(c.Carrier),
		BS: bs.panel(), UE: ue.panel(), Slots: c.slots(),
	})
	if err != nil {
		return nil, 0, err
	}
	if c.RandomRotation {
		return m, m.MeanPowerAnyBearing(), nil
	}
	return m, m.MeanPower(channel.Link{}), nil
}

func (c Config) buildTDL(profile *channel.Profile) (*channel.TDL, error) {
	bs, ue, _ := c.ends()
	process := channel.Gaussian
	if c.Process == "sinusoids" {
		process = channel.Sinusoids
	}
	return channel.NewTDL(channel.TDLConfig{
		Profile: profile, CarrierHz: float64(c.Carrier),
		NumBSAnt: bs.numPorts(), NumUEAnt: ue.numPorts(),
		Slots: c.slots(), Process: process,
	})
}

func (c Config) slots() channel.Slots {
	return channel.Slots{Num: c.NumSlots, IntervalS: float64(c.Interval)}
}

func (g *Generator) newWorkspace() *workspace {
	if g.system != nil {
		return &workspace{taps: g.system.NewTaps(), drop: g.system.NewDrop(0)}
	}
	return &workspace{taps: g.model.NewTaps()}
}

// Config returns what g was built from.
func (g *Generator) Config() Config { return g.config }

// Shape returns the size of a sample.
func (g *Generator) Shape() Shape { return g.shape }

// Sample writes sample index of the data set of seed into h, which holds
// Shape().Len() values [time, subcarrier, rx, tx]. The result depends on the
// configuration, seed and index only.
func (g *Generator) Sample(seed, index uint64, h []complex64) Drop {
	w := g.workspaces.Get().(*workspace)
	defer g.workspaces.Put(w)
	return g.sample(w, seed, index, h)
}

func (g *Generator) sample(w *workspace, seed, index uint64, h []complex64) Drop {
	w.stream.Reset(seed, streamDomain, index, linkStream)
	link := g.drawLink(&w.stream)
	w.stream.Reset(seed, streamDomain, index, channelStream)
	// Neither call can fail: the model was built from a validated configuration
	// and the workspace was made for it.
	d := g.drop(link)
	if g.system == nil {
		_ = g.model.Draw(&w.stream, link, w.taps)
	} else if l, err := g.config.drawSystem(g.system, w.drop, link, &w.stream, w.taps); err == nil {
		d.DelaySpreadS, d.DistanceM, d.PathGainDB, d.LOS = l.DelaySpreadS, l.Distance2DM, l.PathGainDB(), l.Condition == channel.LOS
	}
	_ = w.taps.CFR64(channel.Subcarriers{
		Num: g.shape.NumSubcarriers, SpacingHz: float64(g.config.SubcarrierSpacing),
	}, g.direction, g.scale, h[:g.shape.Len()])
	return d
}

// drawLink draws speed, delay spread and rotations, always all of them, so that
// switching one on does not change the others.
func (g *Generator) drawLink(s *rng.Stream) channel.Link {
	c := &g.config
	link := channel.Link{
		SpeedMPS:     s.Uniform(float64(c.Speed.Min), float64(c.Speed.Max)),
		DelaySpreadS: s.Uniform(float64(c.DelaySpread.Min), float64(c.DelaySpread.Max)),
	}
	travel, bs, ue := s.Uniform(-math.Pi, math.Pi), s.Uniform(-math.Pi, math.Pi), s.Uniform(-math.Pi, math.Pi)
	if c.RandomRotation && c.hasAngles() {
		link.TravelAzimuth, link.BSBearing, link.UEBearing = travel, bs, ue
	}
	return link
}

func (g *Generator) drop(link channel.Link) Drop {
	d := Drop{
		SpeedMPS: link.SpeedMPS, DelaySpreadS: link.DelaySpreadS, TravelAzimuth: link.TravelAzimuth,
		TxBearing: link.BSBearing, RxBearing: link.UEBearing,
	}
	if g.direction == channel.Uplink {
		d.TxBearing, d.RxBearing = d.RxBearing, d.TxBearing
	}
	if !math.IsNaN(g.fixedDelay) {
		d.DelaySpreadS = g.fixedDelay
	}
	return d
}
