package comlam_test

import (
	"context"
	"fmt"
	"os"

	"github.com/comlam/comlam"
)

// A dry run checks the recipe and says what would be done.
func ExampleRun() {
	dir, err := os.MkdirTemp("", "comlam")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	o := comlam.Options{Dir: dir, DryRun: true}
	outcome, err := comlam.Run(context.Background(), "channelpred/jakes", o, "train.steps=500", "train.batch_size=32", "train.micro_batch_size=0")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(outcome.Plan[0])

	_, err = comlam.Run(context.Background(), "channelpred/jakes", o, "train.stps=500")
	fmt.Println(err != nil)
	// Output:
	// channelpred/jakes: train 16000 samples in 500 steps (to do)
	// true
}

func ExampleRecipes() {
	for _, r := range comlam.Recipes() {
		if r.Name == "channelpred/jakes" {
			fmt.Println(r.Command)
		}
	}
	// Output: comlam run channelpred/jakes
}
