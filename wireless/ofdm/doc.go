// Package ofdm is the resource grid of NR: orthogonal frequency division multiplexing
// with cyclic prefixes (3GPP TS 38.211 clause 5.3.1), demodulation reference signals
// (clause 7.4.1.1) and comb pilots, and channel estimation from them.
//
//	d := ofdm.DMRS{Type: 1, Length: 1, Additional: 1, TypeAPosition: 2, NumCDMGroups: 2}
//	slot, err := d.Slot(ofdm.Allocation{NumRB: 20, NumSymbols: 14, NumLayers: 1})
//	slot.Pilots[0].Put(grid)                               // those of layer 0
//	err = slot.Pilots[0].Observe(observed, received)       // least squares
//	e, err := ofdm.NewLMMSE(slot.Pilots[0], slot.Grid, correlation, n0, 0)
//	err = e.Estimate(h, observed)                          // of every resource element
//
// # Conventions
//
// A grid is [symbol, subcarrier], subcarrier 0 the lowest; a resource element is its
// index symbol*NumSubcarriers+subcarrier. Transforms are unitary: noise of variance n0
// a sample has variance n0 a resource element. Subcarrier k stands k-NumSubcarriers/2
// spacings from the carrier.
//
// Slots, pilots and estimators are immutable, and goroutines may share them; a
// Modulator is a workspace, one a goroutine.
//
// # What is not here
//
// Refused by name: PDSCH mapping type B, hopping of groups and sequences, the low-PAPR
// DM-RS of transform precoding (clause 6.4.1.1.1.2), phase-tracking reference signals.
package ofdm
