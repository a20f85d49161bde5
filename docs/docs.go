// Package docs holds a snapshot of the documentation of ComLAM inside the program: real
// documents that are there without a download, for the demonstration to be trained and
// measured on.
package docs

import _ "embed"

// Sections are the sections of the pages in this folder as they were in November 2026:
// records {"id", "text"} of .jsonl.gz, in the order of the pages. It is a snapshot and not
// the pages themselves so that what is trained on it does not change with each correction
// of a page; "go generate" takes a new one, and with it the results of recipes change.
//
//go:generate go run ./snapshot
//go:embed sections.jsonl.gz
var Sections []byte
