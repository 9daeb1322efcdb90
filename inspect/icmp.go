package inspect

import (
	"fmt"
	"net/netip"

	"septet/header"
)

var icmpTypes = map[uint8]string{
	0: "echo reply", 3: "destination unreachable", 4: "source quench", 5: "redirect",
	8: "echo request", 9: "router advertisement", 10: "router solicitation",
	11: "time exceeded", 12: "parameter problem", 13: "timestamp", 14: "timestamp reply",
}

// icmpCodes has the codes of the types in which they mean something (RFC 792,
// RFC 1122 section 3.2.2.1, RFC 1812 section 5.2.7).
var icmpCodes = map[uint8][]string{
	3: {"net unreachable", "host unreachable", "protocol unreachable", "port unreachable",
		"fragmentation needed and DF set", "source route failed", "destination network unknown",
		"destination host unknown", "source host isolated", "network administratively prohibited",
		"host administratively prohibited", "network unreachable for type of service",
		"host unreachable for type of service", "communication administratively prohibited",
		"host precedence violation", "precedence cutoff in effect"},
	5:  {"for the network", "for the host", "for type of service and network", "for type of service and host"},
	11: {"TTL exceeded in transit", "fragment reassembly time exceeded"},
	12: {"pointer indicates the error", "missing a required option", "bad length"},
}

func icmpCode(codes map[uint8][]string, kind, code uint8) string {
	if names := codes[kind]; int(code) < len(names) {
		return names[code]
	}
	return ""
}

func isICMPError(kind uint8) bool {
	h := header.ICMP{Type: kind}
	return h.IsError()
}

// icmp dissects an ICMP message (RFC 792) and, in an error, the packet it is
// about.
func (d *dissection) icmp(r region, u upper) {
	b, ok := d.layer("ICMP", placeNetwork, r, header.ICMPLen)
	if !ok {
		return
	}
	kind, code := b.u8(0), b.u8(1)
	b.field("type", 0, 1, named(icmpTypes[kind], fmt.Sprint(kind)))
	b.field("code", 1, 1, named(icmpCode(icmpCodes, kind, code), fmt.Sprint(code)))
	b.checksum("checksum", 2, header.Checksum(d.bytes(r), 0), r.len(), u.needed())
	rest := r.after(header.ICMPLen)
	switch {
	case kind == header.ICMPEchoRequest || kind == header.ICMPEchoReply || kind == 13 || kind == 14:
		b.number("identifier", 4, 2)
		b.number("sequence number", 6, 2)
	case kind == header.ICMPUnreachable && code == header.ICMPFragmentationNeeded:
		b.hexed("unused", 4, 2)
		b.number("next-hop MTU", 6, 2)
	case kind == header.ICMPRedirect:
		b.field("gateway internet address", 4, 4, netip.AddrFrom4([4]byte(b.raw[b.at+4:])).String())
	case kind == header.ICMPParameterProblem:
		b.number("pointer", 4, 1)
		b.field("unused", 5, 3, hexString(b.raw[b.at+5:b.at+8], 3))
	default:
		b.hexed("rest of header", 4, 4)
	}
	if isICMPError(kind) {
		d.quote(rest)
		return
	}
	d.data(rest, placeNetwork)
}

// quote dissects the packet that an ICMP error is about.
func (d *dissection) quote(r region) {
	if r.len() == 0 || d.depth >= maxDepth {
		d.data(r, placeNetwork)
		return
	}
	outer := d.quoted
	d.depth++
	d.quoted = true
	d.rawIP(r)
	d.quoted = outer
}
