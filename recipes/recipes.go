// Package recipes embeds the recipes that come with the program: one YAML file
// each, recipes/<task>/<name>.yaml, named "<task>/<name>" on the command line.
//
// The comments at the head of a file say which paper it follows, the command
// that runs it and what was measured. Package run reads them; `comlam recipe cp`
// copies one to edit.
package recipes

import "embed"

// Files holds the recipes as "<task>/<name>.yaml".
//
//go:embed */*.yaml
var Files embed.FS
