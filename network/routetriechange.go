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

// insert makes a way that of a prefix, whether that had another or none.
func (t *routeTrie) insert(prefix netip.Prefix, way wayID) {
	at, hi, lo := routeKey(prefix.Addr())
	root, first, rest := at, hi, prefix.Bits()
	for depth := 0; ; depth++ {
		if t.fits(at, hi, rest) && (t.top[root] == nil || depth > topLevels[root]) {
			t.cells[at] = makeLeaf(way, uint32(hi>>32), rest)
			break
		}
		t.expand(at)
		if rest == 0 {
			t.cells[at] = t.cells[at].withWay(way, 0)
			break
		}
		if rest <= 8 {
			t.paint(at, int(hi>>56), rest, way)
			break
		}
		at = t.isolate(at, int(hi>>56))
		hi, lo = hi<<8|lo>>56, lo<<8
		rest -= 8
	}
	t.point(root, first, prefix.Bits())
	t.compact()
}

// fits reports whether a prefix can be a leaf in a cell: its own one, or an empty one.
func (t *routeTrie) fits(at int, hi uint64, length int) bool {
	c := t.cells[at]
	return 0 < length && length <= 32 && (c == 0 || c.length() == length && c.next() == uint32(hi>>32))
}

// isolate gives a value a run of its own in the node below a cell, and returns where it
// is.
func (t *routeTrie) isolate(above, value int) int {
	node := t.cells[above].node()
	runs := t.load(above)
	had := len(runs)
	if runs = cut(runs, value, value); node == 0 || node.narrow() || len(runs) > had {
		t.store(above, runs, false)
	}
	at, run := t.place(t.cells[above].node(), value)
	return at + run
}

// paint gives a way to the values of a node that begin with some bits, unless they have
// that by a longer prefix.
func (t *routeTrie) paint(above, from, length int, way wayID) {
	to := from | 0xff>>length
	t.expandAll(above, from, to)
	runs := cut(t.load(above), from, to)
	for i, r := range runs {
		if from <= r.from && r.from <= to && r.cell.bits() <= length {
			runs[i].cell = r.cell.withWay(way, length)
		}
	}
	t.store(above, joined(runs), true)
}

// expandAll makes cells with nodes of the leaves for some values in the node below one.
func (t *routeTrie) expandAll(above, from, to int) {
	node := t.cells[above].node()
	if node == 0 || node.narrow() {
		return
	}
	_, last := t.place(node, to)
	for at, run := t.place(node, from); run <= last; run++ {
		t.expand(at + run)
	}
}

// expand makes a cell that is a leaf one with a node.
func (t *routeTrie) expand(above int) {
	c := t.cells[above]
	if !c.leaf() {
		return
	}
	from, to := int(c.next()>>24), int(c.next()>>24)
	cell := routeCell(0).withWay(c.way(), c.length())
	if c.length() > 8 {
		cell = makeLeaf(c.way(), c.next()<<8, c.length()-8)
	} else {
		to |= 0xff >> c.length()
	}
	t.cells[above] = 0
	runs := cut(t.load(above), from, to)
	runs[slices.IndexFunc(runs, func(r routeRun) bool { return r.from == from })].cell = cell
	t.store(above, runs, true)
}

// remove takes away the way of a prefix. Its addresses go that of the longest of the
// shorter prefixes that contain it, of which the caller tells if it is in the same node:
// those above speak for themselves. The way is zero if there is none.
func (t *routeTrie) remove(prefix netip.Prefix, length int, way wayID) {
	root, hi, lo := routeKey(prefix.Addr())
	if prefix.Bits() == 0 {
		t.cells[root] = t.cells[root].withWay(0, 0)
		return
	}
	if way != 0 {
		length = (length-1)&7 + 1
	}
	t.removeBelow(root, hi, lo, prefix.Bits(), routeCell(0).withWay(way, length))
	t.point(root, hi, prefix.Bits())
	t.compact()
}

// removeBelow removes a prefix from a cell or from the nodes below it. Nodes in which
// nothing is left go.
func (t *routeTrie) removeBelow(above int, hi, lo uint64, rest int, cover routeCell) {
	if t.cells[above].leaf() {
		t.cells[above] = 0
		return
	}
	value := int(hi >> 56)
	if rest > 8 {
		at, run := t.place(t.cells[above].node(), value)
		t.removeBelow(at+run, hi<<8|lo>>56, lo<<8, rest-8, cover)
		if t.cells[at+run].node() != 0 {
			return // its run remains one of its own
		}
		t.store(above, joined(t.load(above)), true)
		return
	}
	to := value | 0xff>>rest
	runs := cut(t.load(above), value, to)
	for i, r := range runs {
		if value <= r.from && r.from <= to && r.cell.bits() == rest {
			runs[i].cell = r.cell.withWay(cover.way(), cover.bits())
		}
	}
	t.store(above, joined(runs), true)
}

