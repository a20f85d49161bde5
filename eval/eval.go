// Package eval runs the methods of a task on the same test examples and says
// how good each one is: one [Row] for every method and metric, with the number
// of samples, a 95 % interval and, where there is one, the bound.
//
// # Use
//
// A task gives its test examples as a [Set] and its predictors as [Method]s:
//
//	result, err := eval.Run(ctx, eval.Condition{Task: "channelpred", Name: "30 km/h"}, set, methods)
//	rows, err := result.Rows()
//	gain, err := result.DifferenceDB("WiFo, LoRA", "WiFo, zero-shot", metric.RatioOfSums)
//
// The second form is the paired comparison: both methods saw the same samples,
// so the interval of their difference is much shorter than their own intervals
// suggest.
//
// # Questions
//
// Multiple-choice questions are an [Exam]: methods add what they picked, all on the same
// questions, and rows carry the accuracy with Wilson's interval, on all and by category.
// [Exam.Compare] is McNemar's exact test. A language model is asked by an [Asker], in a
// [Form] that says how the question is put and what counts as an answer; one pass gives
// the likeliest answer (lm-evaluation-harness's acc), the likeliest a character
// (acc_norm), and what the model writes where only answers may be written. A question
// that does not fit its context is marked and counts as wrong.
//
//	exam, err := telecomqa.NewExam(set, telecomqa.Default())   // with the bars
//	samples, err := (&eval.Asker{LM: m, Tokenizer: t, Form: eval.Chat}).Ask(ctx, exam.Questions())
//	err = exam.AddModel("my model", samples)
//	rows, err := exam.Rows()
//
// [CheckContamination] looks for the questions in what the model was trained on;
// [Contamination.Gate] refuses a score on them. [Report.Save] writes the files of
// lm-evaluation-harness.
//
// # Held-out text
//
// Documents are a [Reading]: bits a byte of every method, with the bootstrap over
// documents. [DocumentBits] is what a language model needs, [Reading.AddBars] trains
// Kneser-Ney models on the same text and runs xz.
//
// # Metrics of channels
//
// The channels of radio tasks are complex. Their rows carry
// nmse/ratio-of-sums and nmse/sample-mean (linear values) and, in bit/s/Hz,
// se/mrt-10dB; package metric holds their definitions. Channels are normalised
// to E|h|^2 = 1, which fixes the noise of the spectral efficiency. With one
// transmit antenna there is no beam to point and every method that predicts
// anything reaches the same spectral efficiency.
//
// # Bounds
//
// [Row].Bound is the value, on the same samples, of the first method of class
// genie, or of the first of class bound where there is no genie. A genie that is
// told the condition bounds every method at that condition. A Bayes predictor
// that is not told bounds the average over its prior: at one condition a method
// that was fitted there may lie below it. Both minimise the squared error, so
// only nmse/ratio-of-sums has a bound; weighting the error of each sample by its
// own power, or taking a logarithm, moves the optimum elsewhere.
//
// # Determinism
//
// Examples are cut into chunks of fixed size, which two workers predict; the
// measurements are added in the order of the examples. The figures are the same
// bits for any GOMAXPROCS.
package eval

// The classes of a method. They say what it was told and how it was made.
const (
	Classical = "classical" // a formula, or a fit of a few coefficients
	Learned   = "learned"   // a trained network
	Bound     = "bound"     // optimal on average over what it is not told
	Genie     = "genie"     // optimal, and told what no receiver knows
)

// Row is one line of the table: one method measured by one metric.
type Row struct {
	Task      string     `json:"task"`
	Condition string     `json:"condition"` // such as "30 km/h"
	Method    string     `json:"method"`    // display name
	Class     string     `json:"class"`     // classical, learned, bound or genie
	Metric    string     `json:"metric"`    // exact name, which is the definition
	Value     float64    `json:"value"`     // linear ratio, or bit/s/Hz
	CI95      [2]float64 `json:"ci95"`      // bootstrap over independent drops, in the unit of Value
	N         int        `json:"n"`         // samples measured
	Bound     *float64   `json:"bound"`     // the bound on the same samples; null where none exists
}

// Condition says what is measured: the task and the setting of its world.
type Condition struct {
	Task string // name of the task
	Name string // display name of the condition
}

// Truth is what a prediction of one example is held against.
type Truth struct {
	Drop     uint64      // the independent drop that the example was cut from
	H        []complex64 // noiseless channel [... tx], as long as a prediction
	NumTxAnt int         // length of the last axis
}

// Set is the test examples of one condition. A task implements it.
type Set[E any] interface {
	// Len is the number of examples.
	Len() int
	// Examples makes examples first to first+count-1. Several goroutines call
	// it at once.
	Examples(first, count int) ([]E, error)
	// Truth says what the example should have been predicted as.
	Truth(example E) Truth
}

// Predictor predicts channels from examples.
type Predictor[E any] interface {
	// Predict writes the prediction of examples[i] to out[i], which is as long
	// as the truth. Run never calls it twice at once on the same method. It
	// must not change the examples, which other methods see too.
	Predict(examples []E, out [][]complex64) error
}

// Method is a predictor with its place in the table.
type Method[E any] struct {
	Name  string // display name, unique in the table
	Class string // Classical, Learned, Bound or Genie
	Predictor[E]
}
