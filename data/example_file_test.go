package data

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/comlam/comlam/internal/testdata"
	"github.com/comlam/comlam/tokenizer"
)

// read reads a file that is given as a text.
func read(text string) (*Examples, error) {
	return ReadExamples("f.jsonl", strings.NewReader(text), nil)
}

func said(turns ...string) []Message {
	var m []Message
	for i := 0; i < len(turns); i += 2 {
		m = append(m, Message{Role: turns[i], Content: turns[i+1]})
	}
	return m
}

func chat(turns ...string) Passage { return Passage{Messages: said(turns...)} }

// TestFormats: each format, in the spellings of the tools that use it.
func TestFormats(t *testing.T) {
	u, a := "user", "assistant"
	for name, c := range map[string]struct {
		text   string
		format Format
		want   Example
	}{
		"text":                      {`{"text": "a b"}`, FormatText, Example{Kind: KindText, Completion: Passage{Text: "a b"}}},
		"prompt-completion":         {`{"prompt": "a", "completion": "b"}`, FormatCompletion, Example{Kind: KindCompletion, Prompt: Passage{Text: "a"}, Completion: Passage{Text: "b"}}},
		"prompt-completion turns":   {`{"prompt": [{"role": "user", "content": "a"}], "completion": [{"role": "assistant", "content": "b"}]}`, FormatCompletion, Example{Kind: KindCompletion, Prompt: chat(u, "a"), Completion: chat(a, "b")}},
		"messages":                  {`{"messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "a"}]}`, FormatMessages, Example{Kind: KindChat, Completion: chat("system", "s", u, "a")}},
		"messages in parts":         {`{"messages": [{"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}]}`, FormatMessages, Example{Kind: KindChat, Completion: chat(u, "ab")}},
		"alpaca":                    {`{"instruction": "a", "input": "", "output": "b"}`, FormatAlpaca, Example{Kind: KindChat, Completion: chat(u, "a", a, "b")}},
		"alpaca with everything":    {`{"system": "s", "history": [["q", "r"]], "instruction": "a", "input": "i", "output": "b"}`, FormatAlpaca, Example{Kind: KindChat, Completion: chat("system", "s", u, "q", a, "r", u, "a\ni", a, "b")}},
		"torchtune's instruct":      {`{"instruction": "a", "response": "b"}`, FormatAlpaca, Example{Kind: KindChat, Completion: chat(u, "a", a, "b")}},
		"sharegpt":                  {`{"conversations": [{"from": "human", "value": "a"}, {"from": "gpt", "value": "b"}], "system": "s"}`, FormatShareGPT, Example{Kind: KindChat, Completion: chat("system", "s", u, "a", a, "b")}},
		"sharegpt with tools":       {`{"conversations": [{"from": "human", "value": "a"}, {"from": "function_call", "value": "f()"}, {"from": "observation", "value": "1"}, {"from": "gpt", "value": "b"}]}`, FormatShareGPT, Example{Kind: KindChat, Completion: chat(u, "a", a, "f()", "tool", "1", a, "b")}},
		"preference":                {`{"prompt": "a", "chosen": "b", "rejected": "c"}`, FormatPreference, Example{Kind: KindPreference, Prompt: Passage{Text: "a"}, Completion: Passage{Text: "b"}, Rejected: Passage{Text: "c"}}},
		"preference turns":          {`{"prompt": [{"role": "user", "content": "a"}], "chosen": [{"role": "assistant", "content": "b"}], "rejected": [{"role": "assistant", "content": "c"}]}`, FormatPreference, Example{Kind: KindPreference, Prompt: chat(u, "a"), Completion: chat(a, "b"), Rejected: chat(a, "c")}},
		"implicit prompt":           {`{"chosen": "The sky is blue.", "rejected": "The sky is green."}`, FormatPreference, Example{Kind: KindPreference, Prompt: Passage{Text: "The sky is"}, Completion: Passage{Text: " blue."}, Rejected: Passage{Text: " green."}}},
		"implicit prompt, turns":    {`{"chosen": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}], "rejected": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "c"}]}`, FormatPreference, Example{Kind: KindPreference, Prompt: chat(u, "a"), Completion: chat(a, "b"), Rejected: chat(a, "c")}},
		"implicit prompt, one ends": {`{"chosen": "Say: ", "rejected": "Say: no"}`, FormatPreference, Example{Kind: KindPreference, Prompt: Passage{Text: "Say:"}, Completion: Passage{Text: " "}, Rejected: Passage{Text: " no"}}},
		"LLaMA-Factory, sharegpt":   {`{"conversations": [{"from": "human", "value": "a"}], "chosen": {"from": "gpt", "value": "b"}, "rejected": {"from": "gpt", "value": "c"}}`, FormatPreference, Example{Kind: KindPreference, Prompt: chat(u, "a"), Completion: chat(a, "b"), Rejected: chat(a, "c")}},
		"LLaMA-Factory, alpaca":     {`{"instruction": "a", "input": "i", "chosen": "b", "rejected": "c"}`, FormatPreference, Example{Kind: KindPreference, Prompt: chat(u, "a\ni"), Completion: chat(a, "b"), Rejected: chat(a, "c")}},
		"label":                     {`{"prompt": "a", "completion": "b", "label": true}`, FormatLabelled, Example{Kind: KindLabelled, Prompt: Passage{Text: "a"}, Completion: Passage{Text: "b"}, Good: true}},
		"label false":               {`{"prompt": "a", "completion": "b", "label": false}`, FormatLabelled, Example{Kind: KindLabelled, Prompt: Passage{Text: "a"}, Completion: Passage{Text: "b"}}},
		"kto_tag":                   {`{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}], "kto_tag": true}`, FormatLabelled, Example{Kind: KindLabelled, Prompt: chat(u, "a"), Completion: chat(a, "b"), Good: true}},
	} {
		e, err := read(c.text)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		c.want.Line = 1
		if e.Format != c.format || e.Kind != c.want.Kind || len(e.List) != 1 || fmt.Sprint(e.List[0]) != fmt.Sprint(c.want) || len(e.Unused) > 0 {
			t.Errorf("%s: %s %+v, unused %q, want %s %+v", name, e.Format, e.List, e.Unused, c.format, c.want)
		}
	}
}

