package spec

import "strings"

// explicit reads what begins with two dots.
func (r *rstReader) explicit(lines []string, depth int, add sink) (int, error) {
	in, n := below(lines, 1, 1)
	l := lines[0]
	if m := rstDirective.FindStringSubmatch(l); m != nil {
		arg := m[3]
		if m[1] != "" {
			arg = strings.TrimSpace(m[1] + " " + arg)
		}
		return n + 1, r.directive(m[2], arg, in, depth, add)
	}
	if m := rstNote.FindStringSubmatch(l); m != nil {
		b, err := r.inside(in, depth)
		r.t.doc.References = append(r.t.doc.References, Reference{m[1], strings.TrimSpace(rstInline(m[2]).String() + " " + strings.TrimSpace(PlainText(b)))})
		add(paragraph(append(Str("["+m[1]+"] "), append(Text{{Text: " "}}, rstInline(m[2])...)...))...)
		add(b...)
		return n + 1, err
	}
	if m := rstTarget.FindStringSubmatch(l); m != nil {
		if r.anchor = m[1]; m[2] != "" {
			r.anchor = ""
			add(paragraph(Text{{Kind: Link, Text: m[1], Target: m[2]}})...)
		}
		return n + 1, nil
	}
	return n + 1, nil // a comment
}

// options divides the lines below a directive into its options and content.
func options(in []string) (map[string]string, []string) {
	opts := map[string]string{}
	for len(in) > 0 {
		m := rstField.FindStringSubmatch(in[0])
		if m == nil || strings.HasPrefix(in[0][len(m[0]):], "`") {
			break
		}
		opts[m[1]] = strings.TrimSpace(in[0][len(m[0]):])
		in = in[1:]
	}
	return opts, in
}

func (r *rstReader) directive(name, arg string, in []string, depth int, add sink) error {
	opts, content := options(in)
	raw := strings.Join(content, "\n")
	switch name {
	case "code-block", "code", "sourcecode", "highlight", "literalinclude", "parsed-literal", "productionlist", "doctest", "testcode":
		if raw != "" {
			add(code(arg, raw, rstInline(opts["caption"]))...)
			return nil
		}
	case "math":
		add(equation(strings.TrimSpace(arg+"\n"+raw), opts["label"])...)
		return nil
	case "image", "figure":
		text := strings.TrimSpace(opts["alt"] + " " + strings.Join(strings.Fields(raw), " "))
		add(figure(rstInline(text), arg)...)
		return nil
	case "csv-table":
		return r.csvTable(arg, opts, content, add)
	case "list-table":
		return r.listTable(arg, opts, content, depth, add)
	case "note", "warning", "tip", "hint", "important", "caution", "danger", "attention", "error", "admonition", "seealso", "deprecated", "versionadded", "versionchanged":
		return r.admonition(name, arg, in, depth, add)
	}
	add(paragraph(append(Text{{Text: name + ": "}}, rstInline(arg)...))...)
	b, err := r.inside(in, depth)
	add(b...)
	return err
}

func (r *rstReader) admonition(name, arg string, in []string, depth int, add sink) error {
	b, err := r.inside(in, depth)
	if name == "admonition" && arg != "" {
		name, arg = arg, ""
	}
	b = append(paragraph(rstInline(arg)), b...)
	add(labelled(name, b)...)
	return err
}
