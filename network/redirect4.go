package network

import (
	"errors"
	"net/netip"

	"septet/header"
	"septet/packet"
)

// sendRedirect tells the sender of a packet, which leaves by the interface on which it
// came, of the gateway to which it should send itself. RFC 1812, section 5.2.7.2: if
// both are on the same network and the packet has no source route; and always a
// redirect for the host, code 1.
func (l *Layer) sendRedirect(p *packet.Packet, d *Datagram, path *Path) {
	in, gateway := d.Interface, path.neighbour.Addr()
	onNet := in.prefix.Contains(d.Src) && in.prefix.Contains(gateway)
	if !onNet || d.Route != nil || p.Frames() > 1 || gateway == d.Src || !l.mayComplain(p, d) {
		return
	}
	back, err := l.Path(d.Src, in.addr)
	if err != nil || !l.mayRedirect(d.Src, d.Dst) {
		return
	}
	quote := p.Bytes()
	quote = quote[:min(len(quote), maxICMPError-header.IPv4Len-header.ICMPLen)]
	to := gateway.As4()
	m := header.ICMP{Type: header.ICMPRedirect, Code: header.ICMPRedirectHost, Rest: be.Uint32(to[:])}
	e := l.pool.Get(header.ICMPLen + len(quote))
	m.Put(e.Extend(header.ICMPLen))
	e.Append(quote)
	header.SetICMPChecksum(e.Head())
	l.send(e, &back, Send{Protocol: header.ProtocolICMP, TOS: internetworkControl})
}

// inputRedirect follows a redirect if that is safe. RFC 1122, section 3.2.2.2: not where
// the new gateway is not on the network by which the redirect came, or its sender is not
// the gateway that is used now; RFC 1812, section 5.2.7.2: routers do not follow any.
func (m *icmp) inputRedirect(h *header.ICMP, quote []byte, d *Datagram) {
	l, i := m.layer, d.Interface
	q, _, err := header.ParseIPv4(quote)
	var b [4]byte
	be.PutUint32(b[:], h.Rest)
	gateway := netip.AddrFrom4(b)
	switch {
	case err != nil && !errors.Is(err, header.ErrChecksum), len(quote) < q.Len()+8, l.addresses[q.Src] != own:
		l.stats.ICMPBadError++
	case l.forwarding, d.Broadcast, i.Loopback(), h.Code > header.ICMPRedirectTOSHost, q.Dst != q.FinalDst(),
		!i.prefix.Contains(gateway), !assignable(netip.PrefixFrom(gateway, i.prefix.Bits())),
		l.addresses[gateway] != foreign, !l.firstHop(q.Dst, d.Src, i):
		l.stats.RedirectsIgnored++
	default:
		l.redirect(q.Dst, gateway, i)
	}
}
