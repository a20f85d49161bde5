package run

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/comlam/comlam/eval"
	"github.com/comlam/comlam/internal/durable"
	"github.com/comlam/comlam/metric"
	"github.com/comlam/comlam/run/report"
	"github.com/comlam/comlam/task/channelpred"
)

// write makes the HTML report and its figures.
func (s *session) write(title report.Text, results []*jobResult) error {
	doc := report.Report{Title: title}
	for _, r := range results {
		section, err := r.section()
		if err != nil {
			return fmt.Errorf("report on %s: %w", r.r.Name, err)
		}
		doc.Summary = append(doc.Summary, r.findings()...)
		doc.Sections = append(doc.Sections, section)
		if err := s.writeFigures(r, section); err != nil {
			return err
		}
	}
	for _, g := range s.outcome.Gates {
		if !g.OK {
			doc.Summary = append(doc.Summary, report.Text{EN: "A gate failed: " + g.Text, ZH: "未通过的检查：" + g.Text})
		}
	}
	var err error
	if doc.Definitions, err = definitions(s.outcome.Rows); err != nil {
		return err
	}
	doc.Provenance = s.provenance(results)
	f, err := durable.Create(s.fsys, s.outcome.Report)
	if err != nil {
		return err
	}
	if err := report.Write(f, doc); err != nil {
		f.Abort()
		return err
	}
	return f.Commit()
}

func (s *session) writeFigures(r *jobResult, section report.Section) error {
	dir := filepath.Join(s.dir, "figures")
	if err := durable.MkdirAll(s.fsys, dir); err != nil {
		return err
	}
	for i, f := range section.Figures {
		name := fmt.Sprintf("%s-%d.svg", strings.ReplaceAll(r.r.Name, "/", "-"), i+1)
		if err := durable.WriteFile(s.fsys, filepath.Join(dir, name), f.SVG); err != nil {
			return err
		}
	}
	return nil
}

// section is what the report says of one recipe.
func (r *jobResult) section() (report.Section, error) {
	c := r.r.Data
	sec := report.Section{Heading: r.heading()}
	sec.Body = []report.Text{{
		EN: fmt.Sprintf("Channel %s at %v, %d slots of %v, %d subcarriers %v apart, %d x %d antennas, speeds %v; %v SNR on the inputs, targets noiseless. The model has %s parameters and was trained on %s samples by masked reconstruction in %.0f s.",
			c.Channel, c.Carrier, c.NumSlots, c.Interval, c.NumSubcarriers, c.SubcarrierSpacing, c.Rx.Rows*c.Rx.Cols, c.Tx.Rows*c.Tx.Cols, c.Speed, c.SNR,
			thousands(r.params), thousands(r.r.Train.Steps*r.r.Train.BatchSize), r.seconds),
		ZH: fmt.Sprintf("信道 %s，载频 %v，%d 个间隔 %v 的时隙，%d 个间隔 %v 的子载波，%d × %d 天线，速度 %v；输入信噪比 %v，目标无噪声。模型共 %s 个参数，以掩码重建方式在 %s 个样本上训练，用时 %.0f 秒。",
			c.Channel, c.Carrier, c.NumSlots, c.Interval, c.NumSubcarriers, c.SubcarrierSpacing, c.Rx.Rows*c.Rx.Cols, c.Tx.Rows*c.Tx.Cols, c.Speed, c.SNR,
			thousands(r.params), thousands(r.r.Train.Steps*r.r.Train.BatchSize), r.seconds),
	}}
	captions := map[string]report.Text{
		metric.RatioOfSums: {EN: "NMSE (nmse/ratio-of-sums) in dB, with 95 % interval; lower is better", ZH: "NMSE（nmse/ratio-of-sums），dB，附 95% 区间；越低越好"},
		metric.SampleMean:  {EN: "NMSE (nmse/sample-mean) in dB, with 95 % interval; lower is better", ZH: "NMSE（nmse/sample-mean），dB，附 95% 区间；越低越好"},
		metric.SEMRT:       {EN: "Spectral efficiency (se/mrt-10dB) in bit/s/Hz, with 95 % interval; higher is better", ZH: "频谱效率（se/mrt-10dB），bit/s/Hz，附 95% 区间；越高越好"},
	}
	for _, name := range []string{metric.RatioOfSums, metric.SampleMean, metric.SEMRT} {
		if name == metric.SEMRT && c.Tx.Rows*c.Tx.Cols == 1 {
			continue // one antenna has no beam to point: every method would be equal
		}
		if t := r.table(name, captions[name]); len(t.Rows) > 0 {
			sec.Tables = append(sec.Tables, t)
		}
	}
	if len(r.adapted) > 0 {
		sec.Tables = append(sec.Tables, r.adaptationTable())
	}
	figures, err := r.figures()
	sec.Figures = figures
	return sec, err
}

