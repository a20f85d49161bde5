package mimo

import (
	"fmt"
	"math"
)

// An Eigen precodes for one user whose channel the transmitter knows: along the right
// singular vectors, with the powers of water-filling.
type Eigen struct {
	*SVD
	Power    []float64 // of each stream, sum 1
	Level    float64   // of the water
	Capacity float64   // bits per channel use

	gains []float64
}

// NewEigen returns a workspace for channels [R T].
func NewEigen(numRx, numTx int) (*Eigen, error) {
	d, err := NewSVD(numRx, numTx)
	if err != nil {
		return nil, err
	}
	return &Eigen{SVD: d, Power: make([]float64, len(d.S)), gains: make([]float64, len(d.S))}, nil
}

// Design finds the precoder V diag(sqrt(Power)) of a channel h [R T]. snr is total
// transmit power over n0, linear.
func (e *Eigen) Design(h []complex128, snr float64) (err error) {
	if err := e.Decompose(h); err != nil {
		return err
	}
	for i, s := range e.S {
		e.gains[i] = snr * s * s
	}
	if e.Level, err = WaterFill(e.Power, e.gains, 1); err != nil {
		return err
	}
	e.Capacity = 0
	for i, p := range e.Power {
		e.Capacity += math.Log2(1 + p*e.gains[i])
	}
	return nil
}

// A Precoder serves several users with one antenna each by regularised zero-forcing
// (C. B. Peel et al., IEEE Trans. Commun. 53, 2005).
type Precoder struct {
	numUsers, numTx    int
	adjoint            []complex128 // [T U]
	factor, out, whole []complex128 // [U U], [T U], [U U]
}

// NewPrecoder returns a workspace.
func NewPrecoder(numUsers, numTx int) (*Precoder, error) {
	if numUsers < 1 || numTx < 1 || numUsers > MaxAntennas || numTx > MaxAntennas {
		return nil, fmt.Errorf("precoder: %d users, %d antennas; use 1 to %d", numUsers, numTx, MaxAntennas)
	}
	u, t := numUsers, numTx
	return &Precoder{u, t, make([]complex128, t*u), make([]complex128, u*u), make([]complex128, t*u), make([]complex128, u*u)}, nil
}

// Design writes w [T U] = c H^H (H H^H + load I)^-1 for the channels h [U T] of all
// users, c making the power of all columns 1. A load of 0 is zero-forcing; U n0 is
// the regularised one of the paper, n0 for a total power of 1.
func (p *Precoder) Design(w, h []complex128, load float64) error {
	u, t := p.numUsers, p.numTx
	if len(w) != t*u || len(h) != u*t || !(load >= 0) {
		return fmt.Errorf("precoder: %d and %d numbers of [%d %d] and [%d %d], load %v", len(w), len(h), t, u, u, t, load)
	}
	if load == 0 && u > t {
		return fmt.Errorf("precoder: zero-forcing of %d users with %d antennas; serve fewer users, or use a load", u, t)
	}
	adjoint(p.adjoint, h, u, t)
	gram(p.factor, p.adjoint, t, u, load)
	if !cholesky(p.factor, u) {
		return fmt.Errorf("precoder: channels of users are not independent; use a load")
	}
	invertLower(p.factor, u)
	for i := range u {
		clear(p.factor[i*u+i+1 : (i+1)*u])
	}
	adjoint(p.whole, p.factor, u, u)             // L^-H
	multiply(p.out, p.adjoint, p.whole, t, u, u) // H^H L^-H
	multiply(w, p.out, p.factor, t, u, u)
	power := 0.0
	for _, v := range w {
		power += square(v)
	}
	c := complex(1/math.Sqrt(power), 0)
	for i := range w {
		w[i] *= c
	}
	return nil
}

// DFTBeam writes the beam l of a linear array, unit norm: exp(j 2 pi l n / (O N)) /
// sqrt(N), N = len(v). With oversampling O there are O N of them.
func DFTBeam(v []complex128, l, oversampling int) error {
	if len(v) == 0 || oversampling < 1 {
		return fmt.Errorf("beam: %d antennas, oversampling %d; use at least one", len(v), oversampling)
	}
	size := 1 / math.Sqrt(float64(len(v)))
	for n := range v {
		v[n] = complex(size, 0) * turn(l*n, oversampling*len(v))
	}
	return nil
}

// turn is exp(j 2 pi a / b).
func turn(a, b int) complex128 {
	sin, cos := math.Sincos(2 * math.Pi * float64(a%b) / float64(b))
	return complex(cos, sin)
}
