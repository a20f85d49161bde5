package facts

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// TestFactsAreMany: more than 600 facts, and no table, of ours or of the standards, has more
// than 15 % of them, whether or not facts that follow from others count.
func TestFactsAreMany(t *testing.T) {
	c := load(t)
	for _, derived := range []bool{false, true} {
		total, tables, clauses := 0, map[string]int{}, map[string]int{}
		for _, f := range c.Facts {
			if f.From != "" && !derived {
				continue
			}
			total++
			tables[f.Table]++
			clauses[f.Clause]++
		}
		if total < 600 {
			t.Errorf("%d facts, want 600", total)
		}
		for _, counts := range []map[string]int{tables, clauses} {
			for name, n := range counts {
				if float64(n) > 0.15*float64(total) {
					t.Errorf("%s has %d of %d facts", name, n, total)
				}
			}
		}
		t.Logf("%d facts in %d tables of ours and %d of the standards", total, len(tables), len(clauses))
	}
}

// TestOneRightAnswer: identifiers, and what a reader sees of relation and subject, name
// one fact each, and no two values of a relation are the same in another order.
func TestOneRightAnswer(t *testing.T) {
	c := load(t)
	asked, values := map[string]string{}, map[string]string{}
	for _, f := range c.Facts {
		for _, q := range f.rel.questions(Test)[:1] {
			text := strings.ToLower(q.fill(f))
			if asked[text] != "" {
				t.Errorf("%s and %s are asked alike: %s", f.ID, asked[text], text)
			}
			asked[text] = f.ID
		}
		parts := strings.Split(strings.ToLower(f.Text()), " and ")
		slices.Sort(parts)
		key := f.Relation + ":" + strings.Join(parts, " and ")
		if values[key] != "" && values[key] != f.Text() {
			t.Errorf("%s: %q and %q are one value written twice", f.Relation, f.Text(), values[key])
		}
		values[key] = f.Text()
	}
}

// TestGolden compares a few facts of each table with what the standards print, so that
// a slip of columns does not pass.
func TestGolden(t *testing.T) {
	c := load(t)
	for id, want := range map[string]string{
		"band-uplink/n1": "1920-1980 MHz", "band-downlink/n71": "617-652 MHz", "band-range/n78": "3300-3800 MHz", "band-range/n257": "26500-29500 MHz",
		"band-duplex/n75": "SDL", "band-duplex/n84": "SUL", "resource-blocks/100 MHz at 30 kHz in FR1": "273", "guard-band/100 MHz at 30 kHz in FR1": "845 kHz",
		"resource-blocks/200 MHz at 60 kHz in FR2": "264", "qos-delay/82": "10 ms", "qos-error/1": "1e-2", "qos-priority/5": "10", "qos-burst/86": "1354 bytes",
		"qos-resource/69": "Non-GBR", "rnti-value/SI-RNTI": "FFFF", "rnti-usage/INT-RNTI": "notice of preempted downlink resources", "dci-usage/1_1": "scheduling of PDSCH",
		"dci-rnti/2_4": "CI-RNTI", "rrc-timer-start/T319": "RRCResumeRequest is sent", "nas-timer-value/T3512": "54 min", "nas-timer-message/T3550": "REGISTRATION ACCEPT",
		"layer-function/error correction through ARQ": "RLC", "spec-topic/the SDAP protocol": "TS 37.324", "nf-role/network analytics": "NWDAF",
		"interface-ends/N4": "SMF and UPF", "interface-protocol/N4": "PFCP", "transport-port/NGAP": "38412/SCTP", "size-bits/an NR cell identity": "36 bits", "slice-type/2": "URLLC",
		"ssb-spacing/E": "240 kHz", "count/physical cell identities of NR": "1008", "prach-prefix/B4": "936 kappa 2^-mu", "prach-shift/7 at 1.25 kHz": "38",
		"prach-blocks/5 kHz preambles with 15 kHz PUSCH": "24", "crc-polynomial/CRC24A": "0x864CFB", "antenna-port/CSI-RS": "3000", "pdcch-candidates/1": "36",
		"rbg-size/73 to 144 resource blocks in configuration 2": "16", "bsr-bytes/20": "5446 bytes", "backoff/13": "1920 ms", "lcid-down/61": "timing advance command",
		"lcid-up/57": "single entry PHR", "event/A3": "neighbour becomes an offset better than the SpCell", "sib/SIB19": "satellite assistance information", "message-srb/RRCResume": "SRB1",
		"key-parent/K_gNB": "K_AMF", "oran-ends/E2": "Near-RT RIC and E2 node", "cluster-count/UMa NLOS": "20", "cdl-asa/CDL-B": "22 degrees", "expansion/DRX": "discontinuous reception",
		"subcarrier-spacing/3": "120 kHz", "slots-per-frame/2": "40", "slot-duration/1": "0.5 ms", "mcs-rate/MCS 13 of table 1": "490", "mcs-rate/MCS 20 of table 2": "682.5",
		"mcs-modulation/MCS 27 of table 2": "256QAM", "cqi-rate/CQI 15 of table 3": "772", "cqi-modulation/CQI 12 of table 2": "256QAM", "tbs-size/93": "3824 bits",
		"letter/P in PRB": "physical",
	} {
		f, ok := c.ByID(id)
		if !ok || f.Text() != want {
			t.Errorf("%s: got %+v, want %q", id, f, want)
		}
	}
	seen := map[string]bool{}
	for _, f := range c.Facts {
		seen[f.Table] = true
	}
	if got := slices.Sorted(maps.Keys(seen)); !slices.Equal(got, slices.Sorted(slices.Values(c.Tables()))) {
		t.Errorf("tables %q, listed %q", got, c.Tables())
	}
}

