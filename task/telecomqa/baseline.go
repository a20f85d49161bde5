package telecomqa

import (
	"cmp"
	"fmt"
	"hash/fnv"
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/comlam/comlam/eval"
	"github.com/comlam/comlam/internal/dense"
)

// MinSurface is the least number of questions that the surface classifier is fitted to.
const MinSurface = 100

// Longest picks the option with the most characters, the first of several.
func Longest(questions []eval.Question) []int {
	picked := make([]int, len(questions))
	for i, q := range questions {
		picked[i] = longest(q)
	}
	return picked
}

func longest(q eval.Question) int {
	best := 0
	for i, o := range q.Options {
		if utf8.RuneCountInString(o) > utf8.RuneCountInString(q.Options[best]) {
			best = i
		}
	}
	return best
}

// AllElseLongest picks the option that stands for all the others where there is one,
// otherwise the longest.
func AllElseLongest(questions []eval.Question) []int {
	picked := Longest(questions)
	for i, q := range questions {
		if all := slices.IndexFunc(q.Options, meansAll); all >= 0 {
			picked[i] = all
		}
	}
	return picked
}

func meansAll(option string) bool {
	words := wordsOf(option)
	return len(words) > 0 && (words[0] == "all" && len(words) <= 6 && slices.ContainsFunc(words, func(w string) bool {
		return w == "above" || w == "options" || w == "answers" || w == "these" || w == "mentioned"
	}) || words[0] == "both" && len(words) <= 4)
}

func meansNone(option string) bool {
	words := wordsOf(option)
	return len(words) > 2 && words[0] == "none" && words[1] == "of"
}

func wordsOf(text string) []string {
	return strings.FieldsFunc(strings.ToLower(text), func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r > 127)
	})
}

// numFeatures is what the classifier sees of an option: length, form, words that
// question and options share, and place. None needs to know what a word means.
const numFeatures = 15

type features [numFeatures]float64

// surface computes the features of every option of a question.
func surface(q eval.Question) []features {
	words := make([][]string, len(q.Options))
	size := make([]float64, len(q.Options))
	var mean float64
	for i, o := range q.Options {
		words[i] = wordsOf(o)
		size[i] = float64(utf8.RuneCountInString(o))
		mean += size[i] / float64(len(q.Options))
	}
	asked := wordsOf(q.Text)
	list := make([]features, len(q.Options))
	for i, o := range q.Options {
		var elsewhere []string
		for j, w := range words {
			if j != i {
				elsewhere = append(elsewhere, w...)
			}
		}
		list[i] = features{
			math.Log((size[i] + 1) / (mean + 1)),
			float64(len(words[i])) / 10,
			one(size[i] == slices.Max(size)),
			one(size[i] == slices.Min(size)),
			one(meansAll(o)),
			one(meansNone(o)),
			one(slices.Contains(words[i], "and")),
			float64(min(3, strings.Count(o, ","))),
			one(strings.ContainsAny(o, "0123456789")),
			one(slices.ContainsFunc(words[i], isAbsolute)),
			share(words[i], asked),
			share(words[i], elsewhere),
			one(i == 0),
			one(i == len(q.Options)-1),
			one(strings.Contains(o, "(")),
		}
	}
	return list
}

