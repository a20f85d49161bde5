// Package task says what an application is: a folder that knows how a model is fed
// and judged, and that shows every learned number beside its classical baselines
// and its bound.
package task

// Entry is one application: its name is folder, package, recipe key and
// command-line argument alike.
type Entry struct {
	Name  string
	Area  string // the field's area: physical layer, MAC, resources, network, edge, semantic, security, emerging, evaluation
	Paper string
	About string // one line
	Text  bool   // its recipes train language models
	New   func() Config
}

// Config is the `task` section of a recipe. Validate returns a *setting.Error
// that names the field at fault.
type Config interface {
	Validate() error
}
