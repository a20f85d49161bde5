package ofdm

import (
	"math"
	"math/cmplx"
	"slices"
	"strings"
	"testing"

	"github.com/comlam/comlam/internal/rng"
	"github.com/comlam/comlam/wireless/nr"
)

// The sequence by its definition, without registers.
func TestGoldIsItsDefinition(t *testing.T) {
	for _, init := range []uint32{0, 1, 0x12345678, 1<<31 - 1} {
		const n = 1600 + 400
		x1, x2 := make([]byte, n+31), make([]byte, n+31)
		x1[0] = 1
		for i := range 31 {
			x2[i] = byte(init >> i & 1)
		}
		for i := range n {
			x1[i+31] = (x1[i+3] + x1[i]) % 2
			x2[i+31] = (x2[i+3] + x2[i+2] + x2[i+1] + x2[i]) % 2
		}
		c := make([]byte, 300)
		Gold(c, init, 100)
		for i, v := range c {
			if want := (x1[1600+100+i] + x2[1600+100+i]) % 2; v != want {
				t.Fatalf("init %#x: c(%d) = %d, want %d", init, 100+i, v, want)
			}
		}
	}
}

// Whatever the layout: layers are told apart exactly, what carries data is what the
// transport block size counts, and the pilots take the power of the empty groups.
func TestLayersAreToldApart(t *testing.T) {
	s := rng.New(4)
	for _, d := range []DMRS{
		{Type: 1, Length: 1, TypeAPosition: 2, NumCDMGroups: 1}, {Type: 1, Length: 1, TypeAPosition: 3, NumCDMGroups: 2, Additional: 2, ScramblingID: 77},
		{Type: 1, Length: 2, TypeAPosition: 2, NumCDMGroups: 2, Additional: 1, SCID: 1}, {Type: 2, Length: 1, TypeAPosition: 2, NumCDMGroups: 3, Additional: 3},
		{Type: 2, Length: 2, TypeAPosition: 3, NumCDMGroups: 3, ScramblingID: 65535}, {Type: 2, Length: 1, TypeAPosition: 2, NumCDMGroups: 1},
	} {
		layers := min(d.NumPorts(), d.NumCDMGroups*2*d.Length)
		if d.NumCDMGroups == 1 {
			layers = 2
		}
		a := Allocation{FirstRB: 3, NumRB: 2, NumSymbols: 14, NumLayers: layers, Slot: 5}
		slot, err := d.Slot(a)
		if err != nil {
			t.Fatalf("%+v: %v", d, err)
		}
		perRB := must(d.NumPerRB(14))
		if want := 2 * (nr.SubcarriersPerRB*14 - perRB); len(slot.Data) != want {
			t.Errorf("%+v: %d resource elements of data, want %d", d, len(slot.Data), want)
		}
		received, gains := make([]complex128, slot.Grid.Len()), normals(s, layers)
		pilotPower := 0.0
		for p, layer := range slot.Pilots {
			grid := make([]complex128, slot.Grid.Len())
			layer.Put(grid)
			for i, v := range grid {
				received[i] += gains[p] * v
				pilotPower += sq(v)
				if v != 0 && slices.Contains(slot.Data, i) {
					t.Fatalf("%+v: a pilot on data", d)
				}
			}
		}
		for p, layer := range slot.Pilots {
			observed := make([]complex128, layer.Len())
			must(0, layer.Observe(observed, received))
			for _, v := range observed {
				if cmplx.Abs(v-gains[p]) > 1e-12 {
					t.Fatalf("%+v, layer %d: observed %v, the channel is %v", d, p, v, gains[p])
				}
			}
			if math.Abs(layer.NoiseFactor*float64(d.NumCDMGroups*layer.share)-1) > 1e-12 {
				t.Errorf("%+v: noise factor %g", d, layer.NoiseFactor)
			}
		}
		// Each layer sends, on the symbols of the signal, as much as it would in data.
		if want := float64(layers * 2 * perRB); math.Abs(pilotPower/want-1) > 1e-9 {
			t.Errorf("%+v: pilots of power %g, want %g", d, pilotPower, want)
		}
	}
}

