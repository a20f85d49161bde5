package main

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/comlam/comlam/catalog"
)

func (a *app) catalogCommand() *cobra.Command {
	return group(&cobra.Command{
		Use:   "catalog",
		Short: "the map of the field: what there is, and what runs here",
		Example: `  comlam catalog tree
  comlam catalog search channel prediction
  comlam catalog export --format html -o catalog.html`,
	}, a.catalogLs(), a.catalogTree(), a.catalogShow(), a.catalogSearch(), a.catalogExport(), a.catalogCheck())
}

// listing says which entries to list, and how.
type listing struct {
	kind, area, status, year string
	chinese                  bool
}

func (l *listing) flags(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&l.kind, "kind", "", "only of this `kind`: "+join(catalog.Kinds))
	f.StringVar(&l.area, "area", "", "only of this `area`, such as \"physical layer\"")
	f.StringVar(&l.year, "year", "", "only of this `year` or years, 2024 or 2022-2024")
	f.StringVar(&l.status, "status", "", "only what is in this `state`: "+join(catalog.States))
	l.language(c)
	complete(c, "kind", catalog.Kinds)
	complete(c, "area", catalog.Areas)
	complete(c, "status", catalog.States)
}

func (l *listing) language(c *cobra.Command) {
	c.Flags().BoolVar(&l.chinese, "zh", false, "names in Chinese")
}

func complete[T ~string](c *cobra.Command, flag string, choices []T) {
	c.RegisterFlagCompletionFunc(flag, func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return words(choices), cobra.ShellCompDirectiveNoFileComp
	})
}

func words[T ~string](list []T) []string {
	var out []string
	for _, x := range list {
		out = append(out, string(x))
	}
	return out
}

func join[T ~string](list []T) string { return strings.Join(words(list), ", ") }

// filter reads the flags.
func (l *listing) filter() (f catalog.Filter, err error) {
	if f.Kind, err = oneOf("--kind", l.kind, catalog.Kinds); err != nil {
		return f, err
	}
	if f.Area, err = oneOf("--area", l.area, catalog.Areas); err != nil {
		return f, err
	}
	if f.State, err = oneOf("--status", l.status, catalog.States); err != nil {
		return f, err
	}
	if l.year == "" {
		return f, nil
	}
	from, to, isRange := strings.Cut(l.year, "-")
	if !isRange {
		to = from
	}
	var bad1, bad2 error
	f.From, bad1 = strconv.Atoi(from)
	f.To, bad2 = strconv.Atoi(to)
	if errors.Join(bad1, bad2) != nil || f.From < 1 || f.To < f.From {
		return f, usagef("--year %q is no year; give one like 2024, or two like 2022-2024", l.year)
	}
	return f, nil
}

// oneOf finds what was typed among the choices; case and hyphens do not matter, and
// the beginning of a single choice is enough.
func oneOf[T ~string](flag, typed string, choices []T) (T, error) {
	if typed == "" {
		return "", nil
	}
	plain := func(s string) string { return strings.ReplaceAll(strings.ToLower(s), "-", " ") }
	var near []T
	for _, x := range choices {
		if plain(string(x)) == plain(typed) {
			return x, nil
		}
		if strings.HasPrefix(plain(string(x)), plain(typed)) {
			near = append(near, x)
		}
	}
	if len(near) == 1 {
		return near[0], nil
	}
	return "", unknown(flag, typed, words(choices))
}

// unknown says what could have been typed.
func unknown(what, typed string, choices []string) error {
	hint := ""
	if near := catalog.Closest(typed, choices); near != "" {
		hint = fmt.Sprintf("did you mean %q? ", near)
	}
	return usagef("%s %q is not known; %sthere are: %s", what, typed, hint, strings.Join(choices, ", "))
}

func (l *listing) name(n catalog.Name) string {
	if l.chinese {
		return n.ZH
	}
	return n.EN
}

