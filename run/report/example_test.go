package report

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/comlam/comlam/metric"
	"github.com/comlam/comlam/plot"
)

// The example is a channel prediction report of full size. Its numbers are
// invented to look likely; nothing was measured.

var exampleSpeeds = []float64{30, 60, 100}

type exampleRow struct {
	name  Text
	class Class
	dB    [3]float64
}

var exampleRows = []exampleRow{
	{Text{"hold the last channel", "保持最后信道"}, Classical, [3]float64{-7.56, -1.15, 1.13}},
	{Same("AR(4)"), Classical, [3]float64{-13.90, -8.74, -4.61}},
	{Same("PAD"), Classical, [3]float64{-12.24, -7.02, -2.86}},
	{Text{"vector Prony", "向量 Prony"}, Classical, [3]float64{-11.03, -5.88, -1.47}},
	{Text{"Wiener, true statistics", "维纳滤波（真实统计量）"}, Genie, [3]float64{-14.85, -9.99, -6.23}},
	{Text{"Bayes bound", "贝叶斯界"}, Bound, [3]float64{-15.31, -10.42, -6.70}},
	{Text{"WiFo, zero-shot", "WiFo，零样本"}, Learned, [3]float64{-12.87, -7.95, -3.78}},
	{Text{"WiFo, full fine-tuning", "WiFo，全参数微调"}, Learned, [3]float64{-14.62, -9.61, -5.72}},
	{Text{"WiFo, LoRA rank 8", "WiFo，LoRA 秩 8"}, Learned, [3]float64{-14.41, -9.43, -5.55}},
}

func exampleInterval(dB float64) [2]float64 { return [2]float64{dB - 0.31, dB + 0.34} }

