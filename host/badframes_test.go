package host_test

import (
	"net/netip"

	"septet/header"
	"septet/host"
)

// Where things stand in the frames below.
const (
	atIP  = header.EthernetLen
	at4   = atIP + header.IPv4Len // what follows an IPv4 header without options
	at6   = atIP + header.IPv6Len
	dgram = header.UDPLen + 12 // the length of the datagrams
)

var both = []string{"host", "router"}

// badKinds are all kinds of packets, good ones, for the target.
func badKinds(g *target) []badKind {
	all := linkKinds()
	all = append(all, kinds4()...)
	all = append(all, icmpKinds()...)
	all = append(all, igmpKinds()...)
	all = append(all, tcpKinds()...)
	all = append(all, kinds6()...)
	all = append(all, icmp6Kinds()...)
	all = append(all, mldKinds(g.peer)...)
	return append(all, discoveryKinds(g)...)
}

// onLink is a frame from the peer.
func onLink(typ header.EtherType, payload []byte) []byte {
	b := make([]byte, header.EthernetLen)
	h := header.Ethernet{Dst: host.MAC("target", "eth0"), Src: host.MAC("peer", "eth0"), Type: typ}
	h.Put(b)
	return append(b, payload...)
}

// frame4 is an IPv4 packet from the peer, with its checksums. Zero values of h are filled.
func frame4(h header.IPv4, body []byte) []byte {
	h.Src = netip.MustParseAddr("10.0.0.2")
	if !h.Dst.IsValid() {
		h.Dst = netip.MustParseAddr("10.0.0.1")
	}
	if h.TTL = 64; h.Dst.IsMulticast() {
		h.TTL = 1
	}
	h.TotalLength = h.Len() + len(body)
	b := make([]byte, h.Len())
	h.Put(b)
	return mend(onLink(header.EtherTypeIPv4, append(b, body...)), false)
}

func datagram() []byte {
	b := make([]byte, dgram)
	h := header.UDP{SrcPort: 9999, DstPort: 7, Length: dgram}
	h.Put(b)
	return b
}

func linkKinds() []badKind {
	arp := func(operation uint16) []byte {
		b := make([]byte, header.ARPLen)
		h := header.ARP{
			Operation: operation, SenderMAC: host.MAC("peer", "eth0"), SenderIP: netip.MustParseAddr("10.0.0.2"),
			TargetMAC: host.MAC("target", "eth0"), TargetIP: netip.MustParseAddr("10.0.0.1"),
		}
		h.Put(b)
		return onLink(header.EtherTypeARP, b)
	}
	lengths := []lengthField{
		{name: "hardware length", at: atIP + 4, width: 1, right: 6, least: 6, most: 6},
		{name: "protocol length", at: atIP + 5, width: 1, right: 4, least: 4, most: 4},
	}
	ip := frame4(header.IPv4{Protocol: header.ProtocolUDP}, datagram())[atIP:]
	one := append([]byte{0, 10, 8, 0}, ip...)
	tag := func(name string, at int) lengthField {
		return lengthField{name: name, at: at, width: 2, mask: 0xfff, right: 10, least: 1, most: header.VLANMax}
	}
	return []badKind{
		{name: "ARP request", frame: arp(header.ARPRequest), fields: lengths},
		{name: "ARP reply", frame: arp(header.ARPReply), fields: lengths},
		// An untagged port of a host takes neither tags nor IEEE 802.3's frames with a
		// length, which RFC 1122, section 2.3.3, need not be taken.
		{name: "802.1Q", refused: both, frame: onLink(header.EtherTypeVLAN, one), fields: []lengthField{tag("VLAN", atIP)}},
		{
			name: "802.1Q, two tags", refused: []string{"host", "router", "tagged"},
			frame:  onLink(header.EtherTypeVLAN, append([]byte{0, 10, 0x81, 0}, one...)),
			fields: []lengthField{tag("outer VLAN", atIP), tag("inner VLAN", atIP+4)},
		},
		{
			name: "802.3 with a length", refused: both, frame: onLink(46, append([]byte{0xaa, 0xaa, 3, 0, 0, 0, 8, 0}, ip[:38]...)),
			fields: []lengthField{{name: "length", at: 12, width: 2, right: 46, least: 46, most: 1500}},
		},
	}
}

// headerLength and totalLength are those of an IPv4 header of n bytes, in a packet of
// total.
func headerLength(n uint) lengthField {
	return lengthField{name: "header length", at: atIP, width: 1, mask: 15, right: n / 4, least: 5, most: 15}
}

func totalLength(total uint, taken values) lengthField {
	return lengthField{name: "total length", at: atIP + 2, width: 2, right: total, least: 20, most: 65535, taken: taken}
}

func fragmentOffset(right uint) lengthField {
	return lengthField{name: "fragment offset", at: atIP + 6, width: 2, mask: 0x1fff, right: right, least: 0, most: 0x1fff}
}

