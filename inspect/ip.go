package inspect

import (
	"fmt"
	"net/netip"
	"strings"

	"septet/header"
)

var protocolNames = map[header.Protocol]string{
	0: "hop-by-hop options", 1: "ICMP", 2: "IGMP", 4: "IPv4", 6: "TCP", 17: "UDP", 41: "IPv6",
	43: "routing", 44: "fragment", 47: "GRE", 50: "ESP", 51: "AH", 58: "ICMPv6", 59: "no next header",
	60: "destination options", 89: "OSPF", 132: "SCTP",
}

const (
	protocolIPv4   header.Protocol = 4
	protocolIPv6   header.Protocol = 41
	protocolICMPv6 header.Protocol = 58
)

func protocolText8(p byte) string {
	return named(protocolNames[header.Protocol(p)], fmt.Sprint(p))
}

// upper is what the layers above need to know of the IP packet they are in.
type upper struct {
	src, dst netip.Addr
	length   int  // of the payload by the IP header, which may be more than is here
	fragment bool // a part only: nothing can be verified
}

// ipv4 dissects an IPv4 packet (RFC 791) and returns where it ends.
func (d *dissection) ipv4(r region) (end int) {
	b, ok := d.layer("IPv4", placeNetwork, r, header.IPv4Len)
	if !ok {
		return r.end
	}
	n, total := int(b.u8(0)&15)*4, int(b.u16(2))
	if total == 0 {
		// A sender's network card cuts this packet and fills the length in.
		total = r.len()
	}
	b.end(max(header.IPv4Len, min(n, r.len())))
	b.add(b.bits("version", 0, 0, 4, fmt.Sprint(b.u8(0)>>4)))
	b.add(b.bits("IHL", 0, 4, 4, fmt.Sprintf("%d (%d bytes)", n/4, n)))
	b.add(b.tos("type of service", 1, 0))
	b.number("total length", 2, 2)
	b.hexed("identification", 4, 2)
	flags := b.bits("flags", 6, 0, 3, ipFlagsText(b.u8(6)))
	flags.Fields = []Field{b.flag("reserved", 6, 0), b.flag("don't fragment", 6, 1), b.flag("more fragments", 6, 2)}
	b.add(flags)
	offset := int(b.u16(6)&0x1fff) * 8
	b.add(b.bits("fragment offset", 6, 3, 13, fmt.Sprint(offset)))
	b.number("time to live", 8, 1)
	b.field("protocol", 9, 1, protocolText8(b.u8(9)))
	switch {
	case b.u8(0)>>4 != 4:
		b.malformed(fmt.Sprintf("version %d where 4 should be", b.u8(0)>>4), r.first(1))
		return r.end
	case n < header.IPv4Len:
		b.malformed("header length below 20 bytes", r.first(1))
		return r.end
	case n > r.len():
		b.malformed(fmt.Sprintf("%d bytes are here, the header has %d", r.len(), n), r)
		return r.end
	}
	b.checksum("header checksum", 10, header.Checksum(d.bytes(r.first(n)), 0), n, n)
	src, dst := netip.AddrFrom4([4]byte(b.raw[b.at+12:])), netip.AddrFrom4([4]byte(b.raw[b.at+16:]))
	b.field("source address", 12, 4, src.String())
	b.field("destination address", 16, 4, dst.String())
	b.ipOptions(n)
	if total < n {
		b.malformed("total length below the header's", region{r.start + 2, r.start + 4})
		return r.end
	}
	b.cut(total, r.len())
	routed := header.IPv4{Dst: dst, Options: b.raw[b.at+header.IPv4Len : b.at+n]}
	u := upper{src: src, dst: routed.FinalDst(), length: total - n, fragment: offset > 0 || b.u8(6)&0x20 != 0}
	payload := region{r.start + n, min(r.end, r.start+total)}
	if offset > 0 {
		d.data(payload, placeNetwork)
	} else {
		d.transport(header.Protocol(b.u8(9)), payload, u)
	}
	return payload.end
}

