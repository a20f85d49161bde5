// Package facts holds what the telecom standards say as single facts that a reader can
// check by hand, and makes from them what a language model learns from and is measured
// with: documents, instructions, multiple-choice questions and preference pairs.
//
// # Facts
//
// A fact is one line of data/*.tsv: relation, subject, value, unit, clause, release.
// No two facts have relation and subject in common, so a question has one right answer,
// and the value of another subject is a wrong one if it differs. The release is one
// whose text says so, not always the first; "-" stands for documents without releases.
// Numerologies, channels, MCS, CQI and transport block sizes are read from package
// wireless/nr. How a relation is spoken of is in data/*.yaml. Facts only are taken from
// the standards; every sentence is our own.
//
//	c, err := facts.Load()
//	f, ok := c.Find("band-uplink", "n1")       // 1920-1980 MHz, TS 38.101-1 Table 5.2-1
//	g, err := c.Generator(facts.Default())
//	for q := range g.Choices(facts.Test, facts.Tuned) { ... }
//
// # Exposure: what a model may know
//
// A generator divides the facts, whole subjects at a time. Tuned facts are in
// documents, instructions and training questions. Read facts are in documents only.
// Unseen facts are nowhere: a model that does better than chance on them guesses from
// something else, or they leaked. Only relations in which a subject tells nothing about
// its value by itself have unseen facts: no ordered tables, whose neighbours would give
// a value away, and no abbreviations, whose letters would.
//
// # Phrasing: how it is said
//
// Questions come in three phrasings, [Train], [Validation] and [Test]. No four words in
// a row of a Validation or Test template, outside what stands for subject, value and
// clause, occur in a training template, documents included. A test computes it.
//
// # Questions without a giveaway
//
// Multiple-choice questions are made in closed groups: as many facts of one relation
// as there are options, with different values of similar length. Each fact of the group is
// asked, and the options are the group's values. Every option is therefore right exactly
// once in its group, and whatever does not look at the subject (length, position, how
// frequent a value is, which words it has) is right exactly as often as chance: one time
// in the number of options. Preference pairs are made in the same groups: each value wins
// once and loses once.
//
// Options are texts to be scored as such: an answer is never only a letter.
//
// # Reproducible
//
// The same seed and tables give the same examples in the same order on every machine.
// Every example says which facts, templates and clauses it is from.
package facts
