package csi

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/comlam/comlam/format/npy"
	"github.com/comlam/comlam/internal/durable"
)

const (
	flushBytes = 1 << 20
	// keepEvery is how much work a kill may cost.
	keepEvery = 5 * time.Second
)

// part is a data set that is being written: samples in path.npy.part, and beside it a
// log of how far they are on disk. The first record names the job, the others count
// samples and sum the bytes of the file up to there.
type part struct {
	fsys durable.FS
	path string // without suffix
	job  Meta

	lock   io.Closer
	log    *durable.Log
	data   durable.Handle
	sum    hash.Hash
	buffer []byte // drawn, not yet in the file
	done   uint64 // samples, with those in buffer
	kept   time.Time
	now    func() time.Time
	failed error // of a write or flush: what the file holds is not known any more
	// renamed says that the samples are complete under their name.
	renamed  bool
	complete bool // and so is the sidecar
	replace  bool
	foreign  bool // what is there in part is another job's
}

// OccupiedError says that a name is taken by what another job has written.
type OccupiedError struct {
	File string // samples, whole or in part
	What string // which samples
}

func (e *OccupiedError) Error() string { return e.File + " holds " + e.What }

// progress is a record of the log.
type progress struct {
	Job     *Meta  `json:"job,omitempty"`
	Samples uint64 `json:"samples"`
	SHA256  string `json:"sha256"`
}

func (p *part) dataName() string { return p.path + ".npy" }
func (p *part) partName() string { return p.path + ".npy.part" }
func (p *part) logName() string  { return p.path + ".npy.progress" }
func (p *part) lockName() string { return p.path + ".npy.lock" }

// openPart finds out how much of the job is done.
func openPart(fsys durable.FS, path string, job Meta, c SaveConfig) (*part, error) {
	p := &part{fsys: fsys, path: path, job: job, sum: sha256.New(), now: c.now, kept: c.now(), replace: c.Replace}
	var err error
	if p.lock, err = fsys.Lock(p.lockName()); err != nil {
		return nil, fmt.Errorf("write %q: %w", p.dataName(), reason(err))
	}
	if err := p.open(); err != nil {
		p.close()
		return nil, err
	}
	return p, nil
}

// reason drops the name of the call and the path from an error of package os.
func reason(err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return pe.Err
	}
	return err
}

func (p *part) open() error {
	p.foreign = p.partOfOthers() != nil
	if p.isComplete() {
		p.renamed, p.complete = true, true
		return nil
	}
	if err := p.others(); err != nil && !p.replace {
		return err
	}
	p.foreign = false // it is replaced
	var err error
	if p.log, err = durable.OpenLog(p.fsys, p.logName()); err != nil {
		return err
	}
	records, err := p.records()
	if err != nil {
		return err
	}
	if n := len(records); n > 1 && records[n-1].Samples == uint64(p.job.Shape[0]) && p.isRenamed(records[n-1]) {
		p.renamed, p.job.SHA256 = true, records[n-1].SHA256
		return nil
	}
	return p.resume(records)
}

// isComplete reports whether the job was done before: the sidecar is of this job and
// the samples have its checksum.
func (p *part) isComplete() bool {
	meta, err := p.sidecar()
	return err == nil && meta.sameJob(p.job) && sumOf(p.fsys, p.dataName()) == meta.SHA256
}

// sidecar is what the file beside the samples says.
func (p *part) sidecar() (Meta, error) {
	h, err := p.fsys.OpenFile(p.path+".json", os.O_RDONLY)
	if err != nil {
		return Meta{}, err
	}
	defer h.Close()
	return ReadMeta(h)
}

// logged is the job that the log is of and how far it came; nil where there is none that
// has drawn anything.
func (p *part) logged() (job *Meta, last progress) {
	raw, _ := durable.ReadLog(p.fsys, p.logName()) // no log is nobody's
	var first progress
	if len(raw) < 2 || json.Unmarshal(raw[0], &first) != nil || json.Unmarshal(raw[len(raw)-1], &last) != nil {
		return nil, progress{}
	}
	return first.Job, last
}

// partOfOthers says which samples of another job are there in part.
func (p *part) partOfOthers() error {
	if job, _ := p.logged(); job != nil && !job.sameJob(p.job) && p.has(p.partName()) {
		return &OccupiedError{p.partName(), "a part of other samples: " + job.brief()}
	}
	return nil
}

// others says what is there that this job would replace and has not written.
func (p *part) others() error {
	if err := p.partOfOthers(); err != nil {
		return err
	}
	there := p.has(p.dataName())
	if job, last := p.logged(); there && job != nil && p.isRenamed(last) { // killed before the sidecar
		if job.sameJob(p.job) {
			return nil
		}
		return &OccupiedError{p.dataName(), "other samples: " + job.brief()}
	}
	switch meta, err := p.sidecar(); {
	case errors.Is(err, fs.ErrNotExist) && there:
		return &OccupiedError{p.dataName(), "samples that nothing describes"}
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return &OccupiedError{p.path + ".json", fmt.Sprintf("no description of these samples: %v", err)}
	case !there:
		return nil // a description of what is gone
	case meta.sameJob(p.job) && sumOf(p.fsys, p.dataName()) == meta.SHA256:
		return nil // it is complete
	case meta.sameJob(p.job):
		return &OccupiedError{p.dataName(), "these samples, but not as they were written: its checksum is another"}
	default:
		return &OccupiedError{p.dataName(), "other samples: " + meta.brief()}
	}
}

