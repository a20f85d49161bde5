package run

import (
	"bytes"
	"fmt"
	"slices"

	"go.yaml.in/yaml/v3"
)

// Resolved prints the recipe with every default written out, as YAML in the order
// of the data flow. It loads back to an equal recipe.
func (r *Recipe) Resolved() ([]byte, error) {
	root := &yaml.Node{Kind: yaml.MappingNode}
	for _, name := range r.sections() {
		n, err := r.node(name)
		if err != nil {
			return nil, err
		}
		if n != nil {
			root.Content = append(root.Content, wordNode(name), n)
		}
	}
	return encode(root)
}

// Section prints one resolved section, such as "data": the same bytes for the same
// settings, however they were written. Results are addressed by a hash of the
// sections they depend on. A section that the recipe does not have is empty.
func (r *Recipe) Section(name string) ([]byte, error) {
	if !slices.Contains(r.sections(), name) {
		return nil, fmt.Errorf("there is no section %q; %s", name, choices("the sections are", name, r.sections()))
	}
	n, err := r.node(name)
	if n == nil || err != nil {
		return nil, err
	}
	return encode(n)
}

// node is a section as YAML, nil if it is absent.
func (r *Recipe) node(section string) (*yaml.Node, error) {
	var value any
	var name string
	if r.goesOn(section) {
		return nil, nil
	}
	switch section {
	case "seed":
		value = r.Seed
	case "task":
		value, name = r.Task, r.TaskName
	case "model":
		value, name = r.Model, r.ModelName
	case "train":
		value = r.Train
	default:
		if value = r.part(section); value == nil {
			return nil, nil
		}
	}
	n := new(yaml.Node)
	if err := n.Encode(value); err != nil {
		return nil, fmt.Errorf("print section %q: %w", section, err)
	}
	if name != "" {
		n.Content = append([]*yaml.Node{wordNode("name"), wordNode(name)}, n.Content...)
	}
	flow(n)
	return n, nil
}

// part is what a section says that only one kind of recipe has, nil if it is absent.
func (r *Recipe) part(section string) any {
	switch {
	case r.Text != nil:
		return r.Text.part(section)
	case section == "data":
		return r.Data
	case r.Tune != nil:
		return r.Tune
	}
	return nil
}

// flow puts lists on one line.
func flow(n *yaml.Node) {
	if n.Kind == yaml.SequenceNode {
		n.Style = yaml.FlowStyle
	}
	for _, child := range n.Content {
		flow(child)
	}
}

func wordNode(s string) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: s}
}

func encode(n *yaml.Node) ([]byte, error) {
	var b bytes.Buffer
	enc := yaml.NewEncoder(&b)
	enc.SetIndent(2)
	if err := enc.Encode(n); err != nil {
		return nil, fmt.Errorf("print the recipe: %w", err)
	}
	return b.Bytes(), enc.Close()
}
