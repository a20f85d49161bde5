package main

import (
	"fmt"

	"github.com/spf13/cobra"

	models "github.com/comlam/comlam/model/all"
	tasks "github.com/comlam/comlam/task/all"
)

func (a *app) modelsCommand() *cobra.Command {
	return a.tableCommand("models", "list the architectures", []string{"name", "kind", "paper", "about"}, func() [][]string {
		var rows [][]string
		for _, e := range models.Entries {
			rows = append(rows, []string{e.Name, string(e.Kind), e.Paper, e.About})
		}
		return rows
	})
}

func (a *app) tasksCommand() *cobra.Command {
	return a.tableCommand("tasks", "list the applications", []string{"name", "area", "paper", "about"}, func() [][]string {
		var rows [][]string
		for _, e := range tasks.Entries {
			rows = append(rows, []string{e.Name, e.Area, e.Paper, e.About})
		}
		return rows
	})
}

// tableCommand prints a table: as columns, as names with -q, or as JSON objects.
func (a *app) tableCommand(name, short string, columns []string, list func() [][]string) *cobra.Command {
	return &cobra.Command{
		Use: name, Short: short, Args: arguments(0, 0, "no argument"),
		Example: fmt.Sprintf("  comlam %s\n  comlam %s -q       # names only\n  comlam %s --json", name, name, name),
		RunE: func(*cobra.Command, []string) error {
			rows := list()
			if a.json {
				objects := make([]map[string]string, len(rows))
				for i, row := range rows {
					objects[i] = map[string]string{}
					for j, column := range columns {
						objects[i][column] = row[j]
					}
				}
				return a.print(map[string]any{name: objects})
			}
			if a.quiet {
				for _, row := range rows {
					fmt.Fprintln(a.out, row[0])
				}
				return nil
			}
			return table(a.out, rows)
		},
	}
}
