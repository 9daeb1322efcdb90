package network

import (
	"net/netip"
)

// routeTrie finds the longest of many prefixes that contain an address. A route is
// a number here, a routeID.
//
// It is a trie of 16 bits a level, whose nodes are lists of runs: ranges of the next
// 16 bits of the address for which the same is true. A node for 10.1/16 with routes
// to 10.1.2/24 (number 7) and 10.1.2.128/25 (number 8) is
//
//	from 0000   0200   0280   0300
//	     none     7      8    none
//
// A run of a single value may lead to a node for the next 16 bits. What a node says
// comes before what those above it say, so that a change concerns one node alone.
//
// Most nodes are a few runs, which lie in one line of the processor's cache; that is
// what counts when the destinations are random. A node of many runs is cut into all
// its 65,536 values, to be indexed instead of searched. All nodes are in one slice
// without a pointer, from which the collector keeps away. A node that outgrows its
// place moves to the end and leaves waste behind; when there is too much of that,
// what is in use is copied (compact).
type routeTrie struct {
	cells  []routeCell
	waste  int     // about how many cells are in no node
	length []uint8 // of each route's prefix, by routeID
}

// routeID is the number of a route. Zero is none.
type routeID uint32

// routeCell is one run: the value with which it begins (16 bits), the route for its
// values (21 bits) and the node below it (27 bits), either of them zero if there is
// none. The first run of a node begins with zero; in its place stands the number of
// the node's runs less one.
type routeCell uint64

const (
	cellIDBits   = 21
	cellNodeBits = 27
	cellFrom     = cellIDBits + cellNodeBits

	// maxRoutes caps a routing table. At worst a route needs 32 cells (in a node cut into
	// its values), so there are numbers enough for all nodes and as much waste.
	maxRoutes = 1 << 20

	// allValues is how many runs a node has that was cut into its values, which is done
	// beyond mostRuns.
	allValues = 1 << 16
	mostRuns  = 1 << 12
)

func makeCell(from int, id routeID, node int) routeCell {
	return routeCell(from)<<cellFrom | routeCell(id)<<cellNodeBits | routeCell(node)
}

func (c routeCell) from() int   { return int(c >> cellFrom) }
func (c routeCell) id() routeID { return routeID(c >> cellNodeBits & (1<<cellIDBits - 1)) }
func (c routeCell) node() int   { return int(c & (1<<cellNodeBits - 1)) }

// says returns the cell without where it begins.
func (c routeCell) says() routeCell { return c & (1<<cellFrom - 1) }

// The cells above the first nodes, one of each family. They have the default route.
const (
	root4 = 1 + iota
	root6
	firstNode
)

func (t *routeTrie) init() {
	t.cells = make([]routeCell, firstNode, 64)
}

// routeKey is an address, or that of a prefix, with its first bit in front.
type routeKey struct {
	root   int
	hi, lo uint64
}

func keyOf(a netip.Addr) routeKey {
	if a.Is4() {
		b := a.As4()
		return routeKey{root: root4, hi: uint64(be.Uint32(b[:])) << 32}
	}
	b := a.As16()
	return routeKey{root6, be.Uint64(b[:8]), be.Uint64(b[8:])}
}

// chunk returns the 16 bits in front; next takes them away.
func (k *routeKey) chunk() int { return int(k.hi >> 48) }
func (k *routeKey) next()      { k.hi, k.lo = k.hi<<16|k.lo>>48, k.lo<<16 }

// lookup returns the route with the longest prefix that contains an address.
func (t *routeTrie) lookup(k routeKey) routeID {
	c := t.cells[k.root]
	best := c.id()
	for node := c.node(); node != 0; node = c.node() {
		c = t.cells[t.find(node, k.chunk())]
		if id := c.id(); id != 0 {
			best = id
		}
		k.next()
	}
	return best
}

// runs returns how many runs a node has.
func (t *routeTrie) runs(node int) int { return t.cells[node].from() + 1 }

// find returns the cell of the run that has a value. Where the search by halves goes
// cannot be predicted, so it does without a branch: a negative difference is shifted to
// all ones, and the step is not taken.
func (t *routeTrie) find(node, value int) int {
	n := t.runs(node)
	if n == allValues {
		return node + value
	}
	for n > 1 {
		half := n >> 1
		node += half &^ ((value - t.cells[node+half].from()) >> 63)
		n -= half
	}
	return node
}

// insert adds a route to a prefix of some length, of which there is none so far.
func (t *routeTrie) insert(k routeKey, length int, id routeID) {
	for int(id) >= len(t.length) {
		t.length = append(t.length, 0)
	}
	t.length[id] = uint8(length)
	above := k.root
	if length == 0 {
		t.set(above, id)
		return
	}
	rest := length
	for ; rest > 16; rest -= 16 {
		above, _ = t.cut(above, k.chunk(), k.chunk())
		k.next()
	}
	first, last := t.cut(above, k.chunk(), k.chunk()|0xffff>>rest)
	for at := first; at <= last; at++ {
		if old := t.cells[at].id(); old == 0 || t.length[old] < uint8(length) {
			t.set(at, id)
		}
	}
	t.join(t.cells[above].node(), first, last)
	t.compact()
}

// remove takes away the route to a prefix. Its addresses go to the route cover, the
// longest of the shorter prefixes that contain it.
func (t *routeTrie) remove(k routeKey, length int, id, cover routeID) {
	if length == 0 {
		t.set(k.root, cover)
		return
	}
	// The nodes above speak for themselves.
	if cover != 0 && (int(t.length[cover])-1)>>4 != (length-1)>>4 {
		cover = 0
	}
	t.removeBelow(k.root, k, length, id, cover)
	t.compact()
}

