package channel

import "math"

// pathLossLine is a row of table 7.4.1-1.
type pathLossLine struct {
	constant, distance, frequency, breakpoint, height float64
}

// pathLossModel holds what the formulas of clause 7.4.1 need, at one carrier.
type pathLossModel struct {
	scenario    Scenario
	environment Environment
	fcGHz       float64

	los, nlos, least pathLossLine // least bounds nlos from below, beside los
	hasLeast         bool

	sigma    [numConditions]float64 // dB, of shadow fading
	sigmaFar float64                // rma, with sight beyond the breakpoint
}

func newPathLoss(s Scenario, e Environment, r *reading, t *release) pathLossModel {
	m := pathLossModel{scenario: s, environment: e, fcGHz: r.fcGHz}
	nlos := s.family()
	if s.factory() {
		nlos = string(s)
	}
	line := func(row string) pathLossLine {
		at := func(column string) float64 { return r.at(t.pathLoss, row, column) }
		return pathLossLine{at("constant"), at("distance"), at("frequency"), at("breakpoint"), at("height")}
	}
	m.los, m.nlos = line(s.family()+" LOS"), line(nlos+" NLOS")
	if s == InFDL {
		m.least, m.hasLeast = line("inf-sl NLOS"), true
	}
	m.sigma[LOS] = r.at(t.pathLoss, s.family()+" LOS", "sigma")
	m.sigma[NLOS] = r.at(t.pathLoss, nlos+" NLOS", "sigma")
	if s.outdoor() {
		m.sigma[O2I] = r.at(t.pathLoss, s.family()+" O2I", "sigma")
	}
	m.sigmaFar = m.sigma[LOS]
	if s == RMa {
		m.sigmaFar = r.at(t.pathLoss, "rma far", "sigma")
	}
	return m
}

// span is where the ends of a link are: horizontal distance and heights, in m.
type span struct{ d2D, hBS, hUE float64 }

func (g span) d3D() float64 { return math.Hypot(g.d2D, g.hBS-g.hUE) }

// breakpoint is d'_BP of notes 1 (umi, uma) and 5 (rma) of table 7.4.1-1; hE is the
// effective height of the environment.
func (m *pathLossModel) breakpoint(g span, hE float64) float64 {
	fc := m.fcGHz * 1e9
	if m.scenario == RMa {
		return 2 * math.Pi * g.hBS * g.hUE * fc / SpeedOfLightMPS
	}
	return 4 * (g.hBS - hE) * (g.hUE - hE) * fc / SpeedOfLightMPS
}

// loss is the path loss of clause 7.4.1 in dB.
func (m *pathLossModel) loss(los bool, g span, hE float64) float64 {
	if m.scenario == RMa {
		return m.ruralLoss(los, g)
	}
	sight := m.line(&m.los, g)
	if m.los.breakpoint != 0 {
		if far := m.breakpoint(g, hE); g.d2D > far {
			sight = m.los.constant + 40*math.Log10(g.d3D()) + m.los.frequency*math.Log10(m.fcGHz) -
				m.los.breakpoint*math.Log10(far*far+(g.hBS-g.hUE)*(g.hBS-g.hUE))
		}
	}
	if los {
		return sight
	}
	loss := max(sight, m.line(&m.nlos, g))
	if m.hasLeast {
		loss = max(loss, m.line(&m.least, g))
	}
	return loss
}

func (m *pathLossModel) line(l *pathLossLine, g span) float64 {
	return l.constant + l.distance*math.Log10(g.d3D()) + l.frequency*math.Log10(m.fcGHz) - l.height*(g.hUE-1.5)
}