func (a *app) catalogLs() *cobra.Command {
	var l listing
	c := &cobra.Command{
		Use:   "ls",
		Short: "list the entries, all or some",
		Example: `  comlam catalog ls --status runs
  comlam catalog ls --kind model --area "physical layer" --zh
  comlam catalog ls --kind dataset --year 2023-2025 -q     # ids only`,
		Args: arguments(0, 0, "no argument"),
		RunE: func(*cobra.Command, []string) error {
			f, err := l.filter()
			if err != nil {
				return err
			}
			m, err := catalog.Load()
			if err != nil {
				return err
			}
			return a.listItems(m.List(f), l)
		},
	}
	l.flags(c)
	return c
}

func (a *app) listItems(items []*catalog.Item, l listing) error {
	if a.json {
		return a.print(map[string]any{"items": nonNil(items)})
	}
	var rows [][]string
	for _, it := range items {
		if a.quiet {
			fmt.Fprintln(a.out, it.ID)
			continue
		}
		rows = append(rows, []string{it.ID, string(it.Kind), string(it.Area), yearOf(it), string(it.Status.State), l.name(it.Name)})
	}
	if a.quiet || len(rows) == 0 {
		return nil
	}
	return table(a.out, rows)
}

// nonNil makes JSON say [] and not null.
func nonNil[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

func yearOf(it *catalog.Item) string {
	if it.Year == 0 {
		return "-"
	}
	return strconv.Itoa(it.Year)
}

func (a *app) catalogTree() *cobra.Command {
	var l listing
	var works bool
	c := &cobra.Command{
		Use:   "tree [PART]",
		Short: "show the outline of the field, or one part of it",
		Example: `  comlam catalog tree
  comlam catalog tree phy-and-mac --works     # with the papers and models of each leaf
  comlam catalog tree --zh`,
		Args: arguments(0, 1, "at most one part"),
		RunE: func(_ *cobra.Command, args []string) error {
			m, err := catalog.Load()
			if err != nil {
				return err
			}
			parts := m.Parts
			if len(args) > 0 {
				p := m.Part(args[0])
				if p == nil {
					return unknown("part", args[0], m.PartIDs())
				}
				parts = []*catalog.Part{p}
			}
			if a.json {
				return a.print(map[string]any{"outline": parts})
			}
			for _, p := range parts {
				a.branch(p, l, works, "")
			}
			return nil
		},
	}
	c.Flags().BoolVar(&works, "works", false, "with what each leaf rests on")
	l.language(c)
	return c
}

// branch prints a part. What runs is marked with *, what runs partly with +.
func (a *app) branch(p *catalog.Part, l listing, works bool, indent string) {
	label := func(id string, n catalog.Name) string {
		if a.quiet {
			return id
		}
		return l.name(n) + "  [" + id + "]"
	}
	fmt.Fprintf(a.out, "%s%s\n", indent, label(p.ID, p.Name))
	for _, sub := range p.Parts {
		a.branch(sub, l, works, indent+"  ")
	}
	for _, leaf := range p.Leaves {
		fmt.Fprintf(a.out, "%s  %s %s\n", indent, mark(leaf), label(leaf.ID, leaf.Name))
		for _, x := range leaf.Works {
			if works {
				fmt.Fprintf(a.out, "%s    %s %s\n", indent, mark(x), label(x.ID, x.Name))
			}
		}
	}
}

func mark(it *catalog.Item) string {
	return map[catalog.State]string{catalog.Runs: "*", catalog.Partly: "+", catalog.NotYet: "-", catalog.Nought: " "}[it.Status.State]
}

func (a *app) catalogShow() *cobra.Command {
	c := &cobra.Command{
		Use:   "show ID",
		Short: "show one entry: names, links, use, and how it runs here",
		Example: `  comlam catalog show wifo
  comlam catalog show sora
  comlam catalog show lora --json`,
		Args: arguments(1, 1, "the id of an entry"),
		RunE: func(_ *cobra.Command, args []string) error {
			m, err := catalog.Load()
			if err != nil {
				return err
			}
			it := m.Item(strings.ToLower(args[0]))
			switch {
			case it == nil:
				return noEntry(m, args[0])
			case a.json:
				return a.print(it)
			case a.quiet:
				fmt.Fprintln(a.out, it.ID)
				return nil
			}
			return a.showItem(it)
		},
	}
	c.ValidArgsFunction = func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		m, err := catalog.Load()
		if err != nil {
			return nil, cobra.ShellCompDirectiveError
		}
		var ids []string
		for _, it := range m.Items {
			ids = append(ids, it.ID)
		}
		return ids, cobra.ShellCompDirectiveNoFileComp
	}
	return c
}

