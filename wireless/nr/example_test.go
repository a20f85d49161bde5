package nr_test

import (
	"fmt"

	"github.com/comlam/comlam/wireless/nr"
)

// Half the resource elements fade by 10 dB: the CQI is that of the effective SINR.
func ExampleTable_Select() {
	for _, sinr := range [][]float64{{10, 10}, {18.2, 1.8}} {
		cqi, ok, err := nr.CQITable1.Select(sinr, 0)
		fmt.Printf("CQI %d: %s, rate %.3f, %v, %v\n", cqi.Index, cqi.Modulation, cqi.Rate(), ok, err)
	}
	// Output:
	// CQI 10: 64QAM, rate 0.455, true, <nil>
	// CQI 8: 16QAM, rate 0.479, true, <nil>
}
