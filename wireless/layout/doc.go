// Package layout places base stations and users: hexagonal networks of sites with one or
// three sectors, with or without wrap-around, rooms with a grid of base stations, and
// users who live in buildings, drive, and move. It answers for all links at once:
// gains, serving cells, SINR and geometry.
//
//	c := layout.Default(channel.UMa) // 19 sites x 3 sectors, wrapped around, 10 users a cell
//	c.Channel.CarrierHz = 3.5e9
//	network, err := c.Build(seed)
//	g, err := network.Geometry(0)            // all links, on all cores
//	median := layout.Quantile(g.SINRdB, 0.5)
//	drop, taps := network.NewDrop(), network.System().NewTaps()
//	link, err := network.Link(drop, cell, user)
//	err = drop.Draw(&link, taps)             // coefficients of one link
//
// Everything is a pure function of the configuration and the seed, for any number of
// goroutines.
package layout
