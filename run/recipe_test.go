package run

import (
	"flag"
	"os"
	"path"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/comlam/comlam/internal/testdata"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// golden compares got with a file under testdata, or rewrites the file.
func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o666); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs; run go test -update and look at the change\n got: %s\nwant: %s", file, got, want)
	}
}

// TestBadRecipes reads recipes with one mistake each; the message of each is in
// the golden file beside it.
func TestBadRecipes(t *testing.T) {
	t.Chdir("testdata/bad")
	files, err := filepath.Glob("*.yaml")
	if err != nil || len(files) < 40 {
		t.Fatalf("%d bad recipes (%v), want at least 40", len(files), err)
	}
	for _, file := range files {
		t.Run(file, func(t *testing.T) {
			_, err := Load(file, nil)
			if err == nil {
				t.Fatal("the recipe was accepted")
			}
			re, ok := err.(*Error)
			if !ok || re.Usage() || !strings.HasPrefix(err.Error(), file+":") {
				t.Errorf("%T %q does not cite the file", err, err)
			}
			golden(t, strings.TrimSuffix(file, ".yaml")+".golden", err.Error()+"\n")
		})
	}
}

// TestBadOverrides gives a good recipe one bad argument each.
func TestBadOverrides(t *testing.T) {
	text, err := os.ReadFile("testdata/overrides.txt")
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSuffix(line, "\n")
		_, err := Load("testdata/fixed/cdlc.yaml", strings.Split(line, " & "))
		if err == nil {
			t.Errorf("%q was accepted", line)
			continue
		}
		if re, ok := err.(*Error); !ok || !re.Usage() {
			t.Errorf("%q: %v is not an error of usage", line, err)
		}
		out.WriteString(err.Error() + "\n")
	}
	golden(t, "testdata/overrides.golden", out.String())
}

// equal compares two recipes but for where they were written.
func equal(a, b *Recipe) bool {
	x, y := *a, *b
	x.doc, y.doc = nil, nil
	for _, r := range []*Recipe{&x, &y} {
		if r.Text != nil { // the opened model is that of the same folder
			text := *r.Text
			text.base, r.Text = nil, &text
		}
	}
	return reflect.DeepEqual(x, y)
}

func TestEmbeddedRecipesLoadBackFromTheirResolvedText(t *testing.T) {
	list := List()
	if len(list) < 2 {
		t.Fatalf("%d embedded recipes", len(list))
	}
	var bases []string
	for _, s := range list {
		bases = append(bases, s.From)
		first := strings.Replace(path.Base(path.Dir(path.Dir(s.From))), "-", "/", 1)
		if s.From != "" && (!slices.Contains(Names(), first) || s.Command != "comlam run "+first+", then comlam run "+s.Name) {
			t.Errorf("%s goes on with %s, and its head says %q", s.Name, s.From, s.Command)
		}
	}
	testdata.Models(t, bases...)
	for _, s := range list {
		if s.About == "" || s.Measured == "" || !strings.HasPrefix(s.Command, "comlam ") {
			t.Errorf("%s: the head says %+v", s.Name, s)
		}
		checkRoundTrip(t, s.Name)
	}
}

func TestGoodRecipes(t *testing.T) {
	files, err := filepath.Glob("testdata/good/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal("no good recipes", err)
	}
	for _, file := range files {
		r := checkRoundTrip(t, file)
		text, err := r.Resolved()
		if err != nil {
			t.Fatal(err)
		}
		golden(t, strings.TrimSuffix(file, ".yaml")+".golden", string(text))
	}
}

// checkRoundTrip prints a recipe, reads what was printed and compares.
func checkRoundTrip(t *testing.T, nameOrPath string) *Recipe {
	t.Helper()
	r, err := Load(nameOrPath, nil)
	if err != nil {
		t.Fatal(err)
	}
	text, err := r.Resolved()
	if err != nil {
		t.Fatal(err)
	}
	back, err := (&Source{Name: r.Name, File: "resolved.yaml", Text: text}).Parse(nil)
	if err != nil {
		t.Fatalf("%s, resolved: %v\n%s", nameOrPath, err, text)
	}
	if !equal(r, back) {
		t.Errorf("%s changed by printing and reading it:\n%s", nameOrPath, text)
	}
	return r
}

