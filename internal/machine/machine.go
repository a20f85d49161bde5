// Package machine tells what this process may use of the machine.
package machine

import (
	"os"
	"strconv"
	"strings"
)

// Memory is the size of the memory in bytes and what is left of it, 0 where the system
// does not tell. The limit of a control group, as containers have one, counts as a size.
func Memory() (total, available int) {
	text, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0, 0
	}
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		if len(fields) < 2 {
			continue
		}
		kib, _ := strconv.Atoi(fields[1])
		switch fields[0] {
		case "MemTotal:":
			total = kib << 10
		case "MemAvailable:":
			available = kib << 10
		}
	}
	if limit := number("/sys/fs/cgroup/memory.max"); limit > 0 && limit < total {
		total = limit
		available = min(available, max(0, limit-number("/sys/fs/cgroup/memory.current")))
	}
	return total, available
}

// number is what a file holds, 0 if it holds no number.
func number(name string) int {
	text, _ := os.ReadFile(name)
	n, _ := strconv.Atoi(strings.TrimSpace(string(text)))
	return n
}
