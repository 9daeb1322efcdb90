package network

import (
	"net/netip"
	"syscall"

	"septet/header"
	"septet/link"
	"septet/packet"
)

// loopbackMTU is the MTU of "lo", as on Linux. No datagram is as long, see
// Path.MTU.
const loopbackMTU = 65536

// Interface is one attachment of the host to a network.
type Interface struct {
	layer *Layer
	addr  netip.Addr // of IPv4
	// vouched is the source that passed the checks last, so that a stream of
	// packets is looked up once. Changing an address clears it.
	vouched netip.Addr
	// flow is vouched and addr as they stand in a header, once a packet between them has
	// passed all checks; zero if none has.
	flow uint64
	nic  *link.NIC // nil for "lo"

	six    *interface6  // nil while IPv6 is off
	index  int          // from 1
	prefix netip.Prefix // of IPv4
	name   string

	groups *interfaceGroups // nil until one is joined
	claim  *Claim           // of the IPv4 address; nil where nobody looks for one
}

// Name returns the interface's name: "lo", "eth0".
func (i *Interface) Name() string { return i.name }

// Index returns the interface's number, as if_nametoindex does: "lo" has 1. Without an
// interface it is 0.
func (i *Interface) Index() int {
	if i == nil {
		return 0
	}
	return i.index
}

// NIC returns the card behind the interface, nil for "lo".
func (i *Interface) NIC() *link.NIC { return i.nic }

// Prefix returns the interface's IPv4 address with the length of its network's
// prefix, the zero Prefix if it has none.
func (i *Interface) Prefix() netip.Prefix { return i.prefix }

// Addr returns the interface's IPv4 address, the zero Addr if it has none.
func (i *Interface) Addr() netip.Addr { return i.addr }

// Broadcast returns the broadcast address of the interface's network. It is not
// valid where there is none: on "lo", on a /31 (RFC 3021) and on a /32.
func (i *Interface) Broadcast() netip.Addr {
	if i.nic == nil || !i.prefix.IsValid() || i.prefix.Bits() >= 31 {
		return netip.Addr{}
	}
	return lastAddr(i.prefix)
}

// MTU returns the longest datagram that the interface carries, in bytes with
// the IP header.
func (i *Interface) MTU() int {
	if i.nic == nil {
		return loopbackMTU
	}
	return i.nic.MTU()
}

// Loopback reports whether the interface is "lo".
func (i *Interface) Loopback() bool { return i.nic == nil }

// addressKind is what an address is to this host.
type addressKind uint8

const (
	foreign     addressKind = iota
	own                     // of one of the host's interfaces
	broadcastOf             // of the network of one of them
)

// AddInterface attaches a card to the network of prefix, whose address is the
// host's own, and adds the route to that network. With the zero Prefix it has no
// address yet. Errors: EINVAL for an address that no interface can have, EEXIST if the
// host has the address, the card or an interface of this name already.
func (l *Layer) AddInterface(nic *link.NIC, prefix netip.Prefix) (*Interface, error) {
	if prefix != (netip.Prefix{}) && !assignable(prefix) {
		return nil, syscall.EINVAL
	}
	for _, i := range l.interfaces {
		if i.nic == nic || i.name == nic.Name() {
			return nil, syscall.EEXIST
		}
	}
	i := &Interface{layer: l, index: len(l.interfaces) + 1, name: nic.Name(), nic: nic}
	l.interfaces = append(l.interfaces, i)
	if prefix != (netip.Prefix{}) {
		if err := i.AddAddress(prefix); err != nil {
			l.interfaces = l.interfaces[:len(l.interfaces)-1]
			return nil, err
		}
	}
	nic.OnReceive(i.receive)
	i.sniff()
	nic.OnUnresolved(i.unresolved)
	nic.OnCarrier(i.carrierChanged)
	l.carrierChanged()
	return i, nil
}

// receive takes what has arrived at the card.
func (i *Interface) receive(p *packet.Packet, typ header.EtherType, group bool) {
	if typ == header.EtherTypeIPv6 {
		i.layer.input6(p, i, group)
		return
	}
	i.layer.input(p, i, group)
}

