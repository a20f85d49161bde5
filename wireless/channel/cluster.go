package channel

import (
	"math"
	"slices"

	"github.com/comlam/comlam/internal/rng"
)

// clusterVariables is the number of Gaussian variables of a cluster: of its delay, its
// shadowing, and the offsets of its four angles.
const clusterVariables = 6

// rayVariables is the number of Gaussian variables of a ray that is spatially
// consistent: of its XPR and its four phases.
const rayVariables = 5

// weakest is the power of a cluster that is kept, relative to the strongest: -25 dB.
const weakest = 0.0031622776601683795

// clusterSet holds the clusters of a link in the order of their delays, and what it
// takes to make them.
type clusterSet struct {
	delayS []float64
	power  []float64    // of equation 7.5-6
	angle  [4][]float64 // rad, by Angle
	origin []int        // number of a cluster before sorting: it names its variables
	strong [2]int       // the two strongest

	normal []float64 // [variable, origin]
	seen   []float64 // power as angles see it (7.5-8)
	late   []float64 // [origin] delay before sorting
}

func newClusterSet(most int) clusterSet {
	room := func() []float64 { return make([]float64, most) }
	return clusterSet{
		delayS: room(), power: room(), angle: [4][]float64{room(), room(), room(), room()},
		origin: make([]int, most), normal: make([]float64, clusterVariables*most), seen: room(), late: room(),
	}
}

// resize keeps the first num clusters.
func (c *clusterSet) resize(num int) {
	c.delayS, c.power, c.origin, c.seen = c.delayS[:num], c.power[:num], c.origin[:num], c.seen[:num]
	for a := range c.angle {
		c.angle[a] = c.angle[a][:num]
	}
}

// clusters makes the clusters of a link (clause 7.5 steps 5 to 7).
func (d *Drop) clusters(l *LargeScale) *clusterSet {
	c, p := &d.set, d.system.propagation[l.Condition]
	c.resize(p.numClusters)
	signs := d.clusterNormals(l, p)
	k := kFactor(l)
	c.makeDelays(l, p)
	c.makePowers(l, p, k)
	for a := AOD; a <= ZOA; a++ {
		c.makeAngles(a, l, p, signs[a])
	}
	if l.Condition == LOS {
		scale := delayScaling(l.KFactorDB)
		for n := range c.delayS {
			c.delayS[n] /= scale
		}
	}
	c.drop(l.Condition == LOS)
	c.findStrongest()
	return c
}

// kFactor is the linear K-factor, 0 without line of sight.
func kFactor(l *LargeScale) float64 {
	if l.Condition != LOS {
		return 0
	}
	return fromDB(l.KFactorDB)
}

// clusterNormals draws the variables of the clusters and the signs of their angles
// (a bit a cluster).
func (d *Drop) clusterNormals(l *LargeScale, p *propagation) (signs [4]uint64) {
	c, num := &d.set, clusterVariables*p.numClusters
	c.normal = c.normal[:num]
	if !d.system.config.SpatialConsistency {
		d.resetClusterStream(l, 0)
		for a := range signs {
			signs[a] = d.stream.Uint64()
		}
		for i := range c.normal {
			c.normal[i] = d.stream.Normal()
		}
		return signs
	}
	f := d.functions(&d.fieldsOf(l.BS.Site).clusters[l.Condition], clusterFieldStream, l.BS.Site, l.Condition, p.clusterCorrelation, num)
	f.phasesAt(l.UE.At.X-l.BS.At.X, l.UE.At.Y-l.BS.At.Y, &d.phases)
	for i := range c.normal {
		c.normal[i] = f.value(i, &d.phases)
	}
	d.resetClusterStream(l, 0)
	for a := range signs {
		signs[a] = d.stream.Uint64()
	}
	return signs
}

// resetClusterStream moves the stream to what is random about a cluster (from 1; 0
// stands for all) beside its fields. With spatial consistency signs and the coupling of
// rays are the same for all users of a site that share a condition.
func (d *Drop) resetClusterStream(l *LargeScale, cluster uint64) {
	who := l.UE.ID
	if d.system.config.SpatialConsistency {
		who = uint64(l.Condition)
	}
	d.stream.Reset(d.seed, systemDomain, clusterStream, uint64(l.BS.Site), who, cluster)
}

// makeDelays is step 5 without the scaling by K.
func (c *clusterSet) makeDelays(l *LargeScale, p *propagation) {
	least := math.Inf(1)
	c.late = c.late[:p.numClusters]
	for n := range c.late {
		c.origin[n] = n
		c.late[n] = -p.rTau * l.DelaySpreadS * math.Log(uniformOf(c.normal[n]))
		least = min(least, c.late[n])
	}
	slices.SortFunc(c.origin, func(a, b int) int {
		switch {
		case c.late[a] < c.late[b]:
			return -1
		case c.late[a] > c.late[b]:
			return 1
		}
		return a - b
	})
	for n, from := range c.origin {
		c.delayS[n] = c.late[from] - least
	}
}

