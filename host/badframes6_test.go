package host_test

import (
	"net/netip"
	"time"

	"septet/header"
	"septet/host"
)

// frame6 is an IPv6 packet from the peer, with its checksums. Zero values of h are filled.
func frame6(h header.IPv6, body []byte) []byte {
	if !h.Src.IsValid() {
		h.Src = netip.MustParseAddr("2001:db8::2")
	}
	if !h.Dst.IsValid() {
		h.Dst = netip.MustParseAddr("2001:db8::1")
	}
	if h.HopLimit == 0 {
		h.HopLimit = 64
	}
	h.PayloadLength = len(body)
	b := make([]byte, header.IPv6Len)
	h.Put(b)
	frame := mend(onLink(header.EtherTypeIPv6, append(b, body...)), false)
	if h.Dst.IsMulticast() {
		return toGroup(frame)
	}
	return frame
}

func payloadLength(right uint, taken values) lengthField {
	return lengthField{name: "payload length", at: atIP + 4, width: 2, right: right, least: 0, most: 65535, taken: taken}
}

func kinds6() []badKind {
	const udp = byte(header.ProtocolUDP)
	with := func(p header.Protocol, x ...byte) []byte {
		return frame6(header.IPv6{NextHeader: p}, append(x, datagram()...))
	}
	headerLength := func(right uint) lengthField {
		return lengthField{name: "length of the extension", at: at6 + 1, width: 1, right: right, least: 0, most: 255}
	}
	// Zeros that are left behind an option are padding.
	option := func(right uint, taken values) lengthField {
		return lengthField{name: "option length", at: at6 + 3, width: 1, right: right, least: 0, most: 255, taken: taken}
	}
	offset := func(right uint) lengthField {
		return lengthField{name: "fragment offset", at: at6 + 2, width: 2, mask: 0xfff8, right: right, least: 0, most: 0x1fff}
	}
	fragment := func(offset, more byte) []byte { // of what is no datagram
		return append([]byte{udp, 0, 0, offset | more, 0, 0, 0, 7}, make([]byte, 24)...)
	}
	reserved := lengthField{name: "what is reserved in place of a length", at: at6 + 1, width: 1, taken: every}
	return []badKind{
		{name: "IPv6 UDP", frame: frame6(header.IPv6{NextHeader: header.ProtocolUDP}, datagram()), fields: []lengthField{
			payloadLength(dgram, nil),
			{name: "UDP length", at: at6 + 4, width: 2, right: dgram, least: 8, most: 65535, taken: from(8, dgram-1)},
		}},
		{name: "hop-by-hop options", frame: with(header.ProtocolHopByHop, udp, 0, 5, 2, 0, 0, 1, 0), fields: []lengthField{
			payloadLength(8+dgram, nil), headerLength(0), option(2, nil), // RFC 2711, section 2.1
		}},
		{name: "hop-by-hop padding", frame: with(header.ProtocolHopByHop, udp, 0, 1, 4, 0, 0, 0, 0), fields: []lengthField{
			headerLength(0), option(4, from(0, 3)),
		}},
		{name: "destination options", frame: with(header.ProtocolDestinationOptions, udp, 0, 0x1e, 4, 0, 0, 0, 0), fields: []lengthField{
			headerLength(0), option(4, from(0, 3)),
		}},
		{name: "routing header", frame: with(header.ProtocolIPv6Route, append([]byte{udp, 2, 0, 0}, make([]byte, 20)...)...), fields: []lengthField{
			headerLength(2),
			{name: "segments left", at: at6 + 3, width: 1, right: 0, least: 0, most: 127},
		}},
		{name: "IPv6 through a router", refused: []string{"host"}, shorter: from(at6+8, 1500), frame: frame6(header.IPv6{
			NextHeader: header.ProtocolHopByHop, Dst: netip.MustParseAddr("2001:db8:9::9"),
		}, append([]byte{253, 0, 5, 2, 0, 0, 1, 0}, datagram()...)), fields: []lengthField{
			payloadLength(8+dgram, from(8, 7+dgram)), headerLength(0), option(2, nil),
		}},
		{name: "atomic fragment", frame: with(header.ProtocolIPv6Fragment, udp, 0, 0, 0, 0, 0, 0, 7), fields: []lengthField{
			offset(0), reserved,
		}},
		{name: "IPv6 first fragment", refused: both, frame: frame6(header.IPv6{NextHeader: header.ProtocolIPv6Fragment}, fragment(0, 1)), fields: []lengthField{
			payloadLength(32, nil), offset(0),
		}},
		{name: "IPv6 last fragment", refused: both, frame: frame6(header.IPv6{NextHeader: header.ProtocolIPv6Fragment}, fragment(64, 0)), fields: []lengthField{
			payloadLength(32, nil), offset(8),
		}},
	}
}

