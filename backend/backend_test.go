package backend

import (
	"io"
	"os"
	"strings"
	"testing"
)

// TestOpenIsSilent: standard output belongs to the program's results.
func TestOpenIsSilent(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout := os.Stdout
	os.Stdout = w
	engine, openErr := Open()
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
	if d := engine.Description(); !strings.Contains(d, "parallelism=0") {
		t.Errorf("the engine is %q, want one without workers of its own", d)
	}
}

// TestVariant: the name is stable and says whether vector kernels run.
func TestVariant(t *testing.T) {
	v := Variant()
	if v != Variant() || !strings.HasPrefix(v, "go/") {
		t.Errorf("variant %q", v)
	}
	if portable := strings.Contains(v, "portable"); SIMD() && portable && strings.HasSuffix(v, "arm64") {
		t.Errorf("built with SIMD, variant %q", v)
	}
}
