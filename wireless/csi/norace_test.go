//go:build !race

package csi

const raced = false
