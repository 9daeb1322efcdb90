package inspect

import (
	"fmt"
	"net/netip"

	"septet/header"
)

// nd adds what a message of neighbour discovery has after its checksum (RFC 4861, section
// 4), options and all.
func (b *builder) nd(kind uint8, r region) {
	n := header.ICMPv6Len
	switch kind {
	case header.ICMPv6RouterSolicit:
		b.hexed("reserved", 4, 4)
	case header.ICMPv6RouterAdvert:
		n = header.RouterAdvertisementLen
		b.routerAdvertisement()
	case header.ICMPv6NeighbourSolicit:
		n = header.NeighbourSolicitationLen
		b.hexed("reserved", 4, 4)
		b.addr16("target address", 8)
	case header.ICMPv6NeighbourAdvert:
		n = header.NeighbourAdvertisementLen
		b.add(b.flag("router", 4, 0))
		b.add(b.flag("solicited", 4, 1))
		b.add(b.flag("override", 4, 2))
		b.add(b.bits("reserved", 4, 3, 29, fmt.Sprintf("0x%08x", b.u32(4)&0x1fffffff)))
		b.addr16("target address", 8)
	case header.ICMPv6Redirect:
		n = header.RedirectLen
		b.hexed("reserved", 4, 4)
		b.addr16("target address", 8)
		b.addr16("destination address", 24)
	}
	b.end(r.len())
	b.ndOptions(n, r)
}

func (b *builder) routerAdvertisement() {
	b.number("cur hop limit", 4, 1)
	flags := b.part("flags", 5, 1, fmt.Sprintf("0x%02x", b.u8(5)))
	flags.Fields = []Field{
		b.flag("managed address configuration", 5, 0), b.flag("other configuration", 5, 1), b.flag("home agent", 5, 2),
		b.bits("default router preference", 5, 3, 2, preferenceText(b.u8(5))),
	}
	b.add(flags)
	b.field("router lifetime", 6, 2, fmt.Sprintf("%d s", b.u16(6)))
	b.field("reachable time", 8, 4, fmt.Sprintf("%d ms", b.u32(8)))
	b.field("retrans timer", 12, 4, fmt.Sprintf("%d ms", b.u32(12)))
}

// preferenceText shows the two bits of RFC 4191, section 2.1.
func preferenceText(flags byte) string {
	v := flags >> 3 & 3
	return named([...]string{"medium", "high", "reserved", "low"}[v], fmt.Sprint(v))
}

var ndOptionNames = map[uint8]string{
	header.NDOptionSource: "source link-layer address", header.NDOptionTarget: "target link-layer address",
	header.NDOptionPrefix: "prefix information", header.NDOptionRedirected: "redirected header",
	header.NDOptionMTU: "link MTU", header.NDOptionNonce: "nonce", header.NDOptionRoute: "route information",
	header.NDOptionDNS: "recursive DNS server", header.NDOptionSearch: "DNS search list",
}

// ndOptions adds the options from byte n on. RFC 4861, section 4.6: one of length zero, or
// beyond the end, makes the message invalid.
func (b *builder) ndOptions(n int, r region) {
	if r.len() == n {
		return
	}
	all := b.part("options", n, r.len()-n, sized(r.len()-n))
	for i := n; i < r.len(); {
		if i+1 >= r.len() || b.u8(i+1) == 0 || i+8*int(b.u8(i+1)) > r.len() {
			all.Fields = append(all.Fields, b.wrong(i, r.len()-i, fmt.Sprintf("option %d has an illegal length", b.u8(i))))
			break
		}
		size := 8 * int(b.u8(i+1))
		all.Fields = append(all.Fields, b.ndOption(i, size))
		if quoted := b.u8(i) == header.NDOptionRedirected; quoted && i+size == r.len() && size > 8 {
			// What a redirect is about stands at its end: it is shown as in an error.
			b.add(all)
			b.end(i + 8)
			b.quote(r.after(i + 8))
			return
		}
		i += size
	}
	b.add(all)
}

