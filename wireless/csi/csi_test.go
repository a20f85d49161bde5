package csi

import (
	"context"
	"errors"
	"math"
	"math/cmplx"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/comlam/comlam/internal/setting"
	"github.com/comlam/comlam/wireless/channel"
)

func build(t testing.TB, c Config) *Generator {
	t.Helper()
	g, err := c.Build()
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func with(change func(*Config)) Config {
	c := Default()
	change(&c)
	return c
}

func small(name string) Config {
	return with(func(c *Config) {
		c.Channel, c.NumSubcarriers, c.NumSlots = name, 4, 3
		c.Tx.Cols = 2
	})
}

func sample(g *Generator, seed, index uint64) []complex64 {
	h := make([]complex64, g.Shape().Len())
	g.Sample(seed, index, h)
	return h
}

func TestShape(t *testing.T) {
	c := with(func(c *Config) { c.Tx.Rows, c.Tx.DualPolarized, c.Rx.Cols = 2, true, 3 })
	s := build(t, c).Shape()
	if want := (Shape{20, 32, 3, 16}); s != want || s.Len() != 20*32*3*16 {
		t.Errorf("shape %v with %d values, want %v", s, s.Len(), want)
	}
}

// First and last value of sample 2 of seed 1 of small(channel).
var frozen = map[string][2]complex64{
	"jakes": {-0.4075386 + 0.6444131i, -0.1129371 + 1.600283i},
	"tdl-d": {-0.620731 - 0.546583i, 0.7860298 - 0.607658i},
	"cdl-c": {0.4409849 + 1.178631i, 0.9760825 + 1.050784i},
	"cdl-d": {-0.523312 - 0.2549625i, -0.3307134 + 0.1982452i},
}

// The bits of version csi/1, to float32 precision: a change that moves them needs
// a new Version.
func TestSamplesAreFrozen(t *testing.T) {
	for name, want := range frozen {
		h := sample(build(t, small(name)), 1, 2)
		for i, w := range want {
			if got := h[[]int{0, len(h) - 1}[i]]; cmplx.Abs(complex128(got-w)) > 1e-5 {
				t.Errorf("%s: value %d is %.7g, want %.7g", name, i, got, w)
			}
		}
	}
}

func TestMeanPowerIsOne(t *testing.T) {
	n, tolerance := 4000, 0.05
	if testing.Short() {
		n, tolerance = 400, 0.15
	}
	threeGPP := func(c *Config) {
		c.Tx = Panel{Rows: 2, Cols: 1, DualPolarized: true, Spacing: 0.5, Element: "3gpp", DowntiltDeg: 8}
	}
	for name, c := range map[string]Config{
		"jakes": small("jakes"), "tdl-d": small("tdl-d"), "cdl-b": small("cdl-b"),
		"sinusoids": with(func(c *Config) { *c = small("tdl-a"); c.Process = "sinusoids" }),
		"3gpp":      with(func(c *Config) { *c = small("cdl-c"); threeGPP(c) }),
		"3gpp fixed": with(func(c *Config) {
			*c = small("cdl-e")
			threeGPP(c)
			c.RandomRotation = false
		}),
	} {
		g := build(t, c)
		h := make([]complex64, g.Shape().Len())
		power := 0.0
		for i := range n {
			g.Sample(3, uint64(i), h)
			for _, v := range h {
				power += square(v) / float64(n*len(h))
			}
		}
		if math.Abs(power-1) > tolerance {
			t.Errorf("%s: mean power %.4f, want 1 within %g", name, power, tolerance)
		}
	}
}

// The one tap of jakes: the same on all subcarriers, independent antennas,
// autocorrelation J0 at the drawn speed.
func TestJakesIsFlatWithJ0(t *testing.T) {
	n := 100_000
	tolerance := 1e-2
	if testing.Short() {
		n, tolerance = 10_000, 3e-2
	}
	c := with(func(c *Config) {
		c.Channel, c.NumSubcarriers, c.NumSlots = "jakes", 2, 6
		c.Carrier, c.Interval = 2.4e9, 2e-3
		c.Tx.Cols = 2
		c.Speed = setting.SpeedRange{Min: setting.KMH(30), Max: setting.KMH(30)}
	})
	g := build(t, c)
	h := make([]complex64, g.Shape().Len())
	correlation := make([]complex128, c.NumSlots)
	var across complex128
	for i := range n {
		g.Sample(5, uint64(i), h)
		if h[0] != h[2] || h[1] != h[3] {
			t.Fatalf("sample %d is not flat: %v", i, h[:4])
		}
		across += complex128(h[0]) * cmplx.Conj(complex128(h[1])) / complex(float64(n), 0)
		for slot := range correlation {
			correlation[slot] += complex128(h[slot*4]) * cmplx.Conj(complex128(h[0])) / complex(float64(n), 0)
		}
	}
	f := channel.DopplerHz(30/3.6, 2.4e9)
	for slot, got := range correlation {
		want := channel.JakesCorrelation(f, 2e-3*float64(slot))
		if cmplx.Abs(got-complex(want, 0)) > tolerance {
			t.Errorf("autocorrelation after %d slots %.4f, want %.4f", slot, got, want)
		}
	}
	if cmplx.Abs(across) > tolerance {
		t.Errorf("antennas correlate by %.4f, want 0", across)
	}
}

func TestDropsFillTheirRanges(t *testing.T) {
	g := build(t, small("cdl-a"))
	h := make([]complex64, g.Shape().Len())
	var speeds, spreads, travels []float64
	for i := range 400 {
		d := g.Sample(1, uint64(i), h)
		speeds, spreads = append(speeds, d.SpeedMPS*3.6), append(spreads, d.DelaySpreadS*1e9)
		travels = append(travels, d.TravelAzimuth)
	}
	for name, c := range map[string]struct {
		drawn  []float64
		lo, hi float64
	}{"km/h": {speeds, 3, 120}, "ns": {spreads, 30, 300}, "rad": {travels, -math.Pi, math.Pi}} {
		lo, hi := slices.Min(c.drawn), slices.Max(c.drawn)
		if slack := (c.hi - c.lo) / 40; lo < c.lo || hi > c.hi || lo > c.lo+slack || hi < c.hi-slack {
			t.Errorf("drawn %g to %g %s, want all of %g to %g", lo, hi, name, c.lo, c.hi)
		}
	}
	fixed := build(t, small("tdl-c300"))
	if d := fixed.Sample(1, 0, sample(fixed, 1, 0)); math.Abs(d.DelaySpreadS-300e-9) > 5e-9 {
		t.Errorf("delay spread of tdl-c300 is %g s", d.DelaySpreadS)
	}
	still := build(t, with(func(c *Config) { *c = small("cdl-a"); c.RandomRotation = false }))
	if d := still.Sample(1, 0, sample(still, 1, 0)); d.TravelAzimuth != 0 || d.TxBearing != 0 || d.RxBearing != 0 {
		t.Errorf("rotated without random_rotation: %+v", d)
	}
}

// Swapping the panels and the direction transposes every matrix, bit for bit.
func TestUplinkIsTheTranspose(t *testing.T) {
	for _, name := range []string{"jakes", "tdl-d", "cdl-d"} {
		down := with(func(c *Config) {
			*c = small(name)
			c.Tx = Panel{Rows: 1, Cols: 2, DualPolarized: true, Spacing: 0.5, Element: "3gpp", DowntiltDeg: 5}
			c.Rx.Cols = 3
		})
		up := down
		up.Tx, up.Rx, up.Direction = down.Rx, down.Tx, "uplink"
		a, b := sample(build(t, down), 1, 7), sample(build(t, up), 1, 7)
		for at := range 12 {
			for rx := range 3 {
				for tx := range 4 {
					if x, y := a[at*12+rx*4+tx], b[at*12+tx*3+rx]; x != y {
						t.Fatalf("%s: downlink %d-%d %v, uplink %v", name, rx, tx, x, y)
					}
				}
			}
		}
	}
}

type row struct {
	index uint64
	h     []complex64
	d     Drop
}

func collect(t *testing.T, g *Generator, first, count uint64, workers int) []row {
	t.Helper()
	var rows []row
	err := g.Stream(context.Background(), 9, first, count, workers, func(index uint64, h []complex64, d Drop) error {
		rows = append(rows, row{index, slices.Clone(h), d})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

func TestStreamGivesTheSameBitsForAnyWorkers(t *testing.T) {
	for _, name := range []string{"jakes", "tdl-e", "cdl-d"} {
		g := build(t, small(name))
		one := collect(t, g, 100, 60, 1)
		for _, workers := range []int{2, 7} {
			many := collect(t, build(t, small(name)), 100, 60, workers)
			for i := range one {
				if one[i].index != uint64(100+i) || many[i].index != one[i].index || many[i].d != one[i].d ||
					!slices.Equal(one[i].h, many[i].h) {
					t.Fatalf("%s: sample %d of %d workers differs from that of one", name, i, workers)
				}
			}
		}
		for _, i := range []int{59, 0, 31} { // any order, no stream at all
			if !slices.Equal(sample(g, 9, uint64(100+i)), one[i].h) {
				t.Errorf("%s: sample %d alone differs from the stream's", name, i)
			}
		}
	}
}

func TestConcurrentSamplesDoNotMix(t *testing.T) {
	g := build(t, small("cdl-c"))
	want := make([][]complex64, 16)
	for i := range want {
		want[i] = sample(g, 1, uint64(i))
	}
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for i := range want {
				if !slices.Equal(sample(g, 1, uint64(i)), want[i]) {
					t.Errorf("sample %d changed under concurrency", i)
				}
			}
		})
	}
	all.Wait()
}

func TestSeedsAndIndicesDiffer(t *testing.T) {
	g := build(t, small("cdl-c"))
	a := sample(g, 1, 1)
	if slices.Equal(a, sample(g, 1, 2)) || slices.Equal(a, sample(g, 2, 1)) {
		t.Error("different seed or index, same sample")
	}
}

func TestStreamEndsEarly(t *testing.T) {
	g := build(t, small("jakes"))
	before := runtime.NumGoroutine()
	stop := errors.New("enough")
	seen := 0
	err := g.Stream(context.Background(), 1, 0, 1<<40, 3, func(uint64, []complex64, Drop) error {
		if seen++; seen == 5 {
			return stop
		}
		return nil
	})
	if !errors.Is(err, stop) || seen != 5 {
		t.Errorf("after %d samples: %v", seen, err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	err = g.Stream(ctx, 1, 0, 1<<40, 3, func(uint64, []complex64, Drop) error { cancel(); return nil })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	// A worker that has said it is done may still be on its last instructions.
	for range 1000 {
		if runtime.NumGoroutine() <= before {
			break
		}
		time.Sleep(time.Millisecond)
	}
	if after := runtime.NumGoroutine(); after > before {
		t.Errorf("%d goroutines left over", after-before)
	}
	nothing := func(uint64, []complex64, Drop) error { t.Error("a sample of none"); return nil }
	if err := g.Stream(context.Background(), 1, 0, 0, 2, nothing); err != nil {
		t.Error(err)
	}
	if err := g.Stream(context.Background(), 1, 0, 1, 0, nothing); err == nil || !strings.Contains(err.Error(), "0 workers") {
		t.Errorf("no workers: %v", err)
	}
	if err := g.Stream(context.Background(), 1, math.MaxUint64, 2, 1, nothing); err == nil {
		t.Error("indices wrapped around")
	}
}

// The memory of a stream must not grow with its length.
func TestStreamMemoryIsFlat(t *testing.T) {
	g := build(t, small("jakes"))
	allocated := func(count uint64) uint64 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		err := g.Stream(context.Background(), 1, 0, count, 2, func(uint64, []complex64, Drop) error { return nil })
		if err != nil {
			t.Fatal(err)
		}
		runtime.ReadMemStats(&after)
		return after.TotalAlloc - before.TotalAlloc
	}
	allocated(100)
	short, long := allocated(100), allocated(20_000)
	if sampleBytes := uint64(8 * g.Shape().Len()); long > short+1000*sampleBytes {
		t.Errorf("20000 samples allocate %d bytes, 100 samples %d", long, short)
	}
}

func TestValidateNamesTheKey(t *testing.T) {
	for want, spoil := range map[string]func(*Config){
		`channel: "cdl-z" is not a channel; use one of cdl-a`: func(c *Config) { c.Channel = "cdl-z" },
		`channel: "flat"`: func(c *Config) { c.Channel = "flat" },
		`process: "rice" is not a fading process; use gaussian or sinusoids`: func(c *Config) { c.Process = "rice" },
		`direction: "sidelink"`:                                                  func(c *Config) { c.Direction = "sidelink" },
		`carrier: "0 Hz" is out of range; use 1 MHz to 1000 GHz`:                 func(c *Config) { c.Carrier = 0 },
		`subcarrier_spacing: "0 Hz"`:                                             func(c *Config) { c.SubcarrierSpacing = 0 },
		`num_subcarriers: 0 is out of range; use 1 to`:                           func(c *Config) { c.NumSubcarriers = 0 },
		`num_slots: -1`:                                                          func(c *Config) { c.NumSlots = -1 },
		`num_slots: 2000 slots are too many for a gaussian process; use at most`: func(c *Config) { c.Channel, c.NumSlots = "jakes", 2000 },
		`interval: "-1 s"`:                                                       func(c *Config) { c.Interval = -1 },
		`speed: `:                                                                func(c *Config) { c.Speed.Min = -1 },
		`delay_spread: `:                                                         func(c *Config) { c.DelaySpread.Max = 1 },
		`tx.rows: 0 is out of range`:                                             func(c *Config) { c.Tx.Rows = 0 },
		`rx.cols: 65 is out of range`:                                            func(c *Config) { c.Rx.Cols = 65 },
		`tx.rows: 64 x 64 elements with two polarisations are too many`:          func(c *Config) { c.Tx = Panel{Rows: 64, Cols: 64, DualPolarized: true} },
		`tx.spacing: 0 is out of range`:                                          func(c *Config) { c.Tx.Spacing = 0 },
		`rx.element: "horn" is not an antenna element; use isotropic or 3gpp`:    func(c *Config) { c.Rx.Element = "horn" },
		`tx.bearing_deg: NaN`:                                                    func(c *Config) { c.Tx.BearingDeg = math.NaN() },
		`tx.downtilt_deg: 91`:                                                    func(c *Config) { c.Tx.DowntiltDeg = 91 },
		`num_slots: one sample would have`:                                       func(c *Config) { c.NumSlots, c.NumSubcarriers = 16384, 16384 },
	} {
		err := with(spoil).Validate()
		var bad *setting.Error
		if !errors.As(err, &bad) || !strings.HasPrefix(err.Error(), want) || bad.Hint == "" {
			t.Errorf("error %v, want a setting error with a hint: %s", err, want)
		}
		if _, buildErr := with(spoil).Build(); buildErr == nil {
			t.Errorf("%s: built all the same", want)
		}
	}
	if err := Default().Validate(); err != nil {
		t.Error(err)
	}
}

func square(z complex64) float64 {
	return float64(real(z))*float64(real(z)) + float64(imag(z))*float64(imag(z))
}
