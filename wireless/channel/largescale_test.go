package channel

import (
	"encoding/csv"
	"encoding/json"
	"flag"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/comlam/comlam/internal/testdata"
	"github.com/comlam/comlam/metric"
)

// everyColumn calls do for the scenarios and conditions of table 7.5-6.
func everyColumn(t *testing.T, do func(m *System, c Condition, p *propagation)) {
	t.Helper()
	for _, s := range []Scenario{UMi, UMa, RMa, InHOpen, InFSH} {
		m := newSystem(t, SystemConfig{Scenario: s, CarrierHz: 10e9})
		for c := LOS; c < numConditions; c++ {
			if m.propagation[c] != nil {
				do(m, c, m.propagation[c])
			}
		}
	}
}

// The tables against Sionna's copies, all values of UMi, UMa and RMa at 28 GHz.
func TestLargeScaleTablesEqualSionna(t *testing.T) {
	dir := filepath.Join(testdata.Dir(t, "sionna_vectors"), "src/sionna/phy/channel/tr38901/models")
	files := map[Scenario]string{UMi: "UMi", UMa: "UMa", RMa: "RMa"}
	for s, name := range files {
		m := newSystem(t, SystemConfig{Scenario: s, CarrierHz: 28e9})
		for c, suffix := range map[Condition]string{LOS: "LoS", NLOS: "NLoS", O2I: "O2I"} {
			text, err := os.ReadFile(filepath.Join(dir, name+"_"+suffix+".json"))
			if err != nil {
				t.Error(err)
				continue
			}
			var want map[string]float64
			if err := json.Unmarshal(text, &want); err != nil {
				t.Fatal(err)
			}
			compareWithSionna(t, name+" "+suffix, want, m.propagation[c], m, c)
		}
	}
}

func compareWithSionna(t *testing.T, name string, want map[string]float64, p *propagation, m *System, c Condition) {
	t.Helper()
	check := func(key string, got, want float64) {
		if math.Abs(got-want) > 1e-12*max(1, math.Abs(want)) {
			t.Errorf("%s %s = %g, want %g", name, key, got, want)
		}
	}
	for _, i := range []int{lspDS, lspASD, lspASA, lspZSA} {
		for prefix, got := range map[string]float64{"mu": p.mean[i], "sigma": p.sigma[i]} {
			key := prefix + lspNames[i]
			check(key, got, want[key+"c"]+want[key+"a"]*math.Log10(want[key+"b"]+28))
		}
	}
	for key, got := range map[string]float64{
		"muK": p.mean[lspK], "sigmaK": p.sigma[lspK], "sigmaZSD": p.sigma[lspZSD],
		"muXPR": p.xprMean, "sigmaXPR": p.xprSigma, "numClusters": float64(p.numClusters), "rTau": p.rTau, "zeta": p.zetaDB,
		"cASD": p.spread[AOD] * 180 / math.Pi, "cASA": p.spread[AOA] * 180 / math.Pi, "cZSA": p.spread[ZOA] * 180 / math.Pi,
		"CPhiNLoS": p.azimuthC, "CThetaNLoS": p.zenithC,
	} {
		check(key, got, want[key])
	}
	check("cDS", p.clusterDelayS*1e9, max(want["cDSa"], want["cDSb"]-want["cDSc"]*math.Log10(28)))
	near := "sigmaSF"
	if m.config.Scenario == RMa && c == LOS {
		near = "sigmaSF1"
		check("sigmaSF2", m.pathLoss.sigmaFar, want["sigmaSF2"])
	}
	check(near, m.pathLoss.sigma[c], want[near])
	table, _ := release17()
	dcorr, cross := correlations(table, m.config.Scenario.family()+" "+c.String(), &reading{})
	for i, a := range lspNames {
		if i != lspK || c == LOS {
			check("corrDist"+a, dcorr[i], want["corrDist"+a])
		}
		for j, b := range lspNames {
			if v, ok := want["corr"+a+"vs"+b]; ok && i != j {
				check(a+" vs "+b, cross[i][j], v)
			}
		}
	}
}

