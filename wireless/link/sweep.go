package link

import (
	"fmt"
	"math"
	"strings"

	"github.com/comlam/comlam/internal/setting"
)

// maxPoints of a sweep.
const maxPoints = 1000

// Sweep is evenly spaced signal-to-noise ratios in dB.
type Sweep struct{ From, To, Step float64 }

// UnmarshalText parses "5 dB", "0 to 10 dB" (every 1 dB) or "0 to 10 by 0.5 dB".
func (s *Sweep) UnmarshalText(text []byte) error {
	ends, by, stepped := strings.Cut(string(text), " by ")
	var step setting.Decibel = 1
	if stepped {
		if err := step.UnmarshalText([]byte(by)); err != nil {
			return err
		}
		if !strings.HasSuffix(strings.TrimSpace(ends), "dB") {
			ends += " dB"
		}
	}
	first, last, ranged := strings.Cut(ends, " to ")
	if !ranged {
		last = first
	} else if !strings.HasSuffix(strings.TrimSpace(first), "dB") {
		first += " dB"
	}
	var from, to setting.Decibel
	for _, end := range []struct {
		text string
		into *setting.Decibel
	}{{first, &from}, {last, &to}} {
		if err := end.into.UnmarshalText([]byte(end.text)); err != nil {
			return fmt.Errorf("%w, or \"0 to 10 by 2 dB\"", err)
		}
	}
	read := Sweep{float64(from), float64(to), float64(step)}
	if err := read.check(); err != nil {
		return err
	}
	*s = read
	return nil
}

func (s Sweep) check() error {
	switch {
	case !(s.From <= s.To) || !(math.Abs(s.From) <= 200 && math.Abs(s.To) <= 200):
		return fmt.Errorf("%q runs from %g to %g dB; write the smaller end first, within -200 to 200 dB", s, s.From, s.To)
	case !(s.Step >= 1e-6) || math.IsInf(s.Step, 1):
		return fmt.Errorf("a step of %g dB; use a millionth or more", s.Step)
	case (s.To-s.From)/s.Step > maxPoints-1:
		return fmt.Errorf("%q has more than %d points; use a larger step", s, maxPoints)
	}
	return nil
}

// MarshalText prints what UnmarshalText reads.
func (s Sweep) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

func (s Sweep) String() string {
	if s.From == s.To {
		return fmt.Sprintf("%v dB", s.From)
	}
	return fmt.Sprintf("%v to %v by %v dB", s.From, s.To, s.Step)
}

// Points lists the ratios, rounded to a millionth of a dB so that 0.1 + 0.2 is 0.3, and
// never -0.
func (s Sweep) Points() []float64 {
	var list []float64
	for i := 0; ; i++ {
		v := math.Round((s.From+float64(i)*s.Step)*1e6)/1e6 + 0
		if i > 0 && v > s.To+1e-9 {
			return list
		}
		list = append(list, v)
	}
}
