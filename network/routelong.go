package network

import "math/bits"

// longTable has, by the first 32 bits of IPv6 addresses, the cell of the trie for those
// that begin so, as far as prefixes of at least 32 bits say something about them. It is
// there beside the routeTop of IPv6, of which the first 16 bits are few: those of the
// whole Internet are 2000::/3, and of one network all the same. Most prefixes are the only
// one that begins as they do. Then the cell is a leaf and says everything, and a random
// destination mostly costs one miss of the cache.
//
// It is a hash table with open addressing. A slot without a cell is free. Only the changes
// of prefixes of at least 32 bits concern it: where a shorter one has made a node of a leaf
// of the trie, the slot still has the leaf, which says the same.
type longTable struct {
	slots []longSlot // a power of two of them
	shift uint       // from 64 bits to the number of a slot
	used  int
}

type longSlot struct {
	first uint32
	cell  routeCell
}

const (
	longBits   = 32
	fewestLong = 1 << 10 // slots
)

// ofLong returns what is noted of a cell of the first 32 bits: the ways by shorter prefixes
// are not, so that those concern no slot when they come and go.
func ofLong(c routeCell) routeCell {
	if !c.leaf() && c.bits() < 8 {
		return c.withWay(0, 0)
	}
	return c
}

// home is where the search for some first bits begins: Fibonacci hashing.
func (l *longTable) home(first uint32) int {
	return int(uint64(first) * 0x9e3779b97f4a7c15 >> (l.shift & 63))
}

// find returns the cell for the first bits of an address, zero if there is none.
func (l *longTable) find(first uint32) routeCell {
	slots := l.slots
	if len(slots) == 0 {
		return 0
	}
	for at := l.home(first); ; at++ {
		s := &slots[at&(len(slots)-1)]
		if s.first == first || s.cell == 0 {
			return s.cell
		}
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
	at := l.home(first)
	for l.slots[at].cell != 0 && l.slots[at].first != first {
		at = (at + 1) & (len(l.slots) - 1)
	}
	if l.slots[at].cell == 0 {
		l.used++
	}
	l.slots[at] = longSlot{first, c}
}

// remove frees a slot, and moves to it those behind that would no longer be found.
func (l *longTable) remove(first uint32) {
	if len(l.slots) == 0 {
		return
	}
	last := len(l.slots) - 1
	free := l.home(first)
	for l.slots[free].cell != 0 && l.slots[free].first != first {
		free = (free + 1) & last
	}
	if l.slots[free].cell == 0 {
		return
	}
	for at := (free + 1) & last; l.slots[at].cell != 0; at = (at + 1) & last {
		if home := l.home(l.slots[at].first); (at-home)&last >= (at-free)&last {
			l.slots[free], free = l.slots[at], at
		}
	}
	l.slots[free] = longSlot{}
	if l.used--; l.used < len(l.slots)/8 && len(l.slots) > fewestLong {
		l.resize(len(l.slots) / 2)
	}
}

// resize gives the table so many slots.
func (l *longTable) resize(n int) {
	old := l.slots
	*l = longTable{slots: make([]longSlot, n), shift: uint(64 - bits.TrailingZeros(uint(n)))}
	for _, s := range old {
		if s.cell != 0 {
			l.set(s.first, s.cell)
		}
	}
}

// clear frees all slots. Their number stays.
func (l *longTable) clear() {
	clear(l.slots)
	l.used = 0
}
