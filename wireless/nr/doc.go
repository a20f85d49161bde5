// Package nr holds the tables of 5G New Radio that both the radio simulator and the
// language side need, and the short computations that the standard defines on them:
// numerologies (TS 38.211), resource blocks of a channel (TS 38.101), MCS and CQI
// tables and the transport block size (TS 38.214), the peak rate (TS 38.306); and what
// simulators need to choose among rows: effective SINR, inner and outer loop.
//
// Each table lives here and nowhere else; its clause stands beside it. Values are
// those of Release 17 unless a comment says otherwise; none of them has changed since
// the release that brought it.
//
//	m, err := nr.MCSTable1.MCS(13)
//	tbs, err := nr.TransportBlockSize(nr.Allocation{NumPRB: 50, NumSymbols: 12, NumDMRS: 12, MCS: m, NumLayers: 1})
//
// Units are in the names: Hz, S for seconds, BPS for bits per second. Code rates are
// kept as the standard prints them, times 1024, and every one of them is a multiple
// of one half, so that arithmetic on them is exact.
package nr
