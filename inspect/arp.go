package inspect

import (
	"fmt"
	"net/netip"

	"septet/header"
)

var arpOperations = map[uint16]string{
	header.ARPRequest: "request", header.ARPReply: "reply", 3: "reverse request", 4: "reverse reply",
}

// arp dissects an address resolution packet (RFC 826) and returns where it
// ends.
func (d *dissection) arp(r region) (end int) {
	b, ok := d.layer("ARP", placeLink, r, 8)
	if !ok {
		return r.end
	}
	hlen, plen := int(b.u8(4)), int(b.u8(5))
	hardware := "" // names are RFC 826's
	if b.u16(0) == 1 {
		hardware = "Ethernet"
	}
	b.field("hardware address space", 0, 2, named(hardware, fmt.Sprint(b.u16(0))))
	b.field("protocol address space", 2, 2, etherTypeText(b.u16(2)))
	b.number("hardware address length", 4, 1)
	b.number("protocol address length", 5, 1)
	b.field("opcode", 6, 2, named(arpOperations[b.u16(6)], fmt.Sprint(b.u16(6))))
	need := 8 + 2*(hlen+plen)
	if r.len() < need {
		b.end(r.len())
		b.malformed(fmt.Sprintf("%d bytes are here, the addresses need %d", r.len(), need), r.after(8))
		return r.end
	}
	b.end(need)
	at := 8
	for _, who := range [...]string{"sender", "target"} {
		hw, proto := b.raw[b.at+at:b.at+at+hlen], b.raw[b.at+at+hlen:b.at+at+hlen+plen]
		b.field(who+" hardware address", at, hlen, hardwareText(hw))
		b.field(who+" protocol address", at+hlen, plen, protocolText(proto))
		at += hlen + plen
	}
	return r.start + need
}

func hardwareText(b []byte) string {
	if len(b) == 6 {
		return macText(b)
	}
	return hexString(b, 20)
}

func protocolText(b []byte) string {
	if len(b) == 4 {
		return netip.AddrFrom4([4]byte(b)).String()
	}
	return hexString(b, 20)
}
