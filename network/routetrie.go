package network

import (
	"math/bits"
	"net/netip"
)

// routeTrie finds the longest of many prefixes that contain an address, and says which
// way to go: a number, a wayID.
//
// It is a trie of 8 bits a level, whose nodes are lists of runs: ranges of the next
// byte of the address for which the same is true. The node for 10.1/16 with prefixes
// that go the ways 7, 8 and 9, 10.1.2/24, 10.1.4/23 and 10.1.5/25, has
//
//	up to  1     2     3     4     5                255
//	       none  7     none  8     8, node below    none
//
// and the node below for 10.1.5/24 has 9 up to 127 and none up to 255: what a node says
// comes before what those above it say, so that a change concerns one node alone. Only
// a run of a single value may have a node below.
//
// A prefix that is alone below a value, with none for the value itself in that node and
// at most 32 more bits, needs no node: it stands in the cell itself, a leaf.
//
// With random destinations it is misses of the processor's cache and wrong guesses of
// branches that cost time. Most nodes therefore are a few words side by side: where up
// to eight runs end, compared all at once, and a quarter of a word for each run. All
// nodes are in one slice without a pointer, which the garbage collector need not look
// at. A node that outgrows its place moves to the end and leaves waste behind; once a
// quarter is waste, the rest is copied (compact). And for a family with many prefixes there
// is a table of what is below the first 16 bits, where a lookup begins (routeTop), in
// IPv6 before that one of what is below the first 32 (longTable).
type routeTrie struct {
	cells   []routeCell
	waste   int // how many cells are in no node
	top     [2]*routeTop
	short   shortLists // of IPv4's routeTop
	long    longTable  // of IPv6
	scratch []routeRun // of load
}

// wayID is the number of a way. Zero is none.
type wayID uint32

// routeCell says what holds for the addresses of a run.
//
//	 6       22     4       32 bits
//	+-------+------+-------+-------------------------+
//	| 0     | way  | bits  | node                    |
//	+-------+------+-------+-------------------------+
//	| len   | way  | 0     | the next bits of a leaf |
//	+-------+------+-------+-------------------------+
//
// In the first form this is the way of all of them, zero if there is none, by a prefix
// that has so many bits of this node's eight; and node is where more is known about
// some, zero if nothing is. In the second, a leaf, it is that of those whose next len
// bits, from 1 to 32, are these.
type routeCell uint64

// nodeRef says where a node is, and of what kind.
//
//	 29      1        2 bits
//	+-------+--------+------+
//	| index | narrow | kind |
//	+-------+--------+------+
//
// It begins with the last values of its runs, but for the last run, as its kind says.
// Then follow the runs, a cell each; or, if no run has more than a way of 12 bits, four
// to a cell, and that is narrow.
type nodeRef uint32

// The kinds of nodes, by how many runs they have.
const (
	// Up to nine: a word with the last values, a byte each, from the low ones up; bytes
	// beyond are 255.
	fewRuns nodeRef = iota + 1
	// Up to mostRuns: a word whose low four bytes say how many runs end before each
	// quarter of the values, and four words with a bit for each last value.
	someRuns
	// 256, one for each value: nothing.
	allRuns
)

// startWords is how many words of a node come before its runs, by its kind.
var startWords = [...]int{fewRuns: 1, someRuns: 5, allRuns: 0}

const (
	mostFew  = 9
	mostRuns = 128

	// maxRoutes caps a routing table. At worst a route has twelve nodes of its own, of
	// four cells each, and a third of that as waste: a nodeRef can say eight times that.
	maxRoutes = 1 << 20
)

// The cells above the first nodes, one of each family. They have the default route.
const (
	root4 = iota
	root6
	firstNode
)

func makeLeaf(way wayID, next uint32, length int) routeCell {
	return routeCell(length)<<58 | routeCell(way)<<36 | routeCell(next)
}

func (c routeCell) way() wayID { return wayID(c >> 36 & 0x3fffff) }

// bits is how many of the node's bits the prefix of the way has.
func (c routeCell) bits() int { return int(c >> 32 & 15) }

func (c routeCell) withWay(way wayID, bits int) routeCell {
	return c&^(0x3ffffff<<32) | routeCell(way)<<36 | routeCell(bits)<<32
}

// length and next are those of a leaf; of others the length is zero.
func (c routeCell) length() int  { return int(c >> 58) }
func (c routeCell) next() uint32 { return uint32(c) }
func (c routeCell) leaf() bool   { return c>>58 != 0 }

// node is that of a cell that is no leaf.
func (c routeCell) node() nodeRef { return nodeRef(c) }

func (c routeCell) withNode(node nodeRef) routeCell { return c>>32<<32 | routeCell(node) }

// narrowRuns is how many runs of a narrow node are in a cell.
const narrowRuns = 4

// narrowRun returns one of those in a cell.
func (c routeCell) narrowRun(run int) routeCell {
	return c >> (16 * uint(run%narrowRuns)) & 0xffff << 32
}

