package checkpoint_test

import (
	"bytes"
	"fmt"

	"github.com/comlam/comlam/checkpoint"
)

func Example() {
	weight, err := checkpoint.FromFloat32s("dense.weight", checkpoint.F32, []int{2, 2}, []float32{1, 2, 3, 4})
	if err != nil {
		fmt.Println(err)
		return
	}
	var file bytes.Buffer
	if err := checkpoint.Write(&file, []checkpoint.Tensor{weight}, nil); err != nil {
		fmt.Println(err)
		return
	}

	f, err := checkpoint.Open(bytes.NewReader(file.Bytes()), int64(file.Len()))
	if err != nil {
		fmt.Println(err)
		return
	}
	names := checkpoint.Map{{Published: "dense.weight", Variable: "/dense/weights", Axes: checkpoint.Transposed}}
	shapes := map[string][]int{"/dense/weights": {2, 2}}
	err = names.Load(f, shapes, func(variable string, values []float32) error {
		fmt.Println(variable, values)
		return nil
	})
	fmt.Println(err)
	// Output:
	// /dense/weights [1 3 2 4]
	// <nil>
}
