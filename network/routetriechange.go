package network

import (
	"net/netip"
	"slices"
)

// routeRun is a run of a node that is being changed.
type routeRun struct {
	from int
	cell routeCell
}

// insert adds a route to a prefix of some length, of which there is none so far.
func (t *routeTrie) insert(prefix netip.Prefix, id routeID) {
	rest := prefix.Bits()
	for int(id) >= len(t.lengths) {
		t.lengths = append(t.lengths, 0)
	}
	t.lengths[id] = uint8(rest)
	above, hi, lo := routeKey(prefix.Addr())
	for {
		if t.cells[above] == 0 && 0 < rest && rest <= 32 {
			t.cells[above] = makeLeaf(id, uint32(hi>>32), rest)
			return
		}
		t.expand(above)
		if rest <= 8 {
			break
		}
		above = t.isolate(above, int(hi>>56))
		hi, lo = hi<<8|lo>>56, lo<<8
		rest -= 8
	}
	if rest == 0 {
		t.cells[above] = t.cells[above].withID(id)
		return
	}
	t.paint(above, int(hi>>56), rest, id)
	t.compact()
}

// isolate gives a value a run of its own in the node below a cell, and returns where it
// is.
func (t *routeTrie) isolate(above, value int) int {
	if c := t.cells[above]; c.node() == 0 || c.runs() < allRuns {
		had := c.runs()
		if runs := cut(t.load(above), value, value); c.node() == 0 || len(runs) > had {
			t.store(above, runs)
		}
	}
	return t.find(t.cells[above], value)
}

// paint gives a route to the values of a node that begin with some bits, unless they
// have that to a longer prefix.
func (t *routeTrie) paint(above, from, length int, id routeID) {
	to := from | 0xff>>length
	if t.cells[above].node() != 0 {
		for at := t.find(t.cells[above], from); at <= t.find(t.cells[above], to); at++ {
			t.expand(at)
		}
	}
	runs := cut(t.load(above), from, to)
	for i, r := range runs {
		old := r.cell.id()
		if from <= r.from && r.from <= to && (old == 0 || t.lengths[old] < t.lengths[id]) {
			runs[i].cell = r.cell.withID(id)
		}
	}
	t.store(above, runs)
}

// expand makes a cell that is a leaf one with a node.
func (t *routeTrie) expand(above int) {
	c := t.cells[above]
	if !c.leaf() {
		return
	}
	from, to := int(c.next()>>24), int(c.next()>>24)
	cell := makeCell(c.id(), 0, 1)
	if c.length() > 8 {
		cell = makeLeaf(c.id(), c.next()<<8, c.length()-8)
	} else {
		to |= 0xff >> c.length()
	}
	t.cells[above] = 0
	runs := cut(t.load(above), from, to)
	runs[slices.IndexFunc(runs, func(r routeRun) bool { return r.from == from })].cell = cell
	t.store(above, runs)
}

// remove takes away the route to a prefix. Its addresses go to the route cover, the
// longest of the shorter prefixes that contain it.
func (t *routeTrie) remove(prefix netip.Prefix, id, cover routeID) {
	above, hi, lo := routeKey(prefix.Addr())
	switch {
	case t.cells[above].leaf():
		t.cells[above] = 0
		return
	case prefix.Bits() == 0:
		t.cells[above] = t.cells[above].withID(0)
		return
	}
	// A node has the routes of eight lengths. Those above speak for themselves.
	if cover != 0 && (int(t.lengths[cover])-1)>>3 != (prefix.Bits()-1)>>3 {
		cover = 0
	}
	t.removeBelow(above, hi, lo, prefix.Bits(), id, cover)
	t.compact()
}

// removeBelow removes a route from the node below a cell or from one further down.
// Nodes in which nothing is left go.
func (t *routeTrie) removeBelow(above int, hi, lo uint64, length int, id, cover routeID) {
	if length > 8 {
		at := t.find(t.cells[above], int(hi>>56))
		if t.cells[at].leaf() {
			t.cells[at] = 0
		} else {
			t.removeBelow(at, hi<<8|lo>>56, lo<<8, length-8, id, cover)
		}
		if t.cells[at].node() != 0 {
			return // its run remains one of its own
		}
	}
	runs := t.load(above)
	for i, r := range runs {
		if r.cell.id() == id {
			runs[i].cell = r.cell.withID(cover)
		}
	}
	t.store(above, joined(runs))
}

