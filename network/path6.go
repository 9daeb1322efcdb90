package network

import (
	"net/netip"
	"strconv"
	"syscall"
)

// resolve6 is resolve for IPv6.
func (l *Layer) resolve6(p *Path) error {
	if p.dst.IsUnspecified() {
		if p.dst = p.src; !p.dst.IsValid() {
			p.dst = localhost6
		}
	}
	p.dst = l.Zoned(p.dst)
	switch {
	case l.IsLocal(p.dst):
		p.via = l.lo()
		if !p.src.IsValid() {
			p.src = p.dst
		}
		return nil
	case p.src.IsLoopback() && p.dst.IsMulticast():
		return syscall.EINVAL // RFC 4291, section 2.5.3: it must not leave the node
	case p.dst.IsMulticast():
		return l.resolveGroup6(p)
	case p.dst.IsLinkLocalUnicast():
		i := l.InterfaceNamed(p.dst.Zone())
		if i == nil || i.six == nil {
			return syscall.EINVAL // connect(2): the scope is missing
		}
		return p.follow(&Route{Interface: i})
	}
	r := l.routeTo(p.dst)
	if r == nil {
		return syscall.ENETUNREACH
	}
	return p.follow(r)
}

// resolveGroup6 finds the interface for a group: the one that was asked for or that its
// zone names, that of the source address, that of the route, or the first card that
// speaks IPv6.
func (l *Layer) resolveGroup6(p *Path) error {
	p.kind = toGroup
	i := p.via
	if i == nil && p.dst.Zone() != "" {
		if i = l.InterfaceNamed(p.dst.Zone()); i == nil {
			return syscall.EINVAL // not to whichever link the route shows
		}
		p.pinned = true
	}
	if i == nil && p.src.IsValid() {
		i = l.interfaceOf(p.src)
	}
	if r := l.route(p.dst.WithZone("")); i == nil && r != nil {
		i = r.Interface
	}
	for n := 1; i == nil && n < len(l.interfaces); n++ {
		if l.interfaces[n].six != nil {
			i = l.interfaces[n]
		}
	}
	if i == nil || !i.Loopback() && !i.speaksIPv6() {
		return syscall.ENETUNREACH
	}
	p.via, p.dst = i, p.dst.WithZone("")
	if !p.src.IsValid() && i.Loopback() {
		p.src = localhost6
	}
	if !p.src.IsValid() {
		if p.src = i.sourceFor(p.dst); !p.src.IsValid() {
			return syscall.EADDRNOTAVAIL
		}
	}
	return nil
}

// Zoned returns a with the name of its interface as its zone, where that says its
// number (RFC 4007, section 11.2).
func (l *Layer) Zoned(a netip.Addr) netip.Addr {
	zone := a.Zone()
	if zone == "" || l.InterfaceNamed(zone) != nil {
		return a
	}
	if n, err := strconv.Atoi(zone); err == nil && n >= 1 && n <= len(l.interfaces) {
		return a.WithZone(l.interfaces[n-1].name)
	}
	return a
}

// interfaceOf returns the interface that has an address.
func (l *Layer) interfaceOf(a netip.Addr) *Interface {
	for _, i := range l.interfaces {
		if i.addr == a || i.has6(a) {
			return i
		}
	}
	return nil
}
