package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/comlam/comlam/checkpoint"
	"github.com/comlam/comlam/internal/durable"
)

func (a *app) exportCommand() *cobra.Command {
	return group(&cobra.Command{Use: "export", Short: "write models for other programs",
		Example: "  comlam export hf my-model copied\n  comlam export hf my-model f16 --dtype f16\n  comlam export hf my-model one --adapter my-lora"}, a.exportHF())
}

// exportedModel is the result of export hf.
type exportedModel struct {
	From       string `json:"from"`
	To         string `json:"to"`
	Model      string `json:"model"`
	DType      string `json:"dtype"`
	Parameters int    `json:"parameters"`
	Tokenizer  string `json:"tokenizer,omitempty"` // its hash
}

func (a *app) exportHF() *cobra.Command {
	var number, adapter string
	var force bool
	c := &cobra.Command{
		Use:   "hf MODEL OUT",
		Short: "write a language model as Hugging Face's transformers loads it",
		Long: `Writes a language model as a folder that Hugging Face's transformers, and this program,
load: config.json, model.safetensors, tokenizer.json, tokenizer_config.json and
generation_config.json. MODEL is a run that trained one, such a folder, or a file of
llama2.c. An adapter is merged into the weights.`,
		Example: `  comlam export hf my-model out
  comlam export hf my-model half --dtype bf16
  comlam export hf my-model merged --adapter my-lora`,
		Args: arguments(2, 2, "a model or run, and the folder to write"),
		RunE: func(_ *cobra.Command, args []string) error {
			dtype := checkpoint.DType(strings.ToUpper(number))
			if dtype != checkpoint.F32 && dtype != checkpoint.F16 && dtype != checkpoint.BF16 {
				return usagef("--dtype %s: use f32, f16 or bf16", number)
			}
			if entries, err := os.ReadDir(args[1]); err == nil && len(entries) > 0 && !force {
				return usagef("%q is there already and not empty; give another name, or --force to write into it", args[1])
			}
			return a.export(args[0], args[1], adapter, dtype)
		},
	}
	c.Flags().StringVar(&number, "dtype", "f32", "`format` of the weights: f32, f16 or bf16")
	c.Flags().StringVar(&adapter, "adapter", "", "merge this `folder` of an adapter into the weights")
	c.Flags().BoolVar(&force, "force", false, "write into a folder that has files")
	return c
}

func (a *app) export(from, to, adapter string, dtype checkpoint.DType) error {
	l, err := a.loadModel(from, adapter)
	if err != nil {
		return err
	}
	if l.adapter != nil {
		if l.Weights, err = l.adapter.Merged(l.Weights); err != nil {
			return usagef("--adapter %s: %w", adapter, err)
		}
	}
	if err := l.Save(durable.OS, to, dtype); err != nil {
		return err
	}
	kind, _ := l.Config.Published()["model_type"].(string)
	res := exportedModel{From: l.dir, To: to, Model: kind, DType: strings.ToLower(string(dtype)), Parameters: l.Weights.NumParameters()}
	if l.Tokenizer != nil {
		res.Tokenizer = l.Tokenizer.Hash()
	}
	switch {
	case a.json:
		return a.print(res)
	case a.quiet:
		return nil
	}
	without := ""
	if l.Tokenizer == nil {
		without = ", without a tokenizer: the model came with none"
	}
	_, err = fmt.Fprintf(a.out, "wrote %s: %s, %d parameters as %s%s\n", to, res.Model, res.Parameters, res.DType, without)
	return err
}
