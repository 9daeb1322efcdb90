package network

import (
	"net/netip"
	"slices"
	"syscall"
)

// maxJoined is how many IPv4 groups a socket can join: Linux's igmp_max_memberships.
// With IPv6 there is no number but the interface's.
const maxJoined = 20

// Multicast is what a socket does with the groups of one family: those that it has
// joined, and how it sends to groups. Its errors are Linux's.
type Multicast struct {
	joined []*Listener
	// OnlyJoined has the socket hear no groups but its own. At first it hears those
	// that any socket of the host has joined, as on Linux (IP_MULTICAST_ALL).
	OnlyJoined bool
	// Via is where datagrams to groups leave the host, nil for the route's choice.
	Via *Interface
	// Hops is their TTL or hop limit, 0 if they stay on the host.
	Hops uint8
	// NoLoop says that this host's own sockets do not hear them.
	NoLoop bool
}

// NewMulticast returns what a socket begins with: one hop (RFC 1112, section 6.1; RFC
// 3493, section 5.2).
func NewMulticast() *Multicast { return &Multicast{Hops: 1} }

// GroupInterface returns where a group is joined if nobody says where: the interface of
// the route to it, nil if there is none.
func (l *Layer) GroupInterface(group netip.Addr) *Interface {
	p, err := l.GroupPath(group, netip.Addr{}, nil)
	if err != nil {
		return nil
	}
	return p.via
}

// InterfaceOf returns the interface with an address, nil if there is none.
func (l *Layer) InterfaceOf(a netip.Addr) *Interface { return l.interfaceOf(a) }

// Path looks up the way to a group as the socket wants it, which is bound to a device if
// that is not nil.
func (m *Multicast) Path(l *Layer, group, src netip.Addr, device *Interface) (Path, error) {
	via := m.Via
	if device != nil {
		via = device
	}
	p, err := l.GroupPath(group, src, via)
	p.noLoop, p.local = m.NoLoop, m.Hops == 0
	return p, err
}

// Join joins a group at an interface. Errors: EINVAL if it is none, ENODEV without an
// interface, EADDRINUSE if it was joined there already, ENOBUFS for too many.
func (m *Multicast) Join(via *Interface, group netip.Addr) error {
	return m.join(via, group, anySource)
}

func (m *Multicast) join(via *Interface, group netip.Addr, f Filter) error {
	switch group = group.WithZone(""); {
	case !group.IsMulticast():
		return syscall.EINVAL
	case via == nil:
		return syscall.ENODEV
	case m.find(via, group) != nil:
		return syscall.EADDRINUSE
	case group.Is4() && len(m.joined) >= maxJoined:
		return syscall.ENOBUFS
	}
	l, err := via.Listen(group, f)
	if err == nil {
		m.joined = append(m.joined, l)
	}
	return err
}

// Leave leaves a group, at the first interface where it was joined if via is nil.
// Errors: EINVAL if it is no group, EADDRNOTAVAIL if it was not joined.
func (m *Multicast) Leave(via *Interface, group netip.Addr) error {
	if !group.IsMulticast() {
		return syscall.EINVAL
	}
	l := m.find(via, group.WithZone(""))
	if l == nil {
		return syscall.EADDRNOTAVAIL
	}
	m.leave(l)
	return nil
}

func (m *Multicast) leave(l *Listener) {
	n := slices.Index(m.joined, l)
	m.joined = slices.Delete(m.joined, n, n+1)
	l.Close()
}

func (m *Multicast) find(via *Interface, group netip.Addr) *Listener {
	for _, l := range m.joined {
		if l.group == group && (via == nil || l.via == via) {
			return l
		}
	}
	return nil
}

// AddSource has the socket hear one more source of a group, which it joins for that if
// it has not yet. Errors beside Join's: EADDRNOTAVAIL if it is heard already, EINVAL if
// the socket hears the group except for some sources.
func (m *Multicast) AddSource(via *Interface, group, src netip.Addr) error {
	if src = src.WithZone(""); m.find(via, group.WithZone("")) == nil {
		if src.Is4() != group.Is4() {
			return syscall.EINVAL
		}
		return m.join(via, group, NewFilter(false, src))
	}
	return m.change(via, group, src, false, true)
}

// DropSource undoes AddSource. With the last source the group is left.
func (m *Multicast) DropSource(via *Interface, group, src netip.Addr) error {
	return m.change(via, group, src, false, false)
}

// Block ends the hearing of one source of a group that was joined whole. EADDRNOTAVAIL
// if that is blocked already, EINVAL if the group was not joined or is heard of some
// sources alone.
func (m *Multicast) Block(via *Interface, group, src netip.Addr) error {
	return m.change(via, group, src, true, true)
}

// Unblock undoes Block.
func (m *Multicast) Unblock(via *Interface, group, src netip.Addr) error {
	return m.change(via, group, src, true, false)
}

// change adds a source to a filter of the mode exclude, or takes it out.
func (m *Multicast) change(via *Interface, group, src netip.Addr, exclude, add bool) error {
	src = src.WithZone("")
	l := m.find(via, group.WithZone(""))
	switch {
	case !group.IsMulticast(), l == nil, src.Is4() != group.Is4():
		return syscall.EINVAL
	case l.filter.Exclude != exclude && len(l.filter.Sources) > 0:
		return syscall.EINVAL
	case slices.Contains(l.filter.Sources, src) == add:
		return syscall.EADDRNOTAVAIL
	case add:
		return l.SetFilter(NewFilter(exclude, append(slices.Clone(l.filter.Sources), src)...))
	}
	rest := difference(l.filter.Sources, []netip.Addr{src})
	if len(rest) == 0 && !exclude {
		m.leave(l)
		return nil
	}
	return l.SetFilter(NewFilter(exclude, rest...))
}

// Hears reports whether a datagram to a group is for the socket.
func (m *Multicast) Hears(d *Datagram) bool {
	group := d.Dst.WithZone("")
	for _, l := range m.joined {
		if l.group == group && l.via == d.Interface {
			return l.filter.Hears(d.Src.WithZone(""))
		}
	}
	return !m.OnlyJoined
}

// Close leaves all groups.
func (m *Multicast) Close() {
	for len(m.joined) > 0 {
		m.leave(m.joined[0])
	}
}
