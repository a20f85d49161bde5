package csi

import (
	"math"
	"slices"
	"strings"

	"github.com/comlam/comlam/internal/setting"
	"github.com/comlam/comlam/wireless/channel"
)

// Config says what a data set is made of. Defaults are in Default; the keys are
// those of a recipe.
type Config struct {
	// Channel is "jakes" (one flat Rayleigh tap), or a profile of TR 38.901:
	// "cdl-a".."cdl-e", "tdl-a".."tdl-e", "tdl-a30", "tdl-b100", "tdl-c300", or a
	// scenario of its clause 7.5: "umi", "uma", "rma", "inh-open", "inf-dh" and others.
	Channel string `yaml:"channel"`
	// Process is how a tap of jakes and tdl fades: "gaussian" (exact) or
	// "sinusoids" (a sum of 20). The rays of a cdl fade by themselves.
	Process string `yaml:"process"`
	// Direction is "downlink" (tx is the base station) or "uplink" (rx is). The
	// other end is the one that moves.
	Direction string `yaml:"direction"`

	Carrier           setting.Frequency `yaml:"carrier"`
	SubcarrierSpacing setting.Frequency `yaml:"subcarrier_spacing"` // between generated subcarriers: "360 kHz" is one per resource block
	NumSubcarriers    int               `yaml:"num_subcarriers"`
	NumSlots          int               `yaml:"num_slots"`
	Interval          setting.Duration  `yaml:"interval"` // between slots

	Tx Panel `yaml:"tx"`
	Rx Panel `yaml:"rx"`

	Speed       setting.SpeedRange    `yaml:"speed"`        // drawn uniformly for each sample
	DelaySpread setting.DurationRange `yaml:"delay_spread"` // drawn uniformly; unused by jakes, scenarios and profiles with absolute delays
	// RandomRotation turns both panels and the direction of travel by a random
	// azimuth for each sample of a cdl. Without it travel is along azimuth 0. In a
	// scenario it puts users all around; without it they are within 60 degrees of
	// azimuth 0.
	RandomRotation bool `yaml:"random_rotation"`

	// Distance is how far users are from the base station in the plane, spread evenly
	// over the area; IndoorShare of them are in buildings. Scenarios only; a distance
	// of 0 is that of ScenarioDistance.
	Distance    setting.DistanceRange `yaml:"distance,omitempty"`
	IndoorShare float64               `yaml:"indoor_share,omitempty"`
}

// Panel is a uniform antenna array. For jakes and tdl only the number of ports
// counts: those antennas fade independently.
type Panel struct {
	Rows          int     `yaml:"rows"` // elements above each other
	Cols          int     `yaml:"cols"` // elements side by side
	DualPolarized bool    `yaml:"dual_polarized"`
	Spacing       float64 `yaml:"spacing"`      // between elements, in wavelengths
	Element       string  `yaml:"element"`      // "isotropic" or "3gpp"
	BearingDeg    float64 `yaml:"bearing_deg"`  // azimuth the panel faces
	DowntiltDeg   float64 `yaml:"downtilt_deg"` // positive looks down
}

// Default is 32 resource blocks of CDL-C at 3.5 GHz, 20 slots of 0.5 ms, four
// antennas to one.
func Default() Config {
	return Config{
		Channel: "cdl-c", Process: "gaussian", Direction: "downlink",
		Carrier: 3.5e9, SubcarrierSpacing: 360e3, NumSubcarriers: 32,
		NumSlots: 20, Interval: 0.5e-3,
		Tx:             Panel{Rows: 1, Cols: 4, Spacing: 0.5, Element: "isotropic"},
		Rx:             Panel{Rows: 1, Cols: 1, Spacing: 0.5, Element: "isotropic"},
		Speed:          setting.SpeedRange{Min: setting.KMH(3), Max: setting.KMH(120)},
		DelaySpread:    setting.DurationRange{Min: 30e-9, Max: 300e-9},
		RandomRotation: true,
	}
}

const (
	maxSlots          = 1 << 14
	maxGaussianSlots  = 1024
	maxSubcarriers    = 1 << 14
	maxElementsASide  = 64
	maxSampleElements = 1 << 26 // 512 MiB of complex64
)

var elements = map[string]channel.Element{"isotropic": channel.Isotropic, "3gpp": channel.ThreeGPP}

// channelNames lists the values of the key channel.
func channelNames() []string {
	names := slices.DeleteFunc(channel.Names(), func(name string) bool { return name == "flat" })
	names = append(names, "jakes")
	for _, s := range channel.Scenarios() {
		names = append(names, string(s))
	}
	return names
}

// Validate returns a *setting.Error for the first setting that cannot be used.
func (c Config) Validate() error {
	for _, check := range []func() *setting.Error{c.checkChannel, c.checkGrid, c.checkMotion, c.checkPlaces} {
		if err := check(); err != nil {
			return err
		}
	}
	if err := c.Tx.check(); err != nil {
		return setting.Under("tx", err)
	}
	if err := c.Rx.check(); err != nil {
		return setting.Under("rx", err)
	}
	if n := c.sampleElements(); n > maxSampleElements {
		return setting.Bad("num_slots", "make the grid or the panels smaller",
			"one sample would have %.3g values, more than %d", n, maxSampleElements)
	}
	return nil
}

