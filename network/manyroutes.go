package network

import (
	"iter"
	"net/netip"
	"slices"
)

// manyRoutes is a large routing table. A routeTrie finds the route by an address, a map
// by the prefix.
//
// Of a route that is looked up only the way counts, and many routes go few ways. Those
// stay in the processor's cache, while 100,000 routes do not.
type manyRoutes struct {
	routes []candidate // by routeID
	unused routeID     // the first free place of routes; its next is another
	count  int
	first  map[netip.Prefix]routeID
	trie   routeTrie

	ways   []Route  // see wayOf
	way    []uint32 // by routeID, which of the ways it goes
	number map[Route]uint32
}

// candidate is one of the routes for a prefix. The first of them is in the place that
// the trie and the map know, whichever route that is.
type candidate struct {
	Route
	next routeID
}

func newManyRoutes(routes []Route) *manyRoutes {
	m := &manyRoutes{
		routes: make([]candidate, 1, 2*fewRoutesMost),
		first:  make(map[netip.Prefix]routeID),
		number: make(map[Route]uint32),
	}
	m.trie.init()
	for _, r := range routes {
		m.add(r)
	}
	return m
}

func (m *manyRoutes) lookup(dst netip.Addr) *Route {
	if id := m.trie.lookup(routeKey(dst)); id != 0 {
		return &m.ways[m.way[id]]
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

// settle notes the way of the first route for a prefix.
func (m *manyRoutes) settle(id routeID) {
	for int(id) >= len(m.way) {
		m.way = append(m.way, 0)
	}
	way := wayOf(m.routes[id].Route)
	number, known := m.number[way]
	if !known {
		number = uint32(len(m.ways))
		m.ways = append(m.ways, way)
		m.number[way] = number
	}
	m.way[id] = number
	if len(m.ways) > 2*m.count+fewRoutesMost { // most are not used any more
		m.ways = nil
		clear(m.number)
		for _, id := range m.first {
			m.settle(id)
		}
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
		id := m.place(candidate{Route: r})
		m.first[r.Prefix] = id
		m.settle(id)
		m.trie.insert(r.Prefix, id)
		return
	}
	if r.Metric < m.routes[at].Metric {
		next := m.place(m.routes[at])
		m.routes[at] = candidate{r, next}
		m.settle(at)
		return
	}
	for next := m.routes[at].next; next != 0 && m.routes[next].Metric <= r.Metric; next = m.routes[at].next {
		at = next
	}
	id := m.place(candidate{r, m.routes[at].next})
	m.routes[at].next = id
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
	next := m.routes[at].next
	switch {
	case at == 0:
		return false
	case before != 0:
		m.routes[before].next = next
	case next != 0:
		m.routes[at] = m.routes[next]
		m.settle(at)
		at = next
	default:
		delete(m.first, prefix)
		m.trie.remove(prefix, at, m.cover(prefix))
	}
	m.routes[at] = candidate{next: m.unused}
	m.unused = at
	m.count--
	return true
}

// cover returns the first route for the longest of the shorter prefixes that contain
// one.
func (m *manyRoutes) cover(prefix netip.Prefix) routeID {
	for bits := prefix.Bits() - 1; bits >= 0; bits-- {
		shorter, _ := prefix.Addr().Prefix(bits)
		if id := m.first[shorter]; id != 0 {
			return id
		}
	}
	return 0
}

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
