package run

import (
	"math"
	"strings"
	"testing"

	"github.com/comlam/comlam/data"
	"github.com/comlam/comlam/eval"
	"github.com/comlam/comlam/internal/setting"
	"github.com/comlam/comlam/metric"
	"github.com/comlam/comlam/run/report"
)

// invented is a result with the rows that a test needs.
func invented(adapted bool, rows ...eval.Row) *radioResult {
	r := &radioResult{r: toyRecipe(), rows: rows}
	if adapted {
		r.r = adaptedToy()
		r.r.Data.Channel = "cdl-c"
		r.adapted = []adaptation{{Method: nameFull, Trained: 1000, Total: 1000}, {Method: nameLoRA, Trained: 15, Total: 1000}, {Method: nameControl, Trained: 1000, Total: 1000}}
	}
	return r
}

// at makes a row with an interval of a tenth around the value.
func (r *radioResult) at(speed float64, method, class, name string, value float64) eval.Row {
	half := math.Abs(value) / 10
	return eval.Row{Task: "channelpred", Condition: condition(r.r, setting.KMH(speed)).Name, Method: method, Class: class,
		Metric: name, Value: value, CI95: [2]float64{value - half, value + half}, N: 100}
}

// both halves of the sentences, each joined.
func said(list []report.Text) (en, zh string) {
	for _, t := range list {
		en, zh = en+t.EN+"\n", zh+t.ZH+"\n"
	}
	return en, zh
}

func TestGateCatchesRowsBelowTheBound(t *testing.T) {
	r := invented(false)
	bound := 0.1
	row := func(method, class string, value float64) eval.Row {
		row := r.at(30, method, class, metric.RatioOfSums, value)
		row.Bound = &bound
		return row
	}
	good := []eval.Row{row("Wiener, knows the speed", eval.Genie, 0.1), row(nameTrained, eval.Learned, 0.095), row("hold", eval.Classical, 0.5)}
	g := gates(r.r, good)
	if len(g) != 1 || !g[0].OK || !strings.Contains(g[0].Text, "3 rows") {
		t.Errorf("%+v", g)
	}
	for _, bad := range []eval.Row{
		row(nameTrained, eval.Learned, 0.09), row("hold", eval.Classical, 0.01),
		row("Bayes, does not know the speed", eval.Bound, 0.05), // the genie bounds it, too
		{Method: nameTrained, Metric: metric.RatioOfSums, Value: math.NaN(), CI95: [2]float64{math.NaN(), math.NaN()}, Bound: &bound},
	} {
		g := gates(r.r, append(good, bad, bad))
		if g[0].OK || !strings.Contains(g[0].Text, bad.Method+" at ") || !strings.HasSuffix(g[0].Text, "(and 1 row more)") || !strings.Contains(g[0].Chinese, chinese(bad.Method)) {
			t.Errorf("%+v: %+v", bad, g)
		}
		if o := (&Outcome{Gates: g}); len(o.Failed()) != 1 {
			t.Errorf("failed: %+v", o.Failed())
		}
	}
	for i := range good {
		good[i].Bound = nil
	}
	if g := gates(r.r, good); len(g) > 0 {
		t.Errorf("a gate without a bound: %+v", g)
	}
}

func TestLoRAFindings(t *testing.T) {
	for _, c := range []struct {
		full, lora float64
		want, zh   string
	}{
		{2, 1.9, "LoRA keeps 95.0 % of the full gain (target: at least 80 %).", "保留了全量微调增益的 95.0%"},
		{2, 1.6, "LoRA keeps 80.0 % of the full gain", "80.0%（目标：至少 80%）"},
		{2, 1.596, "LoRA keeps only 79.8 % of the full gain; the target of 80 % is missed.", "仅保留全量微调增益的 79.8%"},
		{2, -0.5, "LoRA keeps nothing of the full gain; the target of 80 % is missed.", "没有保留"},
		{0, 1, "The interval of the full gain includes zero", "包含零"},
		{-1, 1, "The interval of the full gain includes zero", "包含零"},
	} {
		r := invented(true)
		r.rows = []eval.Row{
			r.at(120, nameFull, eval.Learned, metricGain, c.full), r.at(120, nameLoRA, eval.Learned, metricGain, c.lora),
			r.at(120, nameControl, eval.Learned, metricGain, 0.1),
		}
		en, zh := said(r.findings())
		if !strings.Contains(en, c.want) || !strings.Contains(zh, c.zh) || !strings.Contains(en, "with 1.50 % of the parameters") {
			t.Errorf("full %g, LoRA %g: %s%s", c.full, c.lora, en, zh)
		}
		if !strings.HasPrefix(en, "At 120 km/h, which pre-training had not seen, full fine-tuning gains") {
			t.Errorf("%s", en)
		}
		absent := r.adaptationTable().Rows[1][2].Number == nil
		if want := c.full <= 0; absent != want {
			t.Errorf("full %g: the table shows a share: %v", c.full, !absent)
		}
	}
	r := invented(true)
	r.r.Data.Speed.Max = setting.KMH(130)
	r.rows = []eval.Row{
		r.at(120, nameFull, eval.Learned, metricGain, 1), r.at(120, nameLoRA, eval.Learned, metricGain, 1), r.at(120, nameControl, eval.Learned, metricGain, 1),
	}
	if en, _ := said(r.findings()); strings.Contains(en, "had not seen") {
		t.Errorf("120 km/h was seen: %s", en)
	}
}

