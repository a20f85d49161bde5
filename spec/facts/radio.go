package facts

import (
	"fmt"
	"strconv"

	"github.com/comlam/comlam/wireless/nr"
)

// radio reads the tables that live in wireless/nr.
func radio() []Fact {
	var list []Fact
	add := func(table, relation, subject, value, unit, clause, release string) {
		list = append(list, Fact{Table: table, Relation: relation, Subject: subject, Value: value, Unit: unit, Clause: clause, Release: release})
	}
	for _, n := range nr.Numerologies {
		release := "15"
		if n.Mu > 4 {
			release = "17"
		}
		mu := strconv.Itoa(n.Mu)
		slots := "TS 38.211 Table 4.3.2-1"
		add("numerology", "subcarrier-spacing", mu, number(n.SubcarrierSpacingHz()/1e3), "kHz", "TS 38.211 Table 4.2-1", release)
		add("numerology", "slots-per-frame", mu, strconv.Itoa(n.SlotsPerFrame()), "", slots, release)
		add("numerology", "slots-per-subframe", mu, strconv.Itoa(n.SlotsPerSubframe()), "", slots, release)
		add("numerology", "slot-duration", mu, number(n.SlotDuration().Seconds()*1e3), "ms", slots, release)
	}
	for _, c := range nr.Channels {
		subject := fmt.Sprintf("%d MHz at %d kHz in FR%d", c.BandwidthMHz, c.SpacingKHz, rangeOf(c))
		release := "15"
		if c.BandwidthMHz == 35 || c.BandwidthMHz == 45 {
			release = "17"
		}
		add("bandwidth", "resource-blocks", subject, strconv.Itoa(c.NumRB), "", c.Clause, release)
		if c.BandwidthMHz%20 == 0 {
			guard := map[bool]string{false: "TS 38.101-1 Table 5.3.3-1", true: "TS 38.101-2 Table 5.3.3-1"}[c.FR2()]
			add("bandwidth", "guard-band", subject, number(c.GuardHz()/1e3), "kHz", guard, release)
		}
	}
	for _, t := range []nr.Table{nr.MCSTable1, nr.MCSTable2, nr.MCSTable3} {
		for _, row := range t.Rows {
			add("mcs", "mcs-rate", subjectMCS(t, row), number(row.RateX1024), "", t.Clause, "15")
			if t.Number == 2 {
				add("mcs", "mcs-modulation", subjectMCS(t, row), row.Modulation.String(), "", t.Clause, "15")
			}
		}
	}
	for _, t := range []nr.Table{nr.CQITable1, nr.CQITable2, nr.CQITable3} {
		for _, row := range t.Rows {
			add("cqi", "cqi-rate", subjectCQI(t, row), number(row.RateX1024), "", t.Clause, "15")
			if t.Number == 2 {
				add("cqi", "cqi-modulation", subjectCQI(t, row), row.Modulation.String(), "", t.Clause, "15")
			}
		}
	}
	// Every third size: the rest would teach counting rather than telecom.
	for i := 2; i < len(nr.TBSTable); i += 3 {
		add("tbs", "tbs-size", strconv.Itoa(i+1), strconv.Itoa(nr.TBSTable[i]), "bits", nr.ClauseTBS, "15")
	}
	return list
}

func rangeOf(c nr.Channel) int {
	if c.FR2() {
		return 2
	}
	return 1
}

func subjectMCS(t nr.Table, row nr.MCS) string {
	return fmt.Sprintf("MCS %d of table %d", row.Index, t.Number)
}
func subjectCQI(t nr.Table, row nr.MCS) string {
	return fmt.Sprintf("CQI %d of table %d", row.Index, t.Number)
}

func number(x float64) string { return strconv.FormatFloat(x, 'f', -1, 64) }
