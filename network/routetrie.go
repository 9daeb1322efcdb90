package network

import (
	"math/bits"
	"net/netip"
	"slices"
)

// routeTrie finds the longest of many prefixes that contain an address. A route is
// a number here, a routeID.
//
// It is a trie of 8 bits a level, whose nodes are lists of runs: ranges of the next
// byte of the address for which the same is true. The node for 10.1/16 with routes to
// 10.1.2/24 (number 7), 10.1.4/23 (8) and 10.1.5/25 (9) has
//
//	from  0     2     3     4     5                6
//	      none  7     none  8     8, node below    none
//
// and the node below for 10.1.5/24 has 9 from 0 and none from 128: what a node says
// comes before what those above it say, so that a change concerns one node alone. Only
// a run of a single value may have a node below.
//
// With random destinations it is misses of the processor's cache and wrong guesses of
// branches that cost time. Most nodes therefore are a few words side by side: where up
// to eight runs begin, compared all at once, and a word for each run. A node of many
// runs has a word for each value instead. All nodes are in one slice without a pointer,
// which the garbage collector need not look at. A node that outgrows its place moves to
// the end and leaves waste behind; once half is waste, the rest is copied (compact).
type routeTrie struct {
	cells   []routeCell
	waste   int        // how many cells are in no node
	lengths []uint8    // of the routes' prefixes, by routeID
	scratch []routeRun // of load
}

// routeID is the number of a route. Zero is none.
type routeID uint32

// routeCell says what holds for the addresses of a run: which route (24 bits, zero if
// none) and which node below knows more (32 bits, zero if none). The 8 bits left are
// the number of that node's runs less one.
//
// A node is an index of cells. Its first words have the values with which its runs
// begin, but for the first, a byte each, from the low ones up; bytes beyond are 255.
// Then follow the runs. A node of 256 runs has the runs alone.
type routeCell uint64

// routeRun is a run of a node that is being changed.
type routeRun struct {
	from int
	cell routeCell
}

const (
	// maxRoutes caps a routing table. At worst a route has fifteen nodes of its own, of
	// four words each, and as much waste.
	maxRoutes = 1 << 20

	// allRuns is how many runs a node has in which every value is its own, which is so
	// beyond mostRuns.
	allRuns  = 256
	mostRuns = 64
)

// The cells above the first nodes, one of each family. They have the default route.
const (
	root4 = 1 + iota
	root6
	firstNode
)

func makeCell(id routeID, node, runs int) routeCell {
	return routeCell(runs-1)<<56 | routeCell(id)<<32 | routeCell(node)
}

func (c routeCell) id() routeID { return routeID(c >> 32 & 0xffffff) }
func (c routeCell) node() int   { return int(c & 0xffffffff) }
func (c routeCell) runs() int   { return int(c>>56) + 1 }

func (c routeCell) withID(id routeID) routeCell { return c&^(0xffffff<<32) | routeCell(id)<<32 }

// routeKey returns an address, or that of a prefix, with its first bit in front, and
// where to begin.
func routeKey(a netip.Addr) (root int, hi, lo uint64) {
	if a.Is4() {
		b := a.As4()
		return root4, uint64(be.Uint32(b[:])) << 32, 0
	}
	b := a.As16()
	return root6, be.Uint64(b[:8]), be.Uint64(b[8:])
}

func (t *routeTrie) init() {
	t.cells = make([]routeCell, firstNode, 64)
	t.scratch = make([]routeRun, 0, allRuns+2)
}

// lookup returns the route with the longest prefix that contains an address.
func (t *routeTrie) lookup(root int, hi, lo uint64) routeID {
	c := t.cells[root]
	best := c.id()
	for c.node() != 0 {
		c = t.cells[t.find(c, int(hi>>56))]
		if id := c.id(); id != 0 {
			best = id
		}
		hi, lo = hi<<8|lo>>56, lo<<8
	}
	return best
}

// find returns where the run with a value is in the node below a cell.
func (t *routeTrie) find(above routeCell, value int) int {
	node, runs := above.node(), above.runs()
	if runs == allRuns {
		return node + value
	}
	words := startWords(runs)
	begun := 0
	for _, starts := range t.cells[node : node+words] {
		begun += bits.OnesCount64(notAbove(uint64(starts), uint64(value)))
	}
	return node + words + min(begun, runs-1) // of the bytes beyond the runs 255 is not above 255
}

// startWords returns how many words a node has for where its runs begin.
func startWords(runs int) int {
	if runs == allRuns {
		return 0
	}
	return (runs + 6) / 8
}

// notAbove returns a bit for each byte of b that is not above value: the highest bits
// are compared on their own, and the rest by a subtraction that they keep from borrowing.
func notAbove(b, value uint64) uint64 {
	const highest = 0x8080808080808080
	v := value * 0x0101010101010101
	rest := (v | highest) - b&^highest
	return (v&^b | ^(v^b)&rest) & highest
}

// insert adds a route to a prefix of some length, of which there is none so far.
func (t *routeTrie) insert(prefix netip.Prefix, id routeID) {
	length := prefix.Bits()
	for int(id) >= len(t.lengths) {
		t.lengths = append(t.lengths, 0)
	}
	t.lengths[id] = uint8(length)
	above, hi, lo := routeKey(prefix.Addr())
	if length == 0 {
		t.cells[above] = t.cells[above].withID(id)
		return
	}
	for ; length > 8; length -= 8 {
		value := int(hi >> 56)
		t.store(above, cut(t.load(above), value, value))
		above = t.find(t.cells[above], value)
		hi, lo = hi<<8|lo>>56, lo<<8
	}
	from := int(hi >> 56)
	to := from | 0xff>>length
	runs := cut(t.load(above), from, to)
	for i, r := range runs {
		old := r.cell.id()
		if from <= r.from && r.from <= to && (old == 0 || t.lengths[old] < t.lengths[id]) {
			runs[i].cell = r.cell.withID(id)
		}
	}
	t.store(above, runs)
	t.compact()
}

// remove takes away the route to a prefix. Its addresses go to the route cover, the
// longest of the shorter prefixes that contain it.
func (t *routeTrie) remove(prefix netip.Prefix, id, cover routeID) {
	above, hi, lo := routeKey(prefix.Addr())
	if prefix.Bits() == 0 {
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
	from := int(hi >> 56)
	if length > 8 {
		t.removeBelow(t.find(t.cells[above], from), hi<<8|lo>>56, lo<<8, length-8, id, cover)
		t.store(above, joined(t.load(above)))
		return
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
	if c.node() == 0 {
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
