package run

import (
	"fmt"
	"strings"

	"github.com/comlam/comlam/eval"
	"github.com/comlam/comlam/internal/setting"
	"github.com/comlam/comlam/metric"
	"github.com/comlam/comlam/run/report"
)

// gates checks what must hold of any honest measurement: no method lies below the
// genie or bound by more than its interval. Where no row has a bound there is no
// gate.
func gates(r *Recipe, rows []eval.Row) []Gate {
	looked, below := 0, 0
	g := Gate{Name: "nothing below the bound", OK: true}
	for _, row := range rows {
		if row.Bound == nil {
			continue
		}
		looked++
		if row.CI95[1] >= *row.Bound { // false for NaN
			continue
		}
		if below++; below == 1 {
			g.OK = false
			g.Text = fmt.Sprintf("%s: %s at %s has %s %.5f, its interval ends at %.5f, below the bound %.5f; the measurement cannot be right",
				r.Name, row.Method, row.Condition, row.Metric, row.Value, row.CI95[1], *row.Bound)
			g.Chinese = fmt.Sprintf("%s：%s 在 %s 的 %s 为 %.5f，其区间上端 %.5f 低于理论界 %.5f，测量必然有误",
				r.Name, chinese(row.Method), row.Condition, row.Metric, row.Value, row.CI95[1], *row.Bound)
		}
	}
	switch {
	case looked == 0:
		return nil
	case below == 0:
		g.Text = fmt.Sprintf("%s: no method lies below its bound by more than its interval; %s", r.Name, count(looked, "row"))
		g.Chinese = fmt.Sprintf("%s：没有方法低于理论界超过其区间，共 %d 行", r.Name, looked)
	case below > 1:
		g.Text += fmt.Sprintf(" (and %s more)", count(below-1, "row"))
		g.Chinese += fmt.Sprintf("（另有 %d 行）", below-1)
	}
	return []Gate{g}
}

// findings are the sentences at the head of the report, failures included.
func (r *radioResult) findings() []report.Text {
	list := r.boundFindings()
	if len(r.adapted) > 0 {
		list = append(list, r.adaptationFindings()...)
	}
	return append(list, r.classicalFindings()...)
}

// boundFindings says how far the model is from the genie and the bound.
func (r *radioResult) boundFindings() []report.Text {
	en := []string{fmt.Sprintf("One model for %v, told nothing about the speed.", r.r.Data.Speed)}
	zh := []string{fmt.Sprintf("单一模型覆盖 %s，且不知道速度。", rangeZH(r.r.Data.Speed.String()))}
	name := nameTrained
	if len(r.adapted) > 0 {
		name = nameBase
	}
	for _, v := range speedsOf(r.r) {
		at := condition(r.r, v).Name
		model, genie, bound := r.find(at, name, metric.RatioOfSums), r.ofClass(at, eval.Genie), r.ofClass(at, eval.Bound)
		if model == nil || genie == nil || bound == nil {
			continue
		}
		overGenie, overGenieZH := apart(model.Value, genie.Value)
		overBound, overBoundZH := apart(model.Value, bound.Value)
		en = append(en, fmt.Sprintf("At %v its NMSE is %s that of the Wiener filter that knows the speed and %s that of the Bayes predictor that does not.", v, overGenie, overBound))
		zh = append(zh, fmt.Sprintf("%v 时，其 NMSE 比已知速度的维纳滤波%s，比未知速度的贝叶斯预测%s。", v, overGenieZH, overBoundZH))
	}
	if len(en) == 1 {
		return nil
	}
	return []report.Text{{EN: strings.Join(en, " "), ZH: strings.Join(zh, "")}}
}

// apart says how far one error is from another, in dB.
func apart(a, b float64) (en, zh string) {
	d := metric.DB(a / b)
	if d < 0 {
		return fmt.Sprintf("%.2f dB below", -d), fmt.Sprintf("低 %.2f dB", -d)
	}
	return fmt.Sprintf("%.2f dB above", d), fmt.Sprintf("高 %.2f dB", d)
}

// ofClass is the first row of a class, by nmse/ratio-of-sums.
func (r *radioResult) ofClass(condition, class string) *eval.Row {
	rows := rowsOf(r.rows, condition, metric.RatioOfSums)
	for i, row := range rows {
		if row.Class == class {
			return &rows[i]
		}
	}
	return nil
}

// enough is the share of the full gain that LoRA is expected to keep.
const enough = 0.8

// adaptationFindings says what adaptation gained and whether LoRA kept enough of it.
func (r *radioResult) adaptationFindings() []report.Text {
	speed, at := r.r.Tune.Speed.Min, condition(r.r, r.r.Tune.Speed.Min).Name
	full, lora, control := r.find(at, nameFull, metricGain), r.find(at, nameLoRA, metricGain), r.find(at, nameControl, metricGain)
	if full == nil || lora == nil || control == nil {
		return nil
	}
	where, whereZH := fmt.Sprintf("At %v, which pre-training had not seen,", speed), fmt.Sprintf("在预训练未见过的 %v", speed)
	if seen := r.r.Data.Speed; seen.Min <= speed && speed <= seen.Max {
		where, whereZH = fmt.Sprintf("At %v", speed), fmt.Sprintf("在 %v", speed)
	}
	gained := report.Text{
		EN: fmt.Sprintf("%s full fine-tuning gains %.2f dB, LoRA %.2f dB with %.2f %% of the parameters, and training as much longer on seen speeds %.2f dB.",
			where, full.Value, lora.Value, r.loraPercent(), control.Value),
		ZH: fmt.Sprintf("%s：全量微调增益 %.2f dB；LoRA 仅用 %.2f%% 的参数，增益 %.2f dB；在已见速度上继续训练同样步数，增益 %.2f dB。",
			whereZH, full.Value, r.loraPercent(), lora.Value, control.Value),
	}
	return append([]report.Text{gained, loraVerdict(full, lora)}, r.forgotten()...)
}

