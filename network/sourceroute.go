package network

import (
	"net/netip"
	"slices"
	"syscall"

	"septet/header"
	"septet/packet"
)

// Source routes: the sender names routers that its datagram is to pass (RFC 791,
// section 3.1). Since they lead around filters they are refused by whoever has not
// been told otherwise (RFC 7126, sections 4.3 and 4.4): see SetSourceRouting.

// SourceRoute is a way of the sender's choice. It is not changed once it is in use. A
// nil one, or one without hops, leaves the way to the routers.
type SourceRoute struct {
	Strict bool         // nothing may lie between one hop and the next
	Hops   []netip.Addr // the routers to pass, in this order, without the destination
}

// MaxHops is how many addresses the options of an IP header have room for.
const MaxHops = (header.IPv4MaxLen - header.IPv4Len - header.SourceRouteLen) / 4

// Len returns by how much the route makes an IP header longer, in bytes.
func (r *SourceRoute) Len() int {
	if r == nil || len(r.Hops) == 0 {
		return 0
	}
	return (header.SourceRouteLen + 4*len(r.Hops) + 3) &^ 3
}

// Equal reports whether two routes are the same way.
func (r *SourceRoute) Equal(other *SourceRoute) bool {
	if r.Len() == 0 || other.Len() == 0 {
		return r.Len() == other.Len()
	}
	return r.Strict == other.Strict && slices.Equal(r.Hops, other.Hops)
}

// usable reports whether a datagram can be sent by the route: it fits the header, and
// all hops are single hosts.
func (r *SourceRoute) usable() bool {
	return len(r.Hops) <= MaxHops && !slices.ContainsFunc(r.Hops, func(a netip.Addr) bool { return !singleHost(a) })
}

func singleHost(a netip.Addr) bool {
	return a.Is4() && !isThisNetwork(a) && !a.IsLoopback() && !a.IsMulticast() && !isClassE(a)
}

// options returns the options of a header whose destination is the first hop. RFC 1122,
// section 3.2.1.8, case A: they have the others, and as the last the true destination.
func (r *SourceRoute) options(dst netip.Addr) []byte {
	option := header.SourceRoute{Strict: r.Strict, Addrs: append(slices.Clone(r.Hops[1:]), dst)}
	b := make([]byte, r.Len())
	option.Put(b)
	return b
}

// wayBack is the recorded part of a route, to be gone the other way to src, who has
// sent the datagram; nil if that is nothing. RFC 1122, section 3.2.1.8: "it MUST be
// correctly formed even if the recorded route included the source host".
func wayBack(option *header.SourceRoute, src netip.Addr) *SourceRoute {
	hops := slices.Clone(option.Addrs[:option.Next])
	slices.Reverse(hops)
	if n := len(hops); n > 0 && hops[n-1] == src {
		hops = hops[:n-1]
	}
	if len(hops) == 0 {
		return nil
	}
	return &SourceRoute{Strict: option.Strict, Hops: hops}
}

// SetSourceRouting says whether datagrams with a source route are taken and, by a
// router, forwarded. At first they are not. What this host sends does not depend on it.
func (l *Layer) SetSourceRouting(on bool) { l.sourceRouting = on }

// PathVia is Path for datagrams that go by a source route: those are sent with the
// same route in Send. Errors beside Path's: EINVAL for a route that is too long or
// names what is no single host; EHOSTUNREACH for a strict one whose first hop is on no
// network of this host.
func (l *Layer) PathVia(dst, src netip.Addr, r *SourceRoute) (Path, error) {
	if r.Len() == 0 {
		return l.Path(dst, src)
	}
	if dst = dst.Unmap(); !dst.Is4() {
		return Path{}, syscall.EAFNOSUPPORT
	}
	if !singleHost(dst) || l.IsBroadcast(dst) || !r.usable() {
		return Path{}, syscall.EINVAL
	}
	p, err := l.Path(r.Hops[0], src)
	if err != nil {
		return Path{}, err
	}
	if p.Broadcast() || p.Loopback() {
		return Path{}, syscall.EINVAL
	}
	if r.Strict && l.route(r.Hops[0]).Gateway.IsValid() {
		return Path{}, syscall.EHOSTUNREACH
	}
	p.dst = dst
	return p, nil
}

