package tokenizer

import (
	"encoding/json"
	"fmt"
	"slices"
)

// A frame is what stands before and behind one text.
type frame struct{ before, behind []int32 }

func (f frame) around(ids []int32) []int32 { return slices.Concat(f.before, ids, f.behind) }

// readFrame reads a post_processor, as far as single texts go.
func readFrame(raw json.RawMessage) (frame, error) {
	if isNull(raw) {
		return frame{}, nil
	}
	kind, err := typeOf(raw)
	if err != nil {
		return frame{}, err
	}
	switch kind {
	case "ByteLevel": // moves offsets only
		return frame{}, nil
	}
	return frame{}, fmt.Errorf("type %q is not known", kind)
}
