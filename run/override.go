package run

import (
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"
)

// override puts one "key.path=value" into the tree. The value is YAML: a number,
// a word, "30 km/h", [4, 1, 1] or {name: sgd, lr: 0.1}; null takes the setting
// out, so that its default holds.
func (d *document) override(arg string) error {
	refuse := func(hint, format string, args ...any) error {
		return &Error{Override: arg, Why: fmt.Sprintf(format, args...), Hint: hint}
	}
	path, text, found := strings.Cut(arg, "=")
	if !found {
		return refuse("write key=value, for example train.steps=1000", "there is no = in it")
	}
	parts := strings.Split(path, ".")
	for _, part := range parts {
		if strings.TrimSpace(part) != part || part == "" {
			return refuse("write key=value, for example train.steps=1000", "%q is not a setting", path)
		}
	}
	value, bad := parseYAML([]byte(text))
	if bad != nil {
		return refuse(bad.hint, "%s", bad.why)
	}
	if value == nil {
		if strings.TrimSpace(text) == "" {
			return refuse("write a value, or null for the default", "there is nothing after the =")
		}
		value = &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null", Value: "null"}
	}
	d.mark(value, arg)
	parent := d.root
	for i, part := range parts[:len(parts)-1] {
		child := d.child(parent, part, arg)
		if child.Kind != yaml.MappingNode {
			whole := strings.Join(parts[:i+1], ".")
			return refuse(fmt.Sprintf("set it as a whole: %s=value", whole), "%s is %s and has no key %q", whole, describe(child), parts[i+1])
		}
		parent = child
	}
	d.put(parent, parts[len(parts)-1], value)
	return nil
}

// mark says of every node below n that arg wrote it.
func (d *document) mark(n *yaml.Node, arg string) {
	d.overridden[n] = arg
	for _, child := range n.Content {
		d.mark(child, arg)
	}
}

// child returns the value of a key, made an empty mapping where there is none.
func (d *document) child(parent *yaml.Node, key, arg string) *yaml.Node {
	for i := 0; i+1 < len(parent.Content); i += 2 {
		if parent.Content[i].Value == key && !isNull(parent.Content[i+1]) {
			return parent.Content[i+1]
		}
	}
	made := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
	d.overridden[made] = arg
	d.put(parent, key, made)
	return made
}

// put sets a key to a value, at its place or at the end.
func (d *document) put(parent *yaml.Node, key string, value *yaml.Node) {
	for i := 0; i+1 < len(parent.Content); i += 2 {
		if parent.Content[i].Value == key {
			parent.Content[i+1] = value
			return
		}
	}
	parent.Content = append(parent.Content, &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: key}, value)
}
