package run

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/comlam/comlam/eval"
	"github.com/comlam/comlam/metric"
	"github.com/comlam/comlam/plot"
	"github.com/comlam/comlam/run/report"
	"github.com/comlam/comlam/task/telecomqa"
)

func (r *textResult) recipe() *Recipe { return r.r }

func (r *textResult) measured() ([]eval.Row, []Gate) { return r.rows, r.gates }

// section is what the report says of a language model.
func (r *textResult) section() (report.Section, error) {
	sec := report.Section{
		Heading: report.Text{EN: "A language model from " + r.text.describe(), ZH: "语言模型：" + r.text.describeZH()},
		Body:    slices.Concat([]report.Text{r.trainingText()}, r.xzTexts(), r.text.remarks()),
	}
	for _, m := range textMetrics {
		if t := r.table(m); len(t.Rows) > 0 {
			sec.Tables = append(sec.Tables, t)
		}
	}
	f, err := r.lossFigure()
	if f != nil {
		sec.Figures = append(sec.Figures, *f)
	}
	return sec, err
}

func (r *textResult) trainingText() report.Text {
	params, tokens := thousands(r.params), thousands(r.r.Train.Steps*r.r.Train.BatchSize*r.r.Text.Data.SequenceLength)
	took, tookZH := fmt.Sprintf("in %.0f s", r.trained.Seconds), fmt.Sprintf("用时 %.0f 秒", r.trained.Seconds)
	if r.trained.Resumed > 0 {
		took, tookZH = "in more than one session", "分多次完成"
	}
	return report.Text{
		EN: fmt.Sprintf("The model has %s parameters and a vocabulary of %s tokens of its own; it was pre-trained on %s tokens %s.", params, thousands(r.tokens), tokens, took),
		ZH: fmt.Sprintf("模型共 %s 个参数，自训词表 %s 个词元；在 %s 个词元上预训练，%s。", params, thousands(r.tokens), tokens, tookZH),
	}
}

// xzTexts say what a compressor makes of the held-out documents.
func (r *textResult) xzTexts() []report.Text {
	var list []report.Text
	for _, source := range slices.Sorted(maps.Keys(r.bars.XZ)) {
		f := r.bars.XZ[source]
		list = append(list, report.Text{
			EN: fmt.Sprintf("For scale: xz -9e makes %.2f bits a byte of the held-out documents of %s alone and %.2f after the training text (%s).", f.Alone, source, f.Primed, f.Version),
			ZH: fmt.Sprintf("参照：xz -9e 单独压缩 %s 的留出文档为每字节 %.2f 比特，以训练文本为前缀时为 %.2f 比特（%s）。", source, f.Alone, f.Primed, f.Version),
		})
	}
	return list
}

// textMetric is how the tables of one metric look.
type textMetric struct {
	name, unit string
	caption    report.Text
	decimals   int
	scale      float64
	meaning    report.Text
	interval   report.Text
}

var overDocuments = report.Text{
	EN: "Bootstrap over documents: 2,000 draws with replacement from a fixed seed, the 2.5 % and 97.5 % points.",
	ZH: "按文档自助法：固定种子有放回抽样 2000 次，取 2.5% 与 97.5% 分位点。",
}

var textMetrics = []textMetric{
	{
		name: metricBits, decimals: 3, scale: 1,
		caption: report.Text{EN: "Bits a byte of documents that nothing was trained on, with 95 % interval; lower is better", ZH: "未参与训练的文档的每字节比特数，附 95% 区间；越低越好"},
		meaning: report.Text{
			EN: "Bits that a model needs for the held-out documents and the end of each, over the bytes of the documents. Every model predicts the same text; none sees another document than the one that it predicts.",
			ZH: "模型编码留出文档及其结尾所需的比特数，除以文档字节数。所有模型预测相同的文本，且只看到所预测的文档本身。",
		},
		interval: overDocuments,
	},
	{
		name: metric.Accuracy, unit: "%", decimals: 1, scale: 100,
		caption: report.Text{EN: "Right answers to multiple-choice questions in %, with 95 % interval; higher is better. Questions made of facts are phrased as nothing in the training text", ZH: "选择题正确率（%），附 95% 区间；越高越好。由事实生成的题目采用训练文本中没有的问法"},
		meaning: report.Text{
			EN: "Share of the questions answered right; one without an answer is wrong. A model answers by the likeliest option, by the likeliest a character of the option's text, or by what it writes where only options may be written. Chance, the longest option and a classifier of surface features know nothing of telecommunications.",
			ZH: "答对的题目比例；未作答算错。模型作答方式：似然最大的选项、按选项字符归一的似然最大者、或限定只能写出选项时所写内容。随机、最长选项与表面特征分类器均不具备电信知识。",
		},
		interval: report.Text{
			EN: "Wilson's interval for a share; for chance, where 95 % of all guessers lie.",
			ZH: "比例的 Wilson 区间；随机一行为 95% 的猜测者所在区间。",
		},
	},
	{
		name: metricPreferred, decimals: 1, scale: 100,
		caption: report.Text{EN: "Held-out pairs whose right answer is the likelier one, in %, with 95 % interval; higher is better", ZH: "留出偏好对中正确答案更可能的比例（%），附 95% 区间；越高越好"},
		meaning: report.Text{
			EN: "Share of pairs of a right and a wrong answer to one question for which the model gives the right one the higher log-probability, the sum over its tokens.",
			ZH: "同一问题的正确与错误答案中，模型给予正确答案更高对数概率（按词元求和）的比例。",
		},
		interval: report.Text{EN: "Wilson's interval for a share.", ZH: "比例的 Wilson 区间。"},
	},
}

