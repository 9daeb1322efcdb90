package network

import (
	"math/bits"
	"net/netip"
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
// A prefix that is alone below a value, with none for the value itself in that node and
// at most 32 more bits, needs no node: it stands in the cell itself, a leaf.
//
// With random destinations it is misses of the processor's cache and wrong guesses of
// branches that cost time. Most nodes therefore are a few words side by side: where up
// to eight runs begin, compared all at once, and a word for each run. A node of many
// runs has a word for each value instead. All nodes are in one slice without a pointer,
// which the garbage collector need not look at. A node that outgrows its place moves to
// the end and leaves waste behind; once a quarter is waste, the rest is copied (compact).
type routeTrie struct {
	cells   []routeCell
	waste   int        // how many cells are in no node
	lengths []uint8    // of the routes' prefixes, by routeID
	scratch []routeRun // of load
}

// routeID is the number of a route. Zero is none.
type routeID uint32

// routeCell says what holds for the addresses of a run.
//
//	 8          24         32 bits
//	+----------+----------+--------------------------+
//	| runs - 1 | routeID  | node                     |
//	+----------+----------+--------------------------+
//	| 80 + len | routeID  | the next bits of a leaf  |
//	+----------+----------+--------------------------+
//
// In the first form the route is that to all of them, zero if there is none, and node
// is where more is known about some, zero if nothing is. In the second, a leaf, there
// is one route to those whose next len bits, up to 32, are these.
//
// A node is an index of cells. Its first words have the values with which its runs
// begin, but for the first, a byte each, from the low ones up; bytes beyond are 255.
// Then follow the runs. A node of 256 runs, for which runs - 1 is 64, has the runs alone.
type routeCell uint64

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
	if runs == allRuns {
		runs = mostRuns + 1
	}
	return routeCell(runs-1)<<56 | routeCell(id)<<32 | routeCell(node)
}

func makeLeaf(id routeID, next uint32, length int) routeCell {
	return routeCell(0x80+length)<<56 | routeCell(id)<<32 | routeCell(next)
}

func (c routeCell) id() routeID { return routeID(c >> 32 & 0xffffff) }

func (c routeCell) withID(id routeID) routeCell { return c&^(0xffffff<<32) | routeCell(id)<<32 }

// node and runs are those of a cell that is no leaf.
func (c routeCell) node() int { return int(c & 0xffffffff) }
func (c routeCell) runs() int {
	if runs := int(c>>56) + 1; runs <= mostRuns {
		return runs
	}
	return allRuns
}

// next and length are those of a leaf.
func (c routeCell) leaf() bool   { return c>>63 != 0 }
func (c routeCell) next() uint32 { return uint32(c) }
func (c routeCell) length() int  { return int(c >> 56 & 0x7f) }

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
	best := routeID(0)
	c := t.cells[root]
	for !c.leaf() {
		if id := c.id(); id != 0 {
			best = id
		}
		if c.node() == 0 {
			return best
		}
		c = t.cells[t.find(c, int(hi>>56))]
		hi, lo = hi<<8|lo>>56, lo<<8
	}
	if (uint32(hi>>32)^c.next())>>uint(32-c.length()) == 0 {
		return c.id()
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
