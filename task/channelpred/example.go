package channelpred

import (
	"github.com/comlam/comlam/eval"
	"github.com/comlam/comlam/wireless/csi"
)

// Example is one prediction problem. Axes: subcarrier, antenna; the antenna axis
// is rx*tx flattened with tx running fastest, as in package csi.
type Example struct {
	Index  uint64      // number in its set; every example is an independent drop
	Past   []complex64 // noisy channel [past, subcarrier, antenna]
	Future []complex64 // noiseless channel [future, subcarrier, antenna], the truth
	Drop   csi.Drop    // what the generator drew: speed, delay spread, ...
}

// Predictor writes the predicted [future, subcarrier, antenna] of examples[i] to
// out[i]. It may read Past only: Future is the answer and Drop is what a
// receiver does not know (only a genie looks).
type Predictor = eval.Predictor[Example]

// Method is a predictor with its name and class in the table.
type Method = eval.Method[Example]
