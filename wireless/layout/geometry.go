package layout

import (
	"fmt"
	"math"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/comlam/comlam/wireless/channel"
)

// Geometry is what users hear of all cells when all cells transmit.
type Geometry struct {
	NumUsers, NumCells int

	GainDB  []float64 // [user, cell]: mean gain with antennas, 0 dBi at both ends being 0
	Serving []int     // [user]: the cell with the largest gain
	// GeometryDB is the power of the serving cell over that of all others, SINRdB over
	// that and the noise; [user].
	GeometryDB, SINRdB []float64
}

// Geometry answers for all users at a time in s, on this many goroutines; 0 stands for
// all cores. The result does not depend on their number.
func (n *Network) Geometry(timeS float64, workers int) (*Geometry, error) {
	users := make([]channel.UE, len(n.users))
	for i := range users {
		users[i] = n.User(i, timeS)
	}
	return n.GeometryOf(users, workers)
}

// GeometryOf is Geometry for users of your own, for example on the points of a map: with
// SpatialConsistency their states of sight are those of a map, too.
func (n *Network) GeometryOf(users []channel.UE, workers int) (*Geometry, error) {
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	g := &Geometry{
		NumUsers: len(users), NumCells: len(n.cells),
		GainDB: make([]float64, len(users)*len(n.cells)), Serving: make([]int, len(users)),
		GeometryDB: make([]float64, len(users)), SINRdB: make([]float64, len(users)),
	}
	var next atomic.Int64
	failed := make([]error, workers)
	var all sync.WaitGroup
	for worker := range workers {
		all.Go(func() {
			drop := n.NewDrop()
			for {
				user := int(next.Add(1)) - 1
				if user >= len(users) || failed[worker] != nil {
					return
				}
				failed[worker] = g.hear(n, drop, user, users[user])
			}
		})
	}
	all.Wait()
	for _, err := range failed {
		if err != nil {
			return nil, err
		}
	}
	return g, nil
}

// hear fills the row of a user.
func (g *Geometry) hear(n *Network, drop *channel.Drop, user int, ue channel.UE) error {
	gains := g.GainDB[user*g.NumCells:][:g.NumCells]
	for cell := range gains {
		link, err := n.Link(drop, cell, ue)
		if err != nil {
			return fmt.Errorf("cell %d, user %d: %w", cell, user, err)
		}
		gains[cell] = drop.MeanGainDB(&link)
		if gains[cell] > gains[g.Serving[user]] {
			g.Serving[user] = cell
		}
	}
	noise := math.Pow(10, (n.config.NoiseDBm()-n.config.TxPowerDBm)/10)
	others := 0.0
	for cell, gain := range gains {
		if cell != g.Serving[user] {
			others += math.Pow(10, gain/10)
		}
	}
	own := gains[g.Serving[user]]
	g.GeometryDB[user] = own - 10*math.Log10(others)
	g.SINRdB[user] = own - 10*math.Log10(others+noise)
	return nil
}

// ServingGainDB is the gain of the serving cell for each user: what calibrations call
// coupling gain, the negative of coupling loss.
func (g *Geometry) ServingGainDB() []float64 {
	gains := make([]float64, g.NumUsers)
	for user, cell := range g.Serving {
		gains[user] = g.GainDB[user*g.NumCells+cell]
	}
	return gains
}

// Quantile returns the value below which a share p of the values lies, interpolated
// between them; NaN without values.
func Quantile(values []float64, p float64) float64 {
	if len(values) == 0 || math.IsNaN(p) {
		return math.NaN()
	}
	return quantile(slices.Sorted(slices.Values(values)), p)
}

func quantile(sorted []float64, p float64) float64 {
	at := min(max(p, 0), 1) * float64(len(sorted)-1)
	below := int(at)
	above := min(below+1, len(sorted)-1)
	return sorted[below] + (at-float64(below))*(sorted[above]-sorted[below])
}

// Curve returns num points of the distribution function of values: shares 0 to 1 in
// equal steps, and their quantiles.
func Curve(values []float64, num int) (quantiles, shares []float64) {
	if len(values) == 0 || num < 2 {
		return nil, nil
	}
	sorted := slices.Sorted(slices.Values(values))
	for i := range num {
		p := float64(i) / float64(num-1)
		quantiles, shares = append(quantiles, quantile(sorted, p)), append(shares, p)
	}
	return quantiles, shares
}
