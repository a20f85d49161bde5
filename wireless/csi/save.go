package csi

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/comlam/comlam/format/npy"
	"github.com/comlam/comlam/internal/durable"
)

// SaveConfig says which samples Save writes.
type SaveConfig struct {
	Seed    uint64
	First   uint64 // index of the first sample
	Count   uint64
	Workers int    // at least 1; the files do not depend on it
	Program string // what to name in the sidecar as the writer; may be empty
	Replace bool   // write over another data set, or part of one, that is there
	// Progress is told how many samples are in the file: at the start, where an
	// interrupted job continues, and after each sample. It may be nil.
	Progress func(done uint64)

	now func() time.Time // nil: time.Now
}

// Shard is the part of a job that shard number of count writes, counted from 1: the
// shards one after the other are the samples of the whole job.
func (c SaveConfig) Shard(number, count uint64) SaveConfig {
	// Count is at most 2^31 and count at most Count: the products are exact.
	from, to := c.Count*(number-1)/count, c.Count*number/count
	c.First, c.Count = c.First+from, to-from
	return c
}

// ShardName is the path of a shard, of which the files have suffixes.
func ShardName(path string, number, count uint64) string {
	return fmt.Sprintf("%s-%05d-of-%05d", path, number, count)
}

// Save writes samples of g to path.npy, [sample, time, subcarrier, rx, tx] of
// complex64, and what they are to path.json, a Meta. Samples stream through a
// bounded memory. Each file appears under its name only when it is complete, the
// sidecar last: a path.json whose SHA256 fits says that both are whole.
//
// A job that was interrupted, by ctx, a kill or a power cut, leaves path.npy.part and
// path.npy.progress; the same call continues there and ends with the same bytes. A job
// that is complete is not done again. What another job has written is an *[OccupiedError]
// and stays, unless c says that it is to be replaced.
func Save(ctx context.Context, fsys durable.FS, path string, g *Generator, c SaveConfig) error {
	if c.Count > math.MaxInt32 {
		return fmt.Errorf("data set of %d samples; use at most %d in a file", c.Count, math.MaxInt32)
	}
	job := g.Meta(c.Seed, c.First, c.Count)
	job.Program = c.Program
	if c.now == nil {
		c.now = time.Now
	}
	p, err := openPart(fsys, path, job, c)
	if err != nil {
		return err
	}
	defer p.close()
	if c.Progress == nil {
		c.Progress = func(uint64) {}
	}
	if !p.renamed {
		if err := p.fill(ctx, g, c); err != nil {
			return err
		}
	}
	c.Progress(c.Count)
	return p.finish()
}

// Free is an *[OccupiedError] where Save would find that another job has written under the
// name, and nil else. It changes nothing.
func Free(fsys durable.FS, path string, g *Generator, c SaveConfig) error {
	if c.Replace {
		return nil
	}
	p := &part{fsys: fsys, path: path, job: g.Meta(c.Seed, c.First, c.Count)}
	return p.others()
}

// fill appends the samples that are missing.
func (p *part) fill(ctx context.Context, g *Generator, c SaveConfig) error {
	c.Progress(p.done)
	if err := durable.CheckSpace(p.fsys, p.partName(), int64(8*g.Shape().Len())*int64(c.Count-p.done)); err != nil {
		return err
	}
	err := g.Stream(ctx, c.Seed, c.First+p.done, c.Count-p.done, c.Workers, func(_ uint64, h []complex64, _ Drop) error {
		if err := p.append(h); err != nil {
			return err
		}
		c.Progress(p.done)
		return nil
	})
	if err != nil {
		// What was drawn is kept for the next time, if it can be.
		_ = p.checkpoint()
		return err
	}
	return p.checkpoint()
}

// append adds one sample.
func (p *part) append(h []complex64) error {
	p.buffer = npy.AppendValues(p.buffer, h)
	p.done++
	if len(p.buffer) < flushBytes && p.now().Sub(p.kept) < keepEvery {
		return nil
	}
	if err := p.flush(); err != nil || p.now().Sub(p.kept) < keepEvery {
		return err
	}
	return p.checkpoint()
}
