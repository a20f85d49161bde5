package bench

// Sizes says what a leg computes. All legs get the same, as JSON.
type Sizes struct {
	Rows    []string `json:"rows"`    // what to measure, of the names in leg.go
	Threads int      `json:"threads"` // of a leg that has to be told
	Repeats int      `json:"repeats"` // least number of runs, of which the fastest counts
	Least   float64  `json:"least_s"` // and their least time, in seconds; not of the GPT step
	Most    float64  `json:"most_s"`  // no further run begins after that

	GPT       GPT      `json:"gpt"`
	SGEMM     []int    `json:"sgemm"` // n of n x n x n products
	BF16      []int    `json:"bf16"`
	Conv      Conv     `json:"conv"`
	RowsShape [2]int   `json:"rows_shape"` // of softmax, layer norm and gelu
	Chain     int      `json:"chain"`      // float32 values
	Demo      []string `json:"demo"`       // recipes whose training stages are timed
}

// GPT is a decoder with a head of its own, and its batch.
type GPT struct {
	Layers int `json:"layers"`
	Width  int `json:"width"`
	Heads  int `json:"heads"`
	Vocab  int `json:"vocab"`
	Tokens int `json:"tokens"`
	Batch  int `json:"batch"`
}

// Conv is a convolution of 3 x 3 from Channels to Channels on square images.
type Conv struct {
	Images   int `json:"images"`
	Channels int `json:"channels"`
	Size     int `json:"size"`
}

// full is what the engine is measured by.
func full() Sizes {
	return Sizes{
		Repeats: 7, Least: 0.3, Most: 20,
		GPT:   GPT{Layers: 6, Width: 384, Heads: 6, Vocab: 4096, Tokens: 256, Batch: 8},
		SGEMM: []int{256, 384, 512, 1024, 2048}, BF16: []int{1024, 2048},
		Conv: Conv{Images: 32, Channels: 64, Size: 32}, RowsShape: [2]int{2048, 1024}, Chain: 16 << 20,
		Demo: []string{"channelpred/demo-jakes", "channelpred/demo-cdlc"},
	}
}

// short has everything of full but the demo, in a size that takes no time: it tries
// the bench, and its numbers mean nothing.
func short() Sizes {
	return Sizes{
		Repeats: 1, Most: 1,
		GPT:   GPT{Layers: 1, Width: 8, Heads: 2, Vocab: 16, Tokens: 4, Batch: 2},
		SGEMM: []int{16, 32}, BF16: []int{16},
		Conv: Conv{Images: 1, Channels: 2, Size: 4}, RowsShape: [2]int{4, 8}, Chain: 1 << 10,
	}
}