// metricPreferred is the preference accuracy of package align that needs no reference.
const metricPreferred = "accuracy/log-probability"

// defineText explains a metric of texts.
func defineText(name string, n int) (report.Definition, bool) {
	for _, m := range textMetrics {
		if m.name == name {
			return report.Definition{Name: name, Meaning: m.meaning, Samples: n, Drops: n, Interval: m.interval}, true
		}
	}
	return report.Definition{}, false
}

// table shows one metric: a row for each method, a column for each condition.
func (r *textResult) table(m textMetric) report.Table {
	rows := rowsOfMetric(r.rows, m.name)
	conditions := distinct(rows, func(e eval.Row) string { return e.Condition })
	t := report.Table{Caption: m.caption, Columns: []report.Text{{EN: "Method", ZH: "方法"}}}
	counts := map[string]int{}
	for _, c := range conditions {
		t.Columns = append(t.Columns, report.Text{EN: c, ZH: textChinese(c)})
	}
	for _, method := range distinct(rows, func(e eval.Row) string { return e.Method }) {
		line := make([]report.Cell, len(conditions)+1)
		for i, c := range conditions {
			line[i+1] = report.Absent()
			for _, row := range rows {
				if row.Method == method && row.Condition == c {
					line[0] = report.Words(report.Text{EN: method, ZH: textChinese(method)}, report.Class(row.Class))
					line[i+1] = report.Measured(m.scale*row.Value, [2]float64{m.scale * row.CI95[0], m.scale * row.CI95[1]}, m.decimals)
					counts[c] = row.N
				}
			}
		}
		t.Rows = append(t.Rows, line)
	}
	for _, c := range conditions {
		t.Notes = append(t.Notes, report.Text{
			EN: fmt.Sprintf("%s: n = %s, the same for every method.", c, thousands(counts[c])),
			ZH: fmt.Sprintf("%s：n = %s，所有方法相同。", textChinese(c), thousands(counts[c])),
		})
	}
	return t
}

func rowsOfMetric(rows []eval.Row, metric string) []eval.Row {
	var list []eval.Row
	for _, r := range rows {
		if r.Metric == metric {
			list = append(list, r)
		}
	}
	return list
}

// lossFigure draws the training loss in bits a token.
func (r *textResult) lossFigure() (*report.Figure, error) {
	if len(r.history) < 2 {
		return nil, nil
	}
	s := plot.Series{Name: "loss"}
	for _, p := range r.history {
		s.X, s.Y = append(s.X, float64(p.Step)), append(s.Y, p.Loss)
	}
	chart := plot.Chart{X: plot.Axis{Label: "Step"}, Y: plot.Axis{Label: "Loss (nats a token)"}, Series: []plot.Series{s}}
	return both(report.Text{
		EN: "Pre-training loss: cross-entropy of the next token.",
		ZH: "预训练损失：下一个词元的交叉熵。",
	}, chart, map[string]string{"Step": "步", "Loss (nats a token)": "损失（奈特/词元）", "loss": "损失"})
}

// findings say how the model stands to the n-gram models on the same documents.
func (r *textResult) findings() []report.Text {
	var list []report.Text
	for _, d := range r.duels {
		en, zh := "below", "低于"
		switch {
		case d.less.Value > 0:
			en, zh = "above", "高于"
		case d.less.Value == 0:
			en, zh = "the same as", "等于"
		}
		source, best := d.model.Condition, d.best.Method
		list = append(list, report.Text{
			EN: fmt.Sprintf("On held-out documents of %s the model needs %.3f bits a byte, %s the best n-gram model (%s) with %.3f; document by document the difference is %+.3f (95 %% interval %+.3f to %+.3f, n = %d).",
				source, d.model.Value, en, best, d.best.Value, d.less.Value, d.less.CI95[0], d.less.CI95[1], d.less.N),
			ZH: fmt.Sprintf("在 %s 的留出文档上，模型每字节需 %.3f 比特，%s最好的 n 元模型（%s，%.3f）；逐篇相比相差 %+.3f（95%% 区间 %+.3f 至 %+.3f，n = %d）。",
				textChinese(source), d.model.Value, zh, textChinese(best), d.best.Value, d.less.Value, d.less.CI95[0], d.less.CI95[1], d.less.N),
		})
	}
	return append(append(list, r.tunedFindings()...), r.alignedFindings()...)
}

