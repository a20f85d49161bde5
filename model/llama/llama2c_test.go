package llama_test

import (
	"bytes"
	"encoding/binary"
	"math"
	"strings"
	"testing"

	"github.com/comlam/comlam/model/llama"
	"github.com/comlam/comlam/nn"
)

// llama2c is a small file of llama2.c whose values count up.
func llama2c(header [7]int32, values int) []byte {
	var b bytes.Buffer
	binary.Write(&b, binary.LittleEndian, header)
	for i := range values {
		binary.Write(&b, binary.LittleEndian, math.Float32bits(float32(i)))
	}
	return b.Bytes()
}

// TestReadLlama2C: each number of a file ends up where it belongs.
func TestReadLlama2C(t *testing.T) {
	// Width 8, MLPs of 3, 2 layers, 2 heads, 1 key head, 5 words, 6 places.
	const values = 5*8 + 2*8 + 2*(64+32+32+64) + 2*8 + 2*3*24 + 8 + 6*4 + 5*8
	file := llama2c([7]int32{8, 3, 2, 2, 1, -5, 6}, values)
	c, w, err := llama.ReadLlama2C(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	if c.TieWordEmbeddings || c.VocabSize != 5 || c.NumParameters() != w.NumParameters() {
		t.Errorf("%+v, %d weights", c, w.NumParameters())
	}
	at := func(name string) *nn.Weight { return w.Find(name) }
	q := at("model/layers/1/self_attn/q_proj/weight")
	// Layer 1's query weights begin after table, norms and layer 0's; row 5 is element 1
	// of head 1, which here is the first of the second half; column 2.
	want := float32(40 + 16 + 64 + 5*8 + 2)
	if got := q.Values[2*8+4+2]; got != want {
		t.Errorf("query: %g, want %g", got, want)
	}
	gate := at("model/layers/0/mlp/gate_proj/weight")
	if want := float32(40 + 16 + 2*192 + 16 + 1*8 + 7); gate.Values[7*3+1] != want {
		t.Errorf("gate: %g, want %g", gate.Values[7*3+1], want)
	}
	if head := at("lm_head/weight"); head.Values[39] != values-1 {
		t.Errorf("head: %g, want %d", head.Values[39], values-1)
	}
}

// TestReadLlama2CErrors: damage is an error that says what does not fit.
func TestReadLlama2CErrors(t *testing.T) {
	for want, file := range map[string][]byte{
		"read the header of a llama2.c file":          make([]byte, 20),
		"the header does not fit a llama2.c file":     make([]byte, 28),
		"the header says 988 bytes, and the file has": llama2c([7]int32{4, 3, 2, 2, 1, -5, 6}, 7),
		"hidden_size: 1000000 cannot be built":        llama2c([7]int32{1000000, 3, 2, 2, 1, 5, 6}, 7),
	} {
		_, _, err := llama.ReadLlama2C(bytes.NewReader(file), int64(len(file)))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

func FuzzReadLlama2C(f *testing.F) {
	f.Add(llama2c([7]int32{8, 3, 2, 2, 1, -5, 6}, 10))
	f.Add(llama2c([7]int32{2, 1, 1, 1, 1, 1, 1}, 40))
	f.Fuzz(func(t *testing.T, file []byte) {
		c, w, err := llama.ReadLlama2C(bytes.NewReader(file), int64(len(file)))
		if err == nil && c.NumParameters() != w.NumParameters() {
			t.Errorf("%d weights, want %d", w.NumParameters(), c.NumParameters())
		}
	})
}