// goodTree is a small collection.
func goodTree() fstest.MapFS {
	const phrases = `
size:
  subject: "{}"
  noun: size
  kind: number
  train:
  - the size of {s}
  - the length of {s}
  - the bits in {s}
  valid:
  - the width of {s}
  test:
  - the room for {s}
  - the extent of {s}
  say: ["{s} has {v}.", "{v} make {s}."]
`
	return fstest.MapFS{
		"a.yaml": {Data: []byte(phrases)},
		"a.tsv":  {Data: []byte(header + "\nsize\tx\t8\tbits\tTS 38.211 clause 4.1\t15\n")},
	}
}

func TestParseMistakes(t *testing.T) {
	if _, err := Parse(goodTree(), nil); err != nil {
		t.Fatal(err)
	}
	line := "size\tx\t8\tbits\tTS 38.211 clause 4.1\t15"
	for _, c := range []struct{ file, old, new, want string }{
		{"a.tsv", header, "relation", "a.tsv:1: the first line"},
		{"a.tsv", "\t15", "", "a.tsv:2: 5 cells"},
		{"a.tsv", line, line + "\n" + line, "a.tsv:3: \"size/x\" is said twice"},
		{"a.tsv", "size", "weight", "a.tsv:2: there is no relation \"weight\""},
		{"a.tsv", "\t8\t", "\teight\t", "\"eight\" is no number"},
		{"a.tsv", "\t8\t", "\t 8\t", "space around it"},
		{"a.tsv", "\t8\t", "\t\t", "subject or value is empty"},
		{"a.tsv", "clause 4.1", "somewhere", "clause \"TS 38.211 somewhere\""},
		{"a.tsv", "\t15", "\tlate", "release \"late\""},
		{"a.tsv", "\t15", "\t-", "release \"-\""},
		{"a.yaml", "kind: number", "kind: vague", "kind \"vague\""},
		{"a.yaml", "kind: number", "sort: number", "field sort not found"},
		{"a.yaml", "the width of {s}", "a width of {s}", "\"a width of {s}\" is not of the form"},
		{"a.yaml", "  - the length of {s}\n", "", "3 or more phrases for train"},
		{"a.yaml", "{v} make {s}.", "{v} make it.", "statement \"{v} make it.\""},
		{"a.yaml", "noun: size", "noun: ''", "no noun"},
		{"a.yaml", `subject: "{}"`, `subject: x`, "has not one {}"},
		{"a.yaml", "size:", "Size:", "lower-case words"},
		{"a.yaml", "size:", "size: &a\nheight: *a\nweight:", "a.yaml: line"},
	} {
		tree := goodTree()
		text := strings.Replace(string(tree[c.file].Data), c.old, c.new, 1)
		if text == string(tree[c.file].Data) {
			t.Errorf("%q is not in %s", c.old, c.file)
		}
		tree[c.file] = &fstest.MapFile{Data: []byte(text)}
		if _, err := Parse(tree, nil); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q for %q in %s: %v, want %q", c.new, c.old, c.file, err, c.want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for name, file := range goodTree() {
		f.Add(string(file.Data), name == "a.tsv")
	}
	f.Add("", false)
	f.Add("[]", false)
	f.Add("a: *a", false)
	f.Fuzz(func(t *testing.T, text string, isTable bool) {
		tree := goodTree()
		name := map[bool]string{false: "a.yaml", true: "a.tsv"}[isTable]
		tree[name] = &fstest.MapFile{Data: []byte(text)}
		c, err := Parse(tree, nil)
		if err != nil {
			return
		}
		if _, err := c.Generator(Default()); err != nil {
			t.Errorf("a collection that was read cannot be used: %v", err)
		}
	})
}
