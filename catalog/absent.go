package catalog

import "slices"

// Absence says why a field of an entry has no value.
type Absence string

// The reasons. The first four are written into the data where the link would stand;
// the others follow from what an entry is.
const (
	None          Absence = "none"           // the source was looked at and offers none
	Withheld      Absence = "withheld"       // it exists, and its makers do not publish it
	Unknown       Absence = "unknown"        // it was looked for, and could not be established
	Elsewhere     Absence = "elsewhere"      // it stands at an entry that See names
	WithCode      Absence = "with its code"  // the data are in the code's repository
	NotApplicable Absence = "does not apply" // there is nothing of the sort
)

var writtenAbsences = []Absence{None, Withheld, Unknown, Elsewhere}

// AbsentFields lists the fields that always have a value or an [Absence].
var AbsentFields = []string{"year", "authors", "paper", "code", "weights", "data", "licence", "weights_licence"}

// The words of a licence that is none.
const (
	NoLicence      = "none"    // the repository was looked at and has no licence
	UnknownLicence = "unknown" // what the terms are could not be established
)

// heading reports whether an entry stands for what is below it or for what it refers
// to, and so has no paper, code or weights of its own.
func (it *Item) heading() bool {
	return it.Kind == "stage" || it.Kind == "application" ||
		it.Leaf && it.Paper == "" && len(it.See)+len(it.Further)+len(it.Works) > 0
}

// explain moves the words that stand in place of links to Absent, and fills in what
// follows from the entry's kind. What is then neither given nor explained is found by
// [Catalog.Check].
func (it *Item) explain() {
	it.Absent = map[string]Absence{}
	for _, f := range []struct {
		name string
		link *Link
	}{{"paper", &it.Paper}, {"code", &it.Code}, {"weights", &it.Weights}, {"data", &it.Data}} {
		for _, a := range writtenAbsences {
			if string(*f.link) == string(a) {
				it.Absent[f.name], *f.link = a, ""
			}
		}
		if why := it.follows(f.name); *f.link == "" && it.Absent[f.name] == "" && why != "" {
			it.Absent[f.name] = why
		}
	}
	if len(it.Authors) == 0 && it.Paper == "" { // nobody has signed it, or it is signed elsewhere
		it.Absent["authors"] = it.Absent["paper"]
	}
	if it.Year == 0 && it.heading() {
		it.Absent["year"] = NotApplicable
	}
	if it.Licence == "" && it.Code == "" && it.Data == "" {
		it.Absent["licence"] = NotApplicable
	}
	if it.WeightsLicence == "" && it.Weights == "" {
		it.Absent["weights_licence"] = NotApplicable
	}
}

// follows is the absence of a link that follows from what an entry is, or "".
func (it *Item) follows(field string) Absence {
	referred := NotApplicable
	if len(it.See) > 0 {
		referred = Elsewhere
	}
	switch {
	case it.heading():
		return referred
	case field == "paper" && len(it.See) > 0:
		return Elsewhere
	case field == "data" && it.Kind == "dataset" && it.Code != "":
		return WithCode
	case field == "data" && it.Kind != "dataset", field == "weights" && it.Kind != "model",
		field == "code" && it.Kind == "dataset", field == "code" && it.Paper == "":
		return NotApplicable
	}
	return ""
}

// A Fact is a field of an entry with its value, or why it has none.
type Fact struct {
	Field string
	Label Name
	Value Name
	URL   string  // of a link
	Why   Absence // of a value that is none
}

// Facts lists paper, code, weights, data and licences of an entry, each with its value or
// why it has none.
func (it *Item) Facts() []Fact {
	var list []Fact
	for _, field := range AbsentFields[2:] {
		f := Fact{Field: field, Label: FieldName(field), Why: it.Absent[field]}
		link := map[string]Link{"paper": it.Paper, "code": it.Code, "weights": it.Weights, "data": it.Data}[field]
		licence := map[string]string{"licence": it.Licence, "weights_licence": it.WeightsLicence}[field]
		switch {
		case link != "":
			f.Value, f.URL = Name{string(link), string(link)}, link.URL()
		case licence != "":
			f.Value = LicenceName(licence)
		default:
			f.Value = AbsenceName(f.Why)
		}
		list = append(list, f)
	}
	return list
}

// Telling are the facts without those that follow from what an entry is.
func (it *Item) Telling() []Fact {
	return slices.DeleteFunc(it.Facts(), func(f Fact) bool { return f.Why == NotApplicable || f.Why == Elsewhere })
}

// explained checks that every field is given or its absence explained.
func (k *checker) explained(it *Item) {
	given := map[string]bool{
		"year": it.Year != 0, "authors": len(it.Authors) > 0, "paper": it.Paper != "", "code": it.Code != "", "weights": it.Weights != "",
		"data": it.Data != "", "licence": it.Licence != "", "weights_licence": it.WeightsLicence != "",
	}
	for _, field := range AbsentFields {
		switch why := it.Absent[field]; {
		case !given[field] && why == "":
			k.say(it.ID, "%s is empty; give it, or say why there is none: %q", field, writtenAbsences)
		case why == Elsewhere && len(it.See) == 0:
			k.say(it.ID, "%s is elsewhere; say where by see", field)
		}
	}
	if it.WeightsLicence != "" && it.Weights == "" {
		k.say(it.ID, "the weights have a licence, but there are no weights")
	}
}