func TestForgettingIsSaid(t *testing.T) {
	r := invented(true)
	seen := speedsOf(r.r)[0].KMH()
	gains := func(full float64) []eval.Row {
		return []eval.Row{
			r.at(120, nameFull, eval.Learned, metricGain, -1), r.at(120, nameLoRA, eval.Learned, metricGain, 1), r.at(120, nameControl, eval.Learned, metricGain, 0),
			r.at(seen, nameFull, eval.Learned, metricGain, full), r.at(seen, nameLoRA, eval.Learned, metricGain, -2), r.at(seen, nameControl, eval.Learned, metricGain, -9),
		}
	}
	r.rows = gains(-3)
	en, zh := said(r.findings())
	if !strings.Contains(en, "(model, full fine-tuning) is 3.00 dB worse than the base") || !strings.Contains(zh, "差 3.00 dB") {
		t.Errorf("%s%s", en, zh)
	}
	r.rows = gains(-1)
	if en, _ := said(r.findings()); !strings.Contains(en, "(model, LoRA) is 2.00 dB worse") {
		t.Errorf("%s", en)
	}
	r.rows = r.rows[:3] // the adapted speed itself is no forgetting
	if en, _ := said(r.findings()); strings.Contains(en, "forgets") {
		t.Errorf("%s", en)
	}
}

func TestClassicalMethodsAreNamedWhereTheyWin(t *testing.T) {
	r := invented(true)
	r.rows = []eval.Row{
		r.at(30, "ridge, angle-delay", eval.Classical, metric.RatioOfSums, 0.1), r.at(30, nameBase, eval.Learned, metric.RatioOfSums, 0.05),
		r.at(120, "ridge, angle-delay", eval.Classical, metric.RatioOfSums, 0.1), r.at(120, nameBase, eval.Learned, metric.RatioOfSums, 0.5),
		r.at(120, "Wiener, knows the speed", eval.Genie, metric.RatioOfSums, 0.01),
	}
	en, zh := said(r.findings())
	if en != "On CDL-C a classical method has the lowest error: at 120 km/h ridge, angle-delay (-10.00 dB).\n" ||
		zh != "在 CDL-C 信道上，误差最低的是经典方法：120 km/h 时为岭回归（角度-时延域），-10.00 dB。\n" {
		t.Errorf("%s%s", en, zh)
	}
}

func TestDistanceFromTheBounds(t *testing.T) {
	r := invented(false)
	r.rows = []eval.Row{
		r.at(30, nameTrained, eval.Learned, metric.RatioOfSums, 0.2), r.at(30, "Wiener, knows the speed", eval.Genie, metric.RatioOfSums, 0.1),
		r.at(30, "Bayes, does not know the speed", eval.Bound, metric.RatioOfSums, 0.21),
	}
	en, zh := said(r.findings())
	if !strings.Contains(en, "At 30 km/h its NMSE is 3.01 dB above that of the Wiener filter that knows the speed and 0.21 dB below that of the Bayes") ||
		!strings.Contains(zh, "高 3.01 dB，比未知速度的贝叶斯预测低 0.21 dB") {
		t.Errorf("%s%s", en, zh)
	}
}

func TestRowsMustBeFinite(t *testing.T) {
	r := invented(false)
	good := r.at(30, "hold", eval.Classical, metric.RatioOfSums, 0.5)
	for _, v := range []float64{math.NaN(), math.Inf(1)} {
		bad := good
		bad.CI95[1] = v
		if err := checkFinite([]eval.Row{good, bad}); err == nil || !strings.Contains(err.Error(), "hold at jakes, 30 km/h: nmse/ratio-of-sums is ") {
			t.Errorf("%v", err)
		}
	}
	if err := checkFinite([]eval.Row{good}); err != nil {
		t.Error(err)
	}
}

