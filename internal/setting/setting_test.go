package setting

import (
	"strings"
	"testing"
)

func TestQuantitiesParse(t *testing.T) {
	var f Frequency
	var d Duration
	var s Speed
	var b Decibel
	for _, c := range []struct {
		text string
		into interface{ UnmarshalText([]byte) error }
		got  func() float64
		want float64
	}{
		{"2.4 GHz", &f, func() float64 { return float64(f) }, 2.4e9},
		{"15kHz", &f, func() float64 { return float64(f) }, 15e3},
		{"0.5 ms", &d, func() float64 { return float64(d) }, 0.0005},
		{"100 ns", &d, func() float64 { return float64(d) }, 1e-7},
		{"30 km/h", &s, func() float64 { return float64(s) }, 30 / 3.6},
		{"-3 dB", &b, func() float64 { return float64(b) }, -3},
	} {
		if err := c.into.UnmarshalText([]byte(c.text)); err != nil {
			t.Fatalf("%q: %v", c.text, err)
		}
		if c.got() != c.want {
			t.Errorf("%q = %v, want %v", c.text, c.got(), c.want)
		}
	}
}

func TestRangesRoundTrip(t *testing.T) {
	for _, text := range []string{"3 to 120 km/h", "30 km/h", "33.3 to 33.4 km/h"} {
		var r, back SpeedRange
		if err := r.UnmarshalText([]byte(text)); err != nil {
			t.Fatal(err)
		}
		if err := back.UnmarshalText([]byte(r.String())); err != nil || back != r {
			t.Errorf("%q prints as %q, which parses to %v (%v), want %v", text, r, back, err, r)
		}
	}
	var d DurationRange
	if err := d.UnmarshalText([]byte("30 to 300 ns")); err != nil || d.Min != 3e-8 || d.Max != 3e-7 {
		t.Errorf("30 to 300 ns = %v, %v", d, err)
	}
}

func TestQuantitiesReadAsPeopleWriteThem(t *testing.T) {
	for _, text := range []string{"0.5 ms", "0.1 ms", "99 us", "71.4 us", "100 ns", "0.3 ns", "100 ms", "2 s", "0 ns"} {
		var d Duration
		if err := d.UnmarshalText([]byte(text)); err != nil || d.String() != text {
			t.Errorf("%q prints as %q (%v)", text, d, err)
		}
	}
	for _, text := range []string{"30 to 300 ns", "800 ns to 1.2 us", "30 ns", "-5 to 0 ns"} {
		var r, back DurationRange
		if err := r.UnmarshalText([]byte(text)); err != nil || r.String() != text {
			t.Errorf("%q prints as %q (%v)", text, r, err)
		}
		if err := back.UnmarshalText([]byte(r.String())); err != nil || back != r {
			t.Errorf("%q parses back to %v (%v)", r, back, err)
		}
	}
	for text, want := range map[string]string{"10 to 150 m": "10 to 150 m", "0.5 to 2 km": "500 to 2000 m", "35 m": "35 m"} {
		var r, back DistanceRange
		if err := r.UnmarshalText([]byte(text)); err != nil || r.String() != want {
			t.Errorf("%q prints as %q (%v)", text, r, err)
		}
		if err := back.UnmarshalText([]byte(r.String())); err != nil || back != r {
			t.Errorf("%q parses back to %v (%v)", r, back, err)
		}
	}
	if r := (SpeedRange{KMH(3), KMH(120)}); r.String() != "3 to 120 km/h" {
		t.Errorf("a range of speeds prints as %q", r)
	}
}

func TestWrongUnitsSayWhatFits(t *testing.T) {
	for text, want := range map[string]string{
		"2.4":           "has no unit",
		"2.4 km/h":      "use one of Hz, kHz, MHz, GHz",
		"fast":          "is not a frequency",
		"1e999 Hz":      "is not a frequency",
		"2.4 gigahertz": `unit "gigahertz"`,
	} {
		var f Frequency
		err := f.UnmarshalText([]byte(text))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want one with %q", text, err, want)
		}
	}
	var r SpeedRange
	if err := r.UnmarshalText([]byte("120 to 3 km/h")); err == nil {
		t.Error("a downward range was accepted")
	}
}

func TestUnderKeepsTheHint(t *testing.T) {
	err := Under("train", Bad("batch_size", "use 1 or more", "%d is not positive", 0))
	if got, want := err.Error(), "train.batch_size: 0 is not positive; use 1 or more"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if Under("train", nil) != nil {
		t.Error("nil became an error")
	}
}
