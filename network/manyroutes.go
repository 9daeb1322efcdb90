package network

import (
	"iter"
	"net/netip"
	"slices"
)

// manyRoutes is a large routing table. A routeTrie finds the way to an address, a map
// the routes for a prefix.
//
// Of a route that is looked up only the way counts, and many routes go few ways. Those
// stay in the processor's cache, while 100,000 routes do not.
type manyRoutes struct {
	routes   []candidate // by routeID
	unused   routeID     // the first free place of routes; its next is another
	count    int
	first    map[netip.Prefix]routeID
	prefixes [2]int // in first, of each family
	trie     routeTrie

	ways     []way // by wayID
	freeWays []wayID
	numbers  map[Route]wayID
}

// routeID is the number of a route. Zero is none.
type routeID uint32

// candidate is one of the routes for a prefix. The first of them is in the place that
// the map knows, whichever route that is.
type candidate struct {
	Route
	next routeID
}

// way is what lookup tells of a route, see wayOf.
type way struct {
	Route
	prefixes int // that go it
}

func newManyRoutes(routes []Route) *manyRoutes {
	m := &manyRoutes{
		routes:  make([]candidate, 1, 2*fewRoutesMost),
		first:   make(map[netip.Prefix]routeID),
		ways:    make([]way, 1, fewRoutesMost),
		numbers: make(map[Route]wayID),
	}
	m.trie.init()
	for _, r := range routes {
		m.add(r)
	}
	return m
}

func (m *manyRoutes) lookup(dst netip.Addr) *Route {
	if id := m.trie.lookup(routeKey(dst)); id != 0 {
		return &m.ways[id].Route
	}
	return nil
}

// wayOf returns what lookup tells of a route.
func wayOf(r Route) Route {
	r.Metric = 0
	if r.Gateway.IsValid() {
		r.Prefix = netip.Prefix{}
	}
	return r
}

// enter notes that a prefix goes the way of a route, and returns its number.
func (m *manyRoutes) enter(r Route) wayID {
	r = wayOf(r)
	id, known := m.numbers[r]
	switch n := len(m.freeWays); {
	case known:
	case n > 0:
		id, m.freeWays = m.freeWays[n-1], m.freeWays[:n-1]
	default:
		id = wayID(len(m.ways))
		m.ways = append(m.ways, way{})
	}
	if !known {
		m.ways[id].Route = r
		m.numbers[r] = id
	}
	m.ways[id].prefixes++
	return id
}

// leave notes that a prefix does not go the way of a route any more.
func (m *manyRoutes) leave(r Route) {
	r = wayOf(r)
	id := m.numbers[r]
	if m.ways[id].prefixes--; m.ways[id].prefixes == 0 {
		m.ways[id].Route = Route{}
		m.freeWays = append(m.freeWays, id)
		delete(m.numbers, r)
	}
}

func (m *manyRoutes) to(prefix netip.Prefix) iter.Seq[*Route] {
	return func(yield func(*Route) bool) {
		for id := m.first[prefix]; id != 0; id = m.routes[id].next {
			if !yield(&m.routes[id].Route) {
				return
			}
		}
	}
}

func (m *manyRoutes) add(r Route) {
	at := m.first[r.Prefix]
	if at == 0 {
		m.first[r.Prefix] = m.place(candidate{Route: r})
		m.trie.insert(r.Prefix, m.enter(r))
		m.counted(r.Prefix, 1)
		return
	}
	if r.Metric < m.routes[at].Metric {
		old := m.routes[at]
		next := m.place(old)
		m.routes[at] = candidate{r, next}
		m.supersede(old.Route, r)
		return
	}
	for next := m.routes[at].next; next != 0 && m.routes[next].Metric <= r.Metric; next = m.routes[at].next {
		at = next
	}
	id := m.place(candidate{r, m.routes[at].next})
	m.routes[at].next = id
}

// supersede has a prefix go another way.
func (m *manyRoutes) supersede(old, r Route) {
	m.trie.insert(r.Prefix, m.enter(r))
	m.leave(old)
}

// counted takes note that a prefix has come or gone.
func (m *manyRoutes) counted(prefix netip.Prefix, n int) {
	family, _, _ := routeKey(prefix.Addr())
	m.prefixes[family] += n
	m.trie.resize(family, m.prefixes[family])
}

// place puts a candidate somewhere.
func (m *manyRoutes) place(c candidate) routeID {
	m.count++
	id := m.unused
	if id == 0 {
		m.routes = append(m.routes, c)
		return routeID(len(m.routes) - 1)
	}
	m.unused = m.routes[id].next
	m.routes[id] = c
	return id
}

func (m *manyRoutes) remove(prefix netip.Prefix, meant func(*Route) bool) bool {
	before, at := routeID(0), m.first[prefix]
	for at != 0 && !meant(&m.routes[at].Route) {
		before, at = at, m.routes[at].next
	}
	route, next := m.routes[at].Route, m.routes[at].next
	switch {
	case at == 0:
		return false
	case before != 0:
		m.routes[before].next = next
	case next != 0:
		m.routes[at] = m.routes[next]
		m.supersede(route, m.routes[at].Route)
		at = next
	default:
		delete(m.first, prefix)
		length, way := m.cover(prefix)
		m.trie.remove(prefix, length, way)
		m.leave(route)
		m.counted(prefix, -1)
	}
	m.routes[at] = candidate{next: m.unused}
	m.unused = at
	m.count--
	return true
}

// cover returns the longest of the shorter prefixes that contain one, and its way, among
// those with which it shares nodes of the trie.
func (m *manyRoutes) cover(prefix netip.Prefix) (length int, way wayID) {
	for bits := prefix.Bits() - 1; bits&7 > 0; bits-- {
		shorter, _ := prefix.Addr().Prefix(bits)
		if id := m.first[shorter]; id != 0 {
			return bits, m.numbers[wayOf(m.routes[id].Route)]
		}
	}
	return 0, 0
}

// leastPlaces is how many places of routes are kept, however few are in use.
const leastPlaces = 1 << 12

// sparse reports whether most of the room for routes is free.
func (m *manyRoutes) sparse() bool { return len(m.routes) > leastPlaces && m.count < len(m.routes)/4 }

func (m *manyRoutes) all() []Route {
	all := make([]Route, 0, m.count)
	for prefix := range m.first {
		for r := range m.to(prefix) {
			all = append(all, *r)
		}
	}
	slices.SortStableFunc(all, moreSpecific)
	return all
}
