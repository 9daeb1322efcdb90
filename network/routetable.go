package network

import (
	"cmp"
	"iter"
	"net/netip"
	"slices"
)

// routeTable has the routes of a host, of both families. The few of most hosts are in
// a slice, the most specific first, and are tried one after the other; a larger table
// is a manyRoutes.
type routeTable struct {
	few  []Route
	many *manyRoutes
	// someDown says that there are interfaces without a carrier. Routes over them are
	// passed over.
	someDown bool
}

// When a table turns into a manyRoutes, and back.
const (
	fewRoutesMost  = 16
	fewRoutesAgain = 8
)

// moreSpecific orders routes as they are tried and listed: longer prefixes first, those
// of one length by their addresses, and of one prefix the lowest metric first.
func moreSpecific(a, b Route) int {
	return cmp.Or(
		cmp.Compare(b.Prefix.Bits(), a.Prefix.Bits()),
		a.Prefix.Addr().Compare(b.Prefix.Addr()),
		cmp.Compare(a.Metric, b.Metric),
	)
}

func (t *routeTable) len() int {
	if t.many != nil {
		return t.many.count
	}
	return len(t.few)
}

// lookup returns the first of the routes that match dst, nil if there is none.
func (t *routeTable) lookup(dst netip.Addr) *Route {
	if t.someDown || dst.Is6() && dst.Zone() != "" {
		return t.lookupUsable(dst)
	}
	if t.many != nil {
		return t.many.lookup(dst)
	}
	for i := range t.few {
		if r := &t.few[i]; r.Prefix.Contains(dst) {
			return r
		}
	}
	return nil
}

// lookupUsable is lookup where not every route may be used: some interface is down, or
// dst has a zone and so its interface.
func (t *routeTable) lookupUsable(dst netip.Addr) *Route {
	zone := dst.Zone()
	for r := range t.matching(dst) {
		if (zone == "" || zone == r.Interface.name) && r.Interface.up() {
			return r
		}
	}
	return nil
}

// matching yields the routes whose prefix contains dst, in the order in which they are
// to be tried. The table must not change meanwhile.
func (t *routeTable) matching(dst netip.Addr) iter.Seq[*Route] {
	dst = dst.WithZone("")
	return func(yield func(*Route) bool) {
		for bits := dst.BitLen(); bits >= 0; bits-- {
			prefix, _ := dst.Prefix(bits)
			for r := range t.to(prefix) {
				if !yield(r) {
					return
				}
			}
		}
	}
}

// to yields the routes for one prefix, in the order in which they are to be tried.
func (t *routeTable) to(prefix netip.Prefix) iter.Seq[*Route] {
	if t.many != nil {
		return t.many.to(prefix)
	}
	return func(yield func(*Route) bool) {
		for i := range t.few {
			if t.few[i].Prefix == prefix && !yield(&t.few[i]) {
				return
			}
		}
	}
}

// add adds a route, behind those with the same prefix and metric.
func (t *routeTable) add(r Route) {
	if t.many != nil {
		t.many.add(r)
		return
	}
	i := len(t.few)
	for i > 0 && moreSpecific(r, t.few[i-1]) < 0 {
		i--
	}
	t.few = slices.Insert(t.few, i, r)
	if len(t.few) > fewRoutesMost {
		t.many = newManyRoutes(t.few)
		t.few = nil
	}
}

// remove removes the first route for a prefix that is meant, if there is one.
func (t *routeTable) remove(prefix netip.Prefix, meant func(*Route) bool) bool {
	if t.many == nil {
		i := slices.IndexFunc(t.few, func(r Route) bool { return r.Prefix == prefix && meant(&r) })
		if i >= 0 {
			t.few = slices.Delete(t.few, i, i+1)
		}
		return i >= 0
	}
	found := t.many.remove(prefix, meant)
	if t.many.count <= fewRoutesAgain {
		t.few, t.many = t.many.all(), nil
	}
	return found
}

// all returns the routes as they are listed: see moreSpecific.
func (t *routeTable) all() []Route {
	if t.many != nil {
		return t.many.all()
	}
	return slices.Clone(t.few)
}

// manyRoutes is a large routing table. A routeTrie finds the route by an address, a map
// by the prefix.
type manyRoutes struct {
	routes []candidate // by routeID
	unused routeID     // the first free place of routes; its next is another
	count  int
	first  map[netip.Prefix]routeID
	trie   routeTrie
}

// candidate is one of the routes for a prefix. The first of them is in the place that
// the trie and the map know, whichever route that is.
type candidate struct {
	Route
	next routeID
}

func newManyRoutes(routes []Route) *manyRoutes {
	m := &manyRoutes{routes: make([]candidate, 1, 2*fewRoutesMost), first: make(map[netip.Prefix]routeID)}
	m.trie.init()
	for _, r := range routes {
		m.add(r)
	}
	return m
}

func (m *manyRoutes) lookup(dst netip.Addr) *Route {
	if id := m.trie.lookup(routeKey(dst)); id != 0 {
		return &m.routes[id].Route
	}
	return nil
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
		m.trie.insert(r.Prefix, id)
		return
	}
	if r.Metric < m.routes[at].Metric {
		next := m.place(m.routes[at])
		m.routes[at] = candidate{r, next}
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