func (m *pathLossModel) ruralLoss(los bool, g span) float64 {
	h := m.environment.BuildingHeightM
	near := func(d3D float64) float64 {
		tall := math.Pow(h, 1.72)
		return 20*math.Log10(40*math.Pi*d3D*m.fcGHz/3) + min(0.03*tall, 10)*math.Log10(d3D) -
			min(0.044*tall, 14.77) + 0.002*math.Log10(h)*d3D
	}
	sight := near(g.d3D())
	if far := m.breakpoint(g, 0); g.d2D > far {
		sight = near(far) + 40*math.Log10(g.d3D()/far)
	}
	if los {
		return sight
	}
	lgBS, lgUE, ratio := math.Log10(g.hBS), math.Log10(11.75*g.hUE), h/g.hBS
	return max(sight, 161.04-7.1*math.Log10(m.environment.StreetWidthM)+7.5*math.Log10(h)-
		(24.37-3.7*ratio*ratio)*lgBS+(43.42-3.1*lgBS)*(math.Log10(g.d3D())-3)+
		20*math.Log10(m.fcGHz)-(3.2*lgUE*lgUE-4.97))
}

// shadowSigma is the standard deviation of shadow fading in dB.
func (m *pathLossModel) shadowSigma(c Condition, g span) float64 {
	if c == LOS && m.scenario == RMa && g.d2D > m.breakpoint(g, 0) {
		return m.sigmaFar
	}
	return m.sigma[c]
}

// losProbability is that of table 7.4.2-1; outsideM is the horizontal distance that
// lies outdoors, in indoor scenarios all of it.
func (m *pathLossModel) losProbability(outsideM float64, g span) float64 {
	d := outsideM
	switch m.scenario {
	case UMi:
		return canyon(d, 36)
	case UMa:
		if d <= 18 {
			return 1
		}
		return canyon(d, 63) * (1 + tallness(g.hUE)*1.25*math.Pow(d/100, 3)*math.Exp(-d/150))
	case RMa:
		return math.Exp(-max(d-10, 0) / 1000)
	case InHMixed:
		if d < 6.5 {
			return math.Exp(-max(d-1.2, 0) / 4.7)
		}
		return 0.32 * math.Exp(-(d-6.5)/32.6)
	case InHOpen:
		if d <= 49 {
			return math.Exp(-max(d-5, 0) / 70.8)
		}
		return 0.54 * math.Exp(-(d-49)/211.7)
	default:
		return math.Exp(-d / m.clutterDistance(g))
	}
}

// canyon is the LOS probability of umi and, up to its second factor, uma.
func canyon(d, decay float64) float64 {
	if d <= 18 {
		return 1
	}
	return 18/d + math.Exp(-d/decay)*(1-18/d)
}

// tallness is C'(hUT) of table 7.4.2-1.
func tallness(hUE float64) float64 {
	if hUE <= 13 {
		return 0
	}
	return math.Pow((hUE-13)/10, 1.5)
}

// clutterDistance is k_subsce of table 7.4.2-1.
func (m *pathLossModel) clutterDistance(g span) float64 {
	e := m.environment
	k := -e.ClutterSizeM / math.Log(1-e.ClutterDensity)
	if m.scenario == InFSH || m.scenario == InFDH {
		k *= (g.hBS - g.hUE) / (e.ClutterHeightM - g.hUE)
	}
	return k
}

// environmentHeight is h_E of note 1 of table 7.4.1-1 for a uniform u: in uma 1 m
// with probability 1/(1+C), else one of 12, 15, ..., hUT-1.5; in umi 1 m.
func (m *pathLossModel) environmentHeight(u float64, g span) float64 {
	if m.scenario != UMa || g.d2D <= 18 || g.hUE < 13 {
		return 1
	}
	c := tallness(g.hUE) * 1.25 * math.Pow(g.d2D/100, 3) * math.Exp(-g.d2D/150)
	low := 1 / (1 + c)
	if u < low {
		return 1
	}
	choices := 1 + math.Floor((g.hUE-1.5-12)/3)
	if choices < 1 {
		return 1
	}
	return 12 + 3*min(math.Floor((u-low)/(1-low)*choices), choices-1)
}
