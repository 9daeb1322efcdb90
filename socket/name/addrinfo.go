package name

import (
	"context"
	"net/netip"
	"strconv"
	"strings"

	"septet/socket"
)

// Flags of Hints, with Linux's numbers.
const (
	AI_PASSIVE     = 0x1
	AI_CANONNAME   = 0x2
	AI_NUMERICHOST = 0x4
	AI_V4MAPPED    = 0x8
	AI_ALL         = 0x10
	AI_ADDRCONFIG  = 0x20
	AI_NUMERICSERV = 0x400

	allFlags = AI_PASSIVE | AI_CANONNAME | AI_NUMERICHOST | AI_V4MAPPED | AI_ALL | AI_ADDRCONFIG | AI_NUMERICSERV
)

// Hints say which answers of GetAddrInfo are wanted. The zero value wants all.
type Hints struct {
	Flags    int
	Family   int
	SockType int
	Protocol int
}

// AddrInfo is one answer of GetAddrInfo: what to give to Socket and to Connect or Bind.
type AddrInfo struct {
	Family   int
	SockType int
	Protocol int
	// Addr has the port too. An IPv6 address with a scope has it as its zone, the name
	// of the interface.
	Addr netip.AddrPort
	// CanonName is the host's name, in the first answer if AI_CANONNAME asks for it.
	CanonName string
}

// GetAddrInfo finds the addresses of a node and the port of a service, as getaddrinfo(3)
// does, in the order of RFC 6724, section 6. An empty node or service is none: NULL. Nil
// hints are those of C: AI_V4MAPPED and AI_ADDRCONFIG. Errors: EAIError.
func GetAddrInfo(sys socket.System, node, service string, hints *Hints) ([]AddrInfo, error) {
	return addrInfo(context.Background(), sys, node, service, hints)
}

func addrInfo(ctx context.Context, sys socket.System, node, service string, hints *Hints) ([]AddrInfo, error) {
	h := Hints{Flags: AI_V4MAPPED | AI_ADDRCONFIG}
	if hints != nil {
		h = *hints
	}
	if node == "*" {
		node = ""
	}
	if service == "*" {
		service = ""
	}
	switch {
	case node == "" && service == "":
		return nil, EAI_NONAME
	case h.Flags&^allFlags != 0, h.Flags&AI_CANONNAME != 0 && node == "":
		return nil, EAI_BADFLAGS
	case h.Family != socket.AF_UNSPEC && h.Family != socket.AF_INET && h.Family != socket.AF_INET6:
		return nil, EAI_FAMILY
	}
	if h.Flags&AI_ADDRCONFIG != 0 {
		if err := h.configured(sys); err != nil {
			return nil, err
		}
	}
	ctx = withClock(ctx, sys)
	ends, err := h.ends(sys, service)
	if err != nil {
		return nil, err
	}
	f, err := h.node(ctx, sys, node)
	if err != nil {
		return nil, err
	}
	order(ctx, sys, f.addrs)
	var all []AddrInfo
	for _, a := range f.addrs {
		family := socket.AF_INET6
		if a.Is4() {
			family = socket.AF_INET
		}
		for _, e := range ends {
			all = append(all, AddrInfo{family, e.kind, e.protocol, netip.AddrPortFrom(a, e.port), ""})
		}
	}
	if h.Flags&AI_CANONNAME != 0 {
		all[0].CanonName = f.name
	}
	return all, nil
}

// end is the part of an answer that the service decides.
type end struct {
	kind, protocol int
	port           uint16
}

// transport is a kind of sockets of which there may be services.
type transport struct {
	kind, protocol int
	name           string // in services(5); "" if it has no ports
	usual          bool   // an answer where nothing was asked for
}

// transports are what GetAddrInfo knows, in the order of its answers.
var transports = []transport{
	{socket.SOCK_STREAM, socket.IPPROTO_TCP, "tcp", true},
	{socket.SOCK_DGRAM, socket.IPPROTO_UDP, "udp", true},
	{6, 33, "dccp", false},
	{socket.SOCK_DGRAM, 136, "udplite", false},
	{socket.SOCK_STREAM, 132, "sctp", false},
	{5, 132, "sctp", false},
	{socket.SOCK_RAW, 0, "", true}, // any protocol
}

func (t *transport) fits(h *Hints) bool {
	return (h.SockType == 0 || h.SockType == t.kind) &&
		(h.Protocol == 0 || t.name == "" || h.Protocol == t.protocol)
}

// ends returns the kinds of sockets that the hints leave, with the service's port.
func (h *Hints) ends(sys socket.System, service string) ([]end, error) {
	port, numeric := number(service)
	if service != "" && !numeric && h.Flags&AI_NUMERICSERV != 0 {
		return nil, EAI_NONAME
	}
	named := service != "" && !numeric
	asked := h.SockType != 0 || h.Protocol != 0
	var all []end
	known := false
	for _, t := range transports {
		if !t.fits(h) || !asked && !named && !t.usual {
			continue
		}
		known = true
		e := end{t.kind, t.protocol, uint16(port)}
		switch {
		case t.name == "" && (named || asked && service != ""):
			if asked {
				return nil, EAI_SERVICE
			}
			continue
		case t.name == "":
			e.protocol = h.Protocol
		case named:
			s, err := GetServByName(sys, service, t.name)
			if err != nil {
				if asked {
					return nil, EAI_SERVICE
				}
				continue
			}
			e.port = uint16(s.Port)
		}
		all = append(all, e)
		if asked {
			break // the first that fits
		}
	}
	switch {
	case !known && h.SockType != 0:
		return nil, EAI_SOCKTYPE
	case len(all) == 0:
		return nil, EAI_SERVICE
	}
	return all, nil
}

