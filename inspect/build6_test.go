package inspect

import (
	"encoding/binary"
	"net/netip"
	"testing"
	"time"

	"septet/header"
)

// Hosts of the tests on IPv6.
var (
	host6   = netip.MustParseAddr("2001:db8::a")
	peer6   = netip.MustParseAddr("2001:db8::b")
	router6 = netip.MustParseAddr("fe80::1")
	local6  = netip.MustParseAddr("fe80::a")
	all6    = netip.MustParseAddr("ff02::1")
)

type named6 struct {
	name  string
	frame []byte
}

// ipv6Frame puts a payload, which p announces, into a packet and a frame.
func ipv6Frame(src, dst netip.Addr, p header.Protocol, hops uint8, payload []byte) []byte {
	return ethernet(header.EtherTypeIPv6, ipv6Packet(src, dst, p, hops, payload))
}

func ipv6Packet(src, dst netip.Addr, p header.Protocol, hops uint8, payload []byte) []byte {
	h := header.IPv6{
		TrafficClass: 0x2e<<2 | 1, FlowLabel: 0xabcde, PayloadLength: len(payload), NextHeader: p, HopLimit: hops, Src: src, Dst: dst,
	}
	b := make([]byte, header.IPv6Len, header.IPv6Len+len(payload))
	h.Put(b)
	return append(b, payload...)
}

// icmpv6 makes a message of what Put has written, and of what follows it.
func icmpv6(src, dst netip.Addr, put func(b []byte) int, rest ...byte) []byte {
	b := make([]byte, 256)
	b = append(b[:put(b)], rest...)
	header.SetICMPv6Checksum(b, src, dst)
	return b
}

func icmpv6Frame(src, dst netip.Addr, put func(b []byte) int, rest ...byte) []byte {
	return ipv6Frame(src, dst, header.ProtocolICMPv6, 255, icmpv6(src, dst, put, rest...))
}

// ndFrame makes a message of neighbour discovery.
func ndFrame(src, dst netip.Addr, put func(b []byte) int, o header.NDOptions) []byte {
	options := make([]byte, o.Len())
	o.Put(options)
	return icmpv6Frame(src, dst, put, options...)
}

func udp6(src, dst netip.Addr, payload string) []byte {
	h := header.UDP{SrcPort: 4000, DstPort: 9, Length: header.UDPLen + len(payload)}
	b := make([]byte, header.UDPLen, h.Length)
	h.Put(b)
	b = append(b, payload...)
	sum := header.Checksum(b, header.PseudoSum(src, dst, header.ProtocolUDP, len(b)))
	binary.BigEndian.PutUint16(b[6:], ^sum)
	return b
}

// extended puts extension headers, whose last names UDP, in front of a datagram to final.
func extended(p header.Protocol, dst, final netip.Addr, extensions ...byte) []byte {
	return ipv6Frame(host6, dst, p, 64, append(extensions, udp6(host6, final, "hello")...))
}

func ndFrames() []named6 {
	mac, quoted := header.MAC{2, 0, 0, 0, 0, 1}, ipv6Packet(host6, peer6, header.ProtocolUDP, 63, udp6(host6, peer6, "12345678"))
	ra := header.RouterAdvertisement{
		HopLimit: 64, Other: true, Preference: -1, Lifetime: 30 * time.Minute, ReachableTime: 30 * time.Second, RetransTimer: time.Second,
	}
	o := header.NDOptions{
		Source: mac, HasSource: true, MTU: 1480,
		Prefixes: []header.PrefixInformation{
			{Prefix: netip.MustParsePrefix("2001:db8:1::/64"), OnLink: true, Autonomous: true, Valid: time.Hour, Preferred: time.Minute},
			{Prefix: netip.MustParsePrefix("2001:db8:2::/48"), OnLink: true, Valid: header.Infinity, Preferred: header.Infinity},
		},
		Routes: []header.RouteInformation{
			{Prefix: netip.MustParsePrefix("::/0"), Lifetime: time.Hour},
			{Prefix: netip.MustParsePrefix("2001:db8:3::/64"), Preference: 1, Lifetime: header.Infinity},
			{Prefix: netip.MustParsePrefix("2001:db8:4::5/128"), Preference: -1},
		},
		DNS:    []header.DNSServers{{Addrs: []netip.Addr{peer6, host6}, Lifetime: time.Hour}},
		Search: []header.DNSSearch{{Domains: []string{"corp.example", "lab"}, Lifetime: time.Hour}},
	}
	ns, na := header.NeighbourSolicitation{Target: peer6}, header.NeighbourAdvertisement{Target: peer6, Router: true, Solicited: true, Override: true}
	redirect := header.Redirect{Target: router6, Dst: peer6}
	return []named6{
		{"router advertisement", ndFrame(router6, all6, ra.Put, o)},
		{"router advertisement, no router", ndFrame(router6, all6, (&header.RouterAdvertisement{Managed: true}).Put, header.NDOptions{})},
		{"router solicitation", ndFrame(local6, netip.MustParseAddr("ff02::2"), (&header.RouterSolicitation{}).Put, header.NDOptions{Source: mac, HasSource: true})},
		{"neighbour solicitation", ndFrame(host6, netip.MustParseAddr("ff02::1:ff00:b"), ns.Put, header.NDOptions{Source: mac, HasSource: true, Nonce: []byte("123456")})},
		{"neighbour advertisement", ndFrame(peer6, host6, na.Put, header.NDOptions{Target: mac, HasTarget: true})},
		{"redirect", ndFrame(router6, host6, redirect.Put, header.NDOptions{Target: mac, HasTarget: true, Redirected: quoted})},
	}
}

