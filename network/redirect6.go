package network

import (
	"septet/header"
	"septet/packet"
)

// sendRedirect6 tells the sender of a packet, which leaves by the interface on which it
// came, of the better first hop. RFC 4861, section 8.2: if the sender is a neighbour; and
// other routers are told of by their link-local addresses only.
func (l *Layer) sendRedirect6(p *packet.Packet, d *Datagram, path *Path) {
	i, hop := d.Interface, path.neighbour.Addr()
	r := l.route(d.Src)
	neighbour := r != nil && r.Interface == i && !r.Gateway.IsValid()
	router := i.six.addresses[0]
	switch {
	case !neighbour, p.Frames() > 1, hop == d.Src, hop != d.Dst && !hop.IsLinkLocalUnicast(), !router.usable():
		return
	case !mayComplain6(p, d, &header.ICMPv6{Type: header.ICMPv6Redirect}), !l.mayRedirect(d.Src, d.Dst):
		return
	}
	h := header.Redirect{Target: hop, Dst: d.Dst}
	b := make([]byte, header.RedirectLen)
	h.Put(b)
	var o header.NDOptions
	o.Target, o.HasTarget = path.neighbour.MAC()
	// RFC 4861, section 4.6.3: as much of the packet as fits the smallest MTU.
	quote := p.Bytes()
	o.Redirected = quote[:min(len(quote), header.IPv6MinMTU-header.IPv6Len-header.RedirectLen-2*8)]
	i.sendND(b, router.Addr, d.Src, o)
}

// inputRedirect6 follows a redirect (RFC 4861, sections 8.1 and 8.3): one of the router
// to which this host sends now what is for the destination. It reports whether the
// message is valid.
func (l *Layer) inputRedirect6(b []byte, d *Datagram) bool {
	h, options, err := header.ParseRedirect(b)
	if err != nil || !d.Src.IsLinkLocalUnicast() {
		return false
	}
	o, err := header.ParseNDOptions(options)
	if err != nil {
		return false
	}
	i := d.Interface
	target := i.Scoped(h.Target)
	if l.forwarding || !assignable6(h.Target) || !assignable6(h.Dst) || l.IsLocal(target) || !l.firstHop(h.Dst, d.Src, i) {
		l.stats.RedirectsIgnored++
		return true
	}
	if o.HasTarget {
		i.nic.Learn(target.WithZone(""), o.Target)
	}
	l.redirect(h.Dst, target, i)
	return true
}
