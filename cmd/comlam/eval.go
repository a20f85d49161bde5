package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/comlam/comlam/eval"
	"github.com/comlam/comlam/format/aeszip"
	"github.com/comlam/comlam/task/telecomqa"
)

// barsOnly stands in the place of a model where none is to answer.
const barsOnly = "bars"

// passwordVariable holds the password of an encrypted archive.
const passwordVariable = "COMLAM_PASSWORD"

// evalOptions are the flags of eval.
type evalOptions struct {
	format   string
	password string
	findings bool
}

func (a *app) evalCommand() *cobra.Command {
	var o evalOptions
	c := &cobra.Command{
		Use:   "eval MODEL DATA ...",
		Short: "let a language model answer multiple-choice questions, beside the bars",
		Long: `Reads multiple-choice questions and says what share of them is answered rightly, on
all and by category, with 95 % intervals. MODEL is the word bars: only what needs no
knowledge answers, which is chance, the longest option, and a classifier of surface
features, cross-validated. A model below these bars has shown no knowledge.

DATA are files, or folders of files, of one format: TeleQnA (as published in an
encrypted archive, or unpacked), ORAN-Bench, or lines of {"question", "options",
"answer": index from 0, "category"}. What is wrong in them is reported. The password of
an archive comes from --password, from COMLAM_PASSWORD, or is asked for.`,
		Example: `  comlam eval bars questions.jsonl
  comlam eval bars questions.jsonl --findings
  comlam eval bars questions.jsonl --json`,
		Args: arguments(2, -1, "a model, or bars, and files of questions"),
		RunE: func(_ *cobra.Command, args []string) error { return a.evaluate(args[0], args[1:], o) },
	}
	f := c.Flags()
	f.StringVar(&o.format, "format", "", "read all files in this `format`: teleqna, oranbench or questions; otherwise what they look like")
	f.StringVar(&o.password, "password", "", "`password` of an encrypted archive")
	f.BoolVar(&o.findings, "findings", false, "list everything that is wrong in the files")
	return c
}

// evaluated is the result of eval.
type evaluated struct {
	Set       string              `json:"set"`
	Format    string              `json:"format"`
	Questions int                 `json:"questions"`
	Findings  []telecomqa.Finding `json:"findings"`
	Rows      []eval.Row          `json:"rows"`
}

func (a *app) evaluate(model string, files []string, o evalOptions) error {
	if model != barsOnly {
		return usagef("no model can be asked yet; use the word %s for the bars", barsOnly)
	}
	if o.format != "" && !slices.Contains(telecomqa.Formats, o.format) {
		return usagef("--format %q is not read; give one of %s", o.format, strings.Join(telecomqa.Formats, ", "))
	}
	set, err := telecomqa.Load(files, telecomqa.Options{Format: o.format, Password: a.password(o.password)})
	if errors.Is(err, aeszip.ErrPassword) {
		return usageError{fmt.Errorf("%w; give the one that its authors publish with --password", err)}
	}
	if err != nil {
		return err
	}
	exam, err := telecomqa.NewExam(set, telecomqa.Default())
	if err != nil {
		return err
	}
	rows, err := exam.Rows()
	if err != nil {
		return err
	}
	res := evaluated{Set: set.Name, Format: set.Format, Questions: len(set.Questions), Findings: append([]telecomqa.Finding{}, set.Findings...), Rows: rows}
	if a.json {
		return a.print(res)
	}
	return a.showEvaluated(res, o)
}

// password finds the password of an archive, which appears in no output.
func (a *app) password(given string) func() (string, error) {
	return func() (string, error) {
		if given != "" {
			return given, nil
		}
		if word := os.Getenv(passwordVariable); word != "" {
			return word, nil
		}
		f, ok := a.in.(*os.File)
		if !ok {
			return "", aeszip.ErrPassword
		}
		if info, err := f.Stat(); err != nil || info.Mode()&os.ModeCharDevice == 0 {
			return "", aeszip.ErrPassword
		}
		fmt.Fprint(a.err, "password of the archive: ")
		line, err := bufio.NewReader(f).ReadString('\n')
		if err != nil {
			return "", aeszip.ErrPassword
		}
		return strings.TrimRight(line, "\r\n"), nil
	}
}

func (a *app) showEvaluated(res evaluated, o evalOptions) error {
	fmt.Fprintf(a.out, "%s: %d questions (± is half of the 95 %% interval)\n", res.Set, res.Questions)
	if err := table(a.out, accuracyTable(res)); err != nil {
		return err
	}
	if !slices.ContainsFunc(res.Rows, func(r eval.Row) bool { return r.Method == telecomqa.NameSurface }) {
		fmt.Fprintf(a.out, "  (fewer than %d questions: the surface classifier was not fitted)\n", telecomqa.MinSurface)
	}
	return a.showFindings(res, o.findings)
}

// accuracyTable has methods down, and all questions and each category across.
func accuracyTable(res evaluated) [][]string {
	head := []string{"  method", "class"}
	var lines [][]string
	line := map[string]int{}
	for _, r := range res.Rows {
		condition := strings.TrimPrefix(strings.TrimPrefix(r.Condition, res.Set), ", ")
		if condition == "" {
			line[r.Method] = len(lines)
			lines = append(lines, []string{"  " + r.Method, r.Class})
			condition = "all"
		}
		if name := fmt.Sprintf("%s (%d)", condition, r.N); head[len(head)-1] != name {
			head = append(head, name)
		}
		i := line[r.Method]
		lines[i] = append(lines[i], fmt.Sprintf("%.1f%% ±%.1f", 100*r.Value, 50*(r.CI95[1]-r.CI95[0])))
	}
	return append([][]string{head}, lines...)
}

// showFindings counts what is wrong in the files, or lists it.
func (a *app) showFindings(res evaluated, all bool) error {
	if len(res.Findings) == 0 {
		return nil
	}
	fmt.Fprintln(a.out)
	if all {
		rows := [][]string{{"finding", "where", ""}}
		for _, f := range res.Findings {
			rows = append(rows, []string{f.Code, f.Where, f.Text})
		}
		return table(a.out, rows)
	}
	count := map[string]int{}
	var codes []string
	for _, f := range res.Findings {
		if count[f.Code]++; count[f.Code] == 1 {
			codes = append(codes, f.Code)
		}
	}
	fmt.Fprint(a.out, "found in the files:")
	for _, c := range codes {
		note := ""
		if c == telecomqa.Malformed {
			note = " (not asked)"
		}
		fmt.Fprintf(a.out, " %d %s%s;", count[c], c, note)
	}
	fmt.Fprintln(a.out, " --findings lists them")
	return nil
}
