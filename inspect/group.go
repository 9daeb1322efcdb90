package inspect

import (
	"fmt"
	"net/netip"

	"septet/header"
)

var igmpTypes = map[uint8]string{
	header.IGMPQuery: "membership query", header.IGMPv1Report: "membership report v1", header.IGMPv2Report: "membership report v2",
	header.IGMPv2Leave: "leave group", header.IGMPv3Report: "membership report v3",
}

// groupRecords are the types of records of MLD and IGMP.
var groupRecords = map[uint8]string{
	header.GroupIsInclude: "mode is include", header.GroupIsExclude: "mode is exclude",
	header.GroupToInclude: "change to include mode", header.GroupToExclude: "change to exclude mode",
	header.GroupAllowNew: "allow new sources", header.GroupBlockOld: "block old sources",
}

// igmp dissects an IGMP message (RFC 1112, RFC 2236, RFC 3376).
func (d *dissection) igmp(r region, u upper) {
	b, ok := d.layer("IGMP", placeNetwork, r, header.IGMPLen)
	if !ok {
		return
	}
	kind := b.u8(0)
	b.field("type", 0, 1, named(igmpTypes[kind], fmt.Sprintf("0x%02x", kind)))
	if kind == header.IGMPv3Report {
		b.number("reserved", 1, 1)
		b.checksum("checksum", 2, header.Checksum(d.bytes(r), 0), r.len(), u.needed())
		b.hexed("reserved flags", 4, 2)
		d.data(b.records(4, r), placeNetwork)
		return
	}
	response := fmt.Sprint(b.u8(1))
	if q, err := header.ParseIGMPQuery(d.bytes(r)); err == nil && q.Version > 1 {
		response += fmt.Sprintf(" (%v)", q.MaxResponse)
	}
	b.field("max resp code", 1, 1, response)
	b.checksum("checksum", 2, header.Checksum(d.bytes(r), 0), r.len(), u.needed())
	b.field("group address", 4, 4, b.address(4, 4).String())
	rest := r.after(header.IGMPLen)
	if kind == header.IGMPQuery && rest.len() >= 4 {
		rest = b.queryTail(header.IGMPLen, 4, r)
	}
	d.data(rest, placeNetwork)
}

// address reads an address of size bytes.
func (b *builder) address(from, size int) netip.Addr {
	a, _ := netip.AddrFromSlice(b.raw[b.at+from : b.at+from+size])
	return a
}

// mld adds what a message of MLD has after its checksum (RFC 2710, RFC 3810), and returns
// what follows it.
func (b *builder) mld(kind uint8, r region) (rest region) {
	if kind == header.ICMPv6ListenerReport2 {
		b.hexed("reserved", 4, 2)
		return b.records(16, r)
	}
	response := fmt.Sprint(b.u16(4))
	if q, err := header.ParseMLDQuery(b.bytes(r)); err == nil {
		response += fmt.Sprintf(" (%v)", q.MaxResponse)
	}
	b.field("maximum response code", 4, 2, response)
	b.hexed("reserved", 6, 2)
	b.addr16("multicast address", 8)
	b.end(header.MLDv1Len)
	rest = r.after(header.MLDv1Len)
	if kind == header.ICMPv6ListenerQuery && rest.len() >= 4 {
		rest = b.queryTail(header.MLDv1Len, 16, r)
	}
	return rest
}

// queryTail adds what a query of the newest version has from byte n on, with sources of
// size bytes, and returns what follows it.
func (b *builder) queryTail(n, size int, r region) (rest region) {
	b.add(b.bits("reserved flags", n, 0, 4, fmt.Sprint(b.u8(n)>>4)))
	b.add(b.flag("suppress router-side processing", n, 4))
	b.add(b.bits("querier's robustness variable", n, 5, 3, fmt.Sprint(b.u8(n)&7)))
	b.field("querier's query interval code", n+1, 1, fmt.Sprintf("%d (%v)", b.u8(n+1), header.QueryInterval(b.u8(n+1))))
	b.number("number of sources", n+2, 2)
	at := n + 4
	for range b.u16(n + 2) {
		if at+size > r.len() {
			b.end(r.len())
			b.malformed(fmt.Sprintf("%d bytes are here, the sources need %d", r.len()-n-4, size*int(b.u16(n+2))), r.after(n+4))
			return region{r.end, r.end}
		}
		b.field("source address", at, size, b.address(at, size).String())
		at += size
	}
	b.end(at)
	return r.after(at)
}

// records adds the records of a report, the number of which stands in byte 6, with
// addresses of size bytes, and returns what follows them.
func (b *builder) records(size int, r region) (rest region) {
	b.number("number of group records", 6, 2)
	at := header.IGMPLen
	for range b.u16(6) {
		need := 4 + size
		if at+need <= r.len() {
			need += size*int(b.u16(at+2)) + 4*int(b.u8(at+1))
		}
		if at+need > r.len() {
			b.end(r.len())
			b.malformed(fmt.Sprintf("%d bytes are here, the record needs %d", r.len()-at, need), r.after(at))
			return region{r.end, r.end}
		}
		b.record(at, need, size)
		at += need
	}
	b.end(at)
	return r.after(at)
}

// record adds one record of n bytes (RFC 3376, section 4.2.4; RFC 3810, section 5.2.4).
func (b *builder) record(at, n, size int) {
	kind, sources := b.u8(at), int(b.u16(at+2))
	f := b.part("group record", at, n, groupRecords[kind]+" "+b.address(at+4, size).String())
	f.Fields = []Field{
		b.part("record type", at, 1, named(groupRecords[kind], fmt.Sprint(kind))),
		b.part("aux data length", at+1, 1, fmt.Sprint(b.u8(at+1))),
		b.part("number of sources", at+2, 2, fmt.Sprint(sources)),
		b.part("multicast address", at+4, size, b.address(at+4, size).String()),
	}
	for i := range sources {
		from := at + 4 + size*(1+i)
		f.Fields = append(f.Fields, b.part("source address", from, size, b.address(from, size).String()))
	}
	if aux := 4 * int(b.u8(at+1)); aux > 0 {
		from := at + n - aux
		f.Fields = append(f.Fields, b.part("auxiliary data", from, aux, hexString(b.raw[b.at+from:b.at+at+n], 40)))
	}
	b.add(f)
}
