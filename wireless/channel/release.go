package channel

import (
	"embed"
	"encoding/csv"
	"fmt"
	"math"
	"strconv"
	"strings"
	"sync"
)

// DefaultRelease is the 3GPP release whose TR 38.901 tables are used unless a
// SystemConfig asks for another one.
const DefaultRelease = 17

//go:embed tables/release17/*.csv
var releaseFiles embed.FS

// release holds the tables of one release, as printed.
type release struct {
	lsp      sheet // parameter, "umi LOS"
	pathLoss sheet // "umi LOS", coefficient
	scenario sheet // "umi", property
	scaling  sheet // number of clusters, azimuth or zenith
	material sheet // material, property
}

// sheet is a table by row and column.
type sheet struct {
	name  string
	cells map[[2]string]string
}

var release17 = sync.OnceValues(func() (*release, error) { return readRelease("tables/release17/") })

// releaseOf returns the tables of release number; 0 stands for DefaultRelease.
func releaseOf(number int) (*release, error) {
	if number == 0 || number == DefaultRelease {
		return release17()
	}
	return nil, fmt.Errorf("the tables of release %d are not there; use %d", number, DefaultRelease)
}

func readRelease(dir string) (*release, error) {
	r := new(release)
	for _, part := range []struct {
		file string
		keys int // leading columns that name a row
		to   *sheet
	}{
		{"lsp.csv", 1, &r.lsp}, {"pathloss.csv", 2, &r.pathLoss}, {"scenario.csv", 1, &r.scenario},
		{"scaling.csv", 1, &r.scaling}, {"material.csv", 1, &r.material},
	} {
		var err error
		if *part.to, err = readSheet(dir+part.file, part.keys); err != nil {
			return nil, err
		}
	}
	return r, nil
}

func readSheet(name string, keys int) (sheet, error) {
	f, err := releaseFiles.Open(name)
	if err != nil {
		return sheet{}, fmt.Errorf("table %s: %w", name, err)
	}
	defer f.Close()
	reader := csv.NewReader(f)
	reader.Comment = '#'
	lines, err := reader.ReadAll()
	if err != nil {
		return sheet{}, fmt.Errorf("table %s: %w", name, err)
	}
	s := sheet{name: name, cells: map[[2]string]string{}}
	for _, line := range lines[1:] {
		row := strings.Join(line[:keys], " ")
		for i, cell := range line[keys:] {
			s.cells[[2]string{row, lines[0][keys+i]}] = cell
		}
	}
	return s, nil
}

// reading evaluates cells and keeps the first error, so that a struct can be filled
// without a check after each field.
type reading struct {
	fcGHz           float64
	volumeToSurface float64 // m, of a hall
	err             error
}

// at returns the value of a cell; 0 for an empty one.
func (r *reading) at(s sheet, row, column string) float64 {
	cell, ok := s.cells[[2]string{row, column}]
	if !ok {
		r.fail(fmt.Errorf("table %s has no %q of %q", s.name, column, row))
		return 0
	}
	if cell == "" {
		return 0
	}
	f, err := parseFormula(cell)
	if err != nil {
		r.fail(fmt.Errorf("table %s, %q of %q: %w", s.name, column, row, err))
		return 0
	}
	return f.value(r.fcGHz, r.volumeToSurface)
}

func (r *reading) fail(err error) {
	if r.err == nil {
		r.err = err
	}
}

// formula is constant + slope lg(argument), at least floor: all that the cells of
// table 7.5-6 are made of.
type formula struct {
	constant, slope      float64
	offset, perGHz, hall float64 // of the logarithm's argument
	floor                float64
}

func (f formula) value(fcGHz, volumeToSurface float64) float64 {
	v := f.constant
	if f.slope != 0 {
		v += f.slope * math.Log10(f.offset+f.perGHz*fcGHz+f.hall*volumeToSurface)
	}
	return max(v, f.floor)
}

// parseFormula reads "1.53", "1.53-0.23 lg(1+fc)", "2.08-0.27 lg(fc) >= 0.25" or
// "-9.35+1 lg(26V/S+14)".
func parseFormula(cell string) (formula, error) {
	f := formula{floor: math.Inf(-1)}
	text, floor, bounded := strings.Cut(cell, " >= ")
	line, argument, logarithmic := strings.Cut(text, " lg(")
	var err error
	if bounded {
		f.floor, err = strconv.ParseFloat(floor, 64)
	}
	if err == nil && !logarithmic {
		f.constant, err = strconv.ParseFloat(line, 64)
	}
	if err != nil || !logarithmic {
		return f, err
	}
	cut := strings.LastIndexAny(line, "+-")
	if cut < 1 {
		return f, fmt.Errorf("%q is not a constant and a slope", line)
	}
	if f.constant, err = strconv.ParseFloat(line[:cut], 64); err != nil {
		return f, err
	}
	if f.slope, err = strconv.ParseFloat(line[cut:], 64); err != nil {
		return f, err
	}
	return f, f.parseArgument(argument)
}

func (f *formula) parseArgument(argument string) error {
	switch argument {
	case "fc)":
		f.perGHz = 1
		return nil
	case "1+fc)":
		f.offset, f.perGHz = 1, 1
		return nil
	}
	if _, err := fmt.Sscanf(argument, "%fV/S+%f)", &f.hall, &f.offset); err != nil {
		return fmt.Errorf("logarithm of %q is not known: %w", argument, err)
	}
	return nil
}
