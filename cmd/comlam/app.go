package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// goParser is what Go says of the function that could not read a number.
var goParser = regexp.MustCompile(`strconv\.Parse[A-Za-z]+: parsing "[^"]*": `)

// app is one invocation: where its output goes and the flags of all commands.
type app struct {
	in       io.Reader
	out, err io.Writer
	json     bool
	printed  bool // the JSON object is out
	quiet    bool
	dir      string
}

// comlam runs the command line and returns the exit code.
func comlam(args []string, in io.Reader, out, err io.Writer) (code int) {
	a := &app{in: in, out: out, err: err, json: slices.Contains(args, "--json")}
	defer func() {
		if p := recover(); p != nil {
			code = a.panicked(p)
		}
	}()
	back, _ := os.Getwd()
	defer func() {
		if a.dir != "" {
			os.Chdir(back)
		}
	}()
	root := a.root()
	root.SetArgs(append([]string{}, args...)) // never nil, for which cobra takes os.Args
	root.SetIn(in)
	root.SetOut(out)
	root.SetErr(err)
	if failed := root.Execute(); failed != nil {
		return a.failed(failed)
	}
	return exitOK
}

// failed reports an error and returns its exit code.
func (a *app) failed(err error) int {
	code := exitCode(err)
	if code == exitBug {
		return a.bug(err.Error())
	}
	fmt.Fprintln(a.err, a.red("comlam:"), err)
	a.printError(err.Error(), code)
	return code
}

// panicked turns a panic into a line.
func (a *app) panicked(p any) int {
	if os.Getenv("COMLAM_DEBUG") == "1" {
		fmt.Fprintf(a.err, "%s\n", debug.Stack())
	}
	return a.bug(fmt.Sprint(p))
}

func (a *app) bug(what string) int {
	what = strings.ReplaceAll(strings.TrimSpace(what), "\n", " | ")
	fmt.Fprintf(a.err, "%s a bug in comlam: %s; please report it with the command that you ran and the output of: comlam version\n", a.red("comlam:"), what)
	a.printError(what, exitBug)
	return exitBug
}

func (a *app) printError(what string, code int) {
	// A run whose gate failed has printed its result: that is the one object.
	if a.json && !a.printed {
		a.print(struct {
			Error    string `json:"error"`
			ExitCode int    `json:"exit_code"`
		}{what, code})
	}
}

// print writes the one JSON object of a command.
func (a *app) print(v any) error {
	a.printed = true
	enc := json.NewEncoder(a.out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return fmt.Errorf("print the result: %w", err)
	}
	return nil
}

