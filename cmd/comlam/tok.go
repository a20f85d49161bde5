package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"iter"
	"maps"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/comlam/comlam/corpus"
	"github.com/comlam/comlam/internal/bounded"
	"github.com/comlam/comlam/internal/durable"
	"github.com/comlam/comlam/metric"
	"github.com/comlam/comlam/tokenizer"
)

func (a *app) tokCommand() *cobra.Command {
	return group(&cobra.Command{
		Use:   "tok",
		Short: "tokenizers: train one, encode with one, compare several",
		Example: `  comlam tok train docs -o first-tok
  comlam tok encode my-model "the timing advance"
  comlam tok fertility docs --tok my-model`,
	}, a.tokTrain(), a.tokEncode(), a.tokFertility())
}

// documents reads texts and reports how far it is; an error ends them.
func (a *app) documents(paths []string, stage string, err *error) (iter.Seq[string], error) {
	source, open := corpus.Open(paths...)
	if open != nil {
		return nil, open
	}
	if len(source.Other) > 0 && !a.quiet {
		fmt.Fprintf(a.err, "comlam: not read: %s\n", countedWords(source.Other))
	}
	var all int64
	for _, name := range source.Files() {
		if info, e := os.Stat(name); e == nil {
			all += info.Size()
		}
	}
	return func(yield func(string) bool) {
		m := newByteMeter(a, stage, "documents")
		defer m.finish()
		done, n := int64(0), 0
		for d, e := range source.Documents(0) {
			if e != nil {
				*err = e
				return
			}
			done += int64(len(d.Text))
			n++
			m.at(done, max(all, done), n)
			if !yield(d.Text) {
				return
			}
		}
	}, nil
}

func (a *app) tokTrain() *cobra.Command {
	var c tokenizer.Config
	var out string
	var force bool
	cmd := &cobra.Command{
		Use:   "train PATH ... -o DIR",
		Short: "train a byte-level BPE tokenizer on text",
		Long: `Trains a byte-level BPE vocabulary on the documents of files and folders (.md, .txt,
.rst, and .jsonl or .jsonl.gz with "text") and writes it as Hugging Face's libraries read
it: tokenizer.json, tokenizer_config.json with a chat template, special_tokens_map.json.
The same text gives the same tokenizer, whatever the number of cores.`,
		Example: `  comlam tok train docs -o my-tok
  comlam tok train docs -o small-tok --size 300 --json
  comlam tok train docs -o my-tok --size 400 --min-frequency 3 --force`,
		Args: arguments(1, -1, "files or folders of text"),
		RunE: func(_ *cobra.Command, args []string) error { return a.trainTok(args, out, c, force) },
	}
	f := cmd.Flags()
	f.StringVarP(&out, "out", "o", "", "the `folder` to write")
	f.IntVar(&c.VocabSize, "size", tokenizer.DefaultVocabSize, "`tokens` in all")
	f.IntVar(&c.MinFrequency, "min-frequency", 2, "how `often` a pair must occur to become a token")
	f.BoolVar(&force, "force", false, "replace the tokenizer that is there")
	return cmd
}

