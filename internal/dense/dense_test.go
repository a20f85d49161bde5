package dense

import (
	"math"
	"math/cmplx"
	"strings"
	"testing"

	"github.com/comlam/comlam/internal/rng"
)

// covariance is A A^H of a random A [n, n], positive definite.
func covariance(s *rng.Stream, n int) []complex128 {
	a := make([]complex128, n*n)
	for i := range a {
		a[i] = s.ComplexNormal()
	}
	r := make([]complex128, n*n)
	for i := range n {
		for j := range n {
			r[i*n+j] = dotConj(a[j*n:][:n], a[i*n:][:n])
		}
	}
	return r
}

func TestSolveUndoesTheMatrix(t *testing.T) {
	s := rng.New(1)
	for _, n := range []int{1, 2, 5, 16, 40} {
		r := covariance(s, n)
		f, err := Cholesky(r, n)
		if err != nil {
			t.Fatal(err)
		}
		x, b := make([]complex128, n), make([]complex128, n)
		for i := range x {
			x[i] = s.ComplexNormal()
		}
		for i := range b {
			for j := range x {
				b[i] += r[i*n+j] * x[j]
			}
		}
		if err := f.Solve(b); err != nil {
			t.Fatal(err)
		}
		for i := range x {
			if cmplx.Abs(b[i]-x[i]) > 1e-8*float64(n*n) {
				t.Errorf("n=%d: x[%d] = %v, want %v", n, i, b[i], x[i])
			}
		}
		if f.Jitter() != 0 {
			t.Errorf("n=%d: jitter %g on a sound matrix", n, f.Jitter())
		}
	}
}

func TestLogDet(t *testing.T) {
	f, err := Cholesky([]complex128{4, 0, 2i, 9}, 2) // det = 36 - |2i|^2
	if err != nil {
		t.Fatal(err)
	}
	if got, want := f.LogDet(), math.Log(32); math.Abs(got-want) > 1e-14 {
		t.Errorf("log determinant %v, want %v", got, want)
	}
}

func TestSingularCovarianceGetsTheLeastJitter(t *testing.T) {
	const n = 8
	ones := make([]complex128, n*n) // rank one: a channel that stands still
	for i := range ones {
		ones[i] = 3
	}
	f, err := Cholesky(ones, n)
	if err != nil {
		t.Fatal(err)
	}
	if f.Jitter() <= 0 || f.Jitter() > 3e-10 {
		t.Errorf("jitter %g, want a positive one of rounding size", f.Jitter())
	}
}

