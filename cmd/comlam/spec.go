package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/comlam/comlam/spec"
	"github.com/comlam/comlam/spec/store"
)

func (a *app) specCommand() *cobra.Command {
	return group(&cobra.Command{
		Use:   "spec",
		Short: "a library of standards: read, list, show and search documents",
		Example: `  comlam spec build docs
  comlam spec search docs path loss
  comlam spec get docs channel 5.1`,
	}, a.specBuild(), a.specLs(), a.specToc(), a.specGet(), a.specSearch(), a.specStats())
}

// libraryFlag is the place of a library outside its folder.
func libraryFlag(c *cobra.Command, file *string) {
	c.Flags().StringVar(file, "db", "", "the `file` of the library, where it is not DIR/"+store.FileName)
}

func (a *app) specBuild() *cobra.Command {
	var file string
	c := &cobra.Command{
		Use:   "build DIR",
		Short: "read the documents of a folder into its library",
		Long: `Reads every document below DIR and stores it in one SQLite file with an index of its
words: Markdown (.md), reStructuredText (.rst), HTML (.html), text (.txt, as RFCs are),
Word (.docx), and the records of .jsonl and .jsonl.gz files, objects with id and text.
What has not changed since the last time is left as it is. A document that cannot be
read is named with the reason and makes the exit code 3; the others are stored, and what
was stored of it before is not kept.`,
		Example: `  comlam spec build docs
  comlam spec build docs --db library.db      # for a folder that cannot be written
  comlam spec build docs --json`,
		Args: arguments(1, 1, "the folder of the documents"),
		RunE: func(_ *cobra.Command, args []string) error { return a.buildLibrary(args[0], file) },
	}
	libraryFlag(c, &file)
	return c
}

// refusedError says that some documents of a folder are not in its library.
type refusedError struct{ n int }

func (e refusedError) Error() string {
	if e.n == 1 {
		return "1 document could not be read; the others are stored"
	}
	return fmt.Sprintf("%d documents could not be read; the others are stored", e.n)
}

func (a *app) buildLibrary(dir, file string) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	m := newByteMeter(a, "spec build", "documents")
	report, err := store.Build(ctx, dir, store.Path(dir, file), store.Options{
		Limits:   spec.DefaultLimits,
		Progress: func(p store.Progress) { m.at(p.Done, p.All, p.Documents) },
	})
	m.finish()
	if errors.Is(err, context.Canceled) {
		return fmt.Errorf("interrupted; what is done is stored, and the same command continues: %w", err)
	}
	if err != nil {
		return err
	}
	if a.json {
		err = a.print(report)
	} else {
		err = a.showBuild(report)
	}
	if err == nil && len(report.Refused) > 0 {
		err = refusedError{len(report.Refused)}
	}
	return err
}

func (a *app) showBuild(r *store.Report) error {
	if a.quiet {
		fmt.Fprintln(a.out, r.Library)
	} else {
		rows := [][]string{
			{"library", r.Library}, {"added", fmt.Sprint(r.Added)}, {"changed", fmt.Sprint(r.Changed)},
			{"unchanged", fmt.Sprint(r.Unchanged)}, {"removed", fmt.Sprint(r.Removed)},
			{"read", fmt.Sprintf("%.1f MB in %.1f s", float64(r.Bytes)/1e6, r.Seconds)},
		}
		if len(r.Other) > 0 {
			rows = append(rows, []string{"not read", countedWords(r.Other)})
		}
		if err := table(a.out, rows); err != nil {
			return err
		}
	}
	for _, x := range r.Refused {
		fmt.Fprintf(a.err, "refused: %s\n", x.Why)
	}
	for _, x := range r.Remarks {
		fmt.Fprintf(a.err, "remark: %s: %s\n", x.Document, x.What)
	}
	return nil
}

// countedWords lists how many there are of what: ".csv 68, .yaml 6".
func countedWords(m map[string]int) string {
	var parts []string
	for _, k := range slices.Sorted(maps.Keys(m)) {
		parts = append(parts, fmt.Sprintf("%s %d", k, m[k]))
	}
	return strings.Join(parts, ", ")
}

