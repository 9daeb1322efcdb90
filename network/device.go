package network

import (
	"net/netip"
	"syscall"
)

// A socket may be bound to a device (SO_BINDTODEVICE): then it sends by one interface
// alone, whatever the other routes say, and hears what arrives there.

// Device returns the interface at which a socket bound to a device hears the datagram:
// where it arrived or, as on Linux, the one that has its destination, if this host has
// sent it to itself.
func (d *Datagram) Device() *Interface {
	if !d.Interface.Loopback() {
		return d.Interface
	}
	if i := d.Interface.layer.interfaceOf(d.Dst); i != nil {
		return i
	}
	return d.Interface
}

// home returns the interface that has one of the host's own addresses.
func (l *Layer) home(a netip.Addr) *Interface {
	if a.IsLoopback() {
		return l.lo()
	}
	return l.interfaceOf(a)
}

// resolveOn is resolve where only the interface p.via may be used. As on Linux, what no
// route of it leads to is taken to be on its link.
func (l *Layer) resolveOn(p *Path) error {
	via := p.via
	switch {
	case l.IsLocal(p.dst) && l.home(p.dst) == via:
		p.via, p.pinned = nil, false
		return l.resolve(p)
	case p.src.IsLoopback() && !via.Loopback():
		return syscall.EINVAL
	case p.dst.IsMulticast():
		return l.resolveGroup(p)
	case isThisNetwork(p.dst), isClassE(p.dst) && p.dst != limitedBroadcast:
		return syscall.ENETUNREACH
	}
	if !p.src.IsValid() {
		p.src = l.sourceOn(via)
	}
	if !p.src.IsValid() {
		return syscall.EADDRNOTAVAIL
	}
	switch {
	case p.dst == limitedBroadcast, p.dst == via.Broadcast():
		return p.broadcastOn(via)
	case via.Loopback():
		return nil
	}
	r := l.routeOn(p.dst, via)
	if r == nil {
		r = &Route{Interface: via}
	}
	return p.follow(r)
}

// sourceOn returns the address from which to send by an interface: its own, or another
// of this host.
func (l *Layer) sourceOn(via *Interface) netip.Addr {
	if via.addr.IsValid() && !via.Loopback() {
		return via.addr
	}
	for _, i := range l.interfaces[1:] {
		if i.addr.IsValid() {
			return i.addr
		}
	}
	return via.addr
}

// routeOn returns the first usable route to dst that leads out by an interface.
func (l *Layer) routeOn(dst netip.Addr, via *Interface) *Route {
	for r := range l.routes.matching(dst) {
		if r.Interface == via && via.up() {
			return r
		}
	}
	return nil
}

// resolveOn6 is resolveOn for IPv6, where nothing is on the link without a route.
func (l *Layer) resolveOn6(p *Path) error {
	via := p.via
	if p.dst.IsUnspecified() {
		if p.dst = p.src; !p.dst.IsValid() {
			p.dst = localhost6
		}
	}
	if p.dst = l.Zoned(p.dst); p.dst.Zone() == "" {
		p.dst = via.Scoped(p.dst) // the device says of which link
	}
	zone := p.dst.Zone()
	switch {
	case zone != "" && zone != via.name:
		return syscall.EINVAL
	case l.IsLocal(p.dst) && l.home(p.dst) == via:
		p.via, p.pinned = nil, false
		return l.resolve6(p)
	case l.IsLocal(p.dst), via.Loopback():
		return syscall.ENETUNREACH
	case p.src.IsLoopback():
		return syscall.EINVAL
	case p.dst.IsMulticast():
		return l.resolveGroup6(p)
	case p.dst.IsLinkLocalUnicast() && via.six != nil:
		return p.follow(&Route{Interface: via})
	}
	r := l.routeOn(p.dst, via)
	if r == nil {
		return syscall.ENETUNREACH
	}
	return p.follow(r)
}
