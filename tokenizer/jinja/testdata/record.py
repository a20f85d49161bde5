"""Records what jinja2, set up as transformers sets it up, renders.

Usage: python record.py FOLDER_OF_TEMPLATES   (pip install jinja2 transformers)

snippets.json holds templates written for this test with their outputs. vendor.json
holds SHA-256 and length only: the outputs repeat the templates of the vendors.
"""
import hashlib
import json
import pathlib
import sys

import jinja2
import transformers
from transformers.utils import chat_template_utils as ctu

HERE = pathlib.Path(__file__).parent
VARS = {
    "a": 1, "b": 2.5, "s": "Hello, World", "t": "  two  words \n", "e": "", "n": None, "y": True, "z": 0,
    "l": [3, 1, 2], "w": ["b", "A", "c", "a"], "d": {"k": "v", "x": [1, {"y": "z"}], "q": "it's \"so\""},
    "m": [{"role": "user", "content": "one"}, {"role": "assistant", "content": "two"}, {"role": "user", "content": "three"}],
    "u": "基站 é ☃ 😀 \u200b\x07", "big": 12345678901234,
}

SNIPPETS = r"""
{{ a }}|{{ b }}|{{ s }}|{{ n }}|{{ y }}|{{ l }}|{{ d }}|{{ u }}
{{ [1, 'a', "b'c", none, true, 2.0, 1e20, 1e-7, (1,), (), {}, 'é\n\t\\'] }}
{{ 1 + 2 * 3 - 4 / 2 }} {{ 7 // 2 }} {{ -7 // 2 }} {{ 7 % 3 }} {{ -7 % 3 }} {{ 2 ** 10 }} {{ 2 ** -1 }} {{ -2 ** 2 }} {{ 7.5 // 2 }} {{ -7.5 % 2 }}
{{ 'a' + 'b' }} {{ 'a' ~ 1 ~ none ~ true }} {{ 'ab' * 3 }} {{ 3 * 'ab' }} {{ [1] + [2, 3] }} {{ [0] * 3 }} {{ 2 * 3 ~ 4 + 5 ~ 6 }}
{{ 1 < 2 < 3 }} {{ 1 < 2 > 3 }} {{ 1 == 1.0 }} {{ 'a' == 1 }} {{ true == 1 }} {{ none == false }} {{ [1, 2] == [1, 2.0] }} {{ (1, 2) == [1, 2] }} {{ 'a' < 'b' }} {{ [1, 2] < [1, 3] }}
{{ 1 in l }} {{ 9 not in l }} {{ 'ell' in s }} {{ 'k' in d }} {{ 'v' in d }} {{ not 1 in l }} {{ not a }} {{ not e or e }}|
{{ a and b }} {{ e and a }}| {{ e or 'x' }} {{ n or z or 'last' }} {{ y and not z }}
{{ 'yes' if a else 'no' }} {{ 'yes' if e else 'no' }} {{ 'x' if e }}| {{ 1 if z else 2 if e else 3 }}
{{ s[0] }} {{ s[-1] }} {{ s[1:4] }} {{ s[::-1] }} {{ s[::2] }} {{ s[-3:] }} {{ s[:-3] }} {{ s[10:2:-3] }} {{ s[100:] }}| {{ l[1:] }} {{ l[:1] }} {{ l[::-1] }} {{ u[0:2] }} {{ m[1:][0].role }}
{{ d.k }} {{ d['k'] }} {{ d.x[1].y }} {{ d['x'][1]['y'] }} {{ d.missing }}| {{ d['missing'] }}| {{ l[9] }}| {{ m[0].role }} {{ m.0.role }} {{ m[-1]['content'] }}
{% if a == 1 %}one{% elif a == 2 %}two{% else %}many{% endif %} {% if z %}no{% elif n %}no{% else %}else{% endif %} {% if missing %}no{% endif %}.
{% for x in l %}{{ loop.index }}{{ loop.index0 }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.first }}{{ loop.last }}{{ loop.length }}:{{ x }} {% endfor %}
{% for x in [] %}no{% else %}empty{% endfor %} {% for x in missing %}no{% else %}undefined{% endfor %}
{% for x in l if x > 1 %}{{ loop.index }}/{{ loop.length }}:{{ x }} {% endfor %}
{% for k, v in d.items() %}{{ k }}={{ v }};{% endfor %} {% for k in d %}{{ k }}{% endfor %} {% for c in 'abc' %}[{{ c }}]{% endfor %}
{% for x in l %}{% if x == 1 %}{% continue %}{% endif %}{{ x }}{% if x == 2 %}{% break %}{% endif %}{% endfor %}
{% for x in l %}{{ loop.previtem }}<{{ x }}>{{ loop.nextitem }} {{ loop.cycle('odd', 'even') }};{% endfor %}
{% for x in [1, 2] %}{% for q in [3, 4] %}{{ loop.index }}{{ x }}{{ q }} {% endfor %}{{ loop.index }}{% endfor %}
{% for x in range(3) %}{{ x }}{% endfor %} {% for x in range(2, 8, 3) %}{{ x }}{% endfor %} {% for x in range(5, 0, -2) %}{{ x }}{% endfor %} {{ range(3) | list }}
{% set x = 1 %}{% for i in l %}{% set x = x + i %}{{ x }}{% endfor %}={{ x }}
{% set ns = namespace(n=0, f=false) %}{% for i in l %}{% set ns.n = ns.n + i %}{% endfor %}{{ ns.n }} {{ ns.f }} {{ ns.g }}|
{% set p, q = 1, 2 %}{{ p }}{{ q }} {% set p, q = q, p %}{{ p }}{{ q }} {% set r = 1, %}{{ r }}
{% set x %}block {{ a }}{% endset %}[{{ x }}] {% set x | upper | trim %}  block {% endset %}[{{ x }}]
{% filter upper %}abc{{ s }}{% endfilter %} {% filter replace('a', 'b') | upper %}aa{% endfilter %}
{% macro f(x, y=2, z='q') %}({{ x }},{{ y }},{{ z }}){% endmacro %}{{ f(1) }}{{ f(1, 3) }}{{ f(1, z='w') }}{{ f() }}{{ f(x='k') }}
{% macro f(n) %}{% if n > 0 %}{{ n }}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(4) }}
{% set g = 'outer' %}{% macro f() %}{{ g }}{% set g = 'inner' %}{{ g }}{% endmacro %}{{ f() }}{{ g }}
{% macro f() %}x{% endmacro %}{% set v = f() + 'y' %}{{ v | upper }}{{ v | length }}
{% with x = 1, q = a %}{{ x }}{{ q }}{% endwith %}{{ x }}|
{% raw %}{{ not }} {% if %}{% endraw %} done
{# a comment #}x{#- trimmed -#}   y
a {{- ' b ' -}} c {%- if a -%} d {%- endif -%} e
{{ '\n\t\\\'\"\x41\u00e9\q' }} {{ "it's" }} {{ 'a' 'b' }}
{{ s | upper }} {{ s | lower }} {{ 'hello wORLD it-is' | title }} {{ 'hELLO wORLD' | capitalize }} [{{ t | trim }}] {{ 'xxaxx' | trim('x') }}
{{ s | length }} {{ l | count }} {{ d | length }} {{ u | length }} {{ missing | length }}
{{ l | first }} {{ l | last }} {{ s | first }} {{ [] | first }}| {{ l | join('-') }} {{ m | join(', ', attribute='role') }} {{ 'abc' | join('.') }} {{ [1, none, true] | join }}
{{ l | sort }} {{ l | sort(reverse=true) }} {{ w | sort }} {{ w | sort(case_sensitive=true) }} {{ m | sort(attribute='content') | map(attribute='content') | list }}
{{ l | reverse | list }} {{ s | reverse }} {{ l | sum }} {{ m | map(attribute='content') | join('+') }} {{ ['a', 'b'] | map('upper') | list }} {{ m | map(attribute='x', default='?') | list }}
{{ l | select('odd') | list }} {{ l | reject('odd') | list }} {{ l | select('gt', 1) | list }} {{ m | selectattr('role', 'equalto', 'user') | list }} {{ m | rejectattr('role', 'eq', 'user') | map(attribute='content') | list }} {{ [0, 1, '', 'a'] | select | list }} {{ m | selectattr('x') | list }} {{ m | selectattr('role', 'defined') | list | length }}
{{ missing | default('d') }} {{ e | default('d') }}| {{ e | default('d', true) }} {{ n | default('d') }} {{ n | default('d', boolean=true) }} {{ missing | d(1) }}
{{ 'aXbXc' | replace('X', '-') }} {{ 'aXbXc' | replace('X', '-', 1) }} {{ 'aaa'.replace('a', 'b', 2) }}
{{ w | unique | list }} {{ ['a', 'A', 'a'] | unique(case_sensitive=true) | list }} {{ [1, 1.0, 2] | unique | list }}
{{ '42' | int }} {{ '4.7' | int }} {{ 'x' | int }} {{ 'x' | int(7) }} {{ 4.9 | int }} {{ '1.5' | float }} {{ 3 | float }} {{ 'x' | float }} {{ 2.567 | round(2) }} {{ 2.5 | round }} {{ 2.1 | round(0, 'ceil') }} {{ -3 | abs }} {{ (-3) | abs }}
{{ l | min }} {{ l | max }} {{ w | min }} {{ w | max }} {{ d | dictsort }} {{ {'b': 1, 'a': 2} | dictsort }} {{ {'b': 1, 'a': 2} | dictsort(by='value') }} {{ {'b': 1} | items | list }}
{{ d | tojson }} {{ u | tojson }} {{ [1.0, 1e20, none, true, 'a"b\\c'] | tojson }} {{ {} | tojson }} {{ [] | tojson(indent=2) }}
{{ d | tojson(indent=2) }} {{ m | tojson(indent=4) }}
{{ '<a & b>' | tojson }} {{ '<&>' }} {{ d | string }} {{ 1.5 | string | length }}
{{ 'a\nb\n\nc' | indent }}| {{ 'a\nb' | indent(2, true) }}| {{ 'a\n\nb' | indent(2, blank=true) }}| {{ 'a\nb' | indent('> ') }}
{{ a is defined }} {{ missing is defined }} {{ missing is undefined }} {{ n is none }} {{ n is not none }} {{ s is string }} {{ a is number }} {{ b is number }} {{ y is number }} {{ a is integer }} {{ y is integer }} {{ b is float }} {{ y is boolean }} {{ y is true }} {{ z is false }} {{ d is mapping }} {{ l is mapping }} {{ l is iterable }} {{ s is iterable }} {{ a is iterable }} {{ l is sequence }} {{ a is sequence }} {{ d is sequence }}
{{ 3 is odd }} {{ 3 is even }} {{ 9 is divisibleby 3 }} {{ 9 is divisibleby(2) }} {{ a is eq 1 }} {{ a is equalto(2) }} {{ a is ne 1 }} {{ a is lt 2 }} {{ 1 is in l }} {{ 'abc' is lower }} {{ 'ABC' is upper }} {{ 'aBC' is upper }} {{ a is sameas 1 }} {{ not a is odd }} {{ a is defined and b is defined }}
[{{ t.strip() }}] [{{ t.lstrip() }}] [{{ t.rstrip() }}] [{{ 'xxaxx'.strip('x') }}] {{ s.split(', ') }} {{ t.split() }} {{ 'a,b,c'.split(',', 1) }} {{ 'a,b,c'.rsplit(',', 1) }} {{ 'a,,b'.split(',') }} {{ 'a\nb\r\nc\n'.splitlines() }}
{{ s.startswith('Hell') }} {{ s.endswith(('x', 'd')) }} {{ s.upper() }} {{ s.lower() }} {{ "it's a-b 3x".title() }} {{ s.find('W') }} {{ s.find('x') }} {{ s.count('l') }} {{ ','.join(['a', 'b']) }} {{ 'abc'.removeprefix('a') }} {{ 'abc'.removesuffix('c') }} {{ '12'.isdigit() }} {{ ''.isdigit() }} {{ 'a1'.isalpha() }} {{ ' '.isspace() }}
{{ d.get('k') }} {{ d.get('q', 1) }} {{ d.get('none') }} {{ d.get('none', 'dflt') }} {{ d.keys() | list }} {{ d.values() | list }} {{ d.items() | list }} {{ [1, 2, 1].count(1) }} {{ [1, 2].index(2) }}
{{ dict(a=1, b=2) }} {{ {'a': 1, 'b': {'c': 2}}.b.c }} {{ {'a': 1}['a'] }} {{ (1, 2)[1] }} {{ [1, [2, 3]][1][0] }}
{{ -a }} {{ +a }} {{ - - a }} {{ -b }} {{ not not a }} {{ (1 + 2) * 3 }} {{ -5 | abs }} {{ 1 + 2 | float }}
{{ messages is defined }} {{ loop is defined }} {{ m | length != 0 }} {{ m | length > 2 and m[0].role == 'user' }} {{ (m | last).role }} {{ m[(m | length) - 1].content }}
{% for x in m %}{% if loop.first %}{% set role = x.role %}{% endif %}{{ role }};{% endfor %}
{% for x in m -%}   {{ x.role }}   {%- endfor %}|
line one
   {% if a %}
   indented
   {% endif %}
  end {% if a %} same line {% endif %}
x {%+ if a %} y {% endif +%}
z
  {{ a }}
  {#- c #}
  {# c #}
tail
{% for x in l %}
{{ x }}
{% endfor %}

two lines above
{{ big }} {{ big * 1000 }} {{ 0.1 + 0.2 }} {{ 100000.0 * 1000000 }} {{ 1e15 }} {{ 1e16 }} {{ 123456.789e3 }} {{ 0.0001 }} {{ 0.00001 }} {{ 10 / 5 }} {{ 3.0 }} {{ 1 / 3 }}
{% set x = {'a': [1, 2]} %}{{ x.a[0] }}{{ x['a'] | join }}{% set y2 = x.a + [3] %}{{ y2 }}{{ x }}
{% if s is string and s %}a{% endif %}{% if (m[0].role == 'user') != (0 % 2 == 0) %}b{% else %}c{% endif %}
{{ 'a' if missing is defined else 'b' }}{{ missing or 'c' }}{{ (missing or 'c') | upper }}{{ missing ~ 'x' }}{{ missing == none }}{{ missing is none }}
{{ [m[0], m[1]] | map(attribute='content') | map('length') | sum }} {{ m | map(attribute='role') | unique | list }} {{ m | selectattr('role', 'in', ['assistant']) | list | length }}
{% set x = namespace() %}{% set x.k = 1 %}{{ x.k }}{% set x.k = x.k + 1 %}{{ x.k }}{{ x['k'] }}
{{ 5 if true else 6 }}{{ True }}{{ False }}{{ None }}{{ true is true }}{{ 1 is true }}
{% macro outer() %}{{ inner() }}{% endmacro %}{% macro inner() %}in{% endmacro %}{{ outer() }}
{% for a in l %}{{ a }}{% endfor %}{{ a }}
{% set content = 'x</think>y</think>z' %}{{ content.split('</think>')[-1].lstrip('\n') }}{{ content.split('</think>')[0] }}
{{ 'a' in ['a', 'b'] and 'c' not in ['a'] }} {{ ('a', 'b') }} {{ 'abc'[1] }} {{ 'abc'['upper']() }}
"""

