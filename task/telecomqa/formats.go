package telecomqa

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/comlam/comlam/eval"
	"github.com/comlam/comlam/internal/bounded"
)

// readTeleQnA reads one object of questions by name.
func (s *Set) readTeleQnA(file string, text []byte) error {
	d := json.NewDecoder(bytes.NewReader(text))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return bounded.Malformed(file, "it is not one JSON object of questions")
	}
	seen := map[string]bool{}
	for d.More() {
		t, err := d.Token()
		name, ok := t.(string)
		if err != nil || !ok {
			return bounded.Malformed(file, "byte %d: %v where a question's name should stand", d.InputOffset(), orEnd(err))
		}
		var row map[string]json.RawMessage
		if err := d.Decode(&row); err != nil {
			return bounded.Malformed(file, "%q: %v", name, err)
		}
		if seen[name] {
			s.find(Malformed, name, "a question of that name stands there before")
			continue
		}
		seen[name] = true
		s.addTeleQnA(name, row)
	}
	if _, err := d.Token(); err != nil {
		return bounded.Malformed(file, "byte %d: the object does not end: %v", d.InputOffset(), err)
	}
	if d.More() {
		return bounded.Malformed(file, "byte %d: something follows the object", d.InputOffset())
	}
	return nil
}

func orEnd(err error) string {
	if err == nil {
		return "something else"
	}
	return err.Error()
}

// addTeleQnA takes one question, whose answer reads "option 2: the text of it".
func (s *Set) addTeleQnA(name string, row map[string]json.RawMessage) {
	field := map[string]string{}
	for key, raw := range row {
		var v string
		if json.Unmarshal(raw, &v) != nil {
			s.find(Malformed, name, "%q is not a text", key)
			return
		}
		field[key] = v
	}
	q := eval.Question{ID: name, Category: field["category"], Text: field["question"], Answer: -1}
	numOptions := 0
	for key := range field {
		if strings.HasPrefix(key, "option ") {
			numOptions++
		}
	}
	for i := 1; i <= numOptions; i++ {
		o, ok := field["option "+strconv.Itoa(i)]
		if !ok {
			s.find(Malformed, name, "%d options and none is called %d", numOptions, i)
			return
		}
		q.Options = append(q.Options, o)
	}
	head, answer, _ := strings.Cut(field["answer"], ":")
	number, err := strconv.Atoi(strings.TrimPrefix(head, "option "))
	if err != nil {
		s.find(Malformed, name, `the answer does not begin with "option" and a number`)
		return
	}
	q.Answer = number - 1
	before := len(s.Questions)
	s.add(name, q)
	if len(s.Questions) > before && strings.TrimSpace(answer) != strings.TrimSpace(q.Options[q.Answer]) {
		s.find(AnswerText, name, "the answer's text is not that of option %d, which it names", number)
	}
}

// tiers are the difficulties of ORAN-Bench by the letter in the file's name.
var tiers = map[string]string{"fin_E": "easy", "fin_M": "intermediate", "fin_H": "difficult"}

// readORANBench reads lines of [question, [options], "number of the answer"].
func (s *Set) readORANBench(file string, text []byte) error {
	stem, _, _ := strings.Cut(filepath.Base(file), ".")
	category := tiers[stem]
	if category == "" {
		category = stem
	}
	return eachLine(text, func(line int, row []byte) error {
		where := fmt.Sprintf("%s:%d", filepath.Base(file), line)
		var parts []json.RawMessage
		if err := json.Unmarshal(row, &parts); err != nil {
			return bounded.Malformed(fmt.Sprintf("%s:%d", file, line), "not a JSON list: %v", err)
		}
		q := eval.Question{ID: where, Category: category}
		var answer string
		if len(parts) != 3 || json.Unmarshal(parts[0], &q.Text) != nil || json.Unmarshal(parts[1], &q.Options) != nil || json.Unmarshal(parts[2], &answer) != nil {
			s.find(Malformed, where, "the row is not [text, [texts], text]")
			return nil
		}
		number, err := strconv.Atoi(answer)
		switch {
		case len(q.Options) != 4: // every question of this set has four
			s.find(Malformed, where, "%d option(s) where the set has 4", len(q.Options))
		case err != nil:
			s.find(Malformed, where, "the answer is not a number")
		default:
			q.Answer = number - 1
			q.Options = unnumbered(q.Options)
			s.add(where, q)
		}
		return nil
	})
}

// unnumbered takes the numbers off "1. one", "2. two" where all options have them.
func unnumbered(options []string) []string {
	list := make([]string, len(options))
	for i, o := range options {
		rest, ok := strings.CutPrefix(strings.TrimSpace(o), strconv.Itoa(i+1)+".")
		if !ok {
			return options
		}
		list[i] = strings.TrimSpace(rest)
	}
	return list
}

// readQuestions reads lines of objects.
func (s *Set) readQuestions(file string, text []byte) error {
	return eachLine(text, func(line int, row []byte) error {
		where := fmt.Sprintf("%s:%d", filepath.Base(file), line)
		var v struct {
			ID       json.RawMessage `json:"id"`
			Question string          `json:"question"`
			Options  []string        `json:"options"`
			Choices  []string        `json:"choices"`
			Answer   *int            `json:"answer"`
			Category string          `json:"category"`
			Subject  string          `json:"subject"`
		}
		if !json.Valid(row) {
			return bounded.Malformed(fmt.Sprintf("%s:%d", file, line), "the line is not JSON")
		}
		if err := json.Unmarshal(row, &v); err != nil {
			s.find(Malformed, where, "%v", err)
			return nil
		}
		if v.Answer == nil {
			s.find(Malformed, where, `there is no "answer", the index of the right option from 0`)
			return nil
		}
		q := eval.Question{ID: where, Category: v.Category, Text: v.Question, Options: v.Options, Answer: *v.Answer}
		if len(v.ID) > 0 && string(v.ID) != "null" {
			q.ID = unquoted(v.ID)
		}
		if q.Category == "" {
			q.Category = v.Subject
		}
		if len(q.Options) == 0 {
			q.Options = v.Choices
		}
		s.add(where, q)
		return nil
	})
}

// unquoted is the text of a JSON string, or a number as it stands.
func unquoted(raw json.RawMessage) string {
	var text string
	if json.Unmarshal(raw, &text) != nil {
		return string(raw)
	}
	return text
}

// eachLine calls visit for every line that is not blank; lines count from 1.
func eachLine(text []byte, visit func(line int, row []byte) error) error {
	line := 0
	for row := range bytes.Lines(text) {
		line++
		if row = bytes.TrimSpace(row); len(row) == 0 {
			continue
		}
		if err := visit(line, row); err != nil {
			return err
		}
	}
	return nil
}