// ndOption makes the field of an option of size bytes.
func (b *builder) ndOption(at, size int) Field {
	kind := b.u8(at)
	name := ndOptionNames[kind]
	if name == "" {
		name = fmt.Sprintf("option %d", kind)
	}
	value := b.raw[b.at+at+2 : b.at+at+size]
	f := b.part(name, at, size, hexString(value, 40))
	f.Fields = []Field{
		b.part("type", at, 1, fmt.Sprint(kind)),
		b.part("length", at+1, 1, fmt.Sprintf("%d (%d bytes)", size/8, size)),
	}
	add := func(part Field) { f.Fields = append(f.Fields, part) }
	switch {
	case (kind == header.NDOptionSource || kind == header.NDOptionTarget) && size == 8:
		f.Value = macText(value)
		add(b.part("link-layer address", at+2, 6, f.Value))
	case kind == header.NDOptionMTU && size == 8:
		f.Value = fmt.Sprint(b.u32(at + 4))
		add(b.part("MTU value", at+4, 4, f.Value))
	case kind == header.NDOptionPrefix && size == 32:
		b.prefixOption(&f, at)
	case kind == header.NDOptionRoute && size <= 24:
		b.routeOption(&f, at, size)
	case kind == header.NDOptionDNS && size >= 24 && size%16 == 8:
		add(b.part("lifetime", at+4, 4, lifetimeText(b.u32(at+4))))
		for i := 8; i < size; i += 16 {
			add(b.part("address", at+i, 16, b.address16(at+i).String()))
		}
		f.Value = f.Fields[3].Value
	case kind == header.NDOptionSearch && size >= 16:
		b.searchOption(&f, at, size)
	case kind == header.NDOptionRedirected:
		f.Value = sized(size-8) + " of a packet"
	}
	return f
}

func (b *builder) address16(from int) netip.Addr {
	return netip.AddrFrom16([16]byte(b.raw[b.at+from:]))
}

// lifetimeText shows seconds, of which all one bits are without end.
func lifetimeText(seconds uint32) string {
	if seconds == 1<<32-1 {
		return "infinity"
	}
	return fmt.Sprintf("%d s", seconds)
}

// prefixOption adds the parts of a prefix (RFC 4861, section 4.6.2).
func (b *builder) prefixOption(f *Field, at int) {
	f.Value = fmt.Sprintf("%v/%d", b.address16(at+16), b.u8(at+2))
	f.Fields = append(f.Fields,
		b.part("prefix length", at+2, 1, fmt.Sprint(b.u8(at+2))),
		b.flag("on-link", at+3, 0), b.flag("autonomous", at+3, 1),
		b.part("valid lifetime", at+4, 4, lifetimeText(b.u32(at+4))),
		b.part("preferred lifetime", at+8, 4, lifetimeText(b.u32(at+8))),
		b.part("prefix", at+16, 16, b.address16(at+16).String()))
}

// routeOption adds the parts of a route, the prefix of which may be shorter than an
// address (RFC 4191, section 2.3).
func (b *builder) routeOption(f *Field, at, size int) {
	var prefix [16]byte
	copy(prefix[:], b.raw[b.at+at+8:b.at+at+size])
	a := netip.AddrFrom16(prefix)
	f.Value = fmt.Sprintf("%v/%d", a, b.u8(at+2))
	f.Fields = append(f.Fields,
		b.part("prefix length", at+2, 1, fmt.Sprint(b.u8(at+2))),
		b.bits("route preference", at+3, 3, 2, preferenceText(b.u8(at+3))),
		b.part("route lifetime", at+4, 4, lifetimeText(b.u32(at+4))))
	if size > 8 {
		f.Fields = append(f.Fields, b.part("prefix", at+8, size-8, a.String()))
	}
}

// searchOption adds the domains of a search list, up to the zeros that fill it up (RFC 8106,
// section 5.2).
func (b *builder) searchOption(f *Field, at, size int) {
	f.Fields = append(f.Fields, b.part("lifetime", at+4, 4, lifetimeText(b.u32(at+4))))
	for i := 8; i < size; {
		name, n := header.ReadDomain(b.raw[b.at+at+i : b.at+at+size])
		switch {
		case n == 0:
			f.Fields = append(f.Fields, b.wrong(at+i, size-i, "a domain that does not end"))
			return
		case name == "":
			f.Fields = append(f.Fields, b.part("padding", at+i, size-i, sized(size-i)))
			return
		}
		f.Fields = append(f.Fields, b.part("domain", at+i, n, printable([]byte(name))))
		if i == 8 {
			f.Value = printable([]byte(name))
		}
		i += n
	}
}
