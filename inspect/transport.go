package inspect

import (
	"fmt"
	"strings"

	"septet/header"
)

// udp dissects a datagram (RFC 768).
func (d *dissection) udp(r region, u upper) {
	b, ok := d.layer("UDP", placeTransport, r, header.UDPLen)
	if !ok {
		return
	}
	src, dst, length := b.u16(0), b.u16(2), int(b.u16(4))
	b.number("source port", 0, 2)
	b.number("destination port", 2, 2)
	b.number("length", 4, 2)
	if length == 0 && u.length > 0xffff {
		length = u.length // RFC 2675: a jumbogram's length is zero
	}
	sum, pseudo := d.udpSum(r, u, length)
	switch {
	case b.u16(6) == 0 && u.src.Is4():
		b.field("checksum", 6, 2, "0x0000 (none)").Check = Absent
	case b.u16(6) == 0:
		// RFC 8200, section 8.1: over IPv6 it is not optional.
		b.field("checksum", 6, 2, "0x0000 (missing: IPv6 requires one)").Check = Bad
	default:
		need := length
		if u.fragment {
			need = u.needed()
		}
		b.transportChecksum("checksum", 6, sum, pseudo, r.len(), need)
	}
	if length < header.UDPLen || length > u.length && !u.fragment {
		b.malformed(fmt.Sprintf("length %d in a payload of %d bytes", length, u.length),
			region{r.start + 4, r.start + 6})
		return
	}
	payload := r.first(length).after(header.UDPLen)
	d.application(src, dst, payload, false)
	// What IP carries beyond the datagram belongs to nobody.
	d.data(region{payload.end, r.end}, placeTransport)
}

func (d *dissection) udpSum(r region, u upper, length int) (sum, pseudo uint16) {
	u.length = length
	return d.segmentSum(header.ProtocolUDP, r.first(length), u)
}

// tcp dissects a segment (RFC 9293, section 3.1).
func (d *dissection) tcp(r region, u upper) {
	b, ok := d.layer("TCP", placeTransport, r, header.TCPLen)
	if !ok {
		return
	}
	n := int(b.u8(12)>>4) * 4
	b.end(max(header.TCPLen, min(n, r.len())))
	b.number("source port", 0, 2)
	b.number("destination port", 2, 2)
	b.number("sequence number", 4, 4)
	b.number("acknowledgment number", 8, 4)
	b.add(b.bits("data offset", 12, 0, 4, fmt.Sprintf("%d (%d bytes)", n/4, n)))
	b.add(b.bits("reserved", 12, 4, 4, fmt.Sprint(b.u8(12)&15)))
	b.controlBits()
	b.number("window", 14, 2)
	sum, pseudo := d.segmentSum(header.ProtocolTCP, r, u)
	b.transportChecksum("checksum", 16, sum, pseudo, r.len(), u.needed())
	b.number("urgent pointer", 18, 2)
	switch {
	case n < header.TCPLen:
		b.malformed("data offset below 20 bytes", region{r.start + 12, r.start + 13})
		return
	case n > r.len():
		b.malformed(fmt.Sprintf("%d bytes are here, the header has %d", r.len(), n), r)
		return
	}
	b.tcpOptions(n)
	d.application(b.u16(0), b.u16(2), r.after(n), true)
}

func (b *builder) controlBits() {
	names := [...]string{"CWR", "ECE", "URG", "ACK", "PSH", "RST", "SYN", "FIN"}
	text := header.TCPFlags(b.u8(13)).String()
	if text == "" {
		text = "none"
	}
	f := b.part("control bits", 13, 1, text)
	for i, name := range names {
		f.Fields = append(f.Fields, b.flag(name, 13, i))
	}
	b.add(f)
}

var tcpOptionNames = map[byte]string{
	header.OptionMSS: "maximum segment size", header.OptionWindowScale: "window scale",
	header.OptionSACKPermitted: "SACK permitted", header.OptionSACK: "SACK",
	header.OptionTimestamps: "timestamps", 19: "MD5 signature", 28: "user timeout",
	29: "authentication", 30: "multipath TCP", 34: "fast open cookie", 254: "experiment",
}

// tcpOptions adds the options between byte 20 and n. What follows an illegal
// length is not read (RFC 9293, MUST-7).
func (b *builder) tcpOptions(n int) {
	if n <= header.TCPLen {
		return
	}
	all := b.part("options", header.TCPLen, n-header.TCPLen, sized(n-header.TCPLen))
	for i := header.TCPLen; i < n; {
		kind := b.u8(i)
		if kind == header.OptionEnd {
			all.Fields = append(all.Fields, b.part("end of option list", i, n-i, sized(n-i)))
			break
		}
		if kind == header.OptionNop {
			all.Fields = append(all.Fields, b.part("no-operation", i, 1, ""))
			i++
			continue
		}
		if i+1 >= n || b.u8(i+1) < 2 || i+int(b.u8(i+1)) > n {
			f := b.part("malformed", i, n-i, fmt.Sprintf("option %d has an illegal length", kind))
			f.Check = Wrong
			all.Fields = append(all.Fields, f)
			break
		}
		size := int(b.u8(i + 1))
		all.Fields = append(all.Fields, b.tcpOption(kind, i, size))
		i += size
	}
	b.add(all)
}

func (b *builder) tcpOption(kind byte, at, size int) Field {
	name := tcpOptionNames[kind]
	if name == "" {
		name = fmt.Sprintf("option %d", kind)
	}
	value := b.raw[b.at+at+2 : b.at+at+size]
	text := hexString(value, 40)
	switch {
	case kind == header.OptionMSS && size == 4:
		text = fmt.Sprint(be.Uint16(value))
	case kind == header.OptionWindowScale && size == 3:
		text = fmt.Sprintf("%d (times %d)", value[0], 1<<min(value[0], header.MaxWindowScale))
	case kind == header.OptionSACKPermitted && size == 2:
		text = ""
	case kind == header.OptionTimestamps && size == 10:
		text = fmt.Sprintf("TSval %d, TSecr %d", be.Uint32(value), be.Uint32(value[4:]))
	case kind == header.OptionSACK && size > 2 && (size-2)%8 == 0:
		var blocks []string
		for i := 0; i < len(value); i += 8 {
			blocks = append(blocks, fmt.Sprintf("%d-%d", be.Uint32(value[i:]), be.Uint32(value[i+4:])))
		}
		text = strings.Join(blocks, " ")
	}
	return b.part(name, at, size, text)
}

// application dissects a payload by its ports, or by what it looks like.
func (d *dissection) application(src, dst uint16, r region, stream bool) {
	if r.len() == 0 {
		return
	}
	port := func(numbers ...uint16) bool {
		for _, n := range numbers {
			if src == n || dst == n {
				return true
			}
		}
		return false
	}
	switch {
	case port(53, 5353, 5355) && d.dns(r, stream):
	case stream && (port(80, 8080) || looksLikeHTTP(d.bytes(r))) && d.http(r):
	default:
		d.data(r, placeApplication)
	}
}
