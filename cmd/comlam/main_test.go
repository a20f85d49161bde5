package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// processVariable makes the test binary the program, or one that does not stop when
// it is asked to.
const processVariable = "COMLAM_TEST_PROCESS"

// golden compares got with a file under testdata, or rewrites the file.
func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
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

// call runs a command line in the process.
func call(args ...string) (code int, out, err string) {
	var o, e bytes.Buffer
	code = comlam(args, strings.NewReader(""), &o, &e)
	return code, o.String(), e.String()
}

// transcript shows calls as on a terminal: what was typed, standard output,
// standard error behind "! ", and an exit code that is not 0.
func transcript(calls ...string) string {
	var b strings.Builder
	for _, line := range calls {
		var args []string
		for _, word := range strings.Fields(line)[1:] {
			args = append(args, strings.ReplaceAll(word, "~", " "))
		}
		code, out, err := call(args...)
		fmt.Fprintf(&b, "$ %s\n%s", line, out)
		for line := range strings.Lines(err) {
			b.WriteString("! " + line)
		}
		if code != 0 {
			fmt.Fprintf(&b, "exit code %d\n", code)
		}
		b.WriteString("\n")
	}
	return b.String()
}

func TestHelp(t *testing.T) {
	golden(t, "help.txt", transcript(
		"comlam", "comlam --help", "comlam help recipe", "comlam demo --help", "comlam run --help", "comlam plan --help",
		"comlam recipe", "comlam recipe ls --help", "comlam recipe cat --help", "comlam recipe cp --help", "comlam recipe validate --help",
		"comlam runs", "comlam runs ls --help", "comlam runs show --help", "comlam runs plot --help", "comlam runs diff --help", "comlam runs verify --help", "comlam runs resume --help",
		"comlam csi", "comlam csi gen --help", "comlam csi info --help", "comlam csi convert --help", "comlam csi plot --help", "comlam link", "comlam link run --help", "comlam chat --help", "comlam export", "comlam export hf --help", "comlam eval --help", "comlam facts", "comlam facts ls --help", "comlam facts make --help", "comlam bench", "comlam bench engine --help", "comlam bench radio --help", "comlam models --help", "comlam tasks --help", "comlam doctor --help", "comlam version --help",
	))
}

func TestFirstStepsAreSixLines(t *testing.T) {
	if _, out, _ := call(); strings.Count(out, "\n") != 6 {
		t.Errorf("got %q", out)
	}
}

