// Package link measures bit and block error rates of radio links over SNR.
//
//	c := link.Default()                    // QPSK without code over white noise
//	c.Channel, c.NumRx = "rayleigh", 2
//	l, err := c.Build()
//	curve, err := l.Run(ctx, link.RunConfig{Seed: 1, Workers: 4})
//	chart, err := link.Chart("QPSK", []link.Curve{curve})
//	svg, err := chart.SVG()
//
// # What a link is
//
// A block of random bits is coded (nothing, LDPC, polar, or a transport block with its
// CRCs, segmentation and redundancy versions), mapped to symbols, sent through the
// channel, demapped to soft bits and decoded. Symbols go one by one through white noise
// or independent Rayleigh fading, or they fill the resource grid of an OFDM slot whose
// channel is estimated from DM-RS.
//
// # Link adaptation
//
// A transport block may have the MCS that suits its channel (Transport.Adapt), which the
// sender knows without delay: what adaptation can give at best. Its blocks have several
// sizes, and those of the outer loop depend on one another, so intervals of both rates are
// approximate, and a point counts on one goroutine.
//
// # Power and noise
//
// Symbols have unit mean power and so has the channel between two antennas, so that
// Es/N0 is 1/n0 at each receive antenna; n0 is the variance of the complex noise, half
// of it in each part. Eb/N0 is Es/N0 divided by the information bits of a symbol: bits
// a symbol times code rate. Pilots and cyclic prefixes are not counted in it.
//
// # Errors and how sure they are
//
// A point ends when it has seen enough errors, or at its last block. Jobs are a fixed
// number of blocks and count in their order, so how many blocks a point has does not
// depend on how many workers there are. Block b at an SNR depends on the seed, the SNR
// and b only: points do not depend on each other, and a count can be split anywhere.
//
// Intervals are Wilson's (see package metric). Bits of a block fail together, so the
// interval of a bit error rate takes as many independent bits as the scatter between
// blocks shows (the design effect of survey sampling; L. Kish, "Survey Sampling", 1965).
// Stopping after a number of errors biases a rate by a share of about one over that
// number.
package link