// TestExampleErrors: each names the file, the line and what is wrong there.
func TestExampleErrors(t *testing.T) {
	good := `{"prompt": "a", "completion": "b"}` + "\n"
	for want, text := range map[string]string{
		"f.jsonl: there is no example in it":                                                        "\n \n",
		"f.jsonl:2: \"prompt\": unexpected EOF":                                                     good + `{"prompt": "a`,
		"f.jsonl:3: \"5\" where an object {...} should be":                                          good + "\n5",
		"f.jsonl:2: there is something behind the object":                                           good + good[:len(good)-1] + " {}",
		`f.jsonl:1: the key "a" comes twice`:                                                        `{"a": 1, "a": 2}`,
		"f.jsonl:1: bytes that are not UTF-8":                                                       "{\"text\": \"\xff\"}",
		`f.jsonl:1: "text": an escape \uD800 to \uDFFF without its other half`:                      `{"text": "a\ud800b"}`,
		`f.jsonl:1: no format has the keys question, answer; use {prompt, completion},`:             `{"question": "a", "answer": "b"}`,
		`f.jsonl:2: a record of the format text (its keys are text) in a file that began as prompt`: good + `{"text": "a"}`,
		`f.jsonl:1: "text": "5" is not a text`:                                                      `{"text": 5}`,
		`f.jsonl:1: "messages" is "\"a\"", not a list of messages`:                                  `{"messages": "a"}`,
		`f.jsonl:1: "messages" has no message`:                                                      `{"messages": []}`,
		`f.jsonl:1: "messages": message 1: there is no role "boss"; use one of`:                     `{"messages": [{"role": "boss", "content": "a"}]}`,
		`f.jsonl:1: "messages": message 1: its keys are role, not role and content`:                 `{"messages": [{"role": "user"}]}`,
		`f.jsonl:1: "messages": message 1: "content": part 1 is of the type "image"`:                `{"messages": [{"role": "user", "content": [{"type": "image"}]}]}`,
		`f.jsonl:1: "messages": message 1: "tool_calls" is not supported`:                           `{"messages": [{"role": "assistant", "content": "", "tool_calls": [1]}]}`,
		`f.jsonl:1: prompt and completion are in part plain texts and in part messages`:             `{"prompt": "a", "completion": [{"role": "assistant", "content": "b"}]}`,
		`f.jsonl:1: "label" is "\"yes\"", not true or false`:                                        `{"prompt": "a", "completion": "b", "label": "yes"}`,
		`f.jsonl:1: a label, and the last turn is of "user"`:                                        `{"messages": [{"role": "user", "content": "a"}], "label": true}`,
		`f.jsonl:1: a label beside a record of the format text`:                                     `{"text": "a", "label": true}`,
		`f.jsonl:1: "history": turn 1 has 1 parts`:                                                  `{"instruction": "a", "output": "b", "history": [["x"]]}`,
		"f.jsonl:3: \"text\": \"5\" is not a text":                                                  "[\n{\"text\": \"a\"},\n{\"text\": 5}]",
		"f.jsonl:1: the array does not end":                                                         `[{"text": "a"}`,
		"f.jsonl:1: there is something behind the array":                                            `[{"text": "a"}] x`,
	} {
		if _, err := read(text); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: got %v, want %s...", text, err, want)
		}
	}
	long := `{"text": "` + strings.Repeat("x", maxLine) + `"}`
	if _, err := read(long); err == nil || !strings.Contains(err.Error(), "a line of more than 16 MiB") {
		t.Errorf("a long line: %v", err)
	}
}

