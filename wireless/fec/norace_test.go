//go:build !race

package fec

const raced = false
