package inspect

import (
	"encoding/binary"
	"fmt"

	"septet/header"
)

// link dissects from the layer on that the capture's link type names.
func (d *dissection) link(link LinkType, r region) {
	switch link {
	case LinkEthernet:
		d.ethernet(r)
	case LinkRaw, LinkRaw12, LinkRaw14, LinkIPv4, LinkIPv6:
		d.rawIP(r)
	case LinkNull, LinkLoop:
		d.loopback(r)
	case LinkLinuxSLL:
		d.sll(r)
	case LinkLinuxSLL2:
		d.sll2(r)
	default:
		d.data(r, placeLink)
	}
}

// etherTypeServiceTag is the outer of two VLAN tags (IEEE 802.1ad).
const etherTypeServiceTag = 0x88a8

var etherTypes = map[header.EtherType]string{
	header.EtherTypeIPv4: "IPv4", header.EtherTypeARP: "ARP",
	header.EtherTypeVLAN: "802.1Q", header.EtherTypeIPv6: "IPv6",
	etherTypeServiceTag: "802.1ad", 0x88cc: "LLDP", 0x8863: "PPPoE Discovery", 0x8864: "PPPoE Session",
}

func etherTypeText(t uint16) string {
	return named(etherTypes[header.EtherType(t)], fmt.Sprintf("0x%04x", t))
}

func macText(b []byte) string {
	m := header.MAC(b)
	switch {
	case m == header.BroadcastMAC:
		return m.String() + " (broadcast)"
	case m.IsGroup():
		return m.String() + " (multicast)"
	}
	return m.String()
}

func (b *builder) mac(name string, from int) {
	b.field(name, from, 6, macText(b.raw[b.at+from:b.at+from+6]))
}

// maxLength8023 is the largest value of the type field that is a length: from
// 1536 on it is an EtherType (IEEE 802.3, section 3.2.6).
const maxLength8023 = 1500

func (d *dissection) ethernet(r region) {
	b, ok := d.layer("Ethernet II", placeLink, r, header.EthernetLen)
	if !ok {
		return
	}
	b.mac("destination", 0)
	b.mac("source", 6)
	rest := r.after(header.EthernetLen)
	kind := b.u16(12)
	if kind <= maxLength8023 {
		b.layerPtr().Name = "IEEE 802.3"
		b.number("length", 12, 2)
		payload := rest.first(int(kind))
		d.data(payload, placeLink)
		d.padding(region{payload.end, r.end})
		return
	}
	b.field("type", 12, 2, etherTypeText(kind))
	d.padding(region{d.etherPayload(kind, rest), r.end})
}

// padding shows what fills a short Ethernet frame up to its 60 bytes (64 with
// the frame check sequence, which captures do not have).
func (d *dissection) padding(r region) {
	if r.len() <= 0 || d.packet.LinkType != LinkEthernet {
		return
	}
	b, _ := d.layer("Ethernet padding", placeLink, r, r.len())
	b.add(Field{Name: "padding", Value: sized(r.len()), Start: r.start, End: r.end})
}

// etherPayload dissects what an EtherType announces and returns where it ends.
func (d *dissection) etherPayload(kind uint16, r region) (end int) {
	switch header.EtherType(kind) {
	case header.EtherTypeIPv4:
		return d.ipv4(r)
	case header.EtherTypeIPv6:
		return d.ipv6(r)
	case header.EtherTypeARP:
		return d.arp(r)
	case header.EtherTypeVLAN, etherTypeServiceTag:
		if d.depth < maxDepth {
			d.depth++
			return d.vlan(etherTypes[header.EtherType(kind)], r)
		}
	}
	d.data(r, placeNetwork)
	return r.end
}

