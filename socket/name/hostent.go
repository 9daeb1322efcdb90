package name

import (
	"context"
	"net/netip"
	"strings"

	"golang.org/x/net/dns/dnsmessage"

	"septet/socket"
)

// HostEnt is what is known of a host: struct hostent.
type HostEnt struct {
	Name     string // canonical
	Aliases  []string
	AddrType int // AF_INET, AF_INET6
	Addrs    []netip.Addr
}

// GetHostByName returns a host's first IPv4 address, as Python's socket.gethostbyname
// does. Errors: HostError.
func GetHostByName(sys socket.System, name string) (netip.Addr, error) {
	h, err := GetHostByNameEx(sys, name)
	if err != nil {
		return netip.Addr{}, err
	}
	return h.Addrs[0], nil
}

// GetHostByNameEx returns what is known of a host with IPv4 addresses: the answer of
// gethostbyname(3). Errors: HostError.
func GetHostByNameEx(sys socket.System, name string) (*HostEnt, error) {
	return GetHostByName2(sys, name, socket.AF_INET)
}

// GetHostByName2 is GetHostByNameEx for addresses of a family. A text that is an address
// stands for itself. Errors: HostError, EAI_FAMILY.
func GetHostByName2(sys socket.System, name string, family int) (*HostEnt, error) {
	if family != socket.AF_INET && family != socket.AF_INET6 {
		return nil, EAI_FAMILY
	}
	if a, numeric := digitsAndDots(name); numeric {
		if !a.IsValid() || a.Is4() != (family == socket.AF_INET) {
			return nil, HOST_NOT_FOUND
		}
		return &HostEnt{name, nil, family, []netip.Addr{a}}, nil
	}
	f, err := hostByName(context.Background(), sys, name, family)
	if err != nil {
		return nil, err
	}
	return &HostEnt{f.name, f.aliases, family, f.addrs}, nil
}

// digitsAndDots reports whether a text looks like an address, so that it is not looked
// for among the names, and which it is: the zero Addr if none.
func digitsAndDots(s string) (a netip.Addr, numeric bool) {
	switch {
	case s == "" || s[len(s)-1] == '.':
		return a, false
	case strings.Contains(s, ":") && (digit(s[0]) < 16 || s[0] == ':'):
		if a, err := netip.ParseAddr(s); err == nil && a.Zone() == "" {
			return a, true
		}
		return a, true
	case strings.Trim(s, "0123456789.") != "" || s[0] == '.':
		return a, false
	}
	if b, err := InetAton(s); err == nil {
		return netip.AddrFrom4(b), true
	}
	return a, true
}

// hostByName looks for addresses of a family, or of both for AF_UNSPEC: in the file, then
// at the nameservers.
func hostByName(ctx context.Context, sys socket.System, name string, family int) (*found, error) {
	if f := inHosts(hostsWith(sys, name), name, family); f != nil {
		return f, nil
	}
	c := configOf(sys)
	if c == nil || name == "" {
		return nil, HOST_NOT_FOUND
	}
	kinds := []dnsmessage.Type{dnsmessage.TypeA, dnsmessage.TypeAAAA}
	switch family {
	case socket.AF_INET:
		kinds = kinds[:1]
	case socket.AF_INET6:
		kinds = kinds[1:]
	}
	return c.lookup(ctx, sys, name, kinds...)
}

// inHosts looks for a name in hosts(5), as glibc does with "multi on": all lines count.
// The first says the canonical name.
func inHosts(file []byte, name string, family int) *found {
	var f *found
	for h := range hostsOf(file, name) {
		a, ok := h.of(family)
		if !ok {
			continue
		}
		if f == nil {
			f = &found{name: h.names[0]}
		}
		aliases := h.names[1:]
		if h.names[0] != f.name {
			aliases = append(aliases, h.names[0])
		}
		f.aliases = append(f.aliases, aliases[:min(len(aliases), maxFields-len(f.aliases))]...)
		if len(f.addrs) < maxAddrs {
			f.addrs = append(f.addrs, a)
		}
	}
	return f
}

// of returns the line's address if it is, or stands for, one of a family.
func (h *hostLine) of(family int) (netip.Addr, bool) {
	a := h.addr
	switch {
	case family == socket.AF_UNSPEC, a.Is4() == (family == socket.AF_INET):
		return a, true
	case family == socket.AF_INET && a == netip.IPv6Loopback():
		return netip.AddrFrom4([4]byte{127, 0, 0, 1}), true
	case family == socket.AF_INET && a.Is4In6():
		return a.Unmap(), true
	}
	return a, false
}

// GetHostByAddr returns the host that has an address, as gethostbyaddr(3) does. Errors:
// HostError.
func GetHostByAddr(sys socket.System, a netip.Addr) (*HostEnt, error) {
	return hostByAddr(context.Background(), sys, a)
}

func hostByAddr(ctx context.Context, sys socket.System, a netip.Addr) (*HostEnt, error) {
	a = a.WithZone("")
	e := &HostEnt{AddrType: socket.AF_INET6, Addrs: []netip.Addr{a}}
	if a.Is4() {
		e.AddrType = socket.AF_INET
	}
	for line := range lines(hostsWith(sys, a.String())) {
		h, ok := parseHost(line)
		if !ok {
			continue
		}
		if own, ok := h.of(e.AddrType); ok && own == a {
			e.Name, e.Aliases = h.names[0], h.names[1:]
			return e, nil
		}
	}
	c := configOf(sys)
	if c == nil || !a.IsValid() {
		return nil, HOST_NOT_FOUND
	}
	if a.Is4In6() {
		a = a.Unmap()
		e.AddrType, e.Addrs[0] = socket.AF_INET, a
	}
	ctx = withClock(ctx, sys)
	f, err := c.query(ctx, sys, reverse(a), dnsmessage.TypePTR)
	switch {
	case err != nil && ctx.Err() != nil:
		return nil, ctx.Err()
	case err != nil:
		return nil, plain(err)
	}
	e.Name, e.Aliases = f.name, f.aliases
	return e, nil
}
