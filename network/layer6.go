package network

import (
	"net/netip"

	"septet/header"
)

// layer6 is what a layer needs for IPv6 alone (RFC 8200).
type layer6 struct {
	layer *Layer
	on    bool // at a card
	icmp  icmp6

	reassembly reassembly
	stats      DiscoveryStats
	secret     []byte // of RFC 7217's interface identifiers
}

// needSix returns the layer's IPv6, made if there was none.
func (l *Layer) needSix() *layer6 {
	if l.six == nil {
		s := &layer6{layer: l}
		s.icmp.layer = l
		s.reassembly.init(l, reassemblyTimeout6, header.IPv6Len+header.IPv6FragmentLen+maxPayload6)
		l.six = s
		l.Handle(header.ProtocolICMPv6, &s.icmp)
	}
	return l.six
}

// close drops what waits for something, and stops what would happen later.
func (s *layer6) close() {
	s.reassembly.clear()
	for _, i := range s.layer.interfaces {
		i.close6()
	}
}

var (
	anyAddr6      = netip.IPv6Unspecified()
	localhost6    = netip.IPv6Loopback()
	anyPrefix6    = netip.PrefixFrom(anyAddr6, 0)
	allNodes      = netip.IPv6LinkLocalAllNodes()
	allRouters    = netip.IPv6LinkLocalAllRouters()
	solicitedNode = netip.MustParsePrefix("ff02::1:ff00:0/104")
	linkLocal6    = netip.MustParsePrefix("fe80::/64")
)

// solicitedNodeOf returns the group by which the neighbours of a find it (RFC 4291,
// section 2.7.1).
func solicitedNodeOf(a netip.Addr) netip.Addr {
	b, low := solicitedNode.Addr().As16(), a.As16()
	copy(b[13:], low[13:])
	return netip.AddrFrom16(b)
}

// assignable6 reports whether an interface can have a, a unicast address (RFC 4291,
// section 2.5).
func assignable6(a netip.Addr) bool {
	return !a.IsUnspecified() && !a.IsLoopback() && !a.IsMulticast() && !a.Is4In6()
}