// canBeNarrow reports whether a cell is a run of a narrow node.
func (c routeCell) canBeNarrow() bool { return c&^(0xffff<<32) == 0 }

func makeRef(index int, kind nodeRef, narrow bool) nodeRef {
	n := nodeRef(index)<<3 | kind
	if narrow {
		n |= 4
	}
	return n
}

func (n nodeRef) index() int    { return int(n >> 3) }
func (n nodeRef) kind() nodeRef { return n & 3 }
func (n nodeRef) narrow() bool  { return n&4 != 0 }

// routeKey returns an address, or that of a prefix, with its first bit in front, and
// where to begin. AsSlice, inlined, has the bytes where they are read; those of As16 would be
// copied in one piece, which waits until they have been stored in two.
func routeKey(a netip.Addr) (root int, hi, lo uint64) {
	if a.Is4() {
		b := a.As4()
		return root4, uint64(be.Uint32(b[:])) << 32, 0
	}
	b := a.AsSlice()
	if len(b) < 16 {
		return root6, 0, 0 // not valid: it is as ::
	}
	return root6, be.Uint64(b), be.Uint64(b[8:])
}

func (t *routeTrie) init() {
	t.cells = make([]routeCell, firstNode, 64)
	t.scratch = make([]routeRun, 0, 256+2)
}

// lookup returns the way by the longest prefix that contains an address. The nearer to the
// end of the address a search can begin, the fewer nodes are on its way.
func (t *routeTrie) lookup(root int, hi, lo uint64) wayID {
	if top := t.top[root]; top != nil {
		if root == root6 {
			s := t.long.find(uint32(hi >> 32))
			way, said := s.way(uint32(hi))
			if !said {
				way = t.descend(t.long.cell(s), hi<<32|lo>>32, lo<<32)
			}
			if way != 0 {
				return way
			}
		}
		way := wayID(0)
		switch e := top[hi>>48]; {
		case e.few():
			way = e.find(uint64(hi >> 40))
		case e.list():
			way = t.short.find(e, uint64(hi>>40))
		default:
			way = t.descend(routeCell(e), hi<<16|lo>>48, lo<<16)
		}
		if way != 0 {
			return way
		}
	}
	return t.descend(t.cells[root], hi, lo)
}

// descend returns the way by the longest prefix that is in a cell or below it. What it does
// in a node is find, written out here to save the calls.
func (t *routeTrie) descend(c routeCell, hi, lo uint64) wayID {
	cells, best := t.cells, wayID(0)
	for {
		// Of a cell that is no leaf no bits differ: all 32 are shifted out.
		differ := uint64(uint32(hi>>32)^c.next()) >> (32 - uint(c.length()))
		if way := c.way(); way != 0 && differ == 0 {
			best = way
		}
		node := c.node()
		if c.leaf() || node == 0 {
			return best
		}
		at, value := node.index(), uint(hi>>56)
		run := value
		switch node.kind() {
		case fewRuns:
			run = uint(bits.OnesCount64(below(uint64(cells[at]), uint64(value))))
			at += startWords[fewRuns]
		case someRuns:
			ends := uint64(cells[at+1+int(value>>6)])
			run = uint(cells[at]>>(8*(value>>6))&0xff) + uint(bits.OnesCount64(ends&(1<<(value&63)-1)))
			at += startWords[someRuns]
		}
		if node.narrow() {
			// Nothing is below.
			if way := cells[at+int(run/narrowRuns)].narrowRun(int(run)).way(); way != 0 {
				best = way
			}
			return best
		}
		c = cells[at+int(run)]
		hi, lo = hi<<8|lo>>56, lo<<8
	}
}

// find returns the cell for a value in a node.
func (t *routeTrie) find(node nodeRef, value int) routeCell {
	at, run := t.place(node, value)
	return t.run(node, at, run)
}

// run returns the cell of one of the runs of a node.
func (t *routeTrie) run(node nodeRef, at, run int) routeCell {
	if node.narrow() {
		return t.cells[at+run/narrowRuns].narrowRun(run)
	}
	return t.cells[at+run]
}

// place returns where the runs of a node are, and which of them has a value.
func (t *routeTrie) place(node nodeRef, value int) (at, run int) {
	at = node.index()
	switch node.kind() {
	case fewRuns:
		return at + 1, bits.OnesCount64(below(uint64(t.cells[at]), uint64(value)))
	case someRuns:
		quarter := value >> 6
		ends := uint64(t.cells[at+1+quarter])
		before := int(t.cells[at] >> (8 * uint(quarter)) & 0xff)
		return at + 5, before + bits.OnesCount64(ends&(1<<uint(value&63)-1))
	}
	return at, value
}

// below returns a bit for each byte of b that is below value: the highest bits are
// compared on their own, and the rest by a subtraction that they keep from borrowing.
func below(b, value uint64) uint64 {
	const highest = 0x8080808080808080
	v := value * 0x0101010101010101
	notLess := (b | highest) - v&^highest // of the lower seven bits
	return (v&^b | ^(v^b)&^notLess) & highest
}
