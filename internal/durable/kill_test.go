package durable

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestMain turns the test binary into a process that saves until it is killed.
func TestMain(m *testing.M) {
	if os.Getenv("DURABLE_TEST_SAVE") == "" {
		os.Exit(m.Run())
	}
	s, err := OpenStore(OS, testRoot, Options{Keep: 2})
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	first := uint64(1)
	if steps := s.Steps(); len(steps) > 0 {
		first = steps[len(steps)-1] + 1
	}
	for step := first; ; step++ {
		if err := saveStep(s, step, 0); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		fmt.Println(step)
	}
}

// TestSIGKILL kills a real process at random times. The lock goes with it, and
// what it said it had saved is there.
func TestSIGKILL(t *testing.T) {
	rounds := 20
	if testing.Short() {
		rounds = 5
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	fsys := inTemp(t)
	for round := range rounds {
		saved := saveUntilKilled(t, exe, time.Duration(round)*3*time.Millisecond)
		s := openStore(t, fsys, Options{Keep: 2})
		snap, err := s.Latest()
		if err != nil || snap.Step < saved || snap.Step > saved+1 {
			t.Fatalf("latest %+v, %v; step %d was saved", snap, err, saved)
		}
		checkSnapshot(t, snap)
		checkClean(t, fsys)
		s.Close()
	}
}

// saveUntilKilled runs the process until some time after its first save and
// returns the last step that it said it had saved.
func saveUntilKilled(t *testing.T, exe string, after time.Duration) uint64 {
	t.Helper()
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), "DURABLE_TEST_SAVE=1")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	r := bufio.NewReader(out)
	last, err := r.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	if _, err := OpenStore(OS, testRoot, Options{}); err == nil {
		t.Fatal("two processes write one store")
	}
	time.Sleep(after)
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	rest, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	cmd.Wait() // reports the kill
	lines := strings.Split(strings.TrimSpace(last+string(rest)), "\n")
	step, err := strconv.ParseUint(lines[len(lines)-1], 10, 64)
	if err != nil {
		t.Fatalf("the process says %q", lines[len(lines)-1])
	}
	return step
}
