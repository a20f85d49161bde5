//go:build race

package main

// raced says that the race detector watches: it refuses the kernels of the engine.
const raced = true
