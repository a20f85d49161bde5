package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/spf13/cobra"

	"github.com/comlam/comlam/infer"
	"github.com/comlam/comlam/internal/bounded"
	"github.com/comlam/comlam/run"
	"github.com/comlam/comlam/tokenizer"
)

// chatOptions are the flags of chat.
type chatOptions struct {
	adapter, system string
	raw, turns      bool
	stop            []string
	sampling        infer.Sampling
}

func (a *app) chatCommand() *cobra.Command {
	var o chatOptions
	c := &cobra.Command{
		Use:   "chat MODEL [MESSAGE ...]",
		Short: "talk with a language model",
		Long: `Talks with a language model: the folder of one in Hugging Face's layout, or a run of
comlam that trained some, of which it takes the one trained furthest. With a message, or with text on standard input, it answers
once and ends; on a terminal it asks for one message after the other, and what was
said before is part of the next. /new starts afresh, /exit ends, Ctrl-C stops an answer.

Sampling is that of the model's generation_config.json unless a flag says otherwise.
The same seed gives the same answer.`,
		Example: `  comlam chat my-model "What is a resource block?"
  comlam chat my-model --adapter my-lora --temperature 0 "What is a slot?"
  comlam chat my-model --raw "The base station" --max-tokens 20 --seed 7`,
		Args: arguments(1, -1, "the folder of a model or a run, then a message"),
		RunE: func(cmd *cobra.Command, args []string) error { return a.chat(cmd, args, o) },
	}
	f := c.Flags()
	f.StringVar(&o.adapter, "adapter", "", "use this `folder` of an adapter, as PEFT writes it")
	f.StringVar(&o.system, "system", "", "`text` of a system message before the first")
	f.BoolVar(&o.raw, "raw", false, "continue the text as it stands, without the chat template")
	f.BoolVar(&o.turns, "turns", false, "each line of standard input is a message")
	f.StringArrayVar(&o.stop, "stop", nil, "end an answer where this `text` would begin; may be given again")
	f.IntVar(&o.sampling.MaxTokens, "max-tokens", 512, "most `tokens` of an answer, 0 for as many as fit")
	f.Float64Var(&o.sampling.Temperature, "temperature", 0, "`number` that logits are divided by; 0 takes the likeliest token")
	f.IntVar(&o.sampling.TopK, "top-k", 0, "draw from the `number` likeliest tokens only")
	f.Float64Var(&o.sampling.TopP, "top-p", 0, "draw from the likeliest tokens of this `probability` together only")
	f.Float64Var(&o.sampling.MinP, "min-p", 0, "draw from tokens of this `part` of the likeliest's probability only")
	f.Float64Var(&o.sampling.RepetitionPenalty, "repetition-penalty", 0, "`number` that makes tokens rarer that were there before; 1 for none")
	f.Uint64Var(&o.sampling.Seed, "seed", 1, "`number` that every draw depends on")
	return c
}

// talk is a chat that goes on.
type talk struct {
	a        *app
	o        chatOptions
	model    *infer.Model
	tok      *tokenizer.Tokenizer
	sampling infer.Sampling
	messages []tokenizer.Message
	res      chatResult
}

// chatResult is the result of chat.
type chatResult struct {
	Model        string    `json:"model"`
	Messages     []message `json:"messages"`
	PromptTokens int       `json:"prompt_tokens"` // of the last answer
	Tokens       int       `json:"tokens"`        // of all answers
	Reason       string    `json:"reason"`        // why the last ended: stop or length
	Seconds      float64   `json:"seconds"`
	TokensPS     float64   `json:"tokens_per_s"`
}

type message struct {
	Role    string `json:"role"`
	Content string `json:"content"`
}

func (a *app) chat(cmd *cobra.Command, args []string, o chatOptions) error {
	if err := o.sampling.Validate(); err != nil {
		return usagef("--%s", strings.ReplaceAll(err.Error(), "_", "-"))
	}
	t, err := a.talkWith(args[0], o)
	if err != nil {
		return err
	}
	for flag, take := range map[string]func(){
		"temperature":        func() { t.sampling.Temperature = o.sampling.Temperature },
		"top-k":              func() { t.sampling.TopK = o.sampling.TopK },
		"top-p":              func() { t.sampling.TopP = o.sampling.TopP },
		"min-p":              func() { t.sampling.MinP = o.sampling.MinP },
		"repetition-penalty": func() { t.sampling.RepetitionPenalty = o.sampling.RepetitionPenalty },
	} {
		if cmd.Flags().Changed(flag) {
			take()
		}
	}
	t.sampling.MaxTokens, t.sampling.Seed = o.sampling.MaxTokens, o.sampling.Seed
	t.afresh()
	switch file, _ := a.in.(*os.File); {
	case len(args) > 1:
		err = t.say(strings.Join(args[1:], " "))
	case file != nil && isTerminal(file) && !a.json:
		err = t.ask()
	case o.turns:
		err = t.lines()
	default:
		err = t.once()
	}
	if err != nil || !a.json {
		return err
	}
	for _, m := range t.messages {
		t.res.Messages = append(t.res.Messages, message(m))
	}
	return a.print(t.res)
}

// talkWith loads a model and its adapter.
func (a *app) talkWith(name string, o chatOptions) (*talk, error) {
	l, err := a.loadModel(name, o.adapter)
	if err != nil {
		return nil, err
	}
	tok, err := l.words()
	if err != nil {
		return nil, err
	}
	t := &talk{a: a, o: o, tok: tok, sampling: l.Generation.Sampling, res: chatResult{Model: l.dir, Messages: []message{}}}
	if !o.raw {
		if _, err := t.tok.Chat([]tokenizer.Message{{Role: "user", Content: "?"}}, true); errors.Is(err, tokenizer.ErrNoTemplate) {
			return nil, usagef("%s: %w; --raw continues a text without one", l.dir, err)
		}
	}
	t.sampling.Stop = append(l.Generation.EOS, turnEnd(t.tok)...)
	t.model, _, err = l.start() // until the program ends
	return t, err
}

