package csi_test

import (
	"context"
	"fmt"

	"github.com/comlam/comlam/internal/durable"
	"github.com/comlam/comlam/wireless/csi"
)

func Example() {
	g, err := csi.Default().Build()
	if err != nil {
		fmt.Println(err)
		return
	}
	h := make([]complex64, g.Shape().Len())
	drop := g.Sample(1, 0, h) // sample 0 of seed 1
	fmt.Printf("%+v\n", g.Shape())
	fmt.Println(drop.SpeedMPS*3.6 >= 3, drop.SpeedMPS*3.6 <= 120)
	// Output:
	// {NumSlots:20 NumSubcarriers:32 NumRxAnt:1 NumTxAnt:4}
	// true true
}

func ExampleConfig_Validate() {
	c := csi.Default()
	c.Channel = "cdl-f"
	fmt.Println(c.Validate())
	// Output: channel: "cdl-f" is not a channel; use one of cdl-a, cdl-b, cdl-c, cdl-d, cdl-e, tdl-a, tdl-a30, tdl-b, tdl-b100, tdl-c, tdl-c300, tdl-d, tdl-e, jakes, umi, uma, rma, inh-mixed, inh-open, inf-sl, inf-dl, inf-sh, inf-dh
}

func ExampleGenerator_Stream() {
	c := csi.Default()
	c.Channel, c.NumSlots = "jakes", 4
	g, err := c.Build()
	if err != nil {
		fmt.Println(err)
		return
	}
	err = g.Stream(context.Background(), 1, 100, 3, 2, func(index uint64, h []complex64, _ csi.Drop) error {
		fmt.Println("sample", index, "has", len(h), "values")
		return nil
	})
	fmt.Println(err)
	// Output:
	// sample 100 has 512 values
	// sample 101 has 512 values
	// sample 102 has 512 values
	// <nil>
}

func ExampleSave() {
	g, err := csi.Default().Build()
	if err != nil {
		fmt.Println(err)
		return
	}
	fsys := durable.NewMemFS(1) // durable.OS for the disk
	err = csi.Save(context.Background(), fsys, "train", g, csi.SaveConfig{Seed: 1, Count: 10, Workers: 2})
	if err != nil {
		fmt.Println(err)
		return
	}
	entries, err := fsys.ReadDir(".")
	for _, e := range entries {
		fmt.Println(e.Name())
	}
	fmt.Println(err)
	// Output:
	// train.json
	// train.npy
	// <nil>
}