# Snippets that end with an error in the reference: ComLAM must fail too.
FAILING = [
    "{{ missing.x }}", "{{ missing() }}", "{{ 'a' + 1 }}", "{{ 1 / 0 }}", "{{ 1 < 'a' }}", "{% for x in 5 %}{% endfor %}",
    "{{ raise_exception('no') }}", "{{ l.append(1) }}", "{{ missing + 'a' }}", "{% if %}{% endif %}", "{% for x in l %}", "{{ a",
    "{{ a | nosuch }}", "{{ a is nosuch }}", "{% nosuch %}", "{{ ''.__class__ }}{{ ''.__class__.__mro__ }}", "{{ range(1000000) }}",
    "{% endif %}", "{{ 'a' }", "{{ (1 }}", "{{ 'unclosed }}", "{# open", "{% raw %}x", "{% set a.b = 1 %}", "{% set 1 = 2 %}", "{{ }}",
    "{{ l | join(missing.x) }}", "{{ [1, 'a'] | sort }}", "{{ d | tojson(nosuch=1) }}", "{% set true = 1 %}", "{{ a b }}", "{{ 1 if }}", "{% break %}",
]


def environment():
    env = ctu._compile_jinja_template("x").environment
    env.globals.pop("strftime_now", None)  # the text of a chat must not depend on the day
    return env


