package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"unicode"

	"github.com/spf13/cobra"

	"github.com/comlam/comlam/internal/durable"
)

// manCommand writes what a package of the program installs below its share folder.
func (a *app) manCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "man FOLDER",
		Short: "write manual pages and shell completions below a folder",
		Long: `Writes manual pages and completions as they lie below /usr/local/share: man/man1,
bash-completion/completions, zsh/site-functions, fish/vendor_completions.d. The same
program writes the same bytes.`,
		Example: `  comlam man share
  comlam man share -q        # no list of files
  comlam man share --json`,
		Hidden: true, // for packagers; make man calls it
		Args:   arguments(1, 1, "a folder"),
		RunE: func(cmd *cobra.Command, args []string) error {
			files, err := shareFiles(cmd.Root())
			if err != nil {
				return err
			}
			names := []string{}
			for _, f := range files {
				name := filepath.Join(args[0], filepath.FromSlash(f.name))
				if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
					return err
				}
				if err := durable.WriteFile(durable.OS, name, f.text); err != nil {
					return err
				}
				names = append(names, name)
			}
			if a.json {
				return a.print(map[string]any{"files": names})
			}
			if !a.quiet {
				fmt.Fprintln(a.out, strings.Join(names, "\n"))
			}
			return nil
		},
	}
}

// shareFile is a generated file below the share folder.
type shareFile struct {
	name string
	text []byte
}

// shareFiles makes the pages of all visible commands, and the completions.
func shareFiles(root *cobra.Command) ([]shareFile, error) {
	var files []shareFile
	eachCommand(root, func(c *cobra.Command) {
		files = append(files, shareFile{"man/man1/" + pageName(c) + ".1", []byte(manPage(c))})
	})
	for _, shell := range []struct {
		file  string
		write func(b *bytes.Buffer) error
	}{
		{"bash-completion/completions/comlam", func(b *bytes.Buffer) error { return root.GenBashCompletionV2(b, true) }},
		{"zsh/site-functions/_comlam", func(b *bytes.Buffer) error { return root.GenZshCompletion(b) }},
		{"fish/vendor_completions.d/comlam.fish", func(b *bytes.Buffer) error { return root.GenFishCompletion(b, true) }},
	} {
		var b bytes.Buffer
		if err := shell.write(&b); err != nil {
			return nil, fmt.Errorf("make %s: %w", shell.file, err)
		}
		files = append(files, shareFile{shell.file, b.Bytes()})
	}
	return files, nil
}

// eachCommand visits a command and those below it that are not hidden, in order.
func eachCommand(c *cobra.Command, visit func(*cobra.Command)) {
	c.InitDefaultHelpFlag()
	visit(c)
	for _, child := range c.Commands() {
		if !child.Hidden {
			eachCommand(child, visit)
		}
	}
}

func pageName(c *cobra.Command) string { return strings.ReplaceAll(c.CommandPath(), " ", "-") }

// roff writes a manual page, in the macros of man(7).
type roff struct{ strings.Builder }

// escape keeps text as it is: a backslash, a hyphen that may be copied, letters
// beyond ASCII, and a line that would begin a request.
func escape(text string) string {
	text = strings.NewReplacer(`\`, `\e`, "-", `\-`, "'", `\(aq`).Replace(text)
	var b strings.Builder
	for i, r := range text {
		switch {
		case r == '.' && i == 0:
			b.WriteString(`\&.`)
		case r > unicode.MaxASCII:
			fmt.Fprintf(&b, `\[u%04X]`, r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// section begins a section.
func (r *roff) section(name string) { fmt.Fprintf(r, ".SH %s\n", name) }

// prose writes filled text; an empty line begins a paragraph.
func (r *roff) prose(text string) {
	for line := range strings.Lines(strings.TrimSpace(text) + "\n") {
		if line = strings.TrimSuffix(line, "\n"); line == "" {
			r.WriteString(".PP\n")
			continue
		}
		r.WriteString(escape(line) + "\n")
	}
}

// verbatim writes lines that are not filled, without the indent they share.
func (r *roff) verbatim(text string) {
	r.WriteString(".PP\n.RS 4\n.nf\n")
	for line := range strings.Lines(text) {
		r.WriteString(escape(strings.TrimPrefix(strings.TrimSuffix(line, "\n"), "  ")) + "\n")
	}
	r.WriteString(".fi\n.RE\n")
}

// manPage is the page of one command.
func manPage(c *cobra.Command) string {
	var r roff
	name := pageName(c)
	fmt.Fprintf(&r, ".TH %q 1 \"\" \"comlam\" \"ComLAM\"\n", strings.ToUpper(name))
	r.section("NAME")
	r.prose(name + " - " + c.Short)
	r.section("SYNOPSIS")
	fmt.Fprintf(&r, ".B %s\n", escape(c.CommandPath()))
	if _, arguments, ok := strings.Cut(c.UseLine(), c.CommandPath()+" "); ok {
		r.WriteString(escape(arguments) + "\n")
	}
	r.section("DESCRIPTION")
	r.prose(strings.TrimSuffix(orElse(c.Long, c.Short), ".") + ".")
	r.options("OPTIONS", c.NonInheritedFlags().FlagUsages())
	r.options("OPTIONS OF EVERY COMMAND", c.InheritedFlags().FlagUsages())
	if c.Example != "" {
		r.section("EXAMPLES")
		r.verbatim(c.Example)
	}
	if !c.HasParent() {
		r.section("EXIT STATUS")
		r.verbatim(exitStatus)
	}
	r.seeAlso(c)
	return r.String()
}

// exitStatus is the table in the manual; exit.go holds the numbers.
const exitStatus = `0    done
1    a bug in comlam
2    usage: a wrong argument
3    data: a wrong or damaged file
4    resources: no space, no memory, locked by another process
5    a gate failed: a result is not what it must be
130  interrupted; training has left a checkpoint
`

// options lists flags as --help does.
func (r *roff) options(title, usages string) {
	if usages != "" {
		r.section(title)
		r.verbatim(usages)
	}
}

// seeAlso names the pages above and below.
func (r *roff) seeAlso(c *cobra.Command) {
	var names []string
	if c.HasParent() {
		names = append(names, pageName(c.Parent()))
	}
	for _, child := range c.Commands() {
		if !child.Hidden {
			names = append(names, pageName(child))
		}
	}
	if len(names) == 0 {
		return
	}
	r.section("SEE ALSO")
	for i, name := range names {
		comma := ","
		if i == len(names)-1 {
			comma = ""
		}
		fmt.Fprintf(r, ".BR %s (1)%s\n", escape(name), comma)
	}
}
