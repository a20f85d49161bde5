package link

import (
	"fmt"
	"strings"
)

// Name says in a few words what the link is: what a legend needs.
func (l *Link) Name() string {
	c := l.config
	words := []string{l.scheme.String()}
	switch c.Code {
	case "none":
	case "transport":
		if l.adapts() {
			words = []string{fmt.Sprintf("adapted MCS (%s loop)", c.Transport.Adapt)}
			break
		}
		words = []string{fmt.Sprintf("MCS %d (%s)", c.Transport.MCS, l.scheme), fmt.Sprintf("%d bits", l.numBits)}
	default:
		words = append(words, fmt.Sprintf("%s %d/%d", map[string]string{"ldpc": "LDPC", "polar": "polar"}[c.Code], l.numBits, l.numSent))
	}
	words = append(words, channelName(c.Channel))
	if c.slotted() {
		words = append(words, map[string]string{"perfect": "channel known", "ls-nearest": "LS nearest", "ls-linear": "LS linear", "lmmse": "LMMSE"}[c.Slot.Estimator], c.Slot.Speed.String())
	}
	if c.NumLayers > 1 {
		words = append(words, fmt.Sprintf("%d layers, %s", c.NumLayers, map[string]string{"zf": "ZF", "lmmse": "LMMSE detector", "mrc": "MRC", "kbest": "K-best", "ml": "ML"}[c.Detector]))
	}
	if c.NumRx > 1 {
		words = append(words, fmt.Sprintf("%d antennas", c.NumRx))
	}
	return strings.Join(words, ", ")
}

func channelName(name string) string {
	if name == "rayleigh" {
		return "Rayleigh"
	}
	return strings.ToUpper(name)
}