func (c Config) checkChannel() *setting.Error {
	if !slices.Contains(channelNames(), c.Channel) {
		return setting.Bad("channel", "use one of "+strings.Join(channelNames(), ", "), "%q is not a channel", c.Channel)
	}
	if c.Process != "gaussian" && c.Process != "sinusoids" {
		return setting.Bad("process", "use gaussian or sinusoids", "%q is not a fading process", c.Process)
	}
	if c.Direction != "downlink" && c.Direction != "uplink" {
		return setting.Bad("direction", "use downlink or uplink", "%q is not a direction", c.Direction)
	}
	return nil
}

func (c Config) checkGrid() *setting.Error {
	if f := float64(c.Carrier); !(f >= 1e6 && f <= 1e12) {
		return setting.Bad("carrier", "use 1 MHz to 1000 GHz, for example 3.5 GHz", "%q is out of range", c.Carrier)
	}
	if f := float64(c.SubcarrierSpacing); !(f > 0 && f <= 1e9) {
		return setting.Bad("subcarrier_spacing", "use more than 0 and at most 1 GHz, for example 30 kHz", "%q is out of range", c.SubcarrierSpacing)
	}
	if c.NumSubcarriers < 1 || c.NumSubcarriers > maxSubcarriers {
		return setting.Bad("num_subcarriers", "use 1 to 16384", "%d is out of range", c.NumSubcarriers)
	}
	if c.NumSlots < 1 || c.NumSlots > maxSlots {
		return setting.Bad("num_slots", "use 1 to 16384", "%d is out of range", c.NumSlots)
	}
	if c.NumSlots > maxGaussianSlots && c.Process == "gaussian" && !c.hasAngles() {
		return setting.Bad("num_slots", "use at most 1024, or process: sinusoids", "%d slots are too many for a gaussian process", c.NumSlots)
	}
	if d := float64(c.Interval); !(d >= 0 && d <= 3600) {
		return setting.Bad("interval", "use 0 to 1 h, for example 0.5 ms", "%q is out of range", c.Interval)
	}
	return nil
}

func (c Config) checkMotion() *setting.Error {
	const fastestMPS = 1e4
	if lo, hi := float64(c.Speed.Min), float64(c.Speed.Max); !(lo >= 0 && lo <= hi && hi <= fastestMPS) {
		return setting.Bad("speed", `use a range within 0 to 36000 km/h, for example "3 to 120 km/h"`, "%q is out of range", c.Speed)
	}
	if lo, hi := float64(c.DelaySpread.Min), float64(c.DelaySpread.Max); !(lo >= 0 && lo <= hi && hi <= 1e-3) {
		return setting.Bad("delay_spread", `use a range within 0 to 1 ms, for example "30 to 300 ns"`, "%q is out of range", c.DelaySpread)
	}
	return nil
}

func (p Panel) check() error {
	if p.Rows < 1 || p.Rows > maxElementsASide {
		return setting.Bad("rows", "use 1 to 64", "%d is out of range", p.Rows)
	}
	if p.Cols < 1 || p.Cols > maxElementsASide {
		return setting.Bad("cols", "use 1 to 64", "%d is out of range", p.Cols)
	}
	if p.numPorts() > maxPorts {
		return setting.Bad("rows", "use at most 4096 ports", "%d x %d elements with two polarisations are too many", p.Rows, p.Cols)
	}
	if !(p.Spacing > 0 && p.Spacing <= 1000) {
		return setting.Bad("spacing", "use a number of wavelengths, for example 0.5", "%g is out of range", p.Spacing)
	}
	if _, ok := elements[p.Element]; !ok {
		return setting.Bad("element", "use isotropic or 3gpp", "%q is not an antenna element", p.Element)
	}
	if !(math.Abs(p.BearingDeg) <= 360) {
		return setting.Bad("bearing_deg", "use -360 to 360", "%g is out of range", p.BearingDeg)
	}
	if !(math.Abs(p.DowntiltDeg) <= 90) {
		return setting.Bad("downtilt_deg", "use -90 to 90", "%g is out of range", p.DowntiltDeg)
	}
	return nil
}

const maxPorts = 4096

func (p Panel) numPorts() int { return p.panel().NumPorts() }

func (p Panel) panel() channel.Panel {
	return channel.Panel{
		Rows: p.Rows, Cols: p.Cols, DualPolarized: p.DualPolarized,
		RowSpacing: p.Spacing, ColSpacing: p.Spacing, Element: elements[p.Element],
		Bearing: p.BearingDeg * math.Pi / 180, Downtilt: p.DowntiltDeg * math.Pi / 180,
	}
}

// hasAngles reports whether antennas see waves from places.
func (c Config) hasAngles() bool { return c.clustered() || c.isScenario() }

func (c Config) clustered() bool { return strings.HasPrefix(c.Channel, "cdl-") }

func (c Config) sampleElements() float64 {
	return float64(c.NumSlots) * float64(c.NumSubcarriers) * float64(c.Rx.numPorts()) * float64(c.Tx.numPorts())
}

// ends returns the panels of the base station and of the user.
func (c Config) ends() (bs, ue Panel, direction channel.Direction) {
	if c.Direction == "uplink" {
		return c.Rx, c.Tx, channel.Uplink
	}
	return c.Tx, c.Rx, channel.Downlink
}

func (c Config) profile() (*channel.Profile, error) {
	if c.Channel == "jakes" {
		return channel.Lookup("flat")
	}
	return channel.Lookup(c.Channel)
}
