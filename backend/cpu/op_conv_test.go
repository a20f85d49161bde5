package cpu

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"unsafe"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/dtypes/bfloat16"
	"github.com/gomlx/compute/dtypes/float16"
	"github.com/gomlx/compute/shapeinference"
	"github.com/gomlx/compute/shapes"

	"github.com/comlam/comlam/backend/kernel"
)

// convCase is a convolution.
type convCase struct {
	name string
	x, w []int
	attr convAttr
}

// axesOf reads orders of axes, for instance "nhwc", "hwio", "nhwc": n images, c
// channels, i and o channels of the kernel, all other letters spatial axes.
func axesOf(x, w, out string) (a compute.ConvolveAxesConfig) {
	for _, c := range "dhw" {
		for _, l := range []struct {
			letters string
			axes    *[]int
		}{{x, &a.InputSpatial}, {w, &a.KernelSpatial}, {out, &a.OutputSpatial}} {
			if i := slices.Index([]rune(l.letters), c); i >= 0 {
				*l.axes = append(*l.axes, i)
			}
		}
	}
	find := func(s string, c rune) int { return slices.Index([]rune(s), c) }
	a.InputBatch, a.InputChannels = find(x, 'n'), find(x, 'c')
	a.KernelInputChannels, a.KernelOutputChannels = find(w, 'i'), find(w, 'o')
	a.OutputBatch, a.OutputChannels = find(out, 'n'), find(out, 'c')
	return a
}

// plainAttr is a convolution without anything beside its axes.
func plainAttr(axes compute.ConvolveAxesConfig) convAttr {
	n := len(axes.InputSpatial)
	one := func() []int { return slices.Repeat([]int{1}, n) }
	return convAttr{axes, one(), make([][2]int, n), one(), one(), 1, 1}
}

// call makes a call of a type with operands from a seed; nil if there is no such
// convolution.
func (cc *convCase) call(t dtypes.DType, seed uint64) *call {
	a := cc.attr
	x, w := shapes.Make(t, cc.x...), shapes.Make(t, cc.w...)
	out, err := shapeinference.ConvGeneral(x, w, a.axes, a.strides, a.paddings, a.inputDilations, a.kernelDilations, a.channelGroups, a.batchGroups)
	if err != nil {
		return nil
	}
	r := rand.New(rand.NewPCG(seed, 1))
	c := &call{n: &node{op: compute.OpTypeConvGeneral, attr: a}}
	for _, s := range []shapes.Shape{x, w} {
		// All sums of such numbers are exact in float32, so that results have to be equal.
		whole := make([]int64, s.Size())
		for i := range whole {
			whole[i] = int64(r.IntN(255) - 127)
		}
		c.in = append(c.in, value{s, bytesFrom(t, whole)})
	}
	c.out = []value{{out, bytes.Repeat([]byte{0xA5}, out.Size()*t.Size())}}
	if room, ok := convRoom(a, x, w, out); ok {
		c.out = append(c.out, value{room, bytes.Repeat([]byte{0xA5}, room.Size()*t.Size())})
	}
	return c
}

// bytesFrom are numbers as an array of a type.
func bytesFrom[T int64 | float64](t dtypes.DType, numbers []T) []byte {
	return converted(dtypes.FromGenericsType[T](), t, raw(numbers))
}

// numbersOf is the other direction.
func numbersOf[T int64 | float64](v value) []T {
	t := dtypes.FromGenericsType[T]()
	return of[T](value{v.shape, converted(v.shape.DType, t, v.data)})
}

func converted(from, to dtypes.DType, data []byte) []byte {
	n := len(data) / from.Size()
	out := make([]byte, n*to.Size())
	kernel.Convert(from, to)(at(out, 0), at(data, 0), n)
	return out
}

func raw[T any](s []T) []byte {
	var t T
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(s))), len(s)*int(unsafe.Sizeof(t)))
}

