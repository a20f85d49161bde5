package jinja

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/comlam/comlam/internal/testdata"
)

// decode reads JSON into values, keeping the order of keys and whole numbers whole.
func decode(t testing.TB, data []byte) any {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	v, err := decodeValue(d)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func decodeValue(d *json.Decoder) (any, error) {
	tok, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch tok := tok.(type) {
	case json.Number:
		if n, err := tok.Int64(); err == nil {
			return n, nil
		}
		return tok.Float64()
	case json.Delim:
		list, dict := []any{}, NewDict()
		for d.More() {
			key := ""
			if tok == '{' {
				k, err := d.Token()
				if err != nil {
					return nil, err
				}
				key, _ = k.(string)
			}
			v, err := decodeValue(d)
			if err != nil {
				return nil, err
			}
			if tok == '{' {
				dict.Set(key, v)
			} else {
				list = append(list, v)
			}
		}
		_, err := d.Token()
		if tok == '{' {
			return dict, err
		}
		return list, err
	}
	return tok, nil
}

func readJSON(t testing.TB, name string, to any) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, to); err != nil {
		t.Fatal(err)
	}
}

func varsOf(t testing.TB, data []byte) map[string]any {
	t.Helper()
	d, _ := decode(t, data).(*Dict)
	vars := map[string]any{}
	for _, k := range d.keys {
		vars[k] = d.values[k]
	}
	return vars
}

func render(source string, vars map[string]any) (string, error) {
	tm, err := Parse(source)
	if err != nil {
		return "", err
	}
	out, err := tm.Render(vars, DefaultBudget)
	return out.Text, err
}

func TestSnippetsAsJinja2(t *testing.T) {
	var g struct {
		Vars     json.RawMessage
		Snippets []struct{ Source, Want, Error string }
	}
	readJSON(t, "snippets.json", &g)
	vars := varsOf(t, g.Vars)
	for _, s := range g.Snippets {
		got, err := render(s.Source, vars)
		switch {
		case s.Error != "" && err == nil:
			t.Errorf("%s\n gave %q, want an error (%s)", s.Source, got, s.Error)
		case s.Error == "" && (err != nil || got != s.Want):
			t.Errorf("%s\n got %q, %v\nwant %q", s.Source, got, err, s.Want)
		}
	}
}

func TestVendorTemplatesAsJinja2(t *testing.T) {
	dir := filepath.Join(testdata.Dir(t, "chat_templates"), "models", "templates")
	var g struct {
		Cases     map[string]json.RawMessage
		Templates map[string]map[string]struct{ Error, SHA256 string }
	}
	readJSON(t, "vendor.json", &g)
	if len(g.Templates) != 17 {
		t.Errorf("%d templates are recorded", len(g.Templates))
	}
	for name, cases := range g.Templates {
		source, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		for c, want := range cases {
			vars := varsOf(t, g.Cases[c])
			vars["bos_token"], vars["eos_token"] = "<BOS>", "<EOS>"
			got, err := render(string(source), vars)
			sum := sha256.Sum256([]byte(got))
			switch {
			case want.Error != "" && err == nil:
				t.Errorf("%s, %s: no error, want %s", name, c, want.Error)
			case want.Error == "" && (err != nil || hex.EncodeToString(sum[:]) != want.SHA256):
				t.Errorf("%s, %s: differs: %v\n%s", name, c, err, got)
			}
		}
	}
}

func TestGenerationMarks(t *testing.T) {
	tm, err := Parse("{% for m in l %}<{% generation %}{{ m }}{% endgeneration %}>{% endfor %}")
	if err != nil {
		t.Fatal(err)
	}
	out, err := tm.Render(map[string]any{"l": []any{"ab", "", "c"}}, DefaultBudget)
	if want := []Span{{1, 3}, {5, 5}, {7, 8}}; err != nil || !tm.Marks() || !slices.Equal(out.Generated, want) {
		t.Errorf("%q has marks at %v, %v; want %v", out.Text, out.Generated, err, want)
	}
	for _, bad := range []string{
		"{% macro f() %}{% generation %}x{% endgeneration %}{% endmacro %}{{ f() }}",
		"{% set x %}{% generation %}x{% endgeneration %}{% endset %}",
		"{% generation %}{% generation %}x{% endgeneration %}{% endgeneration %}",
	} {
		if out, err := render(bad, nil); err == nil {
			t.Errorf("%s gave %q", bad, out)
		}
	}
}

// TestUnknownConstructsAreNamed: what the subset lacks is refused with its name.
func TestUnknownConstructsAreNamed(t *testing.T) {
	for source, name := range map[string]string{
		"{% include 'x' %}": "include", "{% import 'x' as y %}": "import", "{% extends 'x' %}": "extends", "{% block b %}{% endblock %}": "block",
		"{% call f() %}{% endcall %}": "call", "{% do f() %}": "do", "{% trans %}{% endtrans %}": "trans", "{% autoescape true %}{% endautoescape %}": "autoescape",
		"{% for x in l recursive %}{% endfor %}": "recursive", "{{ a | escape }}": "escape", "{{ a | urlize }}": "urlize", "{{ a | random }}": "random",
		"{{ a | attr('b') }}": "attr", "{{ a is filter }}": "filter", "{{ 'a'.format(1) }}": "str.format", "{{ 'a'.encode() }}": "str.encode",
		"{{ [].append(1) }}": "list.append", "{{ {}.update({}) }}": "dict.update", "{{ f(*l) }}": "*", "{{ {1: 2} }}": "int", "{{ strftime_now('%d') }}": "strftime_now",
		"{{ lipsum() }}": "lipsum", "{{ cycler(1) }}": "cycler", "{{ ''.__class__.__mro__ }}": "__class__", "{{ 'a' % 1 }}": "%",
	} {
		out, err := render(source, nil)
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s gave %q, %v; want an error that names %s", source, out, err, name)
		}
	}
}

