package network

import (
	"net/netip"
	"syscall"

	"septet/header"
	"septet/link"
)

// Path is the way to one destination, looked up once and kept by whoever sends
// there: the connection, or the endpoint. It is a value; the zero Path leads
// nowhere. Output looks it up again when routes or interfaces have changed.
type Path struct {
	src, dst   netip.Addr
	via        *Interface
	neighbour  *link.Neighbour // the next hop; nil on "lo" and for many
	generation uint32
	kind       delivery
	pinned     bool // to the interface via, whatever the other routes say
	noLoop     bool // this host gets no copy of what is sent to a group
	local      bool // nobody else does
}

// delivery says how many a path leads to.
type delivery uint8

const (
	toOne delivery = iota
	toBroadcast
	toGroup
	toNobody
)

// Src returns the address from which datagrams are sent.
func (p *Path) Src() netip.Addr { return p.src }

// Dst returns the destination, which is 127.0.0.1 (or Src) if 0.0.0.0 was asked
// for, and ::1 (or Src) for ::.
func (p *Path) Dst() netip.Addr { return p.dst }

// Interface returns where datagrams leave the host.
func (p *Path) Interface() *Interface { return p.via }

// MTU returns the longest datagram that the first link carries, in bytes with
// the IP header. On "lo" that is the longest there can be, which is less than
// the interface's MTU.
func (p *Path) MTU() int {
	if p.dst.Is6() {
		return min(p.via.mtu6(), maxDatagram)
	}
	return min(p.via.MTU(), maxDatagram)
}

// HeaderLen returns the length of the IP header without options or extensions.
func (p *Path) HeaderLen() int {
	if p.dst.Is6() {
		return header.IPv6Len
	}
	return header.IPv4Len
}

// Loopback reports whether the destination is this host.
func (p *Path) Loopback() bool { return p.via != nil && p.via.Loopback() }

// Doubt tells the link layer that nothing seems to arrive by this path, so that it
// asks for the next hop again (RFC 1122, section 2.3.2.1).
func (p *Path) Doubt() {
	if p.neighbour != nil {
		p.neighbour.Doubt()
	}
}

// Confirm tells the link layer that something sent by this path has arrived: the next
// hop need not be asked whether it is there (RFC 4861, section 7.3.1).
func (p *Path) Confirm() {
	if p.dst.Is6() && p.neighbour != nil { // ARP believes nobody else
		p.neighbour.Confirm()
	}
}

// CarriesTrains reports whether a train (packet.Packet.Couple) sent now would reach
// the next hop whole.
func (p *Path) CarriesTrains() bool {
	switch {
	case p.neighbour != nil:
		return p.via.nic.CarriesTrains(p.neighbour)
	case p.kind != toOne || p.via == nil:
		return false
	}
	return true
}

// Broadcast reports whether the destination is a broadcast address.
func (p *Path) Broadcast() bool { return p.kind == toBroadcast }

// Group reports whether the destination is a multicast group.
func (p *Path) Group() bool { return p.kind == toGroup }

// Path looks up the way to dst. The source address is src, or, if that is the
// zero Addr, 0.0.0.0 or ::, the one that belongs to the route. Errors: ENETUNREACH
// without a route or, as on Linux, if src is an IPv4 address but not this host's,
// EADDRNOTAVAIL if it is an IPv6 address and not this host's, EINVAL
// if src is a loopback address and dst is not here, or if dst is of a link and does not
// say of which, EAFNOSUPPORT for no address or two families.
func (l *Layer) Path(dst, src netip.Addr) (Path, error) { return l.PathOn(dst, src, nil) }

// PathOn is Path by the interface via alone, unless that is nil (SO_BINDTODEVICE).
func (l *Layer) PathOn(dst, src netip.Addr, via *Interface) (Path, error) {
	dst, src = dst.Unmap(), src.Unmap()
	switch {
	case !dst.IsValid(), src.IsValid() && src.Is4() != dst.Is4():
		return Path{}, syscall.EAFNOSUPPORT
	case src.IsUnspecified():
		src = netip.Addr{}
	case src.IsValid() && src.Is4() && !l.IsLocal(src):
		return Path{}, syscall.ENETUNREACH
	case src.IsValid() && !l.IsLocal(src):
		return Path{}, syscall.EADDRNOTAVAIL
	}
	p := Path{src: src, dst: dst, via: via, pinned: via != nil, generation: l.generation}
	// As on Linux, 0.0.0.0 as a destination is this host.
	if dst == anyAddr { // IPv4's; for the other resolve6 does it
		p.dst = src
		if !src.IsValid() {
			p.dst = localhost
		}
	}
	var err error
	switch {
	case dst.Is6() && via != nil:
		err = l.resolveOn6(&p)
	case dst.Is6():
		err = l.resolve6(&p)
	case via != nil:
		err = l.resolveOn(&p)
	default:
		err = l.resolve(&p)
	}
	if err != nil {
		return Path{}, err
	}
	return p, nil
}

