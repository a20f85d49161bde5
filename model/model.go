// Package model says what an architecture is: a folder with a configuration that
// builds the thing, named once in the sorted table of model/all.
//
// What a model can do it says by one or more small interfaces: Filler for masked
// models of radio channels, LM for language models.
package model

import (
	"github.com/comlam/comlam/checkpoint"
	"github.com/comlam/comlam/nn"
)

// Kind is the class of a model.
type Kind string

const (
	Masked   Kind = "masked"   // reconstructs what was hidden from it
	Language Kind = "language" // continues a text
)

// Entry is one architecture: its name is folder, package, recipe key and
// command-line argument alike.
type Entry struct {
	Name  string
	Kind  Kind
	Paper string        // where it was published
	About string        // one line
	New   func() Config // the default configuration
}

// Config builds the model it describes. Validate returns a *setting.Error that
// names the field at fault.
type Config interface {
	Validate() error
	Build() (Model, error)
}

// LMConfig builds a language model for a vocabulary that is made elsewhere.
type LMConfig interface {
	Config
	SetVocabSize(n int)
}

// Portable is a configuration that is kept as the config.json of a Hugging Face folder.
// Its Entry.Name is the file's model_type.
type Portable interface {
	Config
	// ReadJSON takes over a config.json. What the model would compute otherwise than
	// the file says is a *setting.Error.
	ReadJSON(text []byte) error
	// Published is what the file says of the architecture.
	Published() map[string]any
}

// Model can be loaded and saved.
type Model interface {
	// Weights lists every variable with its published tensor name.
	Weights() checkpoint.Map
}

// Wrapped is a Model that transformers puts into a larger class for its use as a language
// model, where its tensors have longer names. Published adapters use those.
type Wrapped interface {
	Model
	// Modules is Weights with the names of that class.
	Modules() checkpoint.Map
}

// Renamed is a model whose files name their tensors in more than one way.
type Renamed interface {
	Model
	// WeightsIn is Weights with the names of a file with these tensors.
	WeightsIn(heads []checkpoint.Head) checkpoint.Map
}

// Grid is the size of a CSI sample: time slots, subcarriers, antennas
// (rx x tx pairs).
type Grid struct{ NumSlots, NumSubcarriers, NumAnt int }

// Filler is a masked model of CSI: it sees some patches of a sample and
// reconstructs all of them.
type Filler interface {
	Model
	// Patches is the number of patches of a sample along time, frequency and
	// antennas, or an error that says why the grid does not fit the model.
	Patches(g Grid) ([3]int, error)
	// Reconstruct returns the sample [B S K A 2] rebuilt from the visible patches
	// of x [B S K A 2] (S slots, K subcarriers, A antennas, real and imaginary
	// part). visible [B V] int32 holds patch numbers, time slowest, antenna
	// fastest; nothing outside those patches can influence the result.
	Reconstruct(s *nn.Scope, x, visible *nn.Node) *nn.Node
}

// Prompt is what a language model reads: B sequences of T tokens. What may be nil
// costs nothing where it is.
type Prompt struct {
	Tokens *nn.Node // [B T] int32
	// Positions [B T] int32 tell the place of each token in its text; nil counts from
	// 0, or from the tokens in the cache.
	Positions *nn.Node
	// Documents [B T] int32 tell which text of a packed sequence a token belongs to: no
	// token sees another document. Nil is one text a sequence.
	Documents *nn.Node
	// Places [B W] int32 are those whose logits are wanted, in this order; nil wants
	// all of them.
	Places *nn.Node
}

// LM is a language model: from the tokens so far it tells the next one.
type LM interface {
	Model
	// Logits returns the logits of the token after each of those of p, [B T V], or
	// [B W V] where p names places. Those of place t depend on the tokens 0 to t of
	// its document only.
	//
	// With a cache the tokens of p follow those that it holds; without one (nil) they
	// are whole sequences. A cache and documents together are refused.
	Logits(s *nn.Scope, p Prompt, c *nn.Cache) *nn.Node
	// VocabSize is V; tokens are 0 to V-1.
	VocabSize() int
	// MaxPositions is how many tokens a text may have.
	MaxPositions() int
}
