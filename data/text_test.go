package data

import (
	"strings"
	"testing"
)

func TestTextValidates(t *testing.T) {
	if err := DefaultText().Validate(); err != nil {
		t.Fatal(err)
	}
	ok := TextSource{Path: "a/b.jsonl.gz", Weight: 1}
	for want, c := range map[string]Text{
		"sequence_length":    {SequenceLength: 2, Sources: []TextSource{ok}},
		"held_out":           {SequenceLength: 64, HeldOut: 1, Sources: []TextSource{ok}},
		"sources":            {SequenceLength: 64},
		"sources[0].path":    {SequenceLength: 64, Sources: []TextSource{{Weight: 1}}},
		"sources[0].parse":   {SequenceLength: 64, Sources: []TextSource{{Path: "docs:", Parse: true, Weight: 1}}},
		"sources[0].weight":  {SequenceLength: 64, Sources: []TextSource{{Path: "x"}}},
		"sources[1]":         {SequenceLength: 64, Sources: []TextSource{ok, ok}},
		"sources[0].held":    {SequenceLength: 64, Sources: []TextSource{{Facts: 3, Held: "test", Weight: 1}}},
		"no source is train": {SequenceLength: 64, Sources: []TextSource{{Path: "x", Held: "test"}}},
	} {
		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want an error of %s, got %v", want, err)
		}
	}
	if got := ok.Title(); got != "b" {
		t.Errorf("title %q", got)
	}
}