// reference is the definition: for each output, a sum over all places of the kernel
// and all channels.
func reference[T float64 | int64](c *call) []T {
	a, x, w := c.n.attr.(convAttr), numbersOf[T](c.in[0]), numbersOf[T](c.in[1])
	xd, wd, od := c.in[0].shape.Dimensions, c.in[1].shape.Dimensions, c.out[0].shape.Dimensions
	xs, ws, sum := rowMajor(xd), rowMajor(wd), make([]T, product(od))
	spatial := make([]int, len(a.strides))
	for i, axis := range a.axes.KernelSpatial {
		spatial[i] = wd[axis]
	}
	images, outs := od[a.axes.OutputBatch], od[a.axes.OutputChannels]
	channels := wd[a.axes.KernelInputChannels]
	for i, o := range indexed(od) {
		ch, image := o[a.axes.OutputChannels], o[a.axes.OutputBatch]
		if a.batchGroups > 1 {
			image += ch / (outs / a.batchGroups) * images
		}
		from := 0
		if a.channelGroups > 1 {
			from = ch / (outs / a.channelGroups) * channels
		}
	places:
		for _, k := range indexed(spatial) {
			xi, wi := image*xs[a.axes.InputBatch]+from*xs[a.axes.InputChannels], ch*ws[a.axes.KernelOutputChannels]
			for s, axis := range a.axes.InputSpatial {
				p := o[a.axes.OutputSpatial[s]]*a.strides[s] + k[s]*a.kernelDilations[s] - a.paddings[s][0]
				if p < 0 || p%a.inputDilations[s] != 0 || p/a.inputDilations[s] >= xd[axis] {
					continue places
				}
				xi += p / a.inputDilations[s] * xs[axis]
				wi += k[s] * ws[a.axes.KernelSpatial[s]]
			}
			for range channels {
				sum[i] += x[xi] * w[wi]
				xi, wi = xi+xs[a.axes.InputChannels], wi+ws[a.axes.KernelInputChannels]
			}
		}
	}
	return sum
}

// indexed is all index vectors below dims, in row-major order.
func indexed(dims []int) [][]int {
	all := make([][]int, product(dims))
	for i := range all {
		all[i] = make([]int, len(dims))
		for k, rest := len(dims)-1, i; k >= 0; k-- {
			all[i][k] = rest % dims[k]
			rest /= dims[k]
		}
	}
	return all
}

// scattered runs a loop on goroutines in random order.
func scattered(n int, body func(int)) {
	var wait sync.WaitGroup
	for _, i := range rand.Perm(n) {
		wait.Go(func() { body(i) })
	}
	wait.Wait()
}

// check compares a convolution with the definition, and its bits on many workers
// with those on one.
func (cc *convCase) check(t *testing.T, dt dtypes.DType, seed uint64) {
	t.Helper()
	c := cc.call(dt, seed)
	if c == nil {
		t.Fatalf("%+v is no convolution", *cc)
	}
	if err := runConv(c); err != nil {
		t.Fatal(err)
	}
	name := fmt.Sprintf("%s %s x %v w %v %+v", cc.name, dt, cc.x, cc.w, cc.attr)
	once := slices.Clone(c.out[0].data)
	c.do = scattered
	if err := runConv(c); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(once, c.out[0].data) {
		t.Fatalf("%s: workers change the result", name)
	}
	var want []byte
	if dt.IsFloat() {
		want = bytesFrom(dt, reference[float64](c))
	} else {
		want = bytesFrom(dt, reference[int64](c))
	}
	if !bytes.Equal(want, once) {
		got, want := numbersOf[float64](c.out[0]), numbersOf[float64](value{c.out[0].shape, want})
		for i := range got {
			if got[i] != want[i] {
				t.Fatalf("%s: element %d is %g, want %g", name, i, got[i], want[i])
			}
		}
	}
}

var convTypes = []dtypes.DType{
	dtypes.Float32, dtypes.Float64,
	dtypes.Int8, dtypes.Int16, dtypes.Int32, dtypes.Int64,
	dtypes.Uint8, dtypes.Uint16, dtypes.Uint32, dtypes.Uint64,
}

var halfTypes = []dtypes.DType{dtypes.Float16, dtypes.BFloat16}

