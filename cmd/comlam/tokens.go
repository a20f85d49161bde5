package main

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/comlam/comlam/data"
	"github.com/comlam/comlam/tokenizer"
	"github.com/comlam/comlam/tune"
)

// tokensOptions are the flags of tokens.
type tokensOptions struct {
	model   string
	length  int
	show    int
	columns map[string]string
}

func (a *app) tokensCommand() *cobra.Command {
	var o tokensOptions
	c := &cobra.Command{
		Use:   "tokens DATA",
		Short: "show what of each training example is trained, and what is wrong with it",
		Long: `Reads a file of examples (JSON Lines or a JSON array, plain or .gz), turns each into
tokens as training does, and shows it with what the loss counts marked: green on a
terminal, between ⟦ and ⟧ elsewhere. The format is found by the keys of the first
record: {text}, {prompt, completion}, {messages}, {conversations} (sharegpt),
{instruction, output} (alpaca), {prompt, chosen, rejected} with the prompt there or
implicit, {prompt, completion, label}. Other keys are renamed with --column.

Every example is checked. An error is something that training would do wrong without
a sign of it, and ends the program with exit code 3:
` + codeTable() + `
--quiet prints the findings alone.`,
		Example: `  comlam tokens chats.jsonl --model tiny
  comlam tokens pairs.jsonl --model tiny --length 512 -q
  comlam tokens stack.json --model tiny --column prompt=question,chosen=response_j,rejected=response_k --show 1`,
		Args: arguments(1, 1, "a file of examples"),
		RunE: func(_ *cobra.Command, args []string) error { return a.tokens(args[0], o) },
	}
	f := c.Flags()
	f.StringVar(&o.model, "model", "", "`folder` with the tokenizer (tokenizer.json, tokenizer_config.json), or a run")
	f.IntVar(&o.length, "length", 0, "`tokens` of a row; what takes more is an error, 0 for no limit")
	f.IntVar(&o.show, "show", 0, "`number` of examples to show, 0 for all; all of them are checked")
	f.StringToStringVar(&o.columns, "column", nil, "read a format's key from another column, `KEY=COLUMN`")
	return c
}

// codeTable lists the codes for the help.
func codeTable() string {
	var b strings.Builder
	for _, c := range data.Codes {
		fmt.Fprintf(&b, "  %s %-15s %s\n", c.Code, c.Name, c.About)
	}
	return b.String()
}

// tokensResult is the JSON object of tokens.
type tokensResult struct {
	File      string         `json:"file"`
	Format    data.Format    `json:"format"`
	Kind      data.Kind      `json:"kind"`
	Tokenizer string         `json:"tokenizer"` // hash
	Unused    []string       `json:"unused_keys"`
	Examples  int            `json:"examples"`
	Tokens    int            `json:"tokens"`
	Trained   int            `json:"trained"`
	Longest   int            `json:"longest"` // tokens of the longest sequence
	Errors    int            `json:"errors"`
	Warnings  int            `json:"warnings"`
	Codes     map[string]int `json:"codes"`
	Findings  []data.Finding `json:"findings"`
	Shown     []shownExample `json:"shown"`
}

type shownExample struct {
	Line      int          `json:"line"`
	Sequences [][]shownRun `json:"sequences"` // one, or of a preference chosen and rejected
}

// shownRun is neighbouring tokens that are alike.
type shownRun struct {
	Trained bool    `json:"trained"`
	IDs     []int32 `json:"ids"`
	Text    string  `json:"text"`
}

// lintError says that a file of examples has errors.
type lintError struct {
	file string
	n    int
}

func (e lintError) Error() string {
	return fmt.Sprintf("%s: %d errors in its examples; mend or leave out what is listed", e.file, e.n)
}

// isExampleData says whether an error is the fault of examples or of an adapter.
func isExampleData(err error) bool {
	var (
		lint    lintError
		format  *data.FormatError
		adapter *tune.FormatError
		other   *tune.HashError
	)
	return errors.As(err, &lint) || errors.As(err, &format) || errors.As(err, &adapter) || errors.As(err, &other)
}

func (a *app) tokens(file string, o tokensOptions) error {
	switch {
	case o.model == "":
		return usagef("whose tokens? give a folder with --model")
	case o.length < 0 || o.show < 0:
		return usagef("--length and --show take 0 or more")
	}
	if dir, err := modelDir(o.model); err == nil { // a run by its name
		o.model = dir
	}
	tok, err := tokenizer.Load(o.model)
	if err != nil {
		return err
	}
	e, err := data.OpenExamples(file, o.columns)
	if err != nil {
		return err
	}
	res := tokensResult{File: file, Format: e.Format, Kind: e.Kind, Tokenizer: tok.Hash(), Unused: e.Unused, Examples: len(e.List),
		Codes: map[string]int{}, Findings: []data.Finding{}, Shown: []shownExample{}}
	l := data.Linter{Tokenizer: tok, Length: o.length}
	for i, x := range e.List {
		r := l.Look(x)
		res.count(r)
		shown := (o.show == 0 || i < o.show) && !a.quiet
		switch {
		case a.json && shown:
			res.Shown = append(res.Shown, showExample(tok, r))
		case !a.json && (shown || len(r.Findings) > 0):
			if err := a.printExample(tok, file, r, shown); err != nil {
				return err
			}
		}
	}
	if err := a.printTokens(res); err != nil {
		return err
	}
	if res.Errors > 0 {
		return lintError{file, res.Errors}
	}
	return nil
}

