package backend

import (
	"errors"
	"io"
	"os"
	"strings"
	"testing"
)

// TestOpen: the environment chooses, and what there is not is an error that helps.
func TestOpen(t *testing.T) {
	for _, c := range []struct{ choice, description, variant string }{
		{"", "0 workers", "cpu/"},
		{"cpu", "0 workers", "cpu/"},
		{"cpu:workers=2", "2 workers", "cpu/"},
		{"go", "parallelism=0", "go/"},
	} {
		t.Setenv(Environment, c.choice)
		engine, err := Open()
		if err != nil {
			t.Errorf("%q: %v", c.choice, err)
			continue
		}
		if d := engine.Description(); !strings.Contains(d, c.description) {
			t.Errorf("%q: the engine is %q, want %q in it", c.choice, d, c.description)
		}
		if v := Variant(); v != Variant() || !strings.HasPrefix(v, c.variant) {
			t.Errorf("%q: variant %q", c.choice, v)
		}
		engine.Finalize()
	}
	for _, c := range []struct{ choice, says string }{
		{"tpu", `GOMLX_BACKEND="tpu": no such engine as "tpu"`},
		{"cpu:worker=2", `unknown option "worker=2"`},
	} {
		t.Setenv(Environment, c.choice)
		if _, err := OpenAll(); err == nil || !errors.Is(err, ErrChoice) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%q: %v, want %q in it", c.choice, err, c.says)
		}
	}
}

// TestOpenIsSilent: standard output belongs to the program's results.
func TestOpenIsSilent(t *testing.T) {
	t.Setenv(Environment, "go")
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout := os.Stdout
	os.Stdout = w
	_, openErr := Open()
	same := os.Stdout == w
	os.Stdout = stdout
	w.Close()
	said, err := io.ReadAll(r)
	if openErr != nil || err != nil {
		t.Fatal(openErr, err)
	}
	if len(said) > 0 || !same {
		t.Errorf("opening said %q; standard output is back: %v", said, same)
	}
}
