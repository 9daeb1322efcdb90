package network

import (
	"net/netip"
	"strings"
)

// RouteTo says in one line how a datagram would go to dst, as "ip route get" does:
//
//	10.0.2.7 via 10.0.1.1 dev eth0 src 10.0.1.5
//	local 10.0.1.5 dev lo src 10.0.1.5
//	broadcast 10.0.1.255 dev eth0 src 10.0.1.5
//
// The errors are those of Path.
func (l *Layer) RouteTo(dst netip.Addr) (string, error) {
	p, err := l.Path(dst, netip.Addr{})
	if err != nil {
		return "", err
	}
	var s strings.Builder
	switch {
	case p.Loopback():
		s.WriteString("local ")
	case p.Broadcast():
		s.WriteString("broadcast ")
	}
	// A link-local address needs no zone beside the name of the interface.
	s.WriteString(p.Dst().WithZone("").String())
	if p.neighbour != nil {
		if hop := p.neighbour.Addr(); hop != p.Dst().WithZone("") {
			s.WriteString(" via " + hop.String())
		}
	}
	s.WriteString(" dev " + p.Interface().Name())
	s.WriteString(" src " + p.Src().WithZone("").String())
	return s.String(), nil
}