// node finds the addresses that the hints leave of a node.
func (h *Hints) node(ctx context.Context, sys socket.System, node string) (*found, error) {
	if node == "" {
		return &found{addrs: h.own()}, nil
	}
	a, err := numericHost(sys, node)
	switch {
	case err != nil:
		return nil, err
	case a.IsValid():
		if a, err = h.fit(a); err != nil {
			return nil, err
		}
		return &found{name: node, addrs: []netip.Addr{a}}, nil
	case h.Flags&AI_NUMERICHOST != 0:
		return nil, EAI_NONAME
	}
	f, err := hostByName(ctx, sys, node, h.Family)
	mapped := h.Family == socket.AF_INET6 && h.Flags&AI_V4MAPPED != 0
	if mapped && (err != nil || h.Flags&AI_ALL != 0) {
		f, err = mapping(ctx, sys, node, f, err)
	}
	switch err {
	case NO_RECOVERY: // glibc's getaddrinfo does not tell it from an unknown name
		return nil, EAI_NONAME
	case HOST_NOT_FOUND, TRY_AGAIN, NO_DATA:
		return nil, err.(HostError).eai()
	}
	return f, err
}

// mapping adds a node's IPv4 addresses as IPv4-mapped ones to f, or to nothing if err
// says that there is no f.
func mapping(ctx context.Context, sys socket.System, node string, f *found, err error) (*found, error) {
	f4, err4 := hostByName(ctx, sys, node, socket.AF_INET)
	if err4 != nil {
		return f, err
	}
	for i, a := range f4.addrs {
		f4.addrs[i] = netip.AddrFrom16(a.As16())
	}
	if err != nil {
		return f4, nil
	}
	f.addrs = append(f.addrs, f4.addrs...)
	return f, nil
}

// own returns the addresses that no node stands for: the unspecified ones for who will
// bind, those of the loopback interface for who will connect.
func (h *Hints) own() (all []netip.Addr) {
	v6, v4 := netip.IPv6Loopback(), netip.AddrFrom4([4]byte{127, 0, 0, 1})
	if h.Flags&AI_PASSIVE != 0 {
		v6, v4 = netip.IPv6Unspecified(), netip.IPv4Unspecified()
	}
	if h.Family != socket.AF_INET {
		all = append(all, v6)
	}
	if h.Family != socket.AF_INET6 {
		all = append(all, v4)
	}
	return all
}

// fit makes an address one of the family that is asked for.
func (h *Hints) fit(a netip.Addr) (netip.Addr, error) {
	switch {
	case h.Family == socket.AF_UNSPEC, a.Is4() == (h.Family == socket.AF_INET):
		return a, nil
	case h.Family == socket.AF_INET6 && h.Flags&AI_V4MAPPED != 0:
		return netip.AddrFrom16(a.As16()), nil
	case h.Family == socket.AF_INET && a.Is4In6():
		return a.Unmap(), nil
	}
	return a, EAI_ADDRFAMILY
}

// numericHost reads a text that is an address, the zero Addr if it is none. A zone is an
// interface's name, or its number. Errors: EAI_NONAME for a zone that is neither.
func numericHost(sys socket.System, node string) (netip.Addr, error) {
	if b, rest, ok := aton(node); ok && rest == "" {
		return netip.AddrFrom4(b), nil
	}
	node, zone, scoped := strings.Cut(node, "%")
	b, err := InetPton(socket.AF_INET6, node)
	if err != nil {
		return netip.Addr{}, nil
	}
	a := netip.AddrFrom16([16]byte(b))
	if !scoped {
		return a, nil
	}
	if a.IsLinkLocalUnicast() || a.IsLinkLocalMulticast() {
		if _, err := sys.InterfaceIndex(zone); err == nil {
			return a.WithZone(zone), nil
		}
	}
	index, err := strconv.ParseUint(zone, 10, 32)
	if err != nil {
		return netip.Addr{}, EAI_NONAME
	}
	if index == 0 {
		return a, nil
	}
	if name, err := sys.InterfaceName(int(index)); err == nil {
		zone = name
	}
	return a.WithZone(zone), nil
}

// addresses are a System that can say what addresses its interfaces have, as
// getifaddrs(3) does.
type addresses interface {
	GetIfAddrs() ([]netip.Prefix, error)
}

// ownPrefixes returns the addresses of the System's interfaces; not ok if it cannot say.
func ownPrefixes(sys socket.System) (all []netip.Prefix, ok bool) {
	s, ok := sys.(addresses)
	if !ok {
		return nil, false
	}
	all, err := s.GetIfAddrs()
	return all, err == nil
}

// configured narrows the hints to the families of which the System has an address other
// than loopback (RFC 3493, section 6.1). Who has neither may still ask
// for both.
func (h *Hints) configured(sys socket.System) error {
	all, ok := ownPrefixes(sys)
	if !ok {
		return nil
	}
	has4, has6 := false, false
	for _, p := range all {
		if !p.Addr().IsLoopback() {
			has4, has6 = has4 || p.Addr().Is4(), has6 || p.Addr().Is6()
		}
	}
	switch {
	case h.Family == socket.AF_INET && !has4, h.Family == socket.AF_INET6 && !has6:
		return EAI_NONAME
	case has4 == has6:
	case h.Family == socket.AF_UNSPEC && has4:
		h.Family = socket.AF_INET
	case h.Family == socket.AF_UNSPEC:
		h.Family = socket.AF_INET6
	}
	return nil
}