func noEntry(m *catalog.Catalog, id string) error {
	hint := ""
	if near := m.Nearest(id); near != "" {
		hint = fmt.Sprintf("did you mean %q? ", near)
	}
	return usagef("there is no entry %q; %scomlam catalog search finds entries by words", id, hint)
}

func (a *app) showItem(it *catalog.Item) error {
	rows := [][]string{
		{"name", it.Name.EN}, {"", it.Name.ZH}, {"kind", string(it.Kind)}, {"place", it.Place()}, {"title", it.Title},
		{"year", cmp.Or(catalog.AbsenceName(it.Absent["year"]).EN, yearOf(it))},
		{"authors", cmp.Or(strings.Join(it.Authors, ", "), catalog.AbsenceName(it.Absent["authors"]).EN)}, {"cited", catalog.SourceName(it.Cited).EN},
	}
	for _, f := range it.Facts() {
		rows = append(rows, []string{f.Label.EN, cmp.Or(f.URL, f.Value.EN)})
	}
	for _, p := range it.Further {
		rows = append(rows, []string{"further", p.Link.URL()}, []string{"", p.Title})
	}
	if len(it.Links()) > 0 {
		rows = append(rows, []string{"links are", catalog.EvidenceName(it.Evidence).EN})
	}
	rows = append(rows, []string{"see", strings.Join(it.See, ", ")}, []string{"use", it.Use}, []string{"", it.UseZH}, []string{"note", it.Note}, []string{"", it.NoteZH},
		[]string{"in ComLAM", string(it.Status.State)})
	for _, command := range it.Status.Run {
		rows = append(rows, []string{"run", command})
	}
	rows = append(rows, []string{"missing", it.Status.Missing}, []string{"", it.Status.MissingZH})
	return table(a.out, slices.DeleteFunc(rows, func(r []string) bool { return r[1] == "" }))
}

func (a *app) catalogSearch() *cobra.Command {
	var l listing
	var most int
	c := &cobra.Command{
		Use:   "search WORD ...",
		Short: "find entries by words in English or Chinese",
		Long: `Finds the entries in which every word occurs: in a name, which counts most, or in
what is said about them. A Chinese word is also found by its pairs of letters.`,
		Example: `  comlam catalog search channel prediction
  comlam catalog search semantic communication --zh     # Chinese words are found, too
  comlam catalog search lora --kind method -n 3`,
		Args: arguments(1, -1, "words to look for"),
		RunE: func(_ *cobra.Command, args []string) error {
			f, err := l.filter()
			if err != nil {
				return err
			}
			if most < 0 {
				return usagef("-n %d: give 1 or more, or 0 for all", most)
			}
			m, err := catalog.Load()
			if err != nil {
				return err
			}
			hits := slices.DeleteFunc(m.Search(strings.Join(args, " ")), func(h catalog.Hit) bool { return !f.Match(h.Item) })
			if most > 0 && len(hits) > most {
				hits = hits[:most]
			}
			if a.json {
				return a.print(map[string]any{"query": strings.Join(args, " "), "hits": nonNil(hits)})
			}
			if len(hits) == 0 {
				return noHit(m, strings.Join(args, " "))
			}
			var items []*catalog.Item
			for _, h := range hits {
				items = append(items, h.Item)
			}
			return a.listItems(items, l)
		},
	}
	l.flags(c)
	c.Flags().IntVarP(&most, "num", "n", 20, "show at most this `number`, 0 for all")
	return c
}

func noHit(m *catalog.Catalog, query string) error {
	if near := m.Nearest(query); near != "" {
		return usagef("nothing is found for %q; did you mean %q?", query, near)
	}
	return usagef("nothing is found for %q; fewer words, or no filter, may find something", query)
}