// vlan dissects the tag of IEEE 802.1Q, or the outer one of 802.1ad: 3 bits of priority,
// the drop-eligible indicator, 12 bits of VLAN identifier, and the type of what follows.
func (d *dissection) vlan(name string, r region) (end int) {
	b, ok := d.layer(name, placeLink, r, header.VLANLen)
	if !ok {
		return r.end
	}
	tag := b.u16(0)
	b.add(b.bits("priority code point", 0, 0, 3, fmt.Sprint(tag>>13)))
	b.add(b.flag("drop eligible", 0, 3))
	b.add(b.bits("VLAN identifier", 0, 4, 12, fmt.Sprint(tag&0xfff)))
	kind := b.u16(2)
	b.field("type", 2, 2, etherTypeText(kind))
	return d.etherPayload(kind, r.after(header.VLANLen))
}

// rawIP dissects a packet that begins with the IP header.
func (d *dissection) rawIP(r region) {
	if r.len() > 0 && d.packet.Frame[r.start]>>4 == 6 {
		d.ipv6(r)
		return
	}
	d.ipv4(r)
}

// Address families as BSD systems number them in a loopback header. AF_INET6
// differs: NetBSD and OpenBSD 24, FreeBSD 28, macOS 30.
const familyINET = 2

func isFamilyINET6(f uint32) bool { return f == 24 || f == 28 || f == 30 || f == 10 }

// loopbackFamily reads the address family, which is in the byte order of the
// machine that took the capture: the order in which it is a small number.
func loopbackFamily(b []byte) uint32 {
	if f := binary.LittleEndian.Uint32(b); f < 1<<16 {
		return f
	}
	return be.Uint32(b)
}

func (d *dissection) loopback(r region) {
	b, ok := d.layer("Loopback", placeLink, r, 4)
	if !ok {
		return
	}
	family := loopbackFamily(d.bytes(r.first(4)))
	rest := r.after(4)
	switch {
	case family == familyINET:
		b.field("address family", 0, 4, named("IPv4", fmt.Sprint(family)))
		d.ipv4(rest)
	case isFamilyINET6(family):
		b.field("address family", 0, 4, named("IPv6", fmt.Sprint(family)))
		d.ipv6(rest)
	default:
		b.field("address family", 0, 4, fmt.Sprint(family))
		d.data(rest, placeNetwork)
	}
}

var sllPacketTypes = map[uint16]string{
	0: "to this host", 1: "broadcast", 2: "multicast", 3: "to another host", 4: "from this host",
}

// sll dissects the header that Linux captures on "any" have in place of the
// real one (LINKTYPE_LINUX_SLL).
func (d *dissection) sll(r region) {
	b, ok := d.layer("Linux cooked v1", placeLink, r, 16)
	if !ok {
		return
	}
	b.field("packet type", 0, 2, named(sllPacketTypes[b.u16(0)], fmt.Sprint(b.u16(0))))
	b.number("ARPHRD type", 2, 2)
	n := min(8, int(b.u16(4)))
	b.number("address length", 4, 2)
	b.field("source", 6, 8, hexString(b.raw[b.at+6:b.at+6+n], 8))
	b.field("protocol", 14, 2, etherTypeText(b.u16(14)))
	d.etherPayload(b.u16(14), r.after(16))
}

// sll2 dissects the newer form, which names the interface (LINKTYPE_LINUX_SLL2).
func (d *dissection) sll2(r region) {
	b, ok := d.layer("Linux cooked v2", placeLink, r, 20)
	if !ok {
		return
	}
	b.field("protocol", 0, 2, etherTypeText(b.u16(0)))
	b.number("reserved", 2, 2)
	b.number("interface index", 4, 4)
	b.number("ARPHRD type", 8, 2)
	b.field("packet type", 10, 1, named(sllPacketTypes[uint16(b.u8(10))], fmt.Sprint(b.u8(10))))
	n := min(8, int(b.u8(11)))
	b.number("address length", 11, 1)
	b.field("source", 12, 8, hexString(b.raw[b.at+12:b.at+12+n], 8))
	d.etherPayload(b.u16(0), r.after(20))
}