// removeBelow removes a route from the node of the cell above, or from one further
// down, and the node with it if nothing remains.
func (t *routeTrie) removeBelow(above int, k routeKey, rest int, id, cover routeID) {
	node := t.cells[above].node()
	first := t.find(node, k.chunk())
	last := first
	if rest > 16 {
		below := k
		below.next()
		t.removeBelow(first, below, rest-16, id, cover)
	} else {
		last = t.find(node, k.chunk()|0xffff>>rest)
		for at := first; at <= last; at++ {
			if t.cells[at].id() == id {
				t.set(at, cover)
			}
		}
	}
	t.join(node, first, last)
	if t.runs(node) == allValues {
		t.waste += allValues / (mostRuns / 2) // the share of one route
	} else if t.runs(node) == 1 && t.cells[node].says() == 0 {
		t.waste += room(1)
		t.cells[above] -= routeCell(node)
	}
}

func (t *routeTrie) set(at int, id routeID) {
	c := t.cells[at]
	t.cells[at] = makeCell(c.from(), id, c.node())
}

// cut makes runs begin at the value from and end at the value to, in the node below a
// cell. It returns the first and the last run between.
func (t *routeTrie) cut(above, from, to int) (first, last int) {
	if t.cells[above].node() == 0 {
		node := t.place(1)
		t.cells[above] |= routeCell(node)
	}
	t.split(above, from)
	if to < allValues-1 {
		t.split(above, to+1)
	}
	node := t.cells[above].node()
	return t.find(node, from), t.find(node, to)
}

// split makes a run begin at a value.
func (t *routeTrie) split(above, value int) {
	node := t.cells[above].node()
	n := t.runs(node)
	at := t.find(node, value)
	if n == allValues || value == 0 || at > node && t.cells[at].from() == value {
		return
	}
	if n == mostRuns {
		t.move(above, allValues)
		return
	}
	if n == room(n) {
		at -= node
		node = t.move(above, n+1)
		at += node
	}
	copy(t.cells[at+2:node+n+1], t.cells[at+1:node+n])
	t.cells[at+1] = makeCell(value, t.cells[at].id(), 0)
	t.setRuns(node, n+1)
}

func (t *routeTrie) setRuns(node, n int) {
	t.cells[node] = t.cells[node].says() | makeCell(n-1, 0, 0)
}

// join makes one of neighbouring runs that say the same, from the one before first to
// the one behind last.
func (t *routeTrie) join(node, first, last int) {
	n := t.runs(node)
	if n == allValues {
		return
	}
	left := t.merge(node, n, max(first-1, node), min(last+1, node+n-1))
	t.waste += room(n) - room(left)
}

// merge does join's work on the runs from first to last of a node with n runs. It
// returns how many the node has then.
func (t *routeTrie) merge(node, n, first, last int) int {
	kept := first
	for at := first + 1; at <= last; at++ {
		if t.cells[at].says() != t.cells[kept].says() {
			kept++
			t.cells[kept] = t.cells[at]
		}
	}
	copy(t.cells[kept+1:], t.cells[last+1:node+n])
	n -= last - kept
	t.setRuns(node, n)
	return n
}

// room returns how many cells are set aside for a node of n runs. A prefix between
// others mostly adds two.
func room(n int) int {
	if n == allValues {
		return n
	}
	spare := 2
	for n >= 16*spare {
		spare *= 2
	}
	return max(3, n|(spare-1))
}

// place makes room for a node of n runs, which says nothing yet.
func (t *routeTrie) place(n int) int {
	node := len(t.cells)
	t.cells = append(t.cells, make([]routeCell, room(n))...)
	return node
}

// move gives the node below a cell another place, with room for n runs or for all
// values.
func (t *routeTrie) move(above, n int) int {
	old := t.cells[above].node()
	node := t.place(n)
	had := t.runs(old)
	t.cells[above] += routeCell(node - old)
	t.waste += room(had)
	runs := t.cells[old : old+had]
	if n < allValues {
		copy(t.cells[node:], runs)
		return node
	}
	for i, c := range runs {
		from, end := c.from(), allValues
		if i == 0 {
			from = 0
		}
		if i+1 < had {
			end = runs[i+1].from()
		}
		for value := from; value < end; value++ {
			t.cells[node+value] = makeCell(value, c.id(), c.node())
		}
	}
	t.setRuns(node, allValues)
	return node
}

// compact copies what is in use once half of the cells are waste.
func (t *routeTrie) compact() {
	if t.waste < 1024 || t.waste < len(t.cells)/2 {
		return
	}
	old := routeTrie{cells: t.cells}
	t.cells, t.waste = make([]routeCell, firstNode, len(old.cells)/2), 0
	for _, root := range [...]int{root4, root6} {
		t.take(&old.cells[root], &old)
		t.cells[root] = old.cells[root]
	}
}

// take copies the node below a cell of the trie old, and what is below it, and has the
// cell lead to the copy. Values that need not be apart become runs again.
func (t *routeTrie) take(above *routeCell, old *routeTrie) {
	node := above.node()
	if node == 0 {
		return
	}
	runs := old.cells[node : node+old.runs(node)]
	for i := range runs {
		t.take(&runs[i], old)
	}
	if n := len(runs); n < allValues || different(runs) <= mostRuns/2 {
		runs = runs[:old.merge(node, n, node, node+n-1)]
	}
	*above -= routeCell(node)
	if len(runs) > 1 || runs[0].says() != 0 {
		copied := t.place(len(runs))
		copy(t.cells[copied:], runs)
		*above |= routeCell(copied)
	}
}

// different returns how many runs are left if those that say the same are joined.
func different(runs []routeCell) int {
	n := 1
	for i := 1; i < len(runs); i++ {
		if runs[i].says() != runs[i-1].says() {
			n++
		}
	}
	return n
}