// load returns the runs of the node below a cell, until the next load.
func (t *routeTrie) load(above int) []routeRun {
	node := t.cells[above].node()
	t.scratch = t.scratch[:0]
	if node == 0 {
		t.scratch = append(t.scratch, routeRun{})
		return t.scratch
	}
	at, last := t.place(node, 0xff)
	for run, from := 0, 0; run <= last; run++ {
		t.scratch = append(t.scratch, routeRun{from, t.run(node, at, run)})
		if run < last {
			from = t.end(node, run, from) + 1
		}
	}
	return t.scratch
}

// end returns the last value of a run of a node that begins with from, if it is not the
// last run.
func (t *routeTrie) end(node nodeRef, run, from int) int {
	switch node.kind() {
	case fewRuns:
		return int(t.cells[node.index()] >> (8 * run) & 0xff)
	case someRuns:
		for t.cells[node.index()+1+from>>6]>>(from&63)&1 == 0 {
			from++
		}
	}
	return from
}

// cut makes runs begin at the value from and behind the value to.
func cut(runs []routeRun, from, to int) []routeRun {
	for _, value := range [...]int{from, to + 1} {
		i := len(runs)
		for runs[i-1].from > value {
			i--
		}
		if value <= 0xff && runs[i-1].from < value {
			runs = slices.Insert(runs, i, routeRun{value, runs[i-1].cell})
		}
	}
	return runs
}

// joined makes one of neighbouring runs of which the same is true, but for what is below
// a single value.
func joined(runs []routeRun) []routeRun {
	return slices.CompactFunc(runs, func(a, b routeRun) bool {
		return a.cell == b.cell && !a.cell.leaf() && a.cell.node() == 0
	})
}

// store makes runs the node below a cell, a narrow one if that is wanted and can be.
func (t *routeTrie) store(above int, runs []routeRun, narrow bool) {
	had := t.cells[above].node()
	free := t.size(had)
	if len(runs) == 1 && runs[0].cell == 0 {
		t.waste += free
		t.cells[above] = t.cells[above].withNode(0)
		return
	}
	for _, r := range runs {
		narrow = narrow && r.cell.canBeNarrow()
	}
	kind := fewRuns
	switch {
	case len(runs) > mostRuns, had.kind() == allRuns && len(runs) > mostRuns/2:
		runs, kind = spread(runs), allRuns
	case len(runs) > mostFew:
		kind = someRuns
	}
	index := had.index()
	if size := nodeSize(kind, len(runs), narrow); size != free {
		t.waste += free
		index = len(t.cells)
		t.cells = append(t.cells, make([]routeCell, size)...)
	}
	node := makeRef(index, kind, narrow)
	t.cells[above] = t.cells[above].withNode(node)
	t.write(node, runs)
}

// size returns the room of a node in cells.
func (t *routeTrie) size(node nodeRef) int {
	if node == 0 {
		return 0
	}
	_, last := t.place(node, 0xff)
	return nodeSize(node.kind(), last+1, node.narrow())
}

// nodeSize is an even number, so that fewer of the smallest nodes lie across two lines of
// the cache.
func nodeSize(kind nodeRef, runs int, narrow bool) int {
	if narrow {
		runs = (runs + narrowRuns - 1) / narrowRuns
	}
	return (startWords[kind] + runs + 1) &^ 1
}

// spread gives each value a run of its own. The last ones come first, so that none is
// overwritten before it was read; the slice is load's, which has the room.
func spread(runs []routeRun) []routeRun {
	i := len(runs) - 1
	runs = runs[:256]
	for value := 0xff; value >= 0; value-- {
		began := runs[i].from == value
		runs[value] = routeRun{value, runs[i].cell}
		if began {
			i--
		}
	}
	return runs
}

// write fills in a node.
func (t *routeTrie) write(node nodeRef, runs []routeRun) {
	words := startWords[node.kind()]
	ends, cells := t.cells[node.index():][:words], t.cells[node.index()+words:]
	clear(ends)
	if node.kind() == fewRuns {
		ends[0] = ^routeCell(0)
	}
	for run, r := range runs {
		if run > 0 {
			writeEnd(ends, run-1, r.from-1)
		}
		switch at := &cells[run/narrowRuns]; {
		case !node.narrow():
			cells[run] = r.cell
		case run%narrowRuns == 0:
			*at = r.cell >> 32
		default:
			*at |= r.cell >> 32 << (16 * (run % narrowRuns))
		}
	}
}

// writeEnd notes in the first words of a node the last value of a run.
func writeEnd(words []routeCell, run, value int) {
	switch len(words) {
	case startWords[fewRuns]:
		words[0] = words[0]&^(0xff<<(8*run)) | routeCell(value)<<(8*run)
	case startWords[someRuns]:
		words[1+value>>6] |= 1 << (value & 63)
		for quarter := value>>6 + 1; quarter < 4; quarter++ {
			words[0] += 1 << (8 * quarter)
		}
	}
}
