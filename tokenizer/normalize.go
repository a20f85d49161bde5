package tokenizer

import (
	"encoding/json"
	"fmt"
)

// readNormalizer reads a normalizer.
func readNormalizer(raw json.RawMessage) (normalizer, error) {
	if isNull(raw) {
		return nil, nil
	}
	kind, err := typeOf(raw)
	if err != nil {
		return nil, err
	}
	return nil, fmt.Errorf("type %q is not known", kind)
}
