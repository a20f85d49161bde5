package bench

import (
	"bufio"
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/comlam/comlam/backend/kernel"
	"github.com/comlam/comlam/internal/rng"
	"github.com/comlam/comlam/internal/setting"
	"github.com/comlam/comlam/wireless/csi"
	"github.com/comlam/comlam/wireless/fec"
	"github.com/comlam/comlam/wireless/link"
)

//go:embed sionna.py
var sionna string

// SionnaVariable names the Python interpreter that has Sionna.
const SionnaVariable = "COMLAM_PYTHON_SIONNA"

// RadioRow is one measurement of the radio, on one core.
type RadioRow struct {
	Name      string   `json:"name"`
	What      string   `json:"what"`
	Unit      string   `json:"unit"`
	Ours      float64  `json:"ours"`
	Reference *float64 `json:"reference,omitempty"` // Sionna's
	Ratio     *float64 `json:"ratio,omitempty"`
	Target    *float64 `json:"target,omitempty"` // of the ratio
}

// RadioReport is the result of Radio.
type RadioReport struct {
	CPU    string     `json:"cpu"`
	Kernel string     `json:"kernel"`
	Load   float64    `json:"load"` // of the machine, before
	Short  bool       `json:"short,omitempty"`
	Sionna string     `json:"sionna"` // its version, or why it is absent
	Rows   []RadioRow `json:"rows"`
}

// RadioLegs are what Radio can measure; ours always is.
var RadioLegs = []string{"ours", "sionna"}

func target(ratio float64) *float64 { return &ratio }

// Radio measures the radio on one core, and Sionna where [SionnaVariable] names it: the
// best of three runs each. Channels are CDL-C between 32 and 4 dual-polarised 3GPP
// elements, 14 slots x 72 subcarriers, float64 inside; decoding is 20 iterations of
// min-sum on blocks of 8,448 in 16,896 bits, float32; a slot is one of OFDM with 16QAM,
// DM-RS, linear interpolation and LMMSE equalisation, count of errors included.
func Radio(ctx context.Context, short bool, legs []string) (*RadioReport, error) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	r := &RadioReport{CPU: processor(), Kernel: kernel.Variant(), Load: load(), Short: short}
	for _, m := range []struct {
		row RadioRow
		run func(short bool) (rate float64, err error)
	}{
		{RadioRow{Name: "cdl", What: "CDL-C, 32 x 4 antennas", Unit: "channels/s", Target: target(5)}, channels},
		{RadioRow{Name: "ldpc", What: "LDPC, k = 8,448, rate 1/2", Unit: "Mbit/s", Target: target(3)}, decoding},
		{RadioRow{Name: "slot", What: "OFDM, 16QAM, LMMSE", Unit: "slots/s"}, slots},
	} {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		var err error
		if m.row.Ours, err = m.run(short); err != nil {
			return nil, fmt.Errorf("row %s: %w", m.row.Name, err)
		}
		r.Rows = append(r.Rows, m.row)
	}
	if !slices.Contains(legs, "sionna") {
		r.Sionna = "not asked for"
		return r, nil
	}
	r.askSionna(ctx)
	if ctx.Err() != nil { // not Sionna's failure
		return nil, context.Cause(ctx)
	}
	return r, nil
}

// best is the rate of the fastest of three calls that do an amount of work.
func best(work float64, call func() error) (float64, error) {
	fastest := math.Inf(1)
	for range 3 {
		began := time.Now()
		if err := call(); err != nil {
			return 0, err
		}
		fastest = min(fastest, time.Since(began).Seconds())
	}
	return work / fastest, nil
}

func channels(short bool) (float64, error) {
	c := csi.Default()
	c.Tx = csi.Panel{Rows: 4, Cols: 4, DualPolarized: true, Spacing: 0.5, Element: "3gpp"}
	c.Rx = csi.Panel{Rows: 1, Cols: 2, DualPolarized: true, Spacing: 0.5, Element: "3gpp"}
	c.NumSlots, c.NumSubcarriers, c.SubcarrierSpacing, c.Interval = 14, 72, 30e3, 0.5e-3/14
	c.DelaySpread = setting.DurationRange{Min: 100e-9, Max: 100e-9}
	g, err := c.Build()
	if err != nil {
		return 0, err
	}
	n := 1000
	if short {
		n = 2
	}
	h := make([]complex64, g.Shape().Len())
	return best(float64(n), func() error {
		for i := range n {
			g.Sample(1, uint64(i), h)
		}
		return nil
	})
}

