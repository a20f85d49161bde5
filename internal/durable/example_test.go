package durable_test

import (
	"fmt"

	"github.com/comlam/comlam/internal/durable"
)

// A run saves now and then, dies, and goes on from what is on disk.
func ExampleStore() {
	disk := durable.NewMemFS(1) // durable.OS in a program
	store, err := durable.OpenStore(disk, "run/checkpoints", durable.Options{Keep: 2})
	if err != nil {
		fmt.Println(err)
		return
	}
	err = store.Save(100, 0.7, func(f *durable.Folder) error {
		return f.WriteFile("weights.bin", []byte("weights at step 100"))
	})
	fmt.Println("saved:", err == nil)

	disk = disk.Crash(0) // the power goes
	store, err = durable.OpenStore(disk, "run/checkpoints", durable.Options{Keep: 2})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer store.Close()
	last, err := store.Latest()
	if err != nil {
		fmt.Println(err)
		return
	}
	weights, err := last.ReadFile("weights.bin")
	fmt.Println(last.Step, last.Score, string(weights), err)
	// Output:
	// saved: true
	// 100 0.7 weights at step 100 <nil>
}
