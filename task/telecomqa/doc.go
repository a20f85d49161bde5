// Package telecomqa reads telecom multiple-choice questions and answers them without
// any knowledge: those are the bars that a language model has to pass before its
// score says anything.
//
// # Use
//
//	set, err := telecomqa.Load(files, telecomqa.Options{Password: ask})
//	exam, err := telecomqa.NewExam(set)       // with all bars
//	err = exam.Add("my model", eval.Learned, picked)
//	rows, err := exam.Rows()
//
// # Formats
//
//	teleqna    {"question 1": {"question", "option 1"..., "answer": "option 2: ...",
//	           "explanation", "category"}, ...}, plain or in the zip archive that is
//	           published, which is encrypted (arXiv:2310.15051)
//	oranbench  lines of [question, ["1. ...", ...], "2"], in files fin_E, fin_M and
//	           fin_H (arXiv:2407.06245)
//	questions  lines of {"question", "options" or "choices", "answer": index from 0,
//	           "category" or "subject", "id"}, plain or .gz, which spec/facts writes
//
// # What is wrong in published sets
//
// Nothing is repaired and nothing is dropped in silence: [Set].Findings lists, with
// the place of each, rows that cannot be asked (malformed; they are left out) and
// what is odd in others (they are asked as they stand).
//
//	malformed           the row has no such form, and is not asked
//	answer-text         the answer's text is not that of the option it names
//	repeated-option     two options are the same
//	repeated-question   the question with the same options stands there before
//
// The text of TeleQnA is published in an encrypted archive so that it does not get
// into training data. Findings name places and codes, not texts; keep per-sample
// files of an evaluation private as well.
package telecomqa
