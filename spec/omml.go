package spec

import "strings"

// LaTeX of OMML, the mathematics of Word (ISO/IEC 29500-1, 22.1).

// latexOf writes what an element of OMML holds.
func latexOf(n *node) string {
	var w strings.Builder
	for _, c := range n.children {
		part := latexElement(c)
		if part == "" {
			continue
		}
		// A command must not run into a letter after it.
		if w.Len() > 0 && endsInCommand(w.String()) && isLetter(part[0]) {
			w.WriteByte(' ')
		}
		w.WriteString(part)
	}
	return w.String()
}

func isLetter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }

func endsInCommand(s string) bool {
	i := len(s)
	for i > 0 && isLetter(s[i-1]) {
		i--
	}
	return i < len(s) && i > 0 && s[i-1] == '\\'
}

// braced puts an argument into braces.
func braced(n *node) string { return "{" + latexOf(n) + "}" }

// based is the base of a script: braces where it is more than one sign.
func based(n *node) string {
	s := latexOf(n)
	if len([]rune(s)) <= 1 || strings.HasPrefix(s, `\`) && endsInCommand(s) && strings.Count(s, `\`) == 1 {
		return s
	}
	return "{" + s + "}"
}

func latexElement(n *node) string {
	switch n.name {
	case "r":
		return latexRun(n)
	case "f":
		if n.child("fPr").val("type") == "noBar" {
			return `{` + latexOf(n.child("num")) + ` \atop ` + latexOf(n.child("den")) + `}`
		}
		return `\frac` + braced(n.child("num")) + braced(n.child("den"))
	case "sSup":
		return based(n.child("e")) + "^" + braced(n.child("sup"))
	case "sSub":
		return based(n.child("e")) + "_" + braced(n.child("sub"))
	case "sSubSup":
		return based(n.child("e")) + "_" + braced(n.child("sub")) + "^" + braced(n.child("sup"))
	case "sPre":
		return "{}_" + braced(n.child("sub")) + "^" + braced(n.child("sup")) + braced(n.child("e"))
	case "rad":
		if deg := latexOf(n.child("deg")); deg != "" {
			return `\sqrt[` + deg + `]` + braced(n.child("e"))
		}
		return `\sqrt` + braced(n.child("e"))
	case "nary":
		return latexNary(n)
	case "d":
		return latexDelimiters(n)
	case "m":
		return `\begin{matrix}` + latexRows(n, "mr", " & ") + `\end{matrix}`
	case "eqArr":
		return `\begin{aligned}` + latexRows(n, "e", "") + `\end{aligned}`
	case "func":
		return latexFunction(n)
	case "acc":
		return accent(n.child("accPr"), `\hat`) + braced(n.child("e"))
	case "bar":
		if n.child("barPr").val("pos") == "top" {
			return `\overline` + braced(n.child("e"))
		}
		return `\underline` + braced(n.child("e"))
	case "groupChr":
		return accent(n.child("groupChrPr"), `\underbrace`) + braced(n.child("e"))
	case "limLow":
		return limited(n.child("e")) + "_" + braced(n.child("lim"))
	case "limUpp":
		return limited(n.child("e")) + "^" + braced(n.child("lim"))
	case "borderBox":
		return `\boxed` + braced(n.child("e"))
	case "del", "moveFrom", "rPr", "ctrlPr":
		return ""
	}
	return latexOf(n)
}

func latexRun(n *node) string {
	var w strings.Builder
	for _, c := range n.children {
		if c.name == "t" {
			w.WriteString(c.text)
		}
	}
	text := w.String()
	pr := n.child("rPr")
	if pr.has("nor") {
		return `\text{` + textInMath(text) + `}`
	}
	latex := latexSymbols(text)
	if pr.val("sty") == "p" && len(text) > 1 && strings.Trim(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") == "" {
		return `\mathrm{` + text + `}`
	}
	if pr.val("scr") == "double-struck" {
		return `\mathbb{` + latex + `}`
	}
	return latex
}

// textInMath hides what \text{} would read as commands.
func textInMath(s string) string {
	return strings.NewReplacer(`\`, `\backslash `, `{`, `\{`, `}`, `\}`, `$`, `\$`, `_`, `\_`, `^`, `\^{}`, `%`, `\%`, `&`, `\&`, `#`, `\#`).Replace(s)
}

func latexSymbols(text string) string {
	var w strings.Builder
	command := false
	for _, r := range text {
		s, ok := latexSymbol[r]
		switch {
		case !ok && r >= 0x1d434 && r <= 0x1d467: // italic letters A to z
			s = string(rune('A' + (r-0x1d434)%26))
			if r >= 0x1d44e {
				s = string(rune('a' + r - 0x1d44e))
			}
		case !ok:
			s = string(r)
		}
		if s == "" {
			continue
		}
		if command && isLetter(s[0]) {
			w.WriteByte(' ')
		}
		w.WriteString(s)
		command = s[0] == '\\' && isLetter(s[len(s)-1])
	}
	return w.String()
}

var latexSymbol = map[rune]string{
	'α': `\alpha`, 'β': `\beta`, 'γ': `\gamma`, 'δ': `\delta`, 'ε': `\varepsilon`, 'ϵ': `\epsilon`, 'ζ': `\zeta`, 'η': `\eta`, 'θ': `\theta`,
	'ι': `\iota`, 'κ': `\kappa`, 'λ': `\lambda`, 'μ': `\mu`, 'µ': `\mu`, 'ν': `\nu`, 'ξ': `\xi`, 'π': `\pi`, 'ρ': `\rho`, 'σ': `\sigma`,
	'τ': `\tau`, 'υ': `\upsilon`, 'φ': `\varphi`, 'ϕ': `\phi`, 'χ': `\chi`, 'ψ': `\psi`, 'ω': `\omega`, 'Γ': `\Gamma`, 'Δ': `\Delta`,
	'∆': `\Delta`, 'Θ': `\Theta`, 'Λ': `\Lambda`, 'Ξ': `\Xi`, 'Π': `\Pi`, 'Σ': `\Sigma`, 'Φ': `\Phi`, 'Ψ': `\Psi`, 'Ω': `\Omega`,
	'≤': `\le`, '≥': `\ge`, '≠': `\ne`, '≈': `\approx`, '≡': `\equiv`, '∼': `\sim`, '∝': `\propto`, '≪': `\ll`, '≫': `\gg`,
	'×': `\times`, '⋅': `\cdot`, '·': `\cdot`, '∙': `\cdot`, '÷': `\div`, '±': `\pm`, '∓': `\mp`, '∗': `*`, '−': `-`, '∘': `\circ`,
	'∞': `\infty`, '∂': `\partial`, '∇': `\nabla`, '∈': `\in`, '∉': `\notin`, '⊂': `\subset`, '⊆': `\subseteq`, '∪': `\cup`, '∩': `\cap`,
	'∅': `\emptyset`, '∀': `\forall`, '∃': `\exists`, '¬': `\neg`, '∧': `\wedge`, '∨': `\vee`, '⊕': `\oplus`, '⊗': `\otimes`,
	'→': `\to`, '←': `\leftarrow`, '⇒': `\Rightarrow`, '⇔': `\Leftrightarrow`, '↔': `\leftrightarrow`, '↦': `\mapsto`, '…': `\ldots`, '⋯': `\cdots`,
	'⋮': `\vdots`, '⋱': `\ddots`, '∑': `\sum`, '∏': `\prod`, '∫': `\int`, '√': `\sqrt{}`, '⌊': `\lfloor`, '⌋': `\rfloor`, '⌈': `\lceil`, '⌉': `\rceil`,
	'⟨': `\langle`, '⟩': `\rangle`, '‖': `\|`, '∥': `\|`, '∣': `\mid`, '′': `'`, '°': `^{\circ}`, 'ℝ': `\mathbb{R}`, 'ℂ': `\mathbb{C}`, 'ℤ': `\mathbb{Z}`, 'ℕ': `\mathbb{N}`,
	'ℎ': `h`, 'ℓ': `\ell`, '\\': `\backslash`, '{': `\{`, '}': `\}`, '$': `\$`, '%': `\%`, '&': `&`, '#': `\#`, '_': `\_`, '^': `\^{}`, '~': `\sim`,
	'\u00a0': ` `, '\u2003': `\quad `, '\u2009': `\,`, '\u2061': ``, '\u200b': ``,
}

func latexNary(n *node) string {
	pr := n.child("naryPr")
	sign := `\int`
	if pr.has("chr") {
		sign = latexSymbols(pr.val("chr"))
	}
	if sub := latexOf(n.child("sub")); sub != "" {
		sign += "_{" + sub + "}"
	}
	if sup := latexOf(n.child("sup")); sup != "" {
		sign += "^{" + sup + "}"
	}
	return sign + braced(n.child("e"))
}

func latexDelimiters(n *node) string {
	pr := n.child("dPr")
	side := func(name, fallback string) string {
		if !pr.has(name) {
			return fallback
		}
		if s := latexSymbols(pr.val(name)); s != "" {
			return s
		}
		return "."
	}
	begin, end, sep := side("begChr", "("), side("endChr", ")"), side("sepChr", "|")
	var parts []string
	for _, c := range n.children {
		if c.name == "e" {
			parts = append(parts, latexOf(c))
		}
	}
	inside := strings.Join(parts, " "+sep+" ")
	if begin == `\{` && end == "." && strings.HasPrefix(inside, `\begin{aligned}`) && strings.HasSuffix(inside, `\end{aligned}`) {
		return `\begin{cases}` + strings.TrimSuffix(strings.TrimPrefix(inside, `\begin{aligned}`), `\end{aligned}`) + `\end{cases}`
	}
	return `\left` + begin + " " + inside + ` \right` + end
}

func latexRows(n *node, row, between string) string {
	var rows []string
	for _, r := range n.children {
		if r.name != row {
			continue
		}
		if between == "" {
			rows = append(rows, latexOf(r))
			continue
		}
		var cells []string
		for _, c := range r.children {
			if c.name == "e" {
				cells = append(cells, latexOf(c))
			}
		}
		rows = append(rows, strings.Join(cells, between))
	}
	return " " + strings.Join(rows, ` \\ `) + " "
}

var latexFunctions = map[string]bool{
	"sin": true, "cos": true, "tan": true, "log": true, "ln": true, "exp": true, "min": true, "max": true, "arg": true, "lim": true,
	"arccos": true, "arcsin": true, "arctan": true, "sinh": true, "cosh": true, "tanh": true, "det": true, "gcd": true, "sup": true, "inf": true,
}

func latexFunction(n *node) string {
	name := latexOf(n.child("fName"))
	for f := range latexFunctions {
		for _, form := range []string{`\mathrm{` + f + `}`, f} {
			if rest, ok := strings.CutPrefix(name, form); ok && (rest == "" || !isLetter(rest[0])) {
				return `\` + f + rest + braced(n.child("e"))
			}
			if rest, ok := strings.CutPrefix(name, "{"+form+"}"); ok {
				return `\` + f + rest + braced(n.child("e"))
			}
		}
	}
	return name + braced(n.child("e"))
}

func accent(pr *node, fallback string) string {
	switch pr.val("chr") {
	case "̃", "~", "˜":
		return `\tilde`
	case "̅", "¯", "‾", "̄":
		return `\bar`
	case "⃗", "→":
		return `\vec`
	case "̇":
		return `\dot`
	case "̈":
		return `\ddot`
	case "̌":
		return `\check`
	case "⏞":
		return `\overbrace`
	}
	return fallback
}

func limited(n *node) string {
	s := latexOf(n)
	for _, form := range []string{s, strings.TrimSuffix(strings.TrimPrefix(s, `\mathrm{`), "}")} {
		if latexFunctions[form] {
			return `\` + form
		}
	}
	return `\mathop{` + s + `}`
}