// AddAddress gives the interface an address on the network of prefix, and adds the
// route to that network. It has one IPv4 address and as many of IPv6 as
// MaxAddresses. The address can be used at once. If it is of IPv6, whether somebody else
// on the link has it is found out meanwhile, and then it is given up, see Address.State;
// AddTentative waits. Errors: EINVAL for an address that no interface can have, EEXIST if
// the host has it already or the interface has another of IPv4, ENOBUFS for too many.
func (i *Interface) AddAddress(prefix netip.Prefix) error {
	switch l, addr := i.layer, prefix.Addr(); {
	case !assignable(prefix):
		return syscall.EINVAL
	case addr.Is6():
		return i.addAddress6(prefix, Preferred)
	case l.addresses[addr] != foreign || i.addr.IsValid():
		return syscall.EEXIST
	}
	i.addAddress4(prefix)
	return nil
}

func (i *Interface) addAddress4(prefix netip.Prefix) {
	l := i.layer
	i.prefix, i.addr = prefix, prefix.Addr()
	l.addresses[i.addr] = own
	if b := i.Broadcast(); b.IsValid() {
		l.addresses[b] = broadcastOf
	}
	l.insertRoute(Route{Prefix: prefix.Masked(), Interface: i})
	i.nic.AddAddress(i.addr)
}

// Interface returns the interface with a number, "lo" if there is none.
func (l *Layer) Interface(index int) *Interface {
	if index < 1 || index > len(l.interfaces) {
		return l.lo()
	}
	return l.interfaces[index-1]
}

// InterfaceNamed returns the interface with a name, nil if there is none.
func (l *Layer) InterfaceNamed(name string) *Interface {
	for _, i := range l.interfaces {
		if i.name == name {
			return i
		}
	}
	return nil
}

// Interfaces returns all interfaces, "lo" first.
func (l *Layer) Interfaces() []*Interface {
	return append([]*Interface(nil), l.interfaces...)
}

func (l *Layer) addLoopback() {
	prefix := netip.MustParsePrefix("127.0.0.1/8")
	l.interfaces = []*Interface{{layer: l, index: 1, name: "lo", prefix: prefix, addr: prefix.Addr()}}
}

func (l *Layer) lo() *Interface { return l.interfaces[0] }

// IsLocal reports whether a is an address of this host. All of 127/8 is
// (RFC 1122, section 3.2.1.3), and ::1.
func (l *Layer) IsLocal(a netip.Addr) bool {
	return a.IsLoopback() && a != loopbackBroadcast || l.addresses[a] == own
}

// IsBroadcast reports whether a is the limited broadcast address or that of a
// network to which this host is attached, that of "lo" included.
func (l *Layer) IsBroadcast(a netip.Addr) bool {
	return a == limitedBroadcast || a == loopbackBroadcast || l.addresses[a] == broadcastOf
}

var (
	anyAddr          = netip.IPv4Unspecified()
	localhost        = netip.AddrFrom4([4]byte{127, 0, 0, 1})
	limitedBroadcast = netip.AddrFrom4([4]byte{255, 255, 255, 255})
	// loopbackBroadcast is that of 127.0.0.0/8, as Linux has it.
	loopbackBroadcast = netip.AddrFrom4([4]byte{127, 255, 255, 255})
)

// anyOf returns the unspecified address of a's family.
func anyOf(a netip.Addr) netip.Addr {
	if a.Is6() {
		return anyAddr6
	}
	return anyAddr
}

// isClassE reports whether a is of 240.0.0.0/4, which is not assigned to anyone
// (RFC 1112, section 4). It holds the limited broadcast address too.
func isClassE(a netip.Addr) bool { return a.Is4() && a.As4()[0] >= 240 }

// isThisNetwork reports whether a is of 0.0.0.0/8: "this host on this network",
// never a destination (RFC 1122, section 3.2.1.3).
func isThisNetwork(a netip.Addr) bool { return a.Is4() && a.As4()[0] == 0 }

// assignable reports whether an interface can have the prefix's address: one
// host's, and neither the network itself nor its broadcast address.
func assignable(prefix netip.Prefix) bool {
	a := prefix.Addr()
	if a.Is6() {
		return prefix.IsValid() && assignable6(a)
	}
	if !prefix.IsValid() || isThisNetwork(a) || a.IsLoopback() || a.IsMulticast() || isClassE(a) {
		return false
	}
	return prefix.Bits() >= 31 || (a != prefix.Masked().Addr() && a != lastAddr(prefix))
}

// lastAddr returns the highest address of an IPv4 prefix.
func lastAddr(prefix netip.Prefix) netip.Addr {
	b := prefix.Addr().As4()
	last := be.Uint32(b[:]) | (1<<(32-prefix.Bits()) - 1)
	be.PutUint32(b[:], last)
	return netip.AddrFrom4(b)
}