// TestLines: examples know their lines, whatever way they are laid out; marks and
// compression make no difference.
func TestLines(t *testing.T) {
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	io.WriteString(z, "\n{\"text\": \"a\"}\r\n\n{\"text\": \"b\"}")
	z.Close()
	for name, c := range map[string]struct {
		text string
		want []int
	}{
		"lines":  {"\ufeff{\"text\": \"a\"}\n\n{\"text\": \"b\"}\n", []int{1, 3}},
		"array":  {"\n[\n {\"text\":\n \"a\"}\n,\n\n{\"text\": \"b\"}, {\"text\": \"c\"}\n]\n", []int{3, 7, 7}},
		"packed": {packed.String(), []int{2, 4}},
	} {
		e, err := read(c.text)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var got []int
		for _, x := range e.List {
			got = append(got, x.Line)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: lines %d, want %d", name, got, c.want)
		}
	}
}

// TestColumns: a file with keys of its own is read by saying which is which.
func TestColumns(t *testing.T) {
	text := `{"question": "a", "response_j": "b", "response_k": "c", "id": 7}`
	e, err := ReadExamples("f", strings.NewReader(text), Columns{"prompt": "question", "chosen": "response_j", "rejected": "response_k"})
	if err != nil || e.Kind != KindPreference || e.List[0].Rejected.Text != "c" || !slices.Equal(e.Unused, []string{"id"}) {
		t.Errorf("%+v, %v", e, err)
	}
	_, err = ReadExamples("f", strings.NewReader(text), Columns{"prompt": "ask"})
	if err == nil || err.Error() != `f:1: there is no column "ask" for "prompt"; there are: question, response_j, response_k, id` {
		t.Errorf("got %v", err)
	}
}

