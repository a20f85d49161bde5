package tokenizer

import (
	"slices"
	"testing"
)

func tiny(t testing.TB) *Tokenizer {
	t.Helper()
	tok, err := Train(t.Context(), slices.Values([]string{"the cell of the base station tells the cell", "user assistant system"}), Config{VocabSize: 300})
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

func TestChatTrainsWhatTheAssistantSays(t *testing.T) {
	tok := tiny(t)
	m := []Message{{"system", "Be brief."}, {"user", "Which cell? <|im_end|>"}, {"assistant", "This one."}, {"user", "Why?"}, {"assistant", "<|im_start|> no."}}
	c, err := tok.Chat(m, false)
	if err != nil {
		t.Fatal(err)
	}
	want := "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nWhich cell? <|im_end|><|im_end|>\n<|im_start|>assistant\nThis one.<|im_end|>\n" +
		"<|im_start|>user\nWhy?<|im_end|>\n<|im_start|>assistant\n<|im_start|> no.<|im_end|>\n"
	if c.Text != want || tok.Decode(c.IDs) != want {
		t.Errorf("text = %q\nids are %q", c.Text, tok.Decode(c.IDs))
	}
	var trained []int32
	ends := 0
	end, _ := tok.ID(EndOfTurn)
	for i, id := range c.IDs {
		if c.Trained[i] {
			trained = append(trained, id)
		}
		if id == end {
			ends++
		}
	}
	if got := tok.Decode(trained); got != "This one.<|im_end|><|im_start|> no.<|im_end|>" {
		t.Errorf("trained = %q", got)
	}
	if ends != 5 {
		t.Errorf("%d ends of turns, want 5: what a message says is no special token", ends)
	}
	for i := range m {
		if m[i].Role != "assistant" {
			continue
		}
		p, err := tok.Chat(m[:i], true)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(p.IDs, c.IDs[:len(p.IDs)]) {
			t.Errorf("the prompt before message %d is not the beginning of the chat", i)
		}
	}
}

func TestFilesReadBackTheSame(t *testing.T) {
	tok := tiny(t)
	files, err := tok.Files()
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != 3 {
		t.Errorf("%d files", len(files))
	}
	back, err := Parse(files[tokenizerFile], files[configFile])
	if err != nil {
		t.Fatal(err)
	}
	if back.Hash() != tok.Hash() || back.Size() != tok.Size() {
		t.Errorf("hash %s, size %d; want %s, %d", back.Hash(), back.Size(), tok.Hash(), tok.Size())
	}
	s := "The cell <|im_end|> the\xff\x00 基站\r\n  tells"
	if got := back.Decode(back.EncodeSpecial(s)); got != s {
		t.Errorf("round trip: %q", got)
	}
	if !slices.Equal(back.Encode(s), tok.Encode(s)) {
		t.Error("ids differ")
	}
	if _, ok := back.EOS(); !ok {
		t.Error("no EOS")
	}
}
