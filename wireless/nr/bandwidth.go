package nr

import (
	"fmt"
	"slices"
)

// A Channel is one entry of the tables of transmission bandwidth configurations: how
// many resource blocks a channel of this bandwidth holds at a subcarrier spacing.
type Channel struct {
	BandwidthMHz int
	SpacingKHz   int
	NumRB        int
	Clause       string
}

const (
	clauseFR1 = "TS 38.101-1 Table 5.3.2-1"
	clauseFR2 = "TS 38.101-2 Table 5.3.2-1"
)

// Channels lists the entries of FR1 (TS 38.101-1 table 5.3.2-1; 35 and 45 MHz came
// with Release 17) and of FR2-1 (TS 38.101-2 table 5.3.2-1), by spacing and bandwidth.
var Channels = slices.Concat(
	channels(clauseFR1, 15, []int{5, 10, 15, 20, 25, 30, 35, 40, 45, 50},
		[]int{25, 52, 79, 106, 133, 160, 188, 216, 242, 270}),
	channels(clauseFR1, 30, []int{5, 10, 15, 20, 25, 30, 35, 40, 45, 50, 60, 70, 80, 90, 100},
		[]int{11, 24, 38, 51, 65, 78, 92, 106, 119, 133, 162, 189, 217, 245, 273}),
	channels(clauseFR1, 60, []int{10, 15, 20, 25, 30, 35, 40, 45, 50, 60, 70, 80, 90, 100},
		[]int{11, 18, 24, 31, 38, 44, 51, 58, 65, 79, 93, 107, 121, 135}),
	channels(clauseFR2, 60, []int{50, 100, 200}, []int{66, 132, 264}),
	channels(clauseFR2, 120, []int{50, 100, 200, 400}, []int{32, 66, 132, 264}),
)

func channels(clause string, spacingKHz int, bandwidths, blocks []int) []Channel {
	var list []Channel
	for i, mhz := range bandwidths {
		list = append(list, Channel{mhz, spacingKHz, blocks[i], clause})
	}
	return list
}

// FR2 says in which frequency range the entry is: bandwidth and spacing alone do not,
// for 60 kHz is used in both.
func (c Channel) FR2() bool { return c.Clause == clauseFR2 }

// ChannelOf finds an entry.
func ChannelOf(bandwidthMHz, spacingKHz int, fr2 bool) (Channel, error) {
	for _, c := range Channels {
		if c.BandwidthMHz == bandwidthMHz && c.SpacingKHz == spacingKHz && c.FR2() == fr2 {
			return c, nil
		}
	}
	return Channel{}, fmt.Errorf("nr: there is no channel of %d MHz at %d kHz in FR%d", bandwidthMHz, spacingKHz, map[bool]int{false: 1, true: 2}[fr2])
}

// OccupiedHz is the width of the resource blocks.
func (c Channel) OccupiedHz() float64 {
	return float64(c.NumRB) * SubcarriersPerRB * float64(c.SpacingKHz) * 1e3
}

// GuardHz is the minimum guard band on either side: half of what the resource blocks
// leave free, less half a subcarrier (TS 38.101-1 and -2, clause 5.3.3).
func (c Channel) GuardHz() float64 {
	return (float64(c.BandwidthMHz)*1e6-c.OccupiedHz())/2 - float64(c.SpacingKHz)*1e3/2
}
