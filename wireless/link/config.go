package link

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/comlam/comlam/internal/setting"
	"github.com/comlam/comlam/wireless/channel"
	"github.com/comlam/comlam/wireless/fec"
	"github.com/comlam/comlam/wireless/mapping"
	"github.com/comlam/comlam/wireless/mimo"
	"github.com/comlam/comlam/wireless/nr"
)

// Config says what is sent and how. The keys are those of the command line; Default
// has the defaults.
type Config struct {
	// Channel is "awgn" or "rayleigh" (independent from symbol to symbol, known to the
	// receiver), or a profile of TR 38.901, "tdl-a" to "tdl-e", "tdl-a30", "tdl-b100",
	// "tdl-c300", "cdl-a" to "cdl-e": then slots of OFDM are sent.
	Channel string `yaml:"channel" json:"channel"`
	NumRx   int    `yaml:"num_rx" json:"num_rx"` // receive antennas
	// NumLayers are sent at once, each from an antenna of its own with its share of the
	// power. Over rayleigh and in slots.
	NumLayers int `yaml:"num_layers" json:"num_layers"`
	// Detector tells layers apart: "zf", "lmmse", "mrc", "kbest" or "ml". With one layer
	// the linear ones are all maximum ratio combining.
	Detector string `yaml:"detector" json:"detector"`
	Paths    int    `yaml:"paths" json:"paths"` // of kbest

	// Code is "none", "ldpc" (one code block, no CRC), "polar" (UCI with its CRC) or
	// "transport" (a transport block of a shared channel).
	Code string `yaml:"code" json:"code"`
	// Modulation is one of bpsk, pi/2-bpsk, qpsk, 16qam, 64qam, 256qam, 1024qam. That
	// of a transport block is in its MCS.
	Modulation string  `yaml:"modulation" json:"modulation"`
	NumBits    int     `yaml:"num_bits" json:"num_bits"` // of a block, without CRC; of a transport block the table decides
	Rate       float64 `yaml:"rate" json:"rate"`         // num_bits over bits sent, which are rounded up to symbols

	Transport Transport `yaml:"transport" json:"transport"`
	Slot      Slot      `yaml:"slot" json:"slot"`

	Demapper string  `yaml:"demapper" json:"demapper"` // "exact" or "max-log"
	Decoder  Decoder `yaml:"decoder" json:"decoder"`

	SNR   Sweep  `yaml:"snr" json:"snr"`       // such as "0 to 10 by 2 dB"
	SNRIs string `yaml:"snr_is" json:"snr_is"` // "eb_n0" or "es_n0"

	Errors    int `yaml:"errors" json:"errors"`         // end a point after so many wrong blocks; without a code, so many independently wrong bits
	MaxBlocks int `yaml:"max_blocks" json:"max_blocks"` // end a point at the latest
}

// Transport is a transport block (TS 38.214 clause 5.1.3). It fills the Slot.
type Transport struct {
	MCS           int `yaml:"mcs" json:"mcs"`
	MCSTable      int `yaml:"mcs_table" json:"mcs_table"`         // 1, 2 or 3 of TS 38.214 clause 5.1.3.1
	Transmissions int `yaml:"transmissions" json:"transmissions"` // at most, with HARQ: redundancy versions 0, 2, 3, 1, soft bits combined; each sees a channel of its own
	// Adapt is "fixed", or how the MCS follows the channel of the slot, which the sender
	// knows then (package nr): "inner" by effective SINR, "outer" with an offset, too, that
	// first transmissions correct to fail at the rate Target. Over profiles.
	Adapt  string  `yaml:"adapt" json:"adapt"`
	Target float64 `yaml:"target" json:"target"`
}