func TestDefinitionsNameEveryNumberOfSamples(t *testing.T) {
	r := invented(false)
	rows := []eval.Row{r.at(30, "hold", eval.Classical, metric.RatioOfSums, 0.5), r.at(30, "hold", eval.Classical, metric.SEMRT, 3), r.at(60, "hold", eval.Classical, metric.RatioOfSums, 0.5)}
	rows[2].N = 7
	list, err := definitions(rows)
	if err != nil || len(list) != 3 || list[0].Samples != 100 || list[1].Name != metric.RatioOfSums || list[1].Samples != 7 {
		t.Errorf("%v, %+v", err, list)
	}
}

func TestWordsOfTheReport(t *testing.T) {
	r := invented(false)
	r.r.Data.Tx.DualPolarized = true
	en, zh := said([]report.Text{r.channelText()})
	if want := "Jakes channels at 3.5 GHz: 12 slots of 0.5 ms, 1 subcarrier, 1 receive antenna and 2 transmit antennas, 3 to 60 km/h. The inputs have 18 dB SNR, the targets are noiseless.\n"; en != want {
		t.Errorf("%s", en)
	}
	if want := "Jakes 信道，载频 3.5 GHz：12 个时隙，每个 0.5 ms；1 个子载波；1 根接收天线，2 根发射天线；速度 3 至 60 km/h。输入信噪比 18 dB，目标无噪声。\n"; zh != want {
		t.Errorf("%s", zh)
	}
	r.params, r.trained.Seconds = 12345, 1234.5
	if en, _ := said([]report.Text{r.trainingText()}); en != "The model has 12,345 parameters and was trained on 48 samples by masked reconstruction in 1234 s.\n" {
		t.Errorf("%s", en)
	}
	r.trained.Resumed = 3
	if en, zh := said([]report.Text{r.trainingText()}); strings.Contains(en, "1234") || strings.Contains(zh, "1234") {
		t.Errorf("the time of one session stands for all: %s%s", en, zh)
	}
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 21512832: "21,512,832"} {
		if got := thousands(n); got != want {
			t.Errorf("%d prints as %q", n, got)
		}
	}
}

// TestDuels: the model stands beside the best n-gram model of the same documents, with
// the interval of the paired difference, which is far narrower than theirs here.
func TestDuels(t *testing.T) {
	s := textSource{TextSource: data.TextSource{Name: "net", Weight: 1}}
	var model, tokens, bytes []float64
	for i := range 40 {
		n := 100 + 37*i%91
		s.held = append(s.held, strings.Repeat("x", n))
		hard := 1 + float64(i%7) // bits a byte, by document
		model, tokens, bytes = append(model, float64(n)*hard), append(tokens, float64(n)*(hard+.1+.001*float64(i%3))), append(bytes, float64(n)*(hard+.3))
	}
	all := &texts{sources: []textSource{s}}
	var learned, classical readings
	for _, m := range []struct {
		r           *readings
		name, class string
		bits        []float64
	}{{&learned, nameBefore, eval.Learned, tokens}, {&learned, namePretrained, eval.Learned, model}, {&classical, nameByteGrams, eval.Classical, bytes}, {&classical, nameTokenGrams, eval.Classical, tokens}} {
		if err := m.r.add("telecomqa", s, m.name, m.class, m.bits); err != nil {
			t.Fatal(err)
		}
	}
	duels, err := all.duels(&learned, &classical)
	if err != nil || len(duels) != 1 {
		t.Fatalf("%v, %v", duels, err)
	}
	d := duels[0]
	if d.best.Method != nameTokenGrams || math.Abs(d.less.Value+.101) > 1e-3 || d.less.N != 40 ||
		!(d.less.CI95[0] < d.less.Value && d.less.Value < d.less.CI95[1]) || d.less.CI95[1]-d.less.CI95[0] > .002 || d.model.CI95[1]-d.model.CI95[0] < .5 {
		t.Errorf("%+v", d)
	}
	en, zh := said((&textResult{duels: duels}).findings())
	if !strings.Contains(en, "below the best n-gram model (Kneser-Ney 5-gram of tokens)") || !strings.Contains(en, "-0.101 (95 % interval -0.10") || !strings.Contains(zh, "低于最好的 n 元模型") {
		t.Errorf("%s\n%s", en, zh)
	}
	learned.Bits["net"][namePretrained] = model[1:]
	if _, err := all.duels(&learned, &classical); err == nil {
		t.Error("bits of another number of documents are taken")
	}
}
