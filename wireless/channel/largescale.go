package channel

import (
	"fmt"
	"math"
)

// propagation is a column of table 7.5-6 at one carrier: what the links of one
// condition have in common.
type propagation struct {
	mean, sigma [numLSP]float64 // of z-scores: SF and K in dB, spreads lg; SF has its sigma per link
	shape       fieldShape

	numClusters        int
	rTau, zetaDB       float64
	xprMean, xprSigma  float64    // dB
	clusterDelayS      float64    // c_DS
	spread             [4]float64 // of rays in a cluster, rad, by Angle; that of ZOD follows the mean of ZSD
	azimuthC, zenithC  float64    // C_phi, C_theta without sight
	clusterCorrelation float64    // m, of cluster- and ray-specific variables
}

func newPropagation(s Scenario, c Condition, r *reading, t *release) (*propagation, error) {
	column := s.family() + " " + c.String()
	at := func(row string) float64 { return r.at(t.lsp, row, column) }
	p := &propagation{
		numClusters: int(at("num_clusters")), rTau: at("r_tau"), zetaDB: at("zeta"),
		xprMean: at("mu_XPR"), xprSigma: at("sigma_XPR"),
		clusterDelayS:      at("c_DS") * 1e-9,
		clusterCorrelation: at("dcorr_cluster"),
	}
	p.mean[lspK], p.sigma[lspK] = at("mu_K"), at("sigma_K")
	for _, i := range []int{lspDS, lspASD, lspASA, lspZSA} {
		p.mean[i], p.sigma[i] = at("mu_lg"+lspNames[i]), at("sigma_lg"+lspNames[i])
	}
	p.sigma[lspZSD] = at("sigma_lgZSD")
	for a, row := range map[Angle]string{AOD: "c_ASD", AOA: "c_ASA", ZOA: "c_ZSA"} {
		p.spread[a] = radians(at(row))
	}
	number := fmt.Sprint(p.numClusters)
	p.azimuthC, p.zenithC = r.at(t.scaling, number, "azimuth"), r.at(t.scaling, number, "zenith")
	if r.err != nil {
		return nil, r.err
	}
	var err error
	p.shape, err = newFieldShape(correlations(t, column, r))
	if r.err != nil {
		return nil, r.err
	}
	if err != nil {
		return nil, fmt.Errorf("table %s, %q: %w", t.lsp.name, column, err)
	}
	return p, nil
}

// correlations reads correlation distances (m) and cross-correlations. Without a
// K-factor its distance is that of SF; nothing depends on it.
func correlations(t *release, column string, r *reading) (dcorr [numLSP]float64, cross lspMatrix) {
	for i, a := range lspNames {
		dcorr[i] = r.at(t.lsp, "dcorr_"+a, column)
		cross[i][i] = 1
		for j, b := range lspNames {
			if _, ok := t.lsp.cells[[2]string{"corr_" + a + "_" + b, column}]; ok {
				cross[i][j] = r.at(t.lsp, "corr_"+a+"_"+b, column)
				cross[j][i] = cross[i][j]
			}
		}
	}
	if dcorr[lspK] == 0 {
		dcorr[lspK] = dcorr[lspSF]
	}
	return dcorr, cross
}

// zenithOfDeparture returns the mean of lg ZSD (degrees) and the offset of ZOD (rad)
// of tables 7.5-7 to 7.5-11. An O2I link follows its path outside.
func zenithOfDeparture(s Scenario, los bool, g span, fcGHz float64) (mean, offset float64) {
	km, above := g.d2D/1000, g.hUE-1.5
	switch {
	case s == UMi && los:
		return max(-0.21, -14.8*km+0.01*math.Abs(g.hUE-g.hBS)+0.83), 0
	case s == UMi:
		mean = max(-0.5, -3.1*km+0.01*max(g.hUE-g.hBS, 0)+0.2)
		return mean, -radians(math.Pow(10, -1.5*math.Log10(max(10, g.d2D))+3.3))
	case s == UMa && los:
		return max(-0.5, -2.1*km-0.01*above+0.75), 0
	case s == UMa:
		lg := math.Log10(fcGHz)
		a, c, e := 0.208*lg-0.782, -0.13*lg+2.03, 7.66*lg-5.96
		offset = e - math.Pow(10, a*math.Log10(max(25, g.d2D))+c-0.07*above)
		return max(-0.5, -2.1*km-0.01*above+0.9), radians(offset)
	case s == RMa && los:
		return max(-1, -0.17*km-0.01*above+0.22), 0
	case s == RMa:
		offset = math.Atan((35-3.5)/g.d2D) - math.Atan((35-1.5)/g.d2D)
		return max(-1, -0.19*km-0.01*above+0.28), offset
	case s.factory() && los:
		return 1.35, 0
	case s.factory():
		return 1.2, 0
	case los:
		return 2.228 - 1.43*math.Log10(1+fcGHz), 0
	default:
		return 1.08, 0
	}
}

func radians(deg float64) float64 { return deg * math.Pi / 180 }

// LargeScale is what changes slowly about one link between a BS and a UE (clause 7.5
// steps 1 to 4).
type LargeScale struct {
	BS BS
	UE UE

	Condition Condition
	LOS       bool // of the path outside the building

	Distance2DM, Distance3DM float64
	IndoorDistanceM          float64 // d_2D-in of a UE in a building

	PathLossDB    float64 // PL_b
	PenetrationDB float64 // wall, indoor and car loss, with their spread; 0 outside
	ShadowDB      float64 // positive is more power

	KFactorDB          float64 // -Inf without line of sight
	DelaySpreadS       float64
	ASD, ASA, ZSD, ZSA float64 // rad

	// Direction of the line of sight, rad, by Angle.
	Direction [4]float64
	// ExcessDelayS is the delay of the first cluster beyond that of the direct path
	// (clause 7.6.9); 0 unless AbsoluteDelay is configured.
	ExcessDelayS float64

	zodSpread, zodOffset float64 // rad: of rays in a cluster, of the mean
}

// PathGainDB is the gain of the link without antennas and fading.
func (l *LargeScale) PathGainDB() float64 { return l.ShadowDB - l.PathLossDB - l.PenetrationDB }

// spreadOf returns the angle spread of a kind in rad.
func (l *LargeScale) spreadOf(a Angle) float64 { return [...]float64{l.ASD, l.ASA, l.ZSD, l.ZSA}[a] }

// fill sets the parameters from their standard Gaussian values (step 4). Spreads are
// capped at 104 degrees in azimuth and 52 in zenith.
func (l *LargeScale) fill(p *propagation, z *[numLSP]float64, shadowSigma, zsdMean float64) {
	power := func(i int, mean float64) float64 { return math.Pow(10, mean+p.sigma[i]*z[i]) }
	l.ShadowDB = shadowSigma * z[lspSF]
	l.KFactorDB = math.Inf(-1)
	if l.Condition == LOS {
		l.KFactorDB = p.mean[lspK] + p.sigma[lspK]*z[lspK]
	}
	l.DelaySpreadS = power(lspDS, p.mean[lspDS])
	l.ASD = radians(min(power(lspASD, p.mean[lspASD]), 104))
	l.ASA = radians(min(power(lspASA, p.mean[lspASA]), 104))
	l.ZSD = radians(min(power(lspZSD, zsdMean), 52))
	l.ZSA = radians(min(power(lspZSA, p.mean[lspZSA]), 52))
	l.zodSpread = radians(3.0 / 8 * math.Pow(10, zsdMean))
}
