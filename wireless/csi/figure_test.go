package csi

import (
	"bytes"
	"context"
	"errors"
	"math"
	"math/cmplx"
	"strings"
	"testing"

	"github.com/comlam/comlam/format/npy"
	"github.com/comlam/comlam/internal/durable"
	"github.com/comlam/comlam/internal/rng"
	"github.com/comlam/comlam/plot"
)

// onePath is a data set whose samples are one path of known delay, Doppler shift and
// angles from broadside.
func onePath(t *testing.T, delayS, dopplerHz, azimuth, elevation float64) durable.FS {
	t.Helper()
	c := with(func(c *Config) {
		c.Tx = Panel{Rows: 4, Cols: 8, DualPolarized: true, Spacing: 0.5, Element: "isotropic"}
		c.Rx = Panel{Rows: 1, Cols: 1, Spacing: 0.5, Element: "isotropic"}
		c.NumSlots, c.NumSubcarriers = 16, 24
	})
	m := build(t, c).Meta(1, 0, 2)
	var h []complex64
	for range 2 {
		for slot := range 16 {
			for k := range 24 {
				f := (float64(k) - 11.5) * 360e3
				for port := range 64 {
					col, row := port/4%8, port%4
					phase := 2 * math.Pi * (dopplerHz*0.5e-3*float64(slot) - f*delayS + 0.5*(float64(col)*math.Sin(azimuth)+float64(row)*math.Sin(elevation)))
					h = append(h, complex64(cmplx.Rect(1, phase)))
				}
			}
		}
	}
	fsys := durable.NewMemFS(1)
	text, err := m.encode()
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	w, err := npy.NewWriter[complex64](&b, m.Shape...)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(w.Write(h), w.Close(), durable.WriteFile(fsys, "h.npy", b.Bytes()), durable.WriteFile(fsys, "h.json", text)); err != nil {
		t.Fatal(err)
	}
	return fsys
}

func figure(t *testing.T, fsys durable.FS, name, kind string) Drawing {
	t.Helper()
	d, err := Figure(context.Background(), opened(t, fsys, name)[0], kind, 100)
	if err != nil {
		t.Fatal(err)
	}
	svg, err := d.SVG()
	if err != nil {
		t.Fatal(err)
	}
	if pixels, err := plot.PNG(svg, 1); err != nil || len(pixels) < 1000 {
		t.Errorf("%s: %d bytes of PNG, %v", kind, len(pixels), err)
	}
	return d
}

func peak(s plot.Series) float64 {
	at := 0
	for i, v := range s.Y {
		if v > s.Y[at] {
			at = i
		}
	}
	return s.X[at]
}

func near(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if math.Abs(got-want) > tolerance {
		t.Errorf("%s is %g, want %g within %g", what, got, want, tolerance)
	}
}

// A figure has its peak where the path is, in complex and real view.
func TestFiguresShowThePath(t *testing.T) {
	const delayS, dopplerHz = 500e-9, -312.5
	azimuth, elevation := 30*math.Pi/180, -10*math.Pi/180
	fsys := onePath(t, delayS, dopplerHz, azimuth, elevation)
	convert(t, fsys, "r.npz", ConvertConfig{View: RealView}, "h.npy")
	for _, name := range []string{"h.npy", "r.npz"} {
		near(t, "delay (ns)", peak(figure(t, fsys, name, DelayProfile).(plot.Chart).Series[0]), 500, 15)
		map2 := figure(t, fsys, name, DelayDoppler).(plot.HeatMap)
		y, x := 0, 0
		for i, row := range map2.Values {
			for j, v := range row {
				if v > map2.Values[y][x] {
					y, x = i, j
				}
			}
		}
		place := func(a plot.Axis, i, n int) float64 {
			return a.Range[0] + (a.Range[1]-a.Range[0])*(float64(i)+0.5)/float64(n)
		}
		near(t, "delay (ns)", place(map2.X, x, len(map2.Values[0])), 500, 30)
		near(t, "Doppler shift (Hz)", place(map2.Y, y, len(map2.Values)), dopplerHz, 32)
		angles := figure(t, fsys, name, AngleSpectrum).(plot.Chart)
		if len(angles.Series) != 2 {
			t.Fatalf("%d angle spectra, want azimuth and elevation at tx", len(angles.Series))
		}
		near(t, angles.Series[0].Name, peak(angles.Series[0]), 30, 0.5)
		near(t, angles.Series[1].Name, peak(angles.Series[1]), -10, 0.5)
		values := figure(t, fsys, name, SingularValues).(plot.Chart)
		near(t, "squared singular value (dB)", values.Series[0].X[50], 10*math.Log10(64), 0.1)
	}
}

