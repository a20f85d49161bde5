package train

import "math"

// Rate is the learning rate of update number step (from 0) of steps, for a peak
// rate. Every schedule starts with WarmupSteps of linear growth; then
//
//   - constant stays at the peak,
//   - linear falls to MinRatio times the peak at the last step,
//   - cosine does so along half a cosine (Loshchilov and Hutter 2016),
//   - cyclic runs triangles between MinRatio and the peak (Smith 2015),
//   - wsd stays at the peak and falls linearly in the last DecaySteps
//     (warm-up, stable, decay; Hu et al. 2024, arXiv:2404.06395).
func (s Schedule) Rate(step, steps int, peak float64) float64 {
	if step < s.WarmupSteps {
		return peak * float64(step+1) / float64(s.WarmupSteps)
	}
	low := s.MinRatio
	done := fraction(step-s.WarmupSteps, steps-1-s.WarmupSteps)
	switch s.Name {
	case "linear":
		return peak * (1 - (1-low)*done)
	case "cosine":
		return peak * (low + (1-low)*0.5*(1+math.Cos(math.Pi*done)))
	case "cyclic":
		phase := float64((step-s.WarmupSteps)%s.CycleSteps) / float64(s.CycleSteps)
		return peak * (low + (1-low)*math.Abs(1-2*phase))
	case "wsd":
		return peak * (1 - (1-low)*fraction(step-(steps-s.DecaySteps)+1, s.DecaySteps))
	default:
		return peak
	}
}

// fraction is a/b kept within 0 and 1.
func fraction(a, b int) float64 {
	if b <= 0 {
		return 1
	}
	return min(max(float64(a)/float64(b), 0), 1)
}
