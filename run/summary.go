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
func (s *session) write(title report.Text, results []result) error {
	doc := report.Report{Title: title}
	for _, r := range results {
		section, err := r.section()
		if err != nil {
			return fmt.Errorf("report on %s: %w", r.recipe().Name, err)
		}
		doc.Summary = append(doc.Summary, r.findings()...)
		doc.Sections = append(doc.Sections, section)
		if err := s.writeFigures(r.recipe().Name, section); err != nil {
			return err
		}
	}
	for _, g := range s.outcome.Gates {
		if !g.OK {
			doc.Summary = append(doc.Summary, report.Text{EN: "A gate failed: " + g.Text + ".", ZH: "有一项检查未通过：" + g.Chinese + "。"})
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

func (s *session) writeFigures(recipe string, section report.Section) error {
	dir := filepath.Join(s.dir, "figures")
	if err := durable.MkdirAll(s.fsys, dir); err != nil {
		return err
	}
	if _, err := durable.Sweep(s.fsys, dir); err != nil {
		return err
	}
	for i, f := range section.Figures {
		name := fmt.Sprintf("%s-%d.svg", strings.ReplaceAll(recipe, "/", "-"), i+1)
		if err := durable.WriteFile(s.fsys, filepath.Join(dir, name), f.SVG); err != nil {
			return err
		}
	}
	return nil
}

func (r *radioResult) recipe() *Recipe { return r.r }

func (r *radioResult) measured() ([]eval.Row, []Gate) { return r.rows, r.gates }

// section is what the report says of one recipe.
func (r *radioResult) section() (report.Section, error) {
	sec := report.Section{Heading: r.heading(), Body: []report.Text{r.channelText(), r.trainingText()}}
	captions := map[string]report.Text{
		metric.RatioOfSums: {EN: "NMSE (nmse/ratio-of-sums) in dB, with 95 % interval; lower is better", ZH: "NMSE（nmse/ratio-of-sums），dB，附 95% 区间；越低越好"},
		metric.SampleMean:  {EN: "NMSE (nmse/sample-mean) in dB, with 95 % interval; lower is better", ZH: "NMSE（nmse/sample-mean），dB，附 95% 区间；越低越好"},
		metric.SEMRT:       {EN: "Spectral efficiency (se/mrt-10dB) in bit/s/Hz, with 95 % interval; higher is better", ZH: "频谱效率（se/mrt-10dB），bit/s/Hz，附 95% 区间；越高越好"},
	}
	for _, name := range []string{metric.RatioOfSums, metric.SampleMean, metric.SEMRT} {
		if name == metric.SEMRT && numPorts(r.r.Data.Tx) == 1 {
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

// channelText says what was simulated.
func (r *radioResult) channelText() report.Text {
	c := r.r.Data
	name, rx, tx := channelName(c.Channel), numPorts(c.Rx), numPorts(c.Tx)
	apart, apartZH := "", ""
	if c.NumSubcarriers > 1 {
		apart, apartZH = fmt.Sprintf(" %v apart", c.SubcarrierSpacing), fmt.Sprintf("（间隔 %v）", c.SubcarrierSpacing)
	}
	return report.Text{
		EN: fmt.Sprintf("%s channels at %v: %s of %v, %s%s, %s and %s, %v. The inputs have %v SNR, the targets are noiseless.",
			name, c.Carrier, count(c.NumSlots, "slot"), c.Interval, count(c.NumSubcarriers, "subcarrier"), apart,
			count(rx, "receive antenna"), count(tx, "transmit antenna"), c.Speed, c.SNR),
		ZH: fmt.Sprintf("%s 信道，载频 %v：%d 个时隙，每个 %v；%d 个子载波%s；%d 根接收天线，%d 根发射天线；速度 %s。输入信噪比 %v，目标无噪声。",
			name, c.Carrier, c.NumSlots, c.Interval, c.NumSubcarriers, apartZH, rx, tx, rangeZH(c.Speed.String()), c.SNR),
	}
}

// trainingText says how large the model is and how it was trained. Where more than
// one process did it, only the last one's time is known, which would mislead.
func (r *radioResult) trainingText() report.Text {
	params, samples := thousands(r.params), thousands(r.r.Train.Steps*r.r.Train.BatchSize)
	seconds := fmt.Sprintf("%.0f", r.trained.Seconds)
	if r.trained.Seconds < 10 {
		seconds = fmt.Sprintf("%.1f", r.trained.Seconds)
	}
	took, tookZH := "in "+seconds+" s", "用时 "+seconds+" 秒"
	if r.trained.Resumed > 0 {
		took, tookZH = "in more than one session", "分多次完成"
	}
	return report.Text{
		EN: fmt.Sprintf("The model has %s parameters and was trained on %s samples by masked reconstruction %s.", params, samples, took),
		ZH: fmt.Sprintf("模型共 %s 个参数，以掩码重建方式在 %s 个样本上训练，%s。", params, samples, tookZH),
	}
}

func (r *radioResult) heading() report.Text {
	name := channelName(r.r.Data.Channel)
	if len(r.adapted) > 0 {
		speed := r.r.Tune.Speed.String()
		return report.Text{EN: fmt.Sprintf("Adaptation of a %s model to %s", name, speed), ZH: fmt.Sprintf("%s 模型向 %s 的适配", name, speed)}
	}
	speed := r.r.Data.Speed.String()
	return report.Text{EN: fmt.Sprintf("One model for %s on %s channels", speed, name), ZH: fmt.Sprintf("%s 信道上覆盖 %s 的单一模型", name, rangeZH(speed))}
}

// channelName is a channel as the field writes it: CDL-C, TDL-A, Jakes.
func channelName(name string) string {
	if strings.Contains(name, "-") {
		return strings.ToUpper(name)
	}
	return strings.ToUpper(name[:1]) + name[1:]
}

// rangeZH is "3 to 120 km/h" in Chinese.
func rangeZH(text string) string { return strings.ReplaceAll(text, " to ", " 至 ") }

// count is "1 slot" or "20 slots".
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return thousands(n) + " " + noun + "s"
}

// conditions and methods are those of the rows, in their order.
func (r *radioResult) conditions() []string {
	return distinct(r.rows, func(e eval.Row) string { return e.Condition })
}
func (r *radioResult) methods() []string {
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
func (r *radioResult) find(condition, method, metricName string) *eval.Row {
	for i, row := range r.rows {
		if row.Condition == condition && row.Method == method && row.Metric == metricName {
			return &r.rows[i]
		}
	}
	return nil
}

// table shows one metric: a row for each method, a column for each condition.
func (r *radioResult) table(name string, caption report.Text) report.Table {
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
	if len(t.Rows) > 0 {
		n := thousands(r.rows[0].N)
		t.Notes = []report.Text{{
			EN: "n = " + n + " test samples for each condition, the same for every method.",
			ZH: "每个条件 n = " + n + " 个测试样本，所有方法相同。",
		}}
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
func (r *radioResult) adaptationTable() report.Table {
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
		if full != nil && measurable(full) {
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

// definitions explains every metric that the tables show, once for each number of
// samples that it was measured on.
func definitions(rows []eval.Row) ([]report.Definition, error) {
	type measure struct {
		name string
		n    int
	}
	var seen []measure
	var list []report.Definition
	for _, row := range rows {
		m := measure{row.Metric, row.N}
		if slices.Contains(seen, m) {
			continue
		}
		seen = append(seen, m)
		d, err := define(m.name, m.n)
		if err != nil {
			return nil, err
		}
		list = append(list, d)
	}
	slices.SortStableFunc(list, func(a, b report.Definition) int {
		index := func(d report.Definition) int {
			return slices.IndexFunc(seen, func(m measure) bool { return m.name == d.Name })
		}
		return index(a) - index(b)
	})
	return list, nil
}

func define(name string, n int) (report.Definition, error) {
	if d, ok := defineText(name, n); ok {
		return d, nil
	}
	if name != metricGain {
		return report.Define(metric.Value{Name: name, N: n, Drops: n})
	}
	d, err := report.Define(metric.Value{Name: metric.RatioOfSums, N: n, Drops: n})
	d.Name = name
	d.Meaning = report.Text{
		EN: "nmse/ratio-of-sums of the base in dB minus that of the method in dB, both on the same samples; positive is better.",
		ZH: "同一批样本上基础模型的 nmse/ratio-of-sums（dB）减去该方法的值（dB）；为正表示更好。",
	}
	return d, err
}

// provenance says what the numbers depend on.
func (s *session) provenance(results []result) []report.Pair {
	pairs := []report.Pair{
		{Name: report.Text{EN: "Kernel variant", ZH: "内核变体"}, Value: s.info.Kernel},
		{Name: report.Text{EN: "Seed", ZH: "种子"}, Value: fmt.Sprint(s.info.Seed)},
		{Name: report.Text{EN: "Time (this session)", ZH: "用时（本次）"}, Value: fmt.Sprintf("%.1f s", s.outcome.Seconds)},
		{Name: report.Text{EN: "Peak memory (VmHWM)", ZH: "峰值内存（VmHWM）"}, Value: fmt.Sprintf("%.0f MiB", s.outcome.PeakMiB)},
		{Name: report.Text{EN: "Started", ZH: "开始时间"}, Value: s.info.Created},
	}
	for _, r := range results {
		text, err := r.recipe().Resolved()
		if err == nil {
			pairs = append(pairs, report.Pair{Name: report.Text{EN: "Recipe", ZH: "配方"}, Value: r.recipe().Name + " sha256:" + stageKey("recipe", text)[:16]})
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