// load returns the runs of the node below a cell, until the next load.
func (t *routeTrie) load(above int) []routeRun {
	c := t.cells[above]
	t.scratch = t.scratch[:0]
	if c.node() == 0 {
		t.scratch = append(t.scratch, routeRun{})
		return t.scratch
	}
	words := startWords(c.runs())
	for i, cell := range t.cells[c.node()+words:][:c.runs()] {
		from := i
		if words > 0 && i > 0 {
			from = int(t.cells[c.node()+(i-1)/8] >> ((i - 1) % 8 * 8) & 0xff)
		}
		t.scratch = append(t.scratch, routeRun{from, cell})
	}
	return t.scratch
}

// cut makes runs begin at the value from and behind the value to.
func cut(runs []routeRun, from, to int) []routeRun {
	for _, value := range [...]int{from, to + 1} {
		i := len(runs)
		for runs[i-1].from > value {
			i--
		}
		if value < allRuns && runs[i-1].from < value {
			runs = slices.Insert(runs, i, routeRun{value, runs[i-1].cell})
		}
	}
	return runs
}

// joined makes one of neighbouring runs that say the same.
func joined(runs []routeRun) []routeRun {
	return slices.CompactFunc(runs, func(a, b routeRun) bool { return a.cell == b.cell })
}

// store makes runs the node below a cell.
func (t *routeTrie) store(above int, runs []routeRun) {
	c := t.cells[above]
	node, had := c.node(), 0
	if node != 0 {
		had = c.runs()
	}
	if len(runs) == 1 && runs[0].cell == 0 {
		t.waste += nodeSize(had)
		t.cells[above] = makeCell(c.id(), 0, 1)
		return
	}
	if len(runs) > mostRuns || had == allRuns && len(runs) > mostRuns/2 {
		runs = spread(runs)
	}
	if nodeSize(len(runs)) != nodeSize(had) {
		t.waste += nodeSize(had)
		node = len(t.cells)
		t.cells = append(t.cells, make([]routeCell, nodeSize(len(runs)))...)
	}
	t.cells[above] = makeCell(c.id(), node, len(runs))
	t.write(node, runs)
}

// nodeSize returns the room of a node in words: an even number, so that fewer of the
// smallest lie across two lines of the cache.
func nodeSize(runs int) int { return (startWords(runs) + runs + 1) &^ 1 }

// spread gives each value a run of its own. The last ones come first, so that none is
// overwritten before it was read; the slice is load's, which has the room.
func spread(runs []routeRun) []routeRun {
	i := len(runs) - 1
	runs = runs[:allRuns]
	for value := allRuns - 1; value >= 0; value-- {
		began := runs[i].from == value
		runs[value] = routeRun{value, runs[i].cell}
		if began {
			i--
		}
	}
	return runs
}

// write fills in a node.
func (t *routeTrie) write(node int, runs []routeRun) {
	words := startWords(len(runs))
	for i := range words {
		t.cells[node+i] = ^routeCell(0)
	}
	for i, r := range runs {
		t.cells[node+words+i] = r.cell
		if words > 0 && i > 0 {
			starts, shift := &t.cells[node+(i-1)/8], (i-1)%8*8
			*starts = *starts&^(0xff<<shift) | routeCell(r.from)<<shift
		}
	}
}

// compact copies the nodes once a quarter of the cells is waste.
func (t *routeTrie) compact() {
	if t.waste < 1024 || t.waste < len(t.cells)/4 {
		return
	}
	old := t.cells
	t.cells, t.waste = make([]routeCell, firstNode, len(old)-t.waste), 0
	for _, root := range [...]int{root4, root6} {
		copied := t.take(old, old[root])
		t.cells[root] = copied
	}
}

// take copies the node below a cell of old, and those below it, and returns the cell
// for the copy.
func (t *routeTrie) take(old []routeCell, c routeCell) routeCell {
	if c.leaf() || c.node() == 0 {
		return c
	}
	size := nodeSize(c.runs())
	node := len(t.cells)
	t.cells = append(t.cells, old[c.node():][:size]...)
	first := node + startWords(c.runs())
	for at := first; at < first+c.runs(); at++ {
		copied := t.take(old, t.cells[at])
		t.cells[at] = copied
	}
	return makeCell(c.id(), node, c.runs())
}
