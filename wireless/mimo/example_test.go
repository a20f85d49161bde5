package mimo_test

import (
	"fmt"

	"github.com/comlam/comlam/wireless/mapping"
	"github.com/comlam/comlam/wireless/mimo"
)

// Two streams of QPSK over a known channel, by the definition and by equalisation.
func Example() {
	h := []complex128{1, 0.5, -0.5i, 0.8} // [R S]
	x := make([]complex64, 2)
	if err := mapping.QPSK.Map(x, []byte{0, 1, 1, 0}); err != nil {
		fmt.Println(err)
		return
	}
	y := make([]complex128, 2)
	for r := range y {
		y[r] = h[r*2]*complex128(x[0]) + h[r*2+1]*complex128(x[1])
	}
	for _, name := range []string{"zf", "lmmse", "ml"} {
		d, err := mimo.NewDetector(name, 0, mimo.Config{NumRx: 2, NumStreams: 2, Scheme: mapping.QPSK, Rule: mapping.MaxLog})
		if err != nil {
			fmt.Println(err)
			return
		}
		llrs := make([]float32, 4)
		if err := d.Detect(llrs, h, y, []float64{0.1}); err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("%-5s %6.1f\n", name, llrs)
	}
	// Output:
	// zf    [  15.8  -15.8  -11.2   11.2]
	// lmmse [  14.9  -16.5  -11.6   10.4]
	// ml    [  22.8  -22.8  -17.8   17.8]
}

// The precoder that a user would report.
func ExampleSearcher() {
	c, err := mimo.NewCodebook(2, 1) // four ports
	if err != nil {
		fmt.Println(err)
		return
	}
	s, err := mimo.NewSearcher(c, 2, 2)
	if err != nil {
		fmt.Println(err)
		return
	}
	h := []complex128{1, 1i, -1, -1i, 0.1, 0, 0, 0.1i} // [R P]
	best, err := s.Search(h, 0.5)
	fmt.Printf("rank %d, %+v, %.2f bits, %v\n", best.Rank, best.PMI, best.Bits, err)
	// Output: rank 1, {I11:6 I12:0 I13:0 I2:2}, 3.17 bits, <nil>
}

func ExampleWaterFill() {
	p := make([]float64, 4)
	mu, err := mimo.WaterFill(p, []float64{1.5, 1.2, 0.8, 0.3}, 3)
	fmt.Printf("level %.4f, powers %.4f, %v\n", mu, p, err)
	// Output: level 1.9167, powers [1.2500 1.0833 0.6667 0.0000], <nil>
}