// withLibrary opens the library of a folder for one command.
func withLibrary(dir, file string, use func(*store.Library) error) error {
	l, err := store.Open(store.Path(dir, file))
	if err != nil {
		return err
	}
	return errors.Join(use(l), l.Close())
}

func (a *app) specLs() *cobra.Command {
	var file string
	c := &cobra.Command{
		Use:   "ls DIR",
		Short: "list the documents of a library",
		Example: `  comlam spec ls docs
  comlam spec ls docs -q               # ids only
  comlam spec ls docs --json`,
		Args: arguments(1, 1, "the folder of the documents"),
		RunE: func(_ *cobra.Command, args []string) error {
			return withLibrary(args[0], file, a.listDocuments)
		},
	}
	libraryFlag(c, &file)
	return c
}

func (a *app) listDocuments(l *store.Library) error {
	docs, err := l.Documents()
	if err != nil {
		return err
	}
	if a.json {
		return a.print(map[string]any{"documents": nonNil(docs)})
	}
	var rows [][]string
	for _, d := range docs {
		if a.quiet {
			fmt.Fprintln(a.out, d.ID)
			continue
		}
		rows = append(rows, []string{d.ID, string(d.Format), orElse(d.Number, "-"), orElse(d.Release, "-"), fmt.Sprint(d.Clauses), d.Title})
	}
	if a.quiet || len(rows) == 0 {
		return nil
	}
	return table(a.out, append([][]string{{"id", "format", "number", "release", "clauses", "title"}}, rows...))
}

func (a *app) specToc() *cobra.Command {
	var file string
	var depth int
	c := &cobra.Command{
		Use:   "toc DIR DOCUMENT",
		Short: "list the clauses of a document",
		Long: `Lists the clauses. DOCUMENT is an id as spec ls lists them, or a part of an id, number
or title that only one document has.`,
		Example: `  comlam spec toc docs channel
  comlam spec toc docs channel --depth 1
  comlam spec toc docs channel --json`,
		Args: arguments(2, 2, "the folder and a document"),
		RunE: func(_ *cobra.Command, args []string) error {
			if depth < 0 {
				return usagef("--depth %d: give 1 or more, or 0 for all", depth)
			}
			return withLibrary(args[0], file, func(l *store.Library) error { return a.listClauses(l, args[1], depth) })
		},
	}
	libraryFlag(c, &file)
	c.Flags().IntVar(&depth, "depth", 0, "how many `levels`, 0 for all")
	return c
}

// clauseLine is a clause in a list.
type clauseLine struct {
	Key    string `json:"clause"` // what spec get takes
	Number string `json:"number,omitempty"`
	Title  string `json:"title"`
	Level  int    `json:"level"`
	Blocks int    `json:"blocks"`
}

func (a *app) listClauses(l *store.Library, name string, depth int) error {
	d, err := l.Document(name)
	if err != nil {
		return err
	}
	lines := []clauseLine{}
	for c := range d.All() {
		if depth == 0 || c.Level <= depth {
			lines = append(lines, clauseLine{c.Key(), c.Number, c.Title.String(), c.Level, len(c.Blocks)})
		}
	}
	if a.json {
		return a.print(map[string]any{"document": d.ID, "title": d.Title, "clauses": lines})
	}
	for _, c := range lines {
		if a.quiet {
			fmt.Fprintln(a.out, c.Key)
			continue
		}
		fmt.Fprintf(a.out, "%s%s\n", strings.Repeat("  ", c.Level-1), orElse(strings.TrimSpace(c.Number+"  "+c.Title), "(before the first heading)"))
	}
	return nil
}

