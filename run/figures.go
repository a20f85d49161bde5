package run

import (
	"fmt"
	"slices"

	"github.com/comlam/comlam/metric"
	"github.com/comlam/comlam/plot"
	"github.com/comlam/comlam/run/report"
)

// figures are the pictures of one recipe: error over speed, loss over steps, and
// validation while adapting.
func (r *radioResult) figures() ([]report.Figure, error) {
	var list []report.Figure
	for _, make := range []func() (*report.Figure, error){r.speedFigure, r.lossFigure, r.adaptFigure} {
		f, err := make()
		if err != nil {
			return nil, err
		}
		if f != nil {
			list = append(list, *f)
		}
	}
	return list, nil
}

// both draws a chart in English and Chinese: words translates the names.
func both(caption report.Text, chart plot.Chart, words map[string]string) (*report.Figure, error) {
	zh := chart
	zh.Series = append([]plot.Series{}, chart.Series...)
	translate := func(s string) string {
		if t, ok := words[s]; ok {
			return t
		}
		return s
	}
	zh.X.Label, zh.Y.Label, zh.Note = translate(chart.X.Label), translate(chart.Y.Label), translate(chart.Note)
	for i := range zh.Series {
		zh.Series[i].Name = translate(chart.Series[i].Name)
	}
	f, err := report.ChartFigure(caption, chart, zh)
	return &f, err
}

// speedFigure draws NMSE over speed for every method; nil for a single speed.
func (r *radioResult) speedFigure() (*report.Figure, error) {
	speeds := speedsOf(r.r)
	if len(speeds) < 2 {
		return nil, nil
	}
	slices.Sort(speeds) // a line runs from left to right
	words := map[string]string{"Speed (km/h)": "速度（km/h）"}
	chart := plot.Chart{X: plot.Axis{Label: "Speed (km/h)"}, Y: plot.Axis{Label: "NMSE (dB)"}, Height: 420}
	for i, m := range r.methods() {
		s := plot.Series{Name: m, Style: i%plot.MaxSeries + 1}
		for _, v := range speeds {
			row := r.find(condition(r.r, v).Name, m, metric.RatioOfSums)
			if row == nil {
				continue
			}
			s.X, s.Y = append(s.X, v.KMH()), append(s.Y, metric.DB(row.Value))
			s.YLo, s.YHi = append(s.YLo, metric.DB(row.CI95[0])), append(s.YHi, metric.DB(row.CI95[1]))
		}
		if len(s.X) > 0 && len(chart.Series) < plot.MaxSeries {
			chart.Series = append(chart.Series, s)
			words[m] = chinese(m)
		}
	}
	return both(report.Text{
		EN: "Prediction error over speed, with 95 % intervals. The same test samples for every method.",
		ZH: "预测误差随速度的变化，附 95% 区间。所有方法使用同一批测试样本。",
	}, chart, words)
}

// lossFigure draws the training loss.
func (r *radioResult) lossFigure() (*report.Figure, error) {
	if len(r.history) < 2 {
		return nil, nil
	}
	s := plot.Series{Name: "loss"}
	for _, p := range r.history {
		s.X, s.Y = append(s.X, float64(p.Step)), append(s.Y, p.Loss)
	}
	chart := plot.Chart{
		X: plot.Axis{Label: "Step"}, Y: plot.Axis{Label: "Loss on hidden patches (NMSE)", Log: true},
		Series: []plot.Series{s},
	}
	return both(report.Text{
		EN: "Training loss: mean squared error on hidden patches of noisy channels, over all speeds and masks.",
		ZH: "训练损失：含噪信道上被遮盖块的均方误差，覆盖所有速度与掩码。",
	}, chart, map[string]string{"Step": "步", "Loss on hidden patches (NMSE)": "被遮盖块上的损失（NMSE）", "loss": "损失"})
}

// adaptFigure draws the validation error of every trial, as far as one chart can
// tell them apart.
func (r *radioResult) adaptFigure() (*report.Figure, error) {
	words := map[string]string{"Step": "步", "Validation NMSE (dB)": "验证集 NMSE（dB）"}
	chart := plot.Chart{X: plot.Axis{Label: "Step"}, Y: plot.Axis{Label: "Validation NMSE (dB)"}}
	for _, a := range r.adapted {
		for _, trial := range a.Trials {
			name := fmt.Sprintf("%s, lr %g", a.Method, trial.LearningRate)
			s := plot.Series{Name: name}
			for _, p := range trial.Curve {
				s.X, s.Y = append(s.X, float64(p.Step)), append(s.Y, metric.DB(p.Value))
			}
			if len(s.X) > 1 && len(chart.Series) < plot.MaxSeries {
				words[name] = fmt.Sprintf("%s，学习率 %g", chinese(a.Method), trial.LearningRate)
				chart.Series = append(chart.Series, s)
			}
		}
	}
	if len(chart.Series) == 0 {
		return nil, nil
	}
	return both(report.Text{
		EN: "Validation error at the new speed while adapting, for every learning rate that was tried.",
		ZH: "适配过程中新速度下的验证误差，包含所有尝试过的学习率。",
	}, chart, words)
}