func (a *app) trainTok(paths []string, out string, c tokenizer.Config, force bool) error {
	if out == "" {
		return usagef("give the folder to write: -o DIR")
	}
	if err := c.Validate(); err != nil {
		return usagef("%w", err)
	}
	if _, err := os.Stat(filepath.Join(out, "tokenizer.json")); err == nil && !force {
		return usagef("%s has a tokenizer already; give another folder, or --force to replace it", out)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	var failed error
	texts, err := a.documents(paths, "tok train", &failed)
	if err != nil {
		return err
	}
	bytes, documents := 0, 0
	t, err := tokenizer.Train(ctx, func(yield func(string) bool) {
		for text := range texts {
			bytes += len(text)
			documents++
			if !yield(text) {
				return
			}
		}
	}, c)
	if err := cmp.Or(failed, err); err != nil {
		return err
	}
	if err := writeTok(out, t); err != nil {
		return err
	}
	if t.Size() < c.VocabSize && !a.quiet {
		fmt.Fprintf(a.err, "comlam: %d tokens instead of %d: no other pair occurs %d times in the text\n", t.Size(), c.VocabSize, c.MinFrequency)
	}
	return a.showTrained(out, t, documents, bytes)
}

// writeTok writes the files of a tokenizer; tokenizer.json is the last.
func writeTok(dir string, t *tokenizer.Tokenizer) error {
	files, err := t.Files()
	if err != nil {
		return err
	}
	if err := durable.MkdirAll(durable.OS, dir); err != nil {
		return err
	}
	for _, name := range slices.Backward(slices.Sorted(maps.Keys(files))) {
		if err := durable.WriteFile(durable.OS, filepath.Join(dir, name), files[name]); err != nil {
			return err
		}
	}
	return nil
}

func (a *app) showTrained(out string, t *tokenizer.Tokenizer, documents, bytes int) error {
	switch {
	case a.json:
		return a.print(map[string]any{"folder": out, "tokens": t.Size(), "documents": documents, "bytes": bytes, "hash": t.Hash()})
	case a.quiet:
		fmt.Fprintln(a.out, out)
		return nil
	}
	return table(a.out, [][]string{
		{"folder", out}, {"tokens", fmt.Sprint(t.Size())}, {"trained on", fmt.Sprintf("%d documents, %d bytes", documents, bytes)}, {"hash", t.Hash()},
	})
}

func (a *app) tokEncode() *cobra.Command {
	var special, frame bool
	cmd := &cobra.Command{
		Use:   "encode TOKENIZER [TEXT]",
		Short: "show the tokens of a text",
		Long: `Shows the ids and the tokens of a text, or of standard input. TOKENIZER is a folder
with tokenizer.json, or a file: tokenizer.json, a SentencePiece .model, a .gguf, a
.tiktoken. Marks such as <|im_end|> in the text are text, unless --special is given.`,
		Example: `  comlam tok encode my-model "the timing advance"
  comlam tok encode my-model "the end<|im_end|>" --special -q
  comlam tok encode my-model/tokenizer.json "3GPP TS 38.211" --json`,
		Args: arguments(1, 2, "a tokenizer and a text"),
		RunE: func(_ *cobra.Command, args []string) error { return a.encodeTok(args, special, frame) },
	}
	cmd.Flags().BoolVar(&special, "special", false, "special tokens in the text count as such")
	cmd.Flags().BoolVar(&frame, "frame", false, "with the tokens that the tokenizer puts around a text")
	return cmd
}

// maxInput is how much of standard input is encoded, in bytes.
const maxInput = 64 << 20

func (a *app) encodeTok(args []string, special, frame bool) error {
	t, err := tokenizer.Open(args[0])
	if err != nil {
		return err
	}
	text := ""
	if len(args) == 2 {
		text = args[1]
	} else {
		b, err := bounded.NewReader(a.in, maxInput).All()
		if err != nil {
			return fmt.Errorf("read standard input: %w", err)
		}
		text = string(b)
	}
	ids := t.Encode(text)
	if special {
		ids = t.EncodeSpecial(text)
	}
	if frame {
		ids = t.Frame(ids)
	}
	return a.showIDs(t, ids)
}

func (a *app) showIDs(t *tokenizer.Tokenizer, ids []int32) error {
	names := make([]string, len(ids))
	for i, id := range ids {
		names[i] = t.Token(id)
	}
	if a.json {
		return a.print(map[string]any{"ids": nonNil(ids), "tokens": names, "count": len(ids)})
	}
	if a.quiet {
		_, err := io.WriteString(a.out, strings.Trim(fmt.Sprint(ids), "[]")+"\n")
		return err
	}
	var rows [][]string
	for i, id := range ids {
		rows = append(rows, []string{fmt.Sprint(id), names[i], fmt.Sprintf("%q", t.Decode(ids[i:i+1]))})
	}
	return table(a.out, append(rows, []string{fmt.Sprint(len(ids)), "tokens"}))
}

func (a *app) tokFertility() *cobra.Command {
	var names []string
	cmd := &cobra.Command{
		Use:   "fertility PATH ... --tok TOKENIZER,...",
		Short: "compare how many tokens text becomes",
		Long: `Encodes the documents of files and folders with each tokenizer and prints tokens a
word (words are what white space separates), tokens a character and bytes a token, as
quotients of sums with 95 % intervals over documents, and how many tokens stand for what
the vocabulary cannot say. The row "bytes" is the baseline: every byte a token.`,
		Example: `  comlam tok fertility docs --tok my-model
  comlam tok fertility docs --tok my-model,my-model/tokenizer.json
  comlam tok fertility docs --tok my-model --json`,
		Args: arguments(1, -1, "files or folders of text"),
		RunE: func(_ *cobra.Command, args []string) error { return a.fertility(args, names) },
	}
	cmd.Flags().StringSliceVar(&names, "tok", nil, "`tokenizers` to compare: folders, or files such as tokenizer.json")
	return cmd
}

// A fertilityRow is one tokenizer in the report.
type fertilityRow struct {
	Tokenizer    string       `json:"tokenizer"`
	Size         int          `json:"size"`
	Documents    int          `json:"documents"`
	Bytes        int          `json:"bytes"`
	Tokens       int          `json:"tokens"`
	Unknown      int          `json:"unknown"`
	PerWord      metric.Value `json:"tokens_per_word"`
	PerCharacter metric.Value `json:"tokens_per_character"`
	BytesPer     metric.Value `json:"bytes_per_token"`
}

func (a *app) fertility(paths, names []string) error {
	if len(names) == 0 {
		return usagef("give one tokenizer or more: --tok FOLDER,FOLDER")
	}
	var rows []fertilityRow
	for _, name := range append([]string{"bytes"}, names...) {
		row, err := a.fertilityOf(name, len(rows) == 0, paths)
		if err != nil {
			return err
		}
		rows = append(rows, row)
	}
	if a.json {
		return a.print(map[string]any{"rows": rows})
	}
	cells := [][]string{{"tokenizer", "size", "tokens", "unknown", "tokens/word", "tokens/character", "bytes/token"}}
	for _, r := range rows {
		cells = append(cells, []string{r.Tokenizer, fmt.Sprint(r.Size), fmt.Sprint(r.Tokens), fmt.Sprint(r.Unknown), interval(r.PerWord), interval(r.PerCharacter), interval(r.BytesPer)})
	}
	if err := table(a.out, cells); err != nil {
		return err
	}
	about := "95 % intervals over documents"
	if rows[0].Documents < 2 {
		about = "one document gives no interval"
	}
	fmt.Fprintf(a.out, "%d documents, %d bytes; %s\n", rows[0].Documents, rows[0].Bytes, about)
	return nil
}

func interval(v metric.Value) string {
	if v.Drops < 2 {
		return fmt.Sprintf("%.3f", v.Value)
	}
	return fmt.Sprintf("%.3f [%.3f, %.3f]", v.Value, v.CI95[0], v.CI95[1])
}

func (a *app) fertilityOf(name string, baseline bool, paths []string) (fertilityRow, error) {
	row := fertilityRow{Tokenizer: name, Size: 256}
	measure := func(texts iter.Seq[string]) (tokenizer.Fertility, error) {
		return tokenizer.MeasureFertility(texts, func(text string) (int, int) { return len(text), 0 })
	}
	if !baseline {
		t, err := tokenizer.Open(name)
		if err != nil {
			return row, err
		}
		row.Size, measure = t.Size(), t.Fertility
	}
	var failed error
	texts, err := a.documents(paths, "tok fertility", &failed)
	if err != nil {
		return row, err
	}
	f, err := measure(texts)
	if err := cmp.Or(failed, err); err != nil {
		return row, err
	}
	row.Documents, row.Bytes, row.Tokens, row.Unknown = f.Documents, f.Bytes, f.Tokens, f.Unknown
	row.PerWord, row.PerCharacter, row.BytesPer = f.PerWord, f.PerCharacter, f.BytesPer
	return row, nil
}
