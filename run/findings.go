package run

import (
	"fmt"
	"strings"

	"github.com/comlam/comlam/eval"
	"github.com/comlam/comlam/metric"
	"github.com/comlam/comlam/run/report"
)

// gates checks what must hold of any honest measurement: no method lies below the
// genie or bound by more than its interval.
func gates(r *Recipe, rows []eval.Row) []Gate {
	g := Gate{Name: "nothing below the bound", OK: true, Text: r.Name + ": no method lies below its bound by more than its interval"}
	for _, row := range rows {
		if row.Bound == nil || row.Class == eval.Genie || row.Class == eval.Bound {
			continue
		}
		if row.CI95[1] < *row.Bound {
			g.OK = false
			g.Text = fmt.Sprintf("%s: %s at %s has %s %.5f, its interval ends at %.5f, below the bound %.5f; the measurement cannot be right",
				r.Name, row.Method, row.Condition, row.Metric, row.Value, row.CI95[1], *row.Bound)
			return []Gate{g}
		}
	}
	return []Gate{g}
}

// findings are the sentences at the head of the report, failures included.
func (r *jobResult) findings() []report.Text {
	if len(r.adapted) > 0 {
		return r.adaptationFindings()
	}
	return r.boundFindings()
}

// boundFindings says how far the model is from the genie and the bound.
func (r *jobResult) boundFindings() []report.Text {
	var en, zh []string
	for _, c := range r.conditions() {
		model := r.find(c, nameTrained, metric.RatioOfSums)
		genie, bound := r.ofClass(c, eval.Genie), r.ofClass(c, eval.Bound)
		if model == nil || genie == nil || bound == nil {
			continue
		}
		overGenie, overBound := metric.DB(model.Value/genie.Value), metric.DB(model.Value/bound.Value)
		en = append(en, fmt.Sprintf("%s: %.2f dB above the Wiener filter that knows the speed, %.2f dB above the Bayes predictor that does not", c, overGenie, overBound))
		zh = append(zh, fmt.Sprintf("%s：比已知速度的维纳滤波高 %.2f dB，比未知速度的贝叶斯预测高 %.2f dB", c, overGenie, overBound))
	}
	if en == nil {
		return nil
	}
	return []report.Text{{
		EN: fmt.Sprintf("One model for %v, told nothing about the speed. ", r.r.Data.Speed) + strings.Join(en, "; ") + ".",
		ZH: fmt.Sprintf("单一模型覆盖 %v，且不知道速度。", r.r.Data.Speed) + strings.Join(zh, "；") + "。",
	}}
}

// ofClass is the first row of a class, by nmse/ratio-of-sums.
func (r *jobResult) ofClass(condition, class string) *eval.Row {
	for i, row := range rowsOf(r.rows, condition, metric.RatioOfSums) {
		if row.Class == class {
			return &rowsOf(r.rows, condition, metric.RatioOfSums)[i]
		}
	}
	return nil
}

// enough is the share of the full gain that LoRA is expected to keep.
const enough = 0.8

// adaptationFindings says what adaptation gained, whether LoRA kept enough of it,
// and which method was best, even where that is a classical one.
func (r *jobResult) adaptationFindings() []report.Text {
	speed, at := r.r.Tune.Speed.Min.String(), condition(r.r, r.r.Tune.Speed.Min).Name
	full, lora, control := r.find(at, nameFull, metricGain), r.find(at, nameLoRA, metricGain), r.find(at, nameControl, metricGain)
	if full == nil || lora == nil || control == nil {
		return nil
	}
	share := lora.Value / full.Value
	list := []report.Text{{
		EN: fmt.Sprintf("At %s, which pre-training had not seen, full fine-tuning gains %.2f dB, LoRA %.2f dB with %.2f %% of the parameters, and training as much longer on seen speeds %.2f dB.",
			speed, full.Value, lora.Value, r.loraPercent(), control.Value),
		ZH: fmt.Sprintf("在预训练未见过的 %s：全量微调增益 %.2f dB，LoRA 以 %.2f%% 的参数增益 %.2f dB，在已见速度上继续训练同样步数增益 %.2f dB。",
			speed, full.Value, r.loraPercent(), lora.Value, control.Value),
	}}
	if full.CI95[0] <= 0 {
		return append(list, report.Text{
			EN: "The interval of the full gain includes zero: there is nothing that LoRA could keep a share of.",
			ZH: "全量微调增益的区间包含零：无从计算 LoRA 保留的比例。",
		})
	}
	verdict := report.Text{
		EN: fmt.Sprintf("LoRA keeps %.0f %% of the full gain (target: at least %.0f %%).", 100*share, 100*enough),
		ZH: fmt.Sprintf("LoRA 保留了全量增益的 %.0f%%（目标：至少 %.0f%%）。", 100*share, 100*enough),
	}
	if share < enough {
		verdict = report.Text{
			EN: fmt.Sprintf("LoRA keeps only %.0f %% of the full gain; the target of %.0f %% is missed. The validation curves below show why.", 100*share, 100*enough),
			ZH: fmt.Sprintf("LoRA 仅保留全量增益的 %.0f%%，未达到 %.0f%% 的目标，原因见下方验证曲线。", 100*share, 100*enough),
		}
	}
	list = append(list, verdict)
	if best := r.best(at); best != nil && best.Class == eval.Classical {
		list = append(list, report.Text{
			EN: fmt.Sprintf("At %s a classical method is best: %s with %.2f dB.", speed, best.Method, metric.DB(best.Value)),
			ZH: fmt.Sprintf("在 %s，最好的是经典方法：%s，%.2f dB。", speed, chinese(best.Method), metric.DB(best.Value)),
		})
	}
	return list
}

func (r *jobResult) loraPercent() float64 {
	for _, a := range r.adapted {
		if a.Method == nameLoRA {
			return 100 * float64(a.Trained) / float64(a.Total)
		}
	}
	return 0
}

// best is the row with the lowest error among methods that a receiver could use.
func (r *jobResult) best(condition string) *eval.Row {
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
