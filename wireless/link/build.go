package link

import (
	"math"
	"strings"

	"github.com/comlam/comlam/internal/setting"
	"github.com/comlam/comlam/wireless/fec"
	"github.com/comlam/comlam/wireless/mapping"
	"github.com/comlam/comlam/wireless/mimo"
	"github.com/comlam/comlam/wireless/nr"
	"github.com/comlam/comlam/wireless/ofdm"
)

// A Link is a configuration made ready. Any number of goroutines may use it.
type Link struct {
	config        Config
	scheme        mapping.Scheme
	numBits       int // of a block
	numSent       int // bits of a transmission
	transmissions int

	// One of them, or none without a code.
	ldpc      *fec.LDPC
	polar     *fec.Polar
	transport *fec.Transport

	rows  []*Link    // with link adaptation, a link of fixed MCS by its index
	slot  *ofdm.Slot // of transport blocks and of OFDM
	model model      // of OFDM
}

// Build validates c and makes its codes.
func (c Config) Build() (*Link, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	l := &Link{config: c, scheme: schemes[c.Modulation], numBits: c.NumBits, transmissions: 1}
	if c.Code == "transport" || c.slotted() {
		if err := l.buildSlot(); err != nil {
			return nil, setting.Under("slot", err)
		}
	}
	if n := c.NumRx * c.NumLayers; c.slotted() && n*l.slot.Grid.Len() > maxCoefficients {
		return nil, setting.Bad("num_rx", "use fewer antennas, layers or resource blocks",
			"%d pairs of an antenna and a layer over %d resource elements are %d channels of a slot, at most %d are held", n, l.slot.Grid.Len(), n*l.slot.Grid.Len(), maxCoefficients)
	}
	build := l.buildCode
	if c.Code == "transport" {
		build = l.buildTransport
	}
	if err := build(); err != nil {
		return nil, err
	}
	if _, err := l.newDetector(); err != nil {
		return nil, setting.Bad("detector", "", "%s", strings.TrimPrefix(err.Error(), "detector: "))
	}
	if l.adapts() {
		return l, l.buildRows()
	}
	return l, nil
}

// detects says whether a detector of package mimo is at work; else the only layer is
// combined for maximum ratio.
func (l *Link) detects() bool { return l.config.NumLayers > 1 || l.config.slotted() }

// newDetector returns nil where there is nothing to detect.
func (l *Link) newDetector() (mimo.Detector, error) {
	if !l.detects() {
		return nil, nil
	}
	c := mimo.Config{NumRx: l.config.NumRx, NumStreams: l.config.NumLayers, Scheme: l.scheme, Rule: demappers[l.config.Demapper]}
	return mimo.NewDetector(l.config.Detector, l.config.Paths, c)
}

func (l *Link) buildCode() (err error) {
	qm := l.scheme.Qm() * l.config.NumLayers
	if l.config.slotted() { // without a code, a slot is a block
		l.numBits = qm * len(l.slot.Data)
	}
	if l.config.Code == "none" {
		l.numBits = (l.numBits + qm - 1) / qm * qm // whole symbols
		l.numSent = l.numBits
		return nil
	}
	if sent := float64(l.numBits) / l.config.Rate; sent > maxSent {
		return setting.Bad("rate", "use a higher rate or a smaller block", "%d bits at a rate of %g are %.3g bits to send, at most %d are", l.numBits, l.config.Rate, sent, maxSent)
	}
	// The small slack keeps 100 / (1/3.) at 300.
	l.numSent = qm * int(math.Ceil(float64(l.numBits)/l.config.Rate/float64(qm)-1e-9))
	if l.config.Code == "ldpc" {
		l.ldpc, err = fec.NewLDPC(fec.GraphFor(l.numBits, float64(l.numBits)/float64(l.numSent)), l.numBits)
	} else {
		l.polar, err = fec.NewPolar(fec.PolarConfig{Kind: fec.UCI, A: l.numBits, E: l.numSent})
	}
	if err != nil {
		return setting.Bad("num_bits", "", "%v", err)
	}
	return nil
}

func (l *Link) buildTransport() error {
	t := l.config.Transport
	table := tables[t.MCSTable]
	if l.adapts() { // sizes are those of the largest
		t.MCS = table.Rows[len(table.Rows)-1].Index
	}
	mcs, err := table.MCS(t.MCS)
	if err != nil {
		return err
	}
	if l.scheme, err = mapping.ForQm(int(mcs.Modulation)); err != nil {
		return err
	}
	pilots, err := l.config.Slot.DMRS.signal().NumPerRB(l.config.Slot.NumSymbols)
	if err != nil {
		return err
	}
	a := nr.Allocation{NumPRB: l.config.Slot.NumPRB, NumSymbols: l.config.Slot.NumSymbols, NumDMRS: pilots, MCS: mcs, NumLayers: l.config.NumLayers}
	if l.numBits, err = nr.TransportBlockSize(a); err != nil {
		return setting.Bad("transport", "", "%v", err)
	}
	l.numSent = l.scheme.Qm() * len(l.slot.Data) * l.config.NumLayers
	l.transmissions = t.Transmissions
	if l.transport, err = fec.NewTransport(l.numBits, mcs.Rate()); err != nil {
		return setting.Bad("transport", "", "%v", err)
	}
	return nil
}

// Config is what the link was built from.
func (l *Link) Config() Config { return l.config }

// NumBits is the number of information bits of a block, without CRC; NumSent the
// number of bits of a transmission.
func (l *Link) NumBits() int { return l.numBits }

// NumSent is the number of bits of a transmission.
func (l *Link) NumSent() int { return l.numSent }

// Modulation is what a block is mapped to.
func (l *Link) Modulation() mapping.Scheme { return l.scheme }

// coded says whether there is a code.
func (l *Link) coded() bool { return l.config.Code != "none" }

// BitsPerSymbol is the number of information bits of a symbol, of all layers together.
func (l *Link) BitsPerSymbol() float64 {
	return float64(l.scheme.Qm()*l.config.NumLayers) * float64(l.numBits) / float64(l.numSent)
}

// NoiseVariance is n0 at an SNR in dB, for symbols of unit power.
func (l *Link) NoiseVariance(snrDB float64) float64 { return 1 / l.esN0(snrDB) }

// esN0 is Es/N0 at one receive antenna.
func (l *Link) esN0(snrDB float64) float64 {
	snr := math.Pow(10, snrDB/10)
	if l.config.SNRIs == "eb_n0" {
		snr *= l.BitsPerSymbol()
	}
	return snr
}