// convTable has what random convolutions rarely come to.
func convTable() []convCase {
	with := func(name string, x, w []int, layouts [3]string, change func(a *convAttr)) convCase {
		a := plainAttr(axesOf(layouts[0], layouts[1], layouts[2]))
		if change != nil {
			change(&a)
		}
		return convCase{name, x, w, a}
	}
	nhwc, nchw := [3]string{"nhwc", "hwio", "nhwc"}, [3]string{"nchw", "oihw", "nchw"}
	same := func(a *convAttr) { a.paddings = [][2]int{{1, 1}, {1, 1}} }
	return []convCase{
		with("same", []int{2, 9, 7, 5}, []int{3, 3, 5, 4}, nhwc, same),
		with("same, channels first", []int{2, 5, 9, 7}, []int{4, 5, 3, 3}, nchw, same),
		with("mixed", []int{2, 9, 7, 5}, []int{4, 5, 3, 3}, [3]string{"nhwc", "oihw", "nchw"}, same),
		with("1x1", []int{2, 9, 7, 5}, []int{1, 1, 5, 4}, nhwc, nil),
		with("1x1, stride", []int{2, 9, 7, 5}, []int{1, 1, 5, 4}, nhwc, func(a *convAttr) { a.strides = []int{2, 3} }),
		with("1x1, padded", []int{2, 3, 4, 5}, []int{1, 1, 5, 4}, nhwc, same),
		with("gradient of the kernel", []int{3, 6, 7, 20}, []int{3, 6, 7, 4}, [3]string{"chwn", "ihwo", "hwnc"}, same),
		with("gradient of the input", []int{3, 6, 7, 20}, []int{3, 3, 4, 20}, [3]string{"nhwc", "hwoi", "nhwc"}, same),
		with("of a strided one", []int{2, 5, 5, 6}, []int{3, 3, 4, 6}, [3]string{"nhwc", "hwoi", "nhwc"}, func(a *convAttr) {
			a.inputDilations, a.paddings = []int{2, 3}, [][2]int{{2, 1}, {0, 2}}
		}),
		with("holes and steps", []int{2, 5, 6, 3}, []int{4, 5, 3, 2}, nhwc, func(a *convAttr) {
			a.inputDilations, a.kernelDilations, a.strides = []int{4, 6}, []int{2, 3}, []int{3, 4}
			a.paddings = [][2]int{{5, 3}, {1, 4}}
		}),
		with("negative padding", []int{2, 9, 7, 5}, []int{3, 2, 5, 4}, nhwc, func(a *convAttr) { a.paddings = [][2]int{{-1, 2}, {1, -2}} }),
		with("larger than the input", []int{2, 1, 2, 5}, []int{3, 5, 5, 4}, nhwc, func(a *convAttr) { a.paddings = [][2]int{{1, 1}, {4, 2}} }),
		with("groups", []int{2, 5, 4, 6}, []int{3, 2, 3, 8}, nhwc, func(a *convAttr) { a.channelGroups = 2 }),
		with("groups of many", []int{2, 5, 6, 64}, []int{3, 3, 32, 20}, nhwc, func(a *convAttr) { same(a); a.channelGroups = 2 }),
		with("depthwise", []int{2, 5, 4, 19}, []int{3, 3, 1, 19}, nhwc, func(a *convAttr) { same(a); a.channelGroups = 19 }),
		with("depthwise, two each", []int{2, 5, 4, 9}, []int{3, 3, 1, 18}, nhwc, func(a *convAttr) { same(a); a.channelGroups = 9 }),
		with("depthwise, channels first", []int{2, 9, 5, 12}, []int{9, 1, 3, 3}, nchw, func(a *convAttr) { same(a); a.channelGroups = 9 }),
		with("depthwise, stride and holes", []int{2, 5, 7, 9}, []int{3, 3, 1, 9}, nhwc, func(a *convAttr) {
			same(a)
			a.channelGroups, a.strides, a.inputDilations = 9, []int{2, 1}, []int{1, 2}
		}),
		with("batch groups", []int{6, 5, 4, 3}, []int{3, 2, 3, 9}, nhwc, func(a *convAttr) { a.batchGroups = 3 }),
		with("one channel", []int{2, 8, 9, 1}, []int{3, 3, 1, 1}, nhwc, same),
		with("no channels", []int{2, 5, 4, 0}, []int{3, 3, 0, 2}, nhwc, same),
		with("no images", []int{0, 5, 4, 3}, []int{3, 3, 3, 2}, nhwc, same),
		with("no places", []int{2, 0, 4, 3}, []int{1, 3, 3, 2}, nhwc, same),
		with("nothing but padding", []int{2, 1, 4, 3}, []int{1, 3, 3, 2}, nhwc, func(a *convAttr) { a.paddings = [][2]int{{3, -1}, {0, 0}} }),
		with("1D", []int{2, 3, 50}, []int{4, 3, 7}, [3]string{"ncw", "oiw", "ncw"}, func(a *convAttr) { a.strides = []int{2} }),
		with("3D", []int{2, 4, 5, 6, 3}, []int{2, 3, 2, 3, 5}, [3]string{"ndhwc", "dhwio", "ndhwc"}, func(a *convAttr) {
			a.paddings = [][2]int{{1, 1}, {0, 1}, {2, 0}}
		}),
	}
}

