package align

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/comlam/comlam/backend"
	"github.com/comlam/comlam/checkpoint"
	"github.com/comlam/comlam/data"
	"github.com/comlam/comlam/internal/durable"
	"github.com/comlam/comlam/model"
	"github.com/comlam/comlam/nn"
	"github.com/comlam/comlam/tune"
)

// referenceBatch is how many pairs are run at once where nothing is trained.
const referenceBatch = 8

// Reference works out what a model thinks of each pair before alignment: the
// log-probabilities of the trained tokens of both sequences, [Len 2], for
// data.Pairs.SetReference. see is told how many pairs are done; it may be nil.
func Reference(ctx context.Context, m model.LM, w nn.Weights, a nn.Adapter, p *data.Pairs, see func(done, all int)) ([]float32, error) {
	engine, err := backend.OpenAll()
	if err != nil {
		return nil, err
	}
	store := nn.NewStore(0)
	nn.SetAdapter(store, a)
	if err := nn.Push(store, w); err != nil {
		return nil, err
	}
	program, err := nn.NewProgram(engine, store, func(s *nn.Scope, in []*nn.Node) []*nn.Node {
		return []*nn.Node{logProbs(m, s, in[0], in[1], in[2])}
	})
	if err != nil {
		return nil, err
	}
	var all []float32
	err = inBatches(ctx, p, see, func(b data.Batch) error {
		out, err := program.Run(b.Arrays[:3]...)
		if err == nil {
			all = append(all, out[0].Float32...)
		}
		return err
	})
	return all, err
}

// inBatches shows all pairs in order, a few at a time.
func inBatches(ctx context.Context, p *data.Pairs, see func(done, all int), do func(data.Batch) error) error {
	for first := 0; first < p.Len(); first += referenceBatch {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		b, err := p.InOrder(first, min(referenceBatch, p.Len()-first))
		if err != nil {
			return err
		}
		if err := do(b); err != nil {
			return fmt.Errorf("pairs from %d: %w", first+1, err)
		}
		if see != nil {
			see(min(first+referenceBatch, p.Len()), p.Len())
		}
	}
	return nil
}

// Keys of the file that keeps a reference.
const (
	referenceTensor = "reference"
	referenceKey    = "comlam.key"
)

// Key says what log-probabilities depend on: the weights and the pairs.
func Key(w nn.Weights, p *data.Pairs) (string, error) {
	base, err := tune.BaseHash(w)
	return base + " " + p.Digest() + " " + backend.Variant(), err
}

// CachedReference is Reference that is kept in a file: worked out once for the same
// weights, pairs and kernel, and set. A file of others is written anew.
func CachedReference(ctx context.Context, fsys durable.FS, file string, m model.LM, w nn.Weights, p *data.Pairs, see func(done, all int)) error {
	key, err := Key(w, p)
	if err != nil {
		return err
	}
	raw, err := durable.ReadFile(fsys, file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return err
	default:
		if values, ok := readReference(raw, key, p.Len()); ok {
			return p.SetReference(values)
		}
	}
	values, err := Reference(ctx, m, w, nil, p, see)
	if err != nil {
		return err
	}
	t, err := checkpoint.FromFloat32s(referenceTensor, checkpoint.F32, []int{p.Len(), 2}, values)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if err := checkpoint.Write(&b, []checkpoint.Tensor{t}, map[string]string{referenceKey: key}); err != nil {
		return err
	}
	if err := durable.WriteFile(fsys, file, b.Bytes()); err != nil {
		return err
	}
	return p.SetReference(values)
}

// readReference reads a file that is of this key.
func readReference(raw []byte, key string, n int) ([]float32, bool) {
	f, err := checkpoint.Open(bytes.NewReader(raw), int64(len(raw)))
	if err != nil || f.Metadata()[referenceKey] != key {
		return nil, false
	}
	t, err := f.Tensor(referenceTensor)
	if err != nil {
		return nil, false
	}
	values, err := t.Float32s()
	return values, err == nil && len(values) == 2*n
}
