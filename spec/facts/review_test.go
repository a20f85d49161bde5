package facts

import (
	"encoding/csv"
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/comlam/comlam/internal/testdata"
)

// TestChannelModelAgrees compares the table of channel models with TR 38.901 restated by
// others: number of clusters, delay scaling, cross-polarisation, shadow fading.
func TestChannelModelAgrees(t *testing.T) {
	dir := testdata.Dir(t, "3gpp_tr_library/TR-38.901/v19.4.0/07-channel-models/tables")
	c := load(t)
	scenarios := map[string]string{"UMi": "UMi - Street Canyon", "UMa": "UMa", "RMa": "RMa", "indoor office": "Indoor-Office", "indoor factory": "InF"}
	columns := map[string]string{"cluster-count": "number_of_clusters", "delay-scaling": "delay_scaling_parameter_r_tau", "cross-polar": "mu_XPR"}
	fading := map[string]string{"UMi": "UMi-StreetCanyon", "indoor office": "InH-Office", "indoor factory": "InF"}
	fast, loss := rowsOf(t, filepath.Join(dir, "table-7.5-6.csv")), rowsOf(t, filepath.Join(dir, "table-7.4.1-1.csv"))
	compared := 0
	for _, f := range c.Facts {
		at := strings.LastIndex(f.Subject, " ")
		if f.Table != "channelmodel" || at < 0 {
			continue
		}
		scenario, condition := f.Subject[:at], f.Subject[at+1:]
		rows, name, column := fast, scenarios[scenario], columns[f.Relation]
		if f.Relation == "shadow-fading" {
			rows, column, name = loss, "shadow_fading_std_db", scenario
			if other := fading[scenario]; other != "" {
				name = other
			}
		}
		for _, row := range rows {
			if column == "" || row["scenario"] != name || row["condition"] != condition || row["variant"] != "" {
				continue
			}
			want, err := strconv.ParseFloat(row[column], 64)
			if got, _ := f.Number(); err == nil && got != want {
				t.Errorf("%s: %v, there %v", f.ID, got, want)
			}
			compared++
		}
	}
	if compared < 40 {
		t.Errorf("%d values were compared", compared)
	}
}

func rowsOf(t *testing.T, file string) []map[string]string {
	t.Helper()
	r, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	lines, err := csv.NewReader(r).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var rows []map[string]string
	for _, line := range lines[1:] {
		row := map[string]string{}
		for i, name := range lines[0] {
			row[name] = line[i]
		}
		rows = append(rows, row)
	}
	return rows
}

// TestCDLAgrees compares the cluster parameters of the CDL models with those of a
// published simulator.
func TestCDLAgrees(t *testing.T) {
	dir := testdata.Dir(t, "sionna_vectors/src/sionna/phy/channel/tr38901/models")
	c := load(t)
	for relation, key := range map[string]string{"cdl-clusters": "num_clusters", "cdl-asd": "cASD", "cdl-asa": "cASA", "cdl-xpr": "xpr"} {
		for _, f := range c.Of(relation) {
			text, err := os.ReadFile(filepath.Join(dir, f.Subject+".json"))
			if err != nil {
				t.Fatal(err)
			}
			var model map[string]any
			if err := json.Unmarshal(text, &model); err != nil {
				t.Fatal(err)
			}
			if got, _ := f.Number(); got != model[key] {
				t.Errorf("%s: %v, there %v", f.ID, got, model[key])
			}
		}
	}
}

// TestAbbreviationsAgree compares expansions with the answers of TeleQnA to the same
// question. Three of its answers differ for reasons that are named.
func TestAbbreviationsAgree(t *testing.T) {
	dir := testdata.Dir(t, "teleqna")
	text, err := os.ReadFile(filepath.Join(dir, "TeleQnA.json"))
	if err != nil {
		t.Fatal(err)
	}
	var questions map[string]map[string]string
	if err := json.Unmarshal(text, &questions); err != nil {
		t.Fatal(err)
	}
	known := map[string]string{
		"HARQ": "its older reading, automatic retransmit query",
		"PDR":  "packet delivery ratio, in another context",
		"AMF":  "the shorter name",
	}
	asked := map[string]string{} // abbreviation: answer
	for _, q := range questions {
		short, ok := strings.CutPrefix(strings.ToLower(q["question"]), "what does ")
		if short, _, found := strings.Cut(short, " stand for"); ok && found {
			_, asked[short], _ = strings.Cut(q["answer"], ": ")
		}
	}
	compared := 0
	for _, f := range load(t).Of("expansion") {
		if answer, ok := asked[strings.ToLower(f.Subject)]; ok {
			compared++
			if known[f.Subject] == "" && letters(answer) != letters(f.Value) {
				t.Errorf("%s: %q, there %q", f.Subject, f.Value, answer)
			}
		}
	}
	if compared < 5 {
		t.Errorf("%d abbreviations were compared", compared)
	}
	t.Logf("%d abbreviations were compared", compared)
}

// letters drops spaces, hyphens and case and spells the British way.
func letters(s string) string {
	s = strings.NewReplacer(" ", "", "-", "", "synchronization", "synchronisation").Replace(strings.ToLower(s))
	return s
}