// makePowers is step 6 up to the removal of weak clusters.
func (c *clusterSet) makePowers(l *LargeScale, p *propagation, k float64) {
	sum := 0.0
	slope := (p.rTau - 1) / (p.rTau * l.DelaySpreadS)
	for n, from := range c.origin {
		shadow := p.zetaDB * c.normal[p.numClusters+from]
		c.power[n] = math.Exp(-c.delayS[n]*slope - shadow*(math.Ln10/10))
		sum += c.power[n]
	}
	for n := range c.power {
		c.power[n] /= sum
		c.seen[n] = c.power[n] / (1 + k)
	}
	c.seen[0] += k / (1 + k)
}

// delayScaling is C_tau of equation 7.5-3.
func delayScaling(kDB float64) float64 {
	return 0.7705 - 0.0433*kDB + 0.0002*kDB*kDB + 0.000017*kDB*kDB*kDB
}

// makeAngles is step 7 for one kind of angle, up to the angles of clusters.
func (c *clusterSet) makeAngles(a Angle, l *LargeScale, p *propagation, signs uint64) {
	spread, center := l.spreadOf(a), l.Direction[a]
	zenith := a == ZOD || a == ZOA
	factor := angleScaling(zenith, l, p)
	switch {
	case a == ZOA && l.Condition == O2I:
		center = math.Pi / 2
	case a == ZOD && l.Condition != LOS:
		center += l.zodOffset
	}
	strongest := slices.Max(c.seen)
	offsets := c.normal[(2+int(a))*p.numClusters:]
	for n, from := range c.origin {
		below := -math.Log(c.seen[n] / strongest)
		away := spread * below / factor // Laplacian (7.5-14)
		if !zenith {
			away = 2 * spread / 1.4 * math.Sqrt(below) / factor // Gaussian (7.5-9)
		}
		if signs>>from&1 == 1 {
			away = -away
		}
		c.angle[a][n] = away + spread/7*offsets[from] + center
	}
	if l.Condition == LOS { // 7.5-12, 7.5-17: the first cluster is the line of sight
		shift := center - c.angle[a][0]
		for n := range c.angle[a] {
			c.angle[a][n] += shift
		}
	}
}

// angleScaling is C_phi of equation 7.5-10 or C_theta of 7.5-15.
func angleScaling(zenith bool, l *LargeScale, p *propagation) float64 {
	factor, k := p.azimuthC, l.KFactorDB
	if zenith {
		factor = p.zenithC
	}
	switch {
	case l.Condition != LOS:
		return factor
	case zenith:
		return factor * (1.3086 + 0.0339*k - 0.0077*k*k + 0.0002*k*k*k)
	default:
		return factor * (1.1035 - 0.028*k - 0.002*k*k + 0.0001*k*k*k)
	}
}

// drop removes clusters that are more than 25 dB below the strongest; the first one
// stays where it carries the line of sight. Powers are not scaled again.
func (c *clusterSet) drop(keepFirst bool) {
	least, kept := weakest*slices.Max(c.power), 0
	for n, power := range c.power {
		if power < least && !(n == 0 && keepFirst) {
			continue
		}
		c.delayS[kept], c.power[kept], c.origin[kept] = c.delayS[n], power, c.origin[n]
		for a := range c.angle {
			c.angle[a][kept] = c.angle[a][n]
		}
		kept++
	}
	c.resize(kept)
}

// findStrongest notes the two strongest clusters; the second is -1 if there is one only.
func (c *clusterSet) findStrongest() {
	c.strong = [2]int{0, -1}
	for n := 1; n < len(c.power); n++ {
		switch {
		case c.power[n] > c.power[c.strong[0]]:
			c.strong = [2]int{n, c.strong[0]}
		case c.strong[1] < 0 || c.power[n] > c.power[c.strong[1]]:
			c.strong[1] = n
		}
	}
}

// part is a sub-cluster of table 7.5-5: some rays of a cluster with a delay of their
// own, in units of the cluster delay spread.
type part struct {
	rays  []int
	delay float64
}

var (
	wholeCluster = []part{{rays: []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19}}}
	subClusters  = []part{
		{rays: []int{0, 1, 2, 3, 4, 5, 6, 7, 18, 19}},
		{rays: []int{8, 9, 10, 11, 16, 17}, delay: 1.28},
		{rays: []int{12, 13, 14, 15}, delay: 2.56},
	}
)

func (c *clusterSet) parts(n int) []part {
	if n == c.strong[0] || n == c.strong[1] {
		return subClusters
	}
	return wholeCluster
}

func (c *clusterSet) numTaps() int {
	num := len(c.power) + len(subClusters) - 1
	if c.strong[1] >= 0 {
		num += len(subClusters) - 1
	}
	return num
}

// offsetOf is alpha_m of table 7.5-3 for a spread of one.
func offsetOf(ray int) float64 {
	if ray%2 == 1 {
		return -rayOffset[ray/2]
	}
	return rayOffset[ray/2]
}

// coupling draws which rays go together (step 8): three kinds of angles are permuted
// against the fourth within a part.
func (w *rayScratch) coupling(s *rng.Stream, num int) {
	s.PermInto(w.aoa[:num])
	s.PermInto(w.zod[:num])
	s.PermInto(w.zoa[:num])
}
