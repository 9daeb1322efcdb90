package network

import (
	"cmp"
	"net/netip"
	"slices"
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
	if !r.Prefix.IsValid() || !r.Prefix.Addr().Is4() || r.Prefix != r.Prefix.Masked() {
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
	if l.findRoute(r) >= 0 {
		return syscall.EEXIST
	}
	l.insertRoute(r)
	return nil
}

// RemoveRoute removes the route with the prefix and the metric of r, ESRCH if
// there is none.
func (l *Layer) RemoveRoute(r Route) error {
	i := l.findRoute(r)
	if i < 0 {
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
		if (want == nil || want == i) && i.prefix.Contains(gateway) {
			return i, nil
		}
	}
	return nil, syscall.ENETUNREACH
}

func (l *Layer) findRoute(r Route) int {
	return slices.IndexFunc(l.routes, func(have Route) bool {
		return have.Prefix == r.Prefix && have.Metric == r.Metric
	})
}

func (l *Layer) insertRoute(r Route) {
	i, _ := slices.BinarySearchFunc(l.routes, r, moreSpecific)
	l.routes = slices.Insert(l.routes, i, r)
	l.changed()
}

// moreSpecific orders routes as they are tried: longer prefixes first, then
// lower metrics. The address only makes the order complete.
func moreSpecific(a, b Route) int {
	return cmp.Or(
		cmp.Compare(b.Prefix.Bits(), a.Prefix.Bits()),
		cmp.Compare(a.Metric, b.Metric),
		a.Prefix.Addr().Compare(b.Prefix.Addr()),
	)
}

// changed makes everything forget what was looked up before.
func (l *Layer) changed() {
	l.generation++
	for _, i := range l.interfaces {
		i.vouched = netip.Addr{}
	}
}

// route returns the route to dst, nil if there is none: the first match is the
// one with the longest prefix (RFC 1812, section 5.2.4.3). The walk is paid
// once per Path and per destination of a router (forwardCache).
func (l *Layer) route(dst netip.Addr) *Route {
	for i := range l.routes {
		if l.routes[i].Prefix.Contains(dst) {
			return &l.routes[i]
		}
	}
	return nil
}
