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
// The task says which kind of recipe it is. One for text has these sections:
//
//	seed:      1
//	task:      {name: telecomqa}
//	tokenizer: {vocab_size: 2048}
//	model:     {name: llama, size: custom, hidden_size: 192, ...}
//	data:      {sources: [{facts: 16, weight: 9}, {path: notes, weight: 1}]}
//	train:     {steps: 1500}
//	tune:      {methods: [full, lora]}    # optional: instructions
//	align:     {loss: dpo}                # optional, after tune
//
// or "from: FOLDER", instead of tokenizer and model, to go on with a model.
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
//
// # Runs
//
// [Execute] trains, adapts and evaluates as a recipe says, [Demo] several recipes into
// one report. A run directory holds
//
//	recipe.yaml                resolved; of the demo recipe-1.yaml, recipe-2.yaml ...
//	run.json                   status, seed, kernel variant, versions ([Info])
//	stages/NAME-KEY/           what a stage made, under a hash of what went in
//	stages/NAME-KEY/done.json  the marker: written last, with every file's SHA-256
//	stages/train-KEY/          weights, metrics.jsonl, checkpoints (the last and the best),
//	                           trail.jsonl: what [Past.Verify] compares a replay with
//	stages/adapt-WAY-KEY/      weights, scores; checkpoints and trail of each trial
//	models/  adapters/         of text: folders for Hugging Face's transformers and PEFT
//	figures/  report.html  result.json
//
// Running again uses the stages whose inputs are the same and whose files are whole,
// continues the one that was stopped at its last checkpoint, and makes the others.
// The figures are the same to the bit, however often a run was stopped, killed or
// out of space. One directory is one kernel variant: another is refused, because it
// rounds otherwise.
package run