func (a *app) specGet() *cobra.Command {
	var file, format string
	var alone bool
	c := &cobra.Command{
		Use:   "get DIR DOCUMENT [CLAUSE]",
		Short: "print a clause, with tables and equations, or a document",
		Long: `Prints a clause with the clauses below it, or the whole document. CLAUSE is a number,
an anchor or a title, as spec toc lists them.`,
		Example: `  comlam spec get docs channel 5.1
  comlam spec get docs channel 5 --alone --format text
  comlam spec get docs channel 5.1 --json         # the typed blocks`,
		Args: arguments(2, 3, "the folder, a document and a clause"),
		RunE: func(_ *cobra.Command, args []string) error {
			if _, err := oneOf("--format", format, []string{"markdown", "text"}); err != nil {
				return err
			}
			return withLibrary(args[0], file, func(l *store.Library) error {
				d, err := l.Document(args[1])
				if err != nil {
					return err
				}
				return a.showClause(d, args[2:], format, alone)
			})
		},
	}
	libraryFlag(c, &file)
	c.Flags().StringVar(&format, "format", "markdown", "markdown or text: the `form` of what is printed")
	c.Flags().BoolVar(&alone, "alone", false, "without the clauses below it")
	complete(c, "format", []string{"markdown", "text"})
	return c
}

func (a *app) showClause(d *spec.Document, key []string, format string, alone bool) error {
	clauses := d.Clauses
	if len(key) > 0 {
		c := d.Find(key[0])
		if c == nil {
			return noClause(d, key[0])
		}
		clauses = []*spec.Clause{c}
	}
	if alone {
		for i, c := range clauses {
			lonely := *c
			lonely.Clauses = nil
			clauses[i] = &lonely
		}
	}
	if a.json {
		return a.print(map[string]any{"document": d.ID, "release": d.Release, "clauses": nonNil(clauses)})
	}
	var w strings.Builder
	for _, c := range clauses {
		if strings.HasPrefix("markdown", format) {
			w.WriteString(c.Markdown())
			continue
		}
		for below := range c.All() {
			w.WriteString(below.Text())
		}
	}
	fmt.Fprintln(a.out, strings.TrimRight(w.String(), "\n"))
	return nil
}

// noClause says which clauses there are instead.
func noClause(d *spec.Document, key string) error {
	var near []string
	for c := range d.All() {
		low := strings.ToLower(c.Name())
		if strings.Contains(low, strings.ToLower(key)) || c.Number != "" && strings.HasPrefix(key, c.Number+".") {
			near = append(near, c.Key())
		}
	}
	return &store.NotFoundError{What: "clause of " + d.ID, Name: key, Choices: near}
}

func (a *app) specSearch() *cobra.Command {
	var file, document string
	var most int
	c := &cobra.Command{
		Use:   "search DIR WORD ...",
		Short: "find clauses by words",
		Long: `Finds the clauses that hold every word, or, where there is none, some of them; the best
first, by BM25. Case does not matter; endings do. Words in double quotes are a phrase,
and so are 38.211 or PDSCH-Config. Chinese is found by any part of a sentence.`,
		Example: `  comlam spec search docs path loss
  comlam spec search docs "subcarrier spacing" --doc channel
  comlam spec search docs RSRP --json`,
		Args: arguments(2, -1, "the folder and words to look for"),
		RunE: func(_ *cobra.Command, args []string) error {
			if most < 1 {
				return usagef("-n %d: give 1 or more", most)
			}
			return withLibrary(args[0], file, func(l *store.Library) error {
				return a.searchLibrary(l, strings.Join(args[1:], " "), document, most)
			})
		},
	}
	libraryFlag(c, &file)
	c.Flags().StringVar(&document, "doc", "", "only in this `document`")
	c.Flags().IntVarP(&most, "num", "n", 10, "show at most this `number`")
	return c
}

