package udp

import (
	"net/netip"

	"septet/network"
)

// multicast is what an endpoint does with groups, of both families. Nil is what every
// endpoint begins with.
type multicast struct{ four, six *network.Multicast }

// Multicast returns what the endpoint does with the groups of IPv4, or of IPv6. Whoever
// changes how it sends to them calls Reroute.
func (e *Endpoint) Multicast(six bool) *network.Multicast {
	m := &e.multicast.four
	if six {
		m = &e.multicast.six
	}
	if *m == nil {
		*m = network.NewMulticast()
		(*m).OnlyJoined = !six && !e.everyAddr.Is4()
	}
	return *m
}

// Reroute has the way to the destination looked up again.
func (e *Endpoint) Reroute() { e.pathTo = netip.Addr{} }

func (m *multicast) of(a netip.Addr) *network.Multicast {
	if a.Is4() {
		return m.four
	}
	return m.six
}

// hears reports whether a datagram for many is for the endpoint, which has its port.
func (e *Endpoint) hears(d *network.Datagram) bool {
	m := e.multicast.of(d.Dst)
	switch {
	case !d.Dst.IsMulticast():
		return true
	case m == nil:
		// A socket of IPv6 hears no IPv4 groups that it has not joined, as on Linux.
		return d.Dst.Is6() || e.everyAddr.Is4()
	}
	return m.Hears(d)
}

// lookUp returns the way from a local address to dst.
func (e *Endpoint) lookUp(dst, local netip.Addr) (network.Path, error) {
	return e.lookUpOn(dst, e.sourceFor(local), e.device)
}

// lookUpOn is lookUp by one interface, unless that is nil.
func (e *Endpoint) lookUpOn(dst, src netip.Addr, via *network.Interface) (network.Path, error) {
	n := e.layer.network
	if m := e.multicast.of(dst); m != nil && dst.IsMulticast() {
		return m.Path(n, dst, src, via)
	}
	return n.PathOn(dst, src, via)
}

// hops is the TTL or hop limit of what goes along the endpoint's path, which to one host
// is ttl. Zero is the usual one.
func (e *Endpoint) hops(ttl uint8) uint8 {
	if !e.path.Group() {
		return ttl
	}
	if m := e.multicast.of(e.path.Dst()); m != nil {
		return m.Hops
	}
	return 0
}

// leaveGroups ends all memberships.
func (m *multicast) leaveGroups() {
	for _, g := range [...]*network.Multicast{m.four, m.six} {
		if g != nil {
			g.Close()
		}
	}
}
