package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/comlam/comlam/internal/durable"
	"github.com/comlam/comlam/run"
)

func (a *app) recipeCommand() *cobra.Command {
	return group(&cobra.Command{Use: "recipe", Short: "list, print, copy and check recipes",
		Example: "  comlam recipe ls\n  comlam recipe cat channelpred/jakes\n  comlam recipe cp channelpred/jakes my.yaml"},
		a.recipeLs(), a.recipeCat(), a.recipeCp(), a.recipeValidate())
}

// completeRecipes offers the names of recipes, and files, for the first argument.
func completeRecipes(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return run.Names(), cobra.ShellCompDirectiveDefault
}

func (a *app) recipeLs() *cobra.Command {
	return &cobra.Command{
		Use:     "ls",
		Short:   "list the recipes that come with the program",
		Example: "  comlam recipe ls\n  comlam recipe ls -q     # names only\n  comlam recipe ls --json",
		Args:    arguments(0, 0, "no argument"),
		RunE: func(*cobra.Command, []string) error {
			list := run.List()
			if a.json {
				return a.print(map[string]any{"recipes": list})
			}
			for _, s := range list {
				fmt.Fprintln(a.out, s.Name)
				if !a.quiet {
					fmt.Fprintf(a.out, "    %s\n    measured: %s\n", wrap(s.About, 76, "    "), wrap(s.Measured, 66, "    "))
				}
			}
			return nil
		},
	}
}

// wrap breaks text into lines of at most width letters.
func wrap(text string, width int, indent string) string {
	var b strings.Builder
	column := 0
	for i, word := range strings.Fields(text) {
		switch {
		case i == 0:
		case column+1+len(word) > width:
			b.WriteString("\n" + indent)
			column = 0
		default:
			b.WriteByte(' ')
			column++
		}
		b.WriteString(word)
		column += len(word)
	}
	return b.String()
}

func (a *app) recipeCat() *cobra.Command {
	var resolved bool
	c := &cobra.Command{
		Use:   "cat RECIPE [key=value ...]",
		Short: "print a recipe, as it is or with every default",
		Example: `  comlam recipe cat channelpred/jakes
  comlam recipe cat channelpred/jakes --resolved
  comlam recipe cat channelpred/jakes train.steps=1000 > my.yaml   # resolved, too`,
		Args:              arguments(1, -1, "a recipe, then key=value"),
		ValidArgsFunction: completeRecipes,
		RunE: func(_ *cobra.Command, args []string) error {
			s, err := run.Open(args[0])
			if err != nil {
				return err
			}
			text := s.Text
			if resolved || len(args) > 1 {
				r, err := s.Parse(args[1:])
				if err != nil {
					return err
				}
				if text, err = r.Resolved(); err != nil {
					return err
				}
			}
			if a.json {
				return a.print(map[string]string{"name": s.Name, "file": s.File, "text": string(text)})
			}
			_, err = a.out.Write(text)
			return err
		},
	}
	c.Flags().BoolVar(&resolved, "resolved", false, "with every default; implied by key=value")
	return c
}

func (a *app) recipeCp() *cobra.Command {
	var force bool
	c := &cobra.Command{
		Use:   "cp RECIPE [FILE]",
		Short: "copy a recipe to a file of your own",
		Example: `  comlam recipe cp channelpred/jakes            # to jakes.yaml
  comlam recipe cp channelpred/jakes my.yaml
  comlam recipe cp channelpred/jakes my.yaml --force`,
		Args:              arguments(1, 2, "a recipe and the file to write"),
		ValidArgsFunction: completeRecipes,
		RunE: func(_ *cobra.Command, args []string) error {
			s, err := run.Open(args[0])
			if err != nil {
				return err
			}
			file := filepath.Base(s.Name) + ".yaml"
			if len(args) > 1 {
				file = args[1]
			}
			if _, err := os.Lstat(file); !force && !errors.Is(err, fs.ErrNotExist) {
				return usagef("%q is there already; give another name, or --force to replace it", file)
			}
			if err := durable.WriteFile(durable.OS, file, s.Text); err != nil {
				return err
			}
			if a.json {
				return a.print(map[string]string{"recipe": s.Name, "file": file})
			}
			fmt.Fprintf(a.out, "%s\n", file)
			return nil
		},
	}
	c.Flags().BoolVar(&force, "force", false, "replace a file that is there")
	return c
}

func (a *app) recipeValidate() *cobra.Command {
	return &cobra.Command{
		Use:   "validate RECIPE [key=value ...]",
		Short: "check a recipe without running it",
		Example: `  comlam recipe validate my.yaml
  comlam recipe validate channelpred/cdlc data.snr="10 dB"
  comlam recipe validate my.yaml --json`,
		Args:              arguments(1, -1, "a recipe, then key=value"),
		ValidArgsFunction: completeRecipes,
		RunE: func(_ *cobra.Command, args []string) error {
			r, err := run.Load(args[0], args[1:])
			if err != nil {
				return err
			}
			if a.json {
				return a.print(map[string]any{"recipe": r.Name, "valid": true, "task": r.TaskName, "model": r.ModelName, "seed": r.Seed})
			}
			fmt.Fprintf(a.out, "%s is valid: task %s, model %s, seed %d\n", args[0], r.TaskName, r.ModelName, r.Seed)
			return nil
		},
	}
}