func one(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

func isAbsolute(word string) bool {
	return slices.Contains([]string{"only", "always", "never", "must", "no", "not", "any", "every"}, word)
}

// share is the part of words that occur among others.
func share(words, others []string) float64 {
	if len(words) == 0 {
		return 0
	}
	n := 0
	for _, w := range words {
		if slices.Contains(others, w) {
			n++
		}
	}
	return float64(n) / float64(len(words))
}

// Surface answers every question by softmax regression on surface features (a
// conditional logit: D. McFadden, "Conditional logit analysis of qualitative choice
// behavior", 1974), fitted to the other folds of a cross-validation. Questions that
// are the same fall into the same fold. What it scores is what a method can get from
// how options are written.
func Surface(questions []eval.Question, folds int) ([]int, error) {
	all := make([][]features, len(questions))
	fold := make([]int, len(questions))
	for i, q := range questions {
		all[i] = surface(q)
		h := fnv.New64a()
		h.Write([]byte(sameKey(q)))
		fold[i] = int(h.Sum64() % uint64(folds))
	}
	picked := make([]int, len(questions))
	for f := range folds {
		var train []chosen
		for i, q := range questions {
			if fold[i] != f {
				train = append(train, chosen{all[i], q.Answer})
			}
		}
		weights, err := fitLogit(train)
		if err != nil {
			return nil, fmt.Errorf("surface features, fold %d: %w", f, err)
		}
		for i := range questions {
			if fold[i] == f {
				picked[i] = weights.best(all[i])
			}
		}
	}
	return picked, nil
}

// chosen is one training example of the logit: the options and which was right.
type chosen struct {
	options []features
	right   int
}

func (w features) dot(x features) float64 {
	var sum float64
	for k := range w {
		sum += w[k] * x[k]
	}
	return sum
}

func (w features) best(options []features) int {
	best := 0
	for i, x := range options {
		if cmp.Compare(w.dot(x), w.dot(options[best])) > 0 {
			best = i
		}
	}
	return best
}

const (
	ridge    = 1e-3 // mean squared weight in the objective; keeps weights of rare features finite
	maxSteps = 50   // Newton's method needs about six
)

// fitLogit maximises the mean log-likelihood of the right options less ridge |w|^2 / 2
// by Newton's method; the objective is concave.
func fitLogit(train []chosen) (features, error) {
	var w features
	if len(train) == 0 {
		return w, fmt.Errorf("no questions to fit to; use more questions or fewer folds")
	}
	for range maxSteps {
		gradient, hessian := w.slope(train)
		factor, err := dense.Cholesky(hessian, numFeatures)
		if err != nil {
			return w, err
		}
		if err := factor.Solve(gradient); err != nil {
			return w, err
		}
		var step float64
		for k := range w {
			w[k] += real(gradient[k])
			step = math.Max(step, math.Abs(real(gradient[k])))
		}
		if step < 1e-9 {
			break
		}
	}
	return w, nil
}

// slope is the gradient of the objective and its negative Hessian [k, k] at w.
func (w features) slope(train []chosen) (gradient, hessian []complex128) {
	var g features
	var h [numFeatures][numFeatures]float64
	for _, c := range train {
		p, mean := w.softmax(c.options)
		for i, x := range c.options {
			for a := range x {
				x[a] -= mean[a]
			}
			for a := range x {
				if i == c.right {
					g[a] += x[a]
				}
				for b := range a + 1 {
					h[a][b] += p[i] * x[a] * x[b]
				}
			}
		}
	}
	n := float64(len(train))
	gradient = make([]complex128, numFeatures)
	hessian = make([]complex128, numFeatures*numFeatures)
	for a := range numFeatures {
		gradient[a] = complex(g[a]/n-ridge*w[a], 0)
		for b := range a + 1 {
			v := h[a][b] / n
			if a == b {
				v += ridge
			}
			hessian[a*numFeatures+b], hessian[b*numFeatures+a] = complex(v, 0), complex(v, 0)
		}
	}
	return gradient, hessian
}

// softmax is the probability of each option, and the mean of their features under it.
func (w features) softmax(options []features) (p []float64, mean features) {
	p = make([]float64, len(options))
	top := math.Inf(-1)
	for i, x := range options {
		p[i] = w.dot(x)
		top = math.Max(top, p[i])
	}
	var sum float64
	for i := range p {
		p[i] = math.Exp(p[i] - top)
		sum += p[i]
	}
	for i, x := range options {
		p[i] /= sum
		for k := range x {
			mean[k] += p[i] * x[k]
		}
	}
	return p, mean
}