func (p *part) has(name string) bool {
	_, err := p.fsys.Stat(name)
	return err == nil
}

// sumOf is the SHA-256 of a file, "" where it cannot be read.
func sumOf(fsys durable.FS, name string) string {
	h, err := fsys.OpenFile(name, os.O_RDONLY)
	if err != nil {
		return ""
	}
	defer h.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, h); err != nil {
		return ""
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// isRenamed reports whether a kill came between the renaming of the samples and the
// sidecar.
func (p *part) isRenamed(last progress) bool {
	return !p.has(p.partName()) && sumOf(p.fsys, p.dataName()) == last.SHA256
}

// records reads the log; those of another job are dropped.
func (p *part) records() ([]progress, error) {
	raw, err := durable.ReadLog(p.fsys, p.logName())
	if err != nil {
		return nil, err
	}
	var list []progress
	for i, text := range raw {
		var r progress
		if json.Unmarshal(text, &r) != nil || (i == 0) != (r.Job != nil) || i == 0 && !r.Job.sameJob(p.job) {
			break
		}
		list = append(list, r)
	}
	if len(list) > 0 {
		return list, p.log.Truncate(len(list))
	}
	if err := p.log.Truncate(0); err != nil {
		return nil, err
	}
	job := p.job
	return []progress{{Job: &job}}, errors.Join(p.log.Append(progress{Job: &job}), p.log.Sync())
}

// resume cuts the samples back to the last record that they agree with, and continues
// there.
func (p *part) resume(records []progress) error {
	var err error
	if p.data, err = p.fsys.OpenFile(p.partName(), os.O_RDWR|os.O_CREATE|os.O_APPEND); err != nil {
		return fmt.Errorf("open %q: %w", p.partName(), reason(err))
	}
	start, err := npy.Header{Descr: "<c8", Shape: p.job.Shape}.Preamble()
	if err != nil {
		return err
	}
	good, at := 0, int64(0)
	agreed := sha256.New()
	for i, r := range records[1:] {
		end := int64(len(start)) + int64(r.Samples)*p.sampleBytes()
		if r.Samples > uint64(p.job.Shape[0]) || end < at {
			break
		}
		if _, err := io.CopyN(agreed, io.NewSectionReader(p.data, at, end-at), end-at); err != nil || hex.EncodeToString(agreed.Sum(nil)) != r.SHA256 {
			break
		}
		good, at, p.done = i+1, end, r.Samples
	}
	if err := errors.Join(p.log.Truncate(good+1), p.data.Truncate(at)); err != nil {
		return fmt.Errorf("continue %q: %w", p.partName(), reason(err))
	}
	if at == 0 {
		p.buffer = start
		return nil
	}
	_, err = io.Copy(p.sum, io.NewSectionReader(p.data, 0, at))
	return err
}

func (p *part) sampleBytes() int64 {
	n := int64(8)
	for _, axis := range p.job.Shape[1:] {
		n *= int64(axis)
	}
	return n
}

// flush writes what was drawn.
func (p *part) flush() error {
	if p.failed != nil {
		return p.failed
	}
	n, err := p.data.Write(p.buffer)
	if err == nil && n < len(p.buffer) {
		err = io.ErrShortWrite
	}
	if err != nil {
		p.failed = fmt.Errorf("write %q: %w", p.partName(), reason(err))
		return p.failed
	}
	p.sum.Write(p.buffer)
	p.buffer = p.buffer[:0]
	return nil
}

// checkpoint makes what was drawn survive a power cut.
func (p *part) checkpoint() error {
	if err := p.flush(); err != nil {
		return err
	}
	if err := p.data.Sync(); err != nil {
		p.failed = fmt.Errorf("flush %q: %w", p.partName(), reason(err))
		return p.failed
	}
	p.kept = p.now()
	p.job.SHA256 = hex.EncodeToString(p.sum.Sum(nil))
	return errors.Join(p.log.Append(progress{Samples: p.done, SHA256: p.job.SHA256}), p.log.Sync())
}

// finish gives the samples their name, then writes the sidecar.
func (p *part) finish() error {
	if p.complete {
		return nil
	}
	if !p.renamed {
		err := p.data.Close()
		p.data = nil
		if err == nil {
			err = p.fsys.Rename(p.partName(), p.dataName())
		}
		if err == nil {
			err = p.fsys.SyncDir(filepath.Dir(p.path))
		}
		if err != nil {
			return fmt.Errorf("rename %q to %q: %w", p.partName(), p.dataName(), reason(err))
		}
	}
	text, err := p.job.encode()
	if err != nil {
		return err
	}
	// A kill in the middle of the sidecar left a part of it under a hidden name. It
	// does no harm; the lock says that nobody writes it now.
	_ = durable.SweepFile(p.fsys, p.path+".json")
	if err := durable.WriteFile(p.fsys, p.path+".json", text); err != nil {
		return err
	}
	p.complete = true
	return nil
}

// close lets go of the files. The log goes once nobody needs it.
func (p *part) close() {
	if p.data != nil {
		p.data.Close()
	}
	if p.log != nil {
		p.log.Close()
	}
	if p.complete && !p.foreign {
		// The sidecar is on disk: what is left over does no harm.
		_ = durable.RemoveAll(p.fsys, p.logName())
		_ = durable.RemoveAll(p.fsys, p.partName())
	}
	if p.lock != nil {
		_ = durable.RemoveAll(p.fsys, p.lockName())
		p.lock.Close()
	}
}