// red colours a word on a terminal; anywhere else, and where NO_COLOR asks for it
// (no-color.org), it stays as it is.
func (a *app) red(word string) string {
	if os.Getenv("NO_COLOR") != "" || os.Getenv("TERM") == "dumb" || !isTerminal(a.err) {
		return word
	}
	return "\x1b[31m" + word + "\x1b[0m"
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

const firstSteps = `comlam demo                         simulate, train, adapt, evaluate, report: about two minutes
comlam recipe ls                    the jobs that come with the program
comlam run channelpred/jakes        one of them in full; Ctrl-C stops it, running it again continues
comlam runs ls                      what has been run, and where its report is
comlam csi gen -n 1000 -o h.npy     channels of TR 38.901 for your own tools
comlam help                         every command
`

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:           "comlam",
		Short:         "large AI models for communications: simulate, train, adapt, evaluate",
		Example:       "  comlam demo --short\n  comlam recipe ls\n  comlam run channelpred/jakes train.steps=1000",
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return noCommand(cmd, args[0])
			}
			return a.printHelp(firstSteps)
		},
		PersistentPreRunE: func(*cobra.Command, []string) error {
			if a.dir == "" {
				return nil
			}
			if err := os.Chdir(a.dir); err != nil {
				a.dir = ""
				return usagef("-C: %w; give a folder that is there", err)
			}
			return nil
		},
	}
	flags := root.PersistentFlags()
	flags.BoolVar(&a.json, "json", false, "print one JSON object on one line")
	flags.BoolVarP(&a.quiet, "quiet", "q", false, "no progress; lists print names only")
	flags.StringVarP(&a.dir, "dir", "C", "", "work in this `folder`, as if started there")
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usagef("%s; see %s --help", goParser.ReplaceAllString(err.Error(), ""), cmd.CommandPath())
	})
	root.AddCommand(a.planCommand(), a.manCommand())
	root.SetHelpCommand(a.helpCommand(root))
	root.SetHelpFunc(func(cmd *cobra.Command, _ []string) {
		a.printHelp(orElse(cmd.Long, cmd.Short) + "\n\n" + cmd.UsageString())
	})
	root.AddCommand(a.demoCommand(), a.runCommand(), a.recipeCommand(), a.runsCommand(), a.csiCommand(), a.linkCommand(), a.evalCommand(), a.chatCommand(), a.exportCommand(),
		a.factsCommand(), a.modelsCommand(), a.specCommand(), a.tasksCommand(), a.tokCommand(), a.tokensCommand(), a.catalogCommand(), a.benchCommand(), a.doctorCommand(), a.versionCommand())
	root.SetOut(a.out) // completion takes it as it is now
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	if c, _, err := root.Find([]string{"completion"}); err == nil {
		c.Short = "print a script that lets a shell complete commands"
		c.Example = "  comlam completion bash\n  comlam completion zsh > _comlam\n  comlam completion fish > comlam.fish"
		for _, shell := range c.Commands() {
			call := "  comlam completion " + shell.Name()
			shell.Example = call + "\n" + call + " > comlam-completion\n" + call + " --no-descriptions"
		}
	}
	return root
}

func (a *app) printHelp(text string) error {
	if a.json {
		return a.print(map[string]string{"help": text})
	}
	_, err := io.WriteString(a.out, text)
	return err
}

// helpCommand is cobra's, but for an unknown command being an error.
func (a *app) helpCommand(root *cobra.Command) *cobra.Command {
	return &cobra.Command{
		Use: "help [COMMAND]", Short: "explain a command",
		Example: "  comlam help\n  comlam help run\n  comlam help recipe cat",
		RunE: func(_ *cobra.Command, args []string) error {
			c, rest, err := root.Find(args)
			if err != nil || len(rest) > 0 {
				return noCommand(c, append(rest, args...)[0])
			}
			c.InitDefaultHelpFlag()
			return c.Help()
		},
	}
}

// group completes a command that only holds others.
func group(g *cobra.Command, commands ...*cobra.Command) *cobra.Command {
	g.Args = cobra.ArbitraryArgs
	g.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) > 0 {
			return noCommand(cmd, args[0])
		}
		return cmd.Help()
	}
	g.AddCommand(commands...)
	return g
}

func noCommand(cmd *cobra.Command, name string) error {
	var names []string
	for _, c := range cmd.Commands() {
		if c.IsAvailableCommand() {
			names = append(names, c.Name())
		}
	}
	hint := ""
	cmd.SuggestionsMinimumDistance = 2
	if near := cmd.SuggestionsFor(name); len(near) > 0 {
		hint = fmt.Sprintf("did you mean %q? ", near[0])
	}
	path := strings.TrimPrefix(cmd.CommandPath()+" "+name, "comlam ")
	return usagef("there is no command %q; %sthere are: %s", path, hint, strings.Join(names, ", "))
}

// arguments checks their number; what names them in the error.
func arguments(least, most int, what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) < least:
			return usagef("give %s; see %s --help", what, cmd.CommandPath())
		case most >= 0 && len(args) > most:
			return usagef("argument %q is one too many: %s takes %s", args[most], cmd.CommandPath(), what)
		}
		return nil
	}
}
