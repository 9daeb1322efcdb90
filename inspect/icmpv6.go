package inspect

import (
	"fmt"

	"septet/header"
)

var icmpv6Types = map[uint8]string{
	1: "destination unreachable", 2: "packet too big", 3: "time exceeded", 4: "parameter problem",
	128: "echo request", 129: "echo reply", 130: "multicast listener query", 131: "multicast listener report",
	132: "multicast listener done", 133: "router solicitation", 134: "router advertisement",
	135: "neighbor solicitation", 136: "neighbor advertisement", 137: "redirect",
	143: "multicast listener report v2",
}

var icmpv6Codes = map[uint8][]string{ // RFC 4443, section 3; RFC 7112, section 5, for the last
	1: {"no route to destination", "administratively prohibited", "beyond scope of source address",
		"address unreachable", "port unreachable", "source address failed policy", "reject route"},
	3: {"hop limit exceeded in transit", "fragment reassembly time exceeded"},
	4: {"erroneous header field", "unrecognized next header", "unrecognized option", "first fragment has incomplete header chain"},
}

// icmpv6Lens is how many bytes a message has before its options or its records.
var icmpv6Lens = map[uint8]int{
	header.ICMPv6ListenerQuery: header.MLDv1Len, header.ICMPv6ListenerReport: header.MLDv1Len, header.ICMPv6ListenerDone: header.MLDv1Len,
	header.ICMPv6RouterAdvert: header.RouterAdvertisementLen, header.ICMPv6NeighbourSolicit: header.NeighbourSolicitationLen,
	header.ICMPv6NeighbourAdvert: header.NeighbourAdvertisementLen, header.ICMPv6Redirect: header.RedirectLen,
}

// icmpv6 dissects an ICMPv6 message (RFC 4443): errors with the packet that they are
// about, echoes, neighbour discovery and MLD.
func (d *dissection) icmpv6(r region, u upper) {
	b, ok := d.layer("ICMPv6", placeNetwork, r, header.ICMPv6Len)
	if !ok {
		return
	}
	kind, code := b.u8(0), b.u8(1)
	b.field("type", 0, 1, named(icmpv6Types[kind], fmt.Sprint(kind)))
	b.field("code", 1, 1, named(icmpCode(icmpv6Codes, kind, code), fmt.Sprint(code)))
	sum, _ := d.segmentSum(protocolICMPv6, r, u)
	b.checksum("checksum", 2, sum, r.len(), u.needed())
	if need := icmpv6Lens[kind]; r.len() < need {
		b.end(r.len())
		b.malformed(fmt.Sprintf("%d bytes are here, the message needs %d", r.len(), need), r)
		return
	}
	rest := r.after(header.ICMPv6Len)
	switch kind {
	case header.ICMPv6EchoRequest, header.ICMPv6EchoReply:
		b.number("identifier", 4, 2)
		b.number("sequence number", 6, 2)
	case header.ICMPv6PacketTooBig:
		b.number("MTU", 4, 4)
	case header.ICMPv6ParameterProblem:
		b.number("pointer", 4, 4)
	case header.ICMPv6Unreachable, header.ICMPv6TimeExceeded:
		b.hexed("unused", 4, 4)
	case header.ICMPv6ListenerQuery, header.ICMPv6ListenerReport, header.ICMPv6ListenerDone, header.ICMPv6ListenerReport2:
		rest = b.mld(kind, r)
	case header.ICMPv6RouterSolicit, header.ICMPv6RouterAdvert, header.ICMPv6NeighbourSolicit,
		header.ICMPv6NeighbourAdvert, header.ICMPv6Redirect:
		b.nd(kind, r)
		return
	default:
		b.hexed("rest of header", 4, 4)
	}
	if kind < 128 {
		d.quote(rest)
		return
	}
	d.data(rest, placeNetwork)
}