// alignedFindings say what alignment brought and what it cost.
func (r *textResult) alignedFindings() []report.Text {
	if r.aligned == nil {
		return nil
	}
	a := r.aligned
	return []report.Text{{
		EN: fmt.Sprintf("Alignment (%s, %s pairs, kept step %d): the right answer is the likelier one in %.1f %% of %s held-out pairs, before %.1f %%; implied reward is right in %.1f %%, mean margin %.2f, KL to the tuned model %.3f nats a token.",
			strings.ToUpper(string(a.Loss)), thousands(a.Pairs), a.Step, 100*a.After.Preference.Value, thousands(a.After.Pairs), 100*a.Before.Preference.Value, 100*a.After.RewardAccuracy.Value, a.After.Margin, a.After.KL),
		ZH: fmt.Sprintf("对齐（%s，%s 对，取第 %d 步）：%s 个留出对中正确答案更可能的占 %.1f%%，对齐前 %.1f%%；隐含奖励正确率 %.1f%%，平均差 %.2f，相对微调模型的 KL 为每词元 %.3f 奈特。",
			strings.ToUpper(string(a.Loss)), thousands(a.Pairs), a.Step, thousands(a.After.Pairs), 100*a.After.Preference.Value, 100*a.Before.Preference.Value, 100*a.After.RewardAccuracy.Value, a.After.Margin, a.After.KL),
	}}
}

// tunedFindings say what every model answers of what it knows, and of what it cannot
// know, in phrasings that are new to it.
func (r *textResult) tunedFindings() []report.Text {
	var list []report.Text
	for _, t := range r.tuned {
		share := 100 * float64(t.Trained) / float64(t.Total)
		list = append(list, r.answered(t.method(), fmt.Sprintf("%.2f %% of the parameters trained in %.0f s", share, t.Seconds), fmt.Sprintf("训练参数占 %.2f%%，用时 %.0f 秒", share, t.Seconds))...)
	}
	if a := r.aligned; a != nil {
		list = append(list, r.answered(nameAligned, fmt.Sprintf("%.0f s more", a.Seconds), fmt.Sprintf("再用 %.0f 秒", a.Seconds))...)
	}
	return list
}

// answered is one model's share of right answers in every set of questions.
func (r *textResult) answered(method, how, howZH string) []report.Text {
	var en, zh []string
	rows := rowsOfMetric(r.rows, metric.Accuracy)
	for _, c := range distinct(rows, func(e eval.Row) string { return e.Condition }) {
		got, chance := r.find(rows, c, method+", "+eval.ByLikelihood), r.find(rows, c, telecomqa.NameChance)
		if got == nil || chance == nil {
			continue
		}
		en = append(en, fmt.Sprintf("%s: %.1f %% (chance %.1f %%)", c, 100*got.Value, 100*chance.Value))
		zh = append(zh, fmt.Sprintf("%s %.1f%%（随机 %.1f%%）", textChinese(c), 100*got.Value, 100*chance.Value))
	}
	if en == nil {
		return nil
	}
	return []report.Text{{
		EN: fmt.Sprintf("Right answers of %q (%s): %s.", method, how, strings.Join(en, "; ")),
		ZH: fmt.Sprintf("“%s”（%s）的正确率：%s。", textChinese(method), howZH, strings.Join(zh, "；")),
	}}
}

func (*textResult) find(rows []eval.Row, condition, method string) *eval.Row {
	i := slices.IndexFunc(rows, func(e eval.Row) bool { return e.Condition == condition && e.Method == method })
	if i < 0 {
		return nil
	}
	return &rows[i]
}

// textChinese is a method or condition in Chinese; names stay as they are.
func textChinese(s string) string {
	if zh, ok := textWords[s]; ok {
		return zh
	}
	for en, zh := range map[string]string{eval.ByLikelihood: "似然最大", eval.ByCharacter: "按字符归一", eval.ByWriting: "受限生成"} {
		if name, ok := strings.CutSuffix(s, ", "+en); ok {
			return textChinese(name) + "，" + zh
		}
	}
	if way, ok := strings.CutPrefix(s, "model, "); ok {
		return "模型，" + way
	}
	return s
}

var textWords = map[string]string{
	namePretrained: "模型，预训练",
	nameAligned:    "模型，对齐",
	nameBefore:     "模型，继续训练前",
	conditionPairs: "偏好对，新问法",
	nameTokenGrams: "Kneser-Ney 5 元词元模型",
	nameByteGrams:  "Kneser-Ney 8 元字节模型",

	conditionKnown:       "已学事实",
	conditionRead:        "仅读过的事实",
	conditionReadAligned: "仅读过、后用于对齐的事实",
	conditionUnseen:      "从未见过的事实",

	telecomqa.NameChance:  "随机猜测",
	telecomqa.NameLongest: "选最长选项",
	telecomqa.NameAll:     "“以上皆是”否则最长",
	telecomqa.NameSurface: "表面特征分类器",
}