// Slot is the resource elements of a slot and how its channel is estimated. Transport
// blocks fill it whatever the channel; the rest counts for OFDM.
type Slot struct {
	NumPRB     int  `yaml:"num_prb" json:"num_prb"`
	NumSymbols int  `yaml:"num_symbols" json:"num_symbols"` // from the first symbol of the slot on
	DMRS       DMRS `yaml:"dmrs" json:"dmrs"`
	// Estimator is "perfect", "ls-nearest", "ls-linear" or "lmmse", which knows the
	// delays of the profile and takes the Doppler spectrum to be Clarke's.
	Estimator string `yaml:"estimator" json:"estimator"`

	Carrier           setting.Frequency `yaml:"carrier" json:"carrier"`
	SubcarrierSpacing setting.Frequency `yaml:"subcarrier_spacing" json:"subcarrier_spacing"`
	DelaySpread       setting.Duration  `yaml:"delay_spread" json:"delay_spread"` // unused by profiles with absolute delays
	Speed             setting.Speed     `yaml:"speed" json:"speed"`
}

// DMRS is the pilots (TS 38.211 clause 7.4.1.1.2).
type DMRS struct {
	Type          int `yaml:"type" json:"type"`                       // 1 or 2
	Length        int `yaml:"length" json:"length"`                   // 1 or 2 symbols
	Additional    int `yaml:"additional" json:"additional"`           // positions, 0 to 3
	TypeAPosition int `yaml:"type_a_position" json:"type_a_position"` // the first symbol, 2 or 3
	NumCDMGroups  int `yaml:"num_cdm_groups" json:"num_cdm_groups"`   // without data, 1 to 3
}

// Decoder says how codes are decoded.
type Decoder struct {
	Rule       string `yaml:"rule" json:"rule"`             // of LDPC: "normalized-min-sum", "offset-min-sum" or "sum-product"
	Iterations int    `yaml:"iterations" json:"iterations"` // of LDPC, at most
	Flooding   bool   `yaml:"flooding" json:"flooding"`     // all checks of LDPC at once, as references do, not layer by layer
	List       int    `yaml:"list" json:"list"`             // paths of a polar decoder
}

// Default is QPSK without a code over white noise.
func Default() Config {
	return Config{
		Channel: "awgn", NumRx: 1, NumLayers: 1, Detector: "lmmse", Paths: 16,
		Code: "none", Modulation: "qpsk", NumBits: 1200, Rate: 0.5,
		Transport: Transport{MCS: 10, MCSTable: 1, Transmissions: 1, Adapt: "fixed", Target: 0.1},
		Slot: Slot{NumPRB: 20, NumSymbols: 14, Estimator: "lmmse",
			DMRS:    DMRS{Type: 1, Length: 1, Additional: 1, TypeAPosition: 2, NumCDMGroups: 2},
			Carrier: 3.5e9, SubcarrierSpacing: 30e3, DelaySpread: 100e-9, Speed: setting.KMH(3)},
		Demapper: "exact",
		Decoder:  Decoder{Rule: "normalized-min-sum", Iterations: 20, List: 8},
		SNR:      Sweep{From: 0, To: 10, Step: 1}, SNRIs: "eb_n0",
		Errors: 200, MaxBlocks: 10000,
	}
}

const (
	maxBits          = 1 << 20
	maxSent          = 1 << 20 // coded bits of a transmission
	maxCoefficients  = 1 << 22 // channels of a slot: 64 MB, two or three times a worker
	maxRx            = 64
	maxLayers        = 8
	maxPaths         = 4096
	maxBlocks        = 1 << 40
	maxIterations    = 1000
	maxTransmissions = 8
)

var (
	estimators = []string{"perfect", "ls-nearest", "ls-linear", "lmmse"}
	codes      = []string{"none", "ldpc", "polar", "transport"}
	demappers  = map[string]mapping.Rule{"exact": mapping.Exact, "max-log": mapping.MaxLog}
	rules      = byName(fec.NormalizedMinSum, fec.OffsetMinSum, fec.SumProduct)
	schemes    = byName(mapping.Schemes...)
	tables     = map[int]nr.Table{1: nr.MCSTable1, 2: nr.MCSTable2, 3: nr.MCSTable3}
)

// byName finds values by their names in lower case.
func byName[T fmt.Stringer](values ...T) map[string]T {
	m := map[string]T{}
	for _, v := range values {
		m[strings.ToLower(v.String())] = v
	}
	return m
}

// names lists the keys of m.
func names[T any](m map[string]T) string {
	return strings.Join(slices.Sorted(maps.Keys(m)), ", ")
}

