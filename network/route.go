package network

import (
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
	// Metric decides between routes for the same prefix: the lowest is used, and of
	// several with the same the one that came first.
	Metric int
}

// AddRoute adds a route. Errors, as Linux gives them: ENETUNREACH for a gateway
// that is not on a directly connected network (EHOSTUNREACH in IPv6), EINVAL for a
// prefix with bits set behind its length or a gateway that no router can have, EEXIST
// if there is a route for the same prefix and metric, ENODEV if neither gateway nor
// interface is given, ENOBUFS if there are 2^20 routes.
func (l *Layer) AddRoute(r Route) error {
	return l.addRoute(r, func(have *Route) bool { return true })
}

// AppendRoute is AddRoute for one more way to the same place, such as a second default
// router: routes for the same prefix and metric stay in the order in which they came,
// and the first that works is used. It is EEXIST only if gateway and interface are the
// same too.
func (l *Layer) AppendRoute(r Route) error {
	return l.addRoute(r, func(have *Route) bool {
		return have.Gateway == r.Gateway && (r.Interface == nil || have.Interface == r.Interface)
	})
}

func (l *Layer) addRoute(r Route, same func(have *Route) bool) error {
	if !r.Prefix.IsValid() || r.Prefix.Addr().Is4In6() || r.Prefix != r.Prefix.Masked() {
		return syscall.EINVAL
	}
	if r.Interface != nil && r.Gateway.Is6() && r.Gateway.IsLinkLocalUnicast() && r.Gateway.Zone() == "" {
		r.Gateway = r.Gateway.WithZone(r.Interface.name)
	}
	switch {
	case r.Gateway.IsValid():
		i, err := l.gatewayInterface(r)
		if err != nil {
			return err
		}
		r.Interface, r.Gateway = i, i.Scoped(r.Gateway)
	case r.Interface == nil:
		return syscall.ENODEV
	}
	for have := range l.routes.to(r.Prefix) {
		if have.Metric == r.Metric && same(have) {
			return syscall.EEXIST
		}
	}
	if l.routes.len() >= maxRoutes {
		return syscall.ENOBUFS
	}
	l.insertRoute(r)
	return nil
}

// RemoveRoute removes the first route with the prefix and the metric of r, and with
// its gateway and its interface if it has them, ESRCH if there is none.
func (l *Layer) RemoveRoute(r Route) error {
	found := l.routes.remove(r.Prefix, func(have *Route) bool {
		return have.Metric == r.Metric &&
			(!r.Gateway.IsValid() || have.Gateway == r.Gateway) &&
			(r.Interface == nil || have.Interface == r.Interface)
	})
	if !found {
		return syscall.ESRCH
	}
	l.forgetRedirects()
	l.changed()
	return nil
}

// Routes returns all routes, the most specific first.
func (l *Layer) Routes() []Route { return l.routes.all() }

// gatewayInterface returns the interface by which the gateway of a route is reached.
// RFC 1122, section 3.3.1.1: a gateway is on a connected network.
func (l *Layer) gatewayInterface(r Route) (*Interface, error) {
	if r.Gateway.Is4() != r.Prefix.Addr().Is4() || l.IsLocal(r.Gateway) {
		return nil, syscall.EINVAL
	}
	if r.Gateway.Is6() {
		return l.gatewayInterface6(r)
	}
	if l.IsBroadcast(r.Gateway) {
		return nil, syscall.EINVAL
	}
	for _, i := range l.interfaces[1:] {
		if (r.Interface == nil || r.Interface == i) && i.prefix.Contains(r.Gateway) {
			return i, nil
		}
	}
	return nil, syscall.ENETUNREACH
}

// gatewayInterface6 is gatewayInterface for IPv6. RFC 4861, section 8: routers are
// known by their link-local addresses, which mean something only with an interface,
// here the zone.
func (l *Layer) gatewayInterface6(r Route) (*Interface, error) {
	gateway := r.Gateway
	if gateway.IsMulticast() || gateway.IsUnspecified() {
		return nil, syscall.EINVAL
	}
	if gateway.IsLinkLocalUnicast() {
		for _, i := range l.interfaces[1:] {
			named := gateway.Zone() == i.name || gateway.Zone() == "" && r.Interface == i
			if named && (r.Interface == nil || r.Interface == i) {
				return i, nil
			}
		}
		return nil, syscall.EINVAL
	}
	if have := l.routes.lookup(gateway); have != nil && !l.routes.someDown && have.onLink(r.Interface) {
		return have.Interface, nil // nearly always
	}
	for have := range l.routes.matching(gateway) {
		if have.onLink(r.Interface) {
			return have.Interface, nil
		}
	}
	return nil, syscall.EHOSTUNREACH
}

// onLink reports whether the route's addresses are on the link of an interface, or of any if
// that is nil.
func (r *Route) onLink(via *Interface) bool {
	return !r.Gateway.IsValid() && (via == nil || via == r.Interface)
}

func (l *Layer) insertRoute(r Route) {
	l.routes.add(r)
	l.forgetRedirects()
	l.changed()
}

// carrierChanged has the routes over interfaces whose cable is out passed over.
func (l *Layer) carrierChanged() {
	l.routes.someDown = slices.ContainsFunc(l.interfaces, func(i *Interface) bool { return !i.up() })
	l.forgetRedirects()
	l.changed()
}

// changed makes everything forget what was looked up before.
func (l *Layer) changed() {
	l.generation++
	for _, i := range l.interfaces {
		i.vouched, i.flow = netip.Addr{}, 0
	}
}

// route returns the route to dst, nil if there is none: the one with the longest
// prefix (RFC 1812, section 5.2.4.3), and of those for the same prefix the one with
// the lowest metric. It is valid until the routes change, and says where to send:
// Interface, and Gateway or, without one, Prefix.
func (l *Layer) route(dst netip.Addr) *Route { return l.routes.lookup(dst) }
