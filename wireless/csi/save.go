package csi

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"io"
	"math"

	"github.com/comlam/comlam/format/npy"
	"github.com/comlam/comlam/internal/bounded"
	"github.com/comlam/comlam/internal/durable"
	"github.com/comlam/comlam/internal/setting"
	"github.com/comlam/comlam/wireless/channel"
)

// SaveConfig says which samples Save writes.
type SaveConfig struct {
	Seed    uint64
	First   uint64 // index of the first sample
	Count   uint64
	Workers int // at least 1; the files do not depend on it
}

// Meta is the sidecar of a saved data set: all that is needed to read it, to
// draw it again and to cite it.
type Meta struct {
	Generator string `json:"generator"` // Version
	Standard  string `json:"standard"`

	Axes  []string `json:"axes"`
	Shape []int    `json:"shape"`
	DType string   `json:"dtype"`

	Channel             string                `json:"channel"`
	Process             string                `json:"process"`
	Direction           string                `json:"direction"`
	CarrierHz           float64               `json:"carrier_hz"`
	SubcarrierSpacingHz float64               `json:"subcarrier_spacing_hz"`
	IntervalS           float64               `json:"interval_s"`
	Tx                  MetaPanel             `json:"tx"`
	Rx                  MetaPanel             `json:"rx"`
	Speed               setting.SpeedRange    `json:"speed"`
	DelaySpread         setting.DurationRange `json:"delay_spread"`
	RandomRotation      bool                  `json:"random_rotation"`

	Seed       uint64 `json:"seed"`
	FirstIndex uint64 `json:"first_index"`

	Normalization string  `json:"normalization"`
	Scale         float64 `json:"scale"` // the factor that normalised the samples
	Noise         string  `json:"noise"`

	SHA256 string `json:"sha256"` // of the .npy file
}

// MetaPanel is a Panel with the unit of each number in its name.
type MetaPanel struct {
	Rows          int     `json:"rows"`
	Cols          int     `json:"cols"`
	DualPolarized bool    `json:"dual_polarized"`
	Spacing       float64 `json:"spacing_wavelengths"`
	Element       string  `json:"element"`
	BearingDeg    float64 `json:"bearing_deg"`
	DowntiltDeg   float64 `json:"downtilt_deg"`
}

const (
	normalizationPolicy = "mean of |H|^2 over the data set and the antenna pairs is 1, by a factor fixed in closed form by the configuration"
	noisePolicy         = "none: noiseless samples; add noise on load"
)

// Meta describes count samples of seed from index first on; SHA256 is empty.
func (g *Generator) Meta(seed, first, count uint64) Meta {
	c, s := g.config, g.shape
	return Meta{
		Generator: Version, Standard: channel.Release,
		Axes:    []string{"sample", "time", "subcarrier", "rx", "tx"},
		Shape:   []int{int(count), s.NumSlots, s.NumSubcarriers, s.NumRxAnt, s.NumTxAnt},
		DType:   "complex64",
		Channel: c.Channel, Process: c.Process, Direction: c.Direction,
		CarrierHz: float64(c.Carrier), SubcarrierSpacingHz: float64(c.SubcarrierSpacing), IntervalS: float64(c.Interval),
		Tx: MetaPanel(c.Tx), Rx: MetaPanel(c.Rx),
		Speed: c.Speed, DelaySpread: c.DelaySpread, RandomRotation: c.RandomRotation,
		Seed: seed, FirstIndex: first,
		Normalization: normalizationPolicy, Scale: g.scale, Noise: noisePolicy,
	}
}

// Save writes samples of g to path.npy, [sample, time, subcarrier, rx, tx] of
// complex64, and what they are to path.json, a Meta. Samples stream through a
// bounded memory. Each file appears under its name only when it is complete, the
// sidecar last: a path.json whose SHA256 fits says that both are whole.
func Save(ctx context.Context, fsys durable.FS, path string, g *Generator, c SaveConfig) error {
	if c.Count > math.MaxInt32 {
		return fmt.Errorf("data set of %d samples; use at most %d in a file", c.Count, math.MaxInt32)
	}
	meta := g.Meta(c.Seed, c.First, c.Count)
	sum, err := saveSamples(ctx, fsys, path+".npy", g, c, meta.Shape)
	if err != nil {
		return err
	}
	meta.SHA256 = sum
	text, err := json.MarshalIndent(meta, "", "  ")
	if err != nil {
		return err
	}
	return durable.WriteFile(fsys, path+".json", append(text, '\n'))
}

func saveSamples(ctx context.Context, fsys durable.FS, path string, g *Generator, c SaveConfig, shape []int) (string, error) {
	f, err := durable.Create(fsys, path)
	if err != nil {
		return "", err
	}
	defer f.Abort()
	sum := sha256.New()
	if err := writeSamples(ctx, f, sum, g, c, shape); err != nil {
		return "", err
	}
	return hex.EncodeToString(sum.Sum(nil)), f.Commit()
}

func writeSamples(ctx context.Context, f io.Writer, sum hash.Hash, g *Generator, c SaveConfig, shape []int) error {
	w, err := npy.NewWriter[complex64](io.MultiWriter(f, sum), shape...)
	if err != nil {
		return err
	}
	err = g.Stream(ctx, c.Seed, c.First, c.Count, c.Workers, func(_ uint64, h []complex64, _ Drop) error {
		return w.Write(h)
	})
	if err != nil {
		return err
	}
	return w.Close()
}

// ReadMeta reads a sidecar and checks that this version of the package can tell
// what the samples mean.
func ReadMeta(r io.Reader) (Meta, error) {
	const limit = 1 << 20
	text, err := bounded.NewReader(r, limit).All()
	if err != nil {
		return Meta{}, fmt.Errorf("data set description: %w", err)
	}
	var m Meta
	if err := json.Unmarshal(text, &m); err != nil {
		return Meta{}, fmt.Errorf("data set description: %w", err)
	}
	if m.Generator != Version {
		return Meta{}, fmt.Errorf("data set of generator %q, this is %q; save it again", m.Generator, Version)
	}
	return m, nil
}