func TestMistakes(t *testing.T) {
	work := t.TempDir()
	for name, text := range map[string]string{
		"bad.yaml":      "task: {name: channelpred}\nmodel: {name: wifo}\ntrain:\n  step: 5\n",
		"own.yaml":      "task: {name: channelpred}\nmodel: {name: wifo}\n",
		"manifest.json": "{}",
		"odd.jsonl":     "{\"question\": \"q\", \"options\": [\"one\"], \"answer\": 0}\n",
	} {
		if err := os.WriteFile(filepath.Join(work, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	wd, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(work)
	got := transcript(
		"comlam demmo", "comlam recipe dog", "comlam help dmo", "comlam help recipe dog",
		"comlam run", "comlam demo now", "comlam demo --shrt", "comlam runs show a b",
		"comlam recipe validate own.yaml train.step=5", "comlam recipe validate own.yaml train.steps", "comlam run own.yaml --seed=-1",
		"comlam recipe validate bad.yaml", "comlam recipe validate bad.yaml --json", "comlam run bad.yaml -q",
		"comlam recipe cp own.yaml bad.yaml", "comlam recipe cp own.yaml no/such/folder.yaml",
		"comlam runs show nothing", "comlam runs plot own.yaml", "comlam -C missing recipe ls",
		"comlam csi gen", "comlam csi gen -o h.mat", "comlam csi gen -o h.npy -n 0", "comlam csi gen -o h.npy --first 18446744073709551615",
		"comlam csi gen -o h.npy --shard 3/2", "comlam csi gen -o h.npy --shard 1/3 --shards 2", "comlam csi gen -o h.npy -n 2 --shards 3",
		"comlam csi info", "comlam csi info h.mat", "comlam csi info no.npy", "comlam csi info own.yaml", "comlam csi convert own.yaml", "comlam csi convert no.npy x.h5",
		"comlam csi convert no.npy x.npy", "comlam csi convert no.npy x.npy --view imaginary", "comlam csi convert no.npy own.yaml",
		"comlam csi plot no.npy", "comlam csi plot no.npy -o a.pdf", "comlam csi plot no.npy -o a.png --kind pdf", "comlam csi plot no.npy -o a.png", "comlam csi plot no.npy -o a.png --scale 0", "comlam csi plot cdl-c -o a.png --kind coverage", "comlam csi plot umi -o a.png --kind coverage --carrier 1",
		"comlam link run modulation=8psk", "comlam link run snr=5", "comlam link run snr=9~to~3~dB", "comlam link run code=polar num_bits=5", "comlam link run modulaton=qpsk", "comlam link run 16qam", "comlam link run --title 误码率 -o ber.png",
		"comlam link run code=transport transport.adapt=inner", "comlam link run channel=tdl-a code=transport transport.adapt=inner", "comlam link run code=transport transport.adapt=olla", "comlam link run code=transport transport.target=1",
		"comlam link run code=ldpc rate=1e-9", "comlam link run channel=tdl-a num_rx=64 num_layers=2 slot.num_prb=275", "comlam link run channel=tdl-a slot.num_symbols=2", "comlam link run snr=0~to~1e-6~by~1e-7~dB",
		"comlam link run -o ber.pdf", "comlam link run num_rx=1,2,3,4,5,6", "comlam link run code=transport transport.mcs=30", "comlam link run channel=tdl-f", "comlam link run channel=tdl-a code=ldpc", "comlam link run channel=tdl-a slot.dmrs.type=3", "comlam link run channel=tdl-a slot.speed=30", "comlam link run num_layers=2", "comlam link run channel=rayleigh num_layers=3 num_rx=2 detector=zf",
		"comlam bench engine --only gtp", "comlam bench engine --legs tpu", "comlam bench engine now", "comlam bench radio --legs aff3ct", "comlam bench engin",
		"comlam eval", "comlam eval bars", "comlam eval bars nothing.jsonl", "comlam eval bars own.yaml", "comlam eval bars own.yaml --format squad",
		"comlam eval bars odd.jsonl", "comlam eval bars odd.jsonl --json",
		"comlam facts make", "comlam facts make f --tables band", "comlam facts make f --unseen 2", "comlam facts ls --table q0s", "comlam facts ls --relation nothing", "comlam facts make . --tables rnti",
		"comlam csi gen -o h.npy train.steps=5", "comlam csi gen -o h.npy data.speed=30", "comlam csi gen -o no/such.npy -n 1", "comlam version --json --bogus",
	)
	t.Chdir(wd)
	golden(t, "mistakes.txt", got)
}

// fewQuestions are an exam with two categories and a row that cannot be asked.
const fewQuestions = `{"id": "a", "question": "How long is a slot of numerology 1?", "options": ["0.5 ms", "1 ms", "a whole frame"], "answer": 0, "category": "frame"}
{"id": "b", "question": "What does RNTI stand for?", "options": ["a radio network temporary identifier", "a route"], "answer": 0, "category": "words"}
{"id": "c", "question": "What does it stand for?", "options": ["nothing"], "answer": 0, "category": "words"}
`

func TestWorkingCommands(t *testing.T) {
	wd, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	work := t.TempDir()
	text := "task: {name: channelpred}\nmodel: {name: wifo}\n"
	if err := os.WriteFile(filepath.Join(work, "own.yaml"), []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(work, "questions.jsonl"), []byte(fewQuestions), 0o666); err != nil {
		t.Fatal(err)
	}
	t.Chdir(work)
	got := transcript(
		"comlam facts ls --relation rnti-value", "comlam facts ls --relation rnti-value --json", "comlam facts ls --search T300 -q", "comlam facts make out --tables rnti,dci --tellings 1",
		"comlam eval bars questions.jsonl", "comlam eval bars questions.jsonl --findings", "comlam eval bars questions.jsonl --json",
		"comlam models", "comlam models -q", "comlam models --json", "comlam tasks", "comlam runs ls", "comlam runs ls --json",
		"comlam recipe validate own.yaml train.steps=500 seed=3", "comlam recipe validate own.yaml --json",
		"comlam recipe cat own.yaml", "comlam recipe cat own.yaml --json",
		"comlam recipe cp own.yaml", "comlam recipe cp own.yaml copy.yaml", "comlam recipe cp own.yaml copy.yaml --force --json",
		"comlam csi gen -n 3 -o h.npy --dry-run data.num_slots=7", "comlam csi gen -n 3 -o h.npy data.channel=tdl-a data.speed=3~to~30~km/h",
		"comlam csi gen -n 3 -o h.npy --recipe own.yaml --seed 9 -q",
		"comlam link run modulation=qpsk,16qam channel=rayleigh max_blocks=20 snr=0~to~10~by~5~dB -o ber.svg", "comlam link run code=ldpc --dry-run", "comlam link run snr=4~dB max_blocks=60 --joint", "comlam link run channel=rayleigh num_layers=2 num_rx=2 detector=zf,ml max_blocks=30 snr=10~dB", "comlam link run channel=cdl-c code=transport num_rx=2 snr=2~dB slot.num_prb=2 max_blocks=40",
		"comlam link run channel=tdl-c code=transport transport.adapt=outer,fixed num_rx=2 snr=10~dB snr_is=es_n0 slot.num_prb=2 max_blocks=60",
		"comlam link run channel=tdl-c code=transport transport.adapt=inner snr_is=es_n0 slot.num_prb=2 --dry-run",
		"comlam link run channel=tdl-c slot.delay_spread=1~us slot.num_prb=2 snr=20~dB snr_is=es_n0 max_blocks=40",
		"comlam link run code=transport slot.num_prb=2 transport.transmissions=3 transport.mcs=1 snr=-12~to~-6~by~3~dB max_blocks=50 snr_is=es_n0",
	)
	t.Chdir(wd)
	golden(t, "working.txt", got)
	for _, name := range []string{"copy.yaml", "h.npy", "h.json", "ber.svg"} {
		if _, err := os.Stat(filepath.Join(work, name)); err != nil {
			t.Error(err)
		}
	}
}

// oneObject reads the one line of JSON that a command prints.
func oneObject(t *testing.T, out string) map[string]any {
	t.Helper()
	var v map[string]any
	if err := json.Unmarshal([]byte(out), &v); err != nil || strings.Count(out, "\n") != 1 || !strings.HasSuffix(out, "\n") {
		t.Errorf("%q is not one JSON object on one line: %v", out, err)
	}
	return v
}

func TestEveryCommandPrintsOneObject(t *testing.T) {
	dir := t.TempDir()
	for _, line := range []string{
		"", "recipe ls", "recipe cat channelpred/jakes", "recipe cat channelpred/jakes --resolved", "recipe validate channelpred/cdlc",
		"runs ls", "csi gen -n 2 -o a.npy", "csi info a.npy", "csi convert a.npy a.npz --compress", "csi plot a.npy -o a.svg", "csi gen -n 2 -o b.npy --dry-run --recipe channelpred/cdlc", "link run max_blocks=2", "link run --dry-run", "models", "tasks", "doctor", "version",
		"facts ls", "facts ls --search nothing", "facts make f", "recipe cp channelpred/jakes", "run channelpred/jakes --dry-run", "run channelpred/jakes --seed x", "no-such-command", "runs show x",
	} {
		code, out, _ := call(append(strings.Fields(line), "--json", "-C", dir)...)
		v := oneObject(t, out)
		if _, failed := v["error"]; failed != (code != 0) {
			t.Errorf("%q: exit code %d, %s", line, code, out)
		}
	}
}

func TestRecipesAreListed(t *testing.T) {
	for _, args := range [][]string{{"recipe", "ls"}, {"recipe", "ls", "-q"}, {"__complete", "run", "channel"}, {"__complete", "csi", "gen", "--recipe", ""}} {
		if code, out, _ := call(args...); code != 0 || !strings.Contains(out, "channelpred/jakes\n") {
			t.Errorf("%v: exit code %d, %q", args, code, out)
		}
	}
}

func TestDoctor(t *testing.T) {
	code, out, _ := call("doctor")
	if code != 0 || !strings.Contains(out, "engine") || !strings.Contains(out, "memory") {
		t.Errorf("exit code %d, %s", code, out)
	}
	h := health{Kernel: "cpu/portable", AvailMiB: 100, DiskFreeMiB: 10}
	if p := h.diagnose(); len(p) < 3 {
		t.Errorf("a sick machine has the problems %q", p)
	}
}

// broken panics when it is written to.
type broken struct{}

func (broken) Write([]byte) (int, error) { panic("wires\ncut") }

func TestPanicIsOneLine(t *testing.T) {
	var stderr bytes.Buffer
	code := comlam([]string{"models"}, strings.NewReader(""), broken{}, &stderr)
	if got := stderr.String(); code != exitBug || strings.Count(got, "\n") != 1 || !strings.Contains(got, "wires | cut") {
		t.Errorf("exit code %d, %q", code, got)
	}
	t.Setenv("COMLAM_DEBUG", "1")
	stderr.Reset()
	if comlam([]string{"models"}, strings.NewReader(""), broken{}, &stderr); !strings.Contains(stderr.String(), "goroutine") {
		t.Error("COMLAM_DEBUG=1 shows no stack")
	}
}

func TestNothingIsColouredInAPipe(t *testing.T) {
	if _, out, err := call("nonsense"); strings.Contains(out+err, "\x1b") {
		t.Errorf("%q", out+err)
	}
}

func TestFullDevice(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip("no /dev/full: ", err)
	}
	defer full.Close()
	if code := comlam([]string{"recipe", "cat", "channelpred/jakes"}, strings.NewReader(""), full, io.Discard); code != exitResources {
		t.Errorf("exit code %d, want %d", code, exitResources)
	}
}
