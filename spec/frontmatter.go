package spec

import (
	"bytes"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/comlam/comlam/internal/bounded"
)

// maxFrontMatter is the most bytes between the two lines of dashes.
const maxFrontMatter = 1 << 20

// frontMatter takes the YAML off the beginning of a Markdown file and fills the
// document's names with it. Without such a beginning, body is all of data.
func frontMatter(doc *Document, data []byte) (body []byte, err error) {
	rest, ok := bytes.CutPrefix(data, []byte("---\n"))
	if !ok {
		return data, nil
	}
	end := closingDashes(rest)
	if end < 0 {
		return data, nil // a line across the page
	}
	if err := bounded.Check("bytes of front matter", int64(end), maxFrontMatter); err != nil {
		return nil, at("line 1", err)
	}
	var node yaml.Node
	if err := yaml.Unmarshal(rest[:end], &node); err != nil {
		return nil, at("line 1", fmt.Errorf("front matter: %w", err))
	}
	if len(node.Content) == 1 && node.Content[0].Kind == yaml.MappingNode {
		names(doc, node.Content[0])
	}
	_, body, _ = bytes.Cut(rest[end:], []byte("\n"))
	if rfcPart.Match(rest[end:min(end+64, len(rest))]) {
		body = rest[end:] // "--- abstract" ends the front matter of an RFC
	}
	return body, nil
}

// closingDashes is where the line begins that ends the front matter, or -1.
func closingDashes(rest []byte) int {
	for at := 0; at < len(rest); {
		line, _, _ := bytes.Cut(rest[at:], []byte("\n"))
		if t := bytes.TrimRight(line, " "); bytes.Equal(t, []byte("---")) || bytes.Equal(t, []byte("...")) || rfcPart.Match(line) {
			return at
		}
		at += len(line) + 1
	}
	return -1
}

func names(doc *Document, m *yaml.Node) {
	for i := 0; i+1 < len(m.Content); i += 2 {
		key, value := m.Content[i].Value, m.Content[i+1]
		if value.Kind == yaml.ScalarNode {
			named(doc, strings.ToLower(key), strings.Join(strings.Fields(value.Value), " "))
		}
		if key == "normative" || key == "informative" {
			bibliography(doc, value)
		}
	}
}

func named(doc *Document, key, value string) {
	switch key {
	case "title":
		doc.Title = value
	case "tr", "ts", "spec":
		doc.Number = value
	case "number", "rfc":
		doc.Number = "RFC " + strings.TrimPrefix(value, "RFC ")
	case "docname":
		if doc.Number == "" {
			doc.Number = value
		}
	case "version", "release":
		doc.Release = value
	case "date":
		doc.Date = value
	case "license":
		doc.License = value
	}
}

// bibliography reads the references of an RFC: names with nothing, or with a title
// and a series.
func bibliography(doc *Document, m *yaml.Node) {
	if m.Kind != yaml.MappingNode {
		return
	}
	for i := 0; i+1 < len(m.Content); i += 2 {
		ref := Reference{Key: m.Content[i].Value}
		var title, series string
		entry := m.Content[i+1]
		for j := 0; j+1 < len(entry.Content); j += 2 {
			switch entry.Content[j].Value {
			case "title":
				title = entry.Content[j+1].Value
			case "seriesinfo":
				series = scalars(entry.Content[j+1])
			}
		}
		ref.Text = strings.Trim(title+", "+series, ", ")
		if ref.Text == "" {
			ref.Text = ref.Key
		}
		doc.References = append(doc.References, ref)
	}
}

// scalars joins the pairs of a mapping: "RFC 9000, DOI 10.17487/RFC9000".
func scalars(m *yaml.Node) string {
	var parts []string
	for i := 0; i+1 < len(m.Content); i += 2 {
		if m.Content[i+1].Kind == yaml.ScalarNode {
			parts = append(parts, m.Content[i].Value+" "+m.Content[i+1].Value)
		}
	}
	return strings.Join(parts, ", ")
}
