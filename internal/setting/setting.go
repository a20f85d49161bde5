// Package setting holds the typed values that recipes and command lines are
// made of: physical quantities that carry their unit in the text ("2.4 GHz",
// "0.5 ms", "3 to 120 km/h", "18 dB"), and the error that names the setting at
// fault so that the recipe reader can point at its line.
//
// A quantity is stored in its SI unit (Hz, s, m/s) or in dB, exactly as the
// text was parsed, and prints back in a form that parses to the same bits.
package setting

import (
	"fmt"
	"math"
	"sort"
	"strconv"
	"strings"
)

// Error says which setting is wrong, why, and what would do. Key is the dotted
// path inside the section that reported it ("optimizer.lr"); the recipe reader
// turns it into file:line.
type Error struct {
	Key  string // dotted path of the setting, below the section
	Why  string // what is wrong, with the value in %q where there is one
	Hint string // what would do; may be empty
}

func (e *Error) Error() string {
	s := e.Why
	if e.Key != "" {
		s = e.Key + ": " + s
	}
	if e.Hint != "" {
		s += "; " + e.Hint
	}
	return s
}

// Bad makes an Error for the setting at key. The hint says what would do.
func Bad(key, hint, format string, args ...any) *Error {
	return &Error{Key: key, Why: fmt.Sprintf(format, args...), Hint: hint}
}

// Under prefixes the key of a setting error with its parent section. A nil
// error stays nil; any other error is wrapped into an Error for the parent.
func Under(parent string, err error) error {
	if err == nil {
		return nil
	}
	se, ok := err.(*Error)
	if !ok {
		return &Error{Key: parent, Why: err.Error()}
	}
	key := parent
	if se.Key != "" {
		key = parent + "." + se.Key
	}
	return &Error{Key: key, Why: se.Why, Hint: se.Hint}
}

// unit is one dimension: its units with their factor to the stored one.
type unit struct {
	what    string // "a frequency"
	example string // "2.4 GHz"
	factor  map[string]float64
}

var (
	frequencyUnit = unit{"a frequency", "2.4 GHz", map[string]float64{"Hz": 1, "kHz": 1e3, "MHz": 1e6, "GHz": 1e9}}
	durationUnit  = unit{"a duration", "0.5 ms", map[string]float64{"s": 1, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9, "min": 60, "h": 3600}}
	speedUnit     = unit{"a speed", "30 km/h", map[string]float64{"m/s": 1, "km/h": 1 / 3.6}}
	distanceUnit  = unit{"a distance", "150 m", map[string]float64{"m": 1, "km": 1e3}}
	decibelUnit   = unit{"a ratio in dB", "18 dB", map[string]float64{"dB": 1}}
)

// parse reads "<number> <unit>".
func (u unit) parse(text string) (float64, error) {
	text = strings.TrimSpace(text)
	end := strings.LastIndexAny(text, "0123456789.")
	if end < 0 {
		return 0, fmt.Errorf("%q is not %s; write for example %q", text, u.what, u.example)
	}
	number, name := text[:end+1], strings.TrimSpace(text[end+1:])
	v, err := strconv.ParseFloat(number, 64)
	if err != nil || math.IsInf(v, 0) || math.IsNaN(v) {
		return 0, fmt.Errorf("%q is not %s; write for example %q", text, u.what, u.example)
	}
	if name == "" {
		return 0, fmt.Errorf("%q has no unit; %s needs one of %s, for example %q", text, u.what, u.names(), u.example)
	}
	f, ok := u.factor[name]
	if !ok {
		return 0, fmt.Errorf("unit %q in %q does not fit %s; use one of %s", name, text, u.what, u.names())
	}
	if f == 1/3.6 {
		return v / 3.6, nil
	}
	if e := math.Round(math.Log10(f)); math.Abs(math.Log10(f)-e) < 1e-9 && !strings.ContainsAny(number, "eE") {
		// Shifting the decimal point in the text keeps "100 ns" equal to 1e-7.
		return strconv.ParseFloat(number+"e"+strconv.Itoa(int(e)), 64)
	}
	return v * f, nil
}

// parseRange reads "<number> to <number> <unit>" or one quantity.
func (u unit) parseRange(text string) (lo, hi float64, err error) {
	left, right, found := strings.Cut(text, " to ")
	if !found {
		lo, err = u.parse(text)
		return lo, lo, err
	}
	if hi, err = u.parse(right); err != nil {
		return 0, 0, err
	}
	if _, bare := strconv.ParseFloat(strings.TrimSpace(left), 64); bare == nil {
		name := strings.TrimLeft(strings.TrimSpace(right), "+-0123456789.eE ")
		left += " " + name
	}
	if lo, err = u.parse(left); err != nil {
		return 0, 0, err
	}
	if lo > hi {
		return 0, 0, fmt.Errorf("%q runs downwards; write the smaller value first", text)
	}
	return lo, hi, nil
}

func (u unit) names() string {
	list := make([]string, 0, len(u.factor))
	for name := range u.factor {
		if name != "µs" {
			list = append(list, name)
		}
	}
	sort.Slice(list, func(i, j int) bool { return u.factor[list[i]] < u.factor[list[j]] })
	return strings.Join(list, ", ")
}

// joinRange prints two quantities, "3 km/h" and "120 km/h", as "3 to 120 km/h": one
// where they are equal, and the unit once where it is the same.
func joinRange(lo, hi string) string {
	if lo == hi {
		return lo
	}
	number, name, _ := strings.Cut(lo, " ")
	if strings.HasSuffix(hi, " "+name) {
		lo = number
	}
	return lo + " to " + hi
}

// format prints v in the largest unit that gives a number of at least one, or of at
// least a tenth of a millisecond: slots are 0.5 ms, not 500 us.
func (u unit) format(v float64, order ...string) string {
	best := order[len(order)-1]
	for _, name := range order {
		least := u.factor[name]
		if name == "ms" {
			least /= 10
		}
		if math.Abs(v) >= least*(1-1e-12) {
			best = name
			break
		}
	}
	for _, digits := range []int{6, 9, 12, 15, 17} {
		s := strconv.FormatFloat(v/u.factor[best], 'g', digits, 64) + " " + best
		if back, err := u.parse(s); err == nil && back == v {
			return s
		}
	}
	return strconv.FormatFloat(v, 'g', -1, 64) + " " + u.base()
}

func (u unit) base() string {
	for name, f := range u.factor {
		if f == 1 {
			return name
		}
	}
	return ""
}
