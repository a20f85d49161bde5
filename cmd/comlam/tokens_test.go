package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/comlam/comlam/tokenizer"
)

const (
	fewChats = `{"messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Which cell?"}, {"role": "assistant", "content": "This one."}]}
{"messages": [{"role": "user", "content": "And that?"}, {"role": "assistant", "content": "No."}], "id": 7}
`
	fewPairs = `{"chosen": "The base station is here.", "rejected": "The base station is not."}` + "\n"
	fewStack = `[{"question": "Which cell?", "response_j": "This one.", "response_k": "That one."}]`
	badChats = `{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b\u001b[31m"}]}
{"messages": [{"role": "user", "content": " "}, {"role": "assistant", "content": "b"}]}
{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}, {"role": "user", "content": "c"}]}
{"messages": [{"role": "user", "content": "a"}]}
`
)

// tokenExamples writes a tokenizer and files of examples.
func tokenExamples(t *testing.T, dir string) {
	t.Helper()
	tok, err := tokenizer.Train(t.Context(), slices.Values([]string{"the cell of the base station tells the cell", "user assistant system"}), tokenizer.Config{VocabSize: 290})
	if err != nil {
		t.Fatal(err)
	}
	files, err := tok.Files()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "tiny"), 0o777); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"chats.jsonl": fewChats, "pairs.jsonl": fewPairs, "stack.json": fewStack, "bad.jsonl": badChats} {
		files["../"+name] = []byte(text)
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, "tiny", name), text, 0o666); err != nil {
			t.Fatal(err)
		}
	}
}

func TestTokens(t *testing.T) {
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	work := t.TempDir()
	tokenExamples(t, work)
	t.Chdir(work)
	got := transcript(
		"comlam tokens --help", "comlam tokens chats.jsonl --model tiny", "comlam tokens pairs.jsonl --model tiny --length 512 -q",
		"comlam tokens stack.json --model tiny --column prompt=question,chosen=response_j,rejected=response_k --show 1",
		"comlam tokens bad.jsonl --model tiny --length 20", "comlam tokens bad.jsonl --model tiny -q",
		"comlam tokens chats.jsonl", "comlam tokens none.jsonl --model tiny", "comlam tokens chats.jsonl --model none",
		"comlam tokens stack.json --model tiny", "comlam tokens", "comlam tokens chats.jsonl --model tiny --show=-1",
	)
	t.Chdir(dir)
	golden(t, "tokens.txt", got)
	if strings.Contains(got, "\x1b") {
		t.Error("an escape of the data reaches the terminal")
	}
}

func TestTokensJSON(t *testing.T) {
	work := t.TempDir()
	tokenExamples(t, work)
	code, out, _ := call("-C", work, "tokens", "chats.jsonl", "--model", "tiny", "--json")
	v := oneObject(t, out)
	if code != 0 || v["examples"] != 2.0 || v["errors"] != 0.0 || len(v["shown"].([]any)) != 2 || !strings.Contains(out, `{"trained":true,"ids":[`) {
		t.Errorf("exit code %d: %s", code, out)
	}
	code, out, _ = call("-C", work, "tokens", "bad.jsonl", "--model", "tiny", "--json", "--show", "1")
	v = oneObject(t, out)
	if code != exitData || v["errors"] != 2.0 || len(v["shown"].([]any)) != 1 || !strings.Contains(out, `{"line":2,"code":"E01","name":"empty-turn","text":"`) {
		t.Errorf("exit code %d: %s", code, out)
	}
}

func TestVisible(t *testing.T) {
	if got := visible("a\n\x1b[31m\x7f\xffé\u202e\ufffd"); got != "a\n\\x1b[31m\\x7f\\xffé\\u202e\ufffd" {
		t.Errorf("got %q", got)
	}
}
