// Package channelpred predicts the next slots of a radio channel from noisy past
// ones, and holds every learned predictor against classical ones and, on
// exactly Gaussian Jakes channels, against the theoretical optimum.
//
// # Use
//
// A Bench makes the example sets of one recipe and fits the classical methods to
// a condition, which is a speed; package eval measures them:
//
//	bench, err := channelpred.NewBench(cfg, dataConfig, seed)
//	methods, err := bench.Methods(ctx, setting.KMH(30))  // classical, genie, bound
//	set, err := bench.Set(data.Test, setting.KMH(30), cfg.NumExamples)
//	result, err := eval.Run(ctx, channelpred.Condition("jakes", setting.KMH(30)), set, append(methods, learned...))
//
// # Noise
//
// Noise is on the inputs only: complex Gaussian of variance 10^(-SNR/10) in all,
// for channels normalised to E|h|^2 = 1. Targets are noiseless, so that an error
// of zero is possible and a ratio to a bound means something. (The published
// programs of LLM4CP and WiFo also add noise to the targets, which puts a floor
// of 0.0156 at 18 dB and 0.0099 at 20 dB under every method.)
//
// # Which samples serve what
//
// A sample is a function of a seed and an index, and every data.Split has a seed
// of its own: no example that a method was trained, fitted, tuned or adapted on
// comes back in a test. Every index is a drop of its own, so examples are
// independent. The same index at two speeds has the same scatterers and noise;
// conditions are therefore comparable in pairs too.
//
// # Methods
//
//	hold                        repeats the last noisy slot
//	least squares, this speed   16 past values -> each future one, fitted at this speed
//	least squares, all speeds   the same, fitted once over the speeds of the data
//	PAD order 4                 Prony prediction of angle-delay coefficients (arXiv:1912.11330)
//	vector Prony order 8        one linear recursion for all antennas and subcarriers of a sample
//	ridge, angle-delay          least squares in groups of angle-delay coefficients
//	Wiener, knows the speed     genie: the best predictor if the speed were known
//	Bayes, does not know the speed   bound: the posterior mean under the speeds of the data
//
// The last two exist on the gaussian process of the jakes channel only, where
// they are exact; elsewhere no bound is claimed.
package channelpred