func decoding(short bool) (float64, error) {
	const k, n, iterations = 8448, 16896, 20
	code, err := fec.NewLDPC(fec.BG1, k)
	if err != nil {
		return 0, err
	}
	rounds := 200
	if short {
		rounds = 1
	}
	s := rng.New(1)
	bits, got := make([]byte, k), make([]byte, k)
	for i := range bits {
		bits[i] = byte(s.Uint64() & 1)
	}
	soft, err := receivedBits(code, bits, n, s)
	if err != nil {
		return 0, err
	}
	d, err := code.NewDecoder(fec.DecoderConfig{Algorithm: fec.NormalizedMinSum, Iterations: iterations, Always: true})
	if err != nil {
		return 0, err
	}
	rate, err := best(float64(rounds)*k/1e6, func() error {
		for range rounds {
			if _, err := d.Decode(got, soft); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil && !bytes.Equal(got, bits) {
		err = fmt.Errorf("the decoder made wrong bits")
	}
	return rate, err
}

// receivedBits are soft bits of a block at Eb/N0 = 1.5 dB, QPSK over white noise.
func receivedBits(code *fec.LDPC, bits []byte, n int, s *rng.Stream) ([]float32, error) {
	m := fec.Match{E: n}
	coded, sent := make([]byte, code.Len()), make([]byte, n)
	if err := code.Encode(coded, bits); err != nil {
		return nil, err
	}
	if err := code.Match(sent, coded, m); err != nil {
		return nil, err
	}
	variance := math.Pow(10, -0.15)
	llrs := make([]float32, n)
	for i, bit := range sent {
		y := 1 - 2*float64(bit) + s.Normal()*math.Sqrt(variance)
		llrs[i] = float32(2 * y / variance)
	}
	soft := make([]float32, len(coded))
	return soft, code.Combine(soft, llrs, m)
}

func slots(short bool) (float64, error) {
	c := link.Default()
	c.Channel, c.Modulation, c.SNRIs = "tdl-a", "16qam", "es_n0"
	c.Slot.Estimator, c.Slot.Speed = "ls-linear", setting.KMH(30)
	c.MaxBlocks, c.Errors = 200, math.MaxInt32
	if short {
		c.MaxBlocks = 2
	}
	if err := c.SNR.UnmarshalText([]byte("10 dB")); err != nil {
		return 0, err
	}
	l, err := c.Build()
	if err != nil {
		return 0, err
	}
	var blocks uint64
	rate, err := best(1, func() error {
		curve, err := l.Run(context.Background(), link.RunConfig{Seed: 1, Workers: 1})
		if err == nil {
			blocks = curve.Points[0].Blocks
		}
		return err
	})
	return rate * float64(blocks), err
}

// askSionna runs the reference where it is, and says why where it is not.
func (r *RadioReport) askSionna(ctx context.Context) {
	python := os.Getenv(SionnaVariable)
	if python == "" {
		r.Sionna = "absent: " + SionnaVariable + " names no Python that has it (pip install sionna-no-rt)"
		return
	}
	batch := "16"
	if r.Short {
		batch = "1"
	}
	c := exec.CommandContext(ctx, python, "-c", sionna, batch)
	c.Env = append(os.Environ(), "OMP_NUM_THREADS=1")
	var failed bytes.Buffer
	c.Stderr = &failed
	out, err := c.Output()
	r.Sionna = "absent: it printed nothing"
	lines := bufio.NewScanner(bytes.NewReader(out))
	for lines.Scan() {
		var said struct {
			Version, Row string
			Value        float64
		}
		if json.Unmarshal(lines.Bytes(), &said) != nil {
			continue
		}
		if said.Version != "" {
			r.Sionna = said.Version
		}
		for i := range r.Rows {
			if row := &r.Rows[i]; row.Name == said.Row && said.Value > 0 {
				ratio := row.Ours / said.Value
				row.Reference, row.Ratio = &said.Value, &ratio
			}
		}
	}
	if err != nil {
		said := strings.Split(strings.TrimSpace(failed.String()), "\n")
		r.Sionna = fmt.Sprintf("failed: %v: %s", err, said[len(said)-1])
	}
}