func kinds4() []badKind {
	udp := func(options ...byte) []byte {
		return frame4(header.IPv4{Protocol: header.ProtocolUDP, Options: options}, datagram())
	}
	option := func(name string, right, least uint, taken values) lengthField {
		return lengthField{name: name, at: at4 + 1, width: 1, right: right, least: least, most: 40, taken: taken}
	}
	fragment := func(offset int, more bool) []byte {
		return frame4(header.IPv4{Protocol: header.ProtocolUDP, ID: 7, FragmentOffset: offset, MoreFragments: more}, make([]byte, 24))
	}
	return []badKind{
		{name: "UDP", frame: udp(), fields: []lengthField{
			headerLength(20), totalLength(20+dgram, nil), fragmentOffset(0),
			// RFC 768 has the length of the datagram: what IP has more of is not its.
			{name: "UDP length", at: at4 + 4, width: 2, right: dgram, least: 8, most: 65535, taken: from(8, dgram-1)},
		}},
		// RFC 1122, section 3.2.1.8: options that a host does not know are passed over. What
		// it needs to know of them is where the next one begins; zeros end them.
		{name: "record route", frame: udp(7, 7, 4, 0, 0, 0, 0, 0), fields: []lengthField{
			headerLength(28), option("option length", 7, 3, among(3, 8)),
		}},
		{name: "timestamps", frame: udp(68, 8, 5, 0, 0, 0, 0, 0), fields: []lengthField{
			headerLength(28), option("option length", 8, 4, among(4)),
		}},
		{name: "router alert", frame: udp(0x94, 4, 0, 0), fields: []lengthField{
			headerLength(24), option("option length", 4, 4, among(3)),
		}},
		{name: "source route", frame: udp(131, 7, 8, 240, 0, 0, 1, 0), fields: []lengthField{
			// RFC 791: a pointer beyond the length is that of a completed route.
			headerLength(28), option("option length", 7, 3, nil),
			{name: "pointer", at: at4 + 2, width: 1, right: 8, least: 4, most: 40, taken: among(40)},
		}},
		// RFC 1812, section 4.2.2: a router looks at the header of IP alone.
		{name: "through a router", refused: []string{"host"}, shorter: from(at4, 1500), frame: frame4(header.IPv4{
			Protocol: 253, Dst: netip.MustParseAddr("10.9.9.9"),
		}, datagram()), fields: []lengthField{headerLength(20), totalLength(20+dgram, from(20, 19+dgram))}},
		// What is alone waits until its time is over, and that is its one drop.
		{name: "first fragment", refused: both, frame: fragment(0, true), fields: []lengthField{
			headerLength(20), totalLength(44, nil), fragmentOffset(0),
		}},
		{name: "later fragment", refused: both, frame: fragment(64, true), fields: []lengthField{
			headerLength(20), totalLength(44, nil), fragmentOffset(8),
		}},
		{name: "last fragment", refused: both, frame: fragment(64, false), fields: []lengthField{
			headerLength(20), totalLength(44, nil), fragmentOffset(8),
		}},
	}
}

func icmpKinds() []badKind {
	message := func(typ, code uint8, rest uint32, data []byte) []byte {
		b := make([]byte, header.ICMPLen)
		h := header.ICMP{Type: typ, Code: code, Rest: rest}
		h.Put(b)
		return frame4(header.IPv4{Protocol: header.ProtocolICMP}, append(b, data...))
	}
	quoted := header.IPv4{
		TotalLength: 20 + dgram, TTL: 1, Protocol: header.ProtocolUDP,
		Src: netip.MustParseAddr("10.0.0.1"), Dst: netip.MustParseAddr("10.9.9.9"),
	}
	quote := make([]byte, header.IPv4Len)
	quoted.Put(quote)
	quote = append(quote, datagram()...)
	const at = at4 + header.ICMPLen
	// RFC 792: "Internet Header + 64 bits of Original Data Datagram" are enough.
	enough := from(at+28, 1500)
	quotes := []lengthField{
		// The quoted header may have options, if 8 bytes are left behind it. Its total length
		// is not looked at closely: there are routers that have changed it.
		{name: "header length of the quotation", at: at, width: 1, mask: 15, right: 5, least: 5, most: 15, taken: among(6)},
		{name: "total length of the quotation", at: at + 2, width: 2, right: 20 + dgram, least: 20, most: 65535, taken: from(20, 65535)},
	}
	with := func(f lengthField) []lengthField { return append([]lengthField{f}, quotes...) }
	// Nothing is done with the length of RFC 4884; an MTU is taken for what it can be.
	length := lengthField{name: "length of RFC 4884", at: at4 + 5, width: 1, right: 0, least: 32, most: 255, taken: every}
	mtu := lengthField{name: "MTU", at: at4 + 6, width: 2, right: 1400, least: 68, most: 65535, taken: every}
	return []badKind{
		{
			name: "ICMP echo", frame: message(header.ICMPEchoRequest, 0, 0xfe000001, make([]byte, 16)),
			fields:  []lengthField{headerLength(20), totalLength(44, from(28, 43))},
			shorter: from(at, 1500),
		},
		{name: "ICMP unreachable", frame: message(header.ICMPUnreachable, header.ICMPPortUnreachable, 0, quote), fields: with(length), shorter: enough},
		{name: "ICMP fragmentation needed", frame: message(header.ICMPUnreachable, header.ICMPFragmentationNeeded, 1400, quote), fields: with(mtu), shorter: enough},
		{name: "ICMP time exceeded", frame: message(header.ICMPTimeExceeded, 0, 0, quote), fields: with(length), shorter: enough},
		// RFC 1812, section 5.2.7.2: no router follows them.
		{name: "ICMP redirect", refused: []string{"router"}, frame: message(header.ICMPRedirect, 1, 0x0a000003, quote), fields: quotes, shorter: enough},
	}
}

