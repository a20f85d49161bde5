package ofdm

import (
	"bufio"
	"encoding/json"
	"math/cmplx"
	"os"
	"testing"
)

// The signal of each port is that of Sionna 2.2.0, recorded by testdata/sionna_dmrs.py:
// the same resource elements and the same numbers.
func TestSignalEqualsSionna(t *testing.T) {
	file, err := os.Open("testdata/dmrs.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	cases := 0
	for ; lines.Scan(); cases++ {
		var want struct {
			Type, Length, Additional, First, Groups, ID, SCID, Slot int
			Ports                                                   []struct {
				At    [][2]int // symbol, subcarrier
				Value [][2]float64
			}
		}
		if err := json.Unmarshal(lines.Bytes(), &want); err != nil {
			t.Fatal(err)
		}
		d := DMRS{Type: want.Type, Length: want.Length, Additional: want.Additional, TypeAPosition: want.First,
			NumCDMGroups: want.Groups, ScramblingID: want.ID, SCID: want.SCID}
		slot := must(d.Slot(Allocation{NumRB: 3, NumSymbols: 14, NumLayers: len(want.Ports), Slot: want.Slot}))
		for p, port := range want.Ports {
			grid := make([]complex128, slot.Grid.Len())
			slot.Pilots[p].Put(grid)
			for i, at := range port.At {
				re := at[0]*slot.Grid.NumSubcarriers + at[1]
				if v := complex(port.Value[i][0], port.Value[i][1]); cmplx.Abs(grid[re]-v) > 2e-6 {
					t.Fatalf("%+v, port %d, symbol %d, subcarrier %d: %v, want %v", d, p, at[0], at[1], grid[re], v)
				}
				grid[re] = 0
			}
			for re, v := range grid {
				if v != 0 {
					t.Fatalf("%+v, port %d: %v at resource element %d, where Sionna has nothing", d, p, v, re)
				}
			}
		}
	}
	if cases < 6 || lines.Err() != nil {
		t.Errorf("%d cases, %v", cases, lines.Err())
	}
}
