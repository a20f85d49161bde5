package channel

import (
	"encoding/json"
	"math"
	"math/cmplx"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/comlam/comlam/internal/testdata"
)

// The tables must equal the copy that Sionna carries, to the last digit.
func TestTablesEqualSionna(t *testing.T) {
	dir := filepath.Join(testdata.Dir(t, "sionna_vectors"), "src/sionna/phy/channel/tr38901/models")
	for i := range profiles {
		p := &profiles[i]
		text, err := os.ReadFile(filepath.Join(dir, strings.ToUpper(p.Name)+".json"))
		if err != nil {
			t.Error(err)
			continue
		}
		var want struct {
			LOS                         int   `json:"los"`
			NumClusters                 int   `json:"num_clusters"`
			ScaleDelays                 *bool `json:"scale_delays"`
			Delays, Powers              []float64
			AOD, AOA, ZOD, ZOA          []float64
			CASD, CASA, CZSD, CZSA, XPR float64
		}
		if err := json.Unmarshal(text, &want); err != nil {
			t.Fatalf("%s: %v", p.Name, err)
		}
		if (want.LOS == 1) != p.LOS || want.NumClusters != p.NumTaps() {
			t.Errorf("%s: LOS %v, %d taps; want %d, %d", p.Name, p.LOS, p.NumTaps(), want.LOS, want.NumClusters)
		}
		if want.ScaleDelays != nil && *want.ScaleDelays == p.Fixed {
			t.Errorf("%s: fixed delays %v", p.Name, p.Fixed)
		}
		for name, pair := range map[string][2][]float64{
			"delays": {p.Delay, want.Delays}, "powers": {p.PowerDB, want.Powers},
			"aod": {p.AODDeg, want.AOD}, "aoa": {p.AOADeg, want.AOA},
			"zod": {p.ZODDeg, want.ZOD}, "zoa": {p.ZOADeg, want.ZOA},
			"spreads": {
				{p.SpreadAODDeg, p.SpreadAOADeg, p.SpreadZODDeg, p.SpreadZOADeg, p.XPRdB},
				{want.CASD, want.CASA, want.CZSD, want.CZSA, want.XPR},
			},
		} {
			if !slices.Equal(pair[0], pair[1]) {
				t.Errorf("%s %s = %v, want %v", p.Name, name, pair[0], pair[1])
			}
		}
	}
}

// Twelve rows of CDL and TDL of the same letter agree but for one delay.
func TestLastDelayOfE(t *testing.T) {
	cdl, tdl := lookup(t, "cdl-e"), lookup(t, "tdl-e")
	last := len(cdl.Delay) - 1
	if cdl.Delay[last] != 20.6419 || tdl.Delay[last] != 20.6519 {
		t.Errorf("last delays %g and %g, want 20.6419 (CDL-E) and 20.6519 (TDL-E)", cdl.Delay[last], tdl.Delay[last])
	}
	for _, letter := range "abcde" {
		c, d := lookup(t, "cdl-"+string(letter)), lookup(t, "tdl-"+string(letter))
		n := len(c.Delay)
		if letter == 'e' {
			n--
		}
		if !slices.Equal(c.Delay[:n], d.Delay[:n]) || !slices.Equal(c.PowerDB, d.PowerDB) {
			t.Errorf("CDL-%c and TDL-%c differ", letter, letter)
		}
	}
}

// Closed-form quantities of the profiles at a delay spread of 100 ns, computed
// independently in double precision, to their printed digits.
func TestProfileOracles(t *testing.T) {
	for _, c := range []struct {
		name     string
		spread   float64    // RMS delay spread over the desired one
		at360kHz complex128 // frequency correlation
		at1MHz   float64    // its magnitude
		sumDB    float64    // of the table's powers
	}{
		{"tdl-a", 1.00006, complex(0.95680, -0.18995), 0.85547, 5.4004},
		{"tdl-b", 0.99999, complex(0.96114, -0.16503), 0.84585, 8.5083},
		{"tdl-c", 1.00000, complex(0.96466, -0.15312), 0.90247, 7.6897},
		{"tdl-d", 0.99372, complex(0.98198, -0.02512), 0.97101, 0.3167},
		{"tdl-e", 1.00024, complex(0.98681, -0.02979), 0.95420, 0.4555},
		{"cdl-e", 1.00002, complex(0.98681, -0.02979), 0.95420, 0.4555},
	} {
		p := lookup(t, c.name)
		d := p.PDP(100e-9)
		near(t, c.name+" RMS delay spread", d.RMSDelaySpreadS()/100e-9, c.spread, 0.6e-5)
		r := d.FrequencyCorrelation(360e3)
		near(t, c.name+" Re R(360 kHz)", real(r), real(c.at360kHz), 0.6e-5)
		near(t, c.name+" Im R(360 kHz)", imag(r), imag(c.at360kHz), 0.6e-5)
		near(t, c.name+" |R(1 MHz)|", cmplx.Abs(d.FrequencyCorrelation(1e6)), c.at1MHz, 0.6e-5)
		sum := 0.0
		for _, db := range p.PowerDB {
			sum += math.Pow(10, db/10)
		}
		near(t, c.name+" sum of powers", 10*math.Log10(sum), c.sumDB, 0.6e-4)
		total := d.LOSPower
		for _, power := range d.Power {
			total += power
		}
		near(t, c.name+" normalised power", total, 1, 1e-9)
	}
}

