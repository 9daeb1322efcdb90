package socket

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strconv"
)

// medium is what the network argument of Dial and Listen names.
type medium struct {
	name     string // as given: "tcp", "udp4", "ip4:icmp"
	family   int    // AF_INET, AF_INET6 or AF_UNSPEC
	kind     int
	protocol int
}

// protocols has the names that may follow "ip:".
var protocols = map[string]int{"icmp": IPPROTO_ICMP, "tcp": IPPROTO_TCP, "udp": IPPROTO_UDP}

func parseMedium(network string) (medium, error) {
	family := AF_UNSPEC
	switch network {
	case "tcp4", "udp4":
		family = AF_INET
	case "tcp6", "udp6":
		family = AF_INET6
	}
	switch network {
	case "tcp", "tcp4", "tcp6":
		return medium{network, family, SOCK_STREAM, IPPROTO_TCP}, nil
	case "udp", "udp4", "udp6":
		return medium{network, family, SOCK_DGRAM, IPPROTO_UDP}, nil
	}
	for _, prefix := range [...]string{"ip:", "ip4:"} {
		if len(network) <= len(prefix) || network[:len(prefix)] != prefix {
			continue
		}
		name := network[len(prefix):]
		if p, ok := protocols[name]; ok {
			return medium{network, AF_INET, SOCK_RAW, p}, nil
		}
		if p, err := strconv.ParseUint(name, 10, 8); err == nil && p > 0 {
			return medium{network, AF_INET, SOCK_RAW, int(p)}, nil
		}
	}
	return medium{}, net.UnknownNetworkError(network)
}

// base returns the name of the medium without a family or a protocol.
func (m medium) base() string {
	switch m.kind {
	case SOCK_STREAM:
		return "tcp"
	case SOCK_DGRAM:
		return "udp"
	}
	return "ip"
}

var errMissingAddress = errors.New("missing address")

// addresses resolves, for a process or the host itself, "host:port" (for raw sockets "host"). An empty host is the
// unspecified address, which stands for all addresses to whom listens and for the host
// itself to whom dials; it is the zero Addr if it is of both families.
func (st *Stack) addresses(ctx context.Context, p *Process, m medium, address string) ([]netip.AddrPort, error) {
	numbers, _ := netip.ParseAddrPort(address)
	if a, ok := st.literal(m, numbers); ok {
		return []netip.AddrPort{a}, nil
	}
	host, port := address, uint16(0)
	if m.kind != SOCK_RAW {
		if address == "" {
			return nil, errMissingAddress
		}
		var service string
		var err error
		if host, service, err = net.SplitHostPort(address); err != nil {
			return nil, err
		}
		if port, err = st.portOf(ctx, p, m.name, service); err != nil {
			return nil, err
		}
	}
	if host == "" {
		return []netip.AddrPort{netip.AddrPortFrom(st.unspecified(m, netip.Addr{}), port)}, nil
	}
	found, err := st.lookup(ctx, p, host)
	if err != nil {
		return nil, err
	}
	var usable []netip.AddrPort
	for _, a := range found {
		if a = a.Unmap(); m.takes(a) {
			usable = append(usable, netip.AddrPortFrom(a, port))
		}
	}
	if len(usable) == 0 {
		return nil, &net.AddrError{Err: "no suitable address found", Addr: host}
	}
	return usable, nil
}

// literal returns what an address in numbers means, if it is one.
func (st *Stack) literal(m medium, a netip.AddrPort) (netip.AddrPort, bool) {
	if !a.IsValid() || !m.takes(a.Addr()) || m.kind == SOCK_RAW {
		return netip.AddrPort{}, false
	}
	return netip.AddrPortFrom(st.unspecified(m, a.Addr().Unmap()), a.Port()), true
}

// takes reports whether an address is of the medium's family.
func (m medium) takes(a netip.Addr) bool {
	return m.family == AF_UNSPEC || (m.family == AF_INET) == a.Unmap().Is4()
}

// unspecified returns the address that a, which may be none, stands for: as with
// package net, [::] and no address are those of both families if the host speaks both.
func (st *Stack) unspecified(m medium, a netip.Addr) netip.Addr {
	switch {
	case a.IsValid() && (a.Is4() || !a.IsUnspecified()):
		return a
	case m.family == AF_INET6:
		return netip.IPv6Unspecified()
	case m.family == AF_INET, !st.network.SpeaksIPv6() && !a.IsValid():
		return netip.IPv4Unspecified()
	}
	return netip.Addr{}
}

// lookup finds the addresses of a host in the order in which they are to be tried.
func (st *Stack) lookup(ctx context.Context, p *Process, host string) ([]netip.Addr, error) {
	if a, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{a}, nil
	}
	if r := st.resolverOf(p); r != nil {
		return r.LookupNetIP(ctx, "ip", host)
	}
	return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
}

func (st *Stack) portOf(ctx context.Context, p *Process, network, service string) (uint16, error) {
	if service == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(service)
	if err != nil && st.machine != nil {
		n, err = st.resolverOf(p).LookupPort(ctx, network, service)
		return uint16(n), err
	}
	switch {
	case err != nil:
		return 0, &net.DNSError{Err: "unknown port", Name: network + "/" + service, IsNotFound: true}
	case n < 0 || n > 65535:
		return 0, &net.AddrError{Err: "invalid port", Addr: service}
	}
	return uint16(n), nil
}
