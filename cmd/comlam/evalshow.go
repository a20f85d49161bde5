package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/comlam/comlam/eval"
	"github.com/comlam/comlam/task/telecomqa"
)

func (a *app) showEvaluated(res evaluated, o evalOptions) error {
	fmt.Fprintf(a.out, "%s: %d questions (± is half of the 95 %% interval)\n", res.Set, res.Questions)
	if err := table(a.out, accuracyTable(res)); err != nil {
		return err
	}
	if !slices.ContainsFunc(res.Rows, func(r eval.Row) bool { return r.Method == telecomqa.NameSurface }) {
		fmt.Fprintf(a.out, "  (fewer than %d questions: the surface classifier was not fitted)\n", telecomqa.MinSurface)
	}
	if len(res.Paired) > 0 {
		fmt.Fprintln(a.out)
	}
	for _, p := range res.Paired {
		fmt.Fprintf(a.out, "%s against %s: %+.1f points; %d to %d questions, p = %.2g (McNemar, exact)\n",
			p.First, p.Second, 100*p.Difference, p.OnlyFirst, p.OnlySecond, p.P)
	}
	fmt.Fprintln(a.out)
	if res.TooLong > 0 {
		fmt.Fprintf(a.out, "%d questions do not fit the model's context and count as wrong\n", res.TooLong)
	}
	if res.Model != "" || res.Contamination.Checked {
		fmt.Fprintln(a.out, contaminationLine(res.Contamination))
	}
	for _, file := range res.Files {
		fmt.Fprintln(a.out, "wrote", file)
	}
	return a.showFindings(res, o.findings)
}

// contaminationLine says what is known about the questions in the training texts.
func contaminationLine(c *eval.Contamination) string {
	switch {
	case !c.Checked:
		return "contamination: NOT CHECKED; name what the model was trained on with --training"
	case len(c.Hits) == 0:
		return fmt.Sprintf("contamination: none in %d training documents (%d words); %d questions are too short to be looked for", c.Documents, c.Words, c.TooShort)
	}
	return fmt.Sprintf("CONTAMINATED: %d of %d questions stand in the training texts; the scores say nothing (--allow-contaminated)", len(c.Hits), c.Items)
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
	if all {
		fmt.Fprintln(a.out)
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
