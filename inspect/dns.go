package inspect

import (
	"fmt"
	"net/netip"
	"strings"
)

// dnsTypes are those of RFC 1035 and the later ones in daily use.
var dnsTypes = map[uint16]string{
	1: "A", 2: "NS", 5: "CNAME", 6: "SOA", 12: "PTR", 13: "HINFO", 15: "MX", 16: "TXT", 28: "AAAA",
	33: "SRV", 41: "OPT", 43: "DS", 46: "RRSIG", 48: "DNSKEY", 64: "SVCB", 65: "HTTPS", 255: "ANY", 257: "CAA",
}

var dnsCodes = [...]string{"no error", "format error", "server failure", "name error", "not implemented", "refused"}

func dnsType(t uint16) string { return named(dnsTypes[t], fmt.Sprint(t)) }

// dnsReader reads a message. Offsets count from its start, because names point
// back into it.
type dnsReader struct {
	*builder
	msg []byte
	at  int
}

// dns dissects a DNS message (RFC 1035, section 4), and says whether it is one
// at least as far as its header goes. Over a stream it has a length in front.
func (d *dissection) dns(r region, stream bool) bool {
	skip := 0
	if stream {
		skip = 2
	}
	if r.len() < skip+12 || stream && int(be.Uint16(d.bytes(r))) != r.len()-2 {
		return false // a segment need not begin where a message does
	}
	b, _ := d.layer("DNS", placeApplication, r, r.len())
	if stream {
		b.number("length", 0, 2)
		b.at += 2
	}
	m := dnsReader{builder: b, msg: d.bytes(r)[skip:], at: 12}
	m.header()
	sections := [...]string{"question", "answer", "authority", "additional"}
	for i, name := range sections {
		for range b.u16(4 + 2*i) {
			f, err := m.record(name, i == 0)
			if err != "" {
				b.malformed(name+": "+err, region{b.at + m.at, r.end})
				return true
			}
			b.add(f)
		}
	}
	b.layerPtr().End = b.at + m.at
	d.data(region{b.at + m.at, r.end}, placeApplication)
	return true
}

func (m *dnsReader) header() {
	m.hexed("identifier", 0, 2)
	rcode := m.u8(3) & 15
	code := ""
	if int(rcode) < len(dnsCodes) {
		code = dnsCodes[rcode]
	}
	kind := "query"
	if m.u8(2)&0x80 != 0 {
		kind = "response, " + code
	}
	f := m.part("flags", 2, 2, kind)
	f.Fields = []Field{
		m.flag("QR", 2, 0), m.bits("opcode", 2, 1, 4, fmt.Sprint(m.u8(2)>>3&15)),
		m.flag("AA", 2, 5), m.flag("TC", 2, 6), m.flag("RD", 2, 7), m.flag("RA", 2, 8),
		m.bits("RCODE", 2, 12, 4, named(code, fmt.Sprint(rcode))),
	}
	m.add(f)
	for i, name := range [...]string{"QDCOUNT", "ANCOUNT", "NSCOUNT", "ARCOUNT"} {
		m.number(name, 4+2*i, 2)
	}
}

// record reads one question or resource record from m.at on.
func (m *dnsReader) record(section string, question bool) (f Field, err string) {
	start := m.at
	name, next := dnsName(m.msg, m.at)
	need := 10
	if question {
		need = 4
	}
	switch {
	case next < 0:
		return f, "a name that does not end"
	case next+need > len(m.msg):
		return f, "the message ends in the middle"
	}
	kind := m.u16(next)
	parts := []Field{m.part("name", start, next-start, name), m.part("type", next, 2, dnsType(kind)),
		m.part("class", next+2, 2, fmt.Sprint(m.u16(next+2)))}
	m.at = next + need
	text := name + " " + dnsType(kind)
	if !question {
		size := int(m.u16(next + 8))
		if m.at+size > len(m.msg) {
			return f, "its data is longer than the message"
		}
		value := m.rdata(kind, m.at, size)
		parts = append(parts, m.part("TTL", next+4, 4, fmt.Sprint(m.u32(next+4))),
			m.part("data length", next+8, 2, fmt.Sprint(size)), m.part("data", m.at, size, value))
		m.at += size
		text += " " + value
	}
	f = m.part(section, start, m.at-start, text)
	f.Fields = parts
	return f, ""
}

// rdata prints the data of the record types that are read by people.
func (m *dnsReader) rdata(kind uint16, at, size int) string {
	b := m.msg[at : at+size]
	name := func(skip int) string {
		s, next := dnsName(m.msg, at+skip)
		if next < 0 || next > at+size {
			return "malformed name"
		}
		return s
	}
	switch {
	case kind == 1 && size == 4:
		return netip.AddrFrom4([4]byte(b)).String()
	case kind == 28 && size == 16:
		return netip.AddrFrom16([16]byte(b)).String()
	case kind == 2 || kind == 5 || kind == 12 || kind == 6:
		return name(0)
	case kind == 15 && size > 2:
		return fmt.Sprintf("%d %s", be.Uint16(b), name(2))
	case kind == 33 && size > 6:
		return fmt.Sprintf("%d %d %d %s", be.Uint16(b), be.Uint16(b[2:]), be.Uint16(b[4:]), name(6))
	case kind == 16 || kind == 13:
		return dnsText(b)
	}
	return hexString(b, 32)
}

// dnsText prints character strings, each with its length in front.
func dnsText(b []byte) string {
	var texts []string
	for len(b) > 0 {
		n := int(b[0])
		if n >= len(b) {
			return hexString(b, 32)
		}
		texts = append(texts, `"`+printable(b[1:1+n])+`"`)
		b = b[1+n:]
	}
	return strings.Join(texts, " ")
}

// dnsName reads the name at offset at and returns where it ends, -1 if it does
// not. A pointer may only go backwards, so that no name can be a loop (RFC
// 1035, section 4.1.4: "a prior occurrence").
func dnsName(msg []byte, at int) (name string, next int) {
	var labels []string
	next = -1
	before, length := at, 0
	for at < len(msg) {
		n := int(msg[at])
		switch {
		case n == 0:
			if next < 0 {
				next = at + 1
			}
			return strings.Join(labels, ".") + ".", next
		case n >= 0xc0:
			if at+1 >= len(msg) {
				return "", -1
			}
			if next < 0 {
				next = at + 2
			}
			to := int(be.Uint16(msg[at:]) & 0x3fff)
			if to >= before {
				return "", -1
			}
			at, before = to, to
		case n > 63 || at+1+n > len(msg):
			return "", -1
		default:
			// RFC 1035, section 3.1: a name has at most 255 octets.
			if length += n + 1; length > 255 {
				return "", -1
			}
			labels = append(labels, printable(msg[at+1:at+1+n]))
			at += 1 + n
		}
	}
	return "", -1
}
