package socket

import (
	"net/netip"
	"syscall"

	"septet/network"
)

// GroupRequest is the value of the options that join and leave groups: all that struct
// ip_mreqn, ip_mreq_source, ipv6_mreq, group_req and group_source_req can say.
type GroupRequest struct {
	Group netip.Addr
	// Interface is the number of the interface. If it is zero, LocalAddr says which by
	// its address; without either it is that of the route to the group.
	Interface int
	LocalAddr netip.Addr
	// Source is whom to hear or not, for the options with a source.
	Source netip.Addr
}

// SetSockOptGroup joins or leaves a group, at the level SOL_IP or SOL_IPV6
// (IP_ADD_MEMBERSHIP and its relatives, IPV6_JOIN_GROUP, the MCAST_ options), or sets
// IP_MULTICAST_IF, which needs no group. Errors: ENODEV without such an interface,
// EADDRINUSE for what was joined, EADDRNOTAVAIL for what was not, ENOBUFS for too much,
// EINVAL for what is no group of the level. A stream can be made a member by the options
// that name a source and by the MCAST_ options, for nothing, as on Linux; EPROTO by others.
func (s *Socket) SetSockOptGroup(level, name int, r GroupRequest) error {
	s.stack.loop.Lock()
	defer s.stack.loop.Unlock()
	if s.closed {
		return syscall.EBADF
	}
	return s.setGroup(level, name, r)
}

func (s *Socket) setGroup(level, name int, r GroupRequest) error {
	six := level == SOL_IPV6
	switch {
	case level != SOL_IP && !six, six && s.domain != AF_INET6, !six && !s.hasIPOptions():
		return syscall.ENOPROTOOPT
	case s.kind == SOCK_STREAM && !six && name == IP_MULTICAST_IF:
		return syscall.EINVAL
	case s.kind == SOCK_STREAM && isMembership(six, name):
		return syscall.EPROTO
	case !six && name == IP_MULTICAST_IF:
		return s.setGroupInterface(r)
	case !r.Group.IsMulticast(), r.Group.Is4() == six:
		return syscall.EINVAL
	}
	via, err := s.groupInterface(r)
	leaves := name == MCAST_LEAVE_GROUP || !six && name == IP_DROP_MEMBERSHIP || six && name == IPV6_LEAVE_GROUP
	switch {
	case err != nil && leaves:
		return syscall.EADDRNOTAVAIL
	case err != nil:
		return err
	}
	return s.changeGroup(s.protocol.multicast(six), six, name, via, r)
}

// isMembership reports whether an option is the plain one that joins or leaves.
func isMembership(six bool, name int) bool {
	if six {
		return name == IPV6_JOIN_GROUP || name == IPV6_LEAVE_GROUP
	}
	return name == IP_ADD_MEMBERSHIP || name == IP_DROP_MEMBERSHIP
}

// changeGroup does what an option says. Those of a level have their own numbers, the
// MCAST_ options the same in both.
func (s *Socket) changeGroup(m *network.Multicast, six bool, name int, via *network.Interface, r GroupRequest) error {
	said := r.Interface != 0 || r.LocalAddr.IsValid() || r.Group.Zone() != ""
	switch {
	case name == MCAST_JOIN_GROUP, !six && name == IP_ADD_MEMBERSHIP, six && name == IPV6_JOIN_GROUP:
		return m.Join(via, r.Group)
	case name == MCAST_LEAVE_GROUP, !six && name == IP_DROP_MEMBERSHIP, six && name == IPV6_LEAVE_GROUP:
		if !said {
			via = nil // wherever it was joined
		}
		return m.Leave(via, r.Group)
	case via == nil:
		return syscall.ENODEV
	case name == MCAST_JOIN_SOURCE_GROUP, !six && name == IP_ADD_SOURCE_MEMBERSHIP:
		return m.AddSource(via, r.Group, r.Source)
	case name == MCAST_LEAVE_SOURCE_GROUP, !six && name == IP_DROP_SOURCE_MEMBERSHIP:
		return m.DropSource(via, r.Group, r.Source)
	case name == MCAST_BLOCK_SOURCE, !six && name == IP_BLOCK_SOURCE:
		return m.Block(via, r.Group, r.Source)
	case name == MCAST_UNBLOCK_SOURCE, !six && name == IP_UNBLOCK_SOURCE:
		return m.Unblock(via, r.Group, r.Source)
	}
	return syscall.ENOPROTOOPT
}