// The angles of the generator's own channels are those of its tables: the strongest
// departures of CDL-C, and its zenith of departure.
func TestAngleSpectrumOfCDL(t *testing.T) {
	fsys := durable.NewMemFS(1)
	c := with(func(c *Config) {
		c.Tx = Panel{Rows: 8, Cols: 16, Spacing: 0.5, Element: "isotropic"}
		c.RandomRotation, c.NumSlots, c.NumSubcarriers = false, 1, 8
	})
	if err := Save(context.Background(), fsys, "h", build(t, c), SaveConfig{Count: 40, Workers: 1}); err != nil {
		t.Fatal(err)
	}
	chart := figure(t, fsys, "h.npy", AngleSpectrum).(plot.Chart)
	// 0.3 degrees holds 43 % of the power of CDL-C, 98 degrees of zenith all of it.
	near(t, "azimuth", peak(chart.Series[0]), 0, 4)
	near(t, "elevation", peak(chart.Series[1]), 90-98.8, 2)
}

func TestHermitianEigenvalues(t *testing.T) {
	two := []complex128{2, 1i, -1i, 2} // 3 and 1
	v := hermitianEigenvalues(two, 2)
	near(t, "first", v[0], 3, 1e-12)
	near(t, "second", v[1], 1, 1e-12)
	// A unitary change of diag(5, 3, 2, 1): its moments are those of the matrix.
	s := rng.New(4)
	const n = 6
	a := make([]complex128, n*n)
	for i := range n {
		for j := range i + 1 {
			z := s.ComplexNormal()
			if i == j {
				z = complex(real(z), 0)
			}
			a[i*n+j], a[j*n+i] = z, cmplx.Conj(z)
		}
	}
	trace, square := 0.0, 0.0
	for i := range n {
		trace += real(a[i*n+i])
		for j := range n {
			square += real(a[i*n+j] * a[j*n+i])
		}
	}
	for i, l := range hermitianEigenvalues(a, n) {
		trace -= l
		square -= l * l
		if i > 0 && l > 10 {
			t.Errorf("eigenvalue %g", l)
		}
	}
	near(t, "what is left of the trace", trace, 0, 1e-12)
	near(t, "what is left of the squares", square, 0, 1e-11)
}

func TestFiguresRefuse(t *testing.T) {
	ctx := context.Background()
	fsys := durable.NewMemFS(1)
	for name, change := range map[string]func(*Config){
		"still":  func(c *Config) { c.NumSlots = 1 },
		"narrow": func(c *Config) { c.NumSubcarriers = 1 },
		"jakes":  func(c *Config) { c.Channel, c.NumSlots = "jakes", 4 },
		"alone":  func(c *Config) { c.Tx.Cols, c.NumSlots = 1, 4 },
	} {
		if err := Save(ctx, fsys, name, build(t, with(change)), SaveConfig{Count: 1, Workers: 1}); err != nil {
			t.Fatal(err)
		}
	}
	if err := durable.WriteFile(fsys, "bare.npy", read(t, fsys, "still.npy")); err != nil {
		t.Fatal(err)
	}
	square := small("cdl-b")
	square.Rx.Cols = 2
	g := build(t, square)
	m := g.Meta(1, 0, 1)
	m.DType = "complex128"
	text, err := m.encode()
	if err != nil {
		t.Fatal(err)
	}
	values := make([]complex128, g.Shape().Len())
	for i := range values {
		values[i] = complex(1e200, float64(i))
	}
	if err := errors.Join(durable.WriteFile(fsys, "huge.npy", npy.AppendValues(mustPreamble(t, "<c16", m.Shape...), values)),
		durable.WriteFile(fsys, "huge.json", text)); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, kind, want string }{
		{"huge.npy", SingularValues, "its power is above"},
		{"still.npy", DelayDoppler, "one moment has no Doppler"}, {"narrow.npy", DelayProfile, "one subcarrier has no delays"},
		{"jakes.npy", AngleSpectrum, "fade independently"}, {"alone.npy", AngleSpectrum, "sees no angles"},
		{"bare.npy", DelayProfile, "no side file"}, {"still.npy", "coverage", "there are: pdp"},
	} {
		if _, err := Figure(ctx, opened(t, fsys, c.name)[0], c.kind, 1); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s of %s: error %v, want one with %q", c.kind, c.name, err, c.want)
		}
	}
}
