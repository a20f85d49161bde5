package main

import (
	"fmt"

	"github.com/spf13/cobra"

	models "github.com/comlam/comlam/model/all"
	tasks "github.com/comlam/comlam/task/all"
)

func (a *app) modelsCommand() *cobra.Command {
	return a.tableCommand(&cobra.Command{Use: "models", Short: "list the architectures"}, []string{"name", "kind", "paper", "about"}, func() [][]string {
		var rows [][]string
		for _, e := range models.Entries {
			rows = append(rows, []string{e.Name, string(e.Kind), e.Paper, e.About})
		}
		return rows
	})
}

func (a *app) tasksCommand() *cobra.Command {
	return a.tableCommand(&cobra.Command{Use: "tasks", Short: "list the applications"}, []string{"name", "area", "paper", "about"}, func() [][]string {
		var rows [][]string
		for _, e := range tasks.Entries {
			rows = append(rows, []string{e.Name, e.Area, e.Paper, e.About})
		}
		return rows
	})
}

// tableCommand completes a command that prints a table: as columns, as names with
// -q, or as JSON objects.
func (a *app) tableCommand(c *cobra.Command, columns []string, list func() [][]string) *cobra.Command {
	name := c.Use
	c.Args = arguments(0, 0, "no argument")
	c.Example = fmt.Sprintf("  comlam %s\n  comlam %s -q       # names only\n  comlam %s --json", name, name, name)
	c.RunE = func(*cobra.Command, []string) error {
		switch rows := list(); {
		case a.json:
			return a.print(map[string]any{name: objects(columns, rows)})
		case a.quiet:
			for _, row := range rows {
				fmt.Fprintln(a.out, row[0])
			}
			return nil
		default:
			return table(a.out, rows)
		}
	}
	return c
}

// objects makes a JSON object of each row.
func objects(columns []string, rows [][]string) []map[string]string {
	list := make([]map[string]string, len(rows))
	for i, row := range rows {
		list[i] = map[string]string{}
		for j, column := range columns {
			list[i][column] = row[j]
		}
	}
	return list
}