// PathBack is the path for an answer to a datagram that has arrived: to its source,
// from the address that it was sent to, by its source route the other way (RFC 1122,
// section 3.2.1.8).
func (l *Layer) PathBack(d *Datagram) (Path, error) { return l.PathVia(d.Src, d.Dst, d.Route) }

// Reroute changes the path to lead by another source route. If there is an error it
// stays as it was.
func (p *Path) Reroute(r *SourceRoute) error {
	if p.via == nil {
		return syscall.EDESTADDRREQ
	}
	other, err := p.via.layer.PathVia(p.dst, p.src, r)
	if err == nil {
		*p = other
	}
	return err
}

// followRoute looks at the source route of a packet that has arrived and reports
// whether the packet is from then on like any other. If it is addressed to this host,
// but not at its end, the next hop has become its destination.
func (l *Layer) followRoute(p *packet.Packet, d *Datagram, h *header.IPv4, at int) bool {
	option := h.Options[at-header.IPv4Len:]
	r, err := header.ParseSourceRoute(option)
	if err != nil {
		l.refuseOption(p, d, at)
		return false
	}
	d.Route = wayBack(&r, d.Src)
	switch {
	case r.Completed():
		return true
	case d.Broadcast, d.Interface.Loopback(), !singleHost(d.Dst), l.IsBroadcast(d.Dst):
		l.drop(p, &l.stats.InSourceRouted)
		return false
	case l.addresses[d.Dst] != own && !r.Strict:
		return true // on its way to the next hop
	}
	next, ok := l.visit(&r, d.Dst)
	if !ok {
		l.stats.SourceRouteFailed++
		l.refuse(p, d, header.ICMP{Type: header.ICMPUnreachable, Code: header.ICMPSourceRouteFailed})
		return false
	}
	r.Put(option)
	d.Dst, h.Dst = next, next
	replaceDst(p.Head(), next)
	return true
}

// visit takes the route r on from dst, a hop that the packet has reached, and returns
// the next one that is not this host itself. It returns false if there is no going on.
func (l *Layer) visit(r *header.SourceRoute, dst netip.Addr) (next netip.Addr, ok bool) {
	if l.addresses[dst] != own {
		return dst, false // between the hops of a strict route there is nobody
	}
	for !r.Completed() && l.addresses[dst] == own {
		next := r.Addrs[r.Next]
		record := next // another address of this host
		if l.addresses[next] != own {
			via := l.hopInterface(next, r.Strict)
			if via == nil {
				return dst, false
			}
			// RFC 791, section 3.1: this router's "own internet address as known in
			// the environment into which this datagram is being forwarded".
			record = via.addr
		}
		r.Addrs[r.Next] = record
		r.Next++
		dst = next
	}
	return dst, true
}

// hopInterface returns where a datagram leaves for the next hop of a source route. It
// is nil if that cannot be, which the sender is told: for want of a route, since the
// next hop of a strict route is on no connected network, or since this host, no router,
// is not its last (RFC 1122, section 3.3.5).
func (l *Layer) hopInterface(next netip.Addr, strict bool) *Interface {
	if !l.forwarding || !singleHost(next) || l.IsBroadcast(next) {
		return nil
	}
	r := l.route(next)
	if r == nil || r.Interface.Loopback() || strict && r.Gateway.IsValid() {
		return nil
	}
	return r.Interface
}

// replaceDst changes the destination in the IP header b.
func replaceDst(b []byte, dst netip.Addr) {
	a := dst.As4()
	copy(b[16:20], a[:])
	b[10], b[11] = 0, 0
	be.PutUint16(b[10:], ^header.Checksum(b[:int(b[0]&15)*4], 0))
}
