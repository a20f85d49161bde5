package fec_test

import (
	"fmt"

	"github.com/comlam/comlam/internal/rng"
	"github.com/comlam/comlam/wireless/fec"
)

// Code 1,000 bits at rate 1/2, lose some of them to noise, and decode.
func ExampleNewLDPC() {
	const k, e = 1000, 2000
	random := rng.New(1)
	bits := make([]byte, k)
	for i := range bits {
		bits[i] = byte(random.Uint64() & 1)
	}
	code, err := fec.NewLDPC(fec.GraphFor(k, 0.5), k)
	if err != nil {
		fmt.Println(err)
		return
	}
	coded, sent, match := make([]byte, code.Len()), make([]byte, e), fec.Match{E: e}
	if err := code.Encode(coded, bits); err != nil {
		fmt.Println(err)
		return
	}
	if err := code.Match(sent, coded, match); err != nil {
		fmt.Println(err)
		return
	}
	const sigma = 0.8
	llrs, wrong := make([]float32, e), 0
	for i, b := range sent {
		y := 1 - 2*float64(b) + sigma*random.Normal()
		llrs[i] = float32(2 * y / (sigma * sigma))
		if (y < 0) != (b == 1) {
			wrong++
		}
	}
	soft, got := make([]float32, code.Len()), make([]byte, k)
	if err := code.Combine(soft, llrs, match); err != nil {
		fmt.Println(err)
		return
	}
	d, err := code.NewDecoder(fec.DecoderConfig{})
	if err != nil {
		fmt.Println(err)
		return
	}
	results, err := d.Decode(got, soft)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%s, Z = %d: %d of %d bits arrived wrong\n", code.Graph(), code.LiftingSize(), wrong, e)
	fmt.Println("parity holds:", results[0].Parity, "- bits are right:", string(got) == string(bits))
	// Output:
	// BG2, Z = 104: 219 of 2000 bits arrived wrong
	// parity holds: true - bits are right: true
}
