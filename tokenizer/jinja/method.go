package jinja

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// refused are methods that Python has and this subset has not, by type: a template
// that uses one is told so, where an unknown attribute is merely undefined.
var refused = map[string][]string{
	"str": {
		"casefold", "center", "encode", "expandtabs", "format", "format_map", "index", "isalnum", "isascii", "isdecimal",
		"isidentifier", "islower", "isnumeric", "isprintable", "istitle", "isupper", "ljust", "maketrans", "partition",
		"rfind", "rindex", "rjust", "rpartition", "swapcase", "translate", "zfill",
	},
	"list":  {"append", "clear", "copy", "extend", "insert", "pop", "remove", "reverse", "sort"},
	"dict":  {"clear", "copy", "fromkeys", "pop", "popitem", "setdefault", "update"},
	"tuple": {},
}

// method finds a method of a value, nil if it has none of that name.
func method(v any, name string) function {
	switch v := v.(type) {
	case string:
		if m := stringMethods[name]; m != nil {
			return func(r *renderer, a args) (any, error) {
				out, err := m(r, v, a)
				return out, methodError(v, name, err)
			}
		}
	case *Dict:
		if m := dictMethods[name]; m != nil {
			return func(r *renderer, a args) (any, error) {
				out, err := m(r, v, a)
				return out, methodError(v, name, err)
			}
		}
	case *list:
		if m := listMethods[name]; m != nil {
			return func(r *renderer, a args) (any, error) {
				out, err := m(r, v, a)
				return out, methodError(v, name, err)
			}
		}
	}
	return nil
}

func methodError(v any, name string, err error) error {
	var b *BudgetError
	if err == nil || errors.As(err, &b) {
		return err
	}
	return fmt.Errorf("%s.%s: %w", typeName(v), name, err)
}

var dictMethods = map[string]func(r *renderer, d *Dict, a args) (any, error){
	"get": func(r *renderer, d *Dict, a args) (any, error) {
		key, ok := a.take(0, "", nil).(string)
		if ok {
			if v, ok := d.values[key]; ok {
				return v, nil
			}
		}
		return a.take(1, "", nil), nil
	},
	"items": func(r *renderer, d *Dict, _ args) (any, error) {
		items, err := dictItems(d)
		if err == nil {
			err = r.step(len(items))
		}
		return &list{items: items}, err
	},
	"keys": func(r *renderer, d *Dict, _ args) (any, error) {
		items, err := iterate(d)
		if err == nil {
			err = r.step(len(items))
		}
		return &list{items: items}, err
	},
	"values": func(r *renderer, d *Dict, _ args) (any, error) {
		l := &list{}
		for _, k := range d.keys {
			l.items = append(l.items, d.values[k])
		}
		return l, r.step(len(l.items))
	},
}

var listMethods = map[string]func(r *renderer, l *list, a args) (any, error){
	"index": func(r *renderer, l *list, a args) (any, error) {
		x := a.take(0, "", nil)
		i := slices.IndexFunc(l.items, func(y any) bool { return r.equal(x, y) })
		if i < 0 {
			return nil, errors.New("the value is not in the list")
		}
		return int64(i), r.step(len(l.items))
	},
	"count": func(r *renderer, l *list, a args) (any, error) {
		n := int64(0)
		for _, y := range l.items {
			if r.equal(a.take(0, "", nil), y) {
				n++
			}
		}
		return n, r.step(len(l.items))
	},
}

type stringMethod func(r *renderer, s string, a args) (any, error)

var stringMethods = map[string]stringMethod{
	"strip":      stripper(strings.Trim, strings.TrimFunc),
	"lstrip":     stripper(strings.TrimLeft, strings.TrimLeftFunc),
	"rstrip":     stripper(strings.TrimRight, strings.TrimRightFunc),
	"upper":      changed(strings.ToUpper),
	"lower":      changed(strings.ToLower),
	"title":      changed(pythonTitle),
	"capitalize": changed(capitalize),
	"startswith": ends(strings.HasPrefix),
	"endswith":   ends(strings.HasSuffix),
	"split":      splitMethod(false),
	"rsplit":     splitMethod(true),
	"splitlines": func(r *renderer, s string, _ args) (any, error) {
		s = strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n")
		if s == "" {
			return &list{}, nil
		}
		return texts(r, strings.Split(strings.TrimSuffix(s, "\n"), "\n"))
	},
	"replace": func(r *renderer, s string, a args) (any, error) {
		old, isOld := a.take(0, "old", nil).(string)
		new, isNew := a.take(1, "new", nil).(string)
		count, isInt := asInt(a.take(2, "count", int64(-1)))
		if !isOld || !isNew || !isInt {
			return nil, errors.New("it needs two strings")
		}
		return replace(r, s, old, new, count)
	},
	"find": func(r *renderer, s string, a args) (any, error) {
		sub, ok := a.take(0, "", nil).(string)
		if !ok || len(a.list) > 1 {
			return nil, errors.New("it needs one string")
		}
		i := strings.Index(s, sub)
		if i > 0 {
			i = runeCount(s[:i])
		}
		return int64(i), r.step(len(s) / 64)
	},
	"count": func(r *renderer, s string, a args) (any, error) {
		sub, ok := a.take(0, "", nil).(string)
		if !ok || len(a.list) > 1 {
			return nil, errors.New("it needs one string")
		}
		return int64(strings.Count(s, sub)), r.step(len(s) / 64)
	},
	"join": func(r *renderer, s string, a args) (any, error) {
		items, err := iterate(a.take(0, "", nil))
		if err != nil {
			return nil, err
		}
		for _, x := range items {
			if _, ok := x.(string); !ok {
				return nil, fmt.Errorf("an element is %s and no string", typeName(x))
			}
		}
		return r.joined(items, s)
	},
	"removeprefix": cutter(strings.TrimPrefix),
	"removesuffix": cutter(strings.TrimSuffix),
	"isdigit":      every(unicode.IsDigit),
	"isalpha":      every(unicode.IsLetter),
	"isspace":      every(unicode.IsSpace),
}