// groupInterface returns the interface that r names, or that of the route, nil without
// one. ENODEV if there is none of that name.
func (s *Socket) groupInterface(r GroupRequest) (*network.Interface, error) {
	n := s.stack.network
	var via *network.Interface
	switch {
	case r.Interface != 0:
		via = s.numbered(r.Interface)
	case r.LocalAddr.IsValid() && !r.LocalAddr.IsUnspecified():
		via = n.InterfaceOf(r.LocalAddr)
	default:
		return n.GroupInterface(r.Group), nil
	}
	if via == nil {
		return nil, syscall.ENODEV
	}
	return via, nil
}

// numbered returns the interface with a number, nil if there is none.
func (s *Socket) numbered(index int) *network.Interface {
	if i := s.stack.network.Interface(index); i.Index() == index {
		return i
	}
	return nil
}

// setGroupInterface is IP_MULTICAST_IF with the value of struct ip_mreqn (ip(7)).
func (s *Socket) setGroupInterface(r GroupRequest) error {
	m := s.protocol.multicast(false)
	if r.Interface == 0 && (!r.LocalAddr.IsValid() || r.LocalAddr.IsUnspecified()) {
		m.Via = nil
	} else {
		via, err := s.groupInterface(r)
		if err != nil {
			return syscall.EADDRNOTAVAIL
		}
		m.Via = via
	}
	if s.rare != nil || !r.LocalAddr.IsUnspecified() {
		s.needRare().groupAddr = r.LocalAddr
	}
	s.protocol.reroute()
	return nil
}

// isGroupOption reports whether an option says how the socket sends to groups.
func isGroupOption(six bool, name int) bool {
	if six {
		return name >= IPV6_MULTICAST_IF && name <= IPV6_MULTICAST_LOOP || name == IPV6_MULTICAST_ALL
	}
	return name >= IP_MULTICAST_IF && name <= IP_MULTICAST_LOOP || name == IP_MULTICAST_ALL
}

// groupOption returns one: of IPV6_MULTICAST_IF the number of the interface, 0 for the
// route's choice.
func (s *Socket) groupOption(six bool, name int) (int, error) {
	if s.kind == SOCK_STREAM {
		return 0, syscall.ENOPROTOOPT
	}
	m := s.protocol.multicast(six)
	switch name {
	case IPV6_MULTICAST_IF:
		if m.Via == nil {
			return 0, nil
		}
		return m.Via.Index(), nil
	case IP_MULTICAST_TTL, IPV6_MULTICAST_HOPS:
		return int(m.Hops), nil
	case IP_MULTICAST_LOOP, IPV6_MULTICAST_LOOP:
		return number(!m.NoLoop), nil
	}
	return number(!m.OnlyJoined), nil
}

// setGroupOption sets one, with the errors of ip(7) and ipv6(7).
func (s *Socket) setGroupOption(six bool, name, value int) error {
	if s.kind == SOCK_STREAM {
		if !six && name == IP_MULTICAST_TTL {
			return syscall.EINVAL
		}
		return syscall.ENOPROTOOPT // or it is remembered
	}
	m := s.protocol.multicast(six)
	switch name {
	case IPV6_MULTICAST_IF:
		via := s.numbered(value)
		if via == nil && value != 0 {
			return syscall.ENODEV
		}
		m.Via = via
	case IP_MULTICAST_TTL, IPV6_MULTICAST_HOPS:
		if value < -1 || value > 255 {
			return syscall.EINVAL
		}
		m.Hops = 1
		if value >= 0 {
			m.Hops = uint8(value)
		}
	default:
		// The other two are on for every value but zero.
		strict := name == IP_MULTICAST_ALL || name == IPV6_MULTICAST_LOOP
		if strict && value != 0 && value != 1 {
			return syscall.EINVAL
		}
		if name == IP_MULTICAST_LOOP || name == IPV6_MULTICAST_LOOP {
			m.NoLoop = value == 0
		} else {
			m.OnlyJoined = value == 0
		}
	}
	s.protocol.reroute()
	return nil
}
