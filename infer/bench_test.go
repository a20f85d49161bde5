package infer

import (
	"fmt"
	"testing"
	"time"

	"github.com/comlam/comlam/backend"
	"github.com/comlam/comlam/model/llama"
)

// BenchmarkDecode is one token after so many of context, on all processors. The bytes a
// second count the weights that a token needs and the slots of the cache: what a step
// reads at least. BenchmarkRead is the memory's own speed, to hold that against.
func BenchmarkDecode(b *testing.B) {
	for _, z := range []struct{ width, layers, heads, keyHeads, vocab, context int }{
		{128, 4, 4, 2, 4096, 100},
		{288, 6, 6, 6, 32000, 100},
		{768, 12, 12, 4, 32000, 100},
		{768, 12, 12, 4, 32000, 1000},
	} {
		b.Run(fmt.Sprintf("width=%d/layers=%d/context=%d", z.width, z.layers, z.context), func(b *testing.B) {
			c := &llama.Config{
				Size: "custom", VocabSize: z.vocab, MaxPositionEmbeddings: 2048, HiddenSize: z.width, NumHiddenLayers: z.layers,
				NumAttentionHeads: z.heads, NumKeyValueHeads: z.keyHeads, RMSNormEps: 1e-5, RoPETheta: 10000, TieWordEmbeddings: true,
			}
			e, err := backend.OpenAll()
			if err != nil {
				b.Fatal(err)
			}
			lm := build(b, c)
			m, err := New(e, lm, random(b, e, lm, 0.02), nil, Options{})
			if err != nil {
				b.Fatal(err)
			}
			cache := m.newCache(1)
			if _, err := cache.add(b.Context(), [][]int32{make([]int32, z.context)}); err != nil {
				b.Fatal(err)
			}
			began := time.Now()
			if _, err := cache.add(b.Context(), [][]int32{{1}}); err != nil {
				b.Fatal(err)
			}
			b.Logf("first step, with its graph: %v", time.Since(began))
			kv := 2 * z.layers * cache.slots * z.keyHeads * z.width / z.heads
			b.SetBytes(4 * int64(c.NumParameters()+kv))
			for b.Loop() {
				if _, err := cache.add(b.Context(), [][]int32{{1}}); err != nil {
					b.Fatal(err)
				}
				cache.cut(z.context)
			}
			b.ReportMetric(1/(b.Elapsed().Seconds()/float64(b.N)), "tokens/s")
		})
	}
}

// BenchmarkRead adds up memory that no cache holds.
func BenchmarkRead(b *testing.B) {
	data := make([]uint64, 1<<25) // 256 MiB
	b.SetBytes(int64(8 * len(data)))
	var sum uint64
	for b.Loop() {
		parts := make(chan uint64)
		const workers = 2
		for w := range workers {
			go func() {
				var a, b, c, d uint64
				for i := w * len(data) / workers; i < (w+1)*len(data)/workers; i += 8 { // one line
					a += data[i]
					b += data[i+2]
					c += data[i+4]
					d += data[i+6]
				}
				parts <- a + b + c + d
			}()
		}
		for range workers {
			sum += <-parts
		}
	}
	_ = sum
}
