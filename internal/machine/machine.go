// Package machine tells what this process may use of the machine.
package machine

import (
	"math"
	"os"
	"strconv"
	"strings"
)

// Memory is the size of the memory in bytes and what is left of it, 0 where the system
// does not tell. The limit that a container has by version 2 of control groups counts as
// a size; what its files have in memory can be had back.
func Memory() (total, available int) {
	info := fields("/proc/meminfo")
	const most = math.MaxInt >> 10
	total, available = min(info["MemTotal:"], most)<<10, min(info["MemAvailable:"], most)<<10
	if limit := number("/sys/fs/cgroup/memory.max"); limit > 0 && limit < total {
		used := number("/sys/fs/cgroup/memory.current") - fields("/sys/fs/cgroup/memory.stat")["inactive_file"]
		total, available = limit, min(available, max(0, limit-used))
	}
	return total, available
}

// fields are the numbers of a file by the word before them, one a line.
func fields(name string) map[string]int {
	text, _ := os.ReadFile(name)
	all := map[string]int{}
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); len(f) > 1 {
			all[f[0]], _ = strconv.Atoi(f[1])
		}
	}
	return all
}

// number is what a file holds, 0 if it holds no number.
func number(name string) int {
	text, _ := os.ReadFile(name)
	n, _ := strconv.Atoi(strings.TrimSpace(string(text)))
	return n
}
