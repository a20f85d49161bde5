package nr

import "fmt"

// Modulation is the number of bits that a symbol carries, Q_m.
type Modulation int

// The modulations of TS 38.211 clause 5.1 that the tables use.
const (
	QPSK   Modulation = 2
	QAM16  Modulation = 4
	QAM64  Modulation = 6
	QAM256 Modulation = 8
)

func (m Modulation) String() string {
	switch m {
	case QPSK:
		return "QPSK"
	case QAM16:
		return "16QAM"
	case QAM64:
		return "64QAM"
	case QAM256:
		return "256QAM"
	}
	return fmt.Sprintf("Modulation(%d)", int(m))
}

// An MCS is one row of a table: modulation and target code rate times 1024.
type MCS struct {
	Index      int
	Modulation Modulation
	RateX1024  float64
}

// Rate is the target code rate.
func (m MCS) Rate() float64 { return m.RateX1024 / 1024 }

// SpectralEfficiency is in bits per resource element and layer.
func (m MCS) SpectralEfficiency() float64 { return float64(m.Modulation) * m.Rate() }

// A Table lists what an index means. Indices that the standard reserves are not in it.
type Table struct {
	Number int    // 1, 2 or 3
	Clause string // the table of TS 38.214
	Rows   []MCS
}

// MCSTable1 is the table for up to 64QAM, MCSTable2 that for up to 256QAM, MCSTable3
// that of low spectral efficiency. They hold for the PDSCH, and for the PUSCH without
// transform precoding.
var (
	MCSTable1 = table(1, "TS 38.214 Table 5.1.3.1-1", 0,
		rates(QPSK, 120, 157, 193, 251, 308, 379, 449, 526, 602, 679),
		rates(QAM16, 340, 378, 434, 490, 553, 616, 658),
		rates(QAM64, 438, 466, 517, 567, 616, 666, 719, 772, 822, 873, 910, 948))
	MCSTable2 = table(2, "TS 38.214 Table 5.1.3.1-2", 0,
		rates(QPSK, 120, 193, 308, 449, 602),
		rates(QAM16, 378, 434, 490, 553, 616, 658),
		rates(QAM64, 466, 517, 567, 616, 666, 719, 772, 822, 873),
		rates(QAM256, 682.5, 711, 754, 797, 841, 885, 916.5, 948))
	MCSTable3 = table(3, "TS 38.214 Table 5.1.3.1-3", 0,
		rates(QPSK, 30, 40, 50, 64, 78, 99, 120, 157, 193, 251, 308, 379, 449, 526, 602),
		rates(QAM16, 340, 378, 434, 490, 553, 616),
		rates(QAM64, 438, 466, 517, 567, 616, 666, 719, 772))
)

// CQITable1 is the 4-bit CQI table for up to 64QAM, CQITable2 that for up to 256QAM,
// CQITable3 that for a block error probability of 1e-5. Index 0, out of range, is not
// in them.
var (
	CQITable1 = table(1, "TS 38.214 Table 5.2.2.1-2", 1,
		rates(QPSK, 78, 120, 193, 308, 449, 602),
		rates(QAM16, 378, 490, 616),
		rates(QAM64, 466, 567, 666, 772, 873, 948))
	CQITable2 = table(2, "TS 38.214 Table 5.2.2.1-3", 1,
		rates(QPSK, 78, 193, 449),
		rates(QAM16, 378, 490, 616),
		rates(QAM64, 466, 567, 666, 772, 873),
		rates(QAM256, 711, 797, 885, 948))
	CQITable3 = table(3, "TS 38.214 Table 5.2.2.1-4", 1,
		rates(QPSK, 30, 50, 78, 120, 193, 308, 449, 602),
		rates(QAM16, 378, 490, 616),
		rates(QAM64, 466, 567, 666, 772))
)

func rates(m Modulation, x1024 ...float64) []MCS {
	var rows []MCS
	for _, r := range x1024 {
		rows = append(rows, MCS{Modulation: m, RateX1024: r})
	}
	return rows
}

func table(number int, clause string, first int, parts ...[]MCS) Table {
	t := Table{Number: number, Clause: clause}
	for _, part := range parts {
		for _, row := range part {
			row.Index = first + len(t.Rows)
			t.Rows = append(t.Rows, row)
		}
	}
	return t
}

// MCS returns the row of an index. It fails on a reserved index, which for an MCS
// means the rate of the first transmission, and for a CQI that there is none.
func (t Table) MCS(index int) (MCS, error) {
	for _, row := range t.Rows {
		if row.Index == index {
			return row, nil
		}
	}
	return MCS{}, fmt.Errorf("nr: index %d of %s has no rate; give %d to %d", index, t.Clause, t.Rows[0].Index, t.Rows[len(t.Rows)-1].Index)
}