// afresh forgets what was said.
func (t *talk) afresh() {
	t.messages = nil
	if t.o.system != "" {
		t.messages = append(t.messages, tokenizer.Message{Role: "system", Content: t.o.system})
	}
}

// maxMessage is how many bytes of standard input are read at most.
const maxMessage = 16 << 20

// once answers what standard input holds.
func (t *talk) once() error {
	text, err := bounded.NewReader(t.a.in, maxMessage).All()
	if err != nil {
		return fmt.Errorf("read standard input: %w", err)
	}
	said := string(text)
	if !t.o.raw {
		said = strings.TrimSpace(said)
	}
	if said == "" {
		return usagef("there is no message: give one behind the model, or on standard input")
	}
	return t.say(said)
}

// lines answers each line of standard input.
func (t *talk) lines() error {
	r := bufio.NewScanner(bounded.NewReader(t.a.in, maxMessage))
	r.Buffer(nil, maxMessage)
	for r.Scan() {
		if said := strings.TrimSpace(r.Text()); said != "" {
			if err := t.say(said); err != nil {
				return err
			}
		}
	}
	return r.Err()
}

// ask talks on a terminal. An answer that was stopped stays in the chat as far as it came.
func (t *talk) ask() error {
	r := bufio.NewReader(t.a.in)
	for {
		fmt.Fprint(t.a.err, "> ")
		line, err := r.ReadString('\n')
		if err != nil {
			fmt.Fprintln(t.a.err)
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		switch said := strings.TrimSpace(line); said {
		case "":
		case "/exit":
			return nil
		case "/new":
			t.afresh()
		default:
			var input *infer.InputError
			err := t.say(said)
			if errors.As(err, &input) {
				fmt.Fprintf(t.a.err, "comlam: %v; /new starts afresh\n", err)
				t.messages = t.messages[:len(t.messages)-1]
			} else if err != nil && !errors.Is(err, run.ErrInterrupted) {
				return err
			}
		}
	}
}

// say answers one message.
func (t *talk) say(said string) error {
	t.messages = append(t.messages, tokenizer.Message{Role: "user", Content: said})
	prompt, err := t.prompt(said)
	if err != nil {
		return err
	}
	ctx, stop := t.a.interruptible()
	defer stop()
	began := time.Now()
	var failed error
	c, err := t.model.Complete(ctx, t.tok, prompt, t.sampling, t.o.stop, func(piece string) {
		if !t.a.json && failed == nil {
			_, failed = io.WriteString(t.a.out, t.shown(piece))
		}
	})
	t.res.PromptTokens, t.res.Reason = len(prompt), c.Reason
	t.res.Tokens += c.Tokens
	t.res.Seconds += time.Since(began).Seconds()
	t.res.TokensPS = float64(t.res.Tokens) / t.res.Seconds
	if c.Text != "" || err == nil {
		t.messages = append(t.messages, tokenizer.Message{Role: "assistant", Content: c.Text})
	}
	if !t.a.json && failed == nil && (err == nil || c.Text != "") && !strings.HasSuffix(c.Text, "\n") {
		_, failed = fmt.Fprintln(t.a.out)
	}
	if isTerminal(t.a.err) && !t.a.quiet && !t.a.json {
		fmt.Fprintf(t.a.err, "[%d tokens, %.1f tokens/s]\n", c.Tokens, float64(c.Tokens)/time.Since(began).Seconds())
	}
	if err != nil && errors.Is(context.Cause(ctx), run.ErrInterrupted) {
		return fmt.Errorf("%w: the answer is not complete", run.ErrInterrupted)
	}
	return errors.Join(err, failed)
}

// shown is text as it goes out: a terminal gets no control characters but ends of lines
// and tabs, for it would obey them.
func (t *talk) shown(text string) string {
	if !isTerminal(t.a.out) {
		return text
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' && r != '\t' {
			return unicode.ReplacementChar
		}
		return r
	}, text)
}

// prompt is what the model reads.
func (t *talk) prompt(said string) ([]int32, error) {
	if t.o.raw {
		return begin(t.tok, said), nil
	}
	c, err := t.tok.Chat(t.messages, true)
	if err != nil {
		return nil, &infer.InputError{Err: err}
	}
	return c.IDs, nil
}

// begin is a text with what its tokenizer puts before one, and not what it puts behind,
// since the text goes on.
func begin(tok *tokenizer.Tokenizer, text string) []int32 {
	ids := tok.Encode(text)
	framed := tok.Frame(ids)
	for n := range len(framed) - len(ids) + 1 {
		if slices.Equal(framed[n:n+len(ids)], ids) {
			return framed[:n+len(ids)]
		}
	}
	return ids
}

// turnEnd is the token with which the chat template ends what the assistant says, if
// that is a special one.
func turnEnd(tok *tokenizer.Tokenizer) []int32 {
	c, err := tok.Chat([]tokenizer.Message{{Role: "user", Content: "a"}, {Role: "assistant", Content: "b"}}, false)
	if err != nil {
		return nil
	}
	for i := len(c.IDs) - 1; i >= 0; i-- {
		if c.Trained[i] && tok.Special(c.IDs[i]) {
			return c.IDs[i : i+1]
		}
	}
	return nil
}