// checkHalves compares a convolution of halves with the definition: it is summed in
// float32, where all sums here are exact, and rounded once.
func (cc *convCase) checkHalves(t *testing.T, b *Backend, dt dtypes.DType, seed uint64) {
	t.Helper()
	c := cc.call(dt, seed)
	x := compiled(t, b, func(f *function) []compute.Value {
		var in []*node
		for i, v := range c.in {
			in = append(in, must(f.Parameter(fmt.Sprint(i), v.shape, nil)).(*node))
		}
		return []compute.Value{f.rounded(compute.OpTypeConvGeneral, c.out[0].shape, cc.attr, in...)}
	})
	var in []compute.Buffer
	for _, v := range c.in {
		in = append(in, must(b.BufferFromFlatData(0, halves(v), v.shape)))
	}
	got := value{c.out[0].shape, must(x.Execute(in, nil, 0))[0].(*Buffer).data}
	if want := bytesFrom(dt, reference[float64](c)); !bytes.Equal(want, got.data) {
		t.Fatalf("%s %s x %v w %v %+v: %v, want %v", cc.name, dt, cc.x, cc.w, cc.attr, numbersOf[float64](got), numbersOf[float64](value{got.shape, want}))
	}
}

// halves are the elements of a value of one of the two types of halves.
func halves(v value) any {
	if v.shape.DType == dtypes.Float16 {
		return of[float16.Float16](v)
	}
	return of[bfloat16.BFloat16](v)
}

// TestConv compares convolutions with their definition.
func TestConv(t *testing.T) {
	b := open(t, "workers=1")
	for i, cc := range convTable() {
		for _, dt := range halfTypes {
			cc.checkHalves(t, b, dt, uint64(i))
		}
		for _, dt := range convTypes {
			cc.check(t, dt, uint64(i))
		}
	}
}

// TestConvRandom does so for convolutions of all kinds.
func TestConvRandom(t *testing.T) {
	n := 800
	if testing.Short() {
		n = 200
	}
	b := open(t, "workers=1")
	for seed := range uint64(n) {
		r := rand.New(rand.NewPCG(seed, 2))
		for {
			cc := randomConv(r)
			if c := cc.call(dtypes.Float32, seed); c != nil && c.in[0].shape.Size() < 4000 && c.out[0].shape.Size() < 4000 {
				cc.check(t, convTypes[seed%uint64(len(convTypes))], seed)
				cc.checkHalves(t, b, halfTypes[seed%2], seed)
				break
			}
		}
	}
}

func randomConv(r *rand.Rand) *convCase {
	rank := 1 + r.IntN(3)
	cc := &convCase{name: "random", x: make([]int, rank+2), w: make([]int, rank+2)}
	a := plainAttr(compute.ConvolveAxesConfig{InputSpatial: make([]int, rank)})
	order := func(first, second *int, rest *[]int) {
		p := r.Perm(rank + 2)
		*first, *second, *rest = p[0], p[1], p[2:]
	}
	order(&a.axes.InputBatch, &a.axes.InputChannels, &a.axes.InputSpatial)
	order(&a.axes.KernelInputChannels, &a.axes.KernelOutputChannels, &a.axes.KernelSpatial)
	order(&a.axes.OutputBatch, &a.axes.OutputChannels, &a.axes.OutputSpatial)
	images, channels, outs := 1+r.IntN(4), 1+r.IntN(6), 1+r.IntN(6)
	if r.IntN(4) == 0 {
		channels *= 1 + r.IntN(8)
	}
	switch groups := 1 + r.IntN(4); r.IntN(4) {
	case 0:
		a.channelGroups, outs = groups, outs*groups
		if r.IntN(2) == 0 {
			channels = 1
		}
	case 1:
		a.batchGroups, images, outs = groups, images*groups, outs*groups
	}
	cc.x[a.axes.InputBatch], cc.x[a.axes.InputChannels] = images, channels*a.channelGroups
	cc.w[a.axes.KernelInputChannels], cc.w[a.axes.KernelOutputChannels] = channels, outs
	for i := range rank {
		cc.x[a.axes.InputSpatial[i]], cc.w[a.axes.KernelSpatial[i]] = 1+r.IntN(9), 1+r.IntN(4)
		if r.IntN(2) == 0 {
			a.paddings[i] = [2]int{r.IntN(6) - 2, r.IntN(6) - 2}
		}
		for _, s := range [][]int{a.strides, a.inputDilations, a.kernelDilations} {
			if r.IntN(3) == 0 {
				s[i] = 1 + r.IntN(4)
			}
		}
	}
	cc.attr = a
	return cc
}

