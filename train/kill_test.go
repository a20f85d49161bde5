package train

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/comlam/comlam/internal/durable"
	"github.com/comlam/comlam/internal/rng"
)

// Three saves: after steps 4, 8 and 12. The second and third also remove.
func threeSaves() *Job {
	j := judged(12)
	j.Config.KeepCheckpoints = 1
	return j
}

// TestKillAtEveryOperation kills a run before every single file operation of
// three consecutive saves, history included. It always resumes, at most one
// interval is lost, and the end is the same to the bit.
func TestKillAtEveryOperation(t *testing.T) {
	clean := durable.Faulty(durable.NewMemFS(1), durable.Plan{})
	want := runOn(t, clean, threeSaves())
	n := len(clean.Ops())
	if n < 60 {
		t.Fatalf("only %d operations; is everything written through the file system?", n)
	}
	t.Logf("%d operations", n)
	for at := 1; at <= n; at++ {
		mem := durable.NewMemFS(uint64(at))
		faulty := durable.Faulty(mem, durable.Plan{At: at, Fault: durable.Kill, Kill: durable.PanicKilled})
		if !durable.Survive(func() { runOn(t, faulty, threeSaves()) }) {
			t.Fatalf("operation %d did not happen", at)
		}
		for _, keep := range []float64{1, 0.5} { // the death of a process, and a power cut
			after := mem.Crash(keep)
			if got := runOn(t, after, threeSaves()); got != want {
				t.Fatalf("killed before operation %d (%v), %g of the unflushed kept:\n%v\nwant\n%v", at, clean.Ops()[at-1], keep, got, want)
			}
			checkSwept(t, after)
		}
	}
}

// checkSwept fails if a file of a save that was killed is still there.
func checkSwept(t *testing.T, fsys durable.FS) {
	t.Helper()
	for _, dir := range []string{"run", "run/checkpoints"} {
		entries, err := fsys.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if strings.Contains(e.Name(), ".tmp") {
				t.Fatalf("%s/%s was left behind", dir, e.Name())
			}
		}
	}
}

// TestDiskFull fills the disk before every single file operation, for good: the
// run stops with an error that names path and space, the checkpoints before are
// still there, and once there is space it goes on to the same bits. The same holds
// for a disk that fails.
func TestDiskFull(t *testing.T) {
	clean := durable.Faulty(durable.NewMemFS(1), durable.Plan{})
	want := runOn(t, clean, threeSaves())
	ops := clean.Ops()
	for _, fault := range []durable.Fault{durable.FailSpace, durable.FailIO} {
		for at := 1; at <= len(ops); at++ {
			faulty := durable.Faulty(durable.NewMemFS(1), durable.Plan{At: at, Fault: fault, Stay: true})
			err := tryOn(faulty, threeSaves())
			var space *durable.SpaceError
			if fault == durable.FailSpace && err != nil && (!errors.As(err, &space) || space.Path == "") {
				t.Fatalf("full before operation %d (%v): %v", at, ops[at-1], err)
			}
			saved := markers(ops[:at-1])
			faulty.Heal()
			checkNewest(t, faulty, saved)
			if got := runOn(t, faulty, threeSaves()); got != want {
				t.Fatalf("fault %d before operation %d (%v):\n%v\nwant\n%v", fault, at, ops[at-1], got, want)
			}
			checkSwept(t, faulty)
		}
	}
}

// tryOn runs a job and gives its error back.
func tryOn(fsys durable.FS, j *Job) error {
	done, err := openToy(fsys, j)
	if err != nil {
		return err
	}
	defer done()
	_, err = j.Run(context.Background())
	return err
}

// markers counts the checkpoints that were committed by these operations.
func markers(ops []durable.Op) int {
	n := 0
	for _, op := range ops {
		if op.Verb == "rename" && strings.HasSuffix(op.Path, "manifest.json") {
			n++
		}
	}
	return n
}

// checkNewest fails if a committed checkpoint is gone.
func checkNewest(t *testing.T, fsys durable.FS, saved int) {
	t.Helper()
	if saved == 0 {
		return
	}
	store, err := durable.OpenStore(fsys, "run/checkpoints", durable.Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	snap, err := store.Latest()
	if err != nil || int(snap.Step) < 4*saved {
		t.Fatalf("%d checkpoints were saved, the newest is %+v, %v", saved, snap, err)
	}
}

// The process that TestSIGKILL kills: a run in the folder that the variable names.
const killVariable = "COMLAM_TEST_TRAIN"

// longJob takes a few tenths of a second.
func longJob() *Job {
	j := judged(3000)
	j.Config.CheckpointEvery, j.Config.LogEvery, j.JudgeEvery = 40, 20, 100
	j.Workers = 2
	return j
}

// TestMain turns the test binary into that process.
func TestMain(m *testing.M) {
	dir := os.Getenv(killVariable)
	if dir == "" {
		os.Exit(m.Run())
	}
	err := os.Chdir(dir)
	if err == nil {
		err = tryOn(durable.OS, longJob())
	}
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

// TestSIGKILL kills a real process on the real disk at random times and starts it
// again until it is done, and again from the beginning until it was killed often
// enough: 15 times, 200 with COMLAM_LONG=1.
func TestSIGKILL(t *testing.T) {
	rounds := 15
	switch {
	case os.Getenv("COMLAM_LONG") != "":
		rounds = 200
	case testing.Short():
		rounds = 4
	}
	want := runOn(t, durable.NewMemFS(1), longJob())
	r := rng.New(5)
	var dir string
	kills, lives, finished := 0, 0, 0
	for kills < rounds || dir != "" {
		if dir == "" {
			dir, lives = t.TempDir(), 0
		}
		lives++
		wait := time.Duration(r.Uniform(0, 0.5) * float64(time.Second))
		if kills >= rounds || lives > 6 {
			wait = time.Hour // let it finish
		}
		if killed := runProcess(t, dir, wait); killed {
			kills++
			continue
		}
		checkProcess(t, dir, want)
		dir = ""
		finished++
	}
	t.Logf("%d kills, %d runs finished", kills, finished)
}

// runProcess starts the run in dir and kills it after wait, unless it is done.
func runProcess(t *testing.T, dir string, wait time.Duration) (killed bool) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), killVariable+"="+dir)
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	timer := time.AfterFunc(wait, func() { cmd.Process.Kill() })
	defer timer.Stop()
	err = cmd.Wait()
	if err != nil && cmd.ProcessState.Exited() { // not by a signal
		t.Fatalf("the process ended by itself: %v\n%s", err, out.String())
	}
	return err != nil
}

// checkProcess compares what a finished process left with a run that was never
// killed.
func checkProcess(t *testing.T, dir string, want outcome) {
	t.Helper()
	t.Chdir(dir)
	j := longJob()
	done, err := openToy(durable.OS, j)
	if err != nil {
		t.Fatal(err)
	}
	defer done()
	res := mustRun(t, j) // finds the last checkpoint, and nothing left to do
	if got := outcomeOf(t, durable.OS, res); got != want {
		t.Fatalf("in %s after kills:\n%v\nwant\n%v", filepath.Base(dir), got, want)
	}
	checkSwept(t, durable.OS)
}