// resolve fills in the interface, the source and the next hop of p.
func (l *Layer) resolve(p *Path) error {
	if l.IsLocal(p.dst) {
		p.via = l.lo()
		if !p.src.IsValid() {
			p.src = p.dst
			if p.dst.IsLoopback() {
				p.src = localhost
			}
		}
		return nil
	}
	if p.dst == loopbackBroadcast {
		return p.broadcastOn(l.lo())
	}
	if p.dst.IsMulticast() {
		if p.src.IsLoopback() {
			return syscall.EINVAL
		}
		return l.resolveGroup(p)
	}
	// 0.0.0.0/8 and 240/4 are nobody's.
	if isThisNetwork(p.dst) || (isClassE(p.dst) && p.dst != limitedBroadcast) {
		return syscall.ENETUNREACH
	}
	r := (*Route)(nil)
	if !l.IsBroadcast(p.dst) {
		if r = l.routeTo(p.dst); r == nil {
			return syscall.ENETUNREACH
		}
	}
	switch {
	case p.src.IsLoopback():
		// RFC 1122, section 3.2.1.3: an address of 127/8 must not appear outside
		// a host.
		return syscall.EINVAL
	case r == nil:
		return l.resolveBroadcast(p)
	}
	return p.follow(r)
}

// resolveBroadcast finds the interface for a broadcast: the one on whose network
// it is; for 255.255.255.255 that of the source address, or the one to which
// the route points (as on Linux, mostly the default route).
func (l *Layer) resolveBroadcast(p *Path) error {
	for _, i := range l.interfaces[1:] {
		if p.dst == i.Broadcast() || (p.dst == limitedBroadcast && p.src == i.addr) {
			return p.broadcastOn(i)
		}
	}
	if r := l.route(p.dst); r != nil {
		return p.broadcastOn(r.Interface)
	}
	return syscall.ENETUNREACH
}

func (p *Path) broadcastOn(i *Interface) error {
	p.via, p.kind = i, toBroadcast
	if !p.src.IsValid() {
		p.src = i.addr
	}
	return nil
}

// follow fills in what the route r says.
func (p *Path) follow(r *Route) error {
	p.via = r.Interface
	if p.via.Loopback() {
		return syscall.ENETUNREACH // only this host's addresses are behind "lo"
	}
	if p.dst.Is6() && !p.via.speaksIPv6() {
		return syscall.EADDRNOTAVAIL
	}
	if !p.src.IsValid() {
		if p.src = p.via.sourceVia(p.dst, r.Gateway); !p.src.IsValid() {
			return syscall.EADDRNOTAVAIL
		}
	}
	if p.src.IsLoopback() {
		// RFC 4291, section 2.5.3: ::1 must not leave the node. Linux says so to nobody.
		p.kind = toNobody
		return nil
	}
	hop := p.dst
	if r.Gateway.IsValid() {
		hop = r.Gateway
	}
	p.neighbour = p.via.nic.Neighbour(hop.WithZone(""))
	return nil
}

// Fresh reports whether p was looked up after the last change of routes, interfaces and
// what their addresses are good for: whether Path would find the same.
func (l *Layer) Fresh(p *Path) bool { return p.via != nil && p.generation == l.generation }

// refresh looks p up again after routes or interfaces have changed. Its
// addresses stay: a connection is bound to them.
func (l *Layer) refresh(p *Path, r *SourceRoute) error {
	if !p.dst.IsValid() {
		return syscall.EDESTADDRREQ
	}
	var fresh Path
	var err error
	switch {
	case p.pinned && p.kind == toGroup:
		fresh, err = l.GroupPath(p.dst, p.src, p.via)
	case p.pinned:
		fresh, err = l.PathOn(p.dst, p.src, p.via)
	default:
		fresh, err = l.PathVia(p.dst, p.src, r)
	}
	if err != nil {
		return err
	}
	fresh.noLoop, fresh.local = p.noLoop, p.local
	*p = fresh
	return nil
}