func TestWhatIsNoCovarianceIsRefused(t *testing.T) {
	for name, r := range map[string][]complex128{
		"indefinite":  {1, 0, 5, 1},
		"zero":        {0, 0, 0, 0},
		"not finite":  {1, 0, complex(math.NaN(), 0), 1},
		"infinite":    {complex(math.Inf(1), 0), 0, 0, 1},
		"wrong shape": {1, 0, 0},
	} {
		if _, err := Cholesky(r, 2); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	f, err := Cholesky([]complex128{1}, 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Solve(make([]complex128, 2)); err == nil {
		t.Error("a right-hand side of the wrong length was solved")
	}
}

// line is y = W x + noise for a known W [2, 3].
func line(s *rng.Stream, count int, noise float64) (w []complex128, x, y [][]complex128) {
	w = []complex128{1 + 2i, -3, 0.5i, 2, 1i, -1 - 1i}
	x, y = make([][]complex128, 3), make([][]complex128, 2)
	for i := range x {
		x[i] = make([]complex128, count)
		for c := range x[i] {
			x[i][c] = s.ComplexNormal()
		}
	}
	for k := range y {
		y[k] = make([]complex128, count)
		for c := range count {
			y[k][c] = complex(noise, 0) * s.ComplexNormal()
			for i := range x {
				y[k][c] += w[k*3+i] * x[i][c]
			}
		}
	}
	return w, x, y
}

func TestLeastSquaresFindsTheLine(t *testing.T) {
	want, x, y := line(rng.New(2), 50, 0)
	byRows, byOne := newFit(t, 3, 2), newFit(t, 3, 2)
	if err := byRows.AddRows(x, y); err != nil {
		t.Fatal(err)
	}
	for c := range x[0] {
		if err := byOne.Add([]complex128{x[0][c], x[1][c], x[2][c]}, []complex128{y[0][c], y[1][c]}); err != nil {
			t.Fatal(err)
		}
	}
	for name, l := range map[string]*LeastSquares{"rows": byRows, "one by one": byOne} {
		w, err := l.Solve(0)
		if err != nil {
			t.Fatal(err)
		}
		for i := range want {
			if cmplx.Abs(w[i]-want[i]) > 1e-12 {
				t.Errorf("%s: w[%d] = %v, want %v", name, i, w[i], want[i])
			}
		}
	}
}

// The ridge solution is where the gradient X^H (X w - y) + ridge m w vanishes.
func TestRidgeGradientVanishes(t *testing.T) {
	const ridge = 0.3
	_, x, y := line(rng.New(3), 20, 1)
	l := newFit(t, 3, 2)
	if err := l.AddRows(x, y); err != nil {
		t.Fatal(err)
	}
	w, err := l.Solve(ridge)
	if err != nil {
		t.Fatal(err)
	}
	power := (norm2(x[0]) + norm2(x[1]) + norm2(x[2])) / 3
	for k := range y {
		for j := range x {
			gradient := complex(ridge*power, 0) * w[k*3+j]
			for c := range y[k] {
				error := -y[k][c]
				for i := range x {
					error += w[k*3+i] * x[i][c]
				}
				gradient += conjTimes(x[j][c], error)
			}
			if cmplx.Abs(gradient) > 1e-10 {
				t.Errorf("gradient [%d %d] is %v", k, j, gradient)
			}
		}
	}
}

func TestFitWithoutPowerIsZero(t *testing.T) {
	l := newFit(t, 2, 1)
	w, err := l.Solve(1e-3)
	if err != nil || w[0] != 0 || w[1] != 0 {
		t.Errorf("w = %v (%v), want zeros", w, err)
	}
	if err := l.Add([]complex128{1, 1}, []complex128{2}); err != nil {
		t.Fatal(err)
	}
	l.Reset()
	if w, err = l.Solve(0); err != nil || w[0] != 0 {
		t.Errorf("after a reset w = %v (%v), want zeros", w, err)
	}
}

func TestWrongShapesAreRefused(t *testing.T) {
	if _, err := NewLeastSquares(0, 1); err == nil {
		t.Error("a fit without inputs was made")
	}
	l := newFit(t, 2, 1)
	for name, err := range map[string]error{
		"one observation": l.Add([]complex128{1}, []complex128{1}),
		"rows":            l.AddRows([][]complex128{{1}}, [][]complex128{{1}}),
		"ragged rows":     l.AddRows([][]complex128{{1}, {1, 2}}, [][]complex128{{1}}),
	} {
		if err == nil {
			t.Errorf("%s of the wrong shape were accepted", name)
		}
	}
	if _, err := l.Solve(-1); err == nil || !strings.Contains(err.Error(), `"-1"`) {
		t.Errorf("a negative ridge gave %v", err)
	}
}

func newFit(t *testing.T, numIn, numOut int) *LeastSquares {
	t.Helper()
	l, err := NewLeastSquares(numIn, numOut)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func BenchmarkAddRows(b *testing.B) {
	s := rng.New(4)
	rows := make([][]complex128, 20)
	for i := range rows {
		rows[i] = make([]complex128, 128)
		for j := range rows[i] {
			rows[i][j] = s.ComplexNormal()
		}
	}
	l, err := NewLeastSquares(16, 4)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if err := l.AddRows(rows[:16], rows[16:]); err != nil {
			b.Fatal(err)
		}
	}
}
