package bench

import (
	"fmt"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"

	"github.com/comlam/comlam/internal/rng"
	"github.com/comlam/comlam/nn"
)

// wrong says what the engine computes wrongly at the sizes that are timed, as pytorch.py
// does for its side: an engine that leaves work out is fast. The inputs are whole
// numbers so small that float32 holds every sum exactly.
func (l leg) wrong() string {
	for _, n := range l.SGEMM {
		if err := l.checkProduct(n); err != nil {
			return fmt.Sprintf("the product of %d: %v", n, err)
		}
	}
	if err := l.checkConv(); err != nil {
		return fmt.Sprintf("the convolution: %v", err)
	}
	return ""
}

// whole draws small whole numbers.
func whole(seed uint64, n int) []float32 {
	r := rng.New(seed)
	v := make([]float32, n)
	for i := range v {
		v[i] = float32(r.IntN(7) - 3)
	}
	return v
}

// results computes a graph of given inputs.
func (l leg) results(name string, in []shapes.Shape, values [][]float32, build func([]*nn.Node) []*nn.Node) ([][]float32, error) {
	t, err := l.compile(name, in, build)
	if err != nil {
		return nil, err
	}
	defer t.free()
	for i, v := range values {
		b, err := l.engine.BufferFromFlatData(0, v, in[i])
		if err != nil {
			return nil, err
		}
		t.inputs[i].Finalize()
		t.inputs[i] = b
	}
	out, err := t.graph.Executable().Execute(t.inputs, t.donate, 0)
	if err != nil {
		return nil, err
	}
	return flat(out)
}

func flat(buffers []compute.Buffer) ([][]float32, error) {
	var list [][]float32
	for _, b := range buffers {
		shape, err := b.Shape()
		if err != nil {
			return nil, err
		}
		v := make([]float32, shape.Size())
		if err := b.ToFlatData(v); err != nil {
			return nil, err
		}
		list = append(list, v)
		if err := b.Finalize(); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// checkProduct compares (A B) x with A (B x).
func (l leg) checkProduct(n int) error {
	a, b, x := whole(1, n*n), whole(2, n*n), whole(3, n)
	out, err := l.results("check", []shapes.Shape{f32(n, n), f32(n, n)}, [][]float32{a, b}, func(in []*nn.Node) []*nn.Node {
		return []*nn.Node{graph.Dot(in[0], in[1]).Product()}
	})
	if err != nil {
		return err
	}
	times := func(m []float32, v []int64) []int64 {
		y := make([]int64, n)
		for i := range y {
			for j, w := range m[i*n : (i+1)*n] {
				y[i] += int64(w) * v[j]
			}
		}
		return y
	}
	whole := make([]int64, n)
	for i, v := range x {
		whole[i] = int64(v)
	}
	got, want := times(out[0], whole), times(a, times(b, whole))
	for i := range got {
		if got[i] != want[i] {
			return fmt.Errorf("row %d is wrong", i)
		}
	}
	return nil
}

// checkConv compares places of the output and of both gradients with plain sums.
func (l leg) checkConv() error {
	c := l.Conv
	image := f32(c.Images, c.Size, c.Size, c.Channels)
	in := []shapes.Shape{image, f32(3, 3, c.Channels, c.Channels), image}
	p := plainConv{c, whole(4, image.Size()), whole(5, in[1].Size()), whole(6, image.Size())}
	out, err := l.results("check", in, [][]float32{p.x, p.w, p.v}, func(in []*nn.Node) []*nn.Node {
		return both(graph.Convolve(in[0], in[1]).PadSame().Done(), in[2], in[:2])
	})
	if err != nil {
		return err
	}
	r := rng.New(7)
	for range 50 {
		for k, at := range []func(i int) float32{p.output, p.byImage, p.byKernel} {
			i := r.IntN(len(out[k]))
			if got, want := out[k][i], at(i); got != want {
				return fmt.Errorf("%s at %d is %g, not %g", [...]string{"the output", "the image's gradient", "the kernel's gradient"}[k], i, got, want)
			}
		}
	}
	return nil
}

// plainConv is a convolution of x [N H W C] with w [3 3 C O], whose output has the
// gradient v [N H W O].
type plainConv struct {
	Conv
	x, w, v []float32
}

// place splits an index of an image's value.
func (p plainConv) place(i int) (n, y, x, c int) {
	c, i = i%p.Channels, i/p.Channels
	x, i = i%p.Size, i/p.Size
	return i / p.Size, i % p.Size, x, c
}

// pixel is a value of an image, zero outside of it.
func (p plainConv) pixel(of []float32, n, y, x, c int) float32 {
	if y < 0 || x < 0 || y >= p.Size || x >= p.Size {
		return 0
	}
	return of[((n*p.Size+y)*p.Size+x)*p.Channels+c]
}

func (p plainConv) weight(dy, dx, c, o int) float32 {
	return p.w[((dy*3+dx)*p.Channels+c)*p.Channels+o]
}

func (p plainConv) output(i int) (sum float32) {
	n, y, x, o := p.place(i)
	for k := range 9 * p.Channels {
		dy, dx, c := k/3%3, k%3, k/9
		sum += p.pixel(p.x, n, y+dy-1, x+dx-1, c) * p.weight(dy, dx, c, o)
	}
	return sum
}

func (p plainConv) byImage(i int) (sum float32) {
	n, y, x, c := p.place(i)
	for k := range 9 * p.Channels {
		dy, dx, o := k/3%3, k%3, k/9
		sum += p.pixel(p.v, n, y-dy+1, x-dx+1, o) * p.weight(dy, dx, c, o)
	}
	return sum
}

func (p plainConv) byKernel(i int) (sum float32) {
	o, c, tap := i%p.Channels, i/p.Channels%p.Channels, i/p.Channels/p.Channels
	for k := range p.Images * p.Size * p.Size {
		n, y, x := k/p.Size/p.Size, k/p.Size%p.Size, k%p.Size
		sum += p.pixel(p.x, n, y+tap/3-1, x+tap%3-1, c) * p.pixel(p.v, n, y, x, o)
	}
	return sum
}
