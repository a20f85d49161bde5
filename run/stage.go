package run

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"github.com/comlam/comlam/internal/durable"
	"github.com/comlam/comlam/train"
)

// stageVersion goes into every stage's key. It changes when a stage would compute
// something else from the same settings.
const stageVersion = "2"

// doneFile is a stage's commit marker: it is written last and lists the other
// files with their checksums.
const doneFile = "done.json"

// done is the contents of the marker.
type done struct {
	Stage   string            `json:"stage"`
	Key     string            `json:"key"`
	Seconds float64           `json:"seconds"`
	Files   map[string]string `json:"files"` // name -> SHA-256
}

// stages keeps the results of a run's stages under hashes of what went in, so
// that running again redoes only what changed.
type stages struct {
	fsys   durable.FS
	dir    string
	notice func(format string, args ...any)
	used   []string // folders of the stages that a run went through, in order
}

// stageKey is the hash of a stage's name and of everything it depends on.
func stageKey(name string, inputs ...[]byte) string {
	h := sha256.New()
	fmt.Fprintf(h, "%s\n%s\n", stageVersion, name)
	for _, in := range inputs {
		fmt.Fprintf(h, "%d\n", len(in))
		h.Write(in)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// folder is where the stage of a key is kept.
func (s *stages) folder(name, key string) string { return filepath.Join(s.dir, name+"-"+key[:12]) }

// complete says whether a stage is there.
func (s *stages) complete(name, key string) bool { return s.verify(s.folder(name, key), key) == nil }

// run makes sure that a stage's files are there: from an earlier run if they are
// complete, else by calling do, which returns the names of the files it wrote into
// dir. What do leaves when it fails stays for it to resume from. The marker of a
// stage that is redone goes first: while it is there, the stage is complete.
func (s *stages) run(ctx context.Context, name, key string, do func(dir string) (files []string, err error)) (dir string, err error) {
	dir = s.folder(name, key)
	s.used = append(s.used, filepath.Base(dir))
	if err := s.verify(dir, key); err == nil {
		return dir, nil
	} else if !errors.Is(err, fs.ErrNotExist) {
		s.notice("%s is redone: %v", name, err)
	}
	if ctx.Err() != nil {
		return dir, fmt.Errorf("before stage %s: %w", name, context.Cause(ctx))
	}
	if err := durable.MkdirAll(s.fsys, dir); err != nil {
		return dir, err
	}
	if _, err := durable.Sweep(s.fsys, dir); err != nil {
		return dir, err
	}
	if err := durable.RemoveAll(s.fsys, filepath.Join(dir, doneFile)); err != nil {
		return dir, err
	}
	began := time.Now()
	files, err := do(dir)
	if err != nil {
		return dir, explain(ctx, name, dir, err)
	}
	return dir, s.commit(dir, done{Stage: name, Key: key, Seconds: time.Since(began).Seconds()}, files)
}

// explain says which stage failed. Whoever was stopped by the context says why it
// ended; a checkpoint of another kernel says where it is.
func explain(ctx context.Context, name, dir string, err error) error {
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return fmt.Errorf("stage %s: %w", name, context.Cause(ctx))
	}
	var other *train.MismatchError
	if errors.As(err, &other) {
		return fmt.Errorf("stage %s: %w; to train it anew here, remove %q", name, err, dir)
	}
	return fmt.Errorf("stage %s: %w", name, err)
}

// commit writes the marker.
func (s *stages) commit(dir string, d done, files []string) error {
	d.Files = map[string]string{}
	for _, name := range files {
		sum, err := s.digest(filepath.Join(dir, name))
		if err != nil {
			return err
		}
		d.Files[name] = sum
	}
	marker, err := json.MarshalIndent(d, "", "  ")
	if err != nil {
		return err
	}
	return durable.WriteFile(s.fsys, filepath.Join(dir, doneFile), append(marker, '\n'))
}

// verify checks the marker and the files that it lists.
func (s *stages) verify(dir, key string) error {
	raw, err := durable.ReadFile(s.fsys, filepath.Join(dir, doneFile))
	if err != nil {
		return err
	}
	var d done
	if err := json.Unmarshal(raw, &d); err != nil {
		return fmt.Errorf("its marker cannot be read: %v", err)
	}
	if d.Key != key {
		return errors.New("its marker belongs to other settings")
	}
	for name, want := range d.Files {
		got, err := s.digest(filepath.Join(dir, name))
		if errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%s is missing", name) // not wrapped: that would mean no marker
		}
		if err != nil {
			return err
		}
		if got != want {
			return fmt.Errorf("%s has changed on disk", name)
		}
	}
	return nil
}

func (s *stages) digest(path string) (string, error) {
	data, err := durable.ReadFile(s.fsys, path)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:]), nil
}

// writeJSON writes a value as a file of a stage.
func (s *stages) writeJSON(path string, v any) error {
	data, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	return durable.WriteFile(s.fsys, path, append(data, '\n'))
}

func (s *stages) readJSON(path string, v any) error {
	data, err := durable.ReadFile(s.fsys, path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, v); err != nil {
		return fmt.Errorf("read %q: %w", path, err)
	}
	return nil
}
