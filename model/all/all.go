// Package all is the table of architectures.
package all

import (
	"github.com/comlam/comlam/model"
	"github.com/comlam/comlam/model/gpt2"
	"github.com/comlam/comlam/model/llama"
	"github.com/comlam/comlam/model/wifo"
)

// Entries lists the architectures by name.
var Entries = []model.Entry{gpt2.Entry, llama.Entry, wifo.Entry}