func exampleTable() Table {
	t := Table{
		Caption: Text{"NMSE in dB by UE speed, nmse/ratio-of-sums, with 95 % interval", "不同用户速度下的 NMSE（dB），nmse/ratio-of-sums，附 95% 区间"},
		Columns: []Text{{"method", "方法"}, Same("30 km/h"), Same("60 km/h"), Same("100 km/h"), {"trained parameters", "训练参数量"}},
		Notes: []Text{{"Inputs at 18 dB signal-to-noise ratio, targets noiseless. 16 past slots predict 4.",
			"输入信噪比 18 dB，目标无噪声。由过去 16 个时隙预测 4 个时隙。"}},
	}
	for i, r := range exampleRows {
		row := []Cell{Words(r.name, r.class)}
		for _, dB := range r.dB {
			row = append(row, Measured(dB, exampleInterval(dB), 2))
		}
		switch {
		case r.class != Learned:
			row = append(row, Absent())
		case i == 7:
			row = append(row, Plain(366784, 0))
		case i == 8:
			row = append(row, Plain(20480, 0))
		default:
			row = append(row, Plain(0, 0))
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

// exampleChart draws the table in one language; pick chooses the words.
func exampleChart(pick func(Text) string) plot.Chart {
	c := plot.Chart{
		X: plot.Axis{Label: pick(Text{"UE speed (km/h)", "用户速度（km/h）"}), Ticks: exampleSpeeds},
		Y: plot.Axis{Label: "NMSE (dB)"},
	}
	for _, r := range exampleRows {
		s := plot.Series{Name: pick(r.name), X: exampleSpeeds, Y: r.dB[:], Band: r.class == Learned}
		for _, dB := range r.dB {
			ci := exampleInterval(dB)
			s.YLo, s.YHi = append(s.YLo, ci[0]), append(s.YHi, ci[1])
		}
		c.Series = append(c.Series, s)
	}
	return c
}

func exampleLoss(pick func(Text) string) plot.Chart {
	var x, y []float64
	for i := range 200 {
		x = append(x, float64(10*i))
		y = append(y, 0.9*math.Exp(-float64(i)/25)+0.06+0.004*math.Sin(float64(i)*1.7))
	}
	return plot.Chart{
		X:      plot.Axis{Label: pick(Text{"step", "训练步"})},
		Y:      plot.Axis{Label: pick(Text{"masked NMSE (linear)", "掩码 NMSE（线性）"}), Log: true},
		Series: []plot.Series{{Name: pick(Text{"training", "训练"}), X: x, Y: y}},
		Lines:  []plot.RefLine{{Label: pick(Text{"hold", "保持"}), At: 0.76}},
	}
}

func exampleChannel(pick func(Text) string) plot.HeatMap {
	h := plot.HeatMap{
		X:     plot.Axis{Label: pick(Text{"time (ms)", "时间（ms）"}), Range: [2]float64{0, 10}},
		Y:     plot.Axis{Label: pick(Text{"subcarrier", "子载波"})},
		Color: plot.Axis{Label: "|H| (dB)"},
	}
	for k := range 48 {
		row := make([]float64, 20)
		for i := range row {
			a, b := float64(k)*0.13+float64(i)*0.35, float64(k)*0.29-float64(i)*0.22
			row[i] = 10 * math.Log10(0.02+math.Pow(1+0.8*math.Cos(a), 2)+math.Pow(0.7*math.Sin(b), 2))
		}
		h.Values = append(h.Values, row)
	}
	return h
}

func english(t Text) string { return t.EN }
func chinese(t Text) string { return t.ZH }

func exampleFigures(t *testing.T) (speed, loss, channel Figure) {
	t.Helper()
	speed, err1 := ChartFigure(Text{"Prediction error of classical and learned methods between the two extremes: holding the last channel and the Bayes bound.",
		"经典方法与学习方法的预测误差，介于两个极端之间：保持最后信道与贝叶斯界。"}, exampleChart(english), exampleChart(chinese))
	loss, err2 := ChartFigure(Text{"Training loss.", "训练损失。"}, exampleLoss(english), exampleLoss(chinese))
	channel, err3 := HeatMapFigure(Text{"Magnitude of one training channel.", "一个训练信道的幅度。"}, exampleChannel(english), exampleChannel(chinese))
	if err := errors.Join(err1, err2, err3); err != nil {
		t.Fatal(err)
	}
	return speed, loss, channel
}

func example(t *testing.T) Report {
	t.Helper()
	speed, loss, channel := exampleFigures(t)
	var definitions []Definition
	for _, name := range []string{metric.RatioOfSums, metric.SampleMean} {
		d, err := Define(metric.Value{Name: name, N: 1500, Drops: 500})
		if err != nil {
			t.Fatal(err)
		}
		definitions = append(definitions, d)
	}
	return Report{
		Title: Text{"Channel prediction with a masked transformer", "基于掩码变换器的信道预测"},
		Summary: []Text{
			{"LoRA with 5.6 % of the parameters stays within 0.21 dB of full fine-tuning at every speed.", "LoRA 只训练 5.6% 的参数，在各速度下与全参数微调相差不超过 0.21 dB。"},
			{"Without adaptation the pre-trained model is worse than an AR(4) predictor at all three speeds.", "不做适配时，预训练模型在三种速度下都不如 AR(4) 预测器。"},
			{"No method reaches the Bayes bound; the best learned one is 0.69 dB above it at 30 km/h.", "没有方法达到贝叶斯界；30 km/h 时最好的学习方法仍高出 0.69 dB。"},
		},
		Sections: []Section{
			{
				Heading: Text{"Prediction error over speed", "预测误差与速度"},
				Body: []Text{{"Every method saw the same 500 drops that no model was trained on. Shaded bands and error bars are 95 % intervals over drops.",
					"所有方法使用同样的 500 个撒点，任何模型都未在其上训练。阴影与误差棒为按撒点计算的 95% 区间。"}},
				Figures: []Figure{speed},
			},
			{Heading: Text{"All numbers", "全部数值"}, Tables: []Table{exampleTable()}},
			{
				Heading: Text{"Pre-training", "预训练"},
				Body: []Text{{"The model fills masked parts of noisy channels. It is better than holding the last channel after about 60 steps.",
					"模型补全含噪信道中被掩码的部分，约 60 步后优于保持最后信道。"}},
				Figures: []Figure{loss, channel},
			},
		},
		Definitions: definitions,
		Provenance: []Pair{
			{Text{"recipe", "配方"}, "channelpred/wifo"}, {Text{"recipe hash", "配方哈希"}, "b3c9a1f04e7d"}, {Text{"seed", "种子"}, "1"},
			{Text{"kernel variant", "内核变体"}, "avx2"}, {Text{"machine", "机器"}, "2 cores, 8 GiB"}, {Text{"seconds", "秒数"}, "812"},
			{Text{"peak memory (MiB)", "峰值内存（MiB）"}, "611"}, {Text{"program version", "程序版本"}, "comlam 0.1.0, go1.26"},
		},
	}
}

// TestExample writes the full page. With -write folder it can be looked at.
func TestExample(t *testing.T) {
	html := render(t, example(t))
	if *folder == "" {
		return
	}
	if err := os.WriteFile(filepath.Join(*folder, "example.html"), []byte(html), 0o644); err != nil {
		t.Fatal(err)
	}
}
