// Package corpus reads documents: texts in files and folders, always in the same
// order, so that training can stop and go on.
//
//	source, err := corpus.Open("data/prose", "notes.jsonl.gz")
//	for d, err := range source.Documents(0) {
//		...
//	}
//
// # Files
//
//	.jsonl, .jsonl.gz   one JSON object a line with "text" and, if it has one, "id"
//	.md, .txt, .rst     one document a file
//
// Folders are walked in the order of their names, without hidden files and links.
// Files are read as they are needed; memory holds one document.
//
// # Errors
//
// A text is UTF-8 or an error: characters that nobody can read would train a model on
// noise. A line that is not such an object is an error that names file and line;
// nothing is skipped but blank lines, and a document with an empty text is a document.
// Errors are *[bounded.FormatError] and *[bounded.LimitError], and those of package os.
//
// # Splits
//
// [Part] takes the documents whose contents fall into an interval by their hash. A text
// falls into the same part wherever it stands, so copies never end up on both sides.
package corpus