// TestPublishedFiles: the small files of torchtune.
func TestPublishedFiles(t *testing.T) {
	dir := testdata.Dir(t, "torchtune_assets")
	for name, want := range map[string]string{
		"alpaca_tiny.json":                "alpaca chat 100 [text]",
		"chat_tiny.json":                  "sharegpt chat 1 []",
		"hh_rlhf_tiny.json":               "preference preference 1 []",
		"instruct_tiny.json":              "alpaca chat 2 []",
		"stack_exchange_paired_tiny.json": "preference preference 25 []",
	} {
		var c Columns
		if strings.HasPrefix(name, "stack") {
			c = Columns{"prompt": "question", "chosen": "response_j", "rejected": "response_k"}
		}
		e, err := OpenExamples(filepath.Join(dir, name), c)
		if err != nil {
			t.Error(err)
			continue
		}
		if got := fmt.Sprint(e.Format, " ", e.Kind, " ", len(e.List), " ", e.Unused); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}

// recordedTRL is what testdata/record.py wrote.
type recordedTRL struct {
	Template string
	HH       struct {
		Rows   int
		SHA256 string
	} `json:"hh_rlhf"`
	Tiny struct{ Prompt, Chosen, Rejected []Message } `json:"hh_rlhf_tiny"`
	SFT  []struct {
		Example json.RawMessage
		IDs     []int32
		Mask    []int
	}
}

func trl(t *testing.T) recordedTRL {
	t.Helper()
	text, err := os.ReadFile("testdata/trl.json")
	if err != nil {
		t.Fatal(err)
	}
	var r recordedTRL
	if err := json.Unmarshal(text, &r); err != nil {
		t.Fatal(err)
	}
	return r
}

// TestImplicitPrompt: prompts are cut off where TRL cuts them, in every row of a real
// file.
func TestImplicitPrompt(t *testing.T) {
	r := trl(t)
	e, err := OpenExamples(filepath.Join(testdata.Dir(t, "hh_rlhf"), "harmless-base-test.dev.jsonl.gz"), nil)
	if err != nil {
		t.Fatal(err)
	}
	h := sha256.New()
	for _, x := range e.List {
		io.WriteString(h, x.Prompt.Text+"\x00"+x.Completion.Text+"\x00"+x.Rejected.Text+"\n")
	}
	if got := hex.EncodeToString(h.Sum(nil)); len(e.List) != r.HH.Rows || got != r.HH.SHA256 {
		t.Errorf("%d rows, digest %s, want %d, %s", len(e.List), got, r.HH.Rows, r.HH.SHA256)
	}
	e, err = OpenExamples(filepath.Join(testdata.Dir(t, "torchtune_assets"), "hh_rlhf_tiny.json"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if x := e.List[0]; !slices.Equal(x.Prompt.Messages, r.Tiny.Prompt) || !slices.Equal(x.Completion.Messages, r.Tiny.Chosen) || !slices.Equal(x.Rejected.Messages, r.Tiny.Rejected) {
		t.Errorf("got %+v, want %+v", x, r.Tiny)
	}
}

// TestMaskAsTRL: ids and masks are those of TRL's SFTTrainer. Behind the token that ends
// a turn TRL trains the template's line feed too, where it is the completion of a
// prompt; here nobody asks a model for it, in any kind of example.
func TestMaskAsTRL(t *testing.T) {
	r := trl(t)
	text, err := os.ReadFile(filepath.Join(testdata.Dir(t, "torchtune_assets"), "tiny_bpe_tokenizer.json"))
	if err != nil {
		t.Fatal(err)
	}
	text = bytes.Replace(text, []byte(`"normalizer":{"type":"NFC"}`), []byte(`"normalizer":null`), 1) // all of it is ASCII
	config, err := json.Marshal(map[string]string{"eos_token": "<|endoftext|>", "chat_template": r.Template})
	if err != nil {
		t.Fatal(err)
	}
	tok, err := tokenizer.Parse(text, config)
	if err != nil {
		t.Fatal(err)
	}
	for i, c := range r.SFT {
		e, err := read(string(c.Example))
		if err != nil {
			// The examples are spread over lines.
			var line bytes.Buffer
			if err := json.Compact(&line, c.Example); err != nil {
				t.Fatal(err)
			}
			if e, err = read(line.String()); err != nil {
				t.Fatal(err)
			}
		}
		s, err := Render(tok, e.List[0])
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(s.IDs, c.IDs) {
			t.Errorf("example %d: ids %d, want %d", i, s.IDs, c.IDs)
			continue
		}
		last := len(c.Mask) - 1
		if e.Format == FormatCompletion && len(e.List[0].Prompt.Messages) > 0 && c.Mask[last] == 1 && tok.Decode(s.IDs[last:]) == "\n" {
			c.Mask[last] = 0
		}
		for k, want := range c.Mask {
			if s.Trained[k] != (want == 1) {
				t.Errorf("example %d: token %d, %q, trained %v, TRL says %d", i, k, tok.Decode(s.IDs[k:k+1]), s.Trained[k], want)
			}
		}
	}
}
