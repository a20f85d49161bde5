package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/comlam/comlam/internal/durable"
	"github.com/comlam/comlam/spec/facts"
)

func (a *app) factsCommand() *cobra.Command {
	return group(&cobra.Command{
		Use:   "facts",
		Short: "telecom facts with their clause, and training examples made from them",
		Example: `  comlam facts ls --table bands
  comlam facts ls --search "packet delay"
  comlam facts make facts-out`,
	}, a.factsLs(), a.factsMake())
}

func (a *app) factsLs() *cobra.Command {
	var table, relation, search string
	c := &cobra.Command{
		Use:   "ls",
		Short: "list the facts: what, of what, clause, release",
		Example: `  comlam facts ls --table qos
  comlam facts ls --relation band-uplink --json
  comlam facts ls --search T300 -q     # identifiers only`,
		Args: arguments(0, 0, "no argument"),
		RunE: func(*cobra.Command, []string) error {
			c, err := facts.Load()
			if err != nil {
				return err
			}
			if table, err = oneOf("--table", table, c.Tables()); err != nil {
				return err
			}
			var relations []string
			for _, r := range c.Relations {
				relations = append(relations, r.Name)
			}
			if relation, err = oneOf("--relation", relation, relations); err != nil {
				return err
			}
			return a.listFacts(c, func(f *facts.Fact) bool {
				text := strings.ToLower(f.ID + " " + f.Name() + " " + f.Text() + " " + f.Noun() + " " + f.Clause)
				return (table == "" || f.Table == table) && (relation == "" || f.Relation == relation) && strings.Contains(text, strings.ToLower(search))
			})
		},
	}
	c.Flags().StringVar(&table, "table", "", "only of this `table`")
	c.Flags().StringVar(&relation, "relation", "", "only of this `relation`")
	c.Flags().StringVar(&search, "search", "", "only what has this `text`")
	return c
}

func (a *app) listFacts(c *facts.Collection, wanted func(*facts.Fact) bool) error {
	list := []*facts.Fact{}
	var rows [][]string
	for _, f := range c.Facts {
		if !wanted(f) {
			continue
		}
		list = append(list, f)
		rows = append(rows, []string{f.Name(), f.Noun(), f.Text(), f.Clause, f.Release})
	}
	switch {
	case a.json:
		return a.print(map[string]any{"facts": list})
	case a.quiet:
		for _, f := range list {
			fmt.Fprintln(a.out, f.ID)
		}
		return nil
	case len(rows) == 0:
		return nil
	}
	return table(a.out, rows)
}

func (a *app) factsMake() *cobra.Command {
	o := facts.Default()
	var force bool
	c := &cobra.Command{
		Use:   "make OUT_DIR",
		Short: "make documents, instructions, questions and preferences from the facts",
		Long: `Writes files of lines of JSON: documents ({"text"}), instructions ({"messages"}),
multiple-choice questions ({"question", "options", "answer", "category"}), preferences
({"prompt", "chosen", "rejected"}), the facts, and manifest.json. Each line says from
which facts, templates and clauses it is made.

Facts are tuned (in documents, instructions and questions), read (in documents only) or
unseen (nowhere). Questions of -test and -validation files are phrased as nothing in the
training files is. The same flags write the same bytes.`,
		Example: `  comlam facts make facts-out --force
  comlam facts make facts-out --tables bands,qos --tellings 8 --force
  comlam facts make facts-out --seed 2 --unseen 0.5 --force --json`,
		Args: arguments(1, 1, "a folder to write"),
		RunE: func(_ *cobra.Command, args []string) error { return a.makeFacts(args[0], o, force) },
	}
	f := c.Flags()
	f.Uint64Var(&o.Seed, "seed", o.Seed, "`seed` of everything random")
	f.StringSliceVar(&o.Tables, "tables", nil, "only these `tables`, separated by commas")
	f.Float64Var(&o.Unseen, "unseen", o.Unseen, "`share` of subjects to tell nothing about, where there may be some")
	f.Float64Var(&o.Read, "read", o.Read, "`share` of subjects that only documents tell about")
	f.IntVar(&o.Tellings, "tellings", o.Tellings, "`times` that documents tell a fact")
	f.IntVar(&o.Questions, "questions", o.Questions, "`times` that instructions ask for a fact")
	f.IntVar(&o.Rounds, "rounds", o.Rounds, "`times` that questions with options ask for a fact in each file")
	f.IntVar(&o.Pairs, "pairs", o.Pairs, "preference `pairs` of a fact in each file")
	f.BoolVar(&force, "force", false, "replace what is there")
	return c
}

// made is the result of facts make.
type made struct {
	Dir string `json:"dir"`
	facts.Manifest
}

func (a *app) makeFacts(dir string, o facts.Config, force bool) error {
	c, err := facts.Load()
	if err != nil {
		return err
	}
	g, err := c.Generator(o)
	if err != nil {
		return usageError{err}
	}
	ctx, stop := a.interruptible()
	defer stop()
	began := time.Now()
	m, err := g.Make(ctx, durable.OS, dir, force, func(f facts.File) {
		if !a.quiet && time.Since(began) > patience {
			fmt.Fprintf(a.err, "%s: %d examples, %s\n", f.Name, f.Examples, size(uint64(f.Bytes)))
		}
	})
	if errors.Is(err, facts.ErrExists) {
		return usagef("%w (--force)", err)
	}
	if err != nil {
		return err
	}
	return a.showMade(made{dir, m})
}

func (a *app) showMade(m made) error {
	switch {
	case a.json:
		return a.print(m)
	case a.quiet:
		return nil
	}
	fmt.Fprintf(a.out, "%s: %d facts tuned, %d read, %d unseen\n", m.Dir, m.Facts[facts.Tuned], m.Facts[facts.Read], m.Facts[facts.Unseen])
	var rows [][]string
	for _, f := range m.Files {
		rows = append(rows, []string{f.Name, strconv.Itoa(f.Examples), size(uint64(f.Bytes)), f.SHA256[:12]})
	}
	return table(a.out, rows)
}