// TestConvLarge has convolutions that are divided into tasks and parts, with numbers
// whose sums are not exact: bits must not depend on workers, and errors are small.
func TestConvLarge(t *testing.T) {
	for _, layouts := range [][3]string{{"nhwc", "hwio", "nhwc"}, {"nchw", "oihw", "nchw"}, {"hwnc", "oihw", "nhwc"}} {
		for _, s := range [][6]int{{9, 17, 8, 16, 3, 1}, {2, 33, 16, 16, 3, 1}, {4, 17, 16, 24, 3, 2}, {1, 6, 100, 16, 3, 1}, {1, 6, 32, 300, 3, 1}, {5, 16, 3, 16, 5, 1}} {
			all := gradients(layouts, s[0], s[1], s[2], s[3], s[4], s[5])
			shape := map[string][]int{"forward": all[1].x, "input": all[0].x, "kernel": all[0].w}
			for _, cc := range all {
				c := cc.call(dtypes.Float32, 7)
				if got := c.out[0].shape.Dimensions; !slices.Equal(got, shape[cc.name]) {
					t.Fatalf("%v %v %s: shape %v, want %v", layouts, s, cc.name, got, shape[cc.name])
				}
				for _, v := range c.in {
					for i, x := range of[float32](v) {
						of[float32](v)[i] = x / 127.1 * (1 + float32(i%13)/7)
					}
				}
				for _, do := range []func(int, func(int)){nil, scattered} {
					c.do = do
					once := slices.Clone(c.out[0].data)
					if err := runConv(c); err != nil {
						t.Fatal(err)
					}
					if do != nil && !bytes.Equal(once, c.out[0].data) {
						t.Errorf("%v %v %s: workers change the result", layouts, s, cc.name)
					}
				}
				sums := c.in[1].shape.Size() / c.out[0].shape.Dimensions[cc.attr.axes.OutputChannels]
				for i, want := range reference[float64](c) {
					if got := float64(of[float32](c.out[0])[i]); math.Abs(got-want) > 1e-6*float64(sums) {
						t.Fatalf("%v %v %s: element %d is %g, want %g", layouts, s, cc.name, i, got, want)
					}
				}
			}
		}
	}
}

// gradients are the convolutions that compute a convolution with equal padding and
// its gradients, as package graph of GoMLX writes them.
func gradients(layouts [3]string, images, side, in, out, size, stride int) [3]convCase {
	x, w, y := layouts[0], layouts[1], layouts[2]
	swap := func(s, pairs string) string {
		return strings.NewReplacer(strings.Split(pairs, "")...).Replace(s)
	}
	dims := func(s string, side, n, c int) (d []int) {
		for _, l := range s {
			d = append(d, map[rune]int{'n': n, 'c': c, 'h': side, 'w': side, 'i': n, 'o': c}[l])
		}
		return d
	}
	both := func(lo, hi int) [][2]int { return [][2]int{{lo, hi}, {lo, hi}} }
	end, pad := (side-1)/stride+1, (size-1)/2
	forward := plainAttr(axesOf(x, w, y))
	forward.strides, forward.paddings = []int{stride, stride}, both(pad, size/2)
	input := plainAttr(axesOf(y, swap(w, "iooi"), x))
	input.inputDilations = []int{stride, stride}
	input.paddings = both(size-1-pad, side-1-(end-1)*stride+pad)
	weights := plainAttr(axesOf(swap(x, "nccn"), swap(y, "nico"), swap(w, "inoc")))
	weights.kernelDilations = []int{stride, stride}
	weights.paddings = both(pad, (end-1)*stride+size-side-pad)
	xd, wd, yd := dims(x, side, images, in), dims(w, size, in, out), dims(y, end, images, out)
	return [3]convCase{{"forward", xd, wd, forward}, {"input", yd, wd, input}, {"kernel", xd, yd, weights}}
}
