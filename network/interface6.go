package network

import (
	"net/netip"
	"syscall"

	"septet/header"
	"septet/link"
)

// SpeaksIPv6 reports whether IPv6 is on at a card of the host.
func (l *Layer) SpeaksIPv6() bool { return l.six != nil && l.six.on }

// MaxAddresses is how many IPv6 addresses an interface has at most, whoever it is that
// hands them out.
const MaxAddresses = 16

// interface6 is what an interface has for IPv6.
type interface6 struct {
	addresses []Address // the one of the link first
	// mine is the own address to which a packet came last.
	mine      netip.Addr
	discovery link.Discovery
	hopLimit  uint8 // of what asks for no other; zero is DefaultTTL
}

// Address is an IPv6 address of an interface.
type Address struct {
	Addr netip.Addr // with a zone if it is of the link alone
	Bits int        // the length of its network's prefix
}

// EnableIPv6 turns IPv6 on and gives the interface its address of the link (RFC 4291,
// section 2.5.6), made from that of the card (appendix A). EINVAL for "lo", which needs
// none.
func (i *Interface) EnableIPv6() error {
	switch {
	case i.nic == nil:
		return syscall.EINVAL
	case i.six != nil:
		return nil
	}
	l := i.layer
	l.needSix().on = true
	i.six = &interface6{}
	i.six.discovery = link.Discovery{
		Solicit:       i.solicit,
		Unreachable:   i.unreachable,
		ReachableTime: reachableTime,
		RetransTimer:  retransTimer,
	}
	i.nic.SetDiscovery(&i.six.discovery)
	_ = i.JoinGroup(allNodes)
	if l.forwarding {
		_ = i.JoinGroup(allRouters)
	}
	return i.assign(interfaceID(linkLocal6, i.nic.MAC()).WithZone(i.name), linkLocal6.Bits())
}

// interfaceID returns the address in a prefix of 64 bits that is made from a card's
// (RFC 4291, appendix A: the modified EUI-64).
func interfaceID(prefix netip.Prefix, mac header.MAC) netip.Addr {
	b := prefix.Addr().As16()
	copy(b[8:], []byte{mac[0] ^ 2, mac[1], mac[2], 0xff, 0xfe, mac[3], mac[4], mac[5]})
	return netip.AddrFrom16(b)
}

// Addresses returns the interface's IPv6 addresses, that of the link first.
func (i *Interface) Addresses() []Address {
	if i.six == nil {
		return nil
	}
	return append([]Address(nil), i.six.addresses...)
}

func (i *Interface) addAddress6(prefix netip.Prefix) error {
	if err := i.EnableIPv6(); err != nil {
		return err
	}
	return i.assign(i.Scoped(prefix.Addr()), prefix.Bits())
}

// assign makes addr one of the interface's.
func (i *Interface) assign(addr netip.Addr, bits int) error {
	l := i.layer
	switch {
	case l.addresses[addr] != foreign:
		return syscall.EEXIST
	case len(i.six.addresses) >= MaxAddresses:
		return syscall.ENOBUFS
	}
	i.six.addresses = append(i.six.addresses, Address{Addr: addr, Bits: bits})
	l.addresses[addr] = own
	_ = i.JoinGroup(solicitedNodeOf(addr))
	if network, err := addr.WithZone("").Prefix(bits); err == nil && addr.Zone() == "" {
		if r := (Route{Prefix: network, Interface: i}); !l.hasRoute(r) {
			l.insertRoute(r)
		}
	}
	l.changed()
	return nil
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
