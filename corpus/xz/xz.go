// Package xz says what xz -9e makes of held-out text: the bar of a compressor, which
// knows no language, beside that of a language model.
//
//	f, err := xz.Measure(ctx, training, heldOut)
//	if errors.Is(err, xz.ErrAbsent) { ... } // no xz on this machine
//	fmt.Println(f.Alone, f.Primed)          // bits a byte
//
// Alone is the held-out text compressed by itself. Primed is what it adds to the
// training text: the size of both in one stream less that of the training text in one,
// under a dictionary that reaches over both. Texts are joined as they come, with nothing
// between. The program itself is run, so the figures are those of the xz that is there;
// its version is part of them.
package xz

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os/exec"
	"strings"

	"github.com/comlam/comlam/internal/bounded"
)

// ErrAbsent says that there is no xz to run.
var ErrAbsent = errors.New("xz is not on the PATH; install xz-utils to see its figures")

// Figures are compressed sizes. Sizes are in bytes, of the streams with their headers
// (about 60 bytes).
type Figures struct {
	Version  string  `json:"version"`   // of xz
	HeldOut  int64   `json:"held_out"`  // bytes of held-out text
	Training int64   `json:"training"`  // bytes of training text
	Alone    float64 `json:"alone"`     // bits a byte of the held-out text by itself
	Primed   float64 `json:"primed"`    // bits a byte after the training text
	AloneXZ  int64   `json:"alone_xz"`  // bytes that xz makes of the held-out text
	TrainXZ  int64   `json:"train_xz"`  // bytes that it makes of the training text
	JoinedXZ int64   `json:"joined_xz"` // bytes that it makes of both
}

const (
	leastDictionary = 64 << 20   // that of -9
	mostDictionary  = 1536 << 20 // that of the format's encoder
)

// Measure runs xz three times: on the held-out text, on the training text and on both.
// It stops when ctx ends. Texts are read twice, so the sequences must give the same each
// time. An error of theirs stops it.
func Measure(ctx context.Context, training, heldOut iter.Seq2[string, error]) (Figures, error) {
	program, err := exec.LookPath("xz")
	if err != nil {
		return Figures{}, ErrAbsent
	}
	f := Figures{}
	if f.Version, err = version(ctx, program); err != nil {
		return f, err
	}
	if f.Training, err = size(training); err != nil {
		return f, err
	}
	if f.HeldOut, err = size(heldOut); err != nil {
		return f, err
	}
	if f.HeldOut == 0 {
		return f, bounded.Malformed("", "the held-out text is empty; there is nothing to compress")
	}
	dictionary := max(leastDictionary, f.Training+f.HeldOut)
	if err := bounded.Check("bytes that xz can look back on", dictionary, mostDictionary); err != nil {
		return f, err
	}
	for _, run := range []struct {
		size  *int64
		texts []iter.Seq2[string, error]
	}{
		{&f.AloneXZ, []iter.Seq2[string, error]{heldOut}},
		{&f.TrainXZ, []iter.Seq2[string, error]{training}},
		{&f.JoinedXZ, []iter.Seq2[string, error]{training, heldOut}},
	} {
		if *run.size, err = compress(ctx, program, dictionary, run.texts); err != nil {
			return f, err
		}
	}
	f.Alone = 8 * float64(f.AloneXZ) / float64(f.HeldOut)
	f.Primed = 8 * float64(f.JoinedXZ-f.TrainXZ) / float64(f.HeldOut)
	return f, nil
}

func version(ctx context.Context, program string) (string, error) {
	out, err := exec.CommandContext(ctx, program, "--version").Output()
	if err != nil {
		return "", fmt.Errorf("ask xz for its version: %w", err)
	}
	line, _, _ := strings.Cut(string(out), "\n")
	return strings.TrimSpace(line), nil
}

func size(texts iter.Seq2[string, error]) (n int64, err error) {
	for text, err := range texts {
		if err != nil {
			return 0, err
		}
		n += int64(len(text))
	}
	return n, nil
}

// compress returns how many bytes xz makes of the texts.
func compress(ctx context.Context, program string, dictionary int64, texts []iter.Seq2[string, error]) (int64, error) {
	c := exec.CommandContext(ctx, program, "--stdout", "--threads=1", fmt.Sprintf("--lzma2=preset=9e,dict=%d", dictionary))
	var made counter
	var complaint strings.Builder
	c.Stdout, c.Stderr = &made, &complaint
	in, err := c.StdinPipe()
	if err != nil {
		return 0, err
	}
	if err := c.Start(); err != nil {
		return 0, fmt.Errorf("start xz: %w", err)
	}
	fed := feed(in, texts)
	closed := in.Close()
	if err := c.Wait(); err != nil {
		if ctx.Err() != nil {
			return 0, ctx.Err()
		}
		return 0, fmt.Errorf("xz: %w: %s", err, strings.TrimSpace(complaint.String()))
	}
	return int64(made), errors.Join(fed, closed)
}

func feed(in io.Writer, texts []iter.Seq2[string, error]) error {
	for _, part := range texts {
		for text, err := range part {
			if err == nil {
				_, err = io.WriteString(in, text)
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// counter counts what is written to it.
type counter int64

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}
