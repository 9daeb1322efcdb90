package name

import (
	"context"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"septet/socket"
)

// Resolver answers in the shapes of net.Resolver. Its errors are *net.DNSError, with an
// EAIError or a HostError in them, and *net.AddrError for a port out of range.
type Resolver struct {
	System socket.System
}

var _ socket.Resolver = (*Resolver)(nil)

// LookupNetIP returns a host's addresses, in the order in which they are to be tried. The
// network is "ip", "ip4" or "ip6".
func (r *Resolver) LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error) {
	hints := &Hints{SockType: socket.SOCK_STREAM}
	switch network {
	case "ip4":
		hints.Family = socket.AF_INET
	case "ip6":
		hints.Family = socket.AF_INET6
	case "ip":
	default:
		return nil, net.UnknownNetworkError(network)
	}
	if host == "" || host == "*" {
		return nil, dnsError(host, EAI_NONAME)
	}
	// A final dot, which says that a name is whole, is not in hosts(5).
	if whole, dot := strings.CutSuffix(host, "."); dot {
		if f := inHosts(hostsWith(r.System, whole), whole, hints.Family); f != nil {
			host = whole
		}
	}
	all, err := addrInfo(ctx, r.System, host, "", hints)
	if err != nil {
		return nil, dnsError(host, err)
	}
	addrs := make([]netip.Addr, len(all))
	for n := range all {
		addrs[n] = all[n].Addr.Addr()
	}
	return addrs, nil
}

// LookupHost returns a host's addresses as texts.
func (r *Resolver) LookupHost(ctx context.Context, host string) ([]string, error) {
	addrs, err := r.LookupNetIP(ctx, "ip", host)
	texts := make([]string, len(addrs))
	for n, a := range addrs {
		texts[n] = a.String()
	}
	return texts, err
}

// LookupIPAddr returns a host's addresses.
func (r *Resolver) LookupIPAddr(ctx context.Context, host string) ([]net.IPAddr, error) {
	addrs, err := r.LookupNetIP(ctx, "ip", host)
	all := make([]net.IPAddr, len(addrs))
	for n, a := range addrs {
		all[n] = net.IPAddr{IP: a.AsSlice(), Zone: a.Zone()}
	}
	return all, err
}

// LookupPort returns the port of a service, for "tcp" or "udp", with a 4 or a 6 at the
// end or not, or for any in that order with "ip".
func (r *Resolver) LookupPort(ctx context.Context, network, service string) (int, error) {
	if n, err := strconv.Atoi(service); err == nil {
		if n < 0 || n > 65535 {
			return 0, &net.AddrError{Err: "invalid port", Addr: service}
		}
		return n, nil
	}
	var protos []string
	switch network {
	case "tcp", "tcp4", "tcp6":
		protos = []string{"tcp"}
	case "udp", "udp4", "udp6":
		protos = []string{"udp"}
	case "ip", "":
		protos = []string{"tcp", "udp"}
	default:
		return 0, &net.AddrError{Err: "unknown network", Addr: network}
	}
	for _, proto := range protos {
		if s, err := GetServByName(r.System, strings.ToLower(service), proto); err == nil {
			return s.Port, nil
		}
	}
	return 0, &net.DNSError{Err: "unknown port", Name: network + "/" + service, IsNotFound: true, UnwrapErr: EAI_SERVICE}
}

// LookupAddr returns the names of an address.
func (r *Resolver) LookupAddr(ctx context.Context, addr string) ([]string, error) {
	a, err := netip.ParseAddr(addr)
	if err != nil {
		return nil, &net.DNSError{Err: "unrecognized address", Name: addr}
	}
	h, err := hostByAddr(ctx, r.System, a)
	if err != nil {
		return nil, dnsError(addr, err)
	}
	return append([]string{h.Name}, h.Aliases...), nil
}

// LookupCNAME returns the canonical name of a host, with a dot at the end.
func (r *Resolver) LookupCNAME(ctx context.Context, host string) (string, error) {
	all, err := addrInfo(ctx, r.System, host, "", &Hints{Flags: AI_CANONNAME, SockType: socket.SOCK_STREAM})
	if err != nil {
		return "", dnsError(host, err)
	}
	return strings.TrimSuffix(all[0].CanonName, ".") + ".", nil
}