func igmpKinds() []badKind {
	message := func(b []byte) []byte {
		h := header.IPv4{Protocol: header.ProtocolIGMP, Dst: netip.MustParseAddr("224.0.0.1"), Options: []byte{0x94, 4, 0, 0}}
		return toGroup(frame4(h, b))
	}
	short := func(kind, code uint8, group string) []byte {
		b := make([]byte, header.IGMPLen)
		h := header.IGMP{Type: kind, Code: code, Group: netip.MustParseAddr(group)}
		h.Put(b)
		return message(b)
	}
	const at = at4 + 4 // behind the router alert
	query := append([]byte{header.IGMPQuery, 10, 0, 0, 239, 7, 7, 7, 2, 125, 0, 2}, make([]byte, 8)...)
	report := append([]byte{header.IGMPv3Report, 0, 0, 0, 0, 0, 0, 1, 4, 0, 0, 2, 239, 9, 9, 9}, 10, 9, 0, 1, 10, 9, 0, 2)
	return []badKind{
		{name: "IGMPv1 query", frame: short(header.IGMPQuery, 0, "0.0.0.0")},
		{name: "IGMPv2 query", frame: short(header.IGMPQuery, 10, "0.0.0.0")},
		// 8 bytes are a query of version 2. With fewer sources than are there the rest is
		// passed over (RFC 3376, section 4.1.10).
		{name: "IGMPv3 query", frame: message(query), shorter: among(at + 8), fields: []lengthField{
			{name: "number of sources", at: at + 10, width: 2, right: 2, least: 0, most: 366, taken: among(0, 1)},
		}},
		{name: "IGMPv1 report", frame: short(header.IGMPv1Report, 0, "239.9.9.9")},
		{name: "IGMPv2 report", frame: short(header.IGMPv2Report, 0, "239.9.9.9")},
		{name: "IGMPv2 leave", frame: short(header.IGMPv2Leave, 0, "239.9.9.9")},
		{name: "IGMPv3 report", frame: message(report), fields: []lengthField{
			{name: "number of records", at: at + 6, width: 2, right: 1, least: 0, most: 183, taken: among(0)},
			{name: "auxiliary data", at: at + 9, width: 1, right: 0, least: 0, most: 255},
			{name: "number of sources", at: at + 10, width: 2, right: 2, least: 0, most: 366, taken: among(0, 1)},
		}},
	}
}

// toGroup addresses a frame to the stations that listen to the group in it.
func toGroup(frame []byte) []byte {
	to := []byte{0x01, 0x00, 0x5e, 0, 0, 1}
	if frame[12] == 0x86 {
		to = []byte{0x33, 0x33, 0, 0, 0, 1}
	}
	copy(frame, to)
	return frame
}

func tcpKinds() []badKind {
	syn := func(options []byte) []byte {
		b := make([]byte, header.TCPLen)
		h := header.TCP{SrcPort: 9999, DstPort: 7, Flags: header.SYN, Window: 1000, Seq: 1}
		h.Put(b)
		b[12] = byte(5+len(options)/4) << 4
		return frame4(header.IPv4{Protocol: header.ProtocolTCP}, append(b, options...))
	}
	all := []badKind{{name: "TCP", frame: syn(nil), fields: []lengthField{dataOffset(5, nil)}}}
	for name, option := range map[string][]byte{
		"maximum segment size": {2, 4, 5, 180},
		"window scale":         {3, 3, 7, 0},
		"SACK permitted":       {4, 2, 0, 0},
		"SACK":                 {5, 10, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0},
		"timestamps":           {8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0},
		"user timeout":         {28, 4, 0, 60},
		"Fast Open":            {34, 10, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0},
		"MPTCP, unknown":       {30, 12, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0},
	} {
		n := uint(5 + len(option)/4)
		all = append(all, badKind{name: "TCP " + name, frame: syn(option), fields: []lengthField{
			// What of the options does not belong to the header is data.
			dataOffset(n, from(5, n-1)),
			// RFC 9293, MUST-7: an illegal length of an option does no harm to the segment.
			{name: "option length", at: at4 + header.TCPLen + 1, width: 1, right: uint(option[1]), least: 2, most: 40, taken: every},
		}})
	}
	return all
}

func dataOffset(right uint, taken values) lengthField {
	return lengthField{name: "data offset", at: at4 + 12, width: 1, mask: 0xf0, right: right, least: 5, most: 15, taken: taken}
}
