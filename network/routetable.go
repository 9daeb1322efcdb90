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
	fewRoutesMost  = 8
	fewRoutesAgain = 4
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

// lookup returns the first of the routes that match dst, nil if there is none. Of a
// route by a gateway only Gateway and Interface are sure to be there, of others Prefix
// too.
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
		for i := range t.few {
			if t.few[i].Prefix.Contains(dst) && !yield(&t.few[i]) {
				return
			}
		}
		if t.many == nil {
			return
		}
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
	switch {
	case t.many.count <= fewRoutesAgain:
		t.few, t.many = t.many.all(), nil
	case t.many.sparse():
		t.many = newManyRoutes(t.many.all()) // slices and maps do not shrink by themselves
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
