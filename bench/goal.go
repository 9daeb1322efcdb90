package main

import (
	"fmt"
	"strings"
)

// A Goal is what Septet's median is to reach: a number of its own, or so many
// times as good as somebody's median. A measure may have several.
type Goal struct {
	Value float64
	Times float64 // if not zero: of Of's median
	Of    string  // a contestant
	In    string  // in an earlier row; empty means this one
}

func timesOf(n float64, of string) Goal { return Goal{Times: n, Of: of} }
func (g Goal) in(row string) Goal       { g.In = row; return g }
func value(n float64) []Goal            { return []Goal{{Value: n}} }
func peers(gvisor, kernel float64) []Goal {
	return []Goal{timesOf(gvisor, "gvisor"), timesOf(kernel, "kernel")}
}

// String is the goal as the table shows it.
func (g Goal) String() string {
	switch {
	case g.Times == 0:
		return number(g.Value)
	case g.In != "":
		return fmt.Sprintf("%g × %s in %s", g.Times, g.Of, g.In)
	}
	return fmt.Sprintf("%g × %s", g.Times, g.Of)
}

// reached reports whether the row reaches the goal, and whether that is known: who
// is to be compared with may not have been measured.
func (g Goal) reached(r Row, earlier []Row) (reached, known bool) {
	if r.Septet == nil {
		return false, false
	}
	if g.Times == 0 {
		if r.less {
			return r.Septet.Median <= g.Value, true
		}
		return r.Septet.Median >= g.Value, true
	}
	peer := r
	if g.In != "" {
		peer = Row{}
		for _, e := range earlier {
			if e.Measure == g.In {
				peer = e
			}
		}
	}
	by := ratio(r.Septet, peer.of(g.Of), r.less)
	return by != nil && *by >= g.Times, by != nil
}

// of returns a contestant's column.
func (r Row) of(contestant string) *Summary {
	switch contestant {
	case "septet":
		return r.Septet
	case "gvisor":
		return r.GVisor
	case "kernel":
		return r.Kernel
	}
	return nil
}

// judge fills in what the row's goals are and whether it reaches them all: nil if
// it has none, or if one is not known to be reached and none to be missed.
func (r *Row) judge(goals []Goal, earlier []Row) {
	if len(goals) == 0 {
		return
	}
	var shown []string
	all, allKnown, missed := true, true, false
	for _, g := range goals {
		shown = append(shown, g.String())
		reached, known := g.reached(*r, earlier)
		all = all && reached
		allKnown = allKnown && known
		missed = missed || (known && !reached)
	}
	r.Goal = strings.Join(shown, ", ")
	if allKnown || missed {
		r.Reached = &all
	}
}
