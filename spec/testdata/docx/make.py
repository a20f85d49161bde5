"""Makes the .docx files of this folder with other programs: pandoc 2.17, LibreOffice
7.4 and python-docx 1.2. Run it here: python3 make.py (needs pandoc and soffice)."""
import pathlib, subprocess, sys
import docx
from docx.enum.style import WD_STYLE_TYPE
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls

here = pathlib.Path(__file__).parent

MARKDOWN = r"""---
title: Grid of resources
---

# Scope {#scope}

A grid of $N_{RB}$ blocks; see [the scope](#scope) and <https://example.com/x>. A note[^1].

[^1]: The text of the footnote.

$$N = \sum_{i=0}^{3} \frac{a_i^2}{\sqrt{b_i}} \left( x + \alpha \right)$$

## Lists

- first
- second
    1. one
    2. two
- third

## A table

| Index | Spacing [kHz] |
|-------|---------------|
| 0     | 15            |
| 1     | 30            |

: Spacings of subcarriers

``` python
def f(x):
    return x + 1
```

> Quoted text.

H~2~O and 10^6^ and `code`.
"""

HTML = """<html><head><title>Merged</title></head><body>
<h1>1 Bands</h1><p>Before the table.</p>
<table border="1"><tr><th>Band</th><th colspan="2">Range</th></tr>
<tr><td rowspan="2">n1</td><td>up</td><td>1920 MHz</td></tr><tr><td>down</td><td>2110 MHz</td></tr></table>
<h2>1.1 Steps</h2><ol><li>Measure.</li><li>Report.</li></ol><ul><li>a<ul><li>b</li></ul></li></ul>
<p>x<sub>i</sub> and y<sup>2</sup>.</p><pre>a  b
c</pre></body></html>
"""

M = 'xmlns:m="http://schemas.openxmlformats.org/officeDocument/2006/math"'


def r(text):
    return f"<m:r><m:t>{text}</m:t></m:r>"


def pandoc(text, out, *options, source="markdown"):
    subprocess.run(["pandoc", "-f", source, "-o", str(here / out), *options], input=text.encode(), check=True)


def office(source, out):
    subprocess.run(["soffice", "--headless", "--convert-to", "docx:MS Word 2007 XML", "--outdir", "/tmp", source], check=True, stdout=subprocess.DEVNULL)
    pathlib.Path("/tmp", pathlib.Path(source).stem + ".docx").rename(here / out)


def standard(out):
    """A document with the styles of 3GPP."""
    d = docx.Document()
    for name in ["TH", "TF", "TAH", "TAC", "TAN", "PL", "NO", "B1", "B2", "EQ", "EX", "EN", "TT"]:
        d.styles.add_style(name, WD_STYLE_TYPE.PARAGRAPH)
    p = lambda text, style=None: d.add_paragraph(text, style)
    p("3GPP TS 99.901 V18.2.0 (2024-06)")
    p("5\tPhysical channels", "Heading 1")
    p("5.1\tOverview", "Heading 2")
    p("The following applies:")
    p("-\tthe first case;", "B1")
    p("-\ta case inside;", "B2")
    p("-\tthe second case.", "B1")
    p("1)\tlabelled.", "B1")
    p("NOTE 1:\tThis is informative.", "NO")
    eq = p("\t", "EQ")
    eq._p.append(parse_xml(f"<m:oMath {M}><m:sSub><m:e>{r('N')}</m:e><m:sub>{r('ID')}</m:sub></m:sSub>{r('=')}"
        f"<m:nary><m:naryPr><m:chr m:val='∑'/></m:naryPr><m:sub>{r('i=0')}</m:sub><m:sup>{r('7')}</m:sup><m:e>"
        f"<m:f><m:num>{r('α')}</m:num><m:den><m:rad><m:radPr><m:degHide m:val='1'/></m:radPr><m:deg/><m:e>{r('2')}</m:e></m:rad></m:den></m:f></m:e></m:nary></m:oMath>"))
    eq.add_run("\t(5.1-1)")
    p("Table 5.1-1: Formats", "TH")
    t = d.add_table(4, 3)
    for i, row in enumerate([["Format", "Symbols", ""], ["0", "1", "14"], ["", "2", "28"], ["", "", ""]]):
        for j, text in enumerate(row):
            c = t.cell(i, j)
            c.paragraphs[0].text = text
            c.paragraphs[0].style = "TAH" if i == 0 else "TAC"
    t.cell(0, 1).merge(t.cell(0, 2))
    t.cell(1, 0).merge(t.cell(2, 0))
    foot = t.cell(3, 0).merge(t.cell(3, 2))
    foot.paragraphs[0].text = "NOTE 1:\tNormal prefix."
    foot.paragraphs[0].style = "TAN"
    foot.add_paragraph("NOTE 2:\tExtended prefix.", "TAN")
    p("5.1.1\tInformation elements", "Heading 3")
    for line in ["-- ASN1START", "", "MIB ::=   SEQUENCE {", "    systemFrameNumber    BIT STRING (SIZE (6)),", "    spare                BIT STRING (SIZE (1))", "}", "", "-- ASN1STOP"]:
        p(line, "PL")
    q = p("Value n")
    q.add_run("RB").font.subscript = True
    q.add_run(" is below 10").font.superscript = False
    q.add_run("6").font.superscript = True
    p("Editor's note: To be checked.", "EN")
    p("Annex A (informative): Change history", "Heading 1")
    p("2\tReferences", "Heading 1")
    p("[1]\t3GPP TS 38.211: \"Physical channels and modulation\".", "EX")
    d.save(here / out)


def plain(out):
    """A document with the styles of Word."""
    d = docx.Document()
    d.core_properties.title = "Plain document"
    d.add_heading("Introduction", 1)
    d.add_paragraph("Some text with ").add_run("bold").bold = True
    d.add_paragraph("one", "List Bullet")
    d.add_paragraph("two", "List Bullet")
    d.add_paragraph("first", "List Number")
    d.add_heading("Deep", 2)
    t = d.add_table(3, 3, "Table Grid")
    for i in range(3):
        for j in range(3):
            t.cell(i, j).text = f"{i}{j}"
    t.cell(1, 1).merge(t.cell(2, 2))
    inner = t.cell(0, 0).add_table(1, 2)
    inner.cell(0, 0).text, inner.cell(0, 1).text = "in", "side"
    d.add_paragraph("A quote.", "Quote")
    d.add_paragraph("信道状态信息", "Caption")
    d.save(here / out)


pandoc(MARKDOWN, "pandoc.docx")
pandoc(MARKDOWN, "pandoc-numbered.docx", "--number-sections", "--toc")
standard("python-docx-3gpp.docx")
plain("python-docx-plain.docx")
pathlib.Path("/tmp/merged.html").write_text(HTML)
subprocess.run(["soffice", "--headless", "--convert-to", "odt:writer8", "--outdir", "/tmp", "/tmp/merged.html"], check=True, stdout=subprocess.DEVNULL)
office("/tmp/merged.odt", "libreoffice-html.docx")
subprocess.run(["pandoc", "-f", "markdown", "-o", "/tmp/grid.odt"], input=MARKDOWN.encode(), check=True)
office("/tmp/grid.odt", "libreoffice-math.docx")
subprocess.run(["cp", str(here / "python-docx-3gpp.docx"), "/tmp/again.docx"], check=True)
subprocess.run(["soffice", "--headless", "--convert-to", "odt:writer8", "--outdir", "/tmp", "/tmp/again.docx"], check=True, stdout=subprocess.DEVNULL)
office("/tmp/again.odt", "libreoffice-3gpp.docx")
