//go:build !amd64 || noasm

package channel

// Without assembly the loop in Go serves always.
func asmPairSums(_, _, _ []float64, _ int, _, _ []float64, _, _, _ int) bool { return false }
