//go:build xla

package backend

import "github.com/gomlx/go-xla/compute/xla"

// The plugin is named by the configuration and is found by go-xla: xla:cpu, xla:cuda.
func init() {
	openers["xla"] = func(config string, _ bool) (Engine, error) { return xla.New(config) }
}
