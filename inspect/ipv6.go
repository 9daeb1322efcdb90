package inspect

import (
	"fmt"
	"net/netip"
	"strings"

	"septet/header"
)

const ipv6Len = 40

// ipv6 dissects an IPv6 packet (RFC 8200) and returns where it ends.
func (d *dissection) ipv6(r region) (end int) {
	b, ok := d.layer("IPv6", placeNetwork, r, ipv6Len)
	if !ok {
		return r.end
	}
	b.add(b.bits("version", 0, 0, 4, fmt.Sprint(b.u8(0)>>4)))
	b.add(b.tos("traffic class", 0, 4))
	b.add(b.bits("flow label", 1, 4, 20, fmt.Sprintf("0x%05x", b.u32(0)&0xfffff)))
	length := int(b.u16(4))
	b.number("payload length", 4, 2)
	b.field("next header", 6, 1, protocolText8(b.u8(6)))
	b.number("hop limit", 7, 1)
	src, dst := b.addr16("source address", 8), b.addr16("destination address", 24)
	if b.u8(0)>>4 != 6 {
		b.malformed(fmt.Sprintf("version %d where 6 should be", b.u8(0)>>4), r.first(1))
		return r.end
	}
	if length == 0 && b.u8(6) != 0 && b.u8(6) != 59 {
		length = r.len() - ipv6Len // left to the network card, as in IPv4
	}
	b.cut(ipv6Len+length, r.len())
	u := upper{src: src, dst: dst, length: length}
	payload := r.after(ipv6Len).first(length)
	d.extensions(header.Protocol(b.u8(6)), payload, u)
	return payload.end
}

// addr16 adds an IPv6 address and returns it.
func (b *builder) addr16(name string, from int) netip.Addr {
	a := netip.AddrFrom16([16]byte(b.raw[b.at+from:]))
	b.field(name, from, 16, a.String())
	return a
}

var extensionNames = map[header.Protocol]string{
	0: "Hop-by-Hop Options", 43: "Routing", 44: "Fragment", 60: "Destination Options",
}

// maxExtensions bounds the chain of extension headers that is followed. No packet needs
// more than a few; RFC 8504, section 5.3, lets hosts set such limits.
const maxExtensions = 16

// extensions takes off the extension headers (RFC 8200, section 4) and goes on
// with what follows them.
func (d *dissection) extensions(next header.Protocol, r region, u upper) {
	for count := 0; next.IsExtension(); count++ {
		if count == maxExtensions {
			d.data(r, placeNetwork)
			return
		}
		b, ok := d.layer("IPv6 "+extensionNames[next], placeNetwork, r, 8)
		if !ok {
			return
		}
		b.field("next header", 0, 1, protocolText8(b.u8(0)))
		n := 8
		if next == header.ProtocolIPv6Fragment {
			offset := b.fragment()
			if u.fragment = u.fragment || offset > 0 || b.u16(2)&1 != 0; offset > 0 {
				d.data(r.after(n), placeNetwork)
				return
			}
		} else {
			n = 8 + 8*int(b.u8(1))
			b.end(min(n, r.len()))
			b.field("header extension length", 1, 1, fmt.Sprintf("%d (%d bytes)", b.u8(1), n))
			if n > r.len() {
				b.malformed(fmt.Sprintf("%d bytes are here, the header has %d", r.len(), n), r)
				return
			}
			if next == header.ProtocolIPv6Route {
				b.routing(n)
				if dst := header.FinalDst6(d.bytes(r.first(n)), u.dst); dst.IsValid() {
					u.dst = dst
				} else {
					u.fragment = true // what the checksum covers is not known
				}
			} else {
				b.ipv6Options(n)
			}
		}
		next = header.Protocol(b.u8(0))
		r, u.length = r.after(n), max(0, u.length-n)
	}
	d.transport(next, r, u)
}

// fragment adds the fields of the fragment header (RFC 8200, section 4.5).
func (b *builder) fragment() (offset int) {
	offset = int(b.u16(2) >> 3 * 8)
	b.number("reserved", 1, 1)
	b.add(b.bits("fragment offset", 2, 0, 13, fmt.Sprint(offset)))
	b.add(b.bits("reserved bits", 2, 13, 2, fmt.Sprint(b.u8(3)>>1&3)))
	b.add(b.flag("more fragments", 2, 15))
	b.hexed("identification", 4, 4)
	return offset
}

