package wifo

import (
	"github.com/comlam/comlam/model"
	"github.com/comlam/comlam/nn"
	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
)

// Axes: B batch, S slots, K subcarriers, A antennas, P patches, V visible patches,
// D width, C values in a patch.

// Model is a WiFo of one size. It implements model.Filler.
type Model struct{ c Config }

var _ model.Filler = (*Model)(nil)

// Reconstruct implements model.Filler.
func (m *Model) Reconstruct(s *nn.Scope, x, visible *nn.Node) *nn.Node {
	dims := x.Shape().Dimensions
	n, err := m.Patches(model.Grid{NumSlots: dims[1], NumSubcarriers: dims[2], NumAnt: dims[3]})
	if err != nil {
		panic(err)
	}
	z := m.encode(s.In("encoder"), m.patchify(x, n), visible, n)
	y := m.decode(s.In("decoder"), z, visible, n)
	return m.unpatchify(y, n)
}

// encode turns the visible patches into tokens: patches [B P C], visible
// [B V] -> [B V D].
func (m *Model) encode(s *nn.Scope, patches, visible *nn.Node, n [3]int) *nn.Node {
	g := patches.Graph()
	z := nn.Dense(s.In("patch_embed"), nn.Pick(patches, visible), m.c.HiddenSize)
	z = Add(z, Gather(m.positions(s, g, n), InsertAxes(visible, -1))) // [B V D]
	for i := range m.c.NumHiddenLayers {
		z = nn.Block(s.In("block%d", i), z, m.block())
	}
	return nn.LayerNorm(s.In("norm"), z, m.c.LayerNormEps)
}

// decode fills the hidden places with the mask token and predicts every patch:
// z [B V D], visible [B V] -> [B P C].
func (m *Model) decode(s *nn.Scope, z, visible *nn.Node, n [3]int) *nn.Node {
	g, d, p := z.Graph(), m.c.HiddenSize, n[0]*n[1]*n[2]
	z = nn.Dense(s.In("embed"), z, d)
	mask := nn.Variable(s, g, "mask_token", nn.Normal(0.02), d)
	hidden := OneMinus(ReduceSum(OneHot(visible, p, dtypes.Float32), 1)) // [B P], 1 where hidden
	y := Add(nn.Put(z, visible, p), Mul(InsertAxes(hidden, -1), Reshape(mask, 1, 1, d)))
	y = Add(y, InsertAxes(m.positions(s, g, n), 0)) // [B P D]
	for i := range m.c.NumDecoderLayers {
		y = nn.Block(s.In("block%d", i), y, m.block())
	}
	y = nn.LayerNorm(s.In("norm"), y, m.c.LayerNormEps)
	return nn.Dense(s.In("head"), y, 2*m.c.PatchSize[0]*m.c.PatchSize[1]*m.c.PatchSize[2])
}

// positions is the sum of the time, frequency and antenna tables: [P D].
func (m *Model) positions(s *nn.Scope, g *Graph, n [3]int) *nn.Node {
	d := m.c.HiddenSize
	row := func(name string, rows, used int) *nn.Node {
		t := nn.Variable(s, g, name, nn.Table(nn.SinCos(rows, d)), rows, d)
		return Slice(t, AxisRangeFromStart(used), AxisRange())
	}
	time := Reshape(row("position_time", maxTimePatches, n[0]), n[0], 1, 1, d)
	freq := Reshape(row("position_freq", maxFreqPatches, n[1]), 1, n[1], 1, d)
	ant := Reshape(row("position_ant", maxAntennaPatches, n[2]), 1, 1, n[2], d)
	return Reshape(Add(Add(time, freq), ant), n[0]*n[1]*n[2], d)
}

// patchify cuts x [B S K A 2] into patches [B P C].
func (m *Model) patchify(x *nn.Node, n [3]int) *nn.Node {
	b, p := x.Shape().Dim(0), m.c.PatchSize
	x = Reshape(x, b, n[0], p[0], n[1], p[1], n[2], p[2], 2)
	x = TransposeAllAxes(x, 0, 1, 3, 5, 2, 4, 6, 7)
	return Reshape(x, b, n[0]*n[1]*n[2], p[0]*p[1]*p[2]*2)
}

// unpatchify is the inverse of patchify.
func (m *Model) unpatchify(y *nn.Node, n [3]int) *nn.Node {
	b, p := y.Shape().Dim(0), m.c.PatchSize
	y = Reshape(y, b, n[0], n[1], n[2], p[0], p[1], p[2], 2)
	y = TransposeAllAxes(y, 0, 1, 4, 2, 5, 3, 6, 7)
	return Reshape(y, b, n[0]*p[0], n[1]*p[1], n[2]*p[2], 2)
}

func (m *Model) block() nn.BlockSize {
	return nn.BlockSize{
		NumHeads:     m.c.NumAttentionHeads,
		Intermediate: m.c.IntermediateSize,
		Act:          nn.Activations[m.c.HiddenAct],
		NormEps:      m.c.LayerNormEps,
	}
}