func (r *jobResult) heading() report.Text {
	if len(r.adapted) > 0 {
		return report.Text{EN: fmt.Sprintf("Adaptation of a %s model to %v", strings.ToUpper(r.r.Data.Channel), r.r.Tune.Speed), ZH: fmt.Sprintf("%s 模型向 %v 的适配", strings.ToUpper(r.r.Data.Channel), r.r.Tune.Speed)}
	}
	return report.Text{EN: fmt.Sprintf("One model for %v on %s channels", r.r.Data.Speed, r.r.Data.Channel), ZH: fmt.Sprintf("%s 信道上覆盖 %v 的单一模型", r.r.Data.Channel, r.r.Data.Speed)}
}

// conditions and methods are those of the rows, in their order.
func (r *jobResult) conditions() []string {
	return distinct(r.rows, func(e eval.Row) string { return e.Condition })
}
func (r *jobResult) methods() []string {
	return distinct(r.rows, func(e eval.Row) string { return e.Method })
}

func distinct(rows []eval.Row, of func(eval.Row) string) []string {
	var list []string
	for _, row := range rows {
		if v := of(row); !slices.Contains(list, v) {
			list = append(list, v)
		}
	}
	return list
}

// find returns the row of a method, or nil.
func (r *jobResult) find(condition, method, metricName string) *eval.Row {
	for i, row := range r.rows {
		if row.Condition == condition && row.Method == method && row.Metric == metricName {
			return &r.rows[i]
		}
	}
	return nil
}

// table shows one metric: a row for each method, a column for each condition.
func (r *jobResult) table(name string, caption report.Text) report.Table {
	t := report.Table{Caption: caption, Columns: []report.Text{{EN: "Method", ZH: "方法"}}}
	for _, c := range r.conditions() {
		t.Columns = append(t.Columns, report.Same(c))
	}
	for _, m := range r.methods() {
		cells := []report.Cell{}
		class, found := "", false
		for _, c := range r.conditions() {
			row := r.find(c, m, name)
			if row == nil {
				cells = append(cells, report.Absent())
				continue
			}
			found, class = true, row.Class
			cells = append(cells, cell(*row))
		}
		if found {
			head := report.Words(report.Text{EN: m, ZH: chinese(m)}, report.Class(class))
			t.Rows = append(t.Rows, append([]report.Cell{head}, cells...))
		}
	}
	return t
}

// cell prints an NMSE in dB and everything else as it is.
func cell(row eval.Row) report.Cell {
	if strings.HasPrefix(row.Metric, "nmse/") {
		return report.Measured(metric.DB(row.Value), [2]float64{metric.DB(row.CI95[0]), metric.DB(row.CI95[1])}, 2)
	}
	return report.Measured(row.Value, row.CI95, 3)
}