func groupFrames() []named6 {
	group, group4 := netip.MustParseAddr("ff02::1234"), netip.MustParseAddr("239.1.2.3")
	query := header.GroupQuery{
		MaxResponse: 40 * time.Second, Group: group, Suppress: true, Robustness: 2, Interval: 200 * time.Second,
		Sources: []netip.Addr{host6, peer6},
	}
	records := []header.GroupRecord{{Type: header.GroupIsInclude, Group: group, Sources: []netip.Addr{host6, peer6}}, {Type: header.GroupToExclude, Group: all6}}
	alert := []byte{byte(header.ProtocolICMPv6), 0, 5, 2, 0, 0, 1, 0}
	mld := func(put func(b []byte) int) []byte {
		return ipv6Frame(local6, group, header.ProtocolHopByHop, 1, append(alert, icmpv6(local6, group, put)...))
	}
	igmp := func(put func(b []byte) int) []byte {
		b := make([]byte, 256)
		b = b[:put(b)]
		header.SetIGMPChecksum(b)
		return ethernet(header.EtherTypeIPv4, ipv4Packet(pc1, group4, header.ProtocolIGMP, b))
	}
	all := []named6{
		{"MLDv2 query", mld(query.PutMLD)},
		{"MLDv2 report", mld(func(b []byte) int { return header.PutMLDReport(b, records) })},
		{"MLDv1 query", mld(func(b []byte) int { query.PutMLD(b); return header.MLDv1Len })},
		{"MLDv1 report", mld((&header.MLDv1{Type: header.ICMPv6ListenerReport, Group: group}).Put)},
		{"MLDv1 done", mld((&header.MLDv1{Type: header.ICMPv6ListenerDone, Group: group}).Put)},
	}
	query.Group, query.Sources = group4, []netip.Addr{pc1, pc2}
	records = []header.GroupRecord{{Type: header.GroupBlockOld, Group: group4, Sources: []netip.Addr{pc1, pc2}}, {Type: header.GroupToInclude, Group: group4}}
	return append(all,
		named6{"IGMPv3 query", igmp(query.PutIGMP)},
		named6{"IGMPv3 report", igmp(func(b []byte) int { return header.PutIGMPReport(b, records) })},
		named6{"IGMPv2 query", igmp((&header.IGMP{Type: header.IGMPQuery, Code: 100, Group: group4}).Put)},
		named6{"IGMPv1 query", igmp((&header.IGMP{Type: header.IGMPQuery, Group: netip.IPv4Unspecified()}).Put)},
		named6{"IGMPv1 report", igmp((&header.IGMP{Type: header.IGMPv1Report, Group: group4}).Put)},
		named6{"IGMPv2 report", igmp((&header.IGMP{Type: header.IGMPv2Report, Group: group4}).Put)},
		named6{"IGMPv2 leave", igmp((&header.IGMP{Type: header.IGMPv2Leave, Group: group4}).Put)},
	)
}

