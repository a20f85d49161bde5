// Package mimo sends several streams over several antennas: detectors, precoders,
// capacities and the codebook of NR.
//
//	d, err := mimo.NewLinear(mimo.LMMSE, mimo.Config{NumRx: 4, NumStreams: 2, Scheme: mapping.QAM16})
//	err = d.Detect(llrs, h, y, []float64{n0}) // [B R S], [B R] -> [B S Qm]
//
// # Conventions
//
// y = H x + w. Axes: B batch, R receive antennas, S streams (layers), T transmit
// antennas (ports), Qm bits a symbol. A matrix is its rows one after the other. Streams
// have unit power: what is sent with more or less of it has that in H. n0 is the
// variance of complex noise, the same on each antenna and independent between them; a
// Whitener makes other noise so. Soft bits are ln(P(bit=0)/P(bit=1)), as packages mapping
// and fec have them; with streams innermost they are a code word in the order of the
// layer mapping of TS 38.211 clause 7.3.1.3.
//
// Ratios and powers are linear, capacities in bits per channel use. Detectors and other
// workspaces are for one goroutine each; after they are made they allocate nothing.
package mimo
