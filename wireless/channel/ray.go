package channel

// rayScratch turns the rays of one cluster into the coefficients of one tap: a
// matrix product of gains [ray, pair] and Doppler phasors [slot, ray].
type rayScratch struct {
	bs, ue array
	motion vector // phase per slot is motion.dot(direction of arrival), rad

	numRays       int // in use
	aoa, zod, zoa [NumRays]int

	fieldBS, fieldUE []field      // [polarisation]
	steerBS, steerUE []complex128 // [position]
	gainRe, gainIm   []float64    // [ray, pair], lines of width
	width            int          // pairs, rounded up to whole steps of the kernel
	sums             []float64    // [half, 4, width]
	turn             []float64    // [ray], rad per slot
	doppler          *phasorTable
	toStart          float64 // slots from the middle of the grid to time 0
}

func newRayScratch(c CDLConfig) *rayScratch {
	width := wholeRows(c.BS.NumPorts() * c.UE.NumPorts())
	return &rayScratch{
		fieldBS: make([]field, len(c.BS.slants())),
		fieldUE: make([]field, len(c.UE.slants())),
		steerBS: make([]complex128, c.BS.Rows*c.BS.Cols),
		steerUE: make([]complex128, c.UE.Rows*c.UE.Cols),
		gainRe:  make([]float64, width*NumRays),
		gainIm:  make([]float64, width*NumRays),
		width:   width,
		sums:    make([]float64, 4*width*halfOf(c.Slots.Num)),
		turn:    make([]float64, NumRays),
		doppler: newPhasorTable(c.Slots.Num, NumRays),
		toStart: float64(c.Slots.Num-1) / 2,
	}
}

// aim notes what depends on the ray's directions only.
func (w *rayScratch) aim(ray int, departure, arrival *direction) {
	w.bs.fieldsInto(w.fieldBS, departure)
	w.ue.fieldsInto(w.fieldUE, arrival)
	w.bs.steerInto(w.steerBS, departure)
	w.ue.steerInto(w.steerUE, arrival)
	w.turn[ray] = w.motion.dot(arrival.toward)
}

// scatter gives a ray the gains of equation 7.5-22: a random phase for each pair
// of polarisations, the crossed ones weakened by crossLoss.
func (w *rayScratch) scatter(ray int, amplitude, crossLoss float64, phases [4]float64) {
	// The grid of Doppler phasors is centred; phases hold at time 0.
	late := w.turn[ray] * w.toStart
	if w.bs.onlyVertical && w.ue.onlyVertical {
		w.spread(ray, 0, 0, complex(amplitude*w.fieldUE[0].theta*w.fieldBS[0].theta, 0)*phasor(phases[0]+late))
		return
	}
	straight, cross := complex(amplitude, 0), complex(amplitude*crossLoss, 0)
	thetaTheta, thetaPhi := straight*phasor(phases[0]+late), cross*phasor(phases[1]+late)
	phiTheta, phiPhi := cross*phasor(phases[2]+late), straight*phasor(phases[3]+late)
	for q, rx := range w.fieldUE {
		alongTheta := complex(rx.theta, 0)*thetaTheta + complex(rx.phi, 0)*phiTheta
		alongPhi := complex(rx.theta, 0)*thetaPhi + complex(rx.phi, 0)*phiPhi
		for p, tx := range w.fieldBS {
			w.spread(ray, q, p, alongTheta*complex(tx.theta, 0)+alongPhi*complex(tx.phi, 0))
		}
	}
}

// pass gives the only ray the gains of a line of sight (7.5-29): no polarisation
// crosses, and phi changes sign between the ends' views.
func (w *rayScratch) pass(amplitude, phase float64) {
	turned := complex(amplitude, 0) * phasor(phase+w.turn[0]*w.toStart)
	for q, rx := range w.fieldUE {
		for p, tx := range w.fieldBS {
			w.spread(0, q, p, turned*complex(rx.theta*tx.theta-rx.phi*tx.phi, 0))
		}
	}
}

// spread gives one pair of polarisations, all positions, its gain of a ray.
func (w *rayScratch) spread(ray, ueSlant, bsSlant int, gain complex128) {
	numUE, numBS := len(w.steerUE), len(w.steerBS)
	ports := numBS * len(w.fieldBS)
	for i, atUE := range w.steerUE {
		g := gain * atUE
		pair := (ueSlant*numUE+i)*ports + bsSlant*numBS
		at := ray*w.width + pair
		re, im := w.gainRe[at:][:numBS], w.gainIm[at:][:numBS]
		for j, atBS := range w.steerBS {
			v := g * atBS
			re[j], im[j] = real(v), imag(v)
		}
	}
}

// sumInto writes the sum of the rays into a tap, or adds it to the tap.
func (w *rayScratch) sumInto(t *Taps, tap int, add bool) {
	doppler := w.doppler
	doppler.fill(w.turn[:w.numRays])
	num, pairs, half := t.NumSlots, t.NumUEAnt*t.NumBSAnt, halfOf(t.NumSlots)
	pairSums(w.sums, w.gainRe, w.gainIm, w.width, doppler.re, doppler.im, w.width, w.numRays, half)
	for h := range half {
		lines := w.sums[4*w.width*h:]
		late, early := num/2+h, (num-1)/2-h
		t.putLine(tap, late, lines[:pairs], lines[w.width:][:pairs], add)
		if early != late {
			t.putLine(tap, early, lines[2*w.width:][:pairs], lines[3*w.width:][:pairs], add)
		}
	}
}
