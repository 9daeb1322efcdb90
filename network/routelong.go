package network

import "math/bits"

// longTable has, by the first 32 bits of IPv6 addresses, the cell of the trie for those
// that begin so, as far as prefixes of at least 32 bits say something about them. It is
// there beside the routeTop of IPv6, of which the first 16 bits are few: those of the
// whole Internet are 2000::/3, and of one network all the same. Most prefixes are the only
// one that begins as they do. Then the cell is a leaf and says everything, and a random
// destination mostly costs one miss of the cache.
//
// It is a hash table with open addressing. A slot is one word, eight of them a line of the
// cache; one without a cell is zero. Only the changes of prefixes of at least 32 bits concern
// it: where a shorter one has made a node of a leaf of the trie, the slot still has the leaf,
// which says the same.
type longTable struct {
	slots []longSlot // a power of two of them
	shift uint       // from 64 bits to the number of a slot
	used  int
	// cells has those that do not fit into a slot, and free the places in it that are not
	// in use.
	cells []routeCell
	free  []uint32
}

// longSlot has the cell for some first bits.
//
//	 32 bits         5      16                11
//	+---------------+------+-----------------+------+
//	| first bits    | 0    | 0               | way  |  by a prefix of 32 bits
//	+---------------+------+-----------------+------+
//	| first bits    | len  | the next bits   | way  |  a leaf of up to 16 bits more
//	+---------------+------+-----------------+------+
//	| first bits    | 31   | index in cells         |  any other
//	+---------------+------+-----------------+------+
type longSlot uint64

const (
	longBits   = 32
	fewestLong = 1 << 10 // slots

	longKind      = 27 // where it begins
	longElsewhere = 31
	longNext      = 11
	longMostNext  = 16 // bits
	longMostWay   = 1<<longNext - 1

	longGroup = 4 // slots
)

func (s longSlot) first() uint32 { return uint32(s >> 32) }
func (s longSlot) kind() int     { return int(s >> longKind & 31) }
func (s longSlot) index() uint32 { return uint32(s) & (1<<longKind - 1) }

// ofLong returns what is noted of a cell of the first 32 bits: the ways by shorter prefixes
// are not, so that those concern no slot when they come and go.
func ofLong(c routeCell) routeCell {
	if !c.leaf() && c.bits() < 8 {
		return c.withWay(0, 0)
	}
	return c
}

// home is where the search for some first bits begins: Fibonacci hashing. It is the first slot
// of a group.
func (l *longTable) home(first uint32) int {
	return int(uint64(first)*0x9e3779b97f4a7c15>>(l.shift&63)) &^ (longGroup - 1)
}

// find returns the slot for the first bits of an address, zero if there is none. It compares all
// slots of a group, because a branch for each would be guessed wrong.
func (l *longTable) find(first uint32) (found longSlot) {
	slots := l.slots
	if len(slots) == 0 {
		return 0
	}
	for at := l.home(first); ; at += longGroup {
		g := (*[longGroup]longSlot)(slots[at&(len(slots)-1):])
		last := g[longGroup-1]
		if s := g[0]; s.first() == first {
			found = s
		}
		if s := g[1]; s.first() == first {
			found = s
		}
		if s := g[2]; s.first() == first {
			found = s
		}
		if last.first() == first {
			found = last
		}
		if found != 0 || last == 0 {
			return found
		}
	}
}

// way returns the way of what follows the first bits of an address, and whether the slot says
// it: else the cell elsewhere does.
func (s longSlot) way(next uint32) (way wayID, said bool) {
	kind := uint(s.kind())
	if (next>>longMostNext^uint32(s)>>longNext)&(1<<longMostNext-1)>>((longMostNext-kind)&31) == 0 {
		way = wayID(s & longMostWay)
	}
	return way, kind != longElsewhere
}

// cell returns the cell of a slot.
func (l *longTable) cell(s longSlot) routeCell {
	way := wayID(s & longMostWay)
	switch kind := s.kind(); {
	case kind == longElsewhere:
		return l.cells[s.index()]
	case kind > 0:
		return makeLeaf(way, uint32(s)>>longNext<<16, kind)
	case way > 0:
		return routeCell(0).withWay(way, 8)
	}
	return 0
}

// slot returns a slot with a cell, which has a place elsewhere if it does not fit.
func (l *longTable) slot(first uint32, c routeCell) longSlot {
	s := longSlot(first)<<32 | longSlot(c.way())
	switch small := c.way() > 0 && c.way() <= longMostWay; {
	case small && c.leaf() && c.length() <= longMostNext:
		return s | longSlot(c.length())<<longKind | longSlot(c.next()>>16)<<longNext
	case small && !c.leaf() && c.node() == 0 && c.bits() == 8:
		return s
	}
	n := len(l.free)
	if n == 0 {
		l.cells = append(l.cells, c)
		n = len(l.cells) - 1
	} else {
		at := l.free[n-1]
		l.free = l.free[:n-1]
		l.cells[at] = c
		n = int(at)
	}
	return longSlot(first)<<32 | longElsewhere<<longKind | longSlot(n)
}

// vacate frees the place that a slot has elsewhere.
func (l *longTable) vacate(s longSlot) {
	if s.kind() == longElsewhere {
		l.cells[s.index()] = 0
		l.free = append(l.free, s.index())
	}
}

// set notes the cell for some first bits; zero is none.
func (l *longTable) set(first uint32, c routeCell) {
	if c == 0 {
		l.remove(first)
		return
	}
	if l.used >= len(l.slots)/4*3 {
		l.resize(max(2*len(l.slots), fewestLong))
	}
	at := l.place(first)
	if l.slots[at] == 0 {
		l.used++
	}
	l.vacate(l.slots[at])
	l.slots[at] = l.slot(first, c)
}

// place returns where the slot for some first bits is, or is to be.
func (l *longTable) place(first uint32) int {
	at := l.home(first)
	for l.slots[at] != 0 && l.slots[at].first() != first {
		at = (at + 1) & (len(l.slots) - 1)
	}
	return at
}

// remove frees a slot, and moves to it those behind that would no longer be found.
func (l *longTable) remove(first uint32) {
	if len(l.slots) == 0 {
		return
	}
	last := len(l.slots) - 1
	free := l.place(first)
	if l.slots[free] == 0 {
		return
	}
	l.vacate(l.slots[free])
	for at := (free + 1) & last; l.slots[at] != 0; at = (at + 1) & last {
		if home := l.home(l.slots[at].first()); (at-home)&last >= (at-free)&last {
			l.slots[free], free = l.slots[at], at
		}
	}
	l.slots[free] = 0
	if l.used--; l.used < len(l.slots)/8 && len(l.slots) > fewestLong {
		l.resize(len(l.slots) / 2)
	}
}

// resize gives the table so many slots.
func (l *longTable) resize(n int) {
	old := l.slots
	l.slots, l.shift = make([]longSlot, n), uint(64-bits.TrailingZeros(uint(n)))
	for _, s := range old {
		if s != 0 {
			l.slots[l.place(s.first())] = s
		}
	}
}

// clear frees all slots. Their number stays.
func (l *longTable) clear() {
	clear(l.slots)
	l.used, l.cells, l.free = 0, nil, nil
}
