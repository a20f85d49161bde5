// Package run reads a recipe, builds its parts and runs its stages.
//
// # Recipes
//
// A recipe is one YAML file. Each key is the name of the package that reads it, in
// the order of the data flow; what it leaves out has the default of that package:
//
//	seed:  1
//	task:  {name: channelpred, past: 16, future: 4}
//	model: {name: wifo, size: tiny}
//	data:  {channel: cdl-c, speed: 3 to 60 km/h}
//	train: {steps: 3000, optimizer: {lr: 1e-3}}
//	tune:  {speed: 120 km/h}      # optional: adaptation to a condition not seen
//
// [Load] finds a recipe by the name it has in the program ("channelpred/jakes") or
// by its path, and applies overrides such as "train.steps=100":
//
//	r, err := run.Load("channelpred/jakes", []string{"train.steps=100"})
//
// Reading is strict. An unknown key, a value of another type, a missing unit, a
// setting that cannot work or sections that do not fit together are each an [Error]
// with file and line, the reason, and what would do. Nothing is converted: 1.0 is
// not a whole number and yes is not true. Anchors, aliases and tags are refused.
//
// [Recipe.Resolved] writes a recipe with every default, [Recipe.Section] one section
// of it: the same bytes for the same settings, so that a result can be addressed by
// a hash of what it depends on.
package run