func (t *tokensResult) count(r data.Rendered) {
	for _, s := range r.Sequences {
		t.Tokens, t.Trained, t.Longest = t.Tokens+len(s.IDs), t.Trained+s.NumTrained(), max(t.Longest, len(s.IDs))
	}
	for _, f := range r.Findings {
		if f.Code.Error() {
			t.Errors++
		} else {
			t.Warnings++
		}
		t.Codes[string(f.Code)]++
	}
	t.Findings = append(t.Findings, r.Findings...)
}

func showExample(tok *tokenizer.Tokenizer, r data.Rendered) shownExample {
	s := shownExample{Line: r.Example.Line, Sequences: [][]shownRun{}}
	for _, q := range r.Sequences {
		s.Sequences = append(s.Sequences, runs(tok, q))
	}
	return s
}

// runs cuts a sequence where what is trained begins and ends.
func runs(tok *tokenizer.Tokenizer, s data.Sequence) []shownRun {
	var list []shownRun
	for from := 0; from < len(s.IDs); {
		to := from + 1
		for to < len(s.IDs) && s.Trained[to] == s.Trained[from] {
			to++
		}
		list = append(list, shownRun{s.Trained[from], s.IDs[from:to], tok.Decode(s.IDs[from:to])})
		from = to
	}
	return list
}

// printExample shows one example and what is wrong with it.
func (a *app) printExample(tok *tokenizer.Tokenizer, file string, r data.Rendered, shown bool) error {
	var b strings.Builder
	if shown {
		fmt.Fprintf(&b, "%s:%d  %s\n", file, r.Example.Line, r.Example.Kind)
	}
	for i, s := range r.Sequences {
		if !shown {
			break
		}
		name := ""
		if len(r.Sequences) > 1 {
			name = []string{"chosen: ", "rejected: "}[i]
		}
		fmt.Fprintf(&b, "  %s%d tokens, %d trained\n", name, len(s.IDs), s.NumTrained())
		for _, run := range runs(tok, s) {
			b.WriteString(a.marked(visible(run.Text), run.Trained))
		}
		if !strings.HasSuffix(b.String(), "\n") {
			b.WriteByte('\n')
		}
	}
	for _, f := range r.Findings {
		fmt.Fprintf(&b, "%s:%d: %s %s: %s\n", file, f.Line, f.Code, f.Name, visible(f.Text))
	}
	if shown {
		b.WriteByte('\n')
	}
	_, err := fmt.Fprint(a.out, b.String())
	return err
}

// marked marks a text that is trained: green on a terminal, brackets elsewhere.
func (a *app) marked(text string, trained bool) string {
	switch {
	case !trained:
		return text
	case os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" && isTerminal(a.out):
		return "\x1b[32m" + text + "\x1b[0m"
	}
	return "⟦" + text + "⟧"
}

// visible writes out what a terminal would obey or could not show.
func visible(text string) string {
	var b strings.Builder
	for i, r := range text {
		switch {
		case r == utf8.RuneError && !strings.HasPrefix(text[i:], string(utf8.RuneError)):
			fmt.Fprintf(&b, `\x%02x`, text[i])
		case r == '\n' || r == '\t' || unicode.IsPrint(r):
			b.WriteRune(r)
		case r < utf8.RuneSelf:
			fmt.Fprintf(&b, `\x%02x`, r)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}

// printTokens prints the sums.
func (a *app) printTokens(t tokensResult) error {
	if a.json {
		return a.print(t)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s, %d examples of kind %s, %d tokens, %d trained, the longest %d\n", t.File, t.Format, t.Examples, t.Kind, t.Tokens, t.Trained, t.Longest)
	if len(t.Unused) > 0 {
		fmt.Fprintf(&b, "keys that were not read: %s\n", strings.Join(t.Unused, ", "))
	}
	fmt.Fprintf(&b, "%d errors, %d warnings\n", t.Errors, t.Warnings)
	for _, c := range data.Codes {
		if n := t.Codes[string(c.Code)]; n > 0 {
			fmt.Fprintf(&b, "  %5d  %s %s: %s\n", n, c.Code, c.Name, c.About)
		}
	}
	_, err := fmt.Fprint(a.out, b.String())
	return err
}
