package network

import (
	"net/netip"
	"time"

	"septet/header"
	"septet/link"
)

// Constants of neighbour discovery (RFC 4861, section 10).
const (
	reachableTime = 30 * time.Second
	retransTimer  = 1 * time.Second
)

// ndHopLimit is what every message of neighbour discovery has: no router has forwarded
// it, so its sender is on the link (RFC 4861, section 3.1).
const ndHopLimit = 255

// inputND takes a message of neighbour discovery, which is all of b.
func (l *Layer) inputND(b []byte, d *Datagram) {
	// RFC 6980, section 5: nor has one come in fragments, which hide what it says from
	// those who guard the link.
	if d.TTL != ndHopLimit || d.fragmented || d.Interface.six == nil {
		l.stats.NeighbourBad++
		return
	}
	if l.addresses[d.Src] == own && b[0] != header.ICMPv6NeighbourAdvert {
		l.stats.InMartian++
		return
	}
	var ok bool
	switch b[0] {
	case header.ICMPv6RouterSolicit:
		ok = d.Interface.inputRouterSolicitation(b, d)
	case header.ICMPv6RouterAdvert:
		ok = d.Interface.inputRouterAdvertisement(b, d)
	case header.ICMPv6NeighbourSolicit:
		ok = d.Interface.inputSolicitation(b, d)
	case header.ICMPv6NeighbourAdvert:
		ok = d.Interface.inputAdvertisement(b, d)
	case header.ICMPv6Redirect:
		ok = l.inputRedirect6(b, d)
	}
	if !ok {
		l.stats.NeighbourBad++
	}
}

// inputSolicitation answers who asks for an address of this interface (RFC 4861,
// sections 7.1.1 and 7.2.3). It reports whether the message is valid.
func (i *Interface) inputSolicitation(b []byte, d *Datagram) bool {
	h, options, err := header.ParseNeighbourSolicitation(b)
	if err != nil {
		return false
	}
	o, err := header.ParseNDOptions(options)
	probe := d.Src.IsUnspecified() // of who wants the address for itself
	a := i.address6(i.Scoped(h.Target))
	switch {
	case err != nil:
		return false
	case probe && (o.HasSource || !solicitedNode.Contains(d.Dst)):
		return false
	case a == nil:
		return true
	case probe:
		a.probed(o.Nonce)
		return true
	case !a.usable():
		// RFC 4862, section 5.4.3: nobody can know a tentative address yet.
		return true
	}
	if o.HasSource {
		i.nic.Learn(d.Src.WithZone(""), o.Source)
	}
	i.advertise(h.Target, d.Src)
	return true
}

// advertise says that the address target is this interface's: to who has asked, or to
// all nodes if that has no address yet (RFC 4861, section 7.2.4).
func (i *Interface) advertise(target, to netip.Addr) {
	h := header.NeighbourAdvertisement{Target: target, Override: true, Router: i.layer.forwarding}
	h.Solicited = !to.IsUnspecified()
	if !h.Solicited {
		to = allNodes
	}
	b := make([]byte, header.NeighbourAdvertisementLen)
	h.Put(b)
	i.sendND(b, i.Scoped(target), to, header.NDOptions{Target: i.nic.MAC(), HasTarget: true})
}

// inputAdvertisement takes what a neighbour says of itself (RFC 4861, sections 7.1.2
// and 7.2.5). It reports whether the message is valid.
func (i *Interface) inputAdvertisement(b []byte, d *Datagram) bool {
	h, options, err := header.ParseNeighbourAdvertisement(b)
	if err != nil {
		return false
	}
	o, err := header.ParseNDOptions(options)
	if err != nil || d.Dst.IsMulticast() && h.Solicited {
		return false
	}
	if a := i.address6(i.Scoped(h.Target)); a != nil && a.State != Duplicated {
		a.claimed()
		return true
	}
	believed := i.nic.Advertised(h.Target, link.Advertisement{
		MAC: o.Target, HasMAC: o.HasTarget, Solicited: h.Solicited, Override: h.Override,
	})
	if believed && !h.Router {
		i.noRouter(i.Scoped(h.Target))
	}
	return true
}

// solicit asks for a neighbour's Ethernet address: the neighbour alone, if it is only to
// be confirmed (RFC 4861, section 7.2.2).
func (i *Interface) solicit(target netip.Addr, alone bool) {
	h := header.NeighbourSolicitation{Target: target}
	b := make([]byte, header.NeighbourSolicitationLen)
	h.Put(b)
	to := solicitedNodeOf(target)
	if alone {
		to = target
	}
	src := i.sourceFor(i.Scoped(target))
	if !src.IsValid() {
		return
	}
	i.sendND(b, src, to, header.NDOptions{Source: i.nic.MAC(), HasSource: true})
}

// sendND sends a message of neighbour discovery with options. One to a group is not for
// this host, whatever it has joined.
func (i *Interface) sendND(message []byte, src, to netip.Addr, o header.NDOptions) {
	l := i.layer
	if !i.speaksIPv6() {
		return
	}
	p := l.pool.Get(len(message) + o.Len())
	p.Append(message)
	o.Put(p.Extend(o.Len()))
	header.SetICMPv6Checksum(p.Touch(), src, to)
	h := header.IPv6{
		PayloadLength: p.Len(), NextHeader: header.ProtocolICMPv6, HopLimit: ndHopLimit, Src: src, Dst: to,
	}
	h.Put(p.Push(header.IPv6Len))
	p.MarkIP()
	l.stats.Sent++
	to = to.WithZone("")
	if to.IsMulticast() {
		i.nic.Multicast(p, to, header.EtherTypeIPv6)
		return
	}
	i.nic.Output(p, i.nic.Neighbour(to), header.EtherTypeIPv6)
}
