package socket

import (
	"errors"
	"net"
	"net/netip"
	"strconv"
)

// medium is what the network argument of Dial and Listen names.
type medium struct {
	name     string // as given: "tcp", "udp4", "ip4:icmp"
	kind     int
	protocol int
}

// protocols has the names that may follow "ip:".
var protocols = map[string]int{"icmp": IPPROTO_ICMP, "tcp": IPPROTO_TCP, "udp": IPPROTO_UDP}

// services has the port names that Dial and Listen know (RFC 6335 and IANA's
// registry); numbers always work.
var services = map[string]uint16{
	"echo": 7, "discard": 9, "daytime": 13, "chargen": 19, "ftp": 21, "ssh": 22,
	"telnet": 23, "smtp": 25, "time": 37, "domain": 53, "tftp": 69, "http": 80,
	"pop3": 110, "ntp": 123, "imap": 143, "https": 443,
}

func parseMedium(network string) (medium, error) {
	switch network {
	case "tcp", "tcp4":
		return medium{network, SOCK_STREAM, IPPROTO_TCP}, nil
	case "udp", "udp4":
		return medium{network, SOCK_DGRAM, IPPROTO_UDP}, nil
	}
	for _, prefix := range [...]string{"ip:", "ip4:"} {
		if len(network) <= len(prefix) || network[:len(prefix)] != prefix {
			continue
		}
		name := network[len(prefix):]
		if p, ok := protocols[name]; ok {
			return medium{network, SOCK_RAW, p}, nil
		}
		if p, err := strconv.ParseUint(name, 10, 8); err == nil && p > 0 {
			return medium{network, SOCK_RAW, int(p)}, nil
		}
	}
	return medium{}, net.UnknownNetworkError(network)
}

var errMissingAddress = errors.New("missing address")

// addresses resolves "host:port" (for raw sockets "host"). An empty host is
// 0.0.0.0 to whom listens and the host itself to whom dials, which is what
// connecting to 0.0.0.0 means too.
func (st *Stack) addresses(m medium, address string) ([]netip.AddrPort, error) {
	if a, err := netip.ParseAddrPort(address); err == nil && a.Addr().Is4() && m.kind != SOCK_RAW {
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
		if port, err = portOf(m.name, service); err != nil {
			return nil, err
		}
	}
	if host == "" {
		return []netip.AddrPort{netip.AddrPortFrom(netip.IPv4Unspecified(), port)}, nil
	}
	found, err := st.lookup(host)
	if err != nil {
		return nil, err
	}
	var usable []netip.AddrPort
	for _, a := range found {
		if a = a.Unmap(); a.Is4() {
			usable = append(usable, netip.AddrPortFrom(a, port))
		}
	}
	if len(usable) == 0 {
		return nil, &net.AddrError{Err: "no suitable address found", Addr: host}
	}
	return usable, nil
}

func (st *Stack) lookup(host string) ([]netip.Addr, error) {
	if a, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{a}, nil
	}
	noSuchHost := &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	if st.resolve == nil {
		return nil, noSuchHost
	}
	found, err := st.resolve(host)
	var known *net.DNSError
	switch {
	case errors.As(err, &known):
		return nil, err
	case err != nil:
		return nil, &net.DNSError{Err: err.Error(), Name: host, UnwrapErr: err}
	case len(found) == 0:
		return nil, noSuchHost
	}
	return found, nil
}

func portOf(network, service string) (uint16, error) {
	if service == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(service)
	switch {
	case err != nil:
		if port, ok := services[service]; ok {
			return port, nil
		}
		return 0, &net.DNSError{Err: "unknown port", Name: network + "/" + service, IsNotFound: true}
	case n < 0 || n > 65535:
		return 0, &net.AddrError{Err: "invalid port", Addr: service}
	}
	return uint16(n), nil
}
