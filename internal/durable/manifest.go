package durable

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"regexp"
)

// manifestName is the commit marker of a checkpoint folder.
const manifestName = "manifest.json"

// manifestFormat is the number in the manifest; a later layout gets another.
const manifestFormat = 1

// manifest lists what a checkpoint folder holds. Sum is the SHA-256 of the
// manifest itself with an empty Sum.
type manifest struct {
	Format int       `json:"format"`
	Step   uint64    `json:"step"`
	Score  *float64  `json:"score"` // null: not evaluated, JSON has no NaN
	Files  []fileSum `json:"files"`
	Sum    string    `json:"sum"`
}

type fileSum struct {
	Name   string `json:"name"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

func newManifest(step uint64, score float64, files []fileSum) manifest {
	m := manifest{Format: manifestFormat, Step: step, Files: files}
	if !math.IsNaN(score) && !math.IsInf(score, 0) {
		m.Score = &score
	}
	return m
}

// score is NaN for a checkpoint that was not evaluated.
func (m *manifest) score() float64 {
	if m.Score == nil {
		return math.NaN()
	}
	return *m.Score
}

func (m manifest) encode() ([]byte, error) {
	m.Sum = ""
	body, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(body)
	m.Sum = hex.EncodeToString(sum[:])
	body, err = json.MarshalIndent(m, "", "  ")
	return append(body, '\n'), err
}

// decodeManifest accepts only the bytes that encode would write: a flipped bit
// in white space or in the case of a key is damage too.
func decodeManifest(data []byte) (*manifest, error) {
	var m manifest
	if err := json.Unmarshal(data, &m); err != nil {
		return nil, fmt.Errorf("%w: manifest: %w", ErrDamaged, err)
	}
	if m.Format != manifestFormat {
		return nil, fmt.Errorf("%w, or written by a newer program: manifest of format %d, this one reads %d", ErrDamaged, m.Format, manifestFormat)
	}
	again, err := m.encode()
	if err != nil {
		return nil, fmt.Errorf("%w: manifest: %w", ErrDamaged, err)
	}
	if !bytes.Equal(again, data) {
		return nil, fmt.Errorf("%w: manifest: its checksum does not match", ErrDamaged)
	}
	for _, f := range m.Files {
		if err := checkName(f.Name); err != nil {
			return nil, err
		}
	}
	return &m, nil
}

var plainName = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._-]*$`)

// checkName keeps files inside their folder, on every system.
func checkName(name string) error {
	if !plainName.MatchString(name) || len(name) > 200 {
		return fmt.Errorf("file name %q in a checkpoint: use at most 200 of A-Z a-z 0-9 . _ -, not starting with . or -", name)
	}
	if name == manifestName {
		return fmt.Errorf("file name %q in a checkpoint is taken by its manifest", name)
	}
	return nil
}