// TestBudget: templates that would take for ever, or all memory, are stopped soon.
func TestBudget(t *testing.T) {
	double := strings.Repeat("{% set x = x + x %}", 60)
	for _, source := range []string{
		"{% for i in range(10 ** 9) %}{% endfor %}",
		"{% for i in range(99999) %}{% for j in range(99999) %}x{% endfor %}{% endfor %}",
		"{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
		"{% macro f(n) %}{{ f(n) }}{{ f(n) }}{% endmacro %}{{ f(1) }}",
		"{{ 'x' * 10 ** 12 }}", "{{ 10 ** 12 * 'x' }}", "{{ [1] * 10 ** 12 }}",
		"{% set x = 'ab' %}" + double + "{{ x }}",
		"{% set x = [1] %}" + double + "{{ x }}",
		"{% set x = [1] %}" + strings.Repeat("{% set x = [x, x] %}", 60) + "{{ x }}",
		"{% set x = [1] %}" + strings.Repeat("{% set x = [x, x] %}", 60) + "{{ x == [x, x] }}{{ x == x }}",
		"{% set x = [1] %}" + strings.Repeat("{% set x = [x, x] %}", 60) + "{{ x | tojson }}",
		"{% set x = 'aaaa' %}" + strings.Repeat("{% set x = x.replace('a', 'aaaaaaaa') %}", 30),
		"{% set x = 'a\n' %}" + strings.Repeat("{% set x = (x ~ x ~ x ~ x) | indent(1000) %}", 30),
		"{% for i in range(99999) %}" + strings.Repeat("x", 1000) + "{% endfor %}",
		"{% set ns = namespace(x=1) %}{% set ns.x = ns %}{% for i in range(99999) %}{{ ns.x.x.x ~ ns }}{% endfor %}",
		"{{ [range(99999), range(99999)] | tojson(indent=100) }}",
	} {
		start := time.Now()
		out, err := render(source, nil)
		var b *BudgetError
		if !errors.As(err, &b) {
			t.Errorf("%.80s gave %d bytes, %v; want a BudgetError", source, len(out), err)
		}
		if d := time.Since(start); d > time.Minute {
			t.Errorf("%.80s took %v", source, d)
		}
	}
}

func TestDeepNestingIsRefused(t *testing.T) {
	for _, source := range []string{
		"{{ " + strings.Repeat("(", 100000) + "1" + strings.Repeat(")", 100000) + " }}",
		"{{ " + strings.Repeat("[", 100000),
		"{{ " + strings.Repeat("-", 100000) + "1 }}",
		"{{ " + strings.Repeat("not ", 100000) + "1 }}",
		"{{ a" + strings.Repeat(".a", 100000) + " }}",
		"{{ a" + strings.Repeat("|upper", 100000) + " }}",
		"{{ 1" + strings.Repeat(" if 1 else 1", 50000) + " }}",
		"{{ 1" + strings.Repeat("+1", 100000) + " }}",
		"{{ 1" + strings.Repeat("**1", 100000) + " }}",
		strings.Repeat("{% if 1 %}", 50000),
		"{% if 1 %}" + strings.Repeat("{% elif 1 %}", 50000) + "{% endif %}",
		strings.Repeat("{% for x in y %}", 50000),
	} {
		if _, err := Parse(source); err == nil {
			t.Errorf("%.40s...: no error", source)
		}
	}
}

func FuzzTemplate(f *testing.F) {
	f.Add("{% for x in l if x > 1 %}{{ loop.index ~ x | string | upper }}{% else %}-{% endfor %}")
	f.Add("{%- macro f(a, b=2) -%}{{ a[1:] ~ b }}{%- endmacro -%}{{ f('xyz', b={'k': [1, 2.5, none]}) }}")
	f.Add("{% set ns = namespace(n=0) %}{% generation %}{{ d.k.split(' ')[-1] is string }}{% endgeneration %}")
	f.Add("{% raw %}{{ x }}{% endraw %}{# c #}{{ 'a' * 3 + \"\\u00e9\" }}{% set a, b = [1, 2] %}{% break %}")
	f.Add("{{ d | tojson(indent=2) }}{{ l | map('string') | join(',') }}{{ (l | sort)[::-1] }}{{ -2 ** 63 // -1 }}")
	f.Fuzz(func(t *testing.T, source string) {
		tm, err := Parse(source)
		if err != nil {
			return
		}
		b := Budget{Steps: 20000, Bytes: 20000}
		out, err := tm.Render(map[string]any{"l": []any{3, 1, 2}, "d": map[string]any{"k": "a b", "n": nil}, "s": "é\xff", "y": true}, b)
		if err == nil && len(out.Text) > 20000 {
			t.Errorf("%d bytes", len(out.Text))
		}
		for _, s := range out.Generated {
			if s.Start < 0 || s.End < s.Start || s.End > len(out.Text) {
				t.Errorf("span %v of %d bytes", s, len(out.Text))
			}
		}
	})
}