func stripper(set func(s, chars string) string, space func(string, func(rune) bool) string) stringMethod {
	return func(r *renderer, s string, a args) (any, error) {
		switch chars := a.take(0, "chars", nil).(type) {
		case nil:
			return space(s, unicode.IsSpace), r.step(len(s) / 64)
		case string:
			if err := r.step(len(s) / 64 * (1 + len(chars))); err != nil {
				return nil, err
			}
			return set(s, chars), nil
		}
		return nil, errors.New("the characters must be a string")
	}
}

func changed(f func(string) string) stringMethod {
	return func(r *renderer, s string, _ args) (any, error) { return f(s), r.text(2 * len(s)) }
}

func ends(f func(s, part string) bool) stringMethod {
	return func(r *renderer, s string, a args) (any, error) {
		if len(a.list) != 1 {
			return nil, errors.New("it needs one string, or a tuple of them")
		}
		if t, ok := a.list[0].(*list); ok && t.tuple {
			return slices.ContainsFunc(t.items, func(x any) bool { part, ok := x.(string); return ok && f(s, part) }), nil
		}
		part, ok := a.list[0].(string)
		if !ok {
			return nil, fmt.Errorf("it needs a string, not %s", typeName(a.list[0]))
		}
		return f(s, part), nil
	}
}

func cutter(f func(s, part string) string) stringMethod {
	return func(r *renderer, s string, a args) (any, error) {
		part, ok := a.take(0, "", nil).(string)
		if !ok {
			return nil, errors.New("it needs a string")
		}
		return f(s, part), nil
	}
}

func every(f func(rune) bool) stringMethod {
	return func(r *renderer, s string, _ args) (any, error) {
		other := strings.ContainsFunc(s, func(r rune) bool { return !f(r) })
		return s != "" && !other, r.step(len(s) / 64)
	}
}

// splitMethod is split and rsplit.
func splitMethod(fromRight bool) stringMethod {
	return func(r *renderer, s string, a args) (any, error) {
		most, ok := asInt(a.take(1, "maxsplit", int64(-1)))
		if !ok {
			return nil, errors.New("the number of splits is no whole number")
		}
		switch sep := a.take(0, "sep", nil).(type) {
		case nil:
			if most >= 0 {
				return nil, errors.New("splitting at white space a number of times is not supported")
			}
			return texts(r, strings.FieldsFunc(s, unicode.IsSpace))
		case string:
			if sep == "" {
				return nil, errors.New("the separator is empty")
			}
			parts := strings.Split(s, sep)
			if most >= 0 && int64(len(parts)) > most+1 {
				n := int(most)
				if fromRight {
					head := strings.Join(parts[:len(parts)-n], sep)
					parts = append([]string{head}, parts[len(parts)-n:]...)
				} else {
					parts = append(parts[:n:n], strings.Join(parts[n:], sep))
				}
			}
			return texts(r, parts)
		}
		return nil, errors.New("the separator must be a string")
	}
}

func texts(r *renderer, parts []string) (any, error) {
	l := &list{items: make([]any, len(parts))}
	for i, p := range parts {
		l.items[i] = p
	}
	return l, r.step(len(parts))
}

// pythonTitle capitalises letters that follow none.
func pythonTitle(s string) string {
	var b strings.Builder
	inside := false
	for len(s) > 0 {
		r, n := utf8.DecodeRuneInString(s)
		switch {
		case !unicode.IsLetter(r):
			b.WriteString(s[:n])
		case inside:
			b.WriteRune(unicode.ToLower(r))
		default:
			b.WriteRune(unicode.ToTitle(r))
		}
		inside = unicode.IsLetter(r)
		s = s[n:]
	}
	return b.String()
}
