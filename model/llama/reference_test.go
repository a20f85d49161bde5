package llama_test

import (
	"math"

	"github.com/comlam/comlam/model/modeltest"
)

// reference is a plain reading of the model for small: loops over float64 that share
// no code with it.
func reference(w modeltest.Weights, tokens []int32, tied bool) []float64 {
	const width = 8
	table := modeltest.Rows(w.At("model/embed_tokens/weight"), width)
	var x [][]float64
	for _, token := range tokens {
		x = append(x, plus(table[token], make([]float64, width)))
	}
	for _, block := range []string{"model/layers/0", "model/layers/1"} {
		y := rmsNorm(w, block+"/input_layernorm", x)
		at := block + "/self_attn/"
		mixed := attend(turn(linear(w, at+"q_proj", y)), turn(linear(w, at+"k_proj", y)), linear(w, at+"v_proj", y))
		for i, row := range linear(w, at+"o_proj", mixed) {
			x[i] = plus(x[i], row)
		}
		y = rmsNorm(w, block+"/post_attention_layernorm", x)
		gate, up := linear(w, block+"/mlp/gate_proj", y), linear(w, block+"/mlp/up_proj", y)
		for i := range up {
			for j, g := range gate[i] {
				up[i][j] *= g / (1 + math.Exp(-g))
			}
		}
		for i, row := range linear(w, block+"/mlp/down_proj", up) {
			x[i] = plus(x[i], row)
		}
	}
	if !tied {
		table = modeltest.Rows(w.At("lm_head/weight"), width)
	}
	var logits []float64
	for _, row := range rmsNorm(w, "model/norm", x) {
		for _, word := range table {
			sum := 0.0
			for i, v := range row {
				sum += v * word[i]
			}
			logits = append(logits, sum)
		}
	}
	return logits
}

func plus(a, b []float64) []float64 {
	out := make([]float64, len(a))
	for i := range a {
		out[i] = a[i] + b[i]
	}
	return out
}

func linear(w modeltest.Weights, layer string, x [][]float64) [][]float64 {
	weight := w.At(layer + "/weight")
	width := len(weight) / len(x[0])
	var y [][]float64
	for _, row := range x {
		out := make([]float64, width)
		for i, v := range row {
			for o := range out {
				out[o] += v * weight[i*width+o]
			}
		}
		y = append(y, out)
	}
	return y
}

func rmsNorm(w modeltest.Weights, layer string, x [][]float64) [][]float64 {
	scale := w.At(layer + "/weight")
	var y [][]float64
	for _, row := range x {
		square := 0.0
		for _, v := range row {
			square += v * v / float64(len(row))
		}
		out := make([]float64, len(row))
		for i, v := range row {
			out[i] = v / math.Sqrt(square+1e-5) * scale[i]
		}
		y = append(y, out)
	}
	return y
}

// turn gives heads of 6 numbers their rotary positions, theta 50.
func turn(x [][]float64) [][]float64 {
	for t, row := range x {
		for h := 0; h < len(row); h += 6 {
			for i := range 3 {
				sin, cos := math.Sincos(float64(t) * math.Pow(50, -float64(i)/3))
				a, b := row[h+i], row[h+i+3]
				row[h+i], row[h+i+3] = a*cos-b*sin, b*cos+a*sin
			}
		}
	}
	return x
}

// attend is causal attention of 4 heads of 6 numbers to 2.
func attend(q, k, v [][]float64) [][]float64 {
	var mixed [][]float64
	for t := range q {
		out := make([]float64, 24)
		for h := range 4 {
			var weights []float64
			total := 0.0
			for s := range t + 1 {
				score := 0.0
				for e := range 6 {
					score += q[t][6*h+e] * k[s][6*(h/2)+e] / math.Sqrt(6)
				}
				weights = append(weights, math.Exp(score))
				total += math.Exp(score)
			}
			for s, weight := range weights {
				for e := range 6 {
					out[6*h+e] += weight / total * v[s][6*(h/2)+e]
				}
			}
		}
		mixed = append(mixed, out)
	}
	return mixed
}
