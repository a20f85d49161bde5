package report

import (
	"fmt"

	"github.com/comlam/comlam/metric"
)

// Definition says exactly what a metric in the tables is.
type Definition struct {
	Name     string // exact metric name: "nmse/ratio-of-sums"
	Meaning  Text   // the formula and what is noisy in it
	Samples  int    // n, samples measured
	Drops    int    // independent drops they came from; 0 where that is not known
	Interval Text   // how the 95 % interval was made
}

func (d Definition) check() error {
	if d.Name == "" {
		return fmt.Errorf("it has no name; give the exact metric name")
	}
	if d.Samples < 1 || d.Drops < 0 || d.Drops > d.Samples {
		return fmt.Errorf("\"%d\" samples from %d drops is not a count; there must be samples, and no more drops than samples",
			d.Samples, d.Drops)
	}
	if err := d.Meaning.check("meaning"); err != nil {
		return err
	}
	return d.Interval.check("interval")
}

// meanings are the definitions of package metric in words.
var meanings = map[string]Text{
	metric.RatioOfSums: {
		"Normalised mean square error: error energy summed over all samples, divided by the channel energy summed over all samples. " +
			"In dB after averaging, 10\u00a0log10. The reference is the noiseless channel.",
		"归一化均方误差：所有样本的误差能量之和除以所有样本的信道能量之和。先平均，后取 10\u00a0log10 得 dB。参考为无噪声信道。"},
	metric.SampleMean: {
		"Normalised mean square error: error energy divided by channel energy in each sample, then the mean over samples. " +
			"In dB after averaging, 10\u00a0log10. The reference is the noiseless channel.",
		"归一化均方误差：逐样本以误差能量除以信道能量，再对样本取平均。先平均，后取 10\u00a0log10 得 dB。参考为无噪声信道。"},
	metric.SEMRT: {
		"Spectral efficiency in bit/s/Hz when the beam is pointed at the predicted channel (maximum ratio transmission) " +
			"at 10 dB signal-to-noise ratio, averaged over time, subcarriers and receive antennas.",
		"频谱效率（bit/s/Hz）：按预测信道做最大比发射，信噪比 10 dB，对时间、子载波和接收天线取平均。"},
	metric.SEMRTRelative: {
		"Spectral efficiency of maximum ratio transmission at 10 dB, divided by what a perfect prediction reaches on the same samples.",
		"信噪比 10 dB 下最大比发射的频谱效率，与同一批样本上完美预测所达到的频谱效率之比。"},
}

var bootstrapInterval = Text{
	"95 % percentile bootstrap over independent drops, 2,000 replicates, fixed seed",
	"以独立撒点（drop）为单位的 95% 百分位自助法区间，2000 次重采样，固定种子",
}

// Define describes a metric of package metric as it was measured. It fails for
// any other name.
func Define(v metric.Value) (Definition, error) {
	meaning, known := meanings[v.Name]
	if !known {
		return Definition{}, fmt.Errorf("metric %q has no stored definition; write a report.Definition for it", v.Name)
	}
	return Definition{Name: v.Name, Meaning: meaning, Samples: v.N, Drops: v.Drops, Interval: bootstrapInterval}, nil
}
