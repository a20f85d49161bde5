package layout_test

import (
	"fmt"

	"github.com/comlam/comlam/wireless/channel"
	"github.com/comlam/comlam/wireless/layout"
)

// Urban macro at 3.5 GHz: 7 sites of 3 sectors, wrapped around, 4 users a cell. What do
// users hear, and what is the channel of one of them?
func Example() {
	c := layout.Default(channel.UMa)
	c.Channel.CarrierHz = 3.5e9
	c.Sites, c.UsersPerCell = 7, 4
	const seed = 1
	network, err := c.Build(seed)
	if err != nil {
		fmt.Println(err)
		return
	}
	g, err := network.Geometry(0, 0)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%d users, %d cells, median SINR %.0f dB\n", g.NumUsers, g.NumCells, layout.Quantile(g.SINRdB, 0.5))

	const user = 5
	drop, taps := network.NewDrop(), network.System().NewTaps()
	link, err := network.Link(drop, g.Serving[user], network.User(user, 0))
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := drop.Draw(&link, taps); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("user %d: %v over %.0f m, %d taps\n", user, link.Condition, link.Distance2DM, len(taps.DelayS))
	// Output:
	// 84 users, 21 cells, median SINR 3 dB
	// user 5: O2I over 179 m, 13 taps
}