func icmp6Kinds() []badKind {
	message := func(typ, code uint8, rest uint32, data []byte) []byte {
		b := make([]byte, header.ICMPv6Len)
		h := header.ICMPv6{Type: typ, Code: code, Rest: rest}
		h.Put(b)
		return frame6(header.IPv6{NextHeader: header.ProtocolICMPv6}, append(b, data...))
	}
	quoted := header.IPv6{
		PayloadLength: dgram, HopLimit: 1, NextHeader: header.ProtocolUDP,
		Src: netip.MustParseAddr("2001:db8::1"), Dst: netip.MustParseAddr("2001:db8:9::9"),
	}
	quote := make([]byte, header.IPv6Len)
	quoted.Put(quote)
	quote = append(quote, datagram()...)
	const at = at6 + header.ICMPv6Len
	enough := from(at+48, 1500)
	length := lengthField{name: "payload length of the quotation", at: at + 4, width: 2, right: dgram, least: 0, most: 65535, taken: from(8, 65535)}
	mtu := lengthField{name: "MTU", at: at6 + 4, width: 4, right: 1400, least: 1280, most: 65535, taken: every}
	return []badKind{
		{name: "ICMPv6 echo", frame: message(header.ICMPv6EchoRequest, 0, 0xfe000001, make([]byte, 16)), shorter: from(at, 1500), fields: []lengthField{
			payloadLength(24, from(8, 23)),
		}},
		{name: "ICMPv6 unreachable", frame: message(header.ICMPv6Unreachable, header.ICMPv6PortUnreachable, 0, quote), shorter: enough, fields: []lengthField{length}},
		{name: "ICMPv6 time exceeded", frame: message(header.ICMPv6TimeExceeded, 0, 0, quote), shorter: enough, fields: []lengthField{length}},
		{name: "ICMPv6 packet too big", frame: message(header.ICMPv6PacketTooBig, 0, 1400, quote), shorter: enough, fields: []lengthField{length, mtu}},
	}
}

func mldKinds(from netip.Addr) []badKind {
	message := func(b []byte) []byte {
		h := header.IPv6{NextHeader: header.ProtocolHopByHop, HopLimit: 1, Src: from, Dst: netip.MustParseAddr("ff02::1")}
		return frame6(h, append([]byte{byte(header.ProtocolICMPv6), 0, 5, 2, 0, 0, 1, 0}, b...))
	}
	group := func(typ byte, a string) []byte {
		g := netip.MustParseAddr(a).As16()
		return append([]byte{typ, 0, 0, 0, 0, 100, 0, 0}, g[:]...)
	}
	const at = at6 + 8
	query := append(group(header.ICMPv6ListenerQuery, "ff05::77"), append([]byte{2, 125, 0, 2}, make([]byte, 32)...)...)
	report := append([]byte{header.ICMPv6ListenerReport2, 0, 0, 0, 0, 0, 0, 1, 4, 0, 0, 2}, group(0, "ff05::99")[8:]...)
	report = append(report, make([]byte, 32)...)
	return []badKind{
		{name: "MLDv1 query", frame: message(group(header.ICMPv6ListenerQuery, "::"))},
		{name: "MLDv1 report", frame: message(group(header.ICMPv6ListenerReport, "ff05::99"))},
		{name: "MLDv1 done", frame: message(group(header.ICMPv6ListenerDone, "ff05::99"))},
		{name: "MLDv2 query", frame: message(query), shorter: among(at + 24), fields: []lengthField{
			{name: "number of sources", at: at + 26, width: 2, right: 2, least: 0, most: 89, taken: among(0, 1)},
		}},
		{name: "MLDv2 report", frame: message(report), fields: []lengthField{
			{name: "number of records", at: at + 6, width: 2, right: 1, least: 0, most: 71, taken: among(0)},
			{name: "auxiliary data", at: at + 9, width: 1, right: 0, least: 0, most: 255},
			{name: "number of sources", at: at + 10, width: 2, right: 2, least: 0, most: 89, taken: among(0, 1)},
		}},
	}
}

