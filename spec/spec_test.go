package spec

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/comlam/comlam/internal/testdata"
)

// tree in JSON, to compare and to show.
func shown(t *testing.T, d *Document) string {
	t.Helper()
	out, err := json.MarshalIndent(d.Clauses, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// sameAgain writes a document as Markdown and reads that.
func sameAgain(t *testing.T, d *Document) {
	t.Helper()
	md := d.Markdown()
	again, err := Read(d.ID+".md", []byte(md), DefaultLimits)
	if err != nil {
		t.Fatalf("%s: %v", d.ID, err)
	}
	if a, b := shown(t, d), shown(t, again); a != b {
		line := firstDifference(a, b)
		t.Errorf("%s is another tree after Markdown: %s", d.ID, line)
	}
}

func firstDifference(a, b string) string {
	n := 0
	for n < min(len(a), len(b)) && a[n] == b[n] {
		n++
	}
	part := func(s string) string { return s[max(0, n-200):min(len(s), n+200)] }
	return part(a) + "\n---- and ----\n" + part(b)
}

func TestLibraryRoundTrip(t *testing.T) {
	for _, set := range []string{"3gpp_tr_library", "rfc_quic"} {
		dir := testdata.Dir(t, set)
		err := filepath.WalkDir(dir, func(name string, e os.DirEntry, err error) error {
			if filepath.Ext(name) != ".md" {
				return err
			}
			data, err := os.ReadFile(name)
			if err != nil {
				return err
			}
			d, err := Read(filepath.Base(name), data, DefaultLimits)
			if err != nil {
				t.Error(err)
				return nil
			}
			sameAgain(t, d)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}