// forgotten says what adaptation cost at the other speed that suffered most; nothing
// where no interval lies wholly below zero.
func (r *radioResult) forgotten() []report.Text {
	var worst *eval.Row
	var at setting.Speed
	for _, v := range speedsOf(r.r) {
		if v == r.r.Tune.Speed.Min {
			continue
		}
		for _, method := range []string{nameFull, nameLoRA} {
			row := r.find(condition(r.r, v).Name, method, metricGain)
			if row != nil && row.CI95[1] < 0 && (worst == nil || row.Value < worst.Value) {
				worst, at = row, v
			}
		}
	}
	if worst == nil {
		return nil
	}
	return []report.Text{{
		EN: fmt.Sprintf("Adaptation forgets: at %v the worst of the adapted models (%s) is %.2f dB worse than the base.", at, worst.Method, -worst.Value),
		ZH: fmt.Sprintf("适配带来遗忘：在 %v，适配后最差的模型（%s）比基础模型差 %.2f dB。", at, chinese(worst.Method), -worst.Value),
	}}
}

// measurable says whether full fine-tuning gained anything that is more than chance.
func measurable(full *eval.Row) bool { return full.CI95[0] > 0 }

// loraVerdict says whether LoRA kept enough of the full gain. A tenth of a percent
// is shown, so that a missed target does not look met.
func loraVerdict(full, lora *eval.Row) report.Text {
	if !measurable(full) {
		return report.Text{
			EN: "The interval of the full gain includes zero: there is nothing that LoRA could keep a share of.",
			ZH: "全量微调增益的区间包含零：无从计算 LoRA 保留的比例。",
		}
	}
	share := lora.Value / full.Value
	switch {
	case share >= enough:
		return report.Text{
			EN: fmt.Sprintf("LoRA keeps %.1f %% of the full gain (target: at least %.0f %%).", 100*share, 100*enough),
			ZH: fmt.Sprintf("LoRA 保留了全量微调增益的 %.1f%%（目标：至少 %.0f%%）。", 100*share, 100*enough),
		}
	case share <= 0:
		return report.Text{
			EN: fmt.Sprintf("LoRA keeps nothing of the full gain; the target of %.0f %% is missed. The validation curves below show how each trial went.", 100*enough),
			ZH: fmt.Sprintf("LoRA 没有保留全量微调的增益，未达到 %.0f%% 的目标；各次试验的过程见下方验证曲线。", 100*enough),
		}
	}
	return report.Text{
		EN: fmt.Sprintf("LoRA keeps only %.1f %% of the full gain; the target of %.0f %% is missed. The validation curves below show how each trial went.", 100*share, 100*enough),
		ZH: fmt.Sprintf("LoRA 仅保留全量微调增益的 %.1f%%，未达到 %.0f%% 的目标；各次试验的过程见下方验证曲线。", 100*share, 100*enough),
	}
}

// classicalFindings says where a classical method is the best that a receiver could
// use.
func (r *radioResult) classicalFindings() []report.Text {
	var en, zh []string
	for _, v := range speedsOf(r.r) {
		if best := r.best(condition(r.r, v).Name); best != nil && best.Class == eval.Classical {
			en = append(en, fmt.Sprintf("at %v %s (%.2f dB)", v, best.Method, metric.DB(best.Value)))
			zh = append(zh, fmt.Sprintf("%v 时为%s，%.2f dB", v, chinese(best.Method), metric.DB(best.Value)))
		}
	}
	if en == nil {
		return nil
	}
	channel := channelName(r.r.Data.Channel)
	return []report.Text{{
		EN: fmt.Sprintf("On %s a classical method has the lowest error: %s.", channel, strings.Join(en, "; ")),
		ZH: fmt.Sprintf("在 %s 信道上，误差最低的是经典方法：%s。", channel, strings.Join(zh, "；")),
	}}
}

func (r *radioResult) loraPercent() float64 {
	for _, a := range r.adapted {
		if a.Method == nameLoRA {
			return 100 * float64(a.Trained) / float64(a.Total)
		}
	}
	return 0
}

// best is the row with the lowest error among methods that a receiver could use.
func (r *radioResult) best(condition string) *eval.Row {
	var best *eval.Row
	rows := rowsOf(r.rows, condition, metric.RatioOfSums)
	for i, row := range rows {
		usable := row.Class == eval.Classical || row.Class == eval.Learned
		if usable && (best == nil || row.Value < best.Value) {
			best = &rows[i]
		}
	}
	return best
}