func ipv6Frames(t testing.TB) []named6 {
	quoted := ipv6Packet(host6, peer6, header.ProtocolUDP, 63, udp6(host6, peer6, "12345678"))
	icmp := func(kind, code uint8, rest uint32) []byte {
		return icmpv6Frame(peer6, host6, (&header.ICMPv6{Type: kind, Code: code, Rest: rest}).Put, quoted...)
	}
	udp := byte(header.ProtocolUDP)
	fragment := func(offset int, more bool) []byte {
		b := make([]byte, header.IPv6FragmentLen)
		h := header.IPv6Fragment{NextHeader: header.ProtocolUDP, Offset: offset, More: more, ID: 0x12345678}
		h.Put(b)
		part := udp6(host6, peer6, "0123456789abcdefghijklmn")
		if more {
			part = part[:offset+16]
		}
		return ipv6Frame(host6, peer6, header.ProtocolIPv6Fragment, 64, append(b, part[offset:]...))
	}
	tagged := func(frame []byte, tags ...byte) []byte {
		return append(append(append([]byte{}, frame[:12]...), tags...), frame[12:]...)
	}
	tcp := over6(tcpFrame(pc1Port, wwwPort, header.TCP{Flags: syn, Window: 1000, Options: header.TCPOptions{HasMSS: true, MSS: 1440}}, ""))
	router := router6.AsSlice()
	return []named6{
		{"TCP", tcp},
		{"UDP", over6(udpFrame(pc1Port, wwwPort, "hello"))},
		{"echo request", icmpv6Frame(host6, peer6, (&header.ICMPv6{Type: 128, Rest: 7<<16 | 1}).Put, []byte("data")...)},
		{"unreachable", icmp(1, 4, 0)}, {"too big", icmp(2, 0, 1280)}, {"time exceeded", icmp(3, 1, 0)}, {"parameter problem", icmp(4, 2, 40)},
		{"hop-by-hop and destination options", extended(header.ProtocolHopByHop, peer6, peer6,
			append(unhex(t, "3c 01 0502 0000 1e02 abcd 01040000 0000"), append([]byte{udp, 2}, append(unhex(t, "de 10"), append(router6.AsSlice(), 1, 2, 0, 0)...)...)...)...)},
		{"routing header type 0", extended(header.ProtocolIPv6Route, router6, peer6, append([]byte{udp, 4, 0, 1, 0, 0, 0, 0}, append(router, peer6.AsSlice()...)...)...)},
		{"routing header type 2", extended(header.ProtocolIPv6Route, router6, peer6, append([]byte{udp, 2, 2, 1, 0, 0, 0, 0}, peer6.AsSlice()...)...)},
		{"segment routing", extended(header.ProtocolIPv6Route, router6, peer6, append([]byte{udp, 4, 4, 1, 1, 0, 0, 7}, append(peer6.AsSlice(), router...)...)...)},
		{"first fragment", fragment(0, true)}, {"second fragment", fragment(16, false)},
		{"no next header, padded", append(ipv6Frame(host6, peer6, header.ProtocolNoNext, 64, nil), 0, 0, 0, 0, 0, 0)},
		{"one VLAN tag", tagged(tcp, 0x81, 0, 0x70, 0x2a)},
		{"two VLAN tags", tagged(tcp, 0x88, 0xa8, 0, 0x64, 0x81, 0, 0x20, 7)},
	}
}

// address6 gives an IPv4 host its address on IPv6.
func address6(a netip.Addr) netip.Addr {
	b := netip.MustParseAddr("2001:db8::").As16()
	four := a.As4()
	copy(b[12:], four[:])
	return netip.AddrFrom16(b)
}

// over6 makes of an Ethernet frame with TCP or UDP over IPv4, which has no IP options, the
// same over IPv6. A checksum that is wrong stays so.
func over6(frame []byte) []byte {
	h, b, err := header.ParseIPv4(frame[header.EthernetLen:])
	if err != nil {
		panic(err)
	}
	b = append([]byte{}, b...)
	at := map[header.Protocol]int{header.ProtocolTCP: 16, header.ProtocolUDP: 6}[h.Protocol]
	src, dst := address6(h.Src), address6(h.Dst)
	wrong := header.Checksum(b, header.PseudoSum(h.Src, h.Dst, h.Protocol, len(b))) != 0xffff
	b[at], b[at+1] = 0, 0
	sum := ^header.Checksum(b, header.PseudoSum(src, dst, h.Protocol, len(b)))
	if wrong {
		sum++
	}
	binary.BigEndian.PutUint16(b[at:], sum)
	out := append([]byte{}, frame[:header.EthernetLen]...)
	binary.BigEndian.PutUint16(out[12:], uint16(header.EtherTypeIPv6))
	return append(out, ipv6Packet(src, dst, h.Protocol, h.TTL, b)...)
}
