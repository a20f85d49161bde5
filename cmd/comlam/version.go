package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// version is what the build says of itself.
type version struct {
	Version  string `json:"version"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
	Revision string `json:"revision,omitempty"`
	Modified bool   `json:"modified,omitempty"` // built from a tree with changes
}

func readVersion() version {
	v := version{Version: "unknown", Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return v
	}
	v.Version = info.Main.Version
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			v.Revision = s.Value
		case "vcs.modified":
			v.Modified = s.Value == "true"
		}
	}
	return v
}

func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "print the version", Args: arguments(0, 0, "no argument"),
		Example: "  comlam version\n  comlam version -q       # the number only\n  comlam version --json",
		RunE: func(*cobra.Command, []string) error {
			v := readVersion()
			if a.json {
				return a.print(v)
			}
			if a.quiet {
				_, err := fmt.Fprintln(a.out, v.Version)
				return err
			}
			line := fmt.Sprintf("comlam %s, %s, %s", v.Version, v.Go, v.Platform)
			if v.Revision != "" {
				line += ", revision " + v.Revision
			}
			if v.Modified {
				line += " with changes"
			}
			_, err := fmt.Fprintln(a.out, line)
			return err
		},
	}
}
