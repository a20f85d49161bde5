//go:build unix

package tokenizer

import (
	"syscall"
	"time"
)

// cpuTime is the time that this process had a core, other than the time that passed: a
// machine that others use, too, says little otherwise.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
