package channelpred

import "strings"

// chinese translates the display names of Methods, a trailing number apart.
var chinese = map[string]string{
	"hold":                           "保持末值",
	"least squares, this speed":      "最小二乘（本速度）",
	"least squares, all speeds":      "最小二乘（全部速度）",
	"PAD order":                      "PAD，阶数",
	"vector Prony order":             "向量 Prony，阶数",
	"ridge, angle-delay":             "岭回归（角度-时延域）",
	"Wiener, knows the speed":        "维纳滤波（已知速度）",
	"Bayes, does not know the speed": "贝叶斯（未知速度）",
}

// Chinese is the display name of a method for the Chinese half of a report; a name
// that it does not know stays as it is.
func Chinese(method string) string {
	if name, ok := chinese[method]; ok {
		return name
	}
	words, number, _ := cutLast(method, " ")
	if name, ok := chinese[words]; ok {
		return name + " " + number
	}
	return method
}

// cutLast slices s around the last sep.
func cutLast(s, sep string) (before, after string, found bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}
