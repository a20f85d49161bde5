package run

import (
	"encoding"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// The decoder below fills Go structs from YAML nodes by their yaml tags. It exists
// because a YAML library is kind: it turns 1.0 into 1, "yes" into true, takes the
// last of two equal keys and forgets on which line a value stood.

// field is a key of a section and the Go value behind it.
type field struct {
	name  string
	value reflect.Value
}

// fieldsOf lists the keys of a struct in order, those of inline structs included.
func fieldsOf(v reflect.Value) []field {
	var list []field
	for i := range v.NumField() {
		f := v.Type().Field(i)
		name, option, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		switch {
		case option == "inline":
			list = append(list, fieldsOf(v.Field(i))...)
		case f.IsExported() && name != "-":
			if name == "" {
				name = strings.ToLower(f.Name)
			}
			list = append(list, field{name, v.Field(i)})
		}
	}
	return list
}

// eachKey calls read for every key of a mapping that is not null on the command
// line, after it has refused keys that are given twice or are not words.
func (d *document) eachKey(n *yaml.Node, path string, at place, read func(name, path string, at place, value *yaml.Node) error) error {
	if n.Kind != yaml.MappingNode {
		return d.fail(at, path, "write its keys and values below it, or in {}", "this is %s, not a group of keys", describe(n))
	}
	first := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		at := d.placeOf(key, value)
		if key.Kind != yaml.ScalarNode || key.Tag != "!!str" {
			return d.fail(at, path, "write a word, a colon and a value", "%s is not a key", describe(key))
		}
		name, full := key.Value, under(path, key.Value)
		if line, twice := first[name]; twice {
			return d.fail(at, full, "keep one of them", "this key stands on line %d already", line)
		}
		first[name] = key.Line
		d.places[full] = at
		if err := read(name, full, at, value); err != nil {
			return err
		}
	}
	return nil
}

func under(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// takesDefault says whether a value is null on the command line, which means the
// default. In a file, a key without a value is more likely a forgotten one.
func (d *document) takesDefault(n *yaml.Node) bool {
	_, arg := d.overridden[n]
	return arg && isNull(n)
}

// fill reads a mapping into the struct v; keys that are absent keep their value.
// Keys in skip are read by the caller.
func (d *document) fill(n *yaml.Node, path string, at place, v reflect.Value, skip ...string) error {
	fields := fieldsOf(v)
	return d.eachKey(n, path, at, func(name, path string, at place, value *yaml.Node) error {
		if slices.Contains(skip, name) {
			return nil
		}
		i := slices.IndexFunc(fields, func(f field) bool { return f.name == name })
		if i < 0 {
			return d.unknownKey(path, name, at, fields, skip)
		}
		if d.takesDefault(value) {
			return nil
		}
		return d.value(value, path, at, fields[i].value)
	})
}

func (d *document) unknownKey(path, name string, at place, fields []field, skip []string) error {
	names := slices.Clone(skip)
	for _, f := range fields {
		names = append(names, f.name)
	}
	hint := choices("the keys here are", name, names)
	if below := findBelow(name, fields); below != "" && nearest(name, names) == "" {
		hint = fmt.Sprintf("did you mean %q? %s", below, hint)
	}
	return d.fail(at, path, hint, "there is no such key")
}

// findBelow looks for a key in the groups among the fields: who writes train.lr
// means train.optimizer.lr.
func findBelow(name string, fields []field) string {
	for _, f := range fields {
		if f.value.Kind() != reflect.Struct || isText(f.value) {
			continue
		}
		for _, g := range fieldsOf(f.value) {
			if g.name == name {
				return f.name + "." + name
			}
		}
	}
	return ""
}

func isText(v reflect.Value) bool {
	_, ok := v.Addr().Interface().(encoding.TextUnmarshaler)
	return ok
}

// value reads one node into v, whatever v is.
func (d *document) value(n *yaml.Node, path string, at place, v reflect.Value) error {
	if isNull(n) {
		return d.fail(at, path, "write a value, or remove the key for its default", "there is no value")
	}
	switch {
	case isText(v):
		return d.quantity(n, path, at, v.Addr().Interface().(encoding.TextUnmarshaler))
	case v.Kind() == reflect.Struct:
		return d.fill(n, path, at, v)
	case v.Kind() == reflect.Slice, v.Kind() == reflect.Array:
		return d.list(n, path, at, v)
	}
	if n.Kind != yaml.ScalarNode {
		return d.fail(at, path, "write one value", "this is %s, not %s", describe(n), kindName(v))
	}
	if why, hint := setScalar(n, v); why != "" {
		return d.fail(at, path, hint, "%s", why)
	}
	return nil
}

// quantity reads a value that parses itself, such as "2.4 GHz".
func (d *document) quantity(n *yaml.Node, path string, at place, q encoding.TextUnmarshaler) error {
	if n.Kind != yaml.ScalarNode {
		return d.fail(at, path, "write one value with its unit", "this is %s", describe(n))
	}
	if err := q.UnmarshalText([]byte(n.Value)); err != nil {
		return d.fail(at, path, "", "%v", err)
	}
	return nil
}

// list reads a sequence into a slice, or into an array of exactly its length.
func (d *document) list(n *yaml.Node, path string, at place, v reflect.Value) error {
	if n.Kind != yaml.SequenceNode {
		return d.fail(at, path, "write it in brackets, like [1, 2]", "%s is not a list", describe(n))
	}
	if v.Kind() == reflect.Array && len(n.Content) != v.Len() {
		return d.fail(at, path, fmt.Sprintf("give exactly %d values in brackets", v.Len()),
			"the list has %d values, not %d", len(n.Content), v.Len())
	}
	if v.Kind() == reflect.Slice {
		v.SetZero() // an empty list is one that was never there
		v.Grow(len(n.Content))
		v.SetLen(len(n.Content))
	}
	for i, entry := range n.Content {
		at := d.placeOf(entry, entry)
		if err := d.value(entry, fmt.Sprintf("%s[%d]", path, i), at, v.Index(i)); err != nil {
			return err
		}
	}
	return nil
}
