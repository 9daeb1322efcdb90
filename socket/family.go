package socket

import (
	"cmp"
	"net/netip"
	"syscall"
)

// The addresses of IPv4 stand in an AF_INET6 socket as IPv4-mapped ones (RFC 3493,
// section 3.7; RFC 4291, section 2.5.5.2). Here they are turned into what the layers
// below have, and back: those know no mapped addresses, and the zero Addr stands for
// all addresses of both families.

// toBind returns what the layers below have for an address to bind to. As on Linux,
// an IPv6 address is EAFNOSUPPORT to an AF_INET socket; one of IPv4 is EINVAL to an
// AF_INET6 socket, unless it is mapped and IPV6_V6ONLY is not set.
func (s *Socket) toBind(a netip.AddrPort) (netip.AddrPort, error) {
	if !a.Addr().IsValid() || s.domain == AF_INET6 && a.Addr() == netip.IPv6Unspecified() {
		return netip.AddrPortFrom(s.every(), a.Port()), nil
	}
	below, ok := s.below(a)
	switch {
	case !ok:
		return a, syscall.EAFNOSUPPORT
	case s.domain == AF_INET6 && a.Addr().Is4(), s.v6only && below.Addr().Is4():
		return a, syscall.EINVAL
	case s.kind == SOCK_STREAM && below.Addr().Is6() && below.Addr().IsMulticast():
		return a, syscall.EINVAL // though to a group of IPv4 Linux binds streams
	case s.kind != SOCK_RAW && below.Addr().Zone() == "" && ofOneLink(below.Addr()) && s.device() == nil:
		return a, syscall.EINVAL // of which link?
	}
	return below, nil
}

// ofOneLink reports whether an address means something on one link, or interface, alone
// (RFC 4007, section 6).
func ofOneLink(a netip.Addr) bool {
	return a.Is6() && (a.IsLinkLocalUnicast() || a.IsLinkLocalMulticast() || a.IsInterfaceLocalMulticast())
}

// toPeer returns what the layers below have for the address of a peer. As on Linux,
// ENETUNREACH for an IPv4 address where IPV6_V6ONLY is set, and EINVAL for one that is
// not mapped on a stream.
func (s *Socket) toPeer(a netip.AddrPort) (netip.AddrPort, error) {
	below, ok := s.below(a)
	switch {
	case !ok:
		return a, syscall.EAFNOSUPPORT
	case s.domain == AF_INET6 && a.Addr().Is4() && s.kind == SOCK_STREAM:
		return a, syscall.EINVAL
	case s.v6only && below.Addr().Is4():
		return a, syscall.ENETUNREACH
	}
	return below, nil
}

// use returns why an address cannot be a peer's, to whom so many bytes are to be sent. As
// on Linux, a datagram socket that was not bound is, before anything is looked at, and
// over IPv4 the length and the flags are looked at before the address. The turn must be held.
func (s *Socket) use(why error, length, flags int) error {
	if d, ok := s.protocol.(*datagram); ok {
		if err := d.endpoint.Use(); err != nil {
			return err
		}
		if s.domain == AF_INET {
			return cmp.Or(tooMuch(length, flags), why)
		}
	}
	return why
}

// below returns an address without its mapping and with the name of its zone, which a
// program may also know by its number (sin6_scope_id); false if the socket's family cannot
// say it.
func (s *Socket) below(a netip.AddrPort) (netip.AddrPort, bool) {
	plain := netip.AddrPortFrom(s.stack.network.Zoned(a.Addr().Unmap()), a.Port())
	return plain, s.domain == AF_INET6 || a.Addr().Is4()
}

// told returns an address as a call of the socket's family gives it.
func (s *Socket) told(a netip.AddrPort) netip.AddrPort {
	if s.domain == AF_INET6 && a.Addr().Is4() {
		return netip.AddrPortFrom(netip.AddrFrom16(a.Addr().As16()), a.Port())
	}
	return a
}

// boundAlready is what bind says of a socket that has an address. As on Linux, over IPv4
// it looks at the new one first.
func (s *Socket) boundAlready(local netip.AddrPort) error {
	a, n := local.Addr(), s.stack.network
	if s.domain == AF_INET && !a.IsUnspecified() && !n.IsLocal(a) && !n.IsBroadcast(a) && !a.IsMulticast() {
		return syscall.EADDRNOTAVAIL
	}
	return syscall.EINVAL
}

// every returns what stands for all addresses of the socket's families.
func (s *Socket) every() netip.Addr {
	if s.v6only {
		return netip.IPv6Unspecified()
	}
	return everyAddr(s.domain)
}

func everyAddr(domain uint8) netip.Addr {
	if domain == AF_INET {
		return netip.IPv4Unspecified()
	}
	return netip.Addr{}
}

// unspecified is how a call tells that the socket has no address.
func (s *Socket) unspecified() netip.Addr {
	if s.domain == AF_INET6 {
		return netip.IPv6Unspecified()
	}
	return netip.IPv4Unspecified()
}

// bindNet is Bind for package net, which says IPV6_V6ONLY by the address: the zero Addr
// is both families, :: is IPv6 alone.
func (s *Socket) bindNet(a netip.AddrPort) error {
	if a.Addr() == netip.IPv6Unspecified() {
		if err := s.SetSockOpt(SOL_IPV6, IPV6_V6ONLY, 1); err != nil {
			return err
		}
	}
	return s.Bind(a)
}
