package network

import (
	"math/bits"
	"slices"
)

// topEntry is what a routeTop says. In IPv6, and where much is known, it is the node below.
// In IPv4 mostly it is the few prefixes of 16 to 24 bits themselves, so that a lookup ends
// where it began.
//
//	 1   21       21       21 bits
//	+---+--------+--------+--------+
//	| 1 | prefix | prefix | prefix |  the longest is the lowest; zero if there is none
//	+---+--------+--------+--------+
//	| 0 | 1 | 0 ...       | index  |  of up to six, in a list
//	+---+---+-------------+--------+
//	| 0 | 0 ...           | node   |
//	+---+-----------------+--------+
//
// A prefix has its way in the high 12 bits. Below are its bits behind the first 16, after a
// one that says how many they are.
type topEntry uint64

const (
	fewPrefixes   topEntry = 1 << 63
	listPrefixes  topEntry = 1 << 62
	shortBits              = 21
	shortWay               = 9 // where it begins
	mostShortWay           = 1<<(shortBits-shortWay) - 1
	inEntry                = 3
	mostShort              = 2 * inEntry
	shortPrefix   topEntry = 1<<shortWay - 1
	wholeOfPrefix topEntry = 1<<shortBits - 1
)

func (e topEntry) few() bool  { return e&fewPrefixes != 0 }
func (e topEntry) list() bool { return e&listPrefixes != 0 }

// find returns the way by the longest of the prefixes that contain an address, of which value
// has the third byte at the end. All are tried, the longest last, because a branch for each
// would be guessed wrong. One that is not there contains every address and has no way: it
// comes first.
func (e topEntry) find(value uint64) (way wayID) {
	value = value&0xff | 0x100
	for at := (inEntry - 1) * shortBits; at >= 0; at -= shortBits {
		p := e >> uint(at) & wholeOfPrefix
		n := uint64(p & shortPrefix)
		if value>>((9-uint(bits.Len64(n)))&15) == n {
			way = wayID(p >> shortWay)
		}
	}
	return way
}

// shortLists has the prefixes of entries that have more than three.
type shortLists struct {
	lists []shortList
	free  []uint32
}

// shortList has the shorter prefixes in its second word.
type shortList [2]topEntry

// find is that of the entry of a list.
func (s *shortLists) find(e topEntry, value uint64) wayID {
	l := &s.lists[uint32(e)]
	if way := l[0].find(value); way != 0 {
		return way
	}
	return l[1].find(value)
}

// add returns the entry of a list with some prefixes.
func (s *shortLists) add(l shortList) topEntry {
	if n := len(s.free); n > 0 {
		at := s.free[n-1]
		s.free = s.free[:n-1]
		s.lists[at] = l
		return listPrefixes | topEntry(at)
	}
	s.lists = append(s.lists, l)
	return listPrefixes | topEntry(len(s.lists)-1)
}

// vacate frees the list of an entry, if it has one.
func (s *shortLists) vacate(e topEntry) {
	if !e.few() && e.list() {
		s.free = append(s.free, uint32(e))
	}
}

// summary returns the entry for the cell of some first 16 bits.
func (t *routeTrie) summary(c routeCell) topEntry {
	var all [mostShort]topEntry
	n, ok := t.shortPrefixes(&all, c)
	if !ok {
		return topEntry(c.node())
	}
	slices.SortFunc(all[:n], func(a, b topEntry) int { return int(b&shortPrefix) - int(a&shortPrefix) })
	var l shortList
	for i, p := range all[:n] {
		l[i/inEntry] |= p << (i % inEntry * shortBits)
	}
	switch {
	case n == 0:
		return 0
	case n <= inEntry:
		return fewPrefixes | l[0]
	}
	return t.short.add(l)
}

// shortPrefixes finds the prefixes of 16 to 24 bits in a cell and in the node below, unless
// there are too many, or longer ones.
func (t *routeTrie) shortPrefixes(all *[mostShort]topEntry, c routeCell) (n int, ok bool) {
	if c.bits() == 8 { // all 16
		all[0], n = topEntry(c.way())<<shortWay|1, 1
	}
	node := c.node()
	if node == 0 {
		return n, c.way() <= mostShortWay
	}
	at, last := t.place(node, 0xff)
	for run, from := 0, 0; run <= last; run++ {
		c := t.run(node, at, run)
		if c.leaf() || c.node() != 0 || c.way() > mostShortWay {
			return 0, false
		}
		if c.way() != 0 {
			// A prefix with longer ones in it has several runs.
			p := topEntry(c.way())<<shortWay | topEntry(0x100|from)>>(8-c.bits())
			switch {
			case slices.Contains(all[:n], p):
			case n == mostShort:
				return 0, false
			default:
				all[n] = p
				n++
			}
		}
		if run < last {
			from = t.end(node, run, from) + 1
		}
	}
	return n, n == 0 || all[0]>>shortWay <= mostShortWay
}
