// Package channel generates the radio channels of 3GPP TR 38.901: those of whole
// environments (clauses 7.4 and 7.5: umi, uma, rma, inh, inf) from path loss to rays,
// and those of links (clause 7.7): clustered delay lines (CDL-A..E) with rays,
// polarisation and antenna panels, tapped delay lines (TDL-A..E, TDL-A30, TDL-B100,
// TDL-C300), and the flat Rayleigh channel of Jakes.
//
// # Environments
//
// A System is a scenario at a carrier, a Drop one random environment of it. What is
// random about a link follows from the drop's seed, site, user and place:
//
//	m, err := channel.NewSystem(channel.SystemConfig{Scenario: channel.UMi, CarrierHz: 3.5e9, ...})
//	drop, taps := m.NewDrop(seed), m.NewTaps() // for one goroutine
//	link, err := drop.LargeScale(
//		channel.BS{At: channel.Point{Z: 10}},
//		channel.UE{ID: 1, At: channel.Point{X: 80, Y: 20, Z: 1.5}})
//	err = drop.Draw(&link, taps)               // gain without antennas: link.PathGainDB()
//	err = taps.CFR(...)
//
// Package layout makes networks of sites and users of it.
//
// Package layout makes networks of sites and users of it.
//
// # Delay lines
//
// A model is built once and drawn from many times; whatever changes from draw to
// draw is in Link. Taps is the result and the workspace, one per goroutine:
//
//	profile, err := channel.Lookup("cdl-c")
//	m, err := channel.NewCDL(channel.CDLConfig{Profile: profile, CarrierHz: 3.5e9, ...})
//	taps := m.NewTaps()
//	err = m.Draw(rng.New(seed, index), channel.Link{DelaySpreadS: 100e-9, SpeedMPS: 10}, taps)
//	err = taps.CFR(channel.Subcarriers{Num: 32, SpacingHz: 360e3}, channel.Downlink, h)
//
// # Conventions
//
// Units are SI, angles are radians (degrees only in the tables, where the name
// says so), powers are linear. The ends are called BS (departure angles of the
// tables) and UE (arrival angles; the end that moves). Which of them transmits is
// the Direction given to CFR: the uplink matrix is the transpose of the downlink
// matrix, bit for bit.
//
// Azimuth 0 is the x axis, zenith 0 the z axis (clause 7.1). A panel without
// bearing and downtilt lies in the y-z plane and looks along x. Ports are counted
// polarisation first, then columns, then rows, as the codebooks of TS 38.214
// clause 5.2.2.2 do: port = (polarisation*Cols + column)*Rows + row.
//
// # Randomness
//
// A draw takes all it needs from the stream it is given and depends on nothing
// else: not on earlier draws, not on the Taps it is written to.
package channel