// Validate returns a *setting.Error for the first setting that cannot be used.
func (c Config) Validate() error {
	_, err := c.Build()
	return err
}

// check checks each setting; whether a code of such a size exists, Build finds out.
func (c Config) check() error {
	for _, check := range []func() *setting.Error{c.checkChannel, c.checkCode, c.checkDecoder, c.checkCounts} {
		if err := check(); err != nil {
			return err
		}
	}
	if c.Code == "transport" {
		if err := c.Transport.check(); err != nil {
			return setting.Under("transport", err)
		}
		if adapts := c.Transport.Adapt != "fixed"; adapts && !c.slotted() {
			return setting.Bad("transport.adapt", "use a profile of TR 38.901, for example tdl-c", "there is nothing to adapt to over %s", c.Channel)
		} else if adapts && c.SNRIs != "es_n0" {
			return setting.Bad("transport.adapt", "set snr_is to es_n0", "the bits of a symbol change, and with them Eb/N0")
		}
	}
	if c.Code == "transport" || c.slotted() {
		if err := c.Slot.check(); err != nil {
			return setting.Under("slot", err)
		}
	}
	return nil
}

// slotted says whether slots of OFDM are sent.
func (c Config) slotted() bool { return c.Channel != "awgn" && c.Channel != "rayleigh" }

func channels() []string {
	list := []string{"awgn", "rayleigh"}
	for _, name := range channel.Names() {
		if name != "flat" {
			list = append(list, name)
		}
	}
	return list
}

func (c Config) checkChannel() *setting.Error {
	if !slices.Contains(channels(), c.Channel) {
		return setting.Bad("channel", "use one of "+strings.Join(channels(), ", "), "%q is not a channel", c.Channel)
	}
	if c.NumRx < 1 || c.NumRx > maxRx {
		return setting.Bad("num_rx", "use 1 to 64 antennas", "%d is out of range", c.NumRx)
	}
	if c.NumLayers < 1 || c.NumLayers > maxLayers || c.Code == "transport" && c.NumLayers > 4 {
		return setting.Bad("num_layers", "use 1 to 8, with transport blocks 1 to 4", "%d is out of range", c.NumLayers)
	}
	if c.NumLayers > 1 && c.Channel == "awgn" {
		return setting.Bad("num_layers", "use channel rayleigh or a profile", "%d layers over white noise are as many links of one layer", c.NumLayers)
	}
	if !slices.Contains(mimo.Names, c.Detector) {
		return setting.Bad("detector", "use one of "+strings.Join(mimo.Names, ", "), "%q is not a detector", c.Detector)
	}
	if c.Paths < 1 || c.Paths > maxPaths {
		return setting.Bad("paths", "use 1 to 4096", "%d is out of range", c.Paths)
	}
	if _, ok := demappers[c.Demapper]; !ok {
		return setting.Bad("demapper", "use "+names(demappers), "%q is not a demapper", c.Demapper)
	}
	return nil
}

func (c Config) checkCode() *setting.Error {
	if !slices.Contains(codes, c.Code) {
		return setting.Bad("code", "use one of "+strings.Join(codes, ", "), "%q is not a code", c.Code)
	}
	if c.slotted() && c.Code != "none" && c.Code != "transport" {
		return setting.Bad("code", "use transport, or none", "%q does not fill a slot of %s", c.Code, c.Channel)
	}
	if _, ok := schemes[c.Modulation]; !ok {
		return setting.Bad("modulation", "use one of "+names(schemes), "%q is not a modulation", c.Modulation)
	}
	if c.Modulation == "pi/2-bpsk" && c.Code != "transport" && (c.slotted() || c.NumLayers > 1) {
		return setting.Bad("modulation", "use bpsk, which errs as often", "pi/2-bpsk is for single carriers; slots and layers do not have it")
	}
	if c.NumBits < 1 || c.NumBits > maxBits {
		return setting.Bad("num_bits", "use 1 to 1048576", "%d is out of range", c.NumBits)
	}
	if !(c.Rate > 0 && c.Rate <= 1) {
		return setting.Bad("rate", "use a number above 0, at most 1, for example 0.5", "%g is out of range", c.Rate)
	}
	return nil
}