// A narrow allocation has the signal of the wide one at its place.
func TestSequenceStartsAtBlockZero(t *testing.T) {
	for _, kind := range []int{1, 2} {
		d := DMRS{Type: kind, Length: 1, TypeAPosition: 2, NumCDMGroups: 1, ScramblingID: 9}
		wide := must(d.Slot(Allocation{NumRB: 6, NumSymbols: 14, NumLayers: 1, Slot: 3}))
		narrow := must(d.Slot(Allocation{FirstRB: 4, NumRB: 2, NumSymbols: 14, NumLayers: 1, Slot: 3}))
		a, b := make([]complex128, wide.Grid.Len()), make([]complex128, narrow.Grid.Len())
		wide.Pilots[0].Put(a)
		narrow.Pilots[0].Put(b)
		for i, v := range b {
			if a[i/24*72+48+i%24] != v {
				t.Fatalf("type %d: resource element %d differs", kind, i)
			}
		}
	}
}

func TestSignalSymbols(t *testing.T) {
	for _, c := range []struct {
		d    DMRS
		num  int
		want []int
	}{
		{DMRS{Type: 1, Length: 1, TypeAPosition: 2, NumCDMGroups: 1}, 14, []int{2}},
		{DMRS{Type: 1, Length: 1, TypeAPosition: 2, NumCDMGroups: 1, Additional: 1}, 14, []int{2, 11}},
		{DMRS{Type: 1, Length: 1, TypeAPosition: 2, NumCDMGroups: 1, Additional: 1}, 12, []int{2, 9}},
		{DMRS{Type: 1, Length: 1, TypeAPosition: 3, NumCDMGroups: 1, Additional: 2}, 13, []int{3, 7, 11}},
		{DMRS{Type: 1, Length: 1, TypeAPosition: 2, NumCDMGroups: 1, Additional: 3}, 14, []int{2, 5, 8, 11}},
		{DMRS{Type: 1, Length: 1, TypeAPosition: 2, NumCDMGroups: 1, Additional: 3}, 8, []int{2, 7}},
		{DMRS{Type: 2, Length: 2, TypeAPosition: 2, NumCDMGroups: 1, Additional: 1}, 14, []int{2, 3, 10, 11}},
		{DMRS{Type: 2, Length: 2, TypeAPosition: 2, NumCDMGroups: 1, Additional: 1}, 9, []int{2, 3}},
	} {
		if got := must(c.d.Symbols(c.num)); !slices.Equal(got, c.want) {
			t.Errorf("%+v, %d symbols: %v, want %v", c.d, c.num, got, c.want)
		}
	}
}

func TestSignalMistakes(t *testing.T) {
	good := DMRS{Type: 1, Length: 1, TypeAPosition: 2, NumCDMGroups: 1}
	for words, change := range map[string]func(*DMRS, *Allocation){
		"type 3":              func(d *DMRS, _ *Allocation) { d.Type = 3 },
		"length 0":            func(d *DMRS, _ *Allocation) { d.Length = 0 },
		"additional position": func(d *DMRS, _ *Allocation) { d.Length, d.Additional = 2, 2 },
		"mapping type B":      func(d *DMRS, _ *Allocation) { d.TypeAPosition = 0 },
		"first symbol 2 only": func(d *DMRS, _ *Allocation) { d.TypeAPosition, d.Additional = 3, 3 },
		"CDM groups":          func(d *DMRS, _ *Allocation) { d.NumCDMGroups = 3 },
		"scrambling":          func(d *DMRS, _ *Allocation) { d.ScramblingID = 1 << 16 },
		"have no room":        func(_ *DMRS, a *Allocation) { a.NumSymbols = 2 },
		"resource blocks":     func(_ *DMRS, a *Allocation) { a.NumRB = 276 },
		"layers":              func(_ *DMRS, a *Allocation) { a.NumLayers = 5 },
		"CDM group 1":         func(_ *DMRS, a *Allocation) { a.NumLayers = 3 },
		"slot":                func(_ *DMRS, a *Allocation) { a.Slot = -1 },
	} {
		d, a := good, Allocation{NumRB: 1, NumSymbols: 14, NumLayers: 1}
		change(&d, &a)
		if _, err := d.Slot(a); err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("%s: got %v", words, err)
		}
	}
}