// cut says so when the capture does not have the whole packet.
func (b *builder) cut(total, here int) {
	if here < total {
		b.add(Field{Name: "cut", Value: fmt.Sprintf("%d of %d bytes are here", here, total),
			Start: b.at, End: b.at + here, Check: Unverifiable})
	}
}

func ipFlagsText(b byte) string {
	var set []string
	if b&0x80 != 0 {
		set = append(set, "reserved")
	}
	if b&0x40 != 0 {
		set = append(set, "DF")
	}
	if b&0x20 != 0 {
		set = append(set, "MF")
	}
	if set == nil {
		return "none"
	}
	return strings.Join(set, ", ")
}

// tos makes the field that RFC 2474 and RFC 3168 divide into the
// differentiated services code point and explicit congestion notification.
func (b *builder) tos(name string, from, bit int) Field {
	v := byte(b.u16(from) >> (8 - bit))
	f := b.bits(name, from, bit, 8, fmt.Sprintf("0x%02x", v))
	if bit == 0 {
		f.Bits = 0
	}
	ecn := [...]string{"not ECN-capable", "ECT(1)", "ECT(0)", "congestion experienced"}[v&3]
	f.Fields = []Field{
		b.bits("DSCP", from, bit, 6, fmt.Sprint(v>>2)),
		b.bits("ECN", from, bit+6, 2, named(ecn, fmt.Sprint(v&3))),
	}
	return f
}

var ipOptionNames = map[byte]string{
	0: "end of options", 1: "no operation", 7: "record route", 68: "timestamp", 130: "security",
	131: "loose source route", 137: "strict source route", 148: "router alert",
}

// ipOptions adds the options between byte 20 and n.
func (b *builder) ipOptions(n int) {
	if n <= header.IPv4Len {
		return
	}
	all := b.part("options", header.IPv4Len, n-header.IPv4Len, sized(n-header.IPv4Len))
	for i := header.IPv4Len; i < n; {
		kind := b.u8(i)
		name := ipOptionNames[kind]
		if name == "" {
			name = fmt.Sprintf("option %d", kind)
		}
		if kind <= 1 {
			all.Fields = append(all.Fields, b.part(name, i, 1, ""))
			if kind == 0 {
				break
			}
			i++
			continue
		}
		if i+1 >= n || b.u8(i+1) < 2 || i+int(b.u8(i+1)) > n {
			f := b.part("malformed", i, n-i, name+" has an illegal length")
			f.Check = Wrong
			all.Fields = append(all.Fields, f)
			break
		}
		size := int(b.u8(i + 1))
		value := hexString(b.raw[b.at+i+2:b.at+i+size], 40)
		if r, err := header.ParseSourceRoute(b.raw[b.at+i : b.at+i+size]); err == nil {
			value = sourceRouteText(&r)
		}
		all.Fields = append(all.Fields, b.part(name, i, size, value))
		i += size
	}
	b.add(all)
}

// sourceRouteText shows a source route as RFC 1122, section 3.2.1.8, does: >> stands
// where the pointer is.
func sourceRouteText(r *header.SourceRoute) string {
	var b strings.Builder
	for i, a := range r.Addrs {
		if i > 0 {
			b.WriteString(", ")
		}
		if i == r.Next {
			b.WriteString(">>")
		}
		b.WriteString(a.String())
	}
	if r.Completed() {
		b.WriteString(">>")
	}
	return b.String()
}

// transport dissects what IP carries.
func (d *dissection) transport(p header.Protocol, r region, u upper) {
	switch p {
	case header.ProtocolTCP:
		d.tcp(r, u)
	case header.ProtocolUDP:
		d.udp(r, u)
	case header.ProtocolICMP:
		d.icmp(r, u)
	case header.ProtocolIGMP:
		d.igmp(r, u)
	case protocolICMPv6:
		d.icmpv6(r, u)
	case protocolIPv4, protocolIPv6:
		if d.depth >= maxDepth {
			d.data(r, placeNetwork)
			return
		}
		d.depth++
		d.rawIP(r)
	default:
		d.data(r, placeTransport)
	}
}
