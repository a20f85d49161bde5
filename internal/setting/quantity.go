package setting

// Frequency is in Hz; text such as "2.4 GHz" or "15 kHz".
type Frequency float64

// Duration is in seconds; text such as "0.5 ms" or "100 ns".
type Duration float64

// Speed is in m/s; text such as "30 km/h" or "8.3 m/s".
type Speed float64

// Decibel is a power ratio in dB; text such as "18 dB".
type Decibel float64

// SpeedRange is an interval of speeds in m/s, "3 to 120 km/h"; a single speed
// makes both ends equal.
type SpeedRange struct{ Min, Max Speed }

// DurationRange is an interval of durations in seconds, "30 to 300 ns".
type DurationRange struct{ Min, Max Duration }

// DistanceRange is an interval of distances in m, "10 to 150 m" or "0.5 to 2 km".
type DistanceRange struct{ Min, Max float64 }

// UnmarshalText parses "10 to 150 m" or "50 m".
func (r *DistanceRange) UnmarshalText(text []byte) (err error) {
	r.Min, r.Max, err = distanceUnit.parseRange(string(text))
	return err
}

// MarshalText prints the range in metres; one distance where both ends are equal.
func (r DistanceRange) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

func (r DistanceRange) String() string {
	return joinRange(distanceUnit.format(r.Min, "m"), distanceUnit.format(r.Max, "m"))
}

// UnmarshalText parses a frequency with its unit.
func (f *Frequency) UnmarshalText(text []byte) error {
	v, err := frequencyUnit.parse(string(text))
	*f = Frequency(v)
	return err
}

// MarshalText prints the frequency with a unit; it parses back to the same bits.
func (f Frequency) MarshalText() ([]byte, error) { return []byte(f.String()), nil }

func (f Frequency) String() string {
	return frequencyUnit.format(float64(f), "GHz", "MHz", "kHz", "Hz")
}

// UnmarshalText parses a duration with its unit.
func (d *Duration) UnmarshalText(text []byte) error {
	v, err := durationUnit.parse(string(text))
	*d = Duration(v)
	return err
}

// MarshalText prints the duration with a unit.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

func (d Duration) String() string {
	return durationUnit.format(float64(d), "s", "ms", "us", "ns")
}

// UnmarshalText parses a speed with its unit.
func (s *Speed) UnmarshalText(text []byte) error {
	v, err := speedUnit.parse(string(text))
	*s = Speed(v)
	return err
}

// MarshalText prints the speed in km/h.
func (s Speed) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

func (s Speed) String() string { return speedUnit.format(float64(s), "km/h") }

// KMH is the speed in kilometres per hour.
func (s Speed) KMH() float64 { return float64(s) * 3.6 }

// KMH makes a Speed from kilometres per hour.
func KMH(v float64) Speed { return Speed(v / 3.6) }

// UnmarshalText parses a ratio in dB.
func (d *Decibel) UnmarshalText(text []byte) error {
	v, err := decibelUnit.parse(string(text))
	*d = Decibel(v)
	return err
}

// MarshalText prints the ratio in dB.
func (d Decibel) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

func (d Decibel) String() string { return decibelUnit.format(float64(d), "dB") }

// UnmarshalText parses "3 to 120 km/h" or "30 km/h".
func (r *SpeedRange) UnmarshalText(text []byte) error {
	lo, hi, err := speedUnit.parseRange(string(text))
	r.Min, r.Max = Speed(lo), Speed(hi)
	return err
}

// MarshalText prints the range; one speed where both ends are equal.
func (r SpeedRange) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

func (r SpeedRange) String() string {
	return joinRange(r.Min.String(), r.Max.String())
}

// UnmarshalText parses "30 to 300 ns" or "100 ns".
func (r *DurationRange) UnmarshalText(text []byte) error {
	lo, hi, err := durationUnit.parseRange(string(text))
	r.Min, r.Max = Duration(lo), Duration(hi)
	return err
}

// MarshalText prints the range; one duration where both ends are equal.
func (r DurationRange) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

func (r DurationRange) String() string {
	return joinRange(r.Min.String(), r.Max.String())
}
