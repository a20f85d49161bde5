package mimo

import (
	"fmt"
	"math"
	"math/cmplx"
	"testing"

	"github.com/comlam/comlam/internal/rng"
)

func gaussian(s *rng.Stream, n int) []complex128 {
	a := make([]complex128, n)
	for i := range a {
		a[i] = s.ComplexNormal()
	}
	return a
}

// product is a b, [m k] times [k n], written apart from multiply.
func product(a, b []complex128, m, k, n int) []complex128 {
	out := make([]complex128, m*n)
	for i := range m {
		for j := range n {
			for l := range k {
				out[i*n+j] += a[i*k+l] * b[l*n+j]
			}
		}
	}
	return out
}

func adjointOf(a []complex128, m, n int) []complex128 {
	out := make([]complex128, m*n)
	adjoint(out, a, m, n)
	return out
}

func identity(n int) []complex128 {
	out := make([]complex128, n*n)
	for i := range n {
		out[i*n+i] = 1
	}
	return out
}

// apart is the largest difference between elements.
func apart(a, b []complex128) (most float64) {
	for i, v := range a {
		most = max(most, math.Sqrt(square(v-b[i])))
		if cmplx.IsNaN(v) {
			return math.Inf(1)
		}
	}
	return most
}

func TestMultiply(t *testing.T) {
	s := rng.New(1)
	a, b, got := gaussian(s, 3*5), gaussian(s, 5*4), make([]complex128, 3*4)
	multiply(got, a, b, 3, 5, 4)
	if e := apart(got, product(a, b, 3, 5, 4)); e > 1e-14 {
		t.Errorf("off by %g", e)
	}
}

func TestCholesky(t *testing.T) {
	for _, n := range []int{1, 2, 4, 16, 64} {
		h := gaussian(rng.New(2, uint64(n)), n*n)
		want := product(adjointOf(h, n, n), h, n, n, n)
		for i := range n {
			want[i*n+i] += 0.1
		}
		l := make([]complex128, n*n)
		gram(l, h, n, n, 0.1)
		if !cholesky(l, n) {
			t.Fatalf("%d: not positive definite", n)
		}
		for i := range n {
			clear(l[i*n+i+1 : (i+1)*n])
		}
		if e := apart(product(l, adjointOf(l, n, n), n, n, n), want); e > 1e-12*float64(n) {
			t.Errorf("%d: L L^H is off by %g", n, e)
		}
		inverse := append([]complex128{}, l...)
		invertLower(inverse, n)
		if e := apart(product(inverse, l, n, n, n), identity(n)); e > 1e-12 {
			t.Errorf("%d: the inverse is off by %g", n, e)
		}
	}
	for name, a := range map[string][]complex128{"zero": {0}, "negative": {-1}, "nan": {complex(math.NaN(), 0)}, "singular": {1, 0, 1, 1}} {
		if cholesky(a, len(a)/2+len(a)%2) {
			t.Errorf("%s is positive definite", name)
		}
	}
}

func TestQR(t *testing.T) {
	for _, c := range [][2]int{{1, 1}, {2, 2}, {4, 2}, {16, 16}, {64, 64}, {64, 3}} {
		m, n := c[0], c[1]
		a := gaussian(rng.New(3, uint64(m), uint64(n)), m*n)
		if m == 4 {
			a[0], a[2], a[4], a[6] = 0, 0, 0, 0 // a column of nothing
		}
		q, r := make([]complex128, m*m), make([]complex128, m*n)
		if err := QR(q, r, a, m, n); err != nil {
			t.Fatal(err)
		}
		if e := apart(product(q, r, m, m, n), a); e > 1e-12 {
			t.Errorf("%v: q r is off by %g", c, e)
		}
		if e := apart(product(adjointOf(q, m, m), q, m, m, m), identity(m)); e > 1e-12 {
			t.Errorf("%v: q is off unitary by %g", c, e)
		}
		for i := range m {
			for j := range n {
				if v := r[i*n+j]; i > j && v != 0 || i == j && (imag(v) != 0 || real(v) < 0) {
					t.Errorf("%v: r[%d,%d] = %v", c, i, j, v)
				}
			}
		}
	}
	if QR(nil, nil, nil, 2, 3) == nil || QR(make([]complex128, 3), make([]complex128, 4), make([]complex128, 4), 2, 2) == nil {
		t.Error("a bad size is taken")
	}
}

func checkSVD(t *testing.T, what string, d *SVD, a []complex128, m, n int) {
	t.Helper()
	if err := d.Decompose(a); err != nil {
		t.Fatal(what, err)
	}
	r, scale := min(m, n), max(1, d.S[0])
	us := append([]complex128{}, d.U...)
	for i := range us {
		us[i] *= complex(d.S[i%r], 0)
	}
	if e := apart(product(us, adjointOf(d.V, n, r), m, r, n), a); e > 1e-12*scale {
		t.Errorf("%s: off by %g", what, e)
	}
	for name, v := range map[string]float64{
		"u": apart(product(adjointOf(d.U, m, r), d.U, r, m, r), identity(r)),
		"v": apart(product(adjointOf(d.V, n, r), d.V, r, n, r), identity(r)),
	} {
		if v > 1e-12 {
			t.Errorf("%s: %s is off orthonormal by %g", what, name, v)
		}
	}
	for k := 1; k < r; k++ {
		if d.S[k] > d.S[k-1] || d.S[k] < 0 {
			t.Errorf("%s: singular values %v", what, d.S)
		}
	}
}

func TestSVD(t *testing.T) {
	for _, c := range [][2]int{{1, 1}, {2, 2}, {4, 2}, {2, 4}, {32, 4}, {64, 64}} {
		m, n := c[0], c[1]
		d, err := NewSVD(m, n)
		if err != nil {
			t.Fatal(err)
		}
		s := rng.New(4, uint64(m), uint64(n))
		checkSVD(t, fmt.Sprint(c), d, gaussian(s, m*n), m, n)
		checkSVD(t, fmt.Sprint(c, " zero"), d, make([]complex128, m*n), m, n)
		// Rank one, and a range of 1e8 between singular values.
		checkSVD(t, fmt.Sprint(c, " rank 1"), d, product(gaussian(s, m), gaussian(s, n), m, 1, n), m, n)
		a := gaussian(s, m*n)
		for i := range a {
			a[i] *= complex(math.Pow(10, -8*float64(i%n)/float64(n)), 0)
		}
		checkSVD(t, fmt.Sprint(c, " scaled"), d, a, m, n)
		checkSVD(t, fmt.Sprint(c, " ones"), d, append([]complex128{}, onesOf(m*n)...), m, n)
	}
	// diag(3, 1) turned by known rotations.
	d, err := NewSVD(2, 2)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Decompose([]complex128{0, 3i, 1, 0}); err != nil || math.Abs(d.S[0]-3) > 1e-15 || math.Abs(d.S[1]-1) > 1e-15 {
		t.Error(err, d.S)
	}
	if d.Decompose(make([]complex128, 3)) == nil || d.Decompose([]complex128{complex(math.NaN(), 0), 0, 0, 0}) == nil {
		t.Error("a bad matrix is taken")
	}
	if _, err := NewSVD(0, 1); err == nil {
		t.Error("a matrix without rows is taken")
	}
}

func onesOf(n int) []complex128 {
	a := make([]complex128, n)
	for i := range a {
		a[i] = 1
	}
	return a
}
