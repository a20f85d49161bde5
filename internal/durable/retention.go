package durable

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"path/filepath"
	"slices"
)

// newest is the last checkpoint that is not known to be damaged, or nil.
func (s *Store) newest() *entry {
	for _, e := range slices.Backward(s.entries) {
		if e.bad == nil {
			return e
		}
	}
	return nil
}

// best is the checkpoint with the best score (the earlier of equals), or nil.
func (s *Store) best() *entry {
	var best *entry
	for _, e := range s.entries {
		if e.bad == nil && !math.IsNaN(e.score) && (best == nil || s.better(e.score, best.score)) {
			best = e
		}
	}
	return best
}

func (s *Store) better(a, b float64) bool {
	if s.opt.Maximize {
		return a > b
	}
	return a < b
}

// prune removes the checkpoints that retention does not keep. A failure is
// reported, and tried again after the next save: the save itself succeeded.
func (s *Store) prune() {
	s.emptyTrash()
	if s.opt.Keep == 0 {
		return
	}
	best, kept := s.best(), 0
	for _, e := range slices.Backward(slices.Clone(s.entries)) {
		if e.bad != nil {
			continue // a person may want to look at it
		}
		if kept++; kept > s.opt.Keep && e != best {
			s.entries = s.without(e.step)
			s.discard(s.dir(e.step))
		}
	}
}

// Rewind removes the checkpoints after step, so that a run can go on from an
// earlier one. It does nothing unless the checkpoint of that step loads.
func (s *Store) Rewind(step uint64) error {
	if err := s.mayWrite("rewind"); err != nil {
		return err
	}
	if _, err := s.Load(step); err != nil {
		return fmt.Errorf("rewind: %w", err)
	}
	for _, e := range slices.Backward(slices.Clone(s.entries)) {
		if e.step <= step {
			break
		}
		if err := s.remove(s.dir(e.step)); err != nil {
			return fmt.Errorf("rewind to step %d: %w", step, err)
		}
		s.entries = s.without(e.step)
	}
	return nil
}

// remove deletes a checkpoint folder, the marker first: a folder without it is
// nothing, a folder with it must be complete, also after a power cut.
func (s *Store) remove(dir string) error {
	marker := filepath.Join(dir, manifestName)
	err := s.fsys.Remove(marker)
	if err == nil {
		if err := s.fsys.SyncDir(dir); err != nil {
			return explain(s.fsys, "flush folder", dir, -1, err)
		}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return explain(s.fsys, "remove", marker, -1, err)
	}
	return RemoveAll(s.fsys, dir)
}

// discard removes a folder that is not a checkpoint any more, now or later.
func (s *Store) discard(dir string) {
	if err := s.remove(dir); err != nil {
		s.trash = append(s.trash, dir)
		s.report(fmt.Errorf("%w; it is tried again after the next save", err))
	}
}

func (s *Store) emptyTrash() {
	trash := s.trash
	s.trash = nil
	for _, dir := range trash {
		step, _ := parseDir(filepath.Base(dir))
		inUse := slices.ContainsFunc(s.entries, func(e *entry) bool { return e.step == step })
		if !inUse { // it may have been saved again since
			s.discard(dir)
		}
	}
}