def messages(case):
    tool = {"type": "function", "function": {"name": "get_cell", "description": "Reads a cell's \"state\".", "parameters": {
        "type": "object", "properties": {"id": {"type": "integer", "description": "the cell"}, "unit": {"type": "string", "enum": ["dB", "W"]}}, "required": ["id"]}}}
    plain = [{"role": "user", "content": "Which band is n78?"}]
    turns = plain + [{"role": "assistant", "content": " 3300 to 3800 MHz.\n"}, {"role": "user", "content": "多少 RB? 'a' \"b\" <c> \\n é"}]
    call = {"id": "abcdefghi", "type": "function", "function": {"name": "get_cell", "arguments": {"id": 7}}}
    text_call = {"id": "abcdefghi", "type": "function", "function": {"name": "get_cell", "arguments": '{"id": 7}'}}
    calls = lambda c: turns[:1] + [{"role": "assistant", "content": None, "tool_calls": [c]}, {"role": "tool", "content": "on", "tool_call_id": "abcdefghi", "name": "get_cell"},
                                   {"role": "assistant", "content": "It is on."}]
    system = [{"role": "system", "content": "  Be brief. "}]
    return {
        "user": dict(messages=plain, add_generation_prompt=True),
        "turns": dict(messages=turns, add_generation_prompt=True),
        "answered": dict(messages=turns[:2], add_generation_prompt=False),
        "system": dict(messages=system + turns, add_generation_prompt=True),
        "thinking": dict(messages=plain + [{"role": "assistant", "content": "<think>hm</think>\nyes"}, plain[0]], add_generation_prompt=True),
        "wrong order": dict(messages=turns[1:2] + plain, add_generation_prompt=False),
        "tools": dict(messages=system + plain, tools=[tool], add_generation_prompt=True),
        "calls": dict(messages=calls(call), tools=[tool], add_generation_prompt=False),
        "text calls": dict(messages=calls(text_call), tools=[tool], add_generation_prompt=True),
        "functions": dict(messages=system + turns, functions="[]", datetime="Jan 1", date_string="1 Jan 2026", add_generation_prompt=True),
    }[case]