func TestOverrides(t *testing.T) {
	r, err := Load("testdata/fixed/cdlc.yaml", []string{
		"seed=18446744073709551615", "train.steps=7", "train.schedule={name: constant, warmup_steps: 0}", "train.steps=8",
		"data.speed=3 to 30 km/h", "task.speeds=[1 km/h]", "model.patch_size=[2, 2, 2]", "data.mask.freq=null", "tune=null",
	})
	if err != nil {
		t.Fatal(err)
	}
	if r.Seed != 1<<64-1 || r.Train.Steps != 8 || r.Train.Schedule.Name != "constant" || r.Data.Mask.Freq != 1 || r.Tune != nil {
		t.Errorf("got %+v", r)
	}
	if got := r.Data.Speed.String(); got != "3 to 30 km/h" {
		t.Errorf("speed %q", got)
	}
	if r, err = Load("testdata/fixed/jakes.yaml", []string{"tune.steps=9"}); err != nil || r.Tune == nil || r.Tune.Steps != 9 {
		t.Errorf("a section made on the command line: %+v, %v", r, err)
	}
}

func TestSectionsAreCanonical(t *testing.T) {
	text := "task: {name: channelpred}\nmodel: {name: wifo}\ndata: {num_slots: 20, carrier: 3500 MHz}\n"
	a, err := (&Source{File: "a", Text: []byte(text)}).Parse(nil)
	if err != nil {
		t.Fatal(err)
	}
	text = "model: {name: wifo}\ndata:\n  carrier: 3.5e0 GHz\n  snr: 18.0 dB\ntask: {name: channelpred}\n"
	b, err := (&Source{File: "b", Text: []byte(text)}).Parse(nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range radioSections {
		x, errX := a.Section(name)
		y, errY := b.Section(name)
		if errX != nil || errY != nil || string(x) != string(y) {
			t.Errorf("section %s: %v %v\n%s\n%s", name, errX, errY, x, y)
		}
	}
	if _, err := a.Section("dta"); err == nil || !strings.Contains(err.Error(), `did you mean "data"`) {
		t.Error(err)
	}
}

func TestMissingRecipes(t *testing.T) {
	for name, want := range map[string]string{
		"channelpred/jake": `there is no recipe "channelpred/jake"; did you mean "channelpred/jakes"?`,
		"jakes":            `did you mean "channelpred/jakes"?`,
		"missing.yaml":     `there is no file "missing.yaml"; check the path`,
		"testdata":         `testdata: cannot read the recipe: it is not a regular file`,
	} {
		_, err := Load(name, nil)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", name, err, want)
		}
	}
}

func TestLargeFilesAreNotRead(t *testing.T) {
	file := filepath.Join(t.TempDir(), "large.yaml")
	if err := os.WriteFile(file, []byte(strings.Repeat("# x\n", maxBytes)), 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(file, nil); err == nil || !strings.Contains(err.Error(), "at most 65536") {
		t.Error(err)
	}
}

func TestValidateWithoutAFile(t *testing.T) {
	r, err := Load("channelpred/jakes", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.doc, r.Train.Steps = nil, 0
	if err := r.Validate(); err == nil || err.Error() != "train.steps: 0 is not positive; use 1 or more" {
		t.Error(err)
	}
	if err := new(Recipe).Validate(); err == nil {
		t.Error("a recipe without a task is valid")
	}
}

func FuzzRecipe(f *testing.F) {
	for _, pattern := range []string{"testdata/bad/*.yaml", "testdata/good/*.yaml", "../recipes/*/*.yaml"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(text, "train.steps=5")
		}
	}
	f.Fuzz(func(t *testing.T, text []byte, override string) {
		s := &Source{Name: "fuzz", File: "fuzz.yaml", Text: text}
		for _, overrides := range [][]string{nil, {override}} {
			r, err := s.Parse(overrides)
			if err != nil {
				if err.Error() == "" {
					t.Error("an error without words")
				}
				continue
			}
			resolved, err := r.Resolved()
			if err != nil {
				t.Fatal(err)
			}
			back, err := (&Source{Name: "fuzz", File: "resolved.yaml", Text: resolved}).Parse(nil)
			if err != nil || !equal(r, back) {
				t.Fatalf("%v\n%s", err, resolved)
			}
		}
	})
}