func TestSimplifiedProfilesAreWhatTheyAreCalled(t *testing.T) {
	for name, wantNS := range map[string]float64{"tdl-a30": 30, "tdl-b100": 100, "tdl-c300": 300} {
		p := lookup(t, name)
		// Delays are rounded to 5 ns, the spread keeps its name to 3 %.
		near(t, name, p.PDP(1).RMSDelaySpreadS()*1e9/wantNS, 1, 0.03)
		if p.PDP(1e-9).RMSDelaySpreadS() != p.PDP(1e-6).RMSDelaySpreadS() {
			t.Errorf("%s scales with the delay spread", name)
		}
	}
}

func TestDopplerOracles(t *testing.T) {
	f := DopplerHz(30/3.6, 3.5e9)
	near(t, "f_D at 30 km/h and 3.5 GHz", f, 97.2895, 0.6e-4)
	near(t, "J0 after 0.5 ms", JakesCorrelation(f, 0.5e-3), 0.976781, 0.6e-6)
	null := 2.404825557695773 / (2 * math.Pi * f)
	near(t, "first null in ms", null*1e3, 3.934, 0.6e-3)
	near(t, "J0 at the null", JakesCorrelation(f, null), 0, 1e-9)
}

func TestKFactorScaling(t *testing.T) {
	for _, name := range []string{"tdl-d", "tdl-e", "cdl-d", "cdl-e"} {
		p := lookup(t, name)
		for _, k := range []float64{-3, 7, 20} {
			q, err := p.WithKFactor(k)
			if err != nil {
				t.Fatal(err)
			}
			d := q.PDP(50e-9)
			fading := 0.0
			for _, power := range d.Power {
				fading += power
			}
			near(t, name+" K", 10*math.Log10(d.LOSPower/fading), k, 1e-9)
			near(t, name+" delay spread", d.RMSDelaySpreadS()/50e-9, 1, 1e-9)
			near(t, name+" ratio of fading powers", q.PowerDB[3]-q.PowerDB[1], p.PowerDB[3]-p.PowerDB[1], 1e-9)
			near(t, name+" ratio of delays", q.Delay[4]/q.Delay[3], p.Delay[4]/p.Delay[3], 1e-9)
		}
		if q, _ := p.WithKFactor(p.KFactorDB()); math.Abs(q.PowerDB[2]-p.PowerDB[2]) > 1e-9 {
			t.Errorf("%s: scaling to the K-factor it has moved a power to %g dB", name, q.PowerDB[2])
		}
	}
	// The first cluster alone has the K-factor that the tables' notes give.
	near(t, "K1 of D", lookup(t, "cdl-d").PowerDB[0]-lookup(t, "cdl-d").PowerDB[1], 13.3, 1e-9)
	near(t, "K1 of E", lookup(t, "cdl-e").PowerDB[0]-lookup(t, "cdl-e").PowerDB[1], 22.0, 1e-9)
}

// Equation 7.7-5, ray by ray.
func TestAngleScaling(t *testing.T) {
	p := lookup(t, "cdl-b")
	for a := AOD; a <= ZOA; a++ {
		modelSpread, modelMean := p.AngleSpread(a)
		const spread, mean = 0.15, 1.2
		q, err := p.WithAngles(a, spread, mean)
		if err != nil {
			t.Fatal(err)
		}
		before, after := p.rayAngles(a), q.rayAngles(a)
		for n := range before {
			for m := range before[n] {
				away := math.Remainder(before[n][m]-modelMean, 2*math.Pi)
				// A ray beyond the wrap of its cluster keeps to its cluster.
				cluster := math.Remainder(before[n][0]-modelMean, 2*math.Pi)
				if math.Abs(away-cluster) > math.Pi {
					away += math.Copysign(2*math.Pi, cluster)
				}
				near(t, "scaled ray", after[n][m], spread/modelSpread*away+mean, 1e-9)
			}
		}
		if other := (a + 1) % 4; q.rayAngles(other)[0] != p.rayAngles(other)[0] {
			t.Errorf("scaling angle %d moved angle %d", a, other)
		}
	}
}

// The offsets of a cluster have the RMS spread they stand for (table 7.5-3).
func TestRayOffsetsHaveUnitSpread(t *testing.T) {
	sum := 0.0
	for _, offset := range rayOffset {
		sum += offset * offset
	}
	near(t, "RMS offset", math.Sqrt(sum/float64(len(rayOffset))), 1, 1e-3)
}

func TestProfileErrorsHelp(t *testing.T) {
	_, err := Lookup("cdl-f")
	wantError(t, err, `"cdl-f"`, "cdl-e")
	_, err = lookup(t, "cdl-a").WithKFactor(3)
	wantError(t, err, `"cdl-a"`, "D or E")
	_, err = lookup(t, "cdl-d").WithKFactor(math.NaN())
	wantError(t, err, "NaN")
	_, err = lookup(t, "tdl-a").WithAngles(AOD, 1, 0)
	wantError(t, err, `"tdl-a"`, "CDL")
	_, err = lookup(t, "cdl-a").WithAngles(AOD, -1, 0)
	wantError(t, err, "-1")
}

func lookup(t testing.TB, name string) *Profile {
	t.Helper()
	p, err := Lookup(name)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func near(t testing.TB, what string, got, want, tolerance float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tolerance) {
		t.Errorf("%s = %.10g, want %.10g within %g", what, got, want, tolerance)
	}
}

func wantError(t testing.TB, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Errorf("no error, want one with %q", parts)
		return
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error %q does not say %q", err, part)
		}
	}
}