func (a *app) searchLibrary(l *store.Library, query, document string, most int) error {
	found, err := l.Search(query, document, most)
	if err != nil {
		return err
	}
	if a.json {
		return a.print(map[string]any{"query": query, "loose": found.Loose, "hits": found.Hits})
	}
	if len(found.Hits) == 0 {
		fmt.Fprintf(a.err, "nothing is found for %q; fewer words may find something\n", query)
		return nil
	}
	if found.Loose && !a.quiet {
		fmt.Fprintln(a.err, "no clause holds all words; these hold some")
	}
	for _, h := range found.Hits {
		if a.quiet {
			fmt.Fprintf(a.out, "%s\t%s\n", h.Document, h.Clause)
			continue
		}
		fmt.Fprintf(a.out, "%s  %s\n    %s\n", h.Document, orElse(strings.TrimSpace(clauseWord(h)+"  "+h.Title), "(before the first heading)"), h.Snippet)
	}
	return nil
}

// clauseWord is the number of a hit, or nothing where its title says all.
func clauseWord(h store.Hit) string {
	if h.Clause == h.Title || h.Clause == "" || h.Clause[0] > '9' && !strings.Contains(h.Clause, ".") && len(h.Clause) > 2 {
		return ""
	}
	return h.Clause
}

func (a *app) specStats() *cobra.Command {
	var file string
	c := &cobra.Command{
		Use:   "stats DIR",
		Short: "count what a library holds",
		Example: `  comlam spec stats docs
  comlam spec stats docs --json
  comlam spec stats docs -q            # the number of documents`,
		Args: arguments(1, 1, "the folder of the documents"),
		RunE: func(_ *cobra.Command, args []string) error {
			return withLibrary(args[0], file, a.showStats)
		},
	}
	libraryFlag(c, &file)
	return c
}

func (a *app) showStats(l *store.Library) error {
	st, err := l.Stats()
	switch {
	case err != nil:
		return err
	case a.json:
		return a.print(st)
	case a.quiet:
		_, err := fmt.Fprintln(a.out, st.Documents)
		return err
	}
	formats := map[string]int{}
	for f, n := range st.Formats {
		formats[string(f)] = n
	}
	rows := [][]string{
		{"library", fmt.Sprintf("%s, %.1f MB", st.File, float64(st.FileBytes)/1e6)},
		{"documents", fmt.Sprintf("%d, %.1f MB", st.Documents, float64(st.SourceBytes)/1e6)}, {"formats", countedWords(formats)},
		{"clauses", fmt.Sprint(st.Clauses)}, {"paragraphs", fmt.Sprint(st.Paragraphs)}, {"tables", fmt.Sprint(st.Tables)},
		{"equations", fmt.Sprintf("%d, and %d formulas inside text", st.Equations, st.Formulas)}, {"code", fmt.Sprint(st.Code)},
		{"ASN.1", fmt.Sprint(st.ASN1)}, {"notes", fmt.Sprint(st.Notes)}, {"figures", fmt.Sprint(st.Figures)},
		{"references", fmt.Sprint(st.References)}, {"plain text", fmt.Sprintf("%.1f MB", float64(st.TextBytes)/1e6)},
	}
	if len(st.Licenses) > 0 {
		rows = append(rows, []string{"licences", countedWords(st.Licenses)})
	}
	for _, r := range st.Refused {
		rows = append(rows, []string{"refused", r.Why})
	}
	for _, r := range st.Remarks {
		rows = append(rows, []string{"remark", r.Document + ": " + r.What})
	}
	return table(a.out, rows)
}

// isSpecUsage, isSpecData and isSpecSpace say whose fault an error of a library is.
func isSpecUsage(err error) bool {
	var unknown *store.NotFoundError
	return errors.As(err, &unknown) || errors.Is(err, store.ErrNoWord)
}

func isSpecData(err error) bool {
	var format *spec.FormatError
	var refused refusedError
	return errors.As(err, &format) || errors.As(err, &refused) || errors.Is(err, store.ErrNoLibrary) ||
		errors.Is(err, store.ErrOther) || errors.Is(err, store.ErrDamaged) || errors.Is(err, store.ErrReadOnly)
}

func isSpecSpace(err error) bool {
	return errors.Is(err, store.ErrFull) || errors.Is(err, store.ErrBusy)
}
