package spec

import (
	"fmt"
	"regexp"
	"strings"
)

// reStructuredText as docutils and Sphinx have it. Comments are no part of a document
// and are left out; a directive that is not known stays as a paragraph with its name
// and argument before what stands below it, a substitution as it is written.

// A rstReader makes blocks of lines.
type rstReader struct {
	t      *tree
	styles []string // of headings: underline, or both lines, from the outermost
	anchor string   // a target that the next heading takes
}

func readRST(t *tree, data []byte) error {
	lines := strings.Split(string(data), "\n")
	for i, l := range lines {
		lines[i] = strings.TrimRight(untab(l), " \f\v")
	}
	r := &rstReader{t: t}
	if err := r.blocks(lines, 0, t.add); err != nil {
		return err
	}
	return t.err
}

var (
	rstBullet    = regexp.MustCompile(`^[-*+•](?: +|$)`)
	rstEnum      = regexp.MustCompile(`^\(?(\d{1,8}|#|[a-zA-Z]|[ivxIVX]{1,6})[.)](?: +|$)`)
	rstField     = regexp.MustCompile(`^:([^:\s][^:]*):(?: +|$)`)
	rstSimple    = regexp.MustCompile(`^=+(?: +=+)+$`)
	rstDirective = regexp.MustCompile(`^\.\. (?:\|([^|]+)\| +)?([A-Za-z][\w+.:-]*?) ?::(?: +(.*))?$`)
	rstTarget    = regexp.MustCompile("^\\.\\. _`?([^`]+?)`?:(?: +(.*))?$")
	rstNote      = regexp.MustCompile(`^\.\. \[([^\]]+)\](?: +(.*))?$`)
)

func indentOf(l string) int { return len(l) - len(strings.TrimLeft(l, " ")) }

// adornment reports whether a line is one mark repeated.
func adornment(l string) bool {
	return len(l) > 1 && strings.Trim(l, l[:1]) == "" && strings.ContainsAny(l[:1], "=-`:.'\"~^_*+#<>!$%&()/;?@[]{|},\\")
}

// below are the lines from i on that are empty or further in than at least n, without
// that indent, and how many they are.
func below(lines []string, i, n int) ([]string, int) {
	end, inner := i, 1<<30
	for k := i; k < len(lines) && (lines[k] == "" || indentOf(lines[k]) >= n); k++ {
		if lines[k] != "" {
			end, inner = k+1, min(inner, indentOf(lines[k]))
		}
	}
	out := make([]string, end-i)
	for k := range out {
		if l := lines[i+k]; l != "" {
			out[k] = l[inner:]
		}
	}
	return out, end - i
}

// blocks reads lines; only those of depth 0 hold headings.
func (r *rstReader) blocks(lines []string, depth int, add sink) error {
	if err := r.t.lim.depth("blocks", depth); err != nil {
		return err
	}
	for i := 0; i < len(lines) && r.t.err == nil; {
		if lines[i] == "" {
			i++
			continue
		}
		if n := r.heading(lines[i:], depth); n > 0 {
			i += n
			continue
		}
		n, err := r.block(lines[i:], depth, add)
		if err != nil {
			return err
		}
		i += n
	}
	return r.t.err
}

// inside reads lines as blocks of their own.
func (r *rstReader) inside(lines []string, depth int) (out []Block, err error) {
	err = r.blocks(lines, depth+1, func(b ...Block) { r.t.room(int64(len(b))); out = append(out, b...) })
	return out, err
}

// heading reads a heading or a line across the page and says how many lines it took.
func (r *rstReader) heading(lines []string, depth int) int {
	style, title, took := "", "", 0
	switch {
	case len(lines) > 2 && adornment(lines[0]) && lines[2] == lines[0] && lines[1] != "":
		style, title, took = lines[0][:1]+"^", lines[1], 3
	case len(lines) > 1 && adornment(lines[1]) && indentOf(lines[0]) == 0 && !adornment(lines[0]) && (len(lines[1]) > 3 || len(lines[1]) >= len(lines[0])):
		style, title, took = lines[1][:1], lines[0], 2
	case adornment(lines[0]) && len(lines[0]) > 3 && (len(lines) == 1 || lines[1] == ""):
		return 1
	default:
		return 0
	}
	if depth > 0 {
		return 0
	}
	level := 0
	for level < len(r.styles) && r.styles[level] != style {
		level++
	}
	if level == len(r.styles) {
		r.styles = append(r.styles, style)
	}
	r.t.heading(level+1, rstInline(title), r.anchor)
	r.anchor = ""
	return took
}

