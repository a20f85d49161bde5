// Package metric measures predictions and says how sure it is.
//
// Every metric has one exact name, and the name is the definition:
//
//	nmse/ratio-of-sums   sum |e|^2 / sum |h|^2 over all samples
//	nmse/sample-mean     mean over samples i of |e_i|^2 / |h_i|^2
//	se/mrt-10dB          mean over vectors of log2(1 + |h_hat^H h|^2 / (|h_hat|^2 sigma^2)),
//	                     sigma^2 = mean |h|^2 / 10, in bit/s/Hz
//	accuracy             questions answered rightly / questions
//
// Here h is the noiseless channel, h_hat what a method predicts and e their
// difference. The two normalised mean square errors differ as soon as samples
// differ in power, and papers use both: LLM4CP the first, WiFo and CsiNet the
// second. Values are linear; [Value.DB] takes 10 log10 after averaging.
//
// # Samples and drops
//
// Samples cut from one simulated drop share their scatterers and are not
// independent, so the interval must not count them as if they were. Each metric
// here is a quotient of two sums, kept per drop in a [Tally]:
//
//	nmse := metric.NewNMSE()
//	for i, s := range samples {
//		e, err := metric.Measure(s.Predicted, s.Truth)
//		...
//		err = nmse.Add(s.Drop, e)
//	}
//	v, err := nmse.RatioOfSums.Value(metric.Bootstrap{})
//	fmt.Printf("%.2f dB\n", metric.DB(v.Value))
//
// # Intervals
//
// The 95 % interval is the percentile bootstrap (B. Efron, R. Tibshirani, "An
// Introduction to the Bootstrap", 1993, chapter 13): drops are drawn with
// replacement, the quotient is formed again, and the 2.5 % and 97.5 % points of
// 2,000 such quotients are reported. The draws follow a fixed seed, so the same
// measurements give the same interval. With fewer than about 30 drops such
// intervals are known to be somewhat too short; N and Drops are printed for
// that reason. Two methods measured on the same drops are compared by
// [Difference] or [DifferenceDB], which draw the same drops for both: the drop
// that is hard for one is hard for the other, and the interval of the
// difference is far shorter than the two intervals suggest.
//
// Questions are independent and answered rightly or not: the interval of an accuracy
// is Wilson's ([Proportion]), what luck gives is [Guessing], and two methods that
// answered the same questions are compared by [McNemar].
package metric

import "math"

// The exact names of the metrics. A report prints them as they stand.
const (
	RatioOfSums   = "nmse/ratio-of-sums"
	SampleMean    = "nmse/sample-mean"
	SEMRT         = "se/mrt-10dB"
	SEMRTRelative = "se/mrt-10dB-relative"
)

// Value is one measured number with its 95 % interval.
type Value struct {
	Name  string     `json:"name"`  // exact metric name, which is its definition
	Value float64    `json:"value"` // linear unless the name ends in "dB difference"
	CI95  [2]float64 `json:"ci95"`  // lower and upper end, in the unit of Value
	N     int        `json:"n"`     // samples measured
	Drops int        `json:"drops"` // independent drops they came from; the interval is over these
}

// DB returns the value and both ends of its interval in dB. A value of zero
// (a perfect prediction) gives -Inf.
func (v Value) DB() (value float64, ci95 [2]float64) {
	return DB(v.Value), [2]float64{DB(v.CI95[0]), DB(v.CI95[1])}
}

// DB turns a linear power ratio into dB, 10 log10(ratio). Zero gives -Inf and a
// negative ratio NaN.
func DB(ratio float64) float64 { return 10 * math.Log10(ratio) }

// FromDB turns dB into a linear power ratio.
func FromDB(dB float64) float64 { return math.Pow(10, dB/10) }
