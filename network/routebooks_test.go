package network

import (
	"math/rand/v2"
	"net/netip"
	"testing"
)

// books checks what a large table counts: each place of routes, each way and each cell of
// the trie is in use or known to be free, and nothing is both.
func books(t *testing.T, m *manyRoutes) {
	t.Helper()
	inUse, prefixes := 0, make(map[wayID]int)
	for prefix, first := range m.first {
		prefixes[m.numbers[wayOf(m.routes[first].Route)]]++
		for range m.to(prefix) {
			inUse++
		}
	}
	free := 0
	for id := m.unused; id != 0 && free <= len(m.routes); id = m.routes[id].next {
		free++
	}
	if inUse != m.count || inUse+free != len(m.routes)-1 {
		t.Fatalf("of %d places for routes %d are in use, counted as %d, and %d are free", len(m.routes)-1, inUse, m.count, free)
	}
	for id, n := range prefixes {
		if m.ways[id].prefixes != n {
			t.Fatalf("%d prefixes go the way %d, counted as %d", n, id, m.ways[id].prefixes)
		}
	}
	if len(m.numbers) != len(prefixes) || len(prefixes)+len(m.freeWays) != len(m.ways)-1 {
		t.Fatalf("of %d ways %d are in use, %d are known, and %d are free", len(m.ways)-1, len(prefixes), len(m.numbers), len(m.freeWays))
	}
	cells := firstNode
	for root := range firstNode {
		cells += m.trie.room(m.trie.cells[root])
	}
	if all := len(m.trie.cells); cells+m.trie.waste != all {
		t.Fatalf("of %d cells %d are in use and %d are waste", all, cells, m.trie.waste)
	}
	longBooks(t, m)
	shortBooks(t, m)
}

// shortBooks checks that IPv4's routeTop says of the first 16 bits what the trie does, and
// that each list is in use or known to be free.
func shortBooks(t *testing.T, m *manyRoutes) {
	t.Helper()
	have, top := &m.trie.short, m.trie.top[root4]
	if top == nil {
		if have.lists != nil {
			t.Fatalf("%d lists are there for %d prefixes of IPv4: below %d they should be gone", len(have.lists), m.prefixes[root4], topUntil)
		}
		return
	}
	lists := 0
	want := routeTrie{cells: m.trie.cells}
	for first, got := range top {
		e := want.summary(want.after(want.cells[root4], uint64(first)<<48, 2))
		switch same := got == e; {
		case e.few() || !e.list():
			if !same {
				t.Fatalf("for the first bits %04x there is %x, should be %x", first, got, e)
			}
		case !got.list() || have.lists[uint32(got)] != want.short.lists[uint32(e)]:
			t.Fatalf("for the first bits %04x there is %x, should be a list of more than %d prefixes", first, got, inEntry)
		default:
			lists++
		}
	}
	if lists+len(have.free) != len(have.lists) {
		t.Fatalf("of %d lists %d are in use and %d are free", len(have.lists), lists, len(have.free))
	}
}

// longBooks checks that a longTable has what the trie says of the first 32 bits, and no more.
func longBooks(t *testing.T, m *manyRoutes) {
	t.Helper()
	have := &m.trie.long
	if m.trie.top[root6] == nil {
		if have.slots != nil {
			t.Fatalf("%d slots are there for %d prefixes of IPv6: below %d they should be gone", len(have.slots), m.prefixes[root6], topUntil)
		}
		return
	}
	want := routeTrie{cells: m.trie.cells}
	want.enterLong(want.cells[root6], 0, 0)
	elsewhere := 0
	for _, s := range want.long.slots {
		got, cell := have.cell(have.find(s.first())), want.long.cell(s)
		if got.leaf() && want.descend(cell, uint64(got.next())<<32, 0) == got.way() {
			continue
		}
		if cell != 0 && got != cell {
			t.Fatalf("for the first bits %08x there is the cell %x, the trie has %x", s.first(), got, cell)
		}
	}
	for _, s := range have.slots {
		if s.kind() == longElsewhere {
			elsewhere++
		}
	}
	if elsewhere+len(have.free) != len(have.cells) {
		t.Fatalf("of %d cells elsewhere %d are in use and %d are free", len(have.cells), elsewhere, len(have.free))
	}
	if have.used != want.long.used || have.used > len(have.slots)/4*3 || have.used < len(have.slots)/8 && len(have.slots) > fewestLong {
		t.Fatalf("%d of %d slots are in use, should be %d, and between an eighth and three quarters", have.used, len(have.slots), want.long.used)
	}
}

// room is how many cells the nodes below one take.
func (t *routeTrie) room(c routeCell) int {
	node := c.node()
	if c.leaf() || node == 0 {
		return 0
	}
	n := t.size(node)
	if at, last := t.place(node, 0xff); !node.narrow() {
		for run := range last + 1 {
			n += t.room(t.cells[at+run])
		}
	}
	return n
}

// TestRouteBooks adds and removes routes at random, most of them in each other, and
// checks what the table counts.
func TestRouteBooks(t *testing.T) {
	c := crowd{rand.New(rand.NewPCG(5, 6))}
	m := newManyRoutes(nil)
	var all []netip.Prefix
	for step := range 40_000 {
		if n := len(all); n == 0 || c.IntN(8) < 5 == (step/8000%2 == 0) {
			r := c.route()
			if c.IntN(2) == 0 { // few ways, that many go
				r.Gateway = netip.AddrFrom4([4]byte{10, 0, 0, byte(c.IntN(20))})
			}
			m.add(r)
			all = append(all, r.Prefix)
		} else {
			i := c.IntN(n)
			if skip := c.IntN(2); !m.remove(all[i], func(*Route) bool { skip--; return skip < 0 }) {
				continue
			}
			all[i] = all[n-1]
			all = all[:n-1]
		}
		if step%200 == 0 {
			books(t, m)
		}
	}
	for _, p := range all {
		m.remove(p, func(*Route) bool { return true })
	}
	books(t, m)
	if m.count != 0 || len(m.first) != 0 || len(m.numbers) != 0 || m.trie.cells[root4] != 0 || m.trie.cells[root6] != 0 {
		t.Errorf("all were removed, and %d routes for %d prefixes by %d ways are left", m.count, len(m.first), len(m.numbers))
	}
}
