//go:build race

package csi

// raced says that the race detector watches: statistics that one goroutine counts get by
// with less then.
const raced = true
