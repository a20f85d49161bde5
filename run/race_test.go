//go:build race

package run

// raced says that the race detector watches. It checks pointers, too, and refuses
// the kernels of the engine, which step past the end of a slice without reading
// there.
const raced = true
