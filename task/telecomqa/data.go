package telecomqa

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/comlam/comlam/eval"
	"github.com/comlam/comlam/format/aeszip"
	"github.com/comlam/comlam/internal/bounded"
	"github.com/comlam/comlam/internal/setting"
)

// maxFile is how long a file of questions may be, unpacked: ten times TeleQnA.
const maxFile = 64 << 20

// The formats, as Options and Set name them.
const (
	TeleQnA   = "teleqna"
	ORANBench = "oranbench"
	Questions = "questions"
)

// Formats lists them.
var Formats = []string{TeleQnA, ORANBench, Questions}

// Codes of findings.
const (
	Malformed        = "malformed"
	AnswerText       = "answer-text"
	RepeatedOption   = "repeated-option"
	RepeatedQuestion = "repeated-question"
)

// titles are the names of sets in tables.
var titles = map[string]string{TeleQnA: "TeleQnA", ORANBench: "ORAN-Bench", Questions: "questions"}

// Finding is something in a file that a user of its questions has to know.
type Finding struct {
	Code  string `json:"code"`
	Where string `json:"where"` // name of the question, or file:line
	Text  string `json:"text"`
}

// Set is the questions of one or more files of the same format.
type Set struct {
	Name      string // display name, such as "TeleQnA"
	Format    string
	Questions []eval.Question
	Findings  []Finding
}

// Options say how files are read.
type Options struct {
	// Format is that of all files; empty means to look at each.
	Format string
	// Password is asked once where an archive is encrypted. It may be nil.
	Password func() (string, error)
}

// Count is the number of findings of a code.
func (s *Set) Count(code string) int {
	n := 0
	for _, f := range s.Findings {
		if f.Code == code {
			n++
		}
	}
	return n
}

// Load reads the files, which must be of one format; a folder stands for the files in
// it that hold questions. Errors name the file.
func Load(files []string, o Options) (*Set, error) {
	if o.Format != "" && !slices.Contains(Formats, o.Format) {
		return nil, setting.Bad("format", "use one of "+strings.Join(Formats, ", "), "%q is not read", o.Format)
	}
	files, err := expand(files)
	if err != nil {
		return nil, err
	}
	s := &Set{Format: o.Format}
	for _, file := range files {
		if err := s.load(file, o); err != nil {
			return nil, err
		}
	}
	if len(s.Questions) == 0 {
		return nil, bounded.Malformed(strings.Join(files, ", "), "no question can be asked; %d rows are malformed", s.Count(Malformed))
	}
	s.Name = titles[s.Format]
	if s.Format == Questions && len(files) == 1 {
		s.Name, _, _ = strings.Cut(filepath.Base(files[0]), ".")
	}
	s.findRepeated()
	return s, nil
}

// expand replaces folders by the files in them that may hold questions.
func expand(files []string) ([]string, error) {
	var list []string
	for _, file := range files {
		info, err := os.Stat(file)
		if err != nil {
			return nil, err
		}
		if !info.IsDir() {
			list = append(list, file)
			continue
		}
		entries, err := os.ReadDir(file)
		if err != nil {
			return nil, err
		}
		before := len(list)
		for _, e := range entries {
			if mayHold(e) {
				list = append(list, filepath.Join(file, e.Name()))
			}
		}
		if len(list) == before {
			return nil, bounded.Malformed(file, "the folder has no file .json, .jsonl, .jsonl.gz or .zip; name the file of questions")
		}
	}
	return list, nil
}

func mayHold(e fs.DirEntry) bool {
	name := e.Name()
	return e.Type().IsRegular() && !strings.HasPrefix(name, ".") && slices.ContainsFunc([]string{".json", ".jsonl", ".jsonl.gz", ".zip"}, func(end string) bool {
		return strings.HasSuffix(name, end)
	})
}

// load adds the questions of one file.
func (s *Set) load(file string, o Options) error {
	text, err := contents(file, o.Password)
	if err != nil {
		return err
	}
	format := o.Format
	if format == "" {
		if format, err = detect(file, text); err != nil {
			return err
		}
	}
	if s.Format != "" && s.Format != format {
		return bounded.Malformed(file, "it holds %s, the files before it %s; give files of one format", format, s.Format)
	}
	s.Format = format
	switch format {
	case TeleQnA:
		return s.readTeleQnA(file, text)
	case ORANBench:
		return s.readORANBench(file, text)
	}
	return s.readQuestions(file, text)
}

