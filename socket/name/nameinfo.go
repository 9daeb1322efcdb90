package name

import (
	"net/netip"
	"strconv"
	"strings"

	"septet/socket"
)

// Flags of GetNameInfo, with Linux's numbers.
const (
	NI_NUMERICHOST = 1
	NI_NUMERICSERV = 2
	NI_NOFQDN      = 4
	NI_NAMEREQD    = 8
	NI_DGRAM       = 16

	allNameFlags = NI_NUMERICHOST | NI_NUMERICSERV | NI_NOFQDN | NI_NAMEREQD | NI_DGRAM
)

// GetNameInfo returns the names of an address and of a port, as getnameinfo(3) does: the
// numbers where there is no name. Errors: EAIError.
func GetNameInfo(sys socket.System, at netip.AddrPort, flags int) (node, service string, err error) {
	switch {
	case flags&^allNameFlags != 0:
		return "", "", EAI_BADFLAGS
	case !at.Addr().IsValid():
		return "", "", EAI_FAMILY
	}
	if node, err = nodeName(sys, at.Addr(), flags); err != nil {
		return "", "", err
	}
	return node, serviceName(sys, int(at.Port()), flags), nil
}

func nodeName(sys socket.System, a netip.Addr, flags int) (string, error) {
	if flags&NI_NUMERICHOST == 0 {
		h, err := GetHostByAddr(sys, a)
		switch {
		case err == nil && flags&NI_NOFQDN != 0:
			return withoutDomain(sys, h.Name), nil
		case err == nil:
			return h.Name, nil
		case err == TRY_AGAIN:
			return "", EAI_AGAIN
		}
	}
	if flags&NI_NAMEREQD != 0 {
		return "", EAI_NONAME
	}
	s := text(a.WithZone(""))
	switch zone := a.Zone(); {
	case zone == "":
	case a.IsLinkLocalUnicast(), a.IsLinkLocalMulticast():
		s += "%" + zone
	default: // a scope that is no link's is a number
		if index, err := sys.InterfaceIndex(zone); err == nil {
			zone = strconv.Itoa(index)
		}
		s += "%" + zone
	}
	return s, nil
}

// withoutDomain takes the System's own domain off a name.
func withoutDomain(sys socket.System, name string) string {
	own, _ := sys.Hostname()
	_, domain, ok := strings.Cut(own, ".")
	if !ok {
		if h, err := GetHostByNameEx(sys, own); err == nil {
			_, domain, ok = strings.Cut(h.Name, ".")
		}
	}
	if short, has := strings.CutSuffix(name, "."+domain); ok && has {
		return short
	}
	return name
}

func serviceName(sys socket.System, port, flags int) string {
	if flags&NI_NUMERICSERV == 0 {
		proto := "tcp"
		if flags&NI_DGRAM != 0 {
			proto = "udp"
		}
		if s, err := GetServByPort(sys, port, proto); err == nil {
			return s.Name
		}
	}
	return strconv.Itoa(port)
}
