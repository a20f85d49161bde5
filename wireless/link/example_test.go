package link_test

import (
	"context"
	"fmt"

	"github.com/comlam/comlam/wireless/link"
)

// QPSK over white noise, counted and in theory.
func ExampleConfig_Build() {
	c := link.Default()
	c.SNR = link.Sweep{From: 4, To: 8, Step: 4}
	l, err := c.Build()
	if err != nil {
		fmt.Println(err)
		return
	}
	curve, err := l.Run(context.Background(), link.RunConfig{Seed: 1, Workers: 2})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, p := range curve.Points {
		fmt.Printf("%g dB: %.1e of %d bits wrong, theory %.1e\n", p.SNRdB, p.BER.Value, p.Bits, p.TheoryBER)
	}
	// Output:
	// 4 dB: 1.2e-02 of 64800 bits wrong, theory 1.3e-02
	// 8 dB: 1.8e-04 of 1101600 bits wrong, theory 1.9e-04
}
