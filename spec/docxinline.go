package spec

import (
	"strconv"
	"strings"
)

// docxInline collects the text of a paragraph.
type docxInline struct {
	r         *docxReader
	out       Text
	raw       strings.Builder // the same for code, with its blanks
	tabbed    string          // what stands before the first tab
	tabs      bool
	equations []string // that stand alone
	figures   []Block
	boxes     []*node // text boxes
	footnotes []string
	style     SpanKind
	target    string // of the link that is read
}

func (in *docxInline) put(s string) {
	in.raw.WriteString(s)
	span := Span{Kind: in.style, Text: s}
	if in.target != "" {
		span = Span{Kind: Link, Text: s, Target: in.target}
	}
	in.out = append(in.out, span)
}

func (in *docxInline) children(n *node) {
	for _, c := range n.children {
		in.node(c)
	}
}

func (in *docxInline) node(n *node) {
	switch n.name {
	case "r":
		in.run(n)
	case "hyperlink":
		before := in.target
		in.target = linkTarget(in.r.links[n.attr("id")])
		if a := n.attr("anchor"); a != "" && in.target == "" {
			in.target = linkTarget("#" + a)
		}
		in.children(n)
		in.target = before
	case "oMath":
		if latex := mathText(latexOf(n)); latex != "" {
			in.raw.WriteString(latex)
			in.out = append(in.out, Span{Kind: Math, Text: latex})
		}
	case "oMathPara":
		for _, c := range n.children {
			if c.name == "oMath" {
				in.equations = append(in.equations, latexOf(c))
			}
		}
	case "ins", "smartTag", "fldSimple", "sdtContent", "sdt", "customXml", "moveTo", "dir", "bdo":
		in.children(n)
	case "AlternateContent":
		in.children(n.child("Choice"))
	}
}

// run reads a run of characters of one form.
func (in *docxInline) run(n *node) {
	before := in.style
	switch n.child("rPr").val("vertAlign") {
	case "subscript":
		in.style = Sub
	case "superscript":
		in.style = Sup
	}
	for _, c := range n.children {
		in.piece(c)
	}
	in.style = before
}

func (in *docxInline) piece(c *node) {
	switch c.name {
	case "t":
		in.put(c.text)
	case "tab":
		if !in.tabs {
			in.tabs, in.tabbed = true, in.out.clean().String()
		}
		in.raw.WriteByte('\t')
		in.out = append(in.out, Span{Text: " "})
	case "br", "cr":
		if t := c.attr("type"); t == "" || t == "textWrapping" {
			in.raw.WriteByte('\n')
			in.out = append(in.out, Span{Kind: Break})
		}
	case "noBreakHyphen":
		in.put("-")
	case "sym":
		in.put(symbol(c.attr("char")))
	case "footnoteReference":
		in.footnotes = append(in.footnotes, c.attr("id"))
	case "drawing", "pict", "object":
		in.picture(c)
	case "AlternateContent":
		for _, inner := range c.child("Choice").children {
			in.piece(inner)
		}
	case "oMath", "oMathPara":
		in.node(c)
	}
}

// picture keeps the description of a picture and the text of a text box.
func (in *docxInline) picture(n *node) {
	if box := n.find("txbxContent"); box != nil {
		in.boxes = append(in.boxes, box)
		return
	}
	name, source := "", ""
	if pr := n.find("docPr"); pr != nil {
		name = orElse(pr.attr("descr"), orElse(pr.attr("title"), pr.attr("name")))
	}
	for _, tag := range []string{"blip", "imagedata"} {
		if b := n.find(tag); b != nil {
			source = orElse(in.r.links[b.attr("embed")], in.r.links[b.attr("id")])
		}
	}
	if o := n.find("OLEObject"); o != nil && name == "" {
		name = strings.TrimSpace("object " + o.attr("ProgID"))
	}
	in.figures = append(in.figures, figure(Str(name), source)...)
}

// number is the number of an equation, where the rest of its paragraph is that.
func (in *docxInline) number(text Text) string {
	if len(text) != 1 || text[0].Kind != Plain {
		return ""
	}
	if m := equationTail.FindStringSubmatch(text[0].Text); m != nil {
		return m[1]
	}
	return ""
}

// symbols of the font Symbol that are common in standards.
var symbols = map[int]string{
	0xa3: "≤", 0xb3: "≥", 0xb4: "×", 0xb0: "°", 0xb1: "±", 0xb7: "·", 0xb9: "≠", 0xbb: "≈", 0xae: "→", 0xac: "←", 0xd7: "·", 0xce: "∈", 0xa5: "∞", 0xe5: "∑",
	0x44: "Δ", 0x46: "Φ", 0x47: "Γ", 0x51: "Θ", 0x53: "Σ", 0x57: "Ω", 0x59: "Ψ", 0x61: "α", 0x62: "β", 0x64: "δ", 0x65: "ε", 0x66: "φ", 0x67: "γ", 0x68: "η",
	0x6a: "ϕ", 0x6b: "κ", 0x6c: "λ", 0x6d: "μ", 0x6e: "ν", 0x70: "π", 0x71: "θ", 0x72: "ρ", 0x73: "σ", 0x74: "τ", 0x77: "ω", 0x78: "ξ", 0x79: "ψ", 0x7a: "ζ", 0x2d: "−",
}

func symbol(char string) string {
	n, err := strconv.ParseUint(char, 16, 16)
	if err != nil {
		return ""
	}
	if s, ok := symbols[int(n)&0xff]; ok && n>>8 == 0xf0 {
		return s
	}
	return string(rune(n))
}
