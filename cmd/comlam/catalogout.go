package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/comlam/comlam/catalog"
	"github.com/comlam/comlam/internal/durable"
	"github.com/comlam/comlam/run"
)

func (a *app) catalogExport() *cobra.Command {
	var format, file string
	c := &cobra.Command{
		Use:   "export",
		Short: "write the catalog as Markdown, BibTeX, JSON, CSL-JSON or one HTML page",
		Example: `  comlam catalog export --format html -o catalog.html
  comlam catalog export --format bibtex -o comlam.bib
  comlam catalog export --format csl > comlam.json`,
		Args: arguments(0, 0, "no argument"),
		RunE: func(*cobra.Command, []string) error {
			if !slices.Contains(catalog.Formats, format) {
				return unknown("--format", format, catalog.Formats)
			}
			m, err := catalog.Load()
			if err != nil {
				return err
			}
			var b bytes.Buffer
			if err := m.Write(&b, format); err != nil {
				return err
			}
			return a.deliver(format, file, b.Bytes())
		},
	}
	c.Flags().StringVar(&format, "format", "markdown", "the `format`: "+strings.Join(catalog.Formats, ", "))
	c.Flags().StringVarP(&file, "output", "o", "", "`file` to write instead of standard output")
	complete(c, "format", catalog.Formats)
	return c
}

// exported is the result of catalog export.
type exported struct {
	Format string `json:"format"`
	File   string `json:"file,omitempty"`
	Bytes  int    `json:"bytes"`
	Text   string `json:"text,omitempty"` // without a file
}

func (a *app) deliver(format, file string, text []byte) error {
	res := exported{Format: format, File: file, Bytes: len(text)}
	if file == "" {
		if a.json {
			res.Text = string(text)
			return a.print(res)
		}
		_, err := a.out.Write(text)
		return err
	}
	if err := durable.WriteFile(durable.OS, file, text); err != nil {
		return err
	}
	switch {
	case a.json:
		return a.print(res)
	case !a.quiet:
		fmt.Fprintf(a.out, "wrote %s: %s\n", file, size(uint64(len(text))))
	}
	return nil
}

// checkOptions are the flags of catalog check.
type checkOptions struct {
	online bool
	limit  int
	pause  time.Duration
}

func (a *app) catalogCheck() *cobra.Command {
	var o checkOptions
	c := &cobra.Command{
		Use:   "check",
		Short: "verify the catalog's data, and its links if asked to",
		Long: `Verifies names, references, links and statuses, and that none of the wrong links in
circulation is among them. With --online it tries every link, one at a time: HEAD
first, GET where HEAD is not answered, a second try after what may pass, a pause
between any two requests to the same host, none to a host that asks to be left alone.
All of them take about a quarter of an hour; -n 20 tries twenty. Only a link that is
not found counts as dead. When the first hosts do not answer it stops and exits with 4.`,
		Example: `  comlam catalog check
  comlam catalog check --json
  comlam catalog check -q     # nothing but problems`,
		Args: arguments(0, 0, "no argument"),
		RunE: func(*cobra.Command, []string) error {
			if o.limit < 0 || o.pause < time.Second {
				return usagef("-n %d --pause %v: give 0 or more links, and a second or more between them", o.limit, o.pause)
			}
			m, err := catalog.Load()
			if err != nil {
				return err
			}
			return a.checkCatalog(m, o, &catalog.Prober{Pause: o.pause, Limit: o.limit})
		},
	}
	f := c.Flags()
	f.BoolVar(&o.online, "online", false, "try the links")
	f.IntVarP(&o.limit, "num", "n", 0, "try at most this `number` of links, 0 for all")
	f.DurationVar(&o.pause, "pause", 3*time.Second, "`time` between two requests to a host")
	return c
}

// checked is the result of catalog check.
type checked struct {
	Entries  int               `json:"entries"`
	Leaves   int               `json:"leaves"`
	Problems []catalog.Problem `json:"problems"`
	Links    []catalog.Reached `json:"links,omitempty"`
}

func (a *app) checkCatalog(m *catalog.Catalog, o checkOptions, p *catalog.Prober) error {
	res := checked{Entries: len(m.Items), Leaves: m.Leaves(), Problems: nonNil(m.Check())}
	var offline error
	if o.online {
		ctx, stop := a.interruptible()
		defer stop()
		links, err := p.Probe(ctx, m.Targets(), a.tellLink)
		res.Links = links
		switch {
		case errors.Is(err, catalog.ErrOffline):
			offline = fmt.Errorf("%d links were tried: %w", len(links), err)
		case errors.Is(err, run.ErrInterrupted), errors.Is(err, context.Canceled):
			return fmt.Errorf("%w: %d links were tried", run.ErrInterrupted, len(links))
		case err != nil:
			return err
		}
	}
	if err := a.showChecked(res); err != nil {
		return err
	}
	return cmp.Or(res.gate(), offline)
}

// tellLink reports a link that does not answer, as soon as it is known.
func (a *app) tellLink(r catalog.Reached) {
	if r.Verdict != catalog.Alive && !a.quiet {
		fmt.Fprintf(a.err, "%s  %s  %s (%s)\n", r.Verdict, r.Item, r.URL, r.Why)
	}
}

func (a *app) showChecked(res checked) error {
	if a.json {
		return a.print(res)
	}
	for _, p := range res.Problems {
		fmt.Fprintln(a.out, p)
	}
	if a.quiet {
		return nil
	}
	fmt.Fprintf(a.out, "%d entries, %d leaves, %d problems\n", res.Entries, res.Leaves, len(res.Problems))
	if len(res.Links) > 0 {
		fmt.Fprintf(a.out, "%d links: %d alive, %d dead, %d unclear, %d skipped\n", len(res.Links), res.count(catalog.Alive),
			res.count(catalog.Dead), res.count(catalog.Unclear), res.count(catalog.Skipped))
	}
	return nil
}

func (r checked) count(v catalog.Verdict) int {
	n := 0
	for _, l := range r.Links {
		if l.Verdict == v {
			n++
		}
	}
	return n
}

// gate fails on wrong data and dead links; a link that is unclear says nothing.
func (r checked) gate() error {
	var failed []run.Gate
	if n := len(r.Problems); n > 0 {
		failed = append(failed, run.Gate{Name: "catalog", Text: fmt.Sprintf("%d problems", n)})
	}
	if n := r.count(catalog.Dead); n > 0 {
		failed = append(failed, run.Gate{Name: "links", Text: fmt.Sprintf("%d dead", n)})
	}
	if failed == nil {
		return nil
	}
	return gateError{failed}
}
