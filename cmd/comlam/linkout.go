package main

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/comlam/comlam/run"
	"github.com/comlam/comlam/wireless/link"
)

// linkKeys lists the settings with their defaults, as they are read.
func linkKeys() string {
	var text strings.Builder
	enc := yaml.NewEncoder(&text)
	enc.SetIndent(2)
	if err := enc.Encode(link.Default()); err != nil {
		return ""
	}
	return "Keys and their defaults:\n  " + strings.ReplaceAll(strings.TrimSpace(text.String()), "\n", "\n  ")
}

// linkMeter tells how far a curve is. How many blocks it will have is not known
// beforehand, so time left is judged by points.
type linkMeter struct {
	*meter
	blocks uint64 // of the points before
	last   link.Progress
}

func newLinkMeter(a *app, index, of int) *linkMeter {
	m := &linkMeter{meter: newCounter(a, "link run", "blocks", 0)}
	if of > 1 {
		m.stage = fmt.Sprintf("link run, curve %d of %d", index+1, of)
	}
	return m
}

func (m *linkMeter) progress(p link.Progress) {
	if p.Point != m.last.Point {
		m.blocks += m.last.Tally.Blocks
	}
	m.last = p
	seconds, due := m.due()
	if !due {
		return
	}
	done := (float64(p.Point) + p.Done) / float64(p.NumPoints)
	rate, eta := float64(m.blocks+p.Tally.Blocks)/seconds, seconds*(1/done-1)
	if m.live {
		m.line(fmt.Sprintf("%s: point %d of %d, %g dB: %d blocks, %d wrong  %.0f blocks/s  %s",
			m.stage, p.Point+1, p.NumPoints, p.SNRdB, p.Tally.Blocks, p.Tally.BlockErrors, rate, left(eta)))
		return
	}
	line, _ := json.Marshal(map[string]any{
		"stage": m.stage, "point": p.Point + 1, "of": p.NumPoints, "snr_db": p.SNRdB, "blocks": p.Tally.Blocks,
		"block_errors": p.Tally.BlockErrors, "blocks_per_s": math.Round(rate), "eta_s": math.Round(eta),
	})
	fmt.Fprintf(m.w, "%s\n", line)
}

// showLinks says what would be simulated.
func (a *app) showLinks(links []namedLink) error {
	type plan struct {
		Name          string      `json:"name"`
		NumBits       int         `json:"num_bits"`
		NumSent       int         `json:"num_sent"`
		BitsPerSymbol float64     `json:"bits_per_symbol"`
		SNRdB         []float64   `json:"snr_db"`
		Config        link.Config `json:"config"`
	}
	var plans []plan
	for _, l := range links {
		plans = append(plans, plan{l.name, l.NumBits(), l.NumSent(), l.BitsPerSymbol(), l.Config().SNR.Points(), l.Config()})
	}
	if a.json {
		return a.print(map[string]any{"curves": plans})
	}
	for _, p := range plans {
		most := ""
		if p.Config.Code == "transport" && p.Config.Transport.Adapt != "fixed" {
			most = "at most "
		}
		fmt.Fprintf(a.out, "%s: blocks of %s%d bits sent as %d, %.4g bits a symbol, %s at %d points\n",
			p.Name, most, p.NumBits, p.NumSent, p.BitsPerSymbol, snrName(p.Config), len(p.SNRdB))
	}
	return nil
}

func snrName(c link.Config) string {
	if c.SNRIs == "eb_n0" {
		return "Eb/N0"
	}
	return "Es/N0"
}

// interruptedCurves shows the points that are done.
func (a *app) interruptedCurves(res linkResult, last link.Curve) error {
	res.File = ""
	if len(last.Points) > 0 {
		res.Curves = append(res.Curves, last)
	}
	if !a.json { // there the error is the one object
		if err := a.showCurves(res); err != nil {
			return err
		}
	}
	return fmt.Errorf("%w: no figure was drawn", run.ErrInterrupted)
}

// showCurves prints a table a curve.
func (a *app) showCurves(res linkResult) error {
	if a.json {
		return a.print(res)
	}
	if a.quiet {
		return nil
	}
	for _, c := range res.Curves {
		fmt.Fprintf(a.out, "%s  (%s, seed %d)\n", c.Name, c.Intervals(), c.Seed)
		if err := table(a.out, curveTable(c)); err != nil {
			return err
		}
		if len(c.Left) > 0 {
			fmt.Fprintf(a.out, "  no error at the last point: %s was left out\n", link.Sweep{From: c.Left[0], To: c.Left[len(c.Left)-1], Step: c.Config.SNR.Step})
		}
		a.showNeglected(c)
		fmt.Fprintln(a.out)
	}
	if res.File != "" {
		fmt.Fprintln(a.out, "wrote", res.File)
	}
	return nil
}

// showNeglected warns of counts that are too good.
func (a *app) showNeglected(c link.Curve) {
	if from := c.NeglectedFrom(); len(c.Points) > 0 && c.Points[len(c.Points)-1].EsN0 > from {
		fmt.Fprintf(a.out, "  above an Es/N0 of %.0f dB rates are too low: echoes past the prefix and motion within a symbol make interference of %.1f dB, which is not simulated\n",
			from, 10*math.Log10(c.Neglected))
	}
}

func curveTable(c link.Curve) [][]string {
	theory := len(c.Theory) > 0
	transport := c.Config.Code == "transport"
	harq, adapts := transport && c.Config.Transport.Transmissions > 1, transport && c.Config.Transport.Adapt != "fixed"
	head := []string{"  " + snrName(c.Config), "BER", "interval"}
	if theory {
		head = append(head, "theory")
	}
	head = append(head, "BLER", "interval", "blocks", "wrong")
	if harq {
		head = append(head, "transmissions")
	}
	if transport {
		head = append(head, "bits/RE")
	}
	if adapts {
		head = append(head, "mean MCS")
	}
	rows := [][]string{head}
	for _, p := range c.Points {
		row := []string{fmt.Sprintf("  %g dB", p.SNRdB), rate(p.BER.Value), rateSpan(p.BER)}
		if theory {
			row = append(row, rate(p.TheoryBER))
		}
		row = append(row, rate(p.BLER.Value), rateSpan(p.BLER), strconv.FormatUint(p.Blocks, 10), strconv.FormatUint(p.BlockErrors, 10))
		if harq {
			row = append(row, fmt.Sprintf("%.3f", float64(p.Transmissions)/float64(p.Blocks)))
		}
		if transport {
			row = append(row, fmt.Sprintf("%.3f", p.BitsPerRE))
		}
		if adapts {
			row = append(row, fmt.Sprintf("%.2f", float64(p.SumMCS)/float64(p.Blocks)))
		}
		rows = append(rows, row)
	}
	return rows
}

func rate(p float64) string { return fmt.Sprintf("%.3g", p) }

func rateSpan(r link.Rate) string { return rate(r.Lo) + " to " + rate(r.Hi) }
