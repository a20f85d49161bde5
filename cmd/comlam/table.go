package main

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/comlam/comlam/eval"
	"github.com/comlam/comlam/metric"
)

// table prints columns that line up, two spaces apart.
func table(w io.Writer, rows [][]string) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		fmt.Fprintln(t, strings.Join(row, "\t"))
	}
	return t.Flush()
}

// writeRows prints one table for each condition: methods down, metrics across. An
// NMSE is shown in dB.
func writeRows(w io.Writer, rows []eval.Row) {
	var conditions []string
	for _, r := range rows {
		if name := r.Task + ", " + r.Condition; !slices.Contains(conditions, name) {
			conditions = append(conditions, name)
		}
	}
	for _, name := range conditions {
		here := slices.DeleteFunc(slices.Clone(rows), func(r eval.Row) bool { return r.Task+", "+r.Condition != name })
		fmt.Fprintf(w, "%s  (%d samples; ± is half of the 95 %% interval)\n", name, here[0].N)
		table(w, crossTable(here))
		fmt.Fprintln(w)
	}
}

// crossTable arranges the rows of one condition.
func crossTable(rows []eval.Row) [][]string {
	var metrics, methods []string
	for _, r := range rows {
		if !slices.Contains(metrics, r.Metric) {
			metrics = append(metrics, r.Metric)
		}
		if !slices.Contains(methods, r.Method) {
			methods = append(methods, r.Method)
		}
	}
	head := []string{"  method", "class"}
	for _, m := range metrics {
		head = append(head, unitOf(m))
	}
	lines := [][]string{head}
	for _, method := range methods {
		line := append([]string{"  " + method, ""}, slices.Repeat([]string{"-"}, len(metrics))...)
		for _, r := range rows {
			if r.Method == method {
				line[1] = r.Class
				line[2+slices.Index(metrics, r.Metric)] = figure(r)
			}
		}
		lines = append(lines, line)
	}
	return lines
}

func isNMSE(metric string) bool { return strings.HasPrefix(metric, "nmse/") }

func unitOf(metric string) string {
	if isNMSE(metric) {
		return metric + " (dB)"
	}
	return metric
}

// figure prints a value with half of its interval.
func figure(r eval.Row) string {
	value, lo, hi := r.Value, r.CI95[0], r.CI95[1]
	if isNMSE(r.Metric) {
		value, lo, hi = 10*math.Log10(value), 10*math.Log10(lo), 10*math.Log10(hi)
	}
	decimals := 2
	if r.Metric == metric.Accuracy || strings.HasPrefix(r.Metric, "bits-per-byte/") {
		decimals = 3
	}
	if lo == hi { // one figure for all, such as that of a compressor
		return fmt.Sprintf("%.*f", decimals, value)
	}
	return fmt.Sprintf("%.*f ±%.*f", decimals, value, decimals, (hi-lo)/2)
}