// adaptationTable shows what each way of adapting gained, and at what price.
func (r *jobResult) adaptationTable() report.Table {
	speed, at := r.r.Tune.Speed.Min.String(), condition(r.r, r.r.Tune.Speed.Min).Name
	t := report.Table{
		Caption: report.Text{EN: "Gain over the base at " + speed + " (gain-dB/nmse/ratio-of-sums) in dB, paired on the same samples", ZH: "在 " + speed + " 相对基础模型的增益（gain-dB/nmse/ratio-of-sums），dB，同一批样本配对"},
		Columns: []report.Text{{EN: "Method", ZH: "方法"}, {EN: "Gain (dB)", ZH: "增益（dB）"}, {EN: "Share of full gain (%)", ZH: "占全量微调增益（%）"}, {EN: "Trained parameters (%)", ZH: "训练参数（%）"}, {EN: "Learning rate", ZH: "学习率"}, {EN: "Steps", ZH: "步数"}},
	}
	full := r.find(at, nameFull, metricGain)
	for _, a := range r.adapted {
		gain := r.find(at, a.Method, metricGain)
		if gain == nil {
			continue
		}
		share := report.Absent()
		if full != nil && full.Value > 0 {
			share = report.Plain(100*gain.Value/full.Value, 1)
		}
		t.Rows = append(t.Rows, []report.Cell{
			report.Words(report.Text{EN: a.Method, ZH: chinese(a.Method)}, report.Learned),
			report.Measured(gain.Value, gain.CI95, 2), share,
			report.Plain(100*float64(a.Trained)/float64(a.Total), 2),
			report.Words(report.Same(fmt.Sprintf("%g", a.Best.LearningRate)), ""),
			report.Plain(float64(a.Best.Step), 0),
		})
	}
	t.Notes = []report.Text{{
		EN: fmt.Sprintf("Full fine-tuning and LoRA saw the same %d samples and stop at their validation minimum, at the best of their learning rates. The control went on for as many steps on speeds that the base had seen.", r.r.Tune.NumExamples),
		ZH: fmt.Sprintf("全量微调与 LoRA 使用相同的 %d 个样本，取各自最优学习率下的验证集最小点。对照组以相同步数在基础模型见过的速度上继续训练。", r.r.Tune.NumExamples),
	}}
	return t
}

// chinese is the display name of a method in Chinese.
func chinese(method string) string {
	switch method {
	case nameTrained:
		return "模型"
	case nameBase:
		return "模型，零样本"
	case nameFull:
		return "模型，全量微调"
	case nameLoRA:
		return "模型，LoRA"
	case nameControl:
		return "模型，继续训练（对照）"
	}
	return channelpred.Chinese(method)
}

// definitions explains every metric that the tables show.
func definitions(rows []eval.Row) ([]report.Definition, error) {
	var list []report.Definition
	for _, name := range distinct(rows, func(e eval.Row) string { return e.Metric }) {
		n := 0
		for _, row := range rows {
			if row.Metric == name {
				n = row.N
			}
		}
		value := metric.Value{Name: name, N: n, Drops: n}
		if name == metricGain {
			value.Name = metric.RatioOfSums
		}
		d, err := report.Define(value)
		if err != nil {
			return nil, err
		}
		if name == metricGain {
			d.Name = name
			d.Meaning = report.Text{
				EN: "nmse/ratio-of-sums of the base in dB minus that of the method in dB, both on the same samples; positive is better.",
				ZH: "同一批样本上基础模型的 nmse/ratio-of-sums（dB）减去该方法的值（dB）；为正表示更好。",
			}
		}
		list = append(list, d)
	}
	return list, nil
}

// provenance says what the numbers depend on.
func (s *session) provenance(results []*jobResult) []report.Pair {
	pairs := []report.Pair{
		{Name: report.Text{EN: "Kernel variant", ZH: "内核变体"}, Value: s.info.Kernel},
		{Name: report.Text{EN: "Seed", ZH: "种子"}, Value: fmt.Sprint(s.info.Seed)},
		{Name: report.Text{EN: "Time", ZH: "用时"}, Value: fmt.Sprintf("%.1f s", s.outcome.Seconds)},
		{Name: report.Text{EN: "Peak memory (VmHWM)", ZH: "峰值内存（VmHWM）"}, Value: fmt.Sprintf("%.0f MiB", s.outcome.PeakMiB)},
		{Name: report.Text{EN: "Finished", ZH: "完成时间"}, Value: s.info.Created},
	}
	for _, r := range results {
		text, err := r.r.Resolved()
		if err == nil {
			pairs = append(pairs, report.Pair{Name: report.Text{EN: "Recipe", ZH: "配方"}, Value: r.r.Name + " sha256:" + stageKey("recipe", text)[:16]})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(s.info.Versions)) {
		pairs = append(pairs, report.Pair{Name: report.Same(name), Value: s.info.Versions[name]})
	}
	return pairs
}

func thousands(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