CASES = ["user", "turns", "answered", "system", "thinking", "wrong order", "tools", "calls", "text calls", "functions"]


def render(env, source, context):
    try:
        return env.from_string(source).render(**context), None
    except Exception as e:
        return None, f"{type(e).__name__}: {e}"


def main():
    env = environment()
    snippets = []
    blocks = SNIPPETS.strip("\n").split("\n")
    # The multi-line ones are found by hand: consecutive lines are joined below.
    multi = ["line one\n   {% if a %}\n   indented\n   {% endif %}\n  end {% if a %} same line {% endif %}\n",
             "x {%+ if a %} y {% endif +%}\nz\n  {{ a }}\n  {#- c #}\n  {# c #}\ntail\n",
             "{% for x in l %}\n{{ x }}\n{% endfor %}\n\ntwo lines above\n"]
    joined = {line for m in multi for line in m.strip("\n").split("\n")}
    for source in [b for b in blocks if b and b not in joined] + multi:
        out, err = render(env, source, VARS)
        if err:
            sys.exit(f"{source}: {err}")
        snippets.append({"source": source, "want": out})
    for source in FAILING:
        out, err = render(env, source, VARS)
        if err is None:
            sys.exit(f"{source}: gave {out!r}")
        snippets.append({"source": source, "error": err})
    (HERE / "snippets.json").write_text(json.dumps({"jinja2": jinja2.__version__, "vars": VARS, "snippets": snippets}, ensure_ascii=False, indent=1) + "\n")
    vendor = {"jinja2": jinja2.__version__, "transformers": transformers.__version__, "cases": {c: messages(c) for c in CASES}, "templates": {}}
    for path in sorted(pathlib.Path(sys.argv[1]).glob("*.jinja")):
        rows = {}
        for case in CASES:
            out, err = render(env, path.read_text(), {**messages(case), "bos_token": "<BOS>", "eos_token": "<EOS>"})
            rows[case] = {"error": err} if err else {"bytes": len(out.encode()), "sha256": hashlib.sha256(out.encode()).hexdigest()}
        vendor["templates"][path.name] = rows
    (HERE / "vendor.json").write_text(json.dumps(vendor, ensure_ascii=False, indent=1) + "\n")


main()