// The tables against the library of v19.4.0, where a cell is not marked as changed
// after release 17 ("see note 8").
func TestLargeScaleTablesEqualLibrary(t *testing.T) {
	dir := filepath.Join(testdata.Dir(t, "3gpp_tr_library"), "TR-38.901/v19.4.0/07-channel-models/tables")
	f, err := os.Open(filepath.Join(dir, "table-7.5-6.csv"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	table, err := release17()
	if err != nil {
		t.Fatal(err)
	}
	families := map[string]string{"UMi - Street Canyon": "umi", "UMa": "uma", "RMa": "rma", "Indoor-Office": "inh", "InF": "inf"}
	renamed := map[string]string{
		"delay_scaling_parameter_r_tau": "r_tau", "number_of_clusters": "num_clusters", "cluster_ASD_deg": "c_ASD",
		"cluster_ASA_deg": "c_ASA", "cluster_ZSA_deg": "c_ZSA", "per_cluster_shadowing_std_zeta_db": "zeta",
	}
	compared := 0
	for _, line := range lines[1:] {
		family, ok := families[line[0]]
		if !ok {
			continue
		}
		for i, cell := range line {
			row := strings.TrimSuffix(strings.Replace(lines[0][i], "corr_distance_", "dcorr_", 1), "_m")
			if name, ok := renamed[row]; ok {
				row = name
			}
			ours, ok := table.lsp.cells[[2]string{row, family + " " + line[1]}]
			if !ok || strings.Contains(cell, "note") || row == "c_DS" {
				continue
			}
			compared++
			if !sameCell(t, ours, cell) {
				t.Errorf("%s %s %s = %q, want %q", line[0], line[1], row, ours, cell)
			}
		}
	}
	if compared < 500 {
		t.Errorf("only %d cells compared", compared)
	}
}

// sameCell compares a formula of ours with one as "0.10 log10(1+fc) + 0.055", by values.
func sameCell(t *testing.T, ours, theirs string) bool {
	t.Helper()
	theirs = strings.NewReplacer("–", "-", "*", "", " ", "", "(V/S)", "V/S").Replace(theirs)
	if theirs == "N/A" {
		return ours == ""
	}
	if v, err := strconv.ParseFloat(theirs, 64); err == nil {
		f, err := parseFormula(ours)
		return err == nil && f.slope == 0 && f.constant == v
	}
	slope, rest, _ := strings.Cut(theirs, "log10(")
	argument, constant, _ := strings.Cut(rest, ")")
	if slope == "" {
		slope = "1"
	}
	a, errA := strconv.ParseFloat(slope, 64)
	b, errB := strconv.ParseFloat(constant, 64)
	if errA != nil || errB != nil {
		t.Fatalf("cell %q is not understood", theirs)
	}
	return ours == strconv.FormatFloat(b, 'g', -1, 64)+signed(a)+" lg("+argument+")"
}

func signed(v float64) string {
	text := strconv.FormatFloat(v, 'g', -1, 64)
	if v >= 0 {
		return "+" + text
	}
	return text
}

// scores are the seven parameters of a link as standard Gaussian numbers.
func scores(d *Drop, site int, c Condition, x, y float64) (z [numLSP]float64) {
	f := &d.fieldsOf(site).parameters[c]
	f.phasesAt(x, y, &d.phases)
	for i := range z {
		z[i] = f.value(i, &d.phases)
	}
	return z
}

// drawAt draws the parameters of one environment at a place.
func drawAt(d *Drop, seed uint64, c Condition, x, y float64) [numLSP]float64 {
	d.Reset(seed)
	l := LargeScale{Condition: c}
	d.drawParameters(&l, d.fieldsOf(0), x, y, span{50, 10, 1.5})
	return scores(d, 0, c, x, y)
}

var draws = flag.Int("draws", 10000, "environments in the test of parameters' distributions")

// Each parameter is Gaussian, and they correlate as in the table, over environments.
func TestParameterDistribution(t *testing.T) {
	num := *draws
	for _, c := range []struct {
		scenario  Scenario
		condition Condition
	}{{UMa, LOS}, {UMi, O2I}, {InHOpen, LOS}, {RMa, NLOS}} {
		column := c.scenario.family() + " " + c.condition.String()
		t.Run(column, func(t *testing.T) {
			parameterDistribution(t, newSystem(t, SystemConfig{Scenario: c.scenario}).NewDrop(0), c.condition, column, num)
		})
	}
}

func parameterDistribution(t *testing.T, d *Drop, c Condition, column string, num int) {
	all := [numLSP][]float64{}
	var product lspMatrix
	for seed := range num {
		z := drawAt(d, uint64(seed), c, 120, -40)
		for i := range z {
			all[i] = append(all[i], z[i])
			for j := range z {
				product[i][j] += z[i] * z[j] / float64(num)
			}
		}
	}
	table, _ := release17()
	_, cross := correlations(table, column, &reading{})
	worstKS, worst := 0.0, 0.0
	for i := range numLSP {
		ks := kolmogorov(t, all[i], uniformOf)
		if ks > max(1e-2, 1.95/math.Sqrt(float64(num))) {
			t.Errorf("%s is %g from Gaussian", lspNames[i], ks)
		}
		worstKS = max(worstKS, ks)
		for j := range i {
			miss := math.Abs(product[i][j] - cross[i][j])
			if miss > tolerance+3.5/math.Sqrt(float64(num)) { // 3e-2 at 500,000
				t.Errorf("%s and %s correlate as %.3f, want %g", lspNames[i], lspNames[j], product[i][j], cross[i][j])
			}
			worst = max(worst, miss)
		}
	}
	t.Logf("%d draws: D at most %.5f, cross-correlations off by %.4f at most", num, worstKS, worst)
}

// kolmogorov is the distance between a sample and a distribution function.
func kolmogorov(t *testing.T, sample []float64, cdf func(float64) float64) float64 {
	t.Helper()
	d, err := metric.KS(sample, cdf)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// Over distance each parameter decays as exp(-d/dcorr), with its own dcorr, also where
// it is correlated with others of other ranges.
func TestSpatialCorrelation(t *testing.T) {
	const num = 8000
	table, _ := release17()
	for _, c := range []struct {
		scenario  Scenario
		condition Condition
	}{{UMa, LOS}, {UMi, O2I}} {
		dcorr, _ := correlations(table, c.scenario.family()+" "+c.condition.String(), &reading{})
		d := newSystem(t, SystemConfig{Scenario: c.scenario}).NewDrop(0)
		away := []float64{2, 10, 25, 60}
		sum := make([][numLSP]float64, len(away))
		for seed := range num {
			here := drawAt(d, uint64(seed), c.condition, 80, 30)
			for k, far := range away {
				there := scores(d, 0, c.condition, 80+0.6*far, 30-0.8*far)
				for i := range here {
					sum[k][i] += here[i] * there[i] / num
				}
			}
		}
		for k, far := range away {
			for i := range numLSP {
				if want := math.Exp(-far / dcorr[i]); math.Abs(sum[k][i]-want) > 3e-2 {
					t.Errorf("%s %v: %s over %g m correlates as %.3f, want %.3f", c.scenario, c.condition, lspNames[i], far, sum[k][i], want)
				}
			}
		}
	}
}

// How far the amplitudes' correlations had to give way, for every column.
func TestCorrelationsStayNearTheirTables(t *testing.T) {
	table, _ := release17()
	everyColumn(t, func(m *System, c Condition, p *propagation) {
		dcorr, cross := correlations(table, m.config.Scenario.family()+" "+c.String(), &reading{})
		for i := range numLSP {
			for j := range numLSP {
				got := 0.0
				for k := range numLSP {
					got += p.shape.factor[i][k] * p.shape.factor[j][k]
				}
				got *= spectralOverlap(dcorr[i] / dcorr[j])
				if math.Abs(got-cross[i][j]) > tolerance+1e-9 {
					t.Errorf("%s %v: %s and %s correlate as %.4f, want %g", m.config.Scenario, c, lspNames[i], lspNames[j], got, cross[i][j])
				}
			}
		}
	})
}

func TestSpectralOverlap(t *testing.T) {
	if got := spectralOverlap(1); math.Abs(got-1) > 1e-9 {
		t.Errorf("overlap of equal ranges %.12f, want 1", got)
	}
	// By adaptive quadrature of another program (scipy 1.16, quad).
	if a, b := spectralOverlap(4), spectralOverlap(0.25); math.Abs(a-0.83431) > 1e-4 || math.Abs(a-b) > 1e-9 {
		t.Errorf("overlap of ranges 1 and 4: %.6f and %.6f, want 0.83431", a, b)
	}
}

// Means and spreads of what LargeScale returns, and its caps.
func TestLargeScaleValues(t *testing.T) {
	m := newSystem(t, SystemConfig{Scenario: UMi, CarrierHz: 3.5e9})
	d := m.NewDrop(0)
	var lg, k []float64
	for seed := range uint64(6000) {
		d.Reset(seed)
		l := largeScale(t, d, BS{At: Point{0, 0, 10}}, UE{At: Point{15, 0, 1.5}})
		if !l.LOS || l.Condition != LOS {
			t.Fatal("no line of sight at 15 m")
		}
		lg, k = append(lg, math.Log10(l.DelaySpreadS)), append(k, l.KFactorDB)
		const deg = math.Pi / 180
		if l.ASD > 104*deg || l.ASA > 104*deg || l.ZSD > 52*deg || l.ZSA > 52*deg {
			t.Fatal("a spread is beyond its cap")
		}
	}
	if ks := kolmogorov(t, lg, func(x float64) float64 { return uniformOf((x + 7.14 + 0.24*math.Log10(4.5)) / 0.38) }); ks > 0.0245 {
		t.Errorf("lg DS is %g from its distribution", ks)
	}
	if ks := kolmogorov(t, k, func(x float64) float64 { return uniformOf((x - 9) / 5) }); ks > 0.0245 {
		t.Errorf("K is %g from its distribution", ks)
	}
}

func TestZenithOfDeparture(t *testing.T) {
	const deg = math.Pi / 180
	for _, c := range []struct {
		scenario     Scenario
		los          bool
		g            span
		fc           float64
		mean, offset float64
	}{
		{UMi, true, span{50, 10, 1.5}, 6, -14.8*0.05 + 0.085 + 0.83, 0},
		{UMi, false, span{100, 10, 1.5}, 6, -0.31 + 0.2, -math.Pow(10, 0.3) * deg},
		{UMa, false, span{100, 25, 1.5}, 10, -0.21 + 0.9, (1.7 - math.Pow(10, 2*(0.208-0.782)+1.9)) * deg},
		{RMa, true, span{1000, 35, 1.5}, 2, 0.05, 0},
		{RMa, false, span{1000, 35, 1.5}, 2, 0.09, math.Atan(31.5/1000) - math.Atan(33.5/1000)},
		{InHOpen, true, span{10, 3, 1}, 9, 2.228 - 1.43, 0},
		{InFSL, false, span{10, 3, 1}, 9, 1.2, 0},
	} {
		mean, offset := zenithOfDeparture(c.scenario, c.los, c.g, c.fc)
		if math.Abs(mean-c.mean) > 1e-9 || math.Abs(offset-c.offset) > 1e-9 {
			t.Errorf("%s %v: %g, %g, want %g, %g", c.scenario, c.los, mean, offset, c.mean, c.offset)
		}
	}
}
