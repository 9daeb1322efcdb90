package network

import (
	"net/netip"
	"syscall"

	"septet/event"
	"septet/header"
	"septet/link"
)

// SpeaksIPv6 reports whether IPv6 is on at a card of the host.
func (l *Layer) SpeaksIPv6() bool { return l.six != nil && l.six.on }

// interface6 is what an interface has for IPv6.
type interface6 struct {
	addresses []*address6 // the one of the link first
	// mine is the own address to which a packet came last.
	mine      netip.Addr
	flow      flow6 // as Interface.flow, with mine
	flowing   bool  // flow is set
	discovery link.Discovery
	hopLimit  uint8      // of what asks for no other; zero is DefaultTTL
	mtu       int        // what routers say of the link's; zero if they do not
	tellFrom  event.Time // when the first groups are reported, see comeUp
	askFrom   event.Time // when the first question about an address is asked
	halted    bool       // another card on the link has the same address

	auto        *autoconfiguration // nil if routers are not listened to
	advertising *advertiser        // nil if this host is not one that is
}

// EnableIPv6 turns IPv6 on and gives the interface its address of the link (RFC 4291,
// section 2.5.6), made from that of the card (appendix A). The address can be used at
// once; whether another card has the same is found out meanwhile (RFC 4862, section 5.4),
// and if one has, IPv6 stops here. EINVAL for "lo", which needs none, and for a link that
// does not carry 1,280 bytes (RFC 8200, section 5).
func (i *Interface) EnableIPv6() error {
	switch {
	case i.nic == nil:
		return syscall.EINVAL
	case i.six != nil:
		return nil
	case i.nic.MTU() < header.IPv6MinMTU:
		return syscall.EINVAL
	}
	l := i.layer
	l.needSix().on = true
	i.six = &interface6{}
	i.comeUp()
	i.six.discovery = link.Discovery{
		Solicit:       i.solicit,
		Unreachable:   i.unreachable,
		Reachable:     i.reachable,
		ReachableTime: reachableTime,
		RetransTimer:  retransTimer,
	}
	i.nic.SetDiscovery(&i.six.discovery)
	_ = i.JoinGroup(allNodes)
	if l.forwarding {
		_ = i.JoinGroup(allRouters)
	}
	a := i.newAddress6(interfaceID(linkLocal6, i.nic.MAC()).WithZone(i.name), linkLocal6.Bits(), LinkLocal)
	return i.assign(a, false)
}

// speaksIPv6 reports whether IPv6 is on at this card, and was not stopped. RFC 4862,
// section 5.4.5: an interface that was sends nothing, and drops what it receives.
func (i *Interface) speaksIPv6() bool { return i.six != nil && !i.six.halted }

// interfaceID returns the address in a prefix of 64 bits that is made from a card's
// (RFC 4291, appendix A: the modified EUI-64).
func interfaceID(prefix netip.Prefix, mac header.MAC) netip.Addr {
	b := prefix.Addr().As16()
	copy(b[8:], []byte{mac[0] ^ 2, mac[1], mac[2], 0xff, 0xfe, mac[3], mac[4], mac[5]})
	return netip.AddrFrom16(b)
}

// mtu6 returns the longest IPv6 packet that the interface sends: what the routers of the
// link say, if that is less than what the card carries (RFC 4861, section 6.3.4).
func (i *Interface) mtu6() int {
	if i.six == nil || i.six.mtu == 0 {
		return i.MTU()
	}
	return min(i.six.mtu, i.MTU())
}

// Link returns the interface of whose link the datagram's link-local addresses are: where
// it has arrived, or, of what this host has sent to itself, the one that has them.
func (d *Datagram) Link() *Interface {
	if !d.Interface.Loopback() {
		return d.Interface
	}
	zone := d.Dst.Zone()
	if zone == "" {
		zone = d.Src.Zone()
	}
	if zone == "" {
		return d.Interface
	}
	return d.Interface.layer.InterfaceNamed(zone)
}

func (l *Layer) hasRoute(r Route) bool {
	for have := range l.routes.to(r.Prefix) {
		if have.Interface == r.Interface && have.Metric == r.Metric {
			return true
		}
	}
	return false
}

// Scoped gives an IPv6 address of the link its zone, if it has none.
func (i *Interface) Scoped(a netip.Addr) netip.Addr {
	if a.Is6() && a.IsLinkLocalUnicast() {
		return a.WithZone(i.name)
	}
	return a
}