// Names of IANA's registry of options, and of routing types.
var (
	ipv6OptionNames = map[byte]string{
		0x00: "Pad1", 0x01: "PadN", 0x04: "tunnel encapsulation limit", 0x05: "router alert", 0x07: "CALIPSO",
		0x0f: "performance and diagnostic metrics", 0x11: "IOAM", 0x31: "IOAM", 0x23: "RPL", 0x63: "RPL",
		0x26: "quick-start", 0x30: "minimum path MTU", 0x8b: "ILNP nonce", 0xc2: "jumbo payload", 0xc9: "home address",
	}
	routingTypes = map[byte]string{
		0: "source route, deprecated", 2: "type 2 of mobile IPv6", 3: "RPL source route", 4: "segment routing",
	}
	routerAlerts = map[uint16]string{0: "MLD", 1: "RSVP", 2: "active networks"} // RFC 2711
	// optionActions is what whoever does not know an option has to do (RFC 8200, section
	// 4.2), by the highest two bits of its type.
	optionActions = [...]string{
		"skip over it", "discard the packet", "discard the packet, send parameter problem",
		"discard the packet, send parameter problem if not multicast",
	}
)

// ipv6Options adds the options of a header of n bytes (RFC 8200, section 4.2).
func (b *builder) ipv6Options(n int) {
	all := b.part("options", 2, n-2, sized(n-2))
	for i := 2; i < n; {
		if b.u8(i) == 0 {
			all.Fields = append(all.Fields, b.part("Pad1", i, 1, ""))
			i++
			continue
		}
		if i+1 >= n || i+2+int(b.u8(i+1)) > n {
			all.Fields = append(all.Fields, b.wrong(i, n-i, fmt.Sprintf("option 0x%02x has an illegal length", b.u8(i))))
			break
		}
		size := 2 + int(b.u8(i+1))
		all.Fields = append(all.Fields, b.ipv6Option(i, size))
		i += size
	}
	b.add(all)
}

// wrong makes a field that says what is malformed.
func (b *builder) wrong(from, n int, why string) Field {
	f := b.part("malformed", from, n, why)
	f.Check = Wrong
	return f
}

func (b *builder) ipv6Option(at, size int) Field {
	kind, value := b.u8(at), b.raw[b.at+at+2:b.at+at+size]
	name := ipv6OptionNames[kind]
	if name == "" {
		name = fmt.Sprintf("option 0x%02x", kind)
	}
	text := hexString(value, 40)
	switch {
	case kind == 0x01:
		text = sized(size)
	case kind == 0x05 && len(value) == 2:
		text = named(routerAlerts[be.Uint16(value)], fmt.Sprint(be.Uint16(value)))
	case kind == 0xc2 && len(value) == 4:
		text = fmt.Sprint(be.Uint32(value))
	case kind == 0x04 && len(value) == 1:
		text = fmt.Sprint(value[0])
	case kind == 0xc9 && len(value) == 16:
		text = netip.AddrFrom16([16]byte(value)).String()
	}
	f := b.part(name, at, size, text)
	option := b.part("option type", at, 1, fmt.Sprintf("0x%02x", kind))
	option.Fields = []Field{
		b.bits("if unrecognized", at, 0, 2, named(optionActions[kind>>6], fmt.Sprint(kind>>6))),
		b.flag("may change en route", at, 2),
	}
	f.Fields = []Field{option, b.part("option length", at+1, 1, fmt.Sprint(len(value)))}
	if len(value) > 0 {
		f.Fields = append(f.Fields, b.part("option data", at+2, len(value), hexString(value, 40)))
	}
	return f
}

// routing adds the fields of a routing header of n bytes (RFC 8200, section 4.4; RFC
// 5095, RFC 6275 and RFC 8754 for the types).
func (b *builder) routing(n int) {
	kind := b.u8(2)
	b.field("routing type", 2, 1, named(routingTypes[kind], fmt.Sprint(kind)))
	b.number("segments left", 3, 1)
	name := "address"
	switch {
	case (kind == 0 || kind == 2) && n%16 == 8:
		b.hexed("reserved", 4, 4)
	case kind == 4:
		b.number("last entry", 4, 1)
		b.hexed("flags", 5, 1)
		b.hexed("tag", 6, 2)
		name = "segment"
	default:
		b.field("type-specific data", 4, n-4, hexString(b.raw[b.at+4:b.at+n], 40))
		return
	}
	end := n
	if kind == 4 {
		end = min(n, 8+16*(1+int(b.u8(4))))
	}
	at := 8
	for ; at+16 <= end; at += 16 {
		b.addr16(name, at)
	}
	if at < n {
		b.field("type-length-values", at, n-at, hexString(b.raw[b.at+at:b.at+n], 40))
	}
}

// addressList puts addresses into one text.
func addressList(all []netip.Addr) string {
	var b strings.Builder
	for i, a := range all {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(a.String())
	}
	return b.String()
}
