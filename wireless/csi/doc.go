// Package csi makes data sets of channel state information: a configuration is
// built into a generator, and sample i of a seed is the same bits wherever, in
// whatever order and by however many workers it is drawn.
//
//	g, err := csi.Default().Build()
//	h := make([]complex64, g.Shape().Len())
//	drop := g.Sample(seed, index, h)               // one sample
//	err = g.Stream(ctx, seed, 0, 1e6, 2, consume)  // many, in order, in flat memory
//	err = csi.Save(ctx, durable.OS, "train", g, csi.SaveConfig{Seed: 1, Count: 1e4, Workers: 2})
//
// Open reads arrays of .npy, .npz and SigMF files as one type; Convert goes between
// them, Figure and Coverage draw.
//
// # Layout and normalisation
//
// A sample is H[time, subcarrier, rx, tx], complex64, computed in float64. It is
// noiseless: noise is added where samples are used, so that a target is never
// noisy by accident. Subcarriers are centred about the carrier: f_k =
// (k - (NumSubcarriers-1)/2) subcarrier_spacing.
//
// E|H|^2 = 1 over the data set, averaged over the pairs of antennas. The factor
// is fixed by the configuration: it comes from the mean power of the model in
// closed form, averaged over the random bearings where there are any, never from
// the samples. Fading, and the gain of a panel that happens to look the right
// way, stay in the samples.
//
// Scenarios (umi, uma and others) have no mean power in closed form: their factor is
// measured once, on draws that depend on the configuration only. Path loss, shadowing
// and penetration are left out of the samples; Drop has them.
//
// Noise of signal-to-noise ratio s therefore has the total complex variance 1/s
// for unit transmit power.
package csi