func (c Config) checkDecoder() *setting.Error {
	d := c.Decoder
	if _, ok := rules[d.Rule]; !ok {
		return setting.Bad("decoder.rule", "use one of "+names(rules), "%q is not a rule", d.Rule)
	}
	if d.Iterations < 1 || d.Iterations > maxIterations {
		return setting.Bad("decoder.iterations", "use 1 to 1000", "%d is out of range", d.Iterations)
	}
	if d.List < 1 || d.List > 1024 {
		return setting.Bad("decoder.list", "use 1 to 1024 paths", "%d is out of range", d.List)
	}
	return nil
}

func (c Config) checkCounts() *setting.Error {
	if err := c.SNR.check(); err != nil {
		return setting.Bad("snr", "", "%v", err)
	}
	if c.SNRIs != "eb_n0" && c.SNRIs != "es_n0" {
		return setting.Bad("snr_is", "use eb_n0 or es_n0", "%q is not a ratio", c.SNRIs)
	}
	if c.Errors < 1 {
		return setting.Bad("errors", "use 1 or more, for example 200", "%d is out of range", c.Errors)
	}
	if c.MaxBlocks < 1 || c.MaxBlocks > maxBlocks {
		return setting.Bad("max_blocks", "use 1 or more, for example 10000", "%d is out of range", c.MaxBlocks)
	}
	return nil
}

func (t Transport) check() *setting.Error {
	table, ok := tables[t.MCSTable]
	if !ok {
		return setting.Bad("mcs_table", "use 1, 2 or 3", "%d is not a table", t.MCSTable)
	}
	if _, err := table.MCS(t.MCS); err != nil {
		return setting.Bad("mcs", "", "%s", strings.TrimPrefix(err.Error(), "nr: "))
	}
	if t.Transmissions < 1 || t.Transmissions > maxTransmissions {
		return setting.Bad("transmissions", "use 1 to 8", "%d is out of range", t.Transmissions)
	}
	if !slices.Contains(adaptations, t.Adapt) {
		return setting.Bad("adapt", "use one of "+strings.Join(adaptations, ", "), "%q is not an adaptation", t.Adapt)
	}
	if !(t.Target > 0 && t.Target < 1) {
		return setting.Bad("target", "use a block error rate between 0 and 1, for example 0.1", "%g is out of range", t.Target)
	}
	return nil
}

func (s Slot) check() *setting.Error {
	if s.NumPRB < 1 || s.NumPRB > 275 {
		return setting.Bad("num_prb", "use 1 to 275", "%d is out of range", s.NumPRB)
	}
	if s.NumSymbols < 3 || s.NumSymbols > nr.SymbolsPerSlot {
		return setting.Bad("num_symbols", "use 3 to 14", "%d is out of range", s.NumSymbols)
	}
	if !slices.Contains(estimators, s.Estimator) {
		return setting.Bad("estimator", "use one of "+strings.Join(estimators, ", "), "%q is not an estimator", s.Estimator)
	}
	if f := float64(s.Carrier); !(f >= 1e6 && f <= 1e12) {
		return setting.Bad("carrier", "use 1 MHz to 1000 GHz, for example 3.5 GHz", "%q is out of range", s.Carrier)
	}
	if _, err := nr.NumerologyOf(float64(s.SubcarrierSpacing)); err != nil {
		return setting.Bad("subcarrier_spacing", "use 15, 30, 60, 120, 240, 480 or 960 kHz", "%q is not one of a numerology", s.SubcarrierSpacing)
	}
	if d := float64(s.DelaySpread); !(d >= 0 && d <= 1e-3) {
		return setting.Bad("delay_spread", "use 0 to 1 ms, for example 100 ns", "%q is out of range", s.DelaySpread)
	}
	if v := float64(s.Speed); !(v >= 0 && v <= 1e4) {
		return setting.Bad("speed", "use 0 to 36000 km/h, for example 30 km/h", "%q is out of range", s.Speed)
	}
	return nil
}
