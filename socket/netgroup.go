package socket

import (
	"net"
	"net/netip"
	"syscall"
)

// ListenMulticastUDP receives what is sent to a group and port, as
// net.ListenMulticastUDP does. The network is "udp", "udp4" or "udp6", ifi the name of
// an interface, "" for that of the route. The port is shared with all who allow that;
// like net's, the connection hears everything that is sent to the port, and this host
// does not hear what it sends to groups.
func (st *Stack) ListenMulticastUDP(network, ifi string, group *net.UDPAddr) (*UDPConn, error) {
	return listenMulticastUDP(ListenConfig{Stack: st}, network, ifi, group)
}

func listenMulticastUDP(c ListenConfig, network, ifi string, group *net.UDPAddr) (*UDPConn, error) {
	fail := func(err error) (*UDPConn, error) {
		return nil, &net.OpError{Op: "listen", Net: network, Addr: group, Err: c.process.ended(err)}
	}
	m, err := parseMedium(network)
	if err != nil || m.kind != SOCK_DGRAM {
		return fail(net.UnknownNetworkError(network))
	}
	if group == nil {
		return fail(errMissingAddress)
	}
	at := group.AddrPort()
	at = netip.AddrPortFrom(at.Addr().Unmap(), at.Port())
	if !at.Addr().IsMulticast() || !m.takes(at.Addr()) {
		return fail(&net.AddrError{Err: "no multicast address of the network", Addr: group.IP.String()})
	}
	s, err := c.netSocket(m, at.Addr())
	if err != nil {
		return fail(cause("socket", err))
	}
	if err := s.listenGroup(at, ifi); err != nil {
		s.abandon()
		return fail(err)
	}
	return s.conn().(*UDPConn), nil
}

// listenGroup binds the socket to a port and joins a group at an interface.
func (s *Socket) listenGroup(at netip.AddrPort, ifi string) error {
	level, loop, join := SOL_IP, IP_MULTICAST_LOOP, IP_ADD_MEMBERSHIP
	every := netip.IPv4Unspecified()
	if at.Addr().Is6() {
		level, loop, join = SOL_IPV6, IPV6_MULTICAST_LOOP, IPV6_JOIN_GROUP
		every = netip.IPv6Unspecified()
	}
	index, err := s.interfaceIndex(ifi)
	if err != nil {
		return err
	}
	if err := s.SetSockOpt(SOL_SOCKET, SO_REUSEADDR, 1); err != nil {
		return cause("setsockopt", err)
	}
	if err := s.bindNet(netip.AddrPortFrom(every, at.Port())); err != nil {
		return cause("bind", err)
	}
	if at.Addr().Is6() {
		err = s.SetSockOpt(SOL_IPV6, IPV6_MULTICAST_IF, index)
	} else {
		err = s.SetSockOptGroup(SOL_IP, IP_MULTICAST_IF, GroupRequest{Interface: index})
	}
	if err == nil {
		err = s.SetSockOpt(level, loop, 0)
	}
	if err != nil {
		return cause("setsockopt", err)
	}
	err = s.SetSockOptGroup(level, join, GroupRequest{Group: at.Addr(), Interface: index})
	if err != nil {
		return cause("setsockopt", err)
	}
	return nil
}

// interfaceIndex returns the number of an interface, 0 for "".
func (s *Socket) interfaceIndex(name string) (int, error) {
	s.stack.loop.Lock()
	defer s.stack.loop.Unlock()
	if i := s.stack.network.InterfaceNamed(name); i != nil {
		return i.Index(), nil
	}
	if name != "" {
		return 0, cause("setsockopt", syscall.ENODEV)
	}
	return 0, nil
}
