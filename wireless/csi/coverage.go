package csi

import (
	"fmt"
	"math"
	"strings"

	"github.com/comlam/comlam/internal/setting"
	"github.com/comlam/comlam/plot"
	"github.com/comlam/comlam/wireless/channel"
	"github.com/comlam/comlam/wireless/layout"
)

// CoverageConfig describes a map of what users would hear, place by place.
type CoverageConfig struct {
	Scenario  string            // of Scenarios
	Carrier   setting.Frequency // 0 is 3.5 GHz
	Seed      uint64
	NumPoints int // along the longer side, at most 256
	Workers   int // goroutines; the map does not depend on them
}

// Scenarios are those of TR 38.901 clause 7.5.
func Scenarios() []string {
	var names []string
	for _, s := range channel.Scenarios() {
		names = append(names, string(s))
	}
	return names
}

// Coverage draws the SINR of the best server in the usual network of a scenario
// (layout.Default), with all cells transmitting, users outside of buildings at their
// usual height, and shadows and states of sight that belong to places (clause 7.6.3).
func Coverage(c CoverageConfig) (Drawing, error) {
	if err := (Config{Channel: c.Scenario}).checkScenario(); err != nil {
		return nil, err
	}
	if c.NumPoints < 2 || c.NumPoints > 256 {
		return nil, fmt.Errorf("a map of %d points a side; use 2 to 256", c.NumPoints)
	}
	l := layout.Default(channel.Scenario(c.Scenario))
	l.Channel.SpatialConsistency = true
	l.Channel.CarrierHz = float64(c.Carrier)
	if c.Carrier == 0 {
		l.Channel.CarrierHz = 3.5e9
	}
	network, err := l.Build(c.Seed)
	if err != nil {
		return nil, err
	}
	l = network.Config()
	area, cols, rows := areaOf(network, c.NumPoints)
	users := make([]channel.UE, cols*rows)
	for i := range users {
		at := channel.Point{
			X: area.x[0] + (area.x[1]-area.x[0])*(float64(i%cols)+0.5)/float64(cols),
			Y: area.y[0] + (area.y[1]-area.y[0])*(float64(i/cols)+0.5)/float64(rows),
			Z: l.UserHeightM,
		}
		users[i] = channel.UE{ID: uint64(i), At: awayFrom(network, at)}
	}
	g, err := network.GeometryOf(users, c.Workers)
	if err != nil {
		return nil, err
	}
	values := make([][]float64, rows)
	for y := range values {
		values[y] = g.SINRdB[y*cols : (y+1)*cols]
	}
	height := 560
	return plot.HeatMap{
		Title: "Coverage of " + strings.ToUpper(c.Scenario),
		Note: fmt.Sprintf("%d cells, sites %g m apart, %.4g GHz, seed %d; median %.1f dB", network.NumCells(), l.SpacingM,
			l.Channel.CarrierHz/1e9, c.Seed, layout.Quantile(g.SINRdB, 0.5)),
		X: plot.Axis{Label: "x (m)", Range: area.x}, Y: plot.Axis{Label: "y (m)", Range: area.y},
		Values: values, Color: plot.Axis{Label: "SINR of the best server (dB)"},
		Width: int(float64(height)*(area.x[1]-area.x[0])/(area.y[1]-area.y[0]))/2 + height/2 + 90, Height: height,
	}, nil
}

func (c Config) checkScenario() error {
	if !c.isScenario() {
		return fmt.Errorf("%q is not a scenario; use one of %s", c.Channel, strings.Join(Scenarios(), ", "))
	}
	return nil
}

type rectangle struct{ x, y [2]float64 }

// areaOf is the part of a network that a map shows: all of a hall, of hexagons those
// around the middle. Points are square.
func areaOf(n *layout.Network, points int) (area rectangle, cols, rows int) {
	half := 0.5 * n.Config().SpacingM
	if n.Config().Rows*n.Config().Cols > 0 && n.Config().Sites == 0 {
		area = rectangle{[2]float64{math.Inf(1), math.Inf(-1)}, [2]float64{math.Inf(1), math.Inf(-1)}}
		for i := range n.NumCells() {
			at := n.Cell(i).At
			area.x = [2]float64{min(area.x[0], at.X-half), max(area.x[1], at.X+half)}
			area.y = [2]float64{min(area.y[0], at.Y-half), max(area.y[1], at.Y+half)}
		}
	} else {
		area = rectangle{[2]float64{-3 * half, 3 * half}, [2]float64{-3 * half, 3 * half}}
	}
	wide, high := area.x[1]-area.x[0], area.y[1]-area.y[0]
	step := max(wide, high) / float64(points)
	return area, max(1, int(math.Round(wide/step))), max(1, int(math.Round(high/step)))
}

// awayFrom moves a point from right below a base station, where the models end.
func awayFrom(n *layout.Network, at channel.Point) channel.Point {
	const leastM = 1.5
	for i := range n.NumCells() {
		if b := n.Cell(i).At; math.Hypot(b.X-at.X, b.Y-at.Y) < leastM {
			at.X = b.X + leastM
		}
	}
	return at
}
