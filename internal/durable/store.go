package durable

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// ErrNoCheckpoint says that a store holds no checkpoint at all, so that a run
// starts from the beginning. It is not returned where there were checkpoints
// that have all rotted.
var ErrNoCheckpoint = errors.New("no checkpoint")

// Options of a [Store]. The zero value keeps every checkpoint and takes the
// lowest score for the best.
type Options struct {
	Keep     int  // newest checkpoints kept, beside the best one; 0 keeps all
	Maximize bool // a higher score is better
	ReadOnly bool // takes no lock, removes nothing, refuses Save and Rewind
	// Report, if set, is told what went wrong without harm: a rotten checkpoint
	// passed over, a killed save cleaned up, an old checkpoint that cannot be
	// removed.
	Report func(error)
}

// Store is a folder of checkpoints. One process writes it at a time; a Store is
// not safe for concurrent use.
type Store struct {
	fsys    FS
	root    string
	opt     Options
	lock    io.Closer
	entries []*entry // with a manifest, by step
	trash   []string // folders that could not be removed yet
}

// entry is a checkpoint folder with a manifest. The contents are verified only
// when it is loaded.
type entry struct {
	step  uint64
	score float64
	man   *manifest
	bad   error // why it cannot be used, if it cannot
}

// OpenStore opens the checkpoints below root, makes the folder if it is not
// there, locks it and removes what killed processes left half-written. It
// fails with [ErrLocked] when another process writes the folder.
func OpenStore(fsys FS, root string, opt Options) (*Store, error) {
	if opt.Keep < 0 {
		return nil, fmt.Errorf("keep %d checkpoints: use 1 or more, or 0 to keep all", opt.Keep)
	}
	s := &Store{fsys: fsys, root: root, opt: opt}
	if !opt.ReadOnly {
		if err := s.acquire(); err != nil {
			return nil, err
		}
	}
	if err := s.scan(); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

func (s *Store) acquire() error {
	if err := MkdirAll(s.fsys, s.root); err != nil {
		return err
	}
	path := filepath.Join(s.root, "lock")
	lock, err := s.fsys.Lock(path)
	if errors.Is(err, ErrLocked) {
		return fmt.Errorf("open checkpoints %q: %w; stop that run or choose another folder", s.root, err)
	}
	if err != nil {
		return explain(s.fsys, "lock", path, -1, err)
	}
	s.lock = lock
	if _, err := Sweep(s.fsys, s.root); err != nil {
		s.Close()
		return err
	}
	return nil
}

// Close gives the lock back.
func (s *Store) Close() error {
	if s.lock == nil {
		return nil
	}
	err := s.lock.Close()
	s.lock = nil
	return err
}

// scan lists the checkpoints and removes the folders that never became one.
func (s *Store) scan() error {
	list, err := s.fsys.ReadDir(s.root)
	if err != nil {
		return explain(s.fsys, "list", s.root, -1, err)
	}
	for _, e := range list {
		step, ok := parseDir(e.Name())
		if !ok || !e.IsDir() {
			continue
		}
		data, err := ReadFile(s.fsys, filepath.Join(s.dir(step), manifestName))
		if errors.Is(err, fs.ErrNotExist) {
			if err := s.sweep(step); err != nil {
				return err
			}
			continue
		}
		s.entries = append(s.entries, newEntry(step, data, err))
	}
	slices.SortFunc(s.entries, byStep) // ReadDir sorts step-1000000 before step-999999
	return nil
}

func byStep(a, b *entry) int { return cmp.Compare(a.step, b.step) }

// sweep removes the folder of a save that was killed before it committed.
func (s *Store) sweep(step uint64) error {
	if s.opt.ReadOnly {
		return nil // it may be the writer's save in progress
	}
	s.report(fmt.Errorf("remove %q: its save did not finish", s.dir(step)))
	return RemoveAll(s.fsys, s.dir(step))
}

func newEntry(step uint64, data []byte, err error) *entry {
	e := &entry{step: step, score: math.NaN(), bad: err}
	if e.bad == nil {
		e.man, e.bad = decodeManifest(data)
	}
	if e.bad == nil && e.man.Step != step {
		e.bad = fmt.Errorf("%w: its manifest says step %d", ErrDamaged, e.man.Step)
	}
	if e.bad == nil {
		e.score = e.man.score()
	}
	return e
}

// Steps lists the steps of the checkpoints not known to be damaged, ascending.
func (s *Store) Steps() []uint64 {
	var steps []uint64
	for _, e := range s.entries {
		if e.bad == nil {
			steps = append(steps, e.step)
		}
	}
	return steps
}

// Save writes the checkpoint of a step: write makes its files in the folder it
// is given. When Save returns nil the checkpoint survives a power cut. When it
// returns an error, those before it are untouched and Save may be called again,
// for the same step too. Old checkpoints are removed afterwards, never the last
// nor the best; a score of NaN (not evaluated) is never the best. The step must
// be after the newest one; see [Store.Rewind].
func (s *Store) Save(step uint64, score float64, write func(*Folder) error) error {
	if err := s.mayWrite("save"); err != nil {
		return err
	}
	if last := s.newest(); last != nil && step <= last.step {
		return fmt.Errorf("save step %d: the newest checkpoint is step %d; rewind the store to an earlier step first", step, last.step)
	}
	m, err := s.write(step, score, write)
	if err != nil {
		s.discard(s.dir(step))
		return fmt.Errorf("save step %d: %w", step, err)
	}
	s.entries = append(s.without(step), &entry{step: step, score: m.score(), man: m})
	slices.SortFunc(s.entries, byStep) // damaged ones may lie after it
	s.prune()
	return nil
}

func (s *Store) write(step uint64, score float64, write func(*Folder) error) (*manifest, error) {
	dir := s.dir(step)
	// What lies there is damaged, or of a save that failed: newest() saw to it.
	if err := s.remove(dir); err != nil {
		return nil, err
	}
	if err := s.fsys.Mkdir(dir); err != nil {
		return nil, explain(s.fsys, "make folder", dir, -1, err)
	}
	f := &Folder{fsys: s.fsys, dir: dir, open: map[string]bool{}}
	if err := write(f); err != nil {
		return nil, err
	}
	return f.commit(step, score)
}

// Latest loads the newest checkpoint that verifies. It returns
// [ErrNoCheckpoint] where nothing was ever saved, and another error where all
// that was saved is damaged.
func (s *Store) Latest() (*Snapshot, error) {
	order := slices.Clone(s.entries)
	slices.Reverse(order)
	return s.first(order)
}

// Best loads the checkpoint with the best score that verifies, the earlier of
// equals. Checkpoints without a score do not count.
func (s *Store) Best() (*Snapshot, error) {
	var scored, unknown []*entry
	for _, e := range s.entries {
		if !math.IsNaN(e.score) {
			scored = append(scored, e)
		} else if e.bad != nil {
			unknown = append(unknown, e) // its score is lost with its manifest
		}
	}
	slices.SortStableFunc(scored, func(a, b *entry) int {
		if s.opt.Maximize {
			a, b = b, a
		}
		return cmp.Compare(a.score, b.score)
	})
	return s.first(append(scored, unknown...))
}

// Load loads the checkpoint of a step. It returns [ErrNoCheckpoint] if there is
// none and [ErrDamaged] if its bytes are not those that were saved.
func (s *Store) Load(step uint64) (*Snapshot, error) {
	for _, e := range s.entries {
		if e.step == step {
			return s.open(e)
		}
	}
	return nil, fmt.Errorf("step %d in %q: %w; there are %d", step, s.root, ErrNoCheckpoint, s.Steps())
}

func (s *Store) first(order []*entry) (*Snapshot, error) {
	var skipped []error
	for _, e := range order {
		snap, err := s.open(e)
		if err == nil {
			snap.Skipped = skipped
			return snap, nil
		}
		s.report(err)
		skipped = append(skipped, err)
	}
	if len(skipped) > 0 {
		return nil, fmt.Errorf("no checkpoint in %q is intact: %w", s.root, errors.Join(skipped...))
	}
	return nil, fmt.Errorf("%q: %w", s.root, ErrNoCheckpoint)
}

// open verifies a checkpoint and remembers when it is damaged, so that it is
// neither the newest nor the best to retention any more.
func (s *Store) open(e *entry) (*Snapshot, error) {
	snap := &Snapshot{Step: e.step, Score: e.score, fsys: s.fsys, dir: s.dir(e.step), man: e.man}
	if e.bad == nil {
		e.bad = snap.verify()
	}
	if e.bad != nil {
		return nil, fmt.Errorf("checkpoint of step %d: %w", e.step, e.bad)
	}
	return snap, nil
}

func (s *Store) mayWrite(verb string) error {
	if s.opt.ReadOnly {
		return fmt.Errorf("%s: store %q was opened to read only", verb, s.root)
	}
	if s.lock == nil {
		return fmt.Errorf("%s: store %q: %w", verb, s.root, os.ErrClosed)
	}
	return nil
}

func (s *Store) without(step uint64) []*entry {
	return slices.DeleteFunc(slices.Clone(s.entries), func(e *entry) bool { return e.step == step })
}

func (s *Store) report(err error) {
	if s.opt.Report != nil {
		s.opt.Report(err)
	}
}

// dir and parseDir agree: "step-000123".
func (s *Store) dir(step uint64) string {
	return filepath.Join(s.root, fmt.Sprintf("step-%06d", step))
}

func parseDir(name string) (step uint64, ok bool) {
	digits, ok := strings.CutPrefix(name, "step-")
	if !ok {
		return 0, false
	}
	step, err := strconv.ParseUint(digits, 10, 64)
	return step, err == nil && name == fmt.Sprintf("step-%06d", step)
}