// block reads one block and says how many lines it took.
func (r *rstReader) block(lines []string, depth int, add sink) (int, error) {
	l := lines[0]
	switch {
	case l[0] == ' ':
		in, n := below(lines, 0, 1)
		b, err := r.inside(in, depth)
		if len(b) > 0 {
			add(&Quote{b})
		}
		return n, err
	case l == "..", strings.HasPrefix(l, ".. "):
		return r.explicit(lines, depth, add)
	case strings.HasPrefix(l, ">>>"):
		n := untilEmpty(lines)
		add(code("python", strings.Join(lines[:n], "\n"), nil)...)
		return n, nil
	case strings.HasPrefix(l, "+-") && strings.HasSuffix(l, "+"):
		n := untilEmpty(lines)
		return n, r.gridTable(lines[:n], add)
	case rstSimple.MatchString(l):
		return r.simpleTable(lines, add)
	case rstBullet.MatchString(l):
		return r.list(lines, rstBullet, depth, add)
	case rstEnum.MatchString(l):
		return r.list(lines, rstEnum, depth, add)
	case rstField.MatchString(l) && !strings.HasPrefix(l[len(rstField.FindString(l)):], "`") && !strings.Contains(rstField.FindString(l), "`"):
		return r.list(lines, rstField, depth, add)
	case len(lines) > 1 && lines[1] != "" && lines[1][0] == ' ' && !strings.HasSuffix(l, "::"):
		in, n := below(lines, 1, 1)
		b, err := r.inside(in, depth)
		add(&List{Items: []Item{{rstInline(l), b}}})
		return n + 1, err
	}
	return r.paragraph(lines, add), nil
}

func untilEmpty(lines []string) int {
	n := 0
	for n < len(lines) && lines[n] != "" {
		n++
	}
	return n
}

func (r *rstReader) paragraph(lines []string, add sink) int {
	n := untilEmpty(lines)
	text := strings.Join(lines[:n], "\n")
	if strings.HasPrefix(text, "| ") {
		var t Text
		for _, l := range lines[:n] {
			t = append(append(t, rstInline(strings.TrimPrefix(l, "|"))...), Span{Kind: Break})
		}
		add(paragraph(t)...)
		return n
	}
	literal := strings.HasSuffix(text, "::")
	if literal {
		text = strings.TrimSpace(strings.TrimSuffix(text, ":"))
		if text == ":" {
			text = ""
		}
	}
	add(paragraph(rstInline(text))...)
	if literal {
		in, more := below(lines, n, 1)
		add(code("", strings.Join(in, "\n"), nil)...)
		n += more
	}
	return n
}

// list reads items that begin with a mark; those of fields have terms.
func (r *rstReader) list(lines []string, mark *regexp.Regexp, depth int, add sink) (int, error) {
	l, i := &List{Ordered: mark == rstEnum}, 0
	if l.Ordered {
		l.Start = 1
		fmt.Sscanf(strings.TrimLeft(lines[0], "("), "%d", &l.Start)
	}
	for i < len(lines) {
		if lines[i] == "" {
			i++
			continue
		}
		m := mark.FindStringSubmatch(lines[i])
		if m == nil {
			break
		}
		rest, n := below(lines, i+1, 1)
		first := lines[i][len(m[0]):]
		b, err := r.inside(append([]string{first}, rest...), depth)
		if err != nil {
			return 0, err
		}
		it := Item{Blocks: b}
		if mark == rstField {
			it.Term = rstInline(m[1])
		}
		l.Items = append(l.Items, it)
		i += n + 1
	}
	add(l)
	return i, nil
}