// discoveryKinds are the messages of neighbour discovery, each with one option that
// belongs there.
func discoveryKinds(g *target) []badKind {
	mac := host.MAC("peer", "eth0")
	source := header.NDOptions{Source: mac, HasSource: true}
	target := header.NDOptions{Target: mac, HasTarget: true}
	nonce := header.NDOptions{Nonce: []byte{1, 2, 3, 4, 5, 6}}
	neighbour := netip.MustParseAddr("2001:db8::2")
	own := netip.MustParseAddr("2001:db8::1")
	message := func(name string, h interface{ Put([]byte) int }, n int, o header.NDOptions, fields ...lengthField) badKind {
		b := make([]byte, n+o.Len())
		h.Put(b)
		o.Put(b[n:])
		k := badKind{name: name, frame: frame6(header.IPv6{NextHeader: header.ProtocolICMPv6, HopLimit: 255, Src: g.peer, Dst: g.low.WithZone("")}, b)}
		k.fields = append(fields, lengthField{name: "option length", at: at6 + n + 1, width: 1, right: uint(b[n+1]), least: 1, most: 255})
		// RFC 4861, section 4.6: no message has to have an option.
		k.shorter = among(uint(at6 + n))
		return k
	}
	advert := func(name string, o header.NDOptions, fields ...lengthField) badKind {
		h := &header.RouterAdvertisement{Lifetime: time.Hour}
		return message("RA with "+name, h, header.RouterAdvertisementLen, o, fields...)
	}
	bits := lengthField{name: "prefix length", at: at6 + header.RouterAdvertisementLen + 2, width: 1, least: 0, most: 128, taken: every}
	prefix, route := bits, bits
	prefix.right, route.right = 64, 48
	toRoute := []header.RouteInformation{{Prefix: netip.MustParsePrefix("2001:db8:6::/48"), Lifetime: time.Hour}}
	redirect := &header.Redirect{Target: g.peer, Dst: netip.MustParseAddr("2001:db8:9::1")}
	quote := header.NDOptions{Redirected: make([]byte, 48)}
	return []badKind{
		message("NS with source", &header.NeighbourSolicitation{Target: own}, header.NeighbourSolicitationLen, source),
		message("NS with nonce", &header.NeighbourSolicitation{Target: own}, header.NeighbourSolicitationLen, nonce),
		message("NA with target", &header.NeighbourAdvertisement{Target: neighbour, Override: true}, header.NeighbourAdvertisementLen, target),
		message("RS with source", &header.RouterSolicitation{}, header.RouterSolicitationLen, source),
		advert("source", source),
		advert("MTU", header.NDOptions{MTU: 1400}),
		advert("prefix", header.NDOptions{Prefixes: []header.PrefixInformation{{
			Prefix: netip.MustParsePrefix("2001:db8:5::/64"), OnLink: true, Autonomous: true, Valid: time.Hour, Preferred: time.Hour,
		}}}, prefix),
		// Too short for its prefix it is ignored, and what is left is an unknown option.
		withOption(among(1), advert("route", header.NDOptions{Routes: toRoute}, route)),
		advert("DNS", header.NDOptions{DNS: []header.DNSServers{{Addrs: []netip.Addr{netip.MustParseAddr("2001:db8::53")}, Lifetime: time.Hour}}}),
		advert("search list", header.NDOptions{Search: []header.DNSSearch{{Domains: []string{"corp.example"}, Lifetime: time.Hour}}}),
		refusedBy("router", message("redirect with target", redirect, header.RedirectLen, target)),
		refusedBy("router", message("redirect with packet", redirect, header.RedirectLen, quote)),
	}
}

// withOption says which other lengths of its option are legal.
func withOption(taken values, k badKind) badKind {
	k.fields[len(k.fields)-1].taken = taken
	return k
}

func refusedBy(role string, k badKind) badKind {
	k.refused = []string{role}
	return k
}
