package catalog

import (
	"fmt"
	"net/url"
	"regexp"
	"strconv"
	"strings"
)

// Link is a link in short form: arxiv:2106.09685, ieee:10500305, doi:10.1000/x,
// openreview:ID, github:owner/name, hf:owner/name, hf-dataset:owner/name, or a full
// https address for anything else.
type Link string

// A scheme is one short form.
type scheme struct {
	name    string
	id      *regexp.Regexp
	address string // what the id is appended to
	papers  bool   // it leads to a paper
}

var schemes = []scheme{
	{"arxiv", regexp.MustCompile(`^\d{2}(0[1-9]|1[0-2])\.\d{4,5}$`), "https://arxiv.org/abs/", true},
	{"ieee", regexp.MustCompile(`^\d{6,9}$`), "https://ieeexplore.ieee.org/document/", true},
	{"doi", regexp.MustCompile(`^10\.\d{4,9}/[^\s"<>]+$`), "https://doi.org/", true},
	{"openreview", regexp.MustCompile(`^[A-Za-z0-9_-]{8,12}$`), "https://openreview.net/forum?id=", true},
	{"github", regexp.MustCompile(`^[A-Za-z0-9-]+/[A-Za-z0-9._-]+$`), "https://github.com/", false},
	{"hf", regexp.MustCompile(`^[A-Za-z0-9._-]+/[A-Za-z0-9._-]+$`), "https://huggingface.co/", false},
	{"hf-dataset", regexp.MustCompile(`^[A-Za-z0-9._-]+/[A-Za-z0-9._-]+$`), "https://huggingface.co/datasets/", false},
}

// parse splits a link; for a full address the scheme is nil and the id is all.
func (l Link) parse() (*scheme, string, error) {
	name, id, found := strings.Cut(string(l), ":")
	if name == "https" {
		return nil, string(l), checkAddress(string(l))
	}
	var names []string
	for i := range schemes {
		names = append(names, schemes[i].name)
		if s := &schemes[i]; found && s.name == name {
			if !s.id.MatchString(id) {
				return nil, "", fmt.Errorf("link %q: %q is no %s id", l, id, name)
			}
			return s, id, nil
		}
	}
	return nil, "", fmt.Errorf("link %q is neither https:// nor one of %s", l, strings.Join(names, ", "))
}

// checkAddress refuses an address that is not whole or carries pieces of HTML.
func checkAddress(address string) error {
	u, err := url.Parse(address)
	switch {
	case err != nil:
		return fmt.Errorf("link %q: %w", address, err)
	case strings.ContainsAny(address, " \t\n\"'<>(){}|\\^`"):
		return fmt.Errorf("link %q: it holds a space, quote or bracket, perhaps a piece of HTML", address)
	case u.User != nil || u.Port() != "" || !strings.Contains(strings.Trim(u.Host, "."), "."):
		return fmt.Errorf("link %q: %q is no public host", address, u.Host)
	}
	return nil
}

// URL is the full address, or "" for a link that Check refuses.
func (l Link) URL() string {
	s, id, err := l.parse()
	switch {
	case err != nil:
		return ""
	case s == nil:
		return id
	}
	return s.address + id
}

// paper reports whether a link leads to a paper.
func (l Link) paper() bool {
	s, id, err := l.parse()
	if err != nil {
		return false
	}
	if s != nil {
		return s.papers
	}
	return strings.HasSuffix(id, ".pdf") || strings.Contains(id, "openaccess.thecvf.com") ||
		strings.HasPrefix(id, "https://openai.com/index/") || shortForm(id) != ""
}

// shortForm is the short form that a full address should have been given in, or "".
func shortForm(address string) string {
	for _, s := range schemes {
		if id, ok := strings.CutPrefix(address, s.address); ok && s.id.MatchString(id) {
			return s.name + ":" + id
		}
	}
	for _, prefix := range []string{"https://arxiv.org/pdf/", "https://www.arxiv.org/abs/"} {
		if id, ok := strings.CutPrefix(address, prefix); ok {
			return "arxiv:" + strings.TrimSuffix(id, ".pdf")
		}
	}
	return ""
}

// id is what stands behind a short form, or "" for a link of another form.
func (l Link) id(scheme string) string {
	id, ok := strings.CutPrefix(string(l), scheme+":")
	if !ok {
		return ""
	}
	return id
}

// year is that of an arXiv number, or 0.
func (l Link) year() int {
	id := l.id("arxiv")
	if len(id) < 2 {
		return 0
	}
	yy, err := strconv.Atoi(id[:2])
	if err != nil {
		return 0
	}
	return 2000 + yy
}
