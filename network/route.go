package network

import (
	"cmp"
	"net/netip"
	"slices"
	"sort"
	"syscall"
)

// Route says where datagrams to the addresses of a prefix go.
type Route struct {
	Prefix netip.Prefix
	// Gateway is the router to send to; the zero Addr says that the
	// destination itself is on the link.
	Gateway netip.Addr
	// Interface is where to send. With a gateway it may be nil: then it is the
	// interface on whose network the gateway is.
	Interface *Interface
	// Metric decides between routes for the same prefix: the lowest is used.
	Metric int
}

// AddRoute adds a route. Errors, as Linux gives them: ENETUNREACH for a gateway
// that is not on a directly connected network, EINVAL for a prefix with bits
// set behind its length, EEXIST if there is a route for the same prefix and
// metric, ENODEV if neither gateway nor interface is given.
func (l *Layer) AddRoute(r Route) error {
	if !r.Prefix.IsValid() || r.Prefix != r.Prefix.Masked() ||
		r.Gateway.IsValid() && r.Gateway.Is4() != r.Prefix.Addr().Is4() {
		return syscall.EINVAL
	}
	switch {
	case r.Gateway.IsValid():
		i, err := l.gatewayInterface(r.Gateway, r.Interface)
		if err != nil {
			return err
		}
		r.Interface = i
	case r.Interface == nil:
		return syscall.ENODEV
	}
	if _, found := l.findRoute(r); found {
		return syscall.EEXIST
	}
	l.insertRoute(r)
	return nil
}

// RemoveRoute removes the route with the prefix and the metric of r, ESRCH if
// there is none.
func (l *Layer) RemoveRoute(r Route) error {
	i, found := l.findRoute(r)
	if !found {
		return syscall.ESRCH
	}
	l.routes = slices.Delete(l.routes, i, i+1)
	l.changed()
	return nil
}

// Routes returns all routes, the most specific first.
func (l *Layer) Routes() []Route { return slices.Clone(l.routes) }

// gatewayInterface returns the interface by which a gateway is reached. RFC
// 1122, section 3.3.1.1: a gateway is on a connected network.
func (l *Layer) gatewayInterface(gateway netip.Addr, want *Interface) (*Interface, error) {
	if l.IsLocal(gateway) || l.IsBroadcast(gateway) {
		return nil, syscall.EINVAL
	}
	for _, i := range l.interfaces[1:] {
		if (want == nil || want == i) && (i.prefix.Contains(gateway) || i.reaches6(gateway)) {
			return i, nil
		}
	}
	return nil, syscall.ENETUNREACH
}

// findRoute returns where a route with the prefix and the metric of r stands, or
// would stand.
func (l *Layer) findRoute(r Route) (i int, found bool) {
	return slices.BinarySearchFunc(l.routes, r, moreSpecific)
}

func (l *Layer) insertRoute(r Route) {
	i, _ := l.findRoute(r)
	l.routes = slices.Insert(l.routes, i, r)
	l.changed()
}

// moreSpecific orders routes as they are tried: longer prefixes first. Those of
// one length are in the order of their addresses, to be searched by halves, and of
// one prefix the lowest metric comes first.
func moreSpecific(a, b Route) int {
	return cmp.Or(
		cmp.Compare(b.Prefix.Bits(), a.Prefix.Bits()),
		a.Prefix.Addr().Compare(b.Prefix.Addr()),
		cmp.Compare(a.Metric, b.Metric),
	)
}

// changed makes everything forget what was looked up before.
func (l *Layer) changed() {
	l.generation++
	for _, i := range l.interfaces {
		i.vouched = netip.Addr{}
	}
}

// route returns the route to dst, nil if there is none: the one with the longest
// prefix (RFC 1812, section 5.2.4.3), and of those for the same prefix the one with
// the lowest metric. It searches each length that there is by halves, so the price
// hardly grows with the table; it is paid once per Path and per destination of a
// router (forwardCache).
func (l *Layer) route(dst netip.Addr) *Route {
	for rest := l.routes; len(rest) > 0; {
		bits := rest[0].Prefix.Bits()
		n := sort.Search(len(rest), func(i int) bool { return rest[i].Prefix.Bits() < bits })
		if want, err := dst.Prefix(bits); err == nil {
			i := sort.Search(n, func(i int) bool { return !rest[i].Prefix.Addr().Less(want.Addr()) })
			if i < n && rest[i].Prefix == want {
				return &rest[i]
			}
		}
		rest = rest[n:]
	}
	return nil
}