// contents is the plain text of a file: unzipped, decrypted, unpacked.
func contents(file string, password func() (string, error)) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	raw, err := bounded.NewReader(f, maxFile).All()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	switch {
	case bytes.HasPrefix(raw, []byte("PK")):
		raw, err = unzip(raw, password)
	case bytes.HasPrefix(raw, []byte("\x1f\x8b")):
		raw, err = gunzip(raw)
	}
	var format *bounded.FormatError
	if errors.As(err, &format) {
		return nil, bounded.Malformed(file, "%v", err)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return bytes.TrimPrefix(raw, []byte("\ufeff")), nil
}

// unzip reads the one file of questions in an archive.
func unzip(raw []byte, password func() (string, error)) ([]byte, error) {
	a, err := aeszip.Open(bytes.NewReader(raw), int64(len(raw)))
	if err != nil {
		return nil, err
	}
	names := slices.DeleteFunc(a.Members(), func(name string) bool {
		end := strings.ToLower(filepath.Ext(name))
		return end != ".txt" && end != ".json" && end != ".jsonl" || strings.HasPrefix(name, "__MACOSX")
	})
	if len(names) != 1 {
		return nil, bounded.Malformed("", "the archive holds %q; exactly one .txt, .json or .jsonl is read", a.Members())
	}
	text, err := a.Read(names[0], "", maxFile)
	if !errors.Is(err, aeszip.ErrPassword) || password == nil {
		return text, err
	}
	word, err := password()
	if err != nil {
		return nil, err
	}
	return a.Read(names[0], word, maxFile)
}

func gunzip(raw []byte) ([]byte, error) {
	z, err := gzip.NewReader(bytes.NewReader(raw))
	if err != nil {
		return nil, bounded.Malformed("", "not a gzip file: %v", err)
	}
	text, err := bounded.NewReader(z, maxFile).All()
	var limit *bounded.LimitError
	if err != nil && !errors.As(err, &limit) {
		return nil, bounded.Malformed("", "the gzip file is damaged: %v", err)
	}
	return text, err
}

// detect tells the formats by how they begin.
func detect(file string, text []byte) (string, error) {
	start := bytes.TrimLeft(text[:min(len(text), 4096)], " \t\r\n")
	if bytes.HasPrefix(start, []byte("[")) {
		return ORANBench, nil
	}
	if body, ok := bytes.CutPrefix(start, []byte("{")); ok {
		if bytes.HasPrefix(bytes.TrimLeft(body, " \t\r\n"), []byte(`"question `)) {
			return TeleQnA, nil
		}
		return Questions, nil
	}
	return "", bounded.Malformed(file, "it holds no questions in a known format; %s, %s and %s are read", TeleQnA, ORANBench, Questions)
}

func (s *Set) find(code, where, format string, args ...any) {
	s.Findings = append(s.Findings, Finding{code, where, fmt.Sprintf(format, args...)})
}

// add takes a question, or reports why it cannot be asked.
func (s *Set) add(where string, q eval.Question) {
	switch {
	case strings.TrimSpace(q.Text) == "":
		s.find(Malformed, where, "the question is empty")
	case len(q.Options) < 2:
		s.find(Malformed, where, "%d option(s)", len(q.Options))
	case slices.ContainsFunc(q.Options, func(o string) bool { return strings.TrimSpace(o) == "" }):
		s.find(Malformed, where, "an option is empty")
	case q.Answer < 0 || q.Answer >= len(q.Options):
		s.find(Malformed, where, "the answer is option %d of %d", q.Answer+1, len(q.Options))
	default:
		s.Questions = append(s.Questions, q)
		for i, o := range q.Options {
			if first := slices.Index(q.Options, o); first < i {
				s.find(RepeatedOption, where, "options %d and %d are the same", first+1, i+1)
				break
			}
		}
	}
}

// findRepeated reports questions that stand there twice.
func (s *Set) findRepeated() {
	first := map[string]string{}
	for _, q := range s.Questions {
		key := sameKey(q)
		if id, ok := first[key]; ok {
			s.find(RepeatedQuestion, q.ID, "it is the same as %s", id)
			continue
		}
		first[key] = q.ID
	}
}

// sameKey is equal for questions that differ in capitals, spaces and the order of
// their options only.
func sameKey(q eval.Question) string {
	options := make([]string, len(q.Options))
	for i, o := range q.Options {
		options[i] = plain(o)
	}
	slices.Sort(options)
	return plain(q.Text) + "\x00" + strings.Join(options, "\x00")
}

func plain(text string) string { return strings.Join(strings.Fields(strings.ToLower(text)), " ") }
