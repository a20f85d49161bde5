package channel

// Track keeps the phases of one link continuous while its UE moves from place to place
// within a drop: between draws the phase of each ray advances with the distance that
// the UE went along it, as it does between slots within a draw. Steps should be short
// against the correlation distances. A Track belongs to one pair of site and UE.
type Track struct {
	at    Point
	begun bool
	phase []float64 // [origin of cluster, ray]
	step  vector    // of the last draw, rad
}

// NewTrack returns a track that begins with its first draw.
func (m *System) NewTrack() *Track {
	return &Track{phase: make([]float64, m.maxClusters*NumRays)}
}

// Reset makes the next draw the first.
func (t *Track) Reset() {
	t.begun = false
	clear(t.phase)
}

// advance notes the way from the last place to this one.
func (t *Track) advance(at Point, wavenumber float64) {
	t.step = vector{}
	if t.begun {
		t.step = vector{at.X - t.at.X, at.Y - t.at.Y, at.Z - t.at.Z}.times(wavenumber)
	}
	t.at, t.begun = at, true
}

// turn adds what a ray from this direction has gathered to its phases.
func (t *Track) turn(ray int, toward vector, phases *[4]float64) {
	t.phase[ray] += t.step.dot(toward)
	for i := range phases {
		phases[i] += t.phase[ray]
	}
}
