//go:build !(linux || darwin || freebsd || netbsd || openbsd)

package run

import "io"

// terminalWidth is a guess where the system is not asked.
func terminalWidth(io.Writer) int { return usualWidth }
