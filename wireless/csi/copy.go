package csi

import (
	"context"
	"io"
)

// pieceScalars is how many scalars are converted at a time where samples need not be
// taken whole.
const pieceScalars = 1 << 15

// copyAll writes the values of all sources.
func (v *conversion) copyAll(ctx context.Context, w io.Writer) error {
	var done, all int64
	for _, a := range v.sources {
		all += a.Bytes()
	}
	report := func(n int64) error {
		done += n
		if v.Progress != nil {
			v.Progress(done, all)
		}
		return ctx.Err()
	}
	for _, a := range v.sources {
		copyOne := v.copyPieces
		if v.view != "" {
			copyOne = v.copyItems
		}
		if err := copyOne(a, w, report); err != nil {
			return err
		}
	}
	return nil
}

// copyPieces keeps the order of the values.
func (v *conversion) copyPieces(a *Array, w io.Writer, report func(int64) error) error {
	r, end, err := a.open()
	if err != nil {
		return err
	}
	left := a.NumValues() * int64(a.number.NumScalars())
	width := int64(a.number.Bits / 8)
	raw, scalars := make([]byte, pieceScalars*width), make([]float64, pieceScalars)
	var out, converted []byte
	for left > 0 {
		n := min(left, pieceScalars)
		if _, err = io.ReadFull(r, raw[:n*width]); err != nil {
			err = damaged(a.File, err)
			break
		}
		out = raw[:n*width]
		if v.to.Kind != a.number.Kind || v.to.Bits != a.number.Bits || a.number.BigEndian {
			a.number.decode(scalars[:n], raw)
			converted = v.to.encode(converted[:0], scalars[:n])
			out = converted
		}
		if _, err = w.Write(out); err != nil {
			break
		}
		if err = report(n * width); err != nil {
			break
		}
		left -= n
	}
	if err != nil {
		_ = end() // says again what err says
		return err
	}
	if err := end(); err != nil {
		return damaged(a.File, err)
	}
	return nil
}

// copyItems changes the view: parts of a value beside each other, or all real parts
// of a sample before all imaginary ones.
func (v *conversion) copyItems(a *Array, w io.Writer, report func(int64) error) error {
	var turned []float64
	var out []byte
	return a.items(func(_ int, scalars []float64) error {
		if turned == nil {
			turned = make([]float64, len(scalars))
		}
		half := len(scalars) / 2
		for i := range half {
			if v.view == RealView {
				turned[i], turned[half+i] = scalars[2*i], scalars[2*i+1]
			} else {
				turned[2*i], turned[2*i+1] = scalars[i], scalars[half+i]
			}
		}
		out = v.to.encode(out[:0], turned)
		if _, err := w.Write(out); err != nil {
			return err
		}
		return report(int64(len(scalars) * a.number.Bits / 8))
	})
}
